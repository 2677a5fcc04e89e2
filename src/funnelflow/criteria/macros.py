"""Macros over lists, as CEL writes them: ``contact.products.exists(p, p.startsWith("CRM"))``.

A list has at most a hundred items (`LIST_CAP`), and no macro stands in another, so that what a
criterion costs is bounded.
"""

from collections.abc import Callable
from typing import TypeAlias

from attrs import evolve

from funnelflow.criteria.names_and_operators import NOTHING, ROOTS, CheckContext, kind_words
from funnelflow.criteria.tree import (
    CallSyntax,
    Constant,
    ListOf,
    Name,
    Node,
    Quantified,
    Syntax,
    walk,
)
from funnelflow.criteria.value_forms import INTEGER, NUMBER

CheckPart: TypeAlias = Callable[[CheckContext, Syntax], Node | None]


def check_macro(
    checking: CheckContext, syntax: CallSyntax, check: CheckPart, condition: CheckPart
) -> Node | None:
    """Return the meaning of ``list.exists(name, condition)`` and of its siblings.

    Args:
        checking: The type check under way.
        syntax: The call.
        check: What checks a part of the expression.
        condition: What checks a part that must be true or false.
    """
    assert syntax.of is not None
    if checking.item is not None:
        checking.report("E128", syntax, "nested", name=syntax.name)
        return None
    name = _item_name(checking, syntax)
    items = check(checking, syntax.of)
    if items is None or name is None or not _has_items(checking, items, syntax.name):
        return None
    assert items.type.item is not None
    inside = evolve(checking, item=(name, items.type.item))
    test = condition(inside, syntax.arguments[1])
    if test is None:
        return None
    return Quantified(syntax.start, syntax.end, syntax.name, name, items, test)


def _item_name(checking: CheckContext, syntax: CallSyntax) -> str | None:
    """Return how a macro calls the item it looks at; None if what it takes is reported."""
    arguments = syntax.arguments
    if len(arguments) != 2 or not isinstance(arguments[0], Name):  # noqa: PLR2004  # name, condition
        checking.report("E128", syntax, "arguments", name=syntax.name)
        return None
    name = arguments[0].name
    if name in (*ROOTS, "now"):
        checking.report("E128", arguments[0], "taken", item=name)
        return None
    return name


def _has_items(checking: CheckContext, items: Node, name: str) -> bool:
    """Whether a macro can look at the items of a value; what keeps it from that is reported."""
    kind = items.type.item
    if kind is None:
        checking.report("E148", items, "macro", name=name, kind=kind_words(items.type))
    elif kind == NOTHING:
        checking.report("E128", items, "empty")
    elif kind == NUMBER and _mixes_numbers(items):
        checking.report("E128", items, "mixed")
    else:
        return True
    return False


def _mixes_numbers(items: Node) -> bool:
    """Whether integers stand among numbers, whose items would be of either type."""
    for part in walk(items):
        if isinstance(part, ListOf) and any(item.type == INTEGER for item in part.items):
            return True
        values = part.value if isinstance(part, Constant) else ()
        if isinstance(values, tuple) and any(isinstance(value, int) for value in values):
            return True
    return False
