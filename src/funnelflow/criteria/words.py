"""A criterion in plain words: ``budget is at least 5,000 EUR and email is known``."""

import datetime as dt
from typing import Final

from funnelflow.criteria import tree
from funnelflow.criteria.fields import Field
from funnelflow.criteria.functions import WORDS
from funnelflow.criteria.times import duration_words, rough_words
from funnelflow.criteria.tree import Node, walk
from funnelflow.criteria.value_forms import BOOLEAN, DURATION, TEXT, TIMESTAMP, Value, listed, shown

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
_TESTS: Final = {
    "startsWith": ("starts with", "start with"),
    "endsWith": ("ends with", "end with"),
    "contains": ("contains", "contain"),
}
_WHOLE: Final = tree.And | tree.Or | tree.Conditional | tree.Not | tree.Quantified
"""Conditions that stand in parentheses among others."""
_SIGNS: Final = {"+": "plus", "-": "minus", "*": "times", "/": "divided by", "%": "modulo"}


def label(root: str, field: Field) -> str:
    """Return what to call a field: its label, and whose it is where that is the event."""
    return field.label if root == "contact" else f"the event's {field.label}"


def subject(node: Node) -> str:  # noqa: C901, PLR0911  # one a kind of node
    """Return what a node looks at: ``budget``, ``length of name``, ``budget plus bonus``."""
    match node:
        case tree.Read():
            return label(node.root, node.field)
        case tree.Now():
            return "now"
        case tree.Constant():
            return shown(node.value)
        case tree.Size():
            kind = "length of" if node.item.type == TEXT else "number of"
            return f"{kind} {subject(node.item)}"
        case tree.Apply():
            words = WORDS[node.function].format(subject(node.item))
            return f"{words} in {node.zone}" if node.zone else words
        case tree.Negate():
            return f"minus {subject(node.item)}"
        case tree.Arithmetic():
            return f"{_side(node.left)} {_SIGNS[node.operator]} {_side(node.right)}"
        case tree.Conditional():
            return f"{_side(node.then)} or {_side(node.other)}"
        case tree.ListOf():
            return listed([subject(item) for item in node.items])
        case tree.Item():
            return node.name
        case _:
            return "the condition"


def _side(node: Node) -> str:
    """Return an operand in words, in parentheses where it is an operation itself."""
    is_operation = isinstance(node, tree.Arithmetic | tree.Conditional)
    return f"({subject(node)})" if is_operation else subject(node)


def unit(node: Node) -> str:
    """Return the unit that the value of a node counts in; empty where there is none, or several."""
    if isinstance(node, tree.Size | tree.Apply):
        return ""
    if isinstance(node, tree.Arithmetic) and node.operator not in ("+", "-"):
        return ""
    units = {part.field.unit for part in walk(node) if isinstance(part, tree.Read)}
    return units.pop() if len(units) == 1 else ""


def valued(node: Node, value: Value, now: dt.datetime) -> str:
    """Return what a node is: ``budget is 3,000 EUR``, ``reply was 2026-03-01, 34 days ago``."""
    if isinstance(node, tree.Read) and isinstance(value, dt.datetime):
        verb = "was" if value <= now else "is"
        return f"{subject(node)} {verb} {shown(value)}, {_away(value, now)}"
    return f"{subject(node)} is {shown(value, unit(node))}"


def _away(value: dt.datetime, now: dt.datetime) -> str:
    """Return how far a time is from now, in words."""
    length = rough_words(now - value)
    return f"{length} ago" if value <= now else f"in {length}"


def asked(operator: str, node: Node, words: str) -> str:
    """Return what a comparison asks for: ``at least 5,000 EUR``, ``after 2026-03-01``."""
    forms = _ASKED_TIME if node.type == TIMESTAMP else _ASKED
    return forms[operator].format(words)


def age(node: tree.Compare) -> tuple[tree.Read, str, dt.timedelta] | None:
    """Read a comparison as one of a time's age: the field, the operator, the length.

    ``now - contact.x < duration("720h")`` and ``contact.x > now - duration("720h")`` both
    ask for an age of less than 30 days; an age below zero lies ahead.
    """
    for left, right, operator in (
        (node.left, node.right, node.operator),
        (node.right, node.left, FLIPPED[node.operator]),
    ):
        if isinstance(left, tree.Read) and left.type == TIMESTAMP:
            offset = _from_now(right)
            if offset is not None:
                return left, FLIPPED[operator], -offset
        if isinstance(right, tree.Constant) and isinstance(right.value, dt.timedelta):
            read = _since(left)
            if read is not None:
                return read, operator, right.value
    return None


def _from_now(node: Node) -> dt.timedelta | None:
    """Return how far after now a time lies that is written with ``now``."""
    if isinstance(node, tree.Now):
        return dt.timedelta(0)
    if isinstance(node, tree.Arithmetic) and isinstance(node.left, tree.Now):
        length = node.right.value if isinstance(node.right, tree.Constant) else None
        if isinstance(length, dt.timedelta) and node.operator in ("+", "-"):
            return length if node.operator == "+" else -length
    return None


