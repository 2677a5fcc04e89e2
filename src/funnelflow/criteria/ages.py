"""Comparisons of times as bounds on one time: ``now - contact.x < duration("720h")``.

A database compares timestamps but does not calculate as CEL does, so the calculation is
moved to the other side, where everything is known: the time must lie after 30 days ago.
Where CEL's calculation would leave the range, the comparison is unknown; that range is
part of the bound.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any, Final

from attrs import frozen

from funnelflow.criteria.durations import LONGEST, SECONDS
from funnelflow.criteria.phrases import FLIPPED
from funnelflow.criteria.timestamps import timestamp_json
from funnelflow.criteria.tree import Arithmetic, Compare, Node, Read, names_fields
from funnelflow.criteria.types import DURATION, TIMESTAMP

__all__ = ["Bound", "bounded"]

_EARLIEST: Final = dt.datetime.min.replace(tzinfo=dt.UTC)
_LATEST: Final = dt.datetime.max.replace(tzinfo=dt.UTC)
_BEFORE_ALL: Final = ""
_AFTER_ALL: Final = "~"
_ALMOST: Final = dt.timedelta(microseconds=999_999)
_NONE: Final = dt.timedelta(0)


@frozen
class Bound:
    """A time compared with a limit; all limits are storage forms, which sort as times do.

    Attributes:
        read: The field.
        operator: How it compares.
        limit: With what.
        first: The first time for which the comparison is known.
        last: The last one.
    """

    read: Read
    operator: str
    limit: str
    first: str
    last: str


def bounded(node: Compare, computed: Callable[[Node], Any]) -> Bound | None:
    """Read a comparison as a bound on one time; None where it is of another form.

    Args:
        node: The comparison.
        computed: Computes a node that names no field; None where it has no value.
    """
    for left, right, operator in (
        (node.left, node.right, node.operator),
        (node.right, node.left, FLIPPED[node.operator]),
    ):
        if isinstance(left, Arithmetic) and not names_fields(right):
            limit = computed(right)
            if limit is None:
                return None
            if left.type == TIMESTAMP:
                return _shifted(left, operator, limit, computed)
            if left.type == DURATION:
                return _distant(left, operator, limit, computed)
    return None


def _shifted(
    node: Arithmetic, operator: str, limit: dt.datetime, computed: Callable[[Node], Any]
) -> Bound | None:
    """Read ``contact.x + length`` compared with a time."""
    read, length = (node.left, node.right) if isinstance(node.left, Read) else (
        node.right, node.left
    )  # fmt: skip
    if not isinstance(read, Read) or read.type != TIMESTAMP or names_fields(length):
        return None
    offset: dt.timedelta | None = computed(length)
    if offset is None:
        return None
    offset = offset if node.operator == "+" else -offset
    first = _moved(_EARLIEST, -offset) if offset < _NONE else timestamp_json(_EARLIEST)
    last = _moved(_LATEST, -offset) if offset > _NONE else timestamp_json(_LATEST)
    return Bound(read, operator, _moved(limit, -offset), first, last)


def _distant(
    node: Arithmetic, operator: str, limit: dt.timedelta, computed: Callable[[Node], Any]
) -> Bound | None:
    """Read ``time - contact.x``, or ``contact.x - time``, compared with a length."""
    backwards = isinstance(node.right, Read)
    read, other = (node.right, node.left) if backwards else (node.left, node.right)
    if not isinstance(read, Read) or read.type != TIMESTAMP or names_fields(other):
        return None
    time: dt.datetime | None = computed(other)
    if time is None or not isinstance(time, dt.datetime):
        return None
    operator = FLIPPED[operator] if backwards else operator
    edge = _moved(time, -limit if backwards else limit)
    return Bound(read, operator, edge, *_reach(time))


def _reach(time: dt.datetime) -> tuple[str, str]:
    """Give the first and the last time whose distance from a time has a value in CEL."""
    second = time.replace(microsecond=0)
    first = max(_moved(time, -LONGEST), _moved(second, -SECONDS))
    last = min(_moved(time, LONGEST), _moved(second, SECONDS + _ALMOST))
    return first, last


def _moved(time: dt.datetime, length: dt.timedelta) -> str:
    """Give the storage form of a time moved, or a text before or after all of them."""
    try:
        return timestamp_json(time + length)
    except OverflowError:
        return _AFTER_ALL if length > _NONE else _BEFORE_ALL
