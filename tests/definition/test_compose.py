"""YAML is read strictly: what lets a file say another thing than it seems to is refused."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from funnelflow.definition.problems import Problems
from funnelflow.definition.yaml.compose import DEEPEST, compose
from funnelflow.definition.yaml.nodes import MappingNode, ScalarNode, SequenceNode

LOADERS = [yaml.SafeLoader] + ([yaml.CSafeLoader] if yaml.__with_libyaml__ else [])
every_loader = pytest.mark.parametrize("loader", LOADERS)


def problems_of(text, loader=LOADERS[-1]):
    problems = Problems()
    compose(text, "f.yaml", problems, loader)
    return [(p.position.line, p.position.column, p.code) for p in problems.all()]


def plain(node):
    """Return a node as plain data, scalars as their text."""
    if isinstance(node, ScalarNode):
        return node.text
    if isinstance(node, SequenceNode):
        return [plain(item) for item in node.items]
    assert isinstance(node, MappingNode)
    return {key: plain(value) for key, value in node.items()}


@every_loader
def test_lists_mappings_and_text_become_nodes(loader):
    problems = Problems()
    node = compose("a: [b, {c: d}]\ne:\n  - 'f'\n", "f.yaml", problems, loader)
    assert plain(node) == {"a": ["b", {"c": "d"}], "e": ["f"]}
    assert problems.found == []


@every_loader
def test_nodes_know_where_they_stand(loader):
    node = compose("é𝒳: [☃, bc]\n", "f.yaml", Problems(), loader)
    key, listed = node.keys["é𝒳"], node.values["é𝒳"]
    assert (key.line, key.column, key.end_column) == (1, 1, 3)
    assert (listed.column, listed.end_column) == (5, 12)
    assert [(n.column, n.end_column) for n in listed.items] == [(6, 7), (9, 11)]


@every_loader
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &x 1\nb: 2", [(1, 4, "F006")]),
        ("a: &x [1]\nb: *x", [(1, 4, "F006"), (2, 4, "F006")]),
        ("a: !!str 1", [(1, 4, "F006")]),
        ("a: !!python/object:os.system x", [(1, 4, "F006")]),
        ("a: !Ref x", [(1, 4, "F006")]),
        ("a: !!set {x}", [(1, 4, "F006")]),
        ("b: {c: 1}\n<<: {d: 2}", [(2, 1, "F006")]),
        ("%YAML 1.1\n---\na: 1", [(1, 1, "F006")]),
        ("a: 1\n---\nb: 2", [(2, 1, "F006")]),
        ("a: 1\nb: 2\na: 3", [(3, 1, "F007")]),
        ("x:\n  - {a: 1, a: 2}", [(2, 12, "F007")]),
        ("[a]: 1\nb: 2", [(1, 1, "F103")]),
    ],
)
def test_what_lets_a_file_say_another_thing_is_refused(text, expected, loader):
    assert problems_of(text, loader) == expected


def test_an_alias_is_marked_whole():
    problems = Problems()
    compose("a: [1, *x1]", "f.yaml", problems)
    (problem,) = problems.found
    assert (problem.position.column, problem.end_column) == (8, 11)


def test_a_quoted_merge_key_is_an_ordinary_key():
    assert problems_of('"<<": 1') == []


def test_the_first_of_two_equal_keys_counts():
    assert plain(compose("a: 1\na: 2", "f", Problems())) == {"a": "1"}


def test_duplicate_keys_are_found_wherever_they_are():
    text = "a: 1\na: 2\nb: {c: 1, c: 2}\n"
    assert [code for _, _, code in problems_of(text)] == ["F007", "F007"]


@every_loader
def test_depth_is_counted(loader):
    deep = "[" * DEEPEST + "]" * DEEPEST
    assert problems_of(deep, loader) == []
    assert problems_of(f"[{deep}]", loader) == [(1, DEEPEST + 1, "F003")]


@every_loader
@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_a_hundred_thousand_levels_end_in_one_problem(opening, loader):
    text = opening * 3_000 if loader is yaml.SafeLoader else opening * 100_000
    assert [code for _, _, code in problems_of(text, loader)] in (["F003"], ["F004"], ["F005"])


def test_the_number_of_values_is_counted(monkeypatch):
    monkeypatch.setattr("funnelflow.definition.yaml.compose.MOST_NODES", 5)
    assert problems_of("[1, 2, 3, 4]") == []
    assert problems_of("[1, 2, 3, 4, 5]") == [(1, 14, "F003")]


@every_loader
@pytest.mark.parametrize("escape", [r"\0", r"\x07", r"\u202e", r"\u200b", r"\x85"])
def test_an_escape_may_not_bring_in_what_cannot_be_seen(escape, loader):
    assert problems_of(f'a: "x{escape}y"', loader) == [(1, 4, "F002")]


def test_escapes_of_what_can_be_seen_are_read():
    assert plain(compose(r'a: "x\té\"\\"', "f", Problems())) == {"a": 'x\té"\\'}


@pytest.mark.parametrize(
    ("text", "line", "column", "variant"),
    [
        ("a:\n\tb: 1", 2, 1, "tab"),
        ("a:\n  - b\n \t- c", 3, 2, "tab"),
        ("a: 'open\nb: 1", 1, 4, "quote"),
        ('a: "open\nb: 1', 1, 4, "quote"),
        ("a: [1, 2\nb: 3", 1, 4, "bracket"),
        ("a: {b: 1\n", 1, 4, "bracket"),
        ("a:\n  b: 1\n c: 2", 3, 2, "structure"),
        ("a: 1\n  b: 2", 2, 3, "structure"),
        ("- a\nb: 1", 2, 1, "structure"),
        ("a: b\nc\nd: e", 3, 1, "structure"),
    ],
)
@every_loader
def test_a_mistake_of_structure_is_reported_in_our_words(text, line, column, variant, loader):
    problems = Problems()
    assert compose(text, "f.yaml", problems, loader) is None
    (problem,) = problems.all()
    assert (problem.code, problem.variant) == ("F004", variant)
    assert (problem.position.line, problem.position.column) == (line, column)


@given(st.text(alphabet="ab:-[]{}!&*#|>'\"%@`?,. \n\t", min_size=1, max_size=60))
def test_any_text_is_read_or_refused_without_another_error(text):
    problems = Problems()
    node = compose(text, "f.yaml", problems)
    for problem in problems.all():
        lines = text.split("\n")
        assert 1 <= problem.position.line <= len(lines)
        assert 1 <= problem.position.column <= len(lines[problem.position.line - 1]) + 1
        assert "expected" not in problem.message
    assert node is not None or problems.found or not text.strip() or text.lstrip()[0] in "#-%."


@given(st.text(alphabet="ab:-[]{}!#'\" \n", min_size=1, max_size=40))
def test_both_loaders_agree_on_what_is_sound(text):
    if not yaml.__with_libyaml__:
        return
    one, other = Problems(), Problems()
    first = compose(text, "f", one, yaml.SafeLoader)
    second = compose(text, "f", other, yaml.CSafeLoader)
    if first is not None and second is not None and not one.found and not other.found:
        assert plain(first) == plain(second)
