"""The type check: from what was written to what it means, with everything that is wrong.

A node that is wrong becomes None and is not complained about again above, so that one mistake
gives one message.
"""

import datetime as dt
import re
from typing import Final

from funnelflow.criteria.evaluate import MACROS
from funnelflow.criteria.functions import CONVERSIONS, OF_TEXT, OF_TIME, result_type, zone_of
from funnelflow.criteria.macros import check_macro
from funnelflow.criteria.names_and_operators import (
    NOTHING,
    ROOTS,
    CheckContext,
    check_arithmetic,
    check_compare,
    check_in,
    check_name,
    check_select,
    find_field,
    joined,
    kind_words,
)
from funnelflow.criteria.times import (
    TimeTextError,
    parse_cel_duration,
    parse_duration,
    parse_timestamp,
)
from funnelflow.criteria.tree import (
    And,
    Apply,
    Binary,
    CallSyntax,
    Choice,
    Conditional,
    Constant,
    Has,
    Index,
    ListOf,
    ListSyntax,
    Literal,
    Logic,
    Name,
    Negate,
    Node,
    Not,
    Or,
    Read,
    Select,
    Size,
    Syntax,
    TextTest,
    Unary,
    Widen,
)
from funnelflow.criteria.value_forms import (
    BOOLEAN,
    DURATION,
    INTEGER,
    NUMBER,
    TEXT,
    TIMESTAMP,
    Scalar,
    Type,
    Value,
    list_of,
)
from funnelflow.errors import nearest

_TESTS: Final = ("startsWith", "endsWith", "contains")
_FUNCTIONS: Final = ("has", "size", "timestamp", "duration", *CONVERSIONS)
_METHODS: Final = (*OF_TEXT, *OF_TIME)
_DAYS: Final = re.compile(r"[0-9][dw]")
_NO_MACROS: Final = frozenset({"existsOne", "map", "filter"})
_OTHERS: Final = frozenset(
    {
        "uint", "bytes", "bool", "type", "dyn",
    }
)  # fmt: skip
_MEANT: Final = {
    "len": "size", "length": "size", "count": "size", "startswith": "startsWith",
    "starts_with": "startsWith", "endswith": "endsWith", "ends_with": "endsWith",
    "includes": "contains", "date": "timestamp", "datetime": "timestamp", "exist": "has",
    "defined": "has", "isset": "has", "lower": "lowerAscii", "upper": "upperAscii",
    "tolower": "lowerAscii", "toupper": "upperAscii", "float": "double", "str": "string",
    "strip": "trim", "year": "getFullYear", "month": "getMonth", "weekday": "getDayOfWeek",
}  # fmt: skip


_EXAMPLES: Final = {TEXT: '{} != ""', NUMBER: "{} > 0", INTEGER: "{} > 0"}
_NUMBERS: Final = list_of(NUMBER)
"""Such a list may hold integers among its numbers, as they were written."""
_LITERALS: Final = {bool: BOOLEAN, int: INTEGER, float: NUMBER, str: TEXT}


def check_whole(checking: CheckContext, syntax: Syntax, expect: Type | None) -> Node | None:
    """Return the meaning of a whole expression, whose type must be `expect` where that is given."""
    node = check(checking, syntax)
    if node is None or expect is None or (node.type == expect and expect != _NUMBERS):
        return node
    if joined(node.type, expect) == expect or _widens(node.type, expect):
        return Widen(node.start, node.end, node, expect)
    if expect == BOOLEAN:
        _no_condition(checking, node)
    else:
        kind, wanted = kind_words(node.type), kind_words(expect)
        checking.report("E147", node, kind=kind, wanted=wanted)
    return None


def check(  # noqa: C901, PLR0911  # one case a kind of syntax
    checking: CheckContext, syntax: Syntax
) -> Node | None:
    """Return the meaning of a part of an expression; None when something in it is wrong."""
    match syntax:
        case Literal():
            return _literal(syntax)
        case Name():
            return check_name(checking, syntax)
        case Select():
            return check_select(checking, syntax)
        case Logic():
            return _logic(checking, syntax)
        case Binary():
            return _binary(checking, syntax)
        case Unary():
            return _unary(checking, syntax)
        case Choice():
            return _choice(checking, syntax)
        case ListSyntax():
            return _list(checking, syntax)
        case CallSyntax():
            return _call(checking, syntax)
        case Index():
            return _index(checking, syntax)


