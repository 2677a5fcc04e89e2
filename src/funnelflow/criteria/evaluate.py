"""Walking the tree with values: what an expression gives, and where it is unknown.

Slower than the compiled code and equal to it; explanations and the look for criteria that
never hold use it, because it can answer for every part alone.
"""

import datetime as dt
from typing import Any

from attrs import frozen

from funnelflow.criteria.arithmetic import (
    alike,
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
from funnelflow.criteria.types import INTEGER, Facts, Fields

__all__ = ["Known", "evaluate"]


@frozen
class Known:
    """What is known when a question is asked."""

    contact: Fields
    event: Facts
    now: dt.datetime

    def read(self, node: Read | Has) -> Any:
        """Give the value of a field, or None."""
        return (self.contact if node.root == "contact" else self.event).get(node.field.name)


def evaluate(node: Node, known: Known) -> Any:  # noqa: C901, PLR0911, PLR0912  # one case a node
    """Give the value of a node; None where it is unknown."""
    match node:
        case Constant():
            return node.value
        case Read():
            return known.read(node)
        case Now():
            return known.now
        case Has():
            return known.read(node) is not None
        case Not():
            value = evaluate(node.item, known)
            return None if value is None else not value
        case And():
            return all_of(*[evaluate(item, known) for item in node.items])
        case Or():
            return any_of(*[evaluate(item, known) for item in node.items])
        case Conditional():
            test = evaluate(node.test, known)
            return None if test is None else evaluate(node.then if test else node.other, known)
        case Compare():
            return _compare(node, evaluate(node.left, known), evaluate(node.right, known))
        case In():
            return _in(evaluate(node.item, known), evaluate(node.items, known))
        case Arithmetic():
            function = operation(node.operator, node.type, node.left.type)
            return function(evaluate(node.left, known), evaluate(node.right, known))
        case Negate():
            negated = negated_integer if node.type == INTEGER else negated_number
            return negated(evaluate(node.item, known))
        case Size():
            return size_of(evaluate(node.item, known))
        case TextTest():
            return _text_test(node.test, evaluate(node.text, known), evaluate(node.part, known))
        case ListOf():
            return list_made(*[evaluate(item, known) for item in node.items])
        case Widen():
            return widened(evaluate(node.item, known))


def _compare(node: Compare, left: Any, right: Any) -> bool | None:  # noqa: PLR0911  # one an operator
    """Compare two values, one of which may be unknown."""
    if left is None or right is None:
        return None
    if node.left.type.is_list:
        return equal_lists(left, right) == (node.operator == "==")
    left, right = alike(left, right)
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
