"""Calls in an expression: the few functions there are, and a word about those there are not."""

from collections.abc import Callable
from typing import Final, TypeAlias

from funnelflow.criteria.check_names import find_field
from funnelflow.criteria.checking import Checking, kind_words
from funnelflow.criteria.durations import DurationError, parse_cel_duration
from funnelflow.criteria.scope import ROOTS
from funnelflow.criteria.syntax import Call, Literal, Name, Select, Syntax
from funnelflow.criteria.timestamps import TimestampError, parse_timestamp
from funnelflow.criteria.tree import Constant, Has, Node, Size, TextTest
from funnelflow.criteria.types import DURATION, TEXT, TIMESTAMP
from funnelflow.errors import nearest

__all__ = ["check_call", "check_has"]

Check: TypeAlias = Callable[[Syntax], Node | None]

_TESTS: Final = ("startsWith", "endsWith", "contains")
_FUNCTIONS: Final = ("has", "size", "timestamp", "duration")
_MACROS: Final = frozenset({"all", "exists", "exists_one", "existsOne", "map", "filter"})
_OTHERS: Final = frozenset(
    {
        "int", "uint", "double", "string", "bytes", "bool", "type", "dyn", "getDate",
        "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear", "getHours",
        "getMilliseconds", "getMinutes", "getMonth", "getSeconds",
    }
)  # fmt: skip
_MEANT: Final = {
    "len": "size", "length": "size", "count": "size", "startswith": "startsWith",
    "starts_with": "startsWith", "endswith": "endsWith", "ends_with": "endsWith",
    "includes": "contains", "date": "timestamp", "datetime": "timestamp", "exist": "has",
    "defined": "has", "isset": "has",
}  # fmt: skip


def check_has(checking: Checking, syntax: Call) -> Node | None:
    """Give the meaning of ``has(contact.x)``."""
    arguments = syntax.arguments
    if len(arguments) == 1 and isinstance(arguments[0], Select):
        found = find_field(checking, arguments[0])
        return None if found is None else Has(syntax.start, syntax.end, *found)
    help_ = "write has(contact.x)"
    if len(arguments) == 1 and isinstance(arguments[0], Name | Literal):
        name = arguments[0].name if isinstance(arguments[0], Name) else arguments[0].value
        known = [root for root in ROOTS if name in checking.scope.fields(root)]
        help_ = f"write has({known[0]}.{name})" if known else help_
    checking.problem("E133", "has() takes one field", syntax, help_)
    return None


def check_call(checking: Checking, syntax: Call, check: Check) -> Node | None:
    """Give the meaning of a call of anything but ``has``."""
    if syntax.name == "size":
        return _size(checking, syntax, check)
    if syntax.of is None and syntax.name in ("timestamp", "duration"):
        return _constant(checking, syntax)
    if syntax.of is not None and syntax.name in _TESTS:
        return _text_test(checking, syntax, check)
    _unknown(checking, syntax)
    return None


def _size(checking: Checking, syntax: Call, check: Check) -> Node | None:
    """Check ``size(x)`` or ``x.size()``."""
    given = [*([syntax.of] if syntax.of is not None else []), *syntax.arguments]
    if len(given) != 1:
        checking.problem("E127", "size() takes one text or list", syntax, "write size(contact.x)")
        return None
    item = check(given[0])
    if item is None or item.type == TEXT or item.type.is_list:
        return None if item is None else Size(syntax.start, syntax.end, item)
    message = f"{kind_words(item.type)} has no size"
    checking.problem("E148", message, item, "size() counts characters of a text or items of a list")
    return None


def _constant(checking: Checking, syntax: Call) -> Node | None:
    """Check ``timestamp("…")`` or ``duration("…")``, whose text must be written out."""
    argument = syntax.arguments[0] if len(syntax.arguments) == 1 else None
    if not isinstance(argument, Literal) or not isinstance(argument.value, str):
        example = "2026-03-01T00:00:00Z" if syntax.name == "timestamp" else "720h"
        help_ = f'write {syntax.name}("{example}")'
        checking.problem("E127", f"{syntax.name}() takes a text in quotes", syntax, help_)
        return None
    place = (syntax.start, syntax.end)
    try:
        if syntax.name == "timestamp":
            return Constant(*place, parse_timestamp(argument.value, strict=True), TIMESTAMP)
        return Constant(*place, parse_cel_duration(argument.value), DURATION)
    except (TimestampError, DurationError) as error:
        code = "E152" if "microsecond" in str(error) else None
        code = code or ("E150" if syntax.name == "timestamp" else "E151")
        checking.problem(code, str(error), argument, error.help)
        return None


def _text_test(checking: Checking, syntax: Call, check: Check) -> Node | None:
    """Check ``text.startsWith(part)`` and its siblings."""
    assert syntax.of is not None
    text = check(syntax.of)
    parts = [check(argument) for argument in syntax.arguments]
    if len(parts) != 1:
        checking.problem(
            "E127", f"{syntax.name}() takes one text", syntax, f'write .{syntax.name}("…")'
        )
        return None
    part = parts[0]
    if text is None or part is None:
        return None
    for node in (text, part):
        if node.type != TEXT:
            _no_text(checking, syntax, node, text, part)
            return None
    return TextTest(syntax.start, syntax.end, syntax.name, text, part)


def _no_text(checking: Checking, syntax: Call, node: Node, text: Node, part: Node) -> None:
    """Say that something must be text for a text test."""
    help_ = "put it in quotes" if isinstance(node, Constant) else ""
    if node is text and node.type.is_list and syntax.name == "contains":
        help_ = f"write {checking.text(part)} in {checking.text(text)}"
    message = f"{syntax.name}() looks at text, and this is {kind_words(node.type)}"
    checking.problem("E148", message, node, help_)


def _unknown(checking: Checking, syntax: Call) -> None:
    """Say what to do about a function that is not there."""
    name, end = syntax.name, syntax.name_start + len(syntax.name)
    code, message, help_ = "E126", f"there is no function {name}()", ""
    if name == "matches":
        code, message = "E123", "there are no regular expressions"
        help_ = "use startsWith, endsWith or contains"
    elif name in _MACROS and syntax.of is not None:
        code, message, help_ = "E124", f"there is no {name}() here", "use in or size() on a list"
    elif name in _OTHERS:
        code, message = "E125", f"{name}() is not among the functions of a criterion"
        help_ = "compare the value as it is"
    elif guess := _MEANT.get(name.lower()) or nearest(name, [*_FUNCTIONS, *_TESTS]):
        help_ = f"did you mean {_form(guess)}?"
    else:
        help_ = f"there are: {', '.join([*_FUNCTIONS, *_TESTS])}"
    if syntax.of is None and name in _TESTS:
        message, help_ = f"{name}() stands behind a text", f"write {_form(name)}"
    checking.problem(code, message, syntax, help_, start=syntax.name_start, end=end)


def _form(name: str) -> str:
    """Show how a function is written."""
    if name in _TESTS:
        return f'contact.x.{name}("…")'
    return f"{name}(contact.x)" if name in ("has", "size") else f'{name}("…")'
