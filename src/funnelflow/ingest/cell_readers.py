"""What reads the cells of one field: put together once a file, from its type and the mapping."""

import datetime as dt
import json
from collections.abc import Callable, Mapping
from typing import TypeAlias

from funnelflow.criteria import Field, Value
from funnelflow.criteria.value_forms import INTEGER, NUMBER, TIMESTAMP, Type
from funnelflow.errors import FieldError
from funnelflow.ingest.mapping import FileMapping, field_target
from funnelflow.ingest.text_formats import (
    Plain,
    number_advice,
    number_reader,
    time_advice,
    time_reader,
)

CellReader: TypeAlias = Callable[[str], Value | None]
"""Reads a cell; it raises FieldError, and gives None for one that says nothing."""

_KEPT = 1024
"""Different cells of a field that are remembered with their values: exports repeat them."""


def cell_reader(field: Field, mapping: FileMapping, timezone: dt.tzinfo | None) -> CellReader:
    """Return what reads the cells of a field.

    Args:
        field: The field.
        mapping: How numbers, times and lists are written in the file.
        timezone: The zone of times without an offset; None refuses them.
    """
    plain = _plain(field.type.item or field.type, mapping)
    is_split = field.type.item is not None and (mapping.separator or plain)
    separator = mapping.separator or ","
    meanings = mapping.values.get(field_target(field.name), {})
    known: dict[str, Value | None] = {}

    def read(text: str) -> Value | None:
        if text in known:
            return known[text]
        written = _items(text, separator, plain, meanings) if is_split else text
        try:
            if plain is not None and not is_split:
                written = plain(text.strip())
            value = field.parse(written, timezone)
        except FieldError as error:
            raise _with_advice(error, field.type, mapping, text) from None
        if len(known) < _KEPT:
            known[text] = value
        return value

    return read


def is_written(field: Field, value: object) -> bool:
    """Whether a typed value is read as a cell is, as it says a number, a time or a list as text."""
    kind = field.type.item or field.type
    if isinstance(value, str):
        return kind in (INTEGER, NUMBER, TIMESTAMP) or field.type.item is not None
    return kind == TIMESTAMP and isinstance(value, int | float) and not isinstance(value, bool)


def _plain(kind: Type, mapping: FileMapping) -> Plain | None:
    """Return what writes the values of a type as funnelflow does; None where they are so."""
    if kind in (INTEGER, NUMBER):
        return number_reader(mapping.decimal)
    return time_reader(mapping.date_formats) if kind == TIMESTAMP else None


def _items(text: str, separator: str, plain: Plain | None, meanings: Mapping[str, str]) -> str:
    """Return a list with each of its items read by itself."""
    items = [item.strip() for item in text.split(separator)]
    items = [meant for item in items if item and (meant := meanings.get(item, item))]
    return json.dumps(items if plain is None else [plain(item) for item in items])


def _with_advice(error: FieldError, kind: Type, mapping: FileMapping, text: str) -> FieldError:
    """Name the option that would read a cell."""
    advice = ""
    if kind in (INTEGER, NUMBER) and not mapping.decimal:
        advice = number_advice(text)
    elif kind == TIMESTAMP and not mapping.date_formats:
        advice = time_advice(text)
    hint = "; ".join(part for part in (error.hint, advice) if part)
    return FieldError(error.message, hint=hint, field=error.field)
