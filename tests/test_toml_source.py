"""Where things stand in a TOML file."""

import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelflow.toml_source import (
    TomlSource,
    line_span,
    load_toml,
    text_offsets,
    toml_places,
)

FILE = '''\
top = 1  # with a remark
"a.b".c = 'x'   # [not a header]
list = [
  "one",  # a remark, with "quotes"
  {deep = [1, 2], more.so = """
three"""},
]

[workspace]
funnel = "standard"

[[notify]]
channel = "log"
fields = ["email", "budget"]
[notify.settings]
url = "https://example.com/#/x"
when = 1979-05-27 07:32:00Z
[ notify . settings . headers ]
x = {}

[[notify]] # the second
settings.token = "t"
settings = {}
'''


def at(path, text=FILE):
    """Give the text of a key and of its value."""
    place = toml_places(text)[path]
    return text[place.start : place.end], place.value and text[slice(*place.value)]


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        (("top",), "top", "1"),
        (("a.b", "c"), '"a.b".c', "'x'"),
        (("list", 0), '"one"', '"one"'),
        (("list", 1, "deep", 1), "2", "2"),
        (("list", 1, "more", "so"), "more.so", '"""\nthree"""'),
        (("workspace",), "[workspace]", None),
        (("notify", 0), "[[notify]]", None),
        (("notify", 0, "fields", 1), '"budget"', '"budget"'),
        (("notify", 0, "settings"), "[notify.settings]", None),
        (("notify", 0, "settings", "url"), "url", '"https://example.com/#/x"'),
        (("notify", 0, "settings", "when"), "when", "1979-05-27 07:32:00Z"),
        (("notify", 0, "settings", "headers", "x"), "x", "{}"),
        (("notify", 1), "[[notify]]", None),
        (("notify", 1, "settings", "token"), "settings.token", '"t"'),
    ],
)
def test_a_key_and_its_value_are_found_by_the_keys_to_them(path, key, value):
    assert at(path) == (key, value)


scalars = (
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]))
    | st.integers(-(2**63), 2**63 - 1)
    | st.booleans()
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


def written(value):
    """Write a value as TOML."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            return f'"{escaped}"' if "'" in value else f"'{value}'"
        case list():
            return "[" + " ,\n # a remark ]\n".join(map(written, value)) + " ]"
        case dict():
            pairs = ", ".join(f"{written_key(name)} = {written(v)}" for name, v in value.items())
            return f"{{ {pairs} }}"
    return str(value)


def written_key(name):
    """Write a key with nothing but escapes in it."""
    return '"' + "".join(f"\\U{ord(c):08x}" for c in name) + '"'


@given(st.dictionaries(st.text(max_size=3), values, max_size=4))
def test_every_value_that_is_read_is_found_where_it_is_written(content):
    text = "".join(
        f"{written_key(name)} = {written(value)} # x\n" for name, value in content.items()
    )
    assert tomllib.loads(text) == content
    found = {
        p: tomllib.loads(f"x = {text[slice(*place.value)]}")["x"]
        for p, place in toml_places(text).items()
    }
    assert found == dict(everything(content))


def everything(value, path=()):
    """Yield everything that is in a value, with the keys that lead to it."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for name, item in inner:
        yield (*path, name), item
        if isinstance(item, dict | list):
            yield from everything(item, (*path, name))


@pytest.mark.parametrize(
    ("string", "expected"),
    [
        ('"ab"', [1, 2, 3]),
        ("'a\\'", [1, 2, 3]),
        ('"\\u00e9x\\n"', [1, 7, 8, 10]),
        ('"\\U0001F600x"', [1, 11, 12]),
        ("'''\nab'''", [4, 5, 6]),
        ('"""a\\  \n\n  b"""', [3, 11, 12]),
        ('"""a\\\n  \\tb"""', [3, 8, 10, 11]),
        ('"""a""""', [3, 4, 5]),
        ('""', [1]),
    ],
)
def test_each_character_of_a_string_is_found_in_the_file(string, expected):
    assert text_offsets(string, (0, len(string))) == expected
    assert len(expected) == len(tomllib.loads(f"x = {string}")["x"]) + 1


def test_a_part_of_a_text_has_a_line_and_columns():
    assert line_span("a\nbcd\n", 3, 5) == (2, 2, 4)
    assert line_span("a\nbcd\ne", 3, 7) == (2, 2, None)


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (("workspace", "funnel"), 10),
        (("workspace", "nothing"), 9),
        (("notify", 0, "fields", 1), 14),
        (("notify", 1, "settings"), 23),
        (("a.b",), 2),
        (("plugins", "webhook"), None),
    ],
)
def test_a_source_says_where_a_key_stands_or_what_it_is_in(keys, line):
    *table, last = keys
    source = TomlSource(Path("x.toml"), FILE)
    assert source.table(*table).line(last) == line
    assert str(source.table(*table).where(last)) == (f"x.toml:{line}" if line else "x.toml")


def test_a_file_is_read_once_until_it_changes(tmp_path):
    path = tmp_path / "x.toml"
    path.write_text("a = 1")
    time.sleep(0.2)
    first = load_toml(path)
    assert load_toml(path)[0] is first[0]
    path.write_text("a = 2")
    assert load_toml(path)[0] == {"a": 2}


def test_a_file_that_was_just_written_is_read_again(tmp_path):
    path = tmp_path / "x.toml"
    for number in range(1, 30):
        path.write_text(f"a = {number:02}".replace(" 0", " "))
        assert load_toml(path)[0] == {"a": number}
