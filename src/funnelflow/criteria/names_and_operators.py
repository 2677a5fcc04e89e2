"""Names and operators of an expression: what they mean, and what was probably meant instead.

Names are fields and the time; operators say which types go together.
"""

import datetime as dt
from typing import Final

from attrs import define, field

from funnelflow.criteria.expression_problems import MORE, ExpressionProblem
from funnelflow.criteria.fields import Field, Scope
from funnelflow.criteria.times import TimeTextError, parse_timestamp, timestamp_json
from funnelflow.criteria.tree import (
    Arithmetic,
    Binary,
    Compare,
    Constant,
    In,
    Item,
    Literal,
    Name,
    Node,
    Now,
    Read,
    Select,
    Syntax,
)
from funnelflow.criteria.value_forms import (
    BOOLEAN,
    DURATION,
    INTEGER,
    NUMBER,
    TEXT,
    TIMESTAMP,
    Type,
    Value,
    list_of,
    listed,
)
from funnelflow.errors import nearest

ROOTS: Final = ("contact", "event")
"""The names before the dot."""


NOTHING: Final = Type("nothing")
"""The type of the items of an empty list, which goes with every other."""

_WORDS: Final = {
    "boolean": "yes or no",
    "integer": "a whole number",
    "number": "a number",
    "text": "text",
    "timestamp": "a timestamp",
    "duration": "a duration",
}


@define
class CheckContext:
    """One type check under way."""

    source: str
    scope: Scope
    problems: list[ExpressionProblem] = field(factory=list)
    item: tuple[str, Type] | None = None
    """The name of the item that the macro around looks at, and its type."""

    def report(
        self,
        code: str,
        at: Syntax | Node | tuple[int, int],
        variant: str = "",
        /,
        **parameters: object,
    ) -> None:
        """Report a problem.

        Args:
            code: A code of `EXPRESSION_CODES`.
            at: The part of the expression, or where that begins and ends.
            variant: Which of the code's wordings it has; empty for the first.
            parameters: What the wording is filled in with.
        """
        start, end = at if isinstance(at, tuple) else (at.start, at.end)
        self.problems.append(ExpressionProblem(code, start, end, parameters, variant))

    def text(self, at: Syntax | Node) -> str:
        """Return what was written, cut where it is long."""
        text = " ".join(self.source[at.start : at.end].split())
        return text if len(text) <= 40 else text[:39] + "…"  # noqa: PLR2004  # a line of help


def kind_words(kind: Type) -> str:
    """Return what a value of a type is called: ``a number``, ``a list of text``."""
    if kind.item is None:
        return _WORDS.get(kind.name, kind.name)
    return "an empty list" if kind.item == NOTHING else f"a list of {kind.item.name}"


def compares(left: Type, right: Type) -> bool:
    """Whether values of two types can be equal."""
    if left.item is not None and right.item is not None:
        return NOTHING in (left.item, right.item) or compares(left.item, right.item)
    return left == right or (left.is_numeric and right.is_numeric)


def joined(left: Type, right: Type) -> Type | None:
    """Return the type that values of both types have, where CEL sees one; None if there is none."""
    if left == right or right == list_of(NOTHING):
        return left
    return right if left == list_of(NOTHING) else None


_LISTED: Final = 6
_TRUTH: Final = {"yes": "true", "no": "false", "True": "true", "False": "false"}
_NOTHING: Final = frozenset({"null", "None", "nil", "NULL", "undefined", "empty", "unknown"})


def check_name(checking: CheckContext, syntax: Name) -> Node | None:
    """Return the meaning of a bare name: ``now``, or the item that a macro looks at."""
    if syntax.name == "now":
        return Now(syntax.start, syntax.end)
    if checking.item is not None and syntax.name == checking.item[0]:
        return Item(syntax.start, syntax.end, *checking.item)
    code, variant, parameters = _bare(checking, syntax.name)
    checking.report(code, syntax, variant, name=syntax.name, **parameters)
    return None


def check_select(checking: CheckContext, syntax: Select) -> Node | None:
    """Return the meaning of ``contact.x`` or ``event.x``."""
    found = find_field(checking, syntax)
    return None if found is None else Read(syntax.start, syntax.end, *found)


def find_field(checking: CheckContext, syntax: Select) -> tuple[str, Field] | None:
    """Return the root and the field that ``root.name`` names; None if it is reported."""
    of = syntax.of
    if not isinstance(of, Name) or of.name not in ROOTS:
        _not_a_root(checking, syntax, of)
        return None
    found = checking.scope.fields(of.name).get(syntax.name)
    if found is not None:
        return of.name, found
    parameters = _nearest_field(checking, of.name, syntax.name)
    span = (syntax.end - len(syntax.name), syntax.end)
    checking.report("E130", span, root=of.name, name=syntax.name, **parameters)
    return None


