"""What a row says, and what all parsers of rows make of its texts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from funnelflow.errors import FieldError
from funnelflow.ingest.file_errors import RowError
from funnelflow.ingest.json_text import read_object
from funnelflow.ingest.mapping import FIELD, HISTORY, OTHERS, TARGETS, FileMapping
from funnelflow.ingest.text_formats import time_reader
from funnelflow.storage.changes import composed

_FACTS_KEPT = 4096
"""Different texts of facts that are remembered with what they mean: exports repeat them."""


class ParsedRow(NamedTuple):
    """What one row says, in the words of the vocabulary but as texts or raw JSON.

    Attributes:
        contact: Who.
        event: What happened; empty when the row does not say.
        at: When; empty when the row does not say.
        actor: Who says so.
        to: The stage that a move asks for.
        reason: Why a move is forced.
        key: The idempotency key; empty for none.
        facts: Typed facts by the name of their field.
        cells: Facts as text by the name of their field, blank ones left out.
    """

    contact: str
    event: str
    at: str
    actor: str
    to: str
    reason: str
    key: str
    facts: Mapping[str, Any]
    cells: Mapping[str, str]


NOTHING: Mapping[str, Any] = {}
TEXTS = tuple(target for target in TARGETS if target != "facts")
"""The targets that are texts, in the order in which a row has them."""


class RowParser:
    """Parses one record after the other.

    Attributes:
        ignored: The columns or members that nothing is read from.
    """

    def __init__(self, mapping: FileMapping, ignored: Sequence[str] = ()) -> None:
        self.ignored: dict[str, None] = dict.fromkeys(ignored)
        self._mapping = mapping
        self._missing = frozenset(mapping.missing)
        self._values = {t: texts for t, texts in mapping.values.items() if t in TARGETS}
        self._events = mapping.events
        self._other_events = mapping.events.get(OTHERS)
        self._translates = bool(self._missing or self._values)
        self._facts_column = mapping.column("facts") or "facts"
        self._plain_facts = not (self._missing or mapping.facts or mapping.text_facts)
        self._read: dict[str, tuple[Mapping[str, Any], Mapping[str, str]]] = {}
        self._read_at = time_reader(mapping.date_formats)
        self._has_history = HISTORY[0] in mapping.columns

    def parse(self, record: Any) -> ParsedRow | None:
        """Read one record; None for one that the mapping leaves out.

        Raises:
            RowError: It does not have the form that the mapping says.
        """
        raise NotImplementedError

    def when(self, record: Any) -> tuple[str, str]:
        """Return whom a record is about and when it happened, as it is written; quicker than all.

        Raises:
            RowError: It does not have the form that the mapping says.
        """
        raise NotImplementedError

    def _row(self, texts: Iterable[str], raw: Any, cells: Mapping[str, str]) -> ParsedRow | None:
        """Build a row from the texts of the targets, but for the facts; None to leave it out."""
        contact, event, at, actor, to, reason, key = texts
        event = event.strip()
        if self._translates:
            contact, event, at, actor, to, reason, key = map(
                self._meant, TEXTS, (contact, event, at, actor, to, reason, key)
            )
        if event or self._events:
            meant = self._events.get(event)
            if meant is None:
                meant = event if self._other_events is None else self._other_events
            if not meant and (event or event in self._events):
                return None
            event = meant
        elif self._has_history:
            event = "set"
        facts: Mapping[str, Any] = NOTHING
        if raw:
            facts, more = self._facts(raw)
            if more:
                cells = {**more, **cells}
        at = at.strip()
        if self._read_at is not None and at:
            at = self._plain_time(at)
        return ParsedRow(
            composed(contact.strip()),
            event,
            at,
            actor.strip(),
            to,
            reason,
            key.strip(),
            facts,
            cells,
        )

    def _plain_time(self, text: str) -> str:
        """Return a time as funnelflow writes it."""
        assert self._read_at is not None
        try:
            return self._read_at(text)
        except FieldError as error:
            hint = f" ({error.hint})" if error.hint else ""
            raise RowError(self._mapping.column("at"), f"{error.message}{hint}") from None

    def _meant(self, target: str, text: str) -> str:
        """Return what a text of a target stands for."""
        text = text.strip()
        if text in self._missing:
            return ""
        texts = self._values.get(target)
        return text if texts is None else texts.get(text, text)

    def _told(self, row: ParsedRow | None, name: str, value: Any) -> ParsedRow | None:
        """Add the one field that a row of a history tells; None where it is left out.

        A value that is blank there was taken back.
        """
        names = self._mapping.facts
        field = names.get(name, names.get(OTHERS, name))
        if row is None or not field:
            return None
        if isinstance(value, str):
            text = value.strip()
            text = "" if text in self._missing else text
            text = self._mapping.values.get(FIELD + field, NOTHING).get(text, text)
            if text:
                return row._replace(cells={**row.cells, field: text})
        elif value is not None:
            return row._replace(facts={**row.facts, field: value})
        return row._replace(facts={**row.facts, field: None})

    def _facts(self, raw: Any) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        """Return the facts of an object, and apart from them those whose texts are to be read."""
        if not isinstance(raw, str):
            return self._sorted_out(raw)
        known = self._read.get(raw)
        if known is None:
            if len(self._read) >= _FACTS_KEPT:
                self._read.clear()
            known = self._read[raw] = self._sorted_out(self._object(raw))
        return known

    def _object(self, text: str) -> dict[str, Any]:
        if text.strip() in self._missing or not text.strip():
            return {}
        try:
            return read_object(text)
        except RowError as error:
            raise RowError(self._facts_column, error.reason) from None

    def _sorted_out(self, facts: Any) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        if not isinstance(facts, dict):
            raise RowError(self._facts_column, "the facts must be one JSON object: {…}")
        if self._plain_facts:
            return facts, NOTHING
        names, others = self._mapping.facts, self._mapping.facts.get(OTHERS)
        named = {names.get(n, n if others is None else others): v for n, v in facts.items()}
        known = {n: v for n, v in named.items() if n and not self._is_missing(v)}
        if not self._mapping.text_facts:
            return known, NOTHING
        texts = {n: v for n, v in known.items() if isinstance(v, str)}
        return {n: v for n, v in known.items() if n not in texts}, texts

    def _is_missing(self, value: Any) -> bool:
        return isinstance(value, str) and value.strip() in self._missing
