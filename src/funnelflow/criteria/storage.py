"""The storage forms of values: what stands in JSON and in the databases (see `types`)."""

import datetime as dt
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from funnelflow.criteria.durations import duration_json, parse_cel_duration
from funnelflow.criteria.timestamps import timestamp_json
from funnelflow.criteria.types import DURATION, NUMBER, TIMESTAMP, Type, Value

__all__ = ["Loader", "dump_value", "loader"]

Loader: TypeAlias = Callable[[Any], Any]


def dump_value(value: Value) -> Any:
    """Give the JSON form of a value."""
    if isinstance(value, dt.datetime):
        return timestamp_json(value)
    if isinstance(value, dt.timedelta):
        return duration_json(value)
    if isinstance(value, tuple):
        return [dump_value(item) for item in value]
    return value


def loader(kind: Type) -> Loader:
    """Give the function that reads the JSON form of a type back; it trusts what it reads."""
    if kind.item is None:
        return _SCALARS.get(kind, _same)
    return _LISTS.get(kind.item, tuple)


def _same(raw: Any) -> Any:
    return raw


def _timestamps(raw: list[str]) -> tuple[dt.datetime, ...]:
    return tuple([dt.datetime.fromisoformat(item) for item in raw])


def _durations(raw: list[str]) -> tuple[dt.timedelta, ...]:
    return tuple([parse_cel_duration(item) for item in raw])


def _numbers(raw: list[float]) -> tuple[float, ...]:
    return tuple([float(item) for item in raw])


_SCALARS: Final[dict[Type, Loader]] = {
    NUMBER: float,
    TIMESTAMP: dt.datetime.fromisoformat,
    DURATION: parse_cel_duration,
}
_LISTS: Final[dict[Type, Loader]] = {
    NUMBER: _numbers,
    TIMESTAMP: _timestamps,
    DURATION: _durations,
}