def _bare(checking: CheckContext, name: str) -> tuple[str, str, dict[str, str]]:
    """Return what is wrong with a name that has no meaning: code, variant and parameters."""
    if name in _NOTHING:
        return "E121", "", {}
    if name in _TRUTH:
        return "E131", "unknown", {"meant": _TRUTH[name]}
    if name in ROOTS:
        return "E131", "root", {}
    for root in ROOTS:
        if name in checking.scope.fields(root):
            return "E131", "no_root", {"meant": f"{root}.{name}"}
    return "E131", "unknown", _guess(checking, name)


def _guess(checking: CheckContext, name: str) -> dict[str, str]:
    """Return which name was probably meant."""
    known = {field: root for root in reversed(ROOTS) for field in checking.scope.fields(root)}
    guess = nearest(name, [*known, "now", *ROOTS])
    if guess is None:
        return {}
    return {"guess": f"{known[guess]}.{guess}" if guess in known else guess}


def _nearest_field(checking: CheckContext, root: str, name: str) -> dict[str, object]:
    """Return which field was probably meant, or which there are."""
    fields = checking.scope.fields(root)
    guess = nearest(name, fields)
    if guess:
        return {"guess": f"{root}.{guess}"}
    for other in ROOTS:
        if name in checking.scope.fields(other):
            return {"guess": f"{other}.{name}"}
    more = (MORE,) if len(fields) > _LISTED else ()
    return {"known": (*sorted(fields)[:_LISTED], *more)} if fields else {}


def _not_a_root(checking: CheckContext, syntax: Select, of: Syntax) -> None:
    """Report a dot behind something that has no fields."""
    if isinstance(of, Name):
        root = nearest(of.name, ROOTS) or "contact"
        checking.report("E131", of, "no_fields", name=of.name, meant=f"{root}.{syntax.name}")
        return
    span = (syntax.end - len(syntax.name) - 1, syntax.end)
    if isinstance(of, Select) and (found := find_field(checking, of)):
        text, kind = checking.text(of), kind_words(found[1].type)
        checking.report("E132", span, "of_field", text=text, kind=kind)
    elif not isinstance(of, Select):
        checking.report("E132", span, "of_value", name=syntax.name)


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
    """Return the meaning of a comparison."""
    if not compares(left.type, right.type):
        _no_comparison(checking, syntax, left, right)
        return None
    if syntax.operator in _ORDER and left.type.is_list:
        checking.report("E142", syntax, "order")
        return None
    node = Compare(syntax.start, syntax.end, syntax.operator, left, right)
    if syntax.operator in ("==", "!="):
        sound = _check_choice(checking, left, right) and _check_choice(checking, right, left)
        return node if sound else None
    return node


def check_in(checking: CheckContext, syntax: Binary, left: Node, right: Node) -> Node | None:
    """Return the meaning of ``item in list``."""
    if right.type.item is None:
        parameters = {"kind": kind_words(right.type), "text": checking.text(right)}
        if right.type == TEXT and left.type == TEXT:
            parameters["part"] = checking.text(left)
        checking.report("E140", right, "not_a_list", **parameters)
        return None
    if right.type.item != NOTHING and not compares(left.type, right.type.item):
        checking.report("E140", syntax, "never_in", **_kinds(left, right))
        return None
    if not (_check_choice(checking, left, right) and _check_choice(checking, right, left)):
        return None
    return In(syntax.start, syntax.end, left, right)


def check_arithmetic(
    checking: CheckContext, syntax: Binary, left: Node, right: Node
) -> Node | None:
    """Return the meaning of an arithmetical operation."""
    kind = _RESULTS.get((syntax.operator, left.type, right.type))
    if kind is None and syntax.operator == "+" and left.type.is_list and right.type.is_list:
        kind = joined(left.type, right.type)
    if kind is not None:
        return Arithmetic(syntax.start, syntax.end, syntax.operator, left, right, kind)
    if {left.type, right.type} == {INTEGER, NUMBER} and syntax.operator != "%":
        _mixed_numbers(checking, syntax, left, right)
        return None
    variant = _arithmetic_variant(syntax.operator, left.type, right.type)
    checking.report("E142", syntax, variant, operator=syntax.operator, **_kinds(left, right))
    return None


def _kinds(left: Node, right: Node) -> dict[str, str]:
    """Return what the values of both sides are called."""
    return {"left": kind_words(left.type), "right": kind_words(right.type)}


