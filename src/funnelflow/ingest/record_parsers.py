"""From a record of a file to what the row says: the mapping, made ready for millions of rows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any

from attrs import frozen

from funnelflow.ingest.column_matching import Matched
from funnelflow.ingest.file_errors import RowError
from funnelflow.ingest.mapping import FIELD, HISTORY, TARGETS, FileMapping, Rule
from funnelflow.ingest.record_readers import (
    ABSENT,
    Get,
    blank,
    getter,
    joiner,
    member,
    rule_finder,
    said,
)
from funnelflow.ingest.rejects import is_mark
from funnelflow.ingest.row_parser import NOTHING, TEXTS, ParsedRow, RowParser
from funnelflow.storage.json_form import unguarded

_IGNORED_KEPT = 50


@frozen
class _Cell:
    """A field that is read from a column or member.

    Attributes:
        name: The field.
        key: The number of the cell, or what reads the member.
        values: What its texts mean.
    """

    name: str
    key: Any
    values: Mapping[str, str]


def _cells(mapping: FileMapping, keys: Mapping[str, Any]) -> list[_Cell]:
    """Return the targets that are fields, from the key of each target."""
    return [
        _Cell(target.removeprefix(FIELD), key, mapping.values.get(target, NOTHING))
        for target, key in keys.items()
        if target.startswith(FIELD)
    ]


_WHEN = ("contact", "at")


class _CsvParser(RowParser):
    """Reads lists of cells, behind which the constants are put, then what is joined and ruled."""

    def __init__(self, matched: Matched, columns: Sequence[str]) -> None:
        super().__init__(matched.mapping, matched.ignored)
        mapping = matched.mapping
        self._columns = columns
        self._tail = [*mapping.constants.values(), ""]
        self._joins: list[Callable[[list[str]], str]] = []
        numbers = dict(self._numbered(mapping.columns, len(columns)))
        numbers |= {t: n for n, t in enumerate(mapping.constants, len(columns))}
        nothing = len(columns) + len(mapping.constants)
        self._rule = rule_finder(mapping.rows, self._reader) if mapping.rows else None
        self._ruled: list[tuple[str, int]] = []
        for number, target in enumerate(
            dict.fromkeys(target for rule in mapping.rows for target in rule.sets),
            nothing + 1 + len(self._joins),
        ):
            self._ruled.append((target, numbers.get(target, nothing)))
            numbers[target] = number
        self._is_plain = not (self._joins or self._rule)
        self._pick = itemgetter(*(numbers.get(target, nothing) for target in TEXTS))
        self._when = itemgetter(*(numbers.get(target, nothing) for target in _WHEN))
        self._facts_at = numbers.get("facts", nothing)
        self._history = [numbers[target] for target in HISTORY if target in numbers]
        self._cells = _cells(mapping, numbers)

    def when(self, record: list[str]) -> tuple[str, str]:
        row = record + self._tail if self._is_plain else self._extended(record)
        contact, at = self._when(row or [""] * (len(record) + len(self._tail)))
        return contact, self._plain_time(at.strip()) if self._read_at and at.strip() else at

    def parse(self, record: list[str]) -> ParsedRow | None:
        row = record + self._tail if self._is_plain else self._extended(record)
        if row is None:
            return None
        cells: dict[str, str] = {}
        for cell in self._cells:
            text = row[cell.key].strip()
            if "'" in text:
                text = unguarded(text)
            if text and text not in self._missing and (text := cell.values.get(text, text)):
                cells[cell.name] = text
        texts = self._pick(row)
        if "'" in texts[0]:
            texts = (unguarded(texts[0]), *texts[1:])
        parsed = self._row(texts, row[self._facts_at], cells or NOTHING)
        if self._history:
            name, value = self._history
            return self._told(parsed, row[name].strip(), row[value])
        return parsed

    def _extended(self, record: list[str]) -> list[str] | None:
        """Return a record with all that is read from it behind its cells; None to leave it out."""
        row = record + self._tail
        row += [join(record) for join in self._joins]
        if self._rule is None:
            return row
        rule = self._rule(record)
        if rule is None:
            return row + [row[number] for _, number in self._ruled]
        if rule.leave_out:
            return None
        return row + [rule.sets.get(target, row[number]) for target, number in self._ruled]

    def _numbered(self, sources: Mapping[str, Any], width: int) -> Iterable[tuple[str, int]]:
        """Yield the place of each target in an extended record."""
        for target, source in sources.items():
            if isinstance(source, str):
                yield target, self._columns.index(source)
            else:
                yield target, width + len(self._tail) + len(self._joins)
                self._joins.append(joiner(source, self._reader))

    def _reader(self, name: str) -> Get:
        """Return what reads a column; one that is not there is blank."""
        return itemgetter(self._columns.index(name)) if name in self._columns else blank


class _JsonParser(RowParser):
    """Reads objects; members that are not there say nothing, unknown ones are remembered."""

    def __init__(self, matched: Matched) -> None:
        super().__init__(matched.mapping)
        mapping = matched.mapping
        self._constants = mapping.constants
        read = partial(getter, mapping, by_own_name=matched.by_own_name)
        self._members = [(t, mapping.column(t) or t, read(t)) for t in TEXTS]
        self._when = [member for member in self._members if member[0] in _WHEN]
        self._get_facts = read("facts")
        self._history = [getter(mapping, target) for target in HISTORY if self._has_history]
        self._constant_cells = {
            t.removeprefix(FIELD): c for t, c in mapping.constants.items() if t.startswith(FIELD)
        }
        self._cells: dict[str, list[_Cell]] = {}
        plain = {t: one for t, one in mapping.columns.items() if isinstance(one, str)}
        for cell in _cells(mapping, {t: n for t, n in plain.items() if "." not in n}):
            self._cells.setdefault(cell.key, []).append(cell)
        deep = {
            t: getter(mapping, t)
            for t, n in mapping.columns.items()
            if t not in plain or "." in str(n)
        }
        self._deep_cells = _cells(mapping, deep)
        self._rule = rule_finder(mapping.rows, member) if mapping.rows else None
        own = (*TARGETS, *HISTORY) if matched.by_own_name else ()
        named = [mapping.sources(t) or (t,) for t in own]
        named += [mapping.sources(t) for t in mapping.columns]
        named += [tuple(one.column for rule in mapping.rows for one in rule.where)]
        self._known = {part for names in named for n in names for part in (n, n.partition(".")[0])}

    def when(self, record: dict[str, Any]) -> tuple[str, str]:
        rule = self._rule(record) if self._rule else None
        contact, at = self._texts(record, self._when, rule)
        return contact, self._plain_time(at.strip()) if self._read_at and at.strip() else at

    def parse(self, record: dict[str, Any]) -> ParsedRow | None:
        rule = self._rule(record) if self._rule else None
        if rule is not None and rule.leave_out:
            return None
        texts = self._texts(record, self._members, rule)
        facts: dict[str, Any] = {}
        cells = dict(self._constant_cells)
        self._read_members(record, facts, cells)
        if rule is not None:
            cells |= {t.removeprefix(FIELD): x for t, x in rule.sets.items() if t not in TARGETS}
        raw = self._get_facts(record)
        row = self._row(texts, None if raw is ABSENT else raw, cells)
        if row is not None and facts:
            row = row._replace(facts={**row.facts, **facts})
        if self._history:
            name, value = (get(record) for get in self._history)
            return self._told(row, said(name), None if value is ABSENT else value)
        return row

    def _read_members(
        self, record: dict[str, Any], facts: dict[str, Any], cells: dict[str, str]
    ) -> None:
        """Read the fields that members are, typed or as texts, and note what nothing is."""
        known, missing = self._cells, self._is_missing
        for name, value in record.items():
            some = known.get(name)
            if some is not None:
                if not missing(value):
                    for cell in some:
                        self._put(cell, value, facts, cells)
            elif name not in self._known:
                self._ignore(name)
        for cell in self._deep_cells:
            value = cell.key(record)
            if value is not ABSENT and not missing(value):
                self._put(cell, value, facts, cells)

    def _texts(
        self, record: dict[str, Any], members: Iterable[tuple[str, str, Get]], rule: Rule | None
    ) -> list[str]:
        """Return the texts of targets, which are constant or members of the record."""
        constants = self._constants if rule is None else {**self._constants, **rule.sets}
        return [
            constants[target] if target in constants else _text(target, name, get(record))
            for target, name, get in members
        ]

    def _put(self, cell: _Cell, value: Any, facts: dict[str, Any], cells: dict[str, str]) -> None:
        """Put a fact with the typed ones, or with the texts that are still to be read."""
        if not isinstance(value, str):
            facts[cell.name] = value
        elif text := cell.values.get(value, value):
            if self._mapping.text_facts:
                cells[cell.name] = text
            else:
                facts[cell.name] = text

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


def _text(target: str, name: str, value: Any) -> str:
    """Return the text of a member that is a text; a number may stand for an id, or a time."""
    if value is None or value is ABSENT:
        return ""
    if isinstance(value, str):
        return value
    kinds = (int, float) if target == "at" else int
    if isinstance(value, kinds) and not isinstance(value, bool):
        return str(value)
    raise RowError(name, f"{name} must be a text")
