"""The type check: from what was written to what it means, with everything that is wrong.

A node that is wrong becomes None and is not complained about again above, so that one slip
gives one message.
"""

from typing import Final

from funnelflow.criteria.check_names import (
    NOTHING,
    CheckContext,
    check_name,
    check_select,
    joined,
    kind_words,
)
from funnelflow.criteria.check_operations import (
    check_arithmetic,
    check_call,
    check_compare,
    check_has,
    check_in,
)
from funnelflow.criteria.parser import (
    Binary,
    CallSyntax,
    Choice,
    Index,
    ListSyntax,
    Literal,
    Logic,
    Name,
    Select,
    Syntax,
    Unary,
)
from funnelflow.criteria.tree import (
    And,
    Conditional,
    Constant,
    ListOf,
    Negate,
    Node,
    Not,
    Or,
    Read,
    Widen,
)
from funnelflow.criteria.types import BOOLEAN, INTEGER, NUMBER, TEXT, Scalar, Type, Value, list_of

_EXAMPLES: Final = {TEXT: '{} != ""', NUMBER: "{} > 0", INTEGER: "{} > 0"}
_NUMBERS: Final = list_of(NUMBER)
"""Such a list may hold integers among its numbers, as they were written."""
_SAME: Final = "give both branches the same type"
_LITERALS: Final = {bool: BOOLEAN, int: INTEGER, float: NUMBER, str: TEXT}


def check_whole(checking: CheckContext, syntax: Syntax, expect: Type | None) -> Node | None:
    """Give the meaning of a whole expression, whose type must be `expect` where that is given."""
    node = check(checking, syntax)
    if node is None or expect is None or (node.type == expect and expect != _NUMBERS):
        return node
    if joined(node.type, expect) == expect or _widens(node.type, expect):
        return Widen(node.start, node.end, node, expect)
    if expect == BOOLEAN:
        _no_condition(checking, node)
    else:
        checking.problem(
            "E147", f"this is {kind_words(node.type)}, where {kind_words(expect)} is wanted", node
        )
    return None


def check(  # noqa: C901, PLR0911  # one case a kind of syntax
    checking: CheckContext, syntax: Syntax
) -> Node | None:
    """Give the meaning of a part of an expression; None when something in it is wrong."""
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
    """Give the meaning of a literal; None for one that was reported when it was read."""
    if syntax.value is None:
        return None
    return Constant(syntax.start, syntax.end, syntax.value, _LITERALS[type(syntax.value)])


def _widens(given: Type, wanted: Type) -> bool:
    """Tell whether integers are given where numbers are wanted."""
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
    """Say how a value that is no condition becomes one."""
    text = checking.text(node)
    compared = f"size({text}) > 0" if node.type.is_list else _EXAMPLES.get(node.type, "")
    help_ = f"compare it, like {compared.format(text)}" if compared else "compare it"
    if isinstance(node, Constant):
        help_ = "compare it with a field"
    elif isinstance(node, Read):
        help_ = f"write has({text}), or {help_}"
    checking.problem("E143", f"{text} is {kind_words(node.type)}, not a condition", node, help_)


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
    checking.problem("E142", f"- has no meaning before {kind_words(node.type)}", syntax)
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
    checking.problem(
        "E144",
        f"the branches of ? are {kind_words(then.type)} and {kind_words(other.type)}",
        syntax,
        "write 1.0 for 1" if then.type.is_numeric and other.type.is_numeric else _SAME,
    )
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
            checking.problem("E146", "a list cannot hold lists", item, "list single values")
            return None
        if not compares_in_list(kind, item.type):
            checking.problem(
                "E145",
                f"the list holds {kind_words(kind)} and {kind_words(item.type)}",
                item,
                "list values of one type",
            )
            return None
        kind = item.type if kind != NUMBER else NUMBER
    return _list_node(syntax, sound, list_of(kind))


def compares_in_list(kind: Type, item: Type) -> bool:
    """Tell whether an item goes with those before it; integers and numbers mix."""
    return kind in (NOTHING, item) or (kind.is_numeric and item.is_numeric)


def _list_node(syntax: ListSyntax, items: tuple[Node, ...], kind: Type) -> Node:
    """Give a list as one constant, if all its items are constants."""
    values: list[Scalar] = []
    for item in items:
        if not isinstance(item, Constant) or isinstance(item.value, tuple):
            return ListOf(syntax.start, syntax.end, items, kind)
        values.append(item.value)
    value: Value = tuple(values)
    return Constant(syntax.start, syntax.end, value, kind)


def _call(checking: CheckContext, syntax: CallSyntax) -> Node | None:
    """Check a call; ``has`` looks at a name, all others at values."""
    if syntax.of is None and syntax.name == "has":
        return check_has(checking, syntax)
    return check_call(checking, syntax, lambda part: check(checking, part))


def _index(checking: CheckContext, syntax: Index) -> Node | None:
    """Say what to write for ``of[item]``, which there is not."""
    item = syntax.item
    if isinstance(syntax.of, Name) and isinstance(item, Literal) and isinstance(item.value, str):
        help_ = f"write {syntax.of.name}.{item.value}"
    else:
        help_ = "use in or size() on a list"
    checking.problem(
        "E122", "nothing can be picked out with [ ]", syntax, help_, start=syntax.of.end
    )
    return None