def _mixed_numbers(checking: CheckContext, syntax: Binary, left: Node, right: Node) -> None:
    """Report that CEL does not calculate with whole numbers and numbers mixed."""
    whole = left if left.type == INTEGER else right
    constant = {"whole": checking.text(whole)} if isinstance(whole, Constant) else {}
    checking.report("E141", syntax, operator=syntax.operator, **constant)


def _arithmetic_variant(operator: str, left: Type, right: Type) -> str:
    """Return the wording that says what goes instead, for what people try."""
    kinds = {left, right}
    if TIMESTAMP in kinds and kinds & {INTEGER, NUMBER}:
        return "times"
    if TEXT in kinds and operator == "+":
        return "texts"
    return "remainder" if operator == "%" and kinds <= {INTEGER, NUMBER} else "types"


def _no_comparison(checking: CheckContext, syntax: Binary, left: Node, right: Node) -> None:
    """Report that two values never compare."""
    if isinstance(left, Compare) and isinstance(syntax.left, Binary) and right.type != BOOLEAN:
        checking.report(
            "E120",
            syntax,
            first=checking.text(left),
            middle=checking.text(left.right),
            operator=syntax.operator,
            last=checking.text(right),
        )
        return
    code, variant, parameters = _what_compares(checking, syntax, left, right)
    checking.report(code, syntax, variant, **_kinds(left, right), **parameters)


def _what_compares(
    checking: CheckContext, syntax: Binary, left: Node, right: Node
) -> tuple[str, str, dict[str, str]]:
    """Return what to report of two types that do not compare: code, variant and parameters."""
    sides = ((left, right, syntax.right), (right, left, syntax.left))
    for value, other, written in sides:
        if value.type == TIMESTAMP and (text := _date_text(other, written)):
            return "E153", "", {"timestamp": text}
    for value, other, _ in sides:
        if found := _meant_by(checking, value, other):
            return "E140", *found
    return "E140", "types", {}


def _date_text(node: Node, written: Syntax) -> str:
    """Return the timestamp that a text, or a date without quotes, was meant to be; or nothing."""
    if isinstance(node, Constant) and isinstance(node.value, str):
        try:
            return _plain(parse_timestamp(node.value, dt.UTC))
        except TimeTextError:
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
    """Return the numbers of ``2026-03-01``, which reads as a subtraction."""
    if isinstance(written, Literal):
        value = written.value
        return [value] if isinstance(value, int) and not isinstance(value, bool) else []
    if isinstance(written, Binary) and written.operator == "-":
        return [*_subtracted(written.left), *_subtracted(written.right)]
    return []


def _meant_by(  # noqa: PLR0911  # one a pair of types
    checking: CheckContext, value: Node, other: Node
) -> tuple[str, dict[str, str]] | None:
    """Return how the other side is meant as a value of the type of this one, if one can know."""
    text = checking.text(other)
    constant = other.value if isinstance(other, Constant) else None
    if value.type.is_list and not other.type.is_list:
        return "types", {"item": text, "list": checking.text(value)}
    if value.type == TEXT and constant is not None and other.type != TEXT:
        return "types", {"quoted": text}
    if value.type.is_numeric and isinstance(constant, str) and _is_number(constant):
        return "types", {"unquoted": constant}
    if value.type == BOOLEAN and isinstance(constant, str):
        return "boolean", {}
    if value.type == DURATION and other.type.is_numeric:
        return "duration", {}
    if value.type == TIMESTAMP and constant is not None and other.type != DURATION:
        return "timestamp", {}
    if value.type == TIMESTAMP and other.type == DURATION:
        return "age", {"field": checking.text(value)}
    return None


def _is_number(text: str) -> bool:
    """Whether a text holds nothing but a number."""
    return text.isascii() and text.replace(".", "", 1).isdigit()


def _check_choice(checking: CheckContext, read: Node, other: Node) -> bool:
    """Whether constants are among the choices of a field; those that are not are reported."""
    if not (isinstance(read, Read) and read.field.choices and isinstance(other, Constant)):
        return True
    values = other.value if isinstance(other.value, tuple) else (other.value,)
    wrong = [value for value in values if value not in read.field.choices]
    for value in wrong:
        _no_choice(checking, read, other, value)
    return not wrong


def _no_choice(checking: CheckContext, read: Read, other: Constant, value: Value) -> None:
    """Report a value that is none of a field's."""
    names = [str(choice) for choice in read.field.choices]
    guess = nearest(str(value), names)
    help_ = {"choices": listed(names)}
    if guess:
        help_ = {"guess": f'"{guess}"' if isinstance(value, str) else guess}
    shown = f'"{value}"' if isinstance(value, str) else str(value)
    checking.report("E154", other, value=shown, field=checking.text(read), **help_)