def _literal(syntax: Literal) -> Node | None:
    """Return the meaning of a literal; None for one that was reported when it was read."""
    if syntax.value is None:
        return None
    return Constant(syntax.start, syntax.end, syntax.value, _LITERALS[type(syntax.value)])


def _widens(given: Type, wanted: Type) -> bool:
    """Whether integers are given where numbers are wanted."""
    if given.item is not None and wanted.item is not None:
        return _widens(given.item, wanted.item)
    return given == INTEGER and wanted == NUMBER


def _logic(checking: CheckContext, syntax: Logic) -> Node | None:
    """Check the operands of ``&&`` or ``||``."""
    items = [_condition(checking, item) for item in syntax.items]
    sound = tuple([item for item in items if item is not None])
    if len(sound) < len(items):
        return None
    kind = And if syntax.operator == "&&" else Or
    return kind(syntax.start, syntax.end, sound)


def _condition(checking: CheckContext, syntax: Syntax) -> Node | None:
    """Check what must be true or false."""
    node = check(checking, syntax)
    if node is None or node.type == BOOLEAN:
        return node
    _no_condition(checking, node)
    return None


def _no_condition(checking: CheckContext, node: Node) -> None:
    """Report a value that is no condition."""
    text, kind = checking.text(node), kind_words(node.type)
    form = "size({}) > 0" if node.type.is_list else _EXAMPLES.get(node.type, "")
    example = {"example": form.format(text)} if form else {}
    variant = "value"
    if isinstance(node, Constant | Read):
        variant = "constant" if isinstance(node, Constant) else "field"
    checking.report("E143", node, variant, text=text, kind=kind, **example)


def _binary(checking: CheckContext, syntax: Binary) -> Node | None:
    """Check a comparison or an arithmetical operation."""
    left, right = check(checking, syntax.left), check(checking, syntax.right)
    if left is None or right is None:
        return None
    if syntax.operator == "in":
        return check_in(checking, syntax, left, right)
    if syntax.operator in ("+", "-", "*", "/", "%"):
        return check_arithmetic(checking, syntax, left, right)
    return check_compare(checking, syntax, left, right)


def _unary(checking: CheckContext, syntax: Unary) -> Node | None:
    """Check ``!`` or ``-``."""
    if syntax.operator == "!":
        item = _condition(checking, syntax.of)
        return None if item is None else Not(syntax.start, syntax.end, item)
    node = check(checking, syntax.of)
    if node is None or node.type.is_numeric:
        return None if node is None else Negate(syntax.start, syntax.end, node, node.type)
    checking.report("E142", syntax, "sign", kind=kind_words(node.type))
    return None


def _choice(checking: CheckContext, syntax: Choice) -> Node | None:
    """Check ``? :``, whose branches must be of one type."""
    test = _condition(checking, syntax.test)
    then, other = check(checking, syntax.then), check(checking, syntax.other)
    if test is None or then is None or other is None:
        return None
    kind = joined(then.type, other.type)
    if kind is not None:
        return Conditional(syntax.start, syntax.end, test, then, other, kind)
    numbers = then.type.is_numeric and other.type.is_numeric
    kinds = {"then": kind_words(then.type), "other": kind_words(other.type)}
    checking.report("E144", syntax, "numbers" if numbers else "types", **kinds)
    return None


def _list(checking: CheckContext, syntax: ListSyntax) -> Node | None:
    """Check a list, whose items must be single values of one type."""
    items = [check(checking, item) for item in syntax.items]
    sound = tuple([item for item in items if item is not None])
    if len(sound) < len(items):
        return None
    kind = NOTHING
    for item in sound:
        if item.type.is_list:
            checking.report("E146", item, "nested")
            return None
        if not compares_in_list(kind, item.type):
            first, other = kind_words(kind), kind_words(item.type)
            checking.report("E145", item, first=first, other=other)
            return None
        kind = item.type if kind != NUMBER else NUMBER
    return _list_node(syntax, sound, list_of(kind))


