"""Snapshots that said what was known already, as marks.

A row of evidence for every contact and night would say nothing new, and a snapshot that left no
trace would lose against evidence of an earlier time that comes later. So a mark of the contact
notes which imports said the same content: ranges of runs, each of which stands for every import
from the first to the last, at the time at which that was begun. A snapshot with a time of its own
is noted by itself. An import that is taken back has said nothing.

`said_again` tells when they have to be written out as evidence.
"""

import datetime as dt
import hashlib
import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from attrs import define, field
from sqlalchemy import Connection, func, select

from funnelflow.criteria import Value
from funnelflow.storage.dialects import Bulk
from funnelflow.storage.import_runs import ImportRun, read_import_runs
from funnelflow.storage.row_format import (
    UNREADABLE,
    altered,
    checksum,
    dump_facts,
    encode,
    from_text,
    load_about,
)
from funnelflow.storage.tables import evidence, runs, sightings
from funnelflow.storage.tracked_contacts import Row

_BATCH = 1_000


class SaidAt(NamedTuple):
    """When a snapshot said what was known already, and the run that read it."""

    at: dt.datetime
    run: ImportRun


class RunSpan(NamedTuple):
    """The imports from one to another, or one that said something of a time of its own.

    Attributes:
        first: The number of the first one.
        last: That of the last one.
        at: Of when it spoke, as the database has it; empty for when it was begun.
    """

    first: int
    last: int
    at: str = ""


@define(eq=False)
class Sighting:
    """The mark for one content that snapshots of a contact said.

    Attributes:
        contact: The contact's number.
        facts: What they said, in canonical JSON.
        since: The time of the contact's first snapshot that is evidence; empty where that has to
            be looked for again.
        spans: Which imports said it.
        is_changed: Whether it has to be written.
        said: When imports that count said it, in order; None until `Sightings.said` finds out.
    """

    contact: int
    facts: str
    since: str
    spans: list[RunSpan] = field(factory=list)
    is_changed: bool = False
    said: list[SaidAt] | None = field(default=None, repr=False)

    @cached_property
    def content(self) -> str:
        """What the content is known by."""
        return hashlib.blake2b(self.facts.encode(), digest_size=16).hexdigest()

    @cached_property
    def fields(self) -> frozenset[str]:
        """The names of what they said."""
        return frozenset(json.loads(self.facts))

    def note(self, run: int, previous: int, at: str) -> None:
        """Note that an import said it, the one after `previous`; `at` is as `RunSpan` has it."""
        spans = self.spans
        if any(one.at == at if at else one.first <= run <= one.last for one in spans):
            return
        self.is_changed, self.said = True, None
        if not at and spans and not spans[-1].at and spans[-1].last == previous:
            spans[-1] = RunSpan(spans[-1].first, run)
        else:
            spans.append(RunSpan(run, run, at))

    def forget(self, said: SaidAt) -> None:
        """Take out one time that is evidence now."""
        number, kept = said.run.number, list[RunSpan]()
        for one in self.spans:
            if not one.first <= number <= one.last or (one.at and from_text(one.at) != said.at):
                kept.append(one)
                continue
            before, after = RunSpan(one.first, number - 1), RunSpan(number + 1, one.last)
            kept += [part for part in (before, after) if part.first <= part.last]
        self.spans, self.is_changed, self.said = kept, True, None

    def row(self) -> Row:
        """Return the row of the table."""
        said = self.contact, self.content, self.facts, self.since, _dump(self.spans)
        return (*said, checksum(*said))


def read_sighting(row: Sequence[Any]) -> Sighting:
    """Read a mark from a row of the table.

    Raises:
        StoreError: It has been altered.
    """
    contact, content, facts, since, seen, check = row
    try:
        if check != checksum(contact, content, facts, since, seen):
            raise ValueError
        return Sighting(contact, facts, since, [RunSpan(*one) for one in json.loads(seen)])
    except UNREADABLE:
        raise altered(f"what snapshots of contact #{contact} said again") from None


def noted_by(connection: Connection, run: int) -> Iterator[int]:
    """Yield the numbers of the contacts about whom an import said what was known."""
    for row in connection.execute(select(sightings).execution_options(yield_per=_BATCH)):
        found = read_sighting(row)
        if any(span.first <= run <= span.last for span in found.spans):
            yield found.contact


def _dump(spans: Iterable[RunSpan]) -> str:
    return encode([list(one) if one.at else [one.first, one.last] for one in spans])


