"""The fold over batches of sorted evidence, contact by contact, into batches of its results."""

import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from itertools import chain, groupby, islice, repeat
from operator import itemgetter
from typing import Any, TypeAlias

import orjson
import pyarrow as pa
from attrs import define, field, frozen

from funnelflow.arrow.evidence_batches import EPOCH, MOMENT, EvidenceColumns
from funnelflow.criteria.value_forms import dump_value
from funnelflow.engine import Event, Funnel, decide
from funnelflow.engine.answers import GivenAnswers
from funnelflow.engine.events import EventParser, TimestampCache
from funnelflow.engine.story import VOID, OpenStory, Story, StoryRow, fold_story, stages_around
from funnelflow.errors import Error, UnknownNameError, UsageError
from funnelflow.gc_pause import gc_paused

_STEP = pa.struct(
    [("source", pa.string()), ("to", pa.string()), ("cause", pa.string()), ("at", MOMENT)]
)
_UNMET = pa.struct([("criterion", pa.string()), ("verdict", pa.string())])


def _schema(**columns: pa.DataType | tuple[pa.DataType]) -> pa.Schema:
    """Return a schema; a type in a tuple is that of a column that may be null."""
    return pa.schema(
        [
            pa.field(name, kind[0])
            if isinstance(kind, tuple)
            else pa.field(name, kind, nullable=False)
            for name, kind in columns.items()
        ]
    )


STAYS = _schema(
    contact=pa.string(),
    funnel=pa.string(),
    stage=pa.string(),
    entered=MOMENT,
    left=(MOMENT,),
    days=(pa.float64(),),
    arrival=pa.int64(),
    cause=(pa.string(),),
)
"""Every time in a stage: when it was entered and left (null while the contact is in it), the days
between, the arrival of the evidence that led into it and by what cause (null for the first)."""

DECISIONS = _schema(
    contact=pa.string(),
    funnel=pa.string(),
    arrival=pa.int64(),
    event=pa.string(),
    at=MOMENT,
    outcome=pa.string(),
    before_stage=pa.string(),
    after_stage=pa.string(),
    path=pa.list_(_STEP),
    unmet=pa.list_(_UNMET),
)
"""What became of each piece of evidence in its order in time; `unmet` of refused moves."""

POSITIONS = _schema(
    contact=pa.string(),
    funnel=pa.string(),
    stage=pa.string(),
    since=MOMENT,
    clock=MOMENT,
    due_at=(MOMENT,),
    fields=pa.string(),
)
"""Where each contact is, since when, up to which moment its story was folded, when time will move
it, and what is known, as JSON."""

SCHEMAS: Mapping[str, pa.Schema] = {"stays": STAYS, "decisions": DECISIONS, "positions": POSITIONS}

EXPORTED: Mapping[str, pa.Schema] = {
    **SCHEMAS,
    "evidence": _schema(
        contact=pa.string(),
        event=pa.string(),
        at=MOMENT,
        arrival=pa.int64(),
        actor=pa.string(),
        roles=pa.list_(pa.string()),
        facts=pa.string(),
        to=pa.string(),
        reason=pa.string(),
        force=pa.bool_(),
        asserted=pa.bool_(),
        voids=pa.list_(pa.int64()),
        key=(pa.string(),),
        recorded_at=MOMENT,
        run=(pa.int64(),),
    ),
}
"""The tables that ``funnelflow export`` writes."""

_AS_STORED = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME
"""As the store writes the fields of a position."""
_BATCH_ROWS = 32_768
_KEPT = 100_000
_DAY = dt.timedelta(days=1)
_SILENT = Event(VOID, EPOCH)
_new: Callable[..., Any] = tuple.__new__
"""Makes a named tuple of a tuple, in half the time: there is one of each a row."""

Said: TypeAlias = tuple[Any, ...]
"""What a row says, but for whom it is about and when: hashable, and the same for many rows."""
ReadRow: TypeAlias = tuple[Any, ...]
"""A row of evidence: whom it is about, its arrival, its moment, what it voids, what it says."""


