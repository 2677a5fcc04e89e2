"""Tables out of a workspace: evidence, stays, decisions and positions, row by row."""

import csv
import datetime as dt
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias

import orjson
from attrs import frozen
from sqlalchemy import Connection, select

from funnelflow.criteria.times import timestamp_json
from funnelflow.criteria.value_forms import dump_value
from funnelflow.engine.story import VOID, in_force, stages_around
from funnelflow.errors import UnknownNameError, UsageError
from funnelflow.storage.connect import reading
from funnelflow.storage.context import Context
from funnelflow.storage.queries import AsOf, funnel_names
from funnelflow.storage.replay import EvidenceReader, merged_by, read_told, rows_of, united
from funnelflow.storage.row_format import from_text
from funnelflow.storage.stays import FoundJourney, JourneyReader
from funnelflow.storage.tables import contacts
from funnelflow.storage.told import as_story

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "evidence": (
        "contact", "event", "at", "arrival", "actor", "roles", "facts", "to", "reason", "force",
        "asserted", "voids", "key", "recorded_at", "run",
    ),
    "stays": ("contact", "funnel", "stage", "entered", "left", "days", "arrival", "cause"),
    "decisions": (
        "contact", "funnel", "arrival", "event", "at", "outcome", "before_stage", "after_stage",
        "path", "unmet",
    ),
    "positions": ("contact", "funnel", "stage", "since", "clock", "due_at", "fields"),
}  # fmt: skip
"""The tables, and the columns of each; those of `funnelflow.arrow`, where it has them."""

ExportedRow: TypeAlias = tuple[Any, ...]
_DAY = dt.timedelta(days=1)
_BATCH = 1_000


@frozen
class ExportRequest:
    """What is exported.

    Attributes:
        table: Which table, a name of `COLUMNS`.
        at: As it was at this time, as it is known today; None for now.
        since: Of the evidence, only what was recorded at this time or later: what is taken back
            then comes as rows ``void``. None for all that is in force.
        funnel: The only funnel; None for all.
    """

    table: str
    at: dt.datetime | None = None
    since: dt.datetime | None = None
    funnel: str | None = None


def exported_rows(context: Context, request: ExportRequest) -> Iterator[ExportedRow]:
    """Return the rows of a table, read as they are asked for; see `Workspace.export`.

    Raises:
        UnknownNameError: There is no such table or funnel.
        UsageError: `since` is asked of another table than the evidence.
    """
    if request.table not in COLUMNS:
        raise UnknownNameError("table", request.table, list(COLUMNS))
    if request.since is not None and request.table != "evidence":
        reason = f"{request.table} are made anew from the whole evidence, so there is no since"
        raise UsageError(reason, hint="export them whole, or the evidence with --since")
    if request.funnel is not None:
        with reading(context.engine) as connection:
            known = funnel_names(connection)
        if request.funnel not in known:
            raise UnknownNameError("funnel in use", request.funnel, known)
    return _rows(context, request)


def _rows(context: Context, request: ExportRequest) -> Iterator[ExportedRow]:
    with reading(context.engine) as connection:
        if request.table == "evidence":
            yield from _evidence(context, connection, request)
            return
        present, as_of = context.present(connection, request.at), AsOf(request.at)
        reader = JourneyReader(
            connection, context.definitions, present, as_of, funnel=request.funnel
        )
        for found in reader.journeys():
            yield from _FROM_JOURNEYS[request.table](found)


def _evidence(
    context: Context, connection: Connection, request: ExportRequest
) -> Iterator[ExportedRow]:
    """Yield evidence by contact, in the order in which it happened.

    What was addressed to somebody who is merged into another comes under the other's id.
    """
    wanted = select(contacts.c.number, contacts.c.id).where(
        contacts.c.id.is_not(None), contacts.c.merged_into.is_(None)
    )
    last = ""
    while True:
        batch = wanted.where(contacts.c.id > last).order_by(contacts.c.id).limit(_BATCH)
        people = connection.execute(batch).all()
        if not people:
            return
        for number, name in people:
            yield from _evidence_of(context, connection, number, name, request)
        last = people[-1].id


def _evidence_of(
    context: Context, connection: Connection, number: int, name: str, request: ExportRequest
) -> Iterator[ExportedRow]:
    rows = list(rows_of(connection, number))
    if merged_by(rows):
        rows = united(connection, number)
    if not rows:
        return
    by_arrival = {row.id: row for row in rows}
    decided = context.definitions.by_id(connection, rows[0].definition)
    told = read_told(connection, context.definitions, EvidenceReader(decided), rows)
    story, _ = as_story(told, request.funnel or decided.name)
    if request.since is None:
        story = in_force(story)
    else:
        story = sorted(story, key=lambda one: (one.event.at, one.arrival))
    for one in story:
        row, event = by_arrival[one.arrival], one.event
        recorded = from_text(row.recorded_at)
        if request.since is not None and (recorded < request.since or _is_left_out(event.name)):
            continue
        if request.at is not None and event.at > request.at and event.name != VOID:
            continue
        yield (
            name, event.name, event.at, one.arrival, event.actor, list(event.roles), row.facts,
            event.to, event.reason, event.force, one.asserted, list(one.voids), row.key, recorded,
            row.run,
        )  # fmt: skip


