"""What operators and functions give, and where it is unknown; the compiled code calls them."""

import datetime as dt
import math
import operator
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from attrs import frozen

from funnelflow.criteria import tree
from funnelflow.criteria.times import SECONDS, in_range
from funnelflow.criteria.tree import Node
from funnelflow.criteria.value_forms import (
    DURATION,
    INT_MAX,
    INT_MIN,
    INTEGER,
    NUMBER,
    TEXT,
    TIMESTAMP,
    Facts,
    Fields,
    Scalar,
    Type,
)

EXACT: Final = 2**53
"""Up to here integers and numbers are the same; beyond, an integer may fall between numbers."""


Operation: TypeAlias = Callable[[Any, Any], Any]


def operation(sign: str, kind: Type, left: Type) -> Operation:
    """Return the function behind an operator, by the type of its result and of its left side.

    It gives None where one of its sides is unknown, or CEL has no result.
    """
    if kind.is_list:
        return _join
    if sign == "+" and kind == TIMESTAMP and left == DURATION:
        return _later_from
    return _OPERATIONS[sign, kind, left if left == TIMESTAMP else kind]


def _known(function: Operation) -> Operation:
    """Return an operation that is unknown where one of its sides is."""

    def apply(a: Any, b: Any) -> Any:
        return None if a is None or b is None else function(a, b)

    return apply


def _within(function: Operation) -> Operation:
    """Return an operation on integers that is unknown where its result is beyond 64 bits."""

    def apply(a: Any, b: Any) -> Any:
        if a is None or b is None:
            return None
        value = function(a, b)
        return value if INT_MIN <= value <= INT_MAX else None

    return apply


def _checked(value: int) -> int | None:
    return value if INT_MIN <= value <= INT_MAX else None


def _divide(a: int, b: int) -> int | None:
    if not b:
        return None
    quotient = abs(a) // abs(b)
    return _checked(quotient if (a < 0) == (b < 0) else -quotient)


def _remainder(a: int, b: int) -> int | None:
    if not b or (a == INT_MIN and b == -1):
        return None
    rest = abs(a) % abs(b)
    return rest if a >= 0 else -rest


def negated_integer(a: int | None) -> int | None:
    """Turn the sign of an integer; the smallest one has no counterpart."""
    return None if a is None else _checked(-a)


def negated_number(a: float | None) -> float | None:
    """Turn the sign of a number."""
    return None if a is None else -a


def _divide_numbers(a: float, b: float) -> float:
    if b:
        return a / b
    if a == 0 or math.isnan(a):
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def _later(a: dt.datetime, b: dt.timedelta) -> dt.datetime | None:
    try:
        return a + b
    except OverflowError:
        return None


def _between(a: dt.datetime, b: dt.datetime) -> dt.timedelta | None:
    """Return the duration from `b` to `a`.

    CEL's implementations count whole seconds first and turn them into nanoseconds, so the
    range ends a little earlier than that of durations (`SECONDS`).
    """
    value = a - b
    seconds = abs(a.replace(microsecond=0) - b.replace(microsecond=0))
    return value if seconds <= SECONDS and in_range(value) else None


def _longer(a: dt.timedelta, b: dt.timedelta) -> dt.timedelta | None:
    value = a + b
    return value if in_range(value) else None


_join = _known(operator.add)
_later_from = _known(lambda a, b: _later(b, a))
_ON_KNOWN: Final[dict[tuple[str, Type, Type], Operation]] = {
    ("/", INTEGER, INTEGER): _divide,
    ("%", INTEGER, INTEGER): _remainder,
    ("+", NUMBER, NUMBER): operator.add,
    ("-", NUMBER, NUMBER): operator.sub,
    ("*", NUMBER, NUMBER): operator.mul,
    ("/", NUMBER, NUMBER): _divide_numbers,
    ("+", TEXT, TEXT): operator.add,
    ("+", TIMESTAMP, TIMESTAMP): _later,
    ("-", TIMESTAMP, TIMESTAMP): lambda a, b: _later(a, -b),
    ("-", DURATION, TIMESTAMP): _between,
    ("-", DURATION, DURATION): lambda a, b: _longer(a, -b),
    ("+", DURATION, DURATION): _longer,
}
_OPERATIONS: Final = {
    ("+", INTEGER, INTEGER): _within(operator.add),
    ("-", INTEGER, INTEGER): _within(operator.sub),
    ("*", INTEGER, INTEGER): _within(operator.mul),
    **{signature: _known(function) for signature, function in _ON_KNOWN.items()},
}