def _since(node: Node) -> tree.Read | None:
    """Return the field of ``now - contact.x``."""
    if not (isinstance(node, tree.Arithmetic) and node.type == DURATION and node.operator == "-"):
        return None
    right = node.right
    return right if isinstance(node.left, tree.Now) and isinstance(right, tree.Read) else None


def asked_age(operator: str, length: dt.timedelta) -> str:
    """Return what is asked of a time's age: ``less than 30 days ago``, ``in the past``."""
    if not length:
        return {"<": "later than now", "<=": "now or later", ">": "in the past"}.get(
            operator, "now or earlier" if operator == ">=" else _ASKED[operator].format("now")
        )
    ahead = length < dt.timedelta(0)
    words = f"{duration_words(abs(length))} {'from now' if ahead else 'ago'}"
    return _ASKED[FLIPPED[operator] if ahead else operator].format(words)


def asked_text(node: tree.TextTest, *, wanted: bool) -> str:
    """Return what a text test asks for: ``to start with ada``."""
    return f"{'' if wanted else 'not '}to {_TESTS[node.test][1]} {subject(node.part)}"


_OF_ITEMS: Final = {
    ("exists", True): ("at least one item", True), ("exists", False): ("no item", True),
    ("all", True): ("only items", True), ("all", False): ("at least one item", False),
    ("exists_one", True): ("exactly one item", True),
    ("exists_one", False): ("no item, or several,", True),
}  # fmt: skip


def asked_items(node: tree.Quantified, *, wanted: bool) -> str:
    """Return what a macro asks for: ``at least one item p such that p starts with CRM``."""
    count, holds = _OF_ITEMS[node.macro, wanted]
    return f"{count} {node.name} such that {criterion_words(node.test, wanted=holds)}"


def criterion_words(  # noqa: C901, PLR0911  # one a kind of node
    node: Node, *, wanted: bool = True
) -> str:
    """Return what a condition asks for, or what a value is, in words."""
    match node:
        case tree.Not():
            return criterion_words(node.item, wanted=not wanted)
        case tree.And() | tree.Or():
            return _joined(node, wanted=wanted)
        case tree.Has():
            return f"{label(node.root, node.field)} is {'known' if wanted else 'not known'}"
        case tree.Compare():
            return _compare(node, wanted=wanted)
        case tree.In():
            return _in(node, wanted=wanted)
        case tree.TextTest():
            return _text(node, wanted=wanted)
        case tree.Quantified():
            return f"{subject(node.items)}: {asked_items(node, wanted=wanted)}"
        case tree.Conditional() if node.type == BOOLEAN:
            then = criterion_words(node.then, wanted=wanted)
            other = criterion_words(node.other, wanted=wanted)
            return f"{then} if {criterion_words(node.test)}, otherwise {other}"
        case tree.Constant() if node.type == BOOLEAN:
            return "always" if node.value is wanted else "never"
        case _ if node.type == BOOLEAN:
            return f"{subject(node)} is {'yes' if wanted else 'no'}"
        case _:
            return subject(node)


def _joined(node: tree.And | tree.Or, *, wanted: bool) -> str:
    """Join conditions by and, or by or, with parentheses where both meet."""
    joint = " and " if isinstance(node, tree.And) == wanted else " or "
    words = []
    for item in node.items:
        text = criterion_words(item, wanted=wanted)
        is_whole = isinstance(item, _WHOLE)
        is_whole = is_whole and (joint not in text or isinstance(item, tree.Quantified))
        words.append(f"({text})" if is_whole else text)
    return joint.join(words)


def compared(node: tree.Compare) -> tuple[Node, str, Node]:
    """Return a comparison with what it looks at on the left and what it asks for on the right."""
    if isinstance(node.left, tree.Constant) and not isinstance(node.right, tree.Constant):
        return node.right, FLIPPED[node.operator], node.left
    return node.left, node.operator, node.right


def other_side(left: Node, right: Node) -> str:
    """Return what a value is compared with, in the unit of what is looked at."""
    if isinstance(right, tree.Constant):
        return shown(right.value, unit(left))
    return subject(right)


def _compare(node: tree.Compare, *, wanted: bool) -> str:
    """Return what a comparison asks for, in words."""
    if (found := age(node)) is not None:
        read, operator, length = found
        operator = operator if wanted else INVERSE[operator]
        return f"{subject(read)} is {asked_age(operator, length)}"
    left, operator, right = compared(node)
    operator = operator if wanted else INVERSE[operator]
    if operator == "!=":
        return f"{subject(left)} is not {other_side(left, right)}"
    return f"{subject(left)} is {asked(operator, left, other_side(left, right))}"


def _in(node: tree.In, *, wanted: bool) -> str:
    """Return what ``in`` asks for, in words."""
    if isinstance(node.items, tree.Read):
        verb = "include" if wanted else "do not include"
        return f"{subject(node.items)} {verb} {other_side(node.items, node.item)}"
    among = "one of" if wanted else "none of"
    return f"{subject(node.item)} is {among} {other_side(node.item, node.items)}"


def _text(node: tree.TextTest, *, wanted: bool) -> str:
    """Return what a text test asks for, in words."""
    does, do = _TESTS[node.test]
    verb = does if wanted else f"does not {do}"
    return f"{subject(node.text)} {verb} {subject(node.part)}"
