"""From a record of a file to what the row says: the mapping, made ready for millions of rows."""

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from attrs import frozen

from funnelflow.ingest.column_matching import Matched
from funnelflow.ingest.file_errors import RowError
from funnelflow.ingest.mapping import FIELD, TARGETS, FileMapping
from funnelflow.ingest.readers import read_object
from funnelflow.ingest.rejects import is_mark

_FACTS_KEPT = 4096
"""Different texts of facts that are remembered with what they mean: exports repeat them."""

_IGNORED_KEPT = 50


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


_NOTHING: Mapping[str, Any] = {}


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
        self._translates = bool(self._missing or self._values)
        self._facts_column = mapping.column("facts") or "facts"
        self._plain_facts = not (self._missing or mapping.facts or mapping.text_facts)
        self._read: dict[str, tuple[Mapping[str, Any], Mapping[str, str]]] = {}

    def parse(self, record: Any) -> ParsedRow:
        """Read one record.

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

    def _row(self, texts: Iterable[str], raw: Any, cells: Mapping[str, str]) -> ParsedRow:
        """Build a row from the texts of the targets, but for the facts."""
        contact, event, at, actor, to, reason, key = texts
        event = event.strip()
        if self._translates:
            contact, event, at, actor, to, reason, key = map(
                self._meant, _TEXTS, (contact, event, at, actor, to, reason, key)
            )
        facts: Mapping[str, Any] = _NOTHING
        if raw:
            facts, more = self._facts(raw)
            if more:
                cells = {**more, **cells}
        return ParsedRow(
            contact.strip(), self._events.get(event, event), at.strip(), actor.strip(),
            to, reason, key.strip(), facts, cells,
        )  # fmt: skip

    def _meant(self, target: str, text: str) -> str:
        """Return what a text of a target stands for."""
        text = text.strip()
        if text in self._missing:
            return ""
        texts = self._values.get(target)
        return text if texts is None else texts.get(text, text)

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
            return facts, _NOTHING
        named = {self._mapping.facts.get(n, n): v for n, v in facts.items()}
        known = {n: v for n, v in named.items() if n and not self._is_missing(v)}
        if not self._mapping.text_facts:
            return known, _NOTHING
        texts = {n: v for n, v in known.items() if isinstance(v, str)}
        return {n: v for n, v in known.items() if n not in texts}, texts

    def _is_missing(self, value: Any) -> bool:
        return isinstance(value, str) and value.strip() in self._missing


@frozen
class _Cell:
    """A field that is read from a column or member.

    Attributes:
        name: The field.
        key: The number of the cell, or the name of the member.
        values: What its texts mean.
    """

    name: str
    key: Any
    values: Mapping[str, str]


def _cells(mapping: FileMapping, keys: Mapping[str, Any]) -> list[_Cell]:
    """Return the targets that are fields, from the key of each target."""
    return [
        _Cell(target.removeprefix(FIELD), key, mapping.values.get(target, _NOTHING))
        for target, key in keys.items()
        if target.startswith(FIELD)
    ]


_TEXTS = tuple(target for target in TARGETS if target != "facts")
_WHEN = ("contact", "at")


class _CsvParser(RowParser):
    """Reads lists of cells, behind which the constants are put."""

    def __init__(self, matched: Matched, columns: Sequence[str]) -> None:
        super().__init__(matched.mapping, matched.ignored)
        mapping = matched.mapping
        self._tail = [*mapping.constants.values(), ""]
        numbers = {t: columns.index(mapping.column(t)) for t in mapping.columns}
        numbers |= {t: n for n, t in enumerate(mapping.constants, len(columns))}
        blank = len(columns) + len(mapping.constants)
        self._pick = itemgetter(*(numbers.get(target, blank) for target in _TEXTS))
        self._when = itemgetter(*(numbers.get(target, blank) for target in _WHEN))
        self._facts_at = numbers.get("facts", blank)
        self._cells = _cells(mapping, numbers)

    def when(self, record: list[str]) -> tuple[str, str]:
        found: tuple[str, str] = self._when(record + self._tail)
        return found

    def parse(self, record: list[str]) -> ParsedRow:
        row = record + self._tail
        if not self._cells:
            return self._row(self._pick(row), row[self._facts_at], _NOTHING)
        cells: dict[str, str] = {}
        for cell in self._cells:
            text = row[cell.key].strip()
            if text and text not in self._missing and (text := cell.values.get(text, text)):
                cells[cell.name] = text
        return self._row(self._pick(row), row[self._facts_at], cells)


class _JsonParser(RowParser):
    """Reads objects; members that are not there say nothing, unknown ones are remembered."""

    def __init__(self, matched: Matched) -> None:
        super().__init__(matched.mapping)
        mapping = matched.mapping
        self._constants = mapping.constants
        self._members = [(t, mapping.column(t) or t) for t in _TEXTS]
        self._when = [(t, m) for t, m in self._members if t in _WHEN]
        self._constant_cells = {
            t.removeprefix(FIELD): c for t, c in mapping.constants.items() if t.startswith(FIELD)
        }
        self._cells = {
            cell.key: cell
            for cell in _cells(mapping, {t: mapping.column(t) for t in mapping.columns})
        }
        self._targets = {self._facts_column, *(member for _, member in self._members)}

    def when(self, record: dict[str, Any]) -> tuple[str, str]:
        contact, at = self._texts(record, self._when)
        return contact, at

    def parse(self, record: dict[str, Any]) -> ParsedRow:
        texts = self._texts(record, self._members)
        row = self._row(texts, record.get(self._facts_column), self._constant_cells)
        others = record.keys() - self._targets
        return self._with_members(row, record, others) if others else row

    def _texts(self, record: dict[str, Any], members: Iterable[tuple[str, str]]) -> list[str]:
        """Return the texts of targets, which are constant or members of the record."""
        constants = self._constants
        return [
            constants[target] if target in constants else _text(name, record.get(name))
            for target, name in members
        ]

    def _with_members(self, row: ParsedRow, record: dict[str, Any], names: set[str]) -> ParsedRow:
        """Add the members that are fields."""
        facts, cells = dict(row.facts), dict(row.cells)
        for name in names:
            cell = self._cells.get(name)
            if cell is None:
                self._ignore(name)
            elif not self._is_missing(value := record[name]):
                self._put(cell, value, facts, cells)
        return row._replace(facts=facts, cells=cells)

    def _put(self, cell: _Cell, value: Any, facts: dict[str, Any], cells: dict[str, str]) -> None:
        """Put a fact with the typed ones, or with the texts that are still to be read."""
        if not isinstance(value, str):
            facts[cell.name] = value
        elif text := cell.values.get(value, value):
            (cells if self._mapping.text_facts else facts)[cell.name] = text

    def _ignore(self, name: str) -> None:
        if not is_mark(name) and len(self.ignored) < _IGNORED_KEPT:
            self.ignored.setdefault(name)


def bind_parser(matched: Matched, columns: Sequence[str], format: str) -> RowParser:  # noqa: A002
    """Return the parser of the records of one file.

    Args:
        matched: What `match_columns` found.
        columns: The columns of the file.
        format: ``csv`` or ``jsonl``: what a record is.
    """
    return _CsvParser(matched, columns) if format == "csv" else _JsonParser(matched)


def _text(name: str, value: Any) -> str:
    """Return the text of a member that is a text; a number may stand for an id."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise RowError(name, f"{name} must be a text")
