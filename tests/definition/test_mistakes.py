"""An expression that YAML misreads ends in a message that says: put it in quotes."""

import pytest
import yaml

from funnelflow.definition.problems import Problems
from funnelflow.definition.yaml.compose import compose
from funnelflow.definition.yaml.nodes import MappingNode, SequenceNode

LOADERS = [yaml.SafeLoader] + ([yaml.CSafeLoader] if yaml.__with_libyaml__ else [])
every_loader = pytest.mark.parametrize("loader", LOADERS)

UNQUOTED = [
    "!has(contact.x)",
    "!contact.fits",
    "!(contact.a && contact.b)",
    "!has(contact.x) && contact.y > 3",
    "!!contact.fits",
    '"a" in contact.tags',
    "'a' in contact.tags",
    '"a" == contact.x || contact.y',
    '["a", "b"] == contact.tags',
    "[1, 2].size() > 1",
    "{a} == 3",
    "contact.a ? contact.b : contact.c",
    'contact.x == "a: b"',
    'contact.x == "a: b" && contact.y == "c: d"',
    "> 5",
    "| contact.x",
    "&& contact.x",
    "%5 == contact.x",
    "@contact.x",
    "`contact.x`",
    "- contact.x > 5",
    "? contact.x",
    r'"a \" b" == contact.x',
    "contact.x:",
]


def problems_of(text, loader=LOADERS[-1]):
    problems = Problems()
    return compose(text, "f.yaml", problems, loader), problems.all()


@every_loader
@pytest.mark.parametrize("source", UNQUOTED)
def test_an_expression_without_quotes_is_reported_with_its_place(source, loader):
    _, (problem,) = problems_of(f"require:\n  - Label: {source}\n", loader)
    assert problem.code == "F005"
    assert problem.parameters["kind"] == "expression"
    assert (problem.position.line, problem.position.column) == (2, 12)
    assert problem.end_column == 12 + len(source)
    assert problem.parameters["quoted"] == "'" + source.replace("'", "''") + "'"


@every_loader
@pytest.mark.parametrize("source", UNQUOTED)
def test_the_expression_is_read_all_the_same(source, loader):
    node, _ = problems_of(f"- Label: {source}\n- Other: contact.y\n", loader)
    assert isinstance(node, SequenceNode)
    assert node.items[0].values["Label"].text == source
    assert node.items[1].values["Other"].text == "contact.y"


@every_loader
@pytest.mark.parametrize(
    "source", ["!has(contact.x)", "contact.a ? 1 : 2", '"a: b" == contact.x', "contact.x[0] == 3"]
)
@pytest.mark.parametrize("form", ["- {{L: {}}}\n", "- {{from: a, require: [L: {}]}}\n"])
def test_in_brackets_too(source, form, loader):
    text = form.format(source)
    _, (problem, *more) = problems_of(text, loader)
    assert not more
    assert (problem.code, problem.position.column) == ("F005", text.index(source) + 1)
    assert problem.parameters["quoted"] == f"'{source}'"


@every_loader
def test_several_in_one_file_are_reported_at_once(loader):
    lines = [f"- L{number}: {source}" for number, source in enumerate(UNQUOTED[6:14])]
    _, problems = problems_of("\n".join(lines), loader)
    assert [(p.code, p.position.line) for p in problems] == [("F005", n) for n in range(1, 9)]


def test_a_key_without_a_value_is_no_expression():
    _, (problem,) = problems_of("a:\n  b: 1\n c:\n")
    assert (problem.code, problem.position.line) == ("F004", 3)


def test_of_two_in_one_line_each_is_reported_in_its_place():
    _, found = problems_of("- {A: contact.a ? 1 : 2, B: !has(contact.b), C: contact.c[0]}\n")
    assert [(p.code, p.position.column) for p in found] == [("F005", 7), ("F005", 29), ("F005", 49)]


def test_a_comment_behind_it_is_no_part_of_it():
    node, (problem,) = problems_of("- L: !has(contact.x) || contact.a ? 1 : 2   # a word\n")
    assert problem.parameters["quoted"] == "'!has(contact.x) || contact.a ? 1 : 2'"
    assert node.items[0].values["L"].text == "!has(contact.x) || contact.a ? 1 : 2"


def test_text_that_is_no_expression_is_called_text():
    _, (problem,) = problems_of("title: Leads: the first kind\n")
    assert (problem.variant, problem.parameters["kind"]) == ("colon", "text")
    assert problem.position.column == 8


def test_a_long_expression_is_shown_in_part():
    source = "!(" + " && ".join(f"contact.field_{number}" for number in range(20)) + ")"
    _, (problem,) = problems_of(f"- L: {source}\n")
    assert len(problem.help) < 100
    assert problem.end_column == 6 + len(source)


@pytest.mark.parametrize(
    "text",
    [
        "- L: '!has(contact.x)'",
        '- L: "contact.a ? 1 : 2"',
        "- L: >-\n    contact.a\n    ? 1 : 2",
        "- L: |\n    !has(contact.x)",
        '- L: contact.x == "a"  # a comment',
        "- L: contact.a && !contact.b",
        '- {L: "a" in contact.tags}'.replace('"a" in contact.tags', "'\"a\" in contact.tags'"),
        "on: [form, call]",
        "a: {b: 1, c: [d, e]}",
        "a: it's",
        "a: -5",
    ],
)
def test_what_yaml_reads_as_it_stands_is_left_alone(text):
    node, problems = problems_of(text)
    assert node is not None
    assert problems == ()


def test_a_real_tag_is_called_a_tag():
    for text in ("a: !Ref b", "a: !!int 5", "a: !true", "a: !<tag:x> b"):
        _, (problem,) = problems_of(text)
        assert (problem.code, problem.variant) == ("F006", "tag")


def test_what_cannot_be_repaired_is_reported_beside_what_can():
    node, problems = problems_of("- L: !(contact.a && b)\n- M: 'open\n")
    assert node is None
    assert [p.code for p in problems] == ["F005", "F004"]


def test_the_number_of_repairs_is_bounded():
    lines = [f"- L{number}: contact.a ? 1 : {number}" for number in range(60)]
    node, problems = problems_of("\n".join(lines))
    assert node is None
    assert {p.code for p in problems} == {"F005"}
    assert len(problems) == 21


def test_a_mapping_keeps_its_other_keys():
    node, _ = problems_of("a: b: c\nd: e\n")
    assert isinstance(node, MappingNode)
    assert node.values["d"].text == "e"
