"""The tree of an expression walked: slower than the compiled code, and plainly what CEL says."""

import operator
from contextvars import ContextVar

from funnelflow.criteria import INTEGER, tree
from funnelflow.criteria.evaluate import (
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
from funnelflow.criteria.functions import function_of


def walked(node, known):  # noqa: C901, PLR0911, PLR0912  # one case a node
    """Return the value of a node; None where it is unknown."""
    match node:
        case tree.Constant():
            return node.value
        case tree.Read():
            return known.read(node)
        case tree.Now():
            return known.now
        case tree.Has():
            return known.read(node) is not None
        case tree.Not():
            value = walked(node.item, known)
            return None if value is None else not value
        case tree.And():
            return all_of(*[walked(item, known) for item in node.items])
        case tree.Or():
            return any_of(*[walked(item, known) for item in node.items])
        case tree.Conditional():
            test = walked(node.test, known)
            return None if test is None else walked(node.then if test else node.other, known)
        case tree.Compare():
            return compared(node, walked(node.left, known), walked(node.right, known))
        case tree.In():
            return among(walked(node.item, known), walked(node.items, known))
        case tree.Arithmetic():
            function = operation(node.operator, node.type, node.left.type)
            return function(walked(node.left, known), walked(node.right, known))
        case tree.Negate():
            negated = negated_integer if node.type == INTEGER else negated_number
            return negated(walked(node.item, known))
        case tree.Apply():
            return function_of(node.function, node.item.type, node.zone)(walked(node.item, known))
        case tree.Size():
            return size_of(walked(node.item, known))
        case tree.TextTest():
            return tested(node.test, walked(node.text, known), walked(node.part, known))
        case tree.ListOf():
            return list_made(*[walked(item, known) for item in node.items])
        case tree.Item():
            return ITEM.get()
        case tree.Quantified():
            return quantified(node, known)
        case tree.Widen():
            return widened(walked(node.item, known))


def compared(node, left, right):
    """Compare two values, one of which may be unknown."""
    if left is None or right is None:
        return None
    if node.left.type.is_list:
        return equal_lists(left, right) == (node.operator == "==")
    return COMPARISONS[node.operator](*alike(left, right))


def among(item, items):
    """Look for a value in a list, one of which may be unknown."""
    return None if item is None or items is None else contained(item, items)


def tested(test, text, part):
    """Look for a part in a text, one of which may be unknown."""
    return None if text is None or part is None else TESTS[test](text, part)


def quantified(node, known):
    """Ask a condition of every item, with && or || between them, or count where it holds."""
    items = walked(node.items, known)
    if items is None:
        return None
    found = []
    for item in items:
        token = ITEM.set(item)
        found.append(walked(node.test, known))
        ITEM.reset(token)
    if node.macro == "exists_one":
        return None if None in found else sum(found) == 1
    return any_of(*found) if node.macro == "exists" else all_of(*found)


ITEM = ContextVar("item")
COMPARISONS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
TESTS = {
    "contains": operator.contains,
    "startsWith": str.startswith,
    "endsWith": str.endswith,
}