def size_of(a: str | tuple[Scalar, ...] | None) -> int | None:
    """Count the characters (code points) of a text, or the items of a list."""
    return None if a is None else len(a)


def list_made(*items: Scalar | None) -> tuple[Scalar, ...] | None:
    """Return a list; unknown when one of its items is."""
    return None if None in items else items  # type: ignore[return-value]


def alike(a: Any, b: Any) -> tuple[Any, Any]:
    """Return two values as they compare: an integer beside a number as the nearest number.

    Python would compare them exactly. CEL does not: its conformance cases want
    ``9223372036854775807 < 9223372036854775808.0`` to be false.
    """
    if type(a) is int and type(b) is float:
        return float(a), b
    if type(a) is float and type(b) is int:
        return a, float(b)
    return a, b


def _equal(a: Scalar, b: Scalar) -> bool:
    a, b = alike(a, b)
    return bool(a == b)


def contained(item: Scalar, items: tuple[Scalar, ...]) -> bool:
    """Whether a value is in a list; unlike with Python's ``in``, NaN never is."""
    return any(_equal(item, other) for other in items)


def equal_lists(a: tuple[Scalar, ...], b: tuple[Scalar, ...]) -> bool:
    """Whether two lists are equal; unlike with Python's ``==``, not when they hold NaN."""
    return len(a) == len(b) and all(map(_equal, a, b))


def all_of(*values: bool | None) -> bool | None:
    """Return CEL's ``&&``: false absorbs the unknown."""
    if False in values:
        return False
    return None if None in values else True


def any_of(*values: bool | None) -> bool | None:
    """Return CEL's ``||``: true absorbs the unknown."""
    if True in values:
        return True
    return None if None in values else False


Items: TypeAlias = tuple[Scalar, ...]
Truth: TypeAlias = Callable[[Scalar], bool | None]


def exists(items: Items | None, test: Truth) -> bool | None:
    """Return whether a condition holds for any item: true absorbs the unknown, as in ``||``."""
    return None if items is None else any_of(*map(test, items))


def exists_one(items: Items | None, test: Truth) -> bool | None:
    """Return whether a condition holds for exactly one item; unknown where it is for any."""
    if items is None:
        return None
    found = [test(item) for item in items]
    return None if None in found else found.count(True) == 1


def for_all(items: Items | None, test: Truth) -> bool | None:
    """Return whether a condition holds for all items: false absorbs the unknown, as in ``&&``."""
    return None if items is None else all_of(*map(test, items))


MACROS: Final[dict[str, Callable[[Items | None, Truth], bool | None]]] = {
    "exists": exists,
    "all": for_all,
    "exists_one": exists_one,
}
"""The macros over lists; a list has few items, and no macro stands in another."""


def widened(value: Any) -> Any:
    """Return an integer as a number, and a list of numbers without integers among them."""
    if isinstance(value, tuple):
        return tuple([float(item) for item in value])
    return None if value is None else float(value)


_DIGITS: Final = 15
"""The decimal digits that every number of 64 bits keeps: IEEE 754's DBL_DIG."""


def as_decimal(value: float) -> float:
    """Return a number that was computed as the decimal of 15 digits that was meant.

    Ten times 0.1 are 1, and three times 1.1 are 3.3, as people count who type decimals.
    """
    exact = not math.isfinite(value) or abs(value) >= 10.0**_DIGITS
    return value if exact else float(f"{value:.{_DIGITS}g}")


@frozen
class Known:
    """What is known when a question is asked."""

    contact: Fields
    event: Facts
    now: dt.datetime

    def read(self, node: tree.Read | tree.Has) -> Any:
        """Return the value of a field, or None."""
        return (self.contact if node.root == "contact" else self.event).get(node.field.name)


def evaluate(node: Node, known: Known) -> Any:
    """Return the value of a node; None where it is unknown."""
    return node.value_of(known.contact, known.event, known.now)
