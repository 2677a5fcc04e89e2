"""Facts that came as text, read by the fields of the contact that they are about."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from funnelflow.criteria import Field
from funnelflow.errors import FieldError
from funnelflow.store.files import RowError
from funnelflow.store.mapping import Matched, Told, field_target
from funnelflow.store.shelf import Running

__all__ = ["CellReader"]


class CellReader:
    """Reads cells as facts.

    Args:
        matched: Which column is which field.
        timezone: The zone of times without an offset; None refuses them.
    """

    def __init__(self, matched: Matched, timezone: dt.tzinfo | None) -> None:
        self._mapping = matched.mapping
        self._timezone = timezone
        self._known: dict[tuple[int, str], Mapping[str, Field]] = {}

    def facts(self, running: Running, told: Told) -> Mapping[str, Any]:
        """Give all facts of a row, those that are text by the type of their field.

        Raises:
            RowError: A cell is no value of its field, or the contact's funnel has no such field.
        """
        if not told.cells:
            return told.facts
        fields = self._fields(running, told.event)
        return {**told.facts, **{n: self._read(n, t, fields) for n, t in told.cells.items()}}

    def _read(self, name: str, text: str, fields: Mapping[str, Field]) -> Any:
        field = fields.get(name)
        if field is None:
            raise RowError(self._column(name), f"there is no field {name!r} for this event")
        try:
            return field.parse(text, self._timezone)
        except FieldError as error:
            hint = f" ({error.hint})" if error.hint else ""
            raise RowError(self._column(name), f"{error.message}{hint}") from None

    def _column(self, name: str) -> str:
        return self._mapping.column(field_target(name)) or self._mapping.column("facts")

    def _fields(self, running: Running, event: str) -> Mapping[str, Field]:
        """Give the fields that facts of an event can be about."""
        fields = self._known.get((running.id, event))
        if fields is None:
            linked = running.funnel.linked
            own = linked.events[event].event.fields if event in linked.events else {}
            fields = self._known[running.id, event] = {**linked.fields, **own}
        return fields
