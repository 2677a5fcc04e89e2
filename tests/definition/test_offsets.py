"""A place inside an expression is found in the file, whatever quotes and lines it is in."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from funnelflow.criteria import Position
from funnelflow.definition.problems import Place, Problems
from funnelflow.definition.yaml.compose import compose
from funnelflow.definition.yaml.nodes import SourcePath, Span, line_and_column


def scalar(text):
    """Read the value of the key `a` in a text."""
    problems = Problems()
    node = compose(text, "f.yaml", problems)
    assert problems.found == []
    return node.values["a"]


def found_at(text, part):
    """Return line and column where a part of the scalar's text is said to stand."""
    node = scalar(text)
    return line_and_column(node, node.text.index(part))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: contact.x > 5", (1, 12)),
        ("a: 'contact.x > 5'", (1, 13)),
        ('a: "contact.x > 5"', (1, 13)),
        ("a: 'it''s ''q'' contact.x'", (1, 25)),
        (r'a: "\"q\" \\ \x41 \u00e9 \U0001F600 contact.x"', (1, 45)),
        ("a: one\n   two contact.x", (2, 16)),
        ("a: one\n\n\n     contact.x", (4, 14)),
        ("a: 'one  \n\n   two contact.x'", (3, 16)),
        ('a: "one\n   two contact.x"', (2, 16)),
        ('a: "one \\\n   two contact.x"', (2, 16)),
        ("a: |\n  one\n  contact.x", (3, 11)),
        ("a: |-\n\n    one\n      contact.x\n", (4, 15)),
        ("a: |2\n    contact.x\n", (2, 13)),
        ("a: >-\n  one\n  two contact.x\n", (3, 15)),
        ("a: >\n\n  one\n\n\n  contact.x\n", (6, 11)),
        ("a: >\n  one\n    more\n  contact.x\n", (4, 11)),
        ('é: 1\na:   "👩 contact.x"', (2, 17)),
    ],
)
def test_the_last_letter_is_found_where_it_stands(text, place):
    node = scalar(text)
    line, column = line_and_column(node, node.text.rindex("x"))
    assert (line, column) == place
    assert text.split("\n")[line - 1][column - 1] == "x"


def test_the_end_is_the_place_after_the_last_letter():
    for text in ("a: abc", "a: 'abc'", 'a: "ab\\x63"', "a: |-\n  abc"):
        node = scalar(text)
        line, column = line_and_column(node, len(node.text))
        before = line_and_column(node, len(node.text) - 1)
        assert (line, column) == (before[0], before[1] + 1)


words = st.text(alphabet="abé☃'\"\\: #", min_size=1, max_size=8).filter(lambda w: w.strip() == w)
lines = st.lists(st.lists(words, min_size=1, max_size=3).map(" ".join), min_size=1, max_size=4)


def check_places(node, text):
    """Check that every letter of a scalar is found where the file has it."""
    spots = [line_and_column(node, offset) for offset in range(len(node.text))]
    for character, (line, column) in zip(node.text, spots, strict=True):
        if character not in " \n\"'\\":
            assert text.split("\n")[line - 1][column - 1] == character
    assert spots == sorted(spots)


@given(lines, st.integers(1, 3), st.sampled_from(["|", "|-", "|+", ">", ">-", ">+"]), st.data())
def test_every_letter_of_a_block_is_found(written, indent, header, data):
    breaks = [data.draw(st.integers(1, 3)) for _ in written]
    deeper = [data.draw(st.sampled_from(["", "", "  "])) for _ in written[1:]]
    body = "".join(
        " " * indent + more + line + "\n" * count
        for line, more, count in zip(written, ["", *deeper], breaks, strict=True)
    )
    text = f"a: {header}\n{body}b: 1\n"
    check_places(scalar(text), text)


@given(lines, st.data())
def test_every_letter_in_single_quotes_is_found(written, data):
    breaks = [data.draw(st.integers(1, 3)) for _ in written[1:]]
    quoted = [line.replace("'", "''") for line in written]
    folded = quoted[0] + "".join(
        "\n" * n + "  " + q for n, q in zip(breaks, quoted[1:], strict=True)
    )
    text = f"a: '{folded}'\n"
    node = scalar(text)
    assume(node.raw)
    check_places(node, text)


escapes = st.sampled_from(
    [r"\"", r"\\", r"\t", r"\x62", r"\u00e9", r"\U0001F600", "\\\n  ", "\n  "]
)


@given(st.lists(st.sampled_from(["a", "☃", "b c"]) | escapes, min_size=1, max_size=8))
def test_every_letter_in_double_quotes_is_found(pieces):
    text = 'a: "' + "".join(pieces) + '"\n'
    node = scalar(text)
    assume(node.raw)
    spots = [line_and_column(node, offset) for offset in range(len(node.text))]
    for character, (line, column) in zip(node.text, spots, strict=True):
        if character in "ac☃":
            assert text.split("\n")[line - 1][column - 1] == character


@given(
    st.lists(st.sampled_from(["a", "ab☃", "c: ".strip(": ")]), min_size=2, max_size=6), st.data()
)
def test_every_letter_of_a_plain_text_of_several_lines_is_found(pieces, data):
    breaks = [data.draw(st.integers(1, 3)) for _ in pieces[1:]]
    body = "".join("\n" * n + "   " + piece for n, piece in zip(breaks, pieces[1:], strict=True))
    text = f"a: {pieces[0]}{body}\n"
    check_places(scalar(text), text)


def test_a_span_over_two_lines_ends_with_the_first():
    node = scalar("a: >-\n  contact.x >\n  contact.y\n")
    place = SourcePath("f.yaml", node.line, node.column, node=node)
    span = place.text_span(0, len(node.text))
    assert span.position == Position("f.yaml", 2, 3)
    assert span.end_column is None


def test_a_bare_position_stands_for_all_of_what_was_written_there():
    place = Place(Problems(), Position("f.yaml", 3, 10)).part("sets", "budget")
    assert place.span() == place.text_span("contact.x > 5", 4, 7) == Span(place.position)
