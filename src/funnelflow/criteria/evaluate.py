"""Walking the tree with values: what an expression gives, and where it is unknown.

Slower than the compiled code and equal to it; explanations and the look for criteria that
never hold use it, because it can answer for every part alone.
"""

import datetime as dt
from typing import Any

from attrs import frozen

from funnelflow.criteria.arithmetic import (
    all_of,
    any_of,
    contained,
    equal_lists,
    list_made,
    negated_integer,
    negated_number,
    operation,
    size_of,
    widened,
)
from funnelflow.criteria.tree import (
    And,
    Arithmetic,
    Compare,
    Conditional,
    Constant,
    Has,
    In,
    ListOf,
    Negate,
    Node,
    Not,
    Now,
    Or,
    Read,
    Size,
    TextTest,
    Widen,
)
from funnelflow.criteria.types import INTEGER, Fields

__all__ = ["Facts", "evaluate"]


@frozen
class Facts:
    """What is known when a question is asked."""

    contact: Fields
    event: Fields
    now: dt.datetime

    def read(self, node: Read | Has) -> Any:
        """Give the value of a field, or None."""
        return (self.contact if node.root == "contact" else self.event).get(node.field.name)


def evaluate(node: Node, facts: Facts) -> Any:  # noqa: C901, PLR0911, PLR0912  # one case a node
    """Give the value of a node; None where it is unknown."""
    match node:
        case Constant():
            return node.value
        case Read():
            return facts.read(node)
        case Now():
            return facts.now
        case Has():
            return facts.read(node) is not None
        case Not():
            value = evaluate(node.item, facts)
            return None if value is None else not value
        case And():
            return all_of(*[evaluate(item, facts) for item in node.items])
        case Or():
            return any_of(*[evaluate(item, facts) for item in node.items])
        case Conditional():
            test = evaluate(node.test, facts)
            return None if test is None else evaluate(node.then if test else node.other, facts)
        case Compare():
            return _compare(node, evaluate(node.left, facts), evaluate(node.right, facts))
        case In():
            return _in(evaluate(node.item, facts), evaluate(node.items, facts))
        case Arithmetic():
            function = operation(node.operator, node.type, node.left.type)
            return function(evaluate(node.left, facts), evaluate(node.right, facts))
        case Negate():
            negated = negated_integer if node.type == INTEGER else negated_number
            return negated(evaluate(node.item, facts))
        case Size():
            return size_of(evaluate(node.item, facts))
        case TextTest():
            return _text_test(node.test, evaluate(node.text, facts), evaluate(node.part, facts))
        case ListOf():
            return list_made(*[evaluate(item, facts) for item in node.items])
        case Widen():
            return widened(evaluate(node.item, facts))


def _compare(node: Compare, left: Any, right: Any) -> bool | None:  # noqa: PLR0911  # one an operator
    """Compare two values, one of which may be unknown."""
    if left is None or right is None:
        return None
    if node.left.type.is_list:
        return equal_lists(left, right) == (node.operator == "==")
    match node.operator:
        case "==":
            return bool(left == right)
        case "!=":
            return bool(left != right)
        case "<":
            return bool(left < right)
        case "<=":
            return bool(left <= right)
        case ">":
            return bool(left > right)
        case _:
            return bool(left >= right)


def _in(item: Any, items: Any) -> bool | None:
    """Look for a value in a list."""
    return None if item is None or items is None else contained(item, items)


def _text_test(test: str, text: str | None, part: str | None) -> bool | None:
    """Look for a part in a text."""
    if text is None or part is None:
        return None
    if test == "contains":
        return part in text
    return text.startswith(part) if test == "startsWith" else text.endswith(part)