@frozen
class FunnelsFold:
    """How evidence is folded.

    Attributes:
        funnels: The definitions that decide, each over the whole story.
        columns: How the columns of evidence are read.
        until: The moment to fold to; None for the last evidence of each contact.
        wanted: What is to come of it: names of `SCHEMAS`.
    """

    funnels: tuple[Funnel, ...]
    columns: EvidenceColumns
    until: dt.datetime | None
    wanted: tuple[str, ...]

    def batches(self, evidence: Iterable[pa.RecordBatch]) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield what comes of evidence, each batch with the name of its schema.

        Args:
            evidence: Prepared evidence, sorted by contact and time.

        Raises:
            UsageError: It is not sorted.
            FieldError: A row cannot be read, and nobody takes it.
        """
        out = _Out(self.wanted)
        folder, contacts = _ContactFolder(self, out), self._contacts(evidence)
        is_more = True
        while is_more:
            with gc_paused():
                is_more = folder.fill(contacts)
            yield from out.full(_BATCH_ROWS if is_more else 1)

    def _contacts(
        self, evidence: Iterable[pa.RecordBatch]
    ) -> Iterator[tuple[str, Iterator[ReadRow]]]:
        """Yield each contact with its rows."""
        rows = chain.from_iterable(map(read_rows, evidence))
        before = ""
        for contact, own in groupby(rows, itemgetter(0)):
            if contact < before:
                raise UsageError(
                    f"the evidence is not sorted by contact: {contact!r} comes behind {before!r}",
                    hint="leave out ordered=True, or sort it by contact and time",
                )
            yield contact, own
            before = contact


def read_rows(batch: pa.RecordBatch) -> Iterator[ReadRow]:
    """Yield the rows of prepared evidence, decoded column by column."""
    own = ("actor", "roles", "facts", "to_stage", "reason", "force", "asserted")
    known = {"contact", "event", "at", "arrival", "voids", *own}
    wide = [name for name in batch.schema.names if name not in known]
    values = zip(*(_hashable(batch.column(name)) for name in wide), strict=True)
    facts = zip(repeat(tuple(wide)), values, strict=False) if wide else repeat(None)
    said = zip(*(_column(batch, name) for name in ("event", *own)), facts, strict=False)
    placed = (_column(batch, name) for name in ("contact", "arrival", "at", "voids"))
    return zip(*placed, said, strict=False)


def _column(batch: pa.RecordBatch, name: str) -> Iterable[Any]:
    """Return the values of a column that need not be there."""
    return _hashable(batch.column(name)) if name in batch.schema.names else repeat(None)


def _hashable(column: pa.Array) -> list[Any]:
    """Return the values of a column; times by their numbers, which is much quicker."""
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        numbers = column.cast(MOMENT, safe=False).cast(pa.int64()).to_pylist()
        return [None if n is None else EPOCH + dt.timedelta(0, 0, n) for n in numbers]
    values: list[Any] = column.to_pylist()
    if not pa.types.is_nested(column.type):
        return values
    return [tuple(value) if isinstance(value, list) else value for value in values]


class _Reader:
    """Makes events of what rows say, the same for many rows, for each of several definitions."""

    def __init__(self, funnels: Sequence[Funnel], columns: EvidenceColumns) -> None:
        self._timezone, self._text = columns.timezone, columns.text
        linked = [funnel.linked for funnel in funnels]
        times = TimestampCache(self._timezone)
        self._parsers = [
            EventParser(one, times, others=[other for other in linked if other is not one])
            for one in linked
        ]
        self._known: dict[Said, tuple[Event, ...] | str] = {}

    def read(self, said: Said) -> tuple[Event, ...] | str:
        """Return the events that a row is to the definitions, at no moment; or why it is none."""
        found = self._known.get(said)
        if found is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            try:
                found = self._read(said)
            except Error as error:
                found = f"{error.message}; {error.hint}" if error.hint else error.message
            self._known[said] = found
        return found

    def _read(self, said: Said) -> tuple[Event, ...]:
        """Make the events.

        Raises:
            Error: A definition cannot read it, or none has the stage that is asked for.
        """
        name, *_, to, _, _, _, _ = said
        if name == VOID:
            return (_SILENT,) * len(self._parsers)
        events: list[Event] = []
        lacking: list[UnknownNameError] = []
        for parser in self._parsers:
            try:
                events.append(self._event(parser, said))
            except UnknownNameError as error:
                if not (to and error.kind == "stage"):
                    raise
                lacking.append(error)
                told = "set" if name == "move" else name
                events.append(self._event(parser, (told, *said[1:4], None, None, None, *said[7:])))
        if lacking and len(lacking) == len(self._parsers):
            raise lacking[0]
        return tuple(events)

    def _event(self, parser: EventParser, said: Said) -> Event:
        name, actor, roles, text, to, reason, force, asserted, wide = said
        facts = {} if not text or text == "{}" else _object(text)
        if wide is not None:
            facts |= {n: value for n, value in zip(*wide, strict=True) if value is not None}
        event = parser.read(
            name, EPOCH, facts, actor=actor or "", roles=roles or (), to=to or "",
            reason=reason or "", force=bool(force), timezone=self._timezone, text=self._text,
        )  # fmt: skip
        return event._replace(asserted=True) if asserted else event


def _object(text: str) -> dict[str, Any]:
    """Read facts that are a JSON object.

    Raises:
        UsageError: They are none.
    """
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UsageError(f"facts are no JSON: {error}") from None
    if not isinstance(found, dict):
        raise UsageError("facts must be a JSON object", hint='{"budget": 5000}')
    return found


def batches_of(schema: pa.Schema, rows: Iterable[tuple[Any, ...]]) -> Iterator[pa.RecordBatch]:
    """Yield rows as batches of a schema."""
    source = iter(rows)
    while some := list(islice(source, _BATCH_ROWS)):
        columns = zip(*some, strict=True)
        arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


class _Out:
    """Rows that come of the fold, until there are enough for a batch."""

    def __init__(self, wanted: Iterable[str]) -> None:
        self.rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in wanted}

    def full(self, least: int) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield a batch of each kind of which there are so many rows."""
        for name, rows in self.rows.items():
            if len(rows) >= least:
                for batch in batches_of(SCHEMAS[name], rows):
                    yield name, batch
                self.rows[name] = []