def compares_in_list(kind: Type, item: Type) -> bool:
    """Whether an item goes with those before it; integers and numbers mix."""
    return kind in (NOTHING, item) or (kind.is_numeric and item.is_numeric)


def _list_node(syntax: ListSyntax, items: tuple[Node, ...], kind: Type) -> Node:
    """Return a list as one constant, if all its items are constants."""
    values: list[Scalar] = []
    for item in items:
        if not isinstance(item, Constant) or isinstance(item.value, tuple):
            return ListOf(syntax.start, syntax.end, items, kind)
        values.append(item.value)
    value: Value = tuple(values)
    return Constant(syntax.start, syntax.end, value, kind)


def _index(checking: CheckContext, syntax: Index) -> Node | None:
    """Report ``of[item]``, which there is not."""
    item, field = syntax.item, {}
    if isinstance(syntax.of, Name) and isinstance(item, Literal) and isinstance(item.value, str):
        field = {"field": f"{syntax.of.name}.{item.value}"}
    checking.report("E122", (syntax.of.end, syntax.end), **field)
    return None


def _call(checking: CheckContext, syntax: CallSyntax) -> Node | None:
    """Check a call; ``has`` looks at a name, all others at values."""
    if syntax.of is None and syntax.name == "has":
        return _has(checking, syntax)
    return _other_call(checking, syntax)


def _has(checking: CheckContext, syntax: CallSyntax) -> Node | None:
    """Return the meaning of ``has(contact.x)``."""
    arguments = syntax.arguments
    if len(arguments) == 1 and isinstance(arguments[0], Select):
        found = find_field(checking, arguments[0])
        return None if found is None else Has(syntax.start, syntax.end, *found)
    field = {}
    if len(arguments) == 1 and isinstance(arguments[0], Name | Literal):
        name = arguments[0].name if isinstance(arguments[0], Name) else arguments[0].value
        known = [root for root in ROOTS if name in checking.scope.fields(root)]
        field = {"field": f"{known[0]}.{name}"} if known else {}
    checking.report("E133", syntax, **field)
    return None


def _other_call(checking: CheckContext, syntax: CallSyntax) -> Node | None:
    """Return the meaning of a call of anything but ``has``."""
    if syntax.name == "size":
        return _size(checking, syntax)
    if syntax.of is not None and syntax.name in MACROS:
        return check_macro(checking, syntax, check, _condition)
    if syntax.of is None and syntax.name in ("timestamp", "duration"):
        return _time_constant(checking, syntax)
    if syntax.of is not None and syntax.name in _TESTS:
        return _text_test(checking, syntax)
    if syntax.name in (_METHODS if syntax.of is not None else CONVERSIONS):
        return _apply(checking, syntax)
    _unknown_function(checking, syntax)
    return None


def _size(checking: CheckContext, syntax: CallSyntax) -> Node | None:
    """Check ``size(x)`` or ``x.size()``."""
    given = [*([syntax.of] if syntax.of is not None else []), *syntax.arguments]
    if len(given) != 1:
        checking.report("E127", syntax, "size")
        return None
    item = check(checking, given[0])
    if item is None or item.type == TEXT or item.type.is_list:
        return None if item is None else Size(syntax.start, syntax.end, item)
    checking.report("E148", item, "size", kind=kind_words(item.type))
    return None


def _time_constant(checking: CheckContext, syntax: CallSyntax) -> Node | None:
    """Check ``timestamp("…")`` or ``duration("…")``, whose text must be written out."""
    argument = syntax.arguments[0] if len(syntax.arguments) == 1 else None
    if not isinstance(argument, Literal) or not isinstance(argument.value, str):
        example = "2026-03-01T00:00:00Z" if syntax.name == "timestamp" else "720h"
        checking.report("E127", syntax, "quoted", name=syntax.name, example=example)
        return None
    place = (syntax.start, syntax.end)
    try:
        if syntax.name == "timestamp":
            return Constant(*place, parse_timestamp(argument.value, strict=True), TIMESTAMP)
        return Constant(*place, _duration(argument.value), DURATION)
    except TimeTextError as error:
        code = "E150" if syntax.name == "timestamp" else "E151"
        code = "E152" if error.is_too_fine else code
        checking.report(code, argument, reason=str(error), advice=error.hint)
        return None


