"""The syntax tree: how an expression hangs together."""

import pytest

from funnelflow.criteria.parser import (
    Binary,
    CallSyntax,
    Choice,
    Index,
    ListSyntax,
    Literal,
    Logic,
    Name,
    Select,
    Unary,
    parse,
)


def shape(node):  # noqa: C901, PLR0911  # one case a kind of syntax
    """Write a tree with parentheses around everything."""
    match node:
        case Literal():
            return repr(node.value)
        case Name():
            return node.name
        case Select():
            return f"{shape(node.of)}.{node.name}"
        case Index():
            return f"{shape(node.of)}[{shape(node.item)}]"
        case CallSyntax():
            of = "" if node.of is None else f"{shape(node.of)}."
            return f"{of}{node.name}({', '.join(map(shape, node.arguments))})"
        case Unary():
            return f"({node.operator}{shape(node.of)})"
        case Binary():
            return f"({shape(node.left)} {node.operator} {shape(node.right)})"
        case Logic():
            return f"({f' {node.operator} '.join(map(shape, node.items))})"
        case Choice():
            return f"({shape(node.test)} ? {shape(node.then)} : {shape(node.other)})"
        case ListSyntax():
            return f"[{', '.join(map(shape, node.items))}]"


def parsed(source):
    problems = []
    tree = parse(source, problems)
    assert problems == []
    return tree


SHAPES = [
    ("1 + 2 * 3", "(1 + (2 * 3))"),
    ("1 * 2 + 3", "((1 * 2) + 3)"),
    ("1 - 2 - 3", "((1 - 2) - 3)"),
    ("1 / 2 * 3 % 4", "(((1 / 2) * 3) % 4)"),
    ("(1 - (2 - 3))", "(1 - (2 - 3))"),
    ("a < b == c", "((a < b) == c)"),
    ("a + 1 in [b]", "((a + 1) in [b])"),
    ("a == b && c || d", "(((a == b) && c) || d)"),
    ("a || b && c", "(a || (b && c))"),
    ("a && b && c", "(a && b && c)"),
    ("(a && b) && c", "((a && b) && c)"),
    ("a ? b : c ? d : e", "(a ? b : (c ? d : e))"),
    ("a || b ? c : d || e", "((a || b) ? c : (d || e))"),
    ("!a && b", "((!a) && b)"),
    ("!a.b", "(!a.b)"),
    ("!!a", "a"),
    ("!!!a", "(!a)"),
    ("-a", "(-a)"),
    ("--a", "a"),
    ("-1", "-1"),
    ("- 1", "-1"),
    ("1 - -1", "(1 - -1)"),
    ("-1.size()", "-1.size()"),
    ("-(1)", "(-1)"),
    ("-9223372036854775808", "-9223372036854775808"),
    ("-0.0", "-0.0"),
    ("a.b.c", "a.b.c"),
    ("a.b(c, 1).d()", "a.b(c, 1).d()"),
    ("a[1].b", "a[1].b"),
    ("'a'.size()", "'a'.size()"),
    ("(a + b).size()", "(a + b).size()"),
    ("f()", "f()"),
    ("[]", "[]"),
    ("[1, 2,]", "[1, 2]"),
    ("[1] + [2]", "([1] + [2])"),
    ("true == false", "(True == False)"),
]


@pytest.mark.parametrize(("source", "wanted"), SHAPES, ids=[one[0] for one in SHAPES])
def test_an_expression_hangs_together_as_in_cel(source, wanted):
    assert shape(parsed(source)) == wanted


def test_a_node_stands_where_it_was_written_parentheses_included():
    source = "  (a) + (b * c)  "
    tree = parsed(source)
    assert source[tree.start : tree.end] == "(a) + (b * c)"
    assert source[tree.right.start : tree.right.end] == "b * c"


def test_a_call_knows_where_its_name_stands():
    tree = parsed("contact.email.startsWith('a')")
    assert (tree.start, tree.name_start) == (0, 14)


@pytest.mark.parametrize(
    "source",
    ["", "1 +", "(1", "[1", "f(1", "f(,)", "[,]", "a ? b", "a ? b : ", "a.", "a..b", "1 2", "!-1",
     "-!a", "a ? b ? c : d : e", ")", "a b", "in", "{1: 2}", "a.true", "a.null", "+1", "a.(b)"],
)  # fmt: skip
def test_what_does_not_hang_together_gives_one_problem_and_no_tree(source):
    problems = []
    assert parse(source, problems) is None
    assert len(problems) == 1
