"""Comparisons and arithmetic: which types go together, and what to write where they do not."""

import datetime as dt
from collections.abc import Callable
from typing import Final, TypeAlias

from funnelflow.criteria.check_names import (
    NOTHING,
    ROOTS,
    CheckContext,
    compares,
    find_field,
    joined,
    kind_words,
)
from funnelflow.criteria.parser import Binary, CallSyntax, Literal, Name, Select, Syntax
from funnelflow.criteria.parser import Literal as Written
from funnelflow.criteria.times import (
    DurationError,
    TimestampError,
    listed,
    parse_cel_duration,
    parse_timestamp,
    timestamp_json,
)
from funnelflow.criteria.tree import (
    Arithmetic,
    Compare,
    Constant,
    Has,
    In,
    Node,
    Read,
    Size,
    TextTest,
)
from funnelflow.criteria.types import (
    BOOLEAN,
    DURATION,
    INTEGER,
    NUMBER,
    TEXT,
    TIMESTAMP,
    Type,
    Value,
)
from funnelflow.errors import nearest

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


def check_has(checking: CheckContext, syntax: CallSyntax) -> Node | None:
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


def check_call(checking: CheckContext, syntax: CallSyntax, check: Check) -> Node | None:
    """Give the meaning of a call of anything but ``has``."""
    if syntax.name == "size":
        return _size(checking, syntax, check)
    if syntax.of is None and syntax.name in ("timestamp", "duration"):
        return _constant(checking, syntax)
    if syntax.of is not None and syntax.name in _TESTS:
        return _text_test(checking, syntax, check)
    _unknown(checking, syntax)
    return None


def _size(checking: CheckContext, syntax: CallSyntax, check: Check) -> Node | None:
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


def _constant(checking: CheckContext, syntax: CallSyntax) -> Node | None:
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


def _text_test(checking: CheckContext, syntax: CallSyntax, check: Check) -> Node | None:
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


def _no_text(
    checking: CheckContext, syntax: CallSyntax, node: Node, text: Node, part: Node
) -> None:
    """Say that something must be text for a text test."""
    help_ = "put it in quotes" if isinstance(node, Constant) else ""
    if node is text and node.type.is_list and syntax.name == "contains":
        help_ = f"write {checking.text(part)} in {checking.text(text)}"
    message = f"{syntax.name}() looks at text, and this is {kind_words(node.type)}"
    checking.problem("E148", message, node, help_)


def _unknown(checking: CheckContext, syntax: CallSyntax) -> None:
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


_ORDER: Final = frozenset({"<", "<=", ">", ">="})
_RESULTS: Final[dict[tuple[str, Type, Type], Type]] = {
    ("+", TEXT, TEXT): TEXT,
    ("+", TIMESTAMP, DURATION): TIMESTAMP,
    ("+", DURATION, TIMESTAMP): TIMESTAMP,
    ("+", DURATION, DURATION): DURATION,
    ("-", TIMESTAMP, DURATION): TIMESTAMP,
    ("-", TIMESTAMP, TIMESTAMP): DURATION,
    ("-", DURATION, DURATION): DURATION,
    **{(sign, INTEGER, INTEGER): INTEGER for sign in "+-*/%"},
    **{(sign, NUMBER, NUMBER): NUMBER for sign in "+-*/"},
}
_YEARS: Final = range(1900, 2200)


def check_compare(checking: CheckContext, syntax: Binary, left: Node, right: Node) -> Node | None:
    """Give the meaning of a comparison."""
    if not compares(left.type, right.type):
        _no_comparison(checking, syntax, left, right)
        return None
    if syntax.operator in _ORDER and left.type.is_list:
        checking.problem("E142", "lists have no order", syntax, "compare size() of them")
        return None
    node = Compare(syntax.start, syntax.end, syntax.operator, left, right)
    if syntax.operator in ("==", "!="):
        sound = _check_choice(checking, left, right) and _check_choice(checking, right, left)
        return node if sound else None
    return node


def check_in(checking: CheckContext, syntax: Binary, left: Node, right: Node) -> Node | None:
    """Give the meaning of ``item in list``."""
    if right.type.item is None:
        help_ = f"write [{checking.text(right)}]"
        if right.type == TEXT and left.type == TEXT:
            help_ = f"write {checking.text(right)}.contains({checking.text(left)})"
        message = f"in looks into a list, and this is {kind_words(right.type)}"
        checking.problem("E140", message, right, help_)
        return None
    if right.type.item != NOTHING and not compares(left.type, right.type.item):
        message = f"{kind_words(left.type)} is never in {kind_words(right.type)}"
        checking.problem("E140", message, syntax, "list values of its type")
        return None
    if not (_check_choice(checking, left, right) and _check_choice(checking, right, left)):
        return None
    return In(syntax.start, syntax.end, left, right)


def check_arithmetic(
    checking: CheckContext, syntax: Binary, left: Node, right: Node
) -> Node | None:
    """Give the meaning of an arithmetical operation."""
    kind = _RESULTS.get((syntax.operator, left.type, right.type))
    if kind is None and syntax.operator == "+" and left.type.is_list and right.type.is_list:
        kind = joined(left.type, right.type)
    if kind is not None:
        return Arithmetic(syntax.start, syntax.end, syntax.operator, left, right, kind)
    if {left.type, right.type} == {INTEGER, NUMBER} and syntax.operator != "%":
        _mixed_numbers(checking, syntax, left, right)
        return None
    words = f"{kind_words(left.type)} and {kind_words(right.type)}"
    help_ = _arithmetic_help(syntax.operator, left.type, right.type)
    checking.problem("E142", f"{syntax.operator} does not go with {words}", syntax, help_)
    return None


