"""A criterion in plain words: ``budget is at least 5,000 EUR and email is known``."""

from funnelflow.criteria.phrases import (
    FLIPPED,
    INVERSE,
    age,
    asked,
    asked_age,
    label,
    subject,
    unit,
)
from funnelflow.criteria.shown import shown
from funnelflow.criteria.tree import (
    And,
    Compare,
    Conditional,
    Constant,
    Has,
    In,
    Node,
    Not,
    Or,
    Read,
    TextTest,
)
from funnelflow.criteria.types import BOOLEAN

__all__ = ["compared", "criterion_words", "other_side"]


def criterion_words(  # noqa: PLR0911  # one a kind of node
    node: Node, *, wanted: bool = True
) -> str:
    """Say what a node asks for, or, for a value, what it gives."""
    match node:
        case Not():
            return criterion_words(node.item, wanted=not wanted)
        case And() | Or():
            return _joined(node, wanted=wanted)
        case Has():
            return f"{label(node.root, node.field)} is {'known' if wanted else 'not known'}"
        case Compare():
            return _compare(node, wanted=wanted)
        case In():
            return _in(node, wanted=wanted)
        case TextTest():
            return _text(node, wanted=wanted)
        case Conditional() if node.type == BOOLEAN:
            then = criterion_words(node.then, wanted=wanted)
            other = criterion_words(node.other, wanted=wanted)
            return f"{then} if {criterion_words(node.test)}, otherwise {other}"
        case Constant() if node.type == BOOLEAN:
            return "always" if node.value is wanted else "never"
        case _ if node.type == BOOLEAN:
            return f"{subject(node)} is {'yes' if wanted else 'no'}"
        case _:
            return subject(node)


def _joined(node: And | Or, *, wanted: bool) -> str:
    """Join conditions by and, or by or, with parentheses where both meet."""
    joint = " and " if isinstance(node, And) == wanted else " or "
    words = []
    for item in node.items:
        text = criterion_words(item, wanted=wanted)
        plain = not isinstance(item, And | Or | Conditional | Not) or joint in text
        words.append(text if plain else f"({text})")
    return joint.join(words)


def compared(node: Compare) -> tuple[Node, str, Node]:
    """Give a comparison with what it looks at on the left and what it asks for on the right."""
    if isinstance(node.left, Constant) and not isinstance(node.right, Constant):
        return node.right, FLIPPED[node.operator], node.left
    return node.left, node.operator, node.right


def other_side(left: Node, right: Node) -> str:
    """Say what a value is compared with, in the unit of what is looked at."""
    if isinstance(right, Constant):
        return shown(right.value, unit(left))
    return subject(right)


def _compare(node: Compare, *, wanted: bool) -> str:
    """Say what a comparison asks for."""
    if (found := age(node)) is not None:
        read, operator, length = found
        operator = operator if wanted else INVERSE[operator]
        return f"{subject(read)} is {asked_age(operator, length)}"
    left, operator, right = compared(node)
    operator = operator if wanted else INVERSE[operator]
    if operator == "!=":
        return f"{subject(left)} is not {other_side(left, right)}"
    return f"{subject(left)} is {asked(operator, left, other_side(left, right))}"


def _in(node: In, *, wanted: bool) -> str:
    """Say what ``in`` asks for."""
    if isinstance(node.items, Read):
        verb = "include" if wanted else "do not include"
        return f"{subject(node.items)} {verb} {other_side(node.items, node.item)}"
    among = "one of" if wanted else "none of"
    return f"{subject(node.item)} is {among} {other_side(node.item, node.items)}"


def _text(node: TextTest, *, wanted: bool) -> str:
    """Say what a text test asks for."""
    plain = {"startsWith": "starts with", "endsWith": "ends with", "contains": "contains"}
    denied = {"startsWith": "start with", "endsWith": "end with", "contains": "contain"}
    verb = plain[node.test] if wanted else f"does not {denied[node.test]}"
    return f"{subject(node.text)} {verb} {subject(node.part)}"