def _duration(text: str) -> dt.timedelta:
    """Read the text of ``duration("…")``: as CEL has it, or in days and weeks, as ``after`` does.

    Raises:
        TimeTextError: It is neither.
    """
    if _DAYS.search(text):
        return parse_duration(text)
    return parse_cel_duration(text)


def _apply(checking: CheckContext, syntax: CallSyntax) -> Node | None:
    """Check a function of one value: ``int(x)``, ``x.lowerAscii()``, ``x.getMonth("zone")``."""
    name, arguments = syntax.name, list(syntax.arguments)
    given = syntax.of if syntax.of is not None else arguments.pop(0) if arguments else None
    zone = arguments.pop() if name in OF_TIME and arguments else None
    if given is None or arguments:
        checking.report("E127", syntax, "one", name=name, meant=_form(name))
        return None
    said = "" if zone is None else zone.value if isinstance(zone, Literal) else None
    if not isinstance(said, str) or (zone is not None and zone_of(said) is None):
        assert zone is not None
        checking.report("E127", zone, "zone", name=name)
        return None
    item = check(checking, given)
    if item is None:
        return None
    kind = result_type(name, item.type)
    if kind is None:
        checking.report("E148", item, "given", name=name, kind=kind_words(item.type))
        return None
    return Apply(syntax.start, syntax.end, name, item, kind, said)


def _text_test(checking: CheckContext, syntax: CallSyntax) -> Node | None:
    """Check ``text.startsWith(part)`` and its siblings."""
    assert syntax.of is not None
    text = check(checking, syntax.of)
    parts = [check(checking, argument) for argument in syntax.arguments]
    if len(parts) != 1:
        checking.report("E127", syntax, "text_test", name=syntax.name)
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
    """Report that something must be text for a text test."""
    parameters = {"name": syntax.name, "kind": kind_words(node.type)}
    if node is text and node.type.is_list and syntax.name == "contains":
        parameters |= {"part": checking.text(part), "list": checking.text(text)}
    variant = "constant" if isinstance(node, Constant) and "list" not in parameters else "text_test"
    checking.report("E148", node, variant, **parameters)


def _unknown_function(checking: CheckContext, syntax: CallSyntax) -> None:
    """Report a function that is not there."""
    name, start = syntax.name, syntax.name_start
    code, variant, parameters = _no_function(name, is_method=syntax.of is not None)
    checking.report(code, (start, start + len(name)), variant, name=name, **parameters)


def _no_function(  # noqa: PLR0911  # one a kind of mistake
    name: str, *, is_method: bool
) -> tuple[str, str, dict[str, object]]:
    """Return what to report of a function that is not there: code, variant and parameters."""
    if name == "matches":
        return "E123", "", {}
    if name in _NO_MACROS and is_method:
        return "E124", "", {}
    if name in _OTHERS:
        return "E125", "", {}
    if name in MACROS:
        return "E128", "arguments", {}
    if name in (*_TESTS, *_METHODS) and not is_method:
        return "E126", "behind_text", {"meant": _form(name)}
    names = [*_FUNCTIONS, *_TESTS, *OF_TEXT, *OF_TIME, *MACROS]
    if guess := _MEANT.get(name.lower()) or nearest(name, names):
        return "E126", "unknown", {"guess": _form(guess)}
    return "E126", "unknown", {"known": tuple(names)}


def _form(name: str) -> str:
    """Return how a function is written."""
    if name in MACROS:
        return f'contact.x.{name}(item, item == "…")'
    if name in _TESTS:
        return f'contact.x.{name}("…")'
    if name in _METHODS:
        return f"contact.x.{name}()"
    return f"{name}(contact.x)" if name in ("has", "size", *CONVERSIONS) else f'{name}("…")'
