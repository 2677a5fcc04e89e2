"""The types that a fact can have, the same in a vocabulary, in a criterion and in storage.

=================  ======================  ==================================================
type               in Python               in JSON and in the database
=================  ======================  ==================================================
``boolean``        bool                    ``true``, ``false``
``integer``        int, 64 bits            ``5000``
``number``         float (IEEE 754)        ``5000.0``; the Decimal question is decided here once
``text``           str                     ``"web"``
``timestamp``      datetime, aware, UTC    ``"2026-03-01T09:30:00.000000Z"`` (RFC 3339)
``duration``       timedelta               ``"5400s"`` (CEL's own form, seconds)
``list of T``      tuple of T              ``["a", "b"]``, T being one of the types above
=================  ======================  ==================================================

`None` is never a value: a fact that nobody knows is absent.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Final, TypeAlias

from attrs import frozen

Scalar: TypeAlias = bool | int | float | str | dt.datetime | dt.timedelta
Value: TypeAlias = Scalar | tuple[Scalar, ...]
Fields: TypeAlias = Mapping[str, Value]
"""The known facts of a contact or of an event, by field name."""
Facts: TypeAlias = Mapping[str, Value | None]
"""What an event brings: a value for a field, or None to take it back."""

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1


@frozen
class Type:
    """A type of fact; `item` is the type of the elements of a list."""

    name: str
    item: "Type | None" = None

    @property
    def is_list(self) -> bool:
        """Whether values are tuples of `item`."""
        return self.item is not None

    @property
    def is_numeric(self) -> bool:
        """Whether values are integers or numbers, which compare with each other."""
        return self in (INTEGER, NUMBER)

    def __str__(self) -> str:
        """Write the type as a vocabulary does: ``number``, ``list of text``."""
        return self.name if self.item is None else f"list of {self.item}"


BOOLEAN = Type("boolean")
INTEGER = Type("integer")
NUMBER = Type("number")
TEXT = Type("text")
TIMESTAMP = Type("timestamp")
DURATION = Type("duration")
SCALARS = {kind.name: kind for kind in (BOOLEAN, INTEGER, NUMBER, TEXT, TIMESTAMP, DURATION)}


def list_of(item: Type) -> Type:
    """Return the type of lists whose elements are of type `item`."""
    return Type("list", item)


def parse_type(text: str) -> Type | None:
    """Read a type as a vocabulary writes it; None when there is no such type."""
    name = " ".join(text.split())
    item = SCALARS.get(name.removeprefix("list of "))
    if item is None or not name.startswith("list of "):
        return SCALARS.get(name)
    return list_of(item)