@define(eq=False)
class Sightings:
    """The marks of the contacts of a unit of work.

    Attributes:
        connection: The transaction.
        bulk: The bulk statements of the database.
        noted: How many snapshots were noted.
    """

    connection: Connection
    bulk: Bulk
    noted: int = 0
    _marks: dict[int, dict[str, Sighting]] = field(factory=lambda: defaultdict(dict))
    _loaded: set[int] = field(factory=set)
    _first: dict[int, str] = field(factory=dict)
    _before: tuple[int, int] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever noted."""
        return not self.noted and self._none_stored

    @cached_property
    def _none_stored(self) -> bool:
        return self.connection.execute(select(sightings.c.contact).limit(1)).first() is None

    @cached_property
    def runs(self) -> tuple[ImportRun, ...]:
        """Every import, in their order."""
        return read_import_runs(self.connection)

    def load(self, numbers: Iterable[int]) -> None:
        """Read the marks of contacts."""
        wanted = [number for number in numbers if number not in self._loaded]
        if self._none_stored or not wanted:
            return
        self._loaded.update(wanted)
        for row in self.bulk.load_sightings(self.connection, wanted):
            found = read_sighting(row)
            self._marks[found.contact][found.facts] = found

    def of(self, number: int) -> Collection[Sighting]:
        """Return the marks of a contact, which were read."""
        return self._marks[number].values() if number in self._marks else ()

    def said(self, mark: Sighting) -> list[SaidAt]:
        """List when a content was said by imports that count, in order."""
        if mark.said is None:
            found = (
                SaidAt(from_text(span.at) if span.at else run.at, run)
                for span in mark.spans
                for run in self._between(span)
                if run.counts
            )
            mark.said = sorted(found, key=lambda one: one.at)
        return mark.said

    def _between(self, span: RunSpan) -> Sequence[ImportRun]:
        first = bisect_right(self.runs, span.first - 1, key=lambda run: run.number)
        return self.runs[first : bisect_right(self.runs, span.last, key=lambda run: run.number)]

    def look_for_first(self, numbers: Iterable[int]) -> None:
        """Find out when the first snapshot of contacts was recorded that counts."""
        missing = [n for n in numbers if not any(mark.since for mark in self.of(n))]
        for start in range(0, len(missing), _BATCH):
            self._look_for_first(missing[start:][:_BATCH])

    def _look_for_first(self, numbers: Sequence[int]) -> None:
        columns = (evidence.c[n] for n in ("contact", "sequence", "event", "at", "about"))
        wanted = select(*columns).where(
            evidence.c.contact.in_(numbers),
            ((evidence.c.asserted == 1) & (evidence.c.facts != "{}"))
            | (evidence.c.event == "void"),
        )
        gone: dict[int, set[Any]] = defaultdict(set)
        for row in self.connection.execute(wanted.order_by(evidence.c.sequence.desc())):
            if row.sequence in gone[row.contact]:
                continue
            if row.event == "void":
                gone[row.contact].update(load_about(row.about))
            else:
                self.recorded(row.contact, row.at)

    def recorded(self, number: int, at: str) -> None:
        """Note that a snapshot of a contact is evidence."""
        self._first[number] = min(at, self._first.get(number, at))

    def note(
        self, number: int, facts: Mapping[str, Value | None], at: str, run: int, *, is_own: bool
    ) -> bool:
        """Note that a snapshot said what was known.

        Args:
            number: The number of the contact.
            facts: What it said.
            at: When.
            run: The import that read it.
            is_own: Whether the time is its own, and not that of the import.

        Returns:
            False where no snapshot of the contact at or before that time is evidence: then this
            one has to be.
        """
        since = min((m.since for m in self.of(number) if m.since), default=self._first.get(number))
        if since is None or at < since:
            return False
        text = dump_facts(facts)
        mark = self._marks[number].setdefault(text, Sighting(number, text, since))
        mark.since = since
        mark.note(run, self._previous(run), at if is_own else "")
        self.noted += mark.is_changed
        return True

    def _previous(self, run: int) -> int:
        """Return the number of the import before one; 0 for none."""
        if self._before is None or self._before[0] != run:
            wanted = select(func.max(runs.c.id)).where(runs.c.kind == "import", runs.c.id < run)
            self._before = run, self.connection.execute(wanted).scalar() or 0
        return self._before[1]

    def look_again(self, number: int) -> None:
        """Let the first snapshot of a contact be looked for again, since some may not count."""
        for mark in self.of(number):
            mark.since, mark.is_changed = "", True

    def write(self) -> None:
        """Write what was noted."""
        changed = [mark for mark in self._all() if mark.is_changed]
        if changed:
            self.bulk.write_sightings(self.connection, [mark.row() for mark in changed])
            for mark in changed:
                mark.is_changed = False

    def _all(self) -> Iterator[Sighting]:
        for marks in self._marks.values():
            yield from marks.values()
