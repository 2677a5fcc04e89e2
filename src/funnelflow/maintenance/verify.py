"""The database proves itself: every row is as it was written, and says what its evidence gives.

Contacts and history are read side by side in the order of ids, so that memory stays flat
however many there are. A row that has been altered is named once: the rows behind it are
checked against the digest that it carried.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Literal, TypeAlias

from attrs import evolve
from sqlalchemy import Connection, Select, and_, select, text
from sqlalchemy.exc import DatabaseError

from funnelflow.errors import StoreError
from funnelflow.maintenance.heads import check_against_heads, write_heads
from funnelflow.maintenance.heads_file import is_heads_file, require_heads_target
from funnelflow.maintenance.verify_contacts import (
    SHOWN,
    ContactCheck,
    Deciders,
    Finding,
    SinceHeads,
    Verification,
    check_definitions,
)
from funnelflow.maintenance.verify_plugins import AnswersToday
from funnelflow.storage.connect import reading
from funnelflow.storage.context import Context
from funnelflow.storage.database_errors import as_store_error
from funnelflow.storage.definition_store import DefinitionStore
from funnelflow.storage.replay import read_merges
from funnelflow.storage.sightings import read_sighting
from funnelflow.storage.tables import contacts, decisions, evidence, positions, sightings

Watch: TypeAlias = Callable[[Verification], None]

_BATCH = 1_000
_EVERY = 1_000


def run_verification(
    context: Context,
    *,
    found: Callable[[Finding], None] | None = None,
    progress: Watch | None = None,
    against: Path | None = None,
    heads: Path | None = None,
    force: bool = False,
) -> Verification:
    """Check everything; see `Workspace.verify`.

    Args:
        context: The workspace.
        found: Called with every finding at once.
        progress: Called every thousand contacts with how far it has come.
        against: A file of heads, to which the database is held.
        heads: Where heads are written if nothing is wrong. The database is held to heads that
            are there already, so that what they prove is not lost.
        force: Replace whatever file `heads` is, unread.
    """
    report = _Report(found, progress)
    previous = None
    if heads is not None:
        require_heads_target(heads, force=force)
        previous = heads if not force and is_heads_file(heads) else None
    store = DefinitionStore(context.library)  # which has read none of them
    today = AnswersToday(context.plugins.ask)
    with reading(context.engine) as connection, _any_bytes(connection):
        for path in dict.fromkeys(path for path in (previous, against) if path is not None):
            with _damage_found(connection, report):
                report.compared(check_against_heads(connection, path, report.add))
        with _damage_found(connection, report):
            _check_file(connection, report)
        deciders, findings = check_definitions(connection, store)
        for finding in findings:
            report.add(finding)
        with _damage_found(connection, report):
            _check_contacts(connection, store, deciders, report, today)
        with _damage_found(connection, report):
            _check_sightings(connection, report)
        for finding in today.findings():
            report.add(finding)
        if heads is not None and report.result.is_sound:
            write_heads(connection, heads, context.clock())
            report.result = evolve(report.result, heads=heads)
    return report.result


class _Report:
    """Counts, and hands on what is found."""

    def __init__(self, found: Callable[[Finding], None] | None, progress: Watch | None) -> None:
        self.result = Verification()
        self._found = found
        self._progress = progress

    def add(self, finding: Finding) -> None:
        known = self.result.findings
        shown = (*known, finding) if len(known) < SHOWN else known
        problems = self.result.problems + (finding.fault != "plugin")
        self.result = evolve(self.result, problems=problems, findings=shown)
        if self._found is not None:
            self._found(finding)

    def compared(self, since: SinceHeads) -> None:
        self.result = evolve(self.result, against=since)

    def count(self, rows: int, *, is_erased: bool) -> None:
        done = self.result
        self.result = evolve(
            done,
            contacts=done.contacts + (not is_erased),
            rows=done.rows + rows,
            erased=done.erased + is_erased,
        )
        if self._progress is not None and self.result.contacts % _EVERY == 0:
            self._progress(self.result)


def _check_contacts(
    connection: Connection,
    store: DefinitionStore,
    deciders: Deciders,
    report: _Report,
    today: AnswersToday,
) -> None:
    """Walk over contacts, their positions and their evidence side by side."""
    of = (evidence.c.contact, evidence.c.sequence, decisions.c.place)
    people = _Queue(connection, select(contacts).order_by("number"), "number", "contact", report)
    stands = select(positions).order_by(positions.c.contact, positions.c.place)
    places = _Queue(connection, stands, "contact", "contact", report)
    told = _Queue(connection, _TOLD.order_by(*of), "contact", "history", report)
    merges = read_merges(connection)
    with closing(people), closing(places), closing(told):
        while (number := _lowest(people, places, told)) is not None:
            known = people.take() if people.number == number else None
            about = merges.get(number, ())
            check = ContactCheck(connection, store, deciders, number, known, about, today.used)
            while told.number == number:
                for finding in check.row(*_answers(told, number)):
                    report.add(finding)
            found = []
            while places.number == number:
                found.append(places.take())
            for finding in check.end(found):
                report.add(finding)
            today.conclude(f"#{number}" if known is None else str(known.id))
            report.count(check.rows, is_erased=check.is_erased)


def _check_sightings(connection: Connection, report: _Report) -> None:
    """Check what snapshots said again: each mark is as it was written, of somebody known."""
    wanted = select(sightings, contacts.c.id).outerjoin(
        contacts, contacts.c.number == sightings.c.contact
    )
    for *mark, name in connection.execute(wanted.execution_options(yield_per=_BATCH)):
        who = f"#{mark[0]}" if name is None else str(name)
        try:
            read_sighting(mark)
        except StoreError as error:
            report.add(Finding("contact", who, 0, error.message))
            continue
        if name is None:
            what = "snapshots said something of it again, and nobody is known by this number"
            report.add(Finding("contact", who, 0, what))


_TOLD = select(
    contacts.c.id.label("contact_id"),
    evidence,
    *(column for column in decisions.c if column.name not in {"contact", "sequence"}),
).select_from(
    evidence.outerjoin(contacts, contacts.c.number == evidence.c.contact).outerjoin(
        decisions,
        and_(
            decisions.c.contact == evidence.c.contact, decisions.c.sequence == evidence.c.sequence
        ),
    )
)
"""The evidence with what was decided on it: as the view `history`, and whatever is missing."""


def _answers(told: "_Queue", number: int) -> Iterator[Any]:
    """Take the next row of a history, once for each funnel in which it was decided."""
    first = told.take()
    yield first
    while told.number == number and told.is_same(first, "sequence"):
        yield told.take()


def _lowest(*queues: "_Queue") -> int | None:
    """Return the lowest number of a contact at the head of queues; None behind the last."""
    return min((queue.number for queue in queues if queue.number is not None), default=None)


class _Queue:
    """Rows in the order of the numbers of contacts, the next of which can be looked at.

    A row that stands where its number does not belong (its bytes, or those of the index, have
    been altered) is reported and left out, so that it does not mix up all that follow.

    Attributes:
        number: The contact of the next row; None behind the last.
    """

    def __init__(
        self,
        connection: Connection,
        query: Select[Any],
        column: str,
        kind: Literal["contact", "history"],
        report: _Report,
    ) -> None:
        self._rows = connection.execute(query.execution_options(yield_per=_BATCH))
        self._column = column
        self._kind = kind
        self._report = report
        self._next: Any = next(self._rows, None)
        self._head: Any = None
        self.number: int | None = None
        self.take()

    def take(self) -> Any:
        """Return the next row, and go to the one behind it."""
        taken, last = self._head, self.number or 0
        while True:
            self._head, self._next = self._next, next(self._rows, None)
            if self._head is None:
                self.number = None
                return taken
            number = self._number(self._head)
            behind = None if self._next is None else self._number(self._next)
            if last <= number and (behind is None or behind >= number or behind < last):
                self.number = number
                return taken
            name = f"#{getattr(self._head, self._column)}"
            self._report.add(Finding(self._kind, name, 0, "a row has got out of order"))

    def is_same(self, row: Any, column: str) -> bool:
        """Whether the next row says the same in a column as another one."""
        return bool(getattr(self._head, column) == getattr(row, column))

    def close(self) -> None:
        """Let go of the rows that are left."""
        self._rows.close()

    def _number(self, row: Any) -> int:
        """Return the contact of a row; -1 where that is no number any more."""
        number = getattr(row, self._column)
        return number if isinstance(number, int) else -1


def _check_file(connection: Connection, report: _Report) -> None:
    """Let SQLite check its own file: what lies behind the rows, such as the indexes."""
    if connection.dialect.name != "sqlite":
        return
    for (said,) in connection.execute(text("PRAGMA integrity_check(100)")):
        if said != "ok":
            report.add(Finding("database", "", 0, f"SQLite says: {said}"))


@contextmanager
def _damage_found(connection: Connection, report: _Report) -> Iterator[None]:
    """Report it when SQLite cannot read on in a damaged file, and let every other error out."""
    try:
        yield
    except DatabaseError as error:
        if connection.dialect.name != "sqlite":
            raise
        report.add(Finding("database", "", 0, as_store_error(error).message))


@contextmanager
def _any_bytes(connection: Connection) -> Iterator[None]:
    """Let text that is no UTF-8 through, on SQLite, so that its row can be named."""
    driver: Any = connection.connection.dbapi_connection
    if not isinstance(driver, sqlite3.Connection):
        yield
        return
    driver.text_factory = _read_text
    try:
        yield
    finally:
        driver.text_factory = str


def _read_text(raw: bytes) -> str:
    """Read text, each byte that belongs to none as half of a surrogate pair."""
    return raw.decode("utf-8", "surrogateescape")