def _is_left_out(event: str) -> bool:
    """Whether evidence is about the story itself, and is no row of a table."""
    return event in {"merge", "unmerge", "enter", "leave", "tick"}


def _stays(found: FoundJourney) -> Iterator[ExportedRow]:
    loaded, journey = found
    for stay in journey.stays:
        days = None if stay.left is None else (stay.left - stay.entered) / _DAY
        yield (
            journey.contact, loaded.name, stay.stage, stay.entered, stay.left, days, stay.arrival,
            stay.cause,
        )  # fmt: skip


def _decisions(found: FoundJourney) -> Iterator[ExportedRow]:
    loaded, journey = found
    paths = [(one.arrival, one.path) for one in journey.decisions]
    stages = stages_around(journey.stays, paths)
    for one, (before, after) in zip(journey.decisions, stages, strict=True):
        steps = [
            {"source": t.source, "to": t.to, "cause": t.cause, "at": t.at or one.event.at}
            for t in one.path
        ]
        unmet = [{"criterion": label, "verdict": verdict} for label, verdict in one.unmet]
        yield (
            journey.contact, loaded.name, one.arrival, one.event.name, one.event.at, one.outcome,
            before, after, steps, unmet,
        )  # fmt: skip


def _positions(found: FoundJourney) -> Iterator[ExportedRow]:
    loaded, journey = found
    contact = journey.position
    fields = {name: dump_value(value) for name, value in contact.fields.items()}
    yield (
        journey.contact, loaded.name, contact.stage, contact.since, contact.clock, journey.due_at,
        orjson.dumps(fields, option=orjson.OPT_SORT_KEYS).decode(),
    )  # fmt: skip


_FROM_JOURNEYS: Mapping[str, Callable[[FoundJourney], Iterator[ExportedRow]]] = {
    "stays": _stays,
    "decisions": _decisions,
    "positions": _positions,
}


def write_rows(
    path: Path, table: str, rows: Iterable[ExportedRow], said: Mapping[str, str], *, force: bool
) -> int:
    """Write rows to a file, whole or not at all; return how many.

    Args:
        path: The file, whose name says its format: ``.parquet``, ``.jsonl`` or ``.csv``.
        table: Which table they are rows of.
        rows: The rows.
        said: What is to stand in the metadata of a Parquet file.
        force: Write over a file that is there.

    Raises:
        UsageError: The name says no format, or there is a file already.
    """
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        known = ", ".join(sorted(_WRITERS))
        raise UsageError(f"the name of {path} says no format", hint=f"one of: {known}")
    if path.exists() and not force:
        raise UsageError(f"{path} is there already", hint="name another file, or add --force")
    with _replacing(path) as file:
        return write(file, table, rows, said)


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """Yield a new file that takes the place of another when the block has ended well."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(number, "wb") as file:
            yield file
        draft.replace(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", hint="") from None
    finally:
        draft.unlink(missing_ok=True)


def write_csv(file: BinaryIO, table: str, rows: Iterable[ExportedRow], _: Mapping[str, str]) -> int:
    """Write rows as CSV, lists and objects in JSON; return how many."""
    count, text = 0, io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS[table])
    for row in rows:
        writer.writerow([_as_cell(value) for value in row])
        count += 1
    text.detach()
    return count


def write_json_lines(
    file: BinaryIO, table: str, rows: Iterable[ExportedRow], _: Mapping[str, str]
) -> int:
    """Write rows as JSON Lines; return how many."""
    count, names = 0, COLUMNS[table]
    for row in rows:
        found = dict(zip(names, row, strict=True))
        for name in ("facts", "fields"):
            if name in found:
                found[name] = json.loads(found[name])
        file.write(orjson.dumps(found, _as_json, orjson.OPT_PASSTHROUGH_DATETIME) + b"\n")
        count += 1
    return count


def write_parquet(
    file: BinaryIO, table: str, rows: Iterable[ExportedRow], said: Mapping[str, str]
) -> int:
    """Write rows as Parquet, with what is said in its metadata; return how many.

    Raises:
        UsageError: Arrow is not installed.
    """
    try:
        from pyarrow.parquet import ParquetWriter  # noqa: PLC0415  # an extra

        from funnelflow.arrow import EXPORTED, batches_of  # noqa: PLC0415  # which needs it
    except ImportError:
        raise UsageError("Parquet needs Arrow", hint="pip install 'funnelflow[arrow]'") from None
    count, schema = (
        0,
        EXPORTED[table].with_metadata({f"funnelflow.{k}": v for k, v in said.items()}),
    )
    with ParquetWriter(file, schema) as writer:
        for batch in batches_of(schema, rows):
            writer.write_batch(batch)
            count += batch.num_rows
    return count


_WRITERS: Final = {".csv": write_csv, ".jsonl": write_json_lines, ".parquet": write_parquet}


def _as_cell(value: Any) -> Any:
    if value is None or value == []:
        return ""
    if isinstance(value, dt.datetime):
        return timestamp_json(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, default=_as_json) if isinstance(value, list) else value


def _as_json(value: Any) -> str:
    return timestamp_json(value)
