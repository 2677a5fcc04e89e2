"""Parts of a criterion in plain words: what is looked at, and what is asked of it."""

import datetime as dt
from typing import Final

from funnelflow.criteria.durations import duration_words, rough_words
from funnelflow.criteria.fields import Field
from funnelflow.criteria.shown import listed, shown
from funnelflow.criteria.tree import (
    Arithmetic,
    Compare,
    Conditional,
    Constant,
    ListOf,
    Negate,
    Node,
    Now,
    Read,
    Size,
    TextTest,
    walk,
)
from funnelflow.criteria.types import DURATION, TEXT, TIMESTAMP, Value

__all__ = ["FLIPPED", "INVERSE", "age", "asked", "label", "subject", "unit", "valued"]

INVERSE: Final = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
"""What holds where a comparison does not."""
FLIPPED: Final = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
"""The same comparison with its sides exchanged."""

_ASKED: Final = {
    "==": "{}", "!=": "anything but {}", "<": "less than {}", "<=": "at most {}",
    ">": "more than {}", ">=": "at least {}",
}  # fmt: skip
_ASKED_TIME: Final = {
    "==": "{}", "!=": "anything but {}", "<": "before {}", "<=": "{} or earlier",
    ">": "after {}", ">=": "{} or later",
}  # fmt: skip
_SIGNS: Final = {"+": "plus", "-": "minus", "*": "times", "/": "divided by", "%": "modulo"}


def label(root: str, field: Field) -> str:
    """Name a field: by its label, and where it is the event's, by that too."""
    return field.label if root == "contact" else f"the event's {field.label}"


def subject(node: Node) -> str:  # noqa: PLR0911  # one a kind of node
    """Name what a node looks at: ``budget``, ``length of name``, ``budget plus bonus``."""
    match node:
        case Read():
            return label(node.root, node.field)
        case Now():
            return "now"
        case Constant():
            return shown(node.value)
        case Size():
            kind = "length of" if node.item.type == TEXT else "number of"
            return f"{kind} {subject(node.item)}"
        case Negate():
            return f"minus {subject(node.item)}"
        case Arithmetic():
            return f"{_side(node.left)} {_SIGNS[node.operator]} {_side(node.right)}"
        case Conditional():
            return f"{_side(node.then)} or {_side(node.other)}"
        case ListOf():
            return listed([subject(item) for item in node.items])
        case _:
            return "the condition"


def _side(node: Node) -> str:
    """Name an operand, in parentheses where it is an operation itself."""
    return f"({subject(node)})" if isinstance(node, Arithmetic | Conditional) else subject(node)


def unit(node: Node) -> str:
    """Give the unit that the value of a node counts in; empty where there is none, or several."""
    if isinstance(node, Size):
        return ""
    if isinstance(node, Arithmetic) and node.operator not in ("+", "-"):
        return ""
    units = {part.field.unit for part in walk(node) if isinstance(part, Read)}
    return units.pop() if len(units) == 1 else ""


def valued(node: Node, value: Value, now: dt.datetime) -> str:
    """Say what a node is: ``budget is 3,000 EUR``, ``last reply was 2026-03-01, 34 days ago``."""
    if isinstance(node, Read) and isinstance(value, dt.datetime):
        verb = "was" if value <= now else "is"
        return f"{subject(node)} {verb} {shown(value)}, {_away(value, now)}"
    return f"{subject(node)} is {shown(value, unit(node))}"


def _away(value: dt.datetime, now: dt.datetime) -> str:
    """Say how far a time is from now."""
    length = rough_words(now - value)
    return f"{length} ago" if value <= now else f"in {length}"


def asked(operator: str, node: Node, words: str) -> str:
    """Say what a comparison asks for: ``at least 5,000 EUR``, ``after 2026-03-01``."""
    forms = _ASKED_TIME if node.type == TIMESTAMP else _ASKED
    return forms[operator].format(words)


def age(node: Compare) -> tuple[Read, str, dt.timedelta] | None:
    """Read a comparison as one of a time's age: the field, the operator, the length.

    ``now - contact.x < duration("720h")`` and ``contact.x > now - duration("720h")`` both
    ask for an age of less than 30 days; an age below zero lies ahead.
    """
    for left, right, operator in (
        (node.left, node.right, node.operator),
        (node.right, node.left, FLIPPED[node.operator]),
    ):
        if isinstance(left, Read) and left.type == TIMESTAMP:
            offset = _from_now(right)
            if offset is not None:
                return left, FLIPPED[operator], -offset
        if isinstance(right, Constant) and isinstance(right.value, dt.timedelta):
            read = _since(left)
            if read is not None:
                return read, operator, right.value
    return None


def _from_now(node: Node) -> dt.timedelta | None:
    """Give how far after now a time lies that is written with ``now``."""
    if isinstance(node, Now):
        return dt.timedelta(0)
    if isinstance(node, Arithmetic) and isinstance(node.left, Now):
        length = node.right.value if isinstance(node.right, Constant) else None
        if isinstance(length, dt.timedelta) and node.operator in ("+", "-"):
            return length if node.operator == "+" else -length
    return None


def _since(node: Node) -> Read | None:
    """Give the field of ``now - contact.x``."""
    if not (isinstance(node, Arithmetic) and node.type == DURATION and node.operator == "-"):
        return None
    right = node.right
    return right if isinstance(node.left, Now) and isinstance(right, Read) else None


def asked_age(operator: str, length: dt.timedelta) -> str:
    """Say what is asked of a time's age: ``less than 30 days ago``, ``in the past``."""
    if not length:
        return {"<": "later than now", "<=": "now or later", ">": "in the past"}.get(
            operator, "now or earlier" if operator == ">=" else _ASKED[operator].format("now")
        )
    ahead = length < dt.timedelta(0)
    words = f"{duration_words(abs(length))} {'from now' if ahead else 'ago'}"
    return _ASKED[FLIPPED[operator] if ahead else operator].format(words)


def asked_text(node: TextTest, *, wanted: bool) -> str:
    """Say what a text test asks for: ``to start with ada``."""
    verb = {"startsWith": "start with", "endsWith": "end with", "contains": "contain"}[node.test]
    return f"{'' if wanted else 'not '}to {verb} {subject(node.part)}"