def _mixed_numbers(checking: CheckContext, syntax: Binary, left: Node, right: Node) -> None:
    """Say that CEL does not calculate with whole numbers and numbers mixed."""
    whole = left if left.type == INTEGER else right
    help_ = "give both the same type"
    if isinstance(whole, Constant):
        help_ = f"write {checking.text(whole)}.0"
    message = f"{syntax.operator} does not mix a number and a whole number"
    checking.problem("E141", message, syntax, help_)


def _arithmetic_help(operator: str, left: Type, right: Type) -> str:
    """Say what goes instead, for what people try."""
    kinds = {left, right}
    if TIMESTAMP in kinds and kinds & {INTEGER, NUMBER}:
        return 'add a duration, like duration("720h") for 30 days'
    if TEXT in kinds and operator == "+":
        return "only text is joined to text"
    return "% takes whole numbers" if operator == "%" and kinds <= {INTEGER, NUMBER} else ""


def _no_comparison(checking: CheckContext, syntax: Binary, left: Node, right: Node) -> None:
    """Say why two values never compare, and what to write."""
    if isinstance(left, Compare) and isinstance(syntax.left, Binary) and right.type != BOOLEAN:
        middle = checking.text(left.right)
        help_ = f"write {checking.text(left)} && {middle} {syntax.operator} {checking.text(right)}"
        checking.problem("E120", "comparisons do not chain", syntax, help_)
        return
    code, help_ = _comparison_help(checking, syntax, left, right)
    pair = f"{kind_words(left.type)} and {kind_words(right.type)}"
    checking.problem(code, f"{pair} do not compare", syntax, help_)


def _comparison_help(
    checking: CheckContext, syntax: Binary, left: Node, right: Node
) -> tuple[str, str]:
    """Give the code and the help for two types that do not compare."""
    sides = ((left, right, syntax.right), (right, left, syntax.left))
    for value, other, written in sides:
        if value.type == TIMESTAMP and (text := _date_text(other, written)):
            return "E153", f'write timestamp("{text}")'
    for value, other, _ in sides:
        if help_ := _literal_help(checking, value, other):
            return "E140", help_
    return "E140", ""


def _date_text(node: Node, written: Syntax) -> str:
    """Give the timestamp that a text, or a date without quotes, was meant to be; or nothing."""
    if isinstance(node, Constant) and isinstance(node.value, str):
        try:
            return _plain(parse_timestamp(node.value, dt.UTC))
        except TimestampError:
            return ""
    numbers = _subtracted(written)
    if len(numbers) == 3 and numbers[0] in _YEARS:  # noqa: PLR2004  # year, month, day
        try:
            return _plain(dt.datetime(numbers[0], numbers[1], numbers[2], tzinfo=dt.UTC))
        except ValueError:
            return ""
    return ""


def _plain(value: dt.datetime) -> str:
    """Write a timestamp without decimals that are none."""
    return timestamp_json(value).replace(".000000", "")


def _subtracted(written: Syntax) -> list[int]:
    """Give the numbers of ``2026-03-01``, which reads as a subtraction."""
    if isinstance(written, Written):
        value = written.value
        return [value] if isinstance(value, int) and not isinstance(value, bool) else []
    if isinstance(written, Binary) and written.operator == "-":
        return [*_subtracted(written.left), *_subtracted(written.right)]
    return []


def _literal_help(  # noqa: PLR0911  # one a pair of types
    checking: CheckContext, value: Node, other: Node
) -> str:
    """Say how the other side is written as a value of the type of this one."""
    text = checking.text(other)
    constant = other.value if isinstance(other, Constant) else None
    if value.type.is_list and not other.type.is_list:
        return f"write {text} in {checking.text(value)}"
    if value.type == TEXT and constant is not None and other.type != TEXT:
        return f'write "{text}"'
    if value.type.is_numeric and isinstance(constant, str) and _is_number(constant):
        return f"write {constant} without quotes"
    if value.type == BOOLEAN and isinstance(constant, str):
        return "compare with true or false"
    if value.type == DURATION and other.type.is_numeric:
        return 'write a duration, like duration("720h") for 30 days'
    if value.type == TIMESTAMP and constant is not None and other.type != DURATION:
        return 'write a timestamp, like timestamp("2026-03-01T00:00:00Z")'
    if value.type == TIMESTAMP and other.type == DURATION:
        return f"write now - {checking.text(value)} for how long ago it was"
    return ""


def _is_number(text: str) -> bool:
    """Tell whether a text holds nothing but a number."""
    return text.isascii() and text.replace(".", "", 1).isdigit()


def _check_choice(checking: CheckContext, read: Node, other: Node) -> bool:
    """Tell whether constants are among the choices of a field; those that are not are reported."""
    if not (isinstance(read, Read) and read.field.choices and isinstance(other, Constant)):
        return True
    values = other.value if isinstance(other.value, tuple) else (other.value,)
    wrong = [value for value in values if value not in read.field.choices]
    for value in wrong:
        _no_choice(checking, read, other, value)
    return not wrong


def _no_choice(checking: CheckContext, read: Read, other: Constant, value: Value) -> None:
    """Say that a value is none of a field's."""
    names = [str(choice) for choice in read.field.choices]
    guess = nearest(str(value), names)
    quoted = f'"{guess}"' if isinstance(value, str) else guess
    help_ = f"did you mean {quoted}?" if guess else f"its values are: {listed(names)}"
    shown = f'"{value}"' if isinstance(value, str) else str(value)
    checking.problem(
        "E154", f"{shown} is none of the values of {checking.text(read)}", other, help_
    )