@define(eq=False)
class _ContactFolder:
    """Folds one contact after the other."""

    how: FunnelsFold
    out: _Out
    reader: _Reader = field(init=False)

    @reader.default
    def _make_reader(self) -> _Reader:
        return _Reader(self.how.funnels, self.how.columns)

    def fill(self, contacts: Iterable[tuple[str, Iterable[ReadRow]]]) -> bool:
        """Fold contacts until there are enough rows for a batch; whether there may be more."""
        for contact, rows in contacts:
            self.fold(contact, rows)
            if any(len(found) >= _BATCH_ROWS for found in self.out.rows.values()):
                return True
        return False

    def fold(self, contact: str, rows: Iterable[ReadRow]) -> None:
        """Fold the rows about a contact by every definition."""
        stories: list[list[StoryRow]] = [[] for _ in self.how.funnels]
        refused: list[tuple[int, str, str, str]] = []
        read = self.reader.read
        for _, arrival, at, voids, said in rows:
            events = read(said)
            if isinstance(events, str):
                refused.append((arrival, contact, said[0], events))
                continue
            for story, like in zip(stories, events, strict=True):
                event = _new(Event, (like[0], at, *like[2:]))
                story.append(_new(StoryRow, (arrival, event, voids or (), like[9])))
        self.how.columns.refuse(refused)
        for funnel, story in zip(self.how.funnels, stories, strict=True):
            self._fold(funnel, contact, story)

    def _fold(self, funnel: Funnel, contact: str, rows: list[StoryRow]) -> None:
        given = GivenAnswers() if funnel.asks else None
        with nullcontext() if given is None else given.asking():
            story = fold_story(funnel, contact, rows, self.how.until, given=given)
        if not story.stays:
            return
        wanted, name = self.out.rows, funnel.definition.name
        if "stays" in wanted:
            wanted["stays"] += _stays(contact, name, story)
        if "decisions" in wanted:
            wanted["decisions"] += _decisions(funnel, contact, story, rows)
        if "positions" in wanted:
            wanted["positions"].append(_position(funnel, story))


def _stays(contact: str, funnel: str, story: Story) -> Iterator[tuple[Any, ...]]:
    for stay in story.stays:
        days = None if stay.left is None else (stay.left - stay.entered) / _DAY
        yield (
            contact, funnel, stay.stage, stay.entered, stay.left, days, stay.arrival, stay.cause,
        )  # fmt: skip


def _decisions(
    funnel: Funnel, contact: str, story: Story, rows: Iterable[StoryRow]
) -> Iterator[tuple[Any, ...]]:
    """Yield what became of each row, in the order in which they happened."""
    events, name = {row.arrival: row.event for row in rows}, funnel.definition.name
    paths = [(arrival, outcome.path) for arrival, outcome in story.outcomes.items()]
    stages = stages_around(story.stays, paths)
    for (arrival, outcome), (before, after) in zip(story.outcomes.items(), stages, strict=True):
        event, path = events[arrival], outcome.path
        yield (
            contact, name, arrival, event.name, event.at, outcome.outcome, before, after,
            [(t.source, t.to, t.cause, t.at or event.at) for t in path] if path else (),
            _unmet(funnel, contact, rows, event) if outcome.outcome == "refused" else (),
        )  # fmt: skip


def _unmet(
    funnel: Funnel, contact: str, rows: Iterable[StoryRow], event: Event
) -> tuple[tuple[str, str], ...]:
    """Return what was in the way of a move that was refused."""
    others = [row for row in rows if row.event is not event]
    stood = OpenStory(funnel, contact, others).before(event)
    return decide(funnel, stood, event).unmet()


def _position(funnel: Funnel, story: Story) -> tuple[Any, ...]:
    contact = story.contact
    return (
        contact.id, funnel.definition.name, contact.stage, contact.since, contact.clock,
        funnel.due_at(contact), orjson.dumps(contact.fields, dump_value, _AS_STORED).decode(),
    )  # fmt: skip
