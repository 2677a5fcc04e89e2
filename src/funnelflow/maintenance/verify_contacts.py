"""Checking one contact: the chain of its rows, and the fold over them."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from attrs import asdict, field, frozen
from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from funnelflow.engine import Contact, decide
from funnelflow.engine.answers import Used
from funnelflow.engine.story import MERGE, SILENT
from funnelflow.errors import Error
from funnelflow.storage.checkpoints import checkpoint_checksum
from funnelflow.storage.definition_store import DefinitionStore
from funnelflow.storage.erased import EMPTY, ERASED, unsound_rows
from funnelflow.storage.replay import (
    ADOPT,
    EvidenceReader,
    Replay,
    answers_in,
    open_story,
    read_told,
    united,
)
from funnelflow.storage.row_format import (
    checksum,
    commitment,
    dump_facts,
    dump_memory,
    dump_path,
    encode,
    optional_to_text,
    row_checksum,
    row_digest,
    to_text,
)
from funnelflow.storage.runs import run_checksum
from funnelflow.storage.tables import checkpoints, definitions, funnels, runs
from funnelflow.storage.told import memberships
from funnelflow.storage.tracked_contacts import LoadedDefinition

Kind: TypeAlias = Literal[
    "database",
    "definition",
    "funnel",
    "checkpoint",
    "run",
    "erased",
    "contact",
    "history",
    "plugin",
]

Fault: TypeAlias = Literal["altered", "missing", "derived", "plugin"]
ADVICE: Final[Mapping[Fault, str]] = {
    "altered": "keep a copy of the database as it is, then restore a backup",
    "missing": (
        "evidence is gone: keep a copy of the database as it is, then restore a backup; heads that "
        "were written before say what was there (funnelflow verify --against FILE)"
    ),
    "derived": "what was told is sound: funnelflow verify --repair makes the positions again",
    "plugin": "nothing is damaged: the answers that were given stand",
}
"""What to do about a finding, by what is at fault."""

SHOWN = 100


def _encodable(text: str) -> str:
    """Spell out bytes that are no text, so that they can be printed."""
    return text.encode("utf-8", "backslashreplace").decode()


@frozen
class Finding:
    """One thing that is not as it was written, or not what the evidence gives.

    It names columns and stages, never what a column says about a person.

    Attributes:
        kind: What is concerned.
        name: Which one: a contact's id for ``contact`` and ``history``.
        sequence: The row of the contact's history; 0 where it is none.
        what: What is wrong, in words.
        hint: What to do about it, where `fault` does not say so.
        fault: What is at fault: a row was ``altered``; evidence is ``missing``, the chain ends too
            early or has a gap; what is ``derived`` is wrong and can be made again; a ``plugin``
            would answer differently today, and nothing is damaged.
        contact: The number of the contact; None where it is about none.
    """

    kind: Kind
    name: str = field(converter=_encodable)
    sequence: int
    what: str = field(converter=_encodable)
    hint: str = ""
    fault: Fault = "altered"
    contact: int | None = field(default=None, repr=False)

    @property
    def advice(self) -> str:
        """What to do about it."""
        return self.hint or ADVICE[self.fault]

    def to_json(self) -> dict[str, Any]:
        """Return it as data."""
        return {**asdict(self), "hint": self.advice}

    def __str__(self) -> str:
        """Return it in one line."""
        where = f"{self.kind} {self.name}".rstrip()
        return (
            f"{where}, row {self.sequence}: {self.what}"
            if self.sequence
            else (f"{where}: {self.what}")
        )


@frozen
class SinceHeads:
    """How the histories compare with a file of heads.

    Attributes:
        written_at: When the file was written.
        contacts: How many contacts it speaks of.
        kept: How many of them still have the history that they had then, as a beginning.
        new_contacts: How many contacts it does not know.
        new_rows: How many rows have come since.
    """

    written_at: str
    contacts: int
    kept: int
    new_contacts: int
    new_rows: int


@frozen
class Verification:
    """What came of verifying a workspace.

    Attributes:
        contacts: How many contacts were folded again.
        rows: How many rows of the history were checked.
        erased: How many contacts were erased, whose rows are empty links of the chain.
        problems: How many findings there were, but for those of which plugins are at fault.
        findings: The first hundred of them; `Workspace.verify` hands out every one.
        against: How it compares with heads that were written before; None without any.
        heads: The file to which heads were written; None if they were not.
    """

    contacts: int = 0
    rows: int = 0
    erased: int = 0
    problems: int = 0
    findings: tuple[Finding, ...] = field(default=(), repr=False)
    against: SinceHeads | None = None
    heads: Path | None = None

    @property
    def is_sound(self) -> bool:
        """Whether everything agrees."""
        return self.problems == 0

    def to_json(self, findings: Iterable[Finding] | None = None) -> dict[str, Any]:
        """Return what came of it as data.

        Args:
            findings: Every finding, where somebody has collected them; None for the first hundred.
        """
        shown = self.findings if findings is None else findings
        return {
            "sound": self.is_sound,
            "contacts": self.contacts,
            "rows": self.rows,
            "erased": self.erased,
            "problems": self.problems,
            "findings": [finding.to_json() for finding in shown],
            "against": None if self.against is None else asdict(self.against),
            "heads": None if self.heads is None else str(self.heads),
        }


TICK = "tick"
"""Evidence that somebody looked how late it is; it is never late."""


@frozen
class Deciders:
    """The stored definitions, as far as they can be trusted.

    Attributes:
        digests: What each may be called in the digests of rows, by its number: as it is
            stored, and as its content gives.
        broken: Those that cannot decide anything any more.
    """

    digests: Mapping[int, frozenset[str]]
    broken: frozenset[int]


def check_definitions(
    connection: Connection, store: DefinitionStore
) -> tuple[Deciders, list[Finding]]:
    """Check all but contacts and their history; give the definitions, and what was found."""
    digests: dict[int, frozenset[str]] = {}
    broken: set[int] = set()
    found: list[Finding] = []
    for row in connection.execute(select(definitions).order_by(definitions.c.id)):
        counted = hashlib.sha256(str(row.content).encode("utf-8", "surrogateescape")).hexdigest()
        digests[row.id] = frozenset({row.digest, counted})
        faults = list(_definition(connection, store, row, counted))
        if faults:
            broken.add(row.id)
        found.extend(faults)
    for row in connection.execute(select(funnels).order_by(funnels.c.name)):
        found.extend(_funnel(row, digests))
    found.extend(
        Finding("erased", key[:12], 0, "its row has been altered")
        for key in unsound_rows(connection)
    )
    found.extend(
        Finding("checkpoint", str(row.path), 0, "its row has been altered")
        for row in connection.execute(select(checkpoints).order_by(checkpoints.c.id))
        if row.checksum != checkpoint_checksum(row._asdict())
    )
    found.extend(
        Finding("run", str(row.id), 0, "its row has been altered")
        for row in connection.execute(select(runs).order_by(runs.c.id))
        if row.checksum != run_checksum(row._asdict())
    )
    return Deciders(digests, frozenset(broken)), found


def _definition(
    connection: Connection, store: DefinitionStore, row: Any, counted: str
) -> Iterator[Finding]:
    """Check one definition."""
    name = f"{row.name} ({row.id})"
    if row.digest != counted:
        yield Finding("definition", name, 0, "its content or its digest has been altered")
        return
    try:
        loaded = store.by_id(connection, row.id)
    except Error as error:
        yield Finding("definition", name, 0, f"it cannot be used: {error.message}")
        return
    said = json.loads(row.content)
    if (row.name, row.version) != (loaded.name, said.get("version", 1)):
        yield Finding("definition", name, 0, "its name or version has been altered")
    elif row.checksum != checksum(row.digest, row.name, row.version, row.stored_at):
        yield Finding("definition", name, 0, "the time at which it was stored has been altered")


def _funnel(row: Any, digests: Mapping[int, frozenset[str]]) -> Iterator[Finding]:
    """Check which definition a funnel is under."""
    if row.checksum != checksum(row.name, row.definition, row.adopted_at):
        yield Finding("funnel", str(row.name), 0, "its row has been altered")
    elif row.definition not in digests:
        yield Finding("funnel", str(row.name), 0, "its definition is missing")


_TOLD = (
    "event", "at", "actor", "recorder", "roles", "facts", "to_stage", "reason", "force",
    "asserted", "about", "vetoes", "answers",
)  # fmt: skip
_DECIDED = ("outcome", "before_stage", "after_stage", "path", "unmet", "restated")
_NUMBERS = {"force", "asserted"}


class ContactCheck:
    """Goes along the history of one contact.

    What was answered is decided again as long as the evidence came in the order in which it
    happened. Behind late evidence answers are what they were, and nobody can give them again
    without knowing what was known at each of them; where the contact stands is compared all the
    same, with the fold of its whole story.

    Args:
        connection: The database.
        store: The definitions.
        deciders: The stored definitions.
        number: The number of the contact whose history it is.
        known: Its row among the contacts; None if there is none.
        merges: The evidence of when it was merged into others, and given back.
        used: Called with each answer of a plugin that decides again.

    Attributes:
        rows: How many rows there were.
    """

    def __init__(
        self,
        connection: Connection,
        store: DefinitionStore,
        deciders: Deciders,
        number: int,
        known: Any,
        merges: Sequence[Any] = (),
        used: Used | None = None,
    ) -> None:
        self.rows = 0
        self._used = used
        self._merges = merges
        self._connection = connection
        self._store = store
        self._deciders = deciders
        self._number = number
        self._known = known
        self._id = f"#{number}" if known is None or known.id is None else str(known.id)
        self._replay = Replay(connection, store, self._id, number, used)
        self._previous: frozenset[str] = frozenset({""})
        self._sequence = 0
        self._last: Any = None
        self._created_at = ""
        self._is_foldable = True
        self._latest = ""
        self._came_late = False
        self._is_in_several = False

    def row(self, row: Any, *elsewhere: Any) -> Iterator[Finding]:
        """Check the next row of the history.

        Args:
            row: It, with what was decided in the contact's first funnel.
            elsewhere: The same, with what was decided in others.
        """
        self.rows += 1
        self._is_in_several = self._is_in_several or bool(elsewhere or row.about)
        if row.sequence != self._sequence + 1:
            yield self._gap(row)
            self._previous = frozenset()
            self._is_foldable = False
        names = self._deciders.digests.get(row.definition)
        if self.is_erased or (row.event == ERASED and row.definition is None):
            yield from self._empty_link(row)
            return
        computed = self._digests(row, names or frozenset(), *elsewhere)
        if row.definition in self._deciders.broken:
            self._is_foldable = False
        if names is None:
            yield self._found(row, "the definition that decided it is missing")
        elif not self._previous:
            yield self._found(row, "it cannot be proved, as the row before it is missing")
        elif row.digest not in computed:
            yield self._found(row, "it has been altered")
        elif row.checksum != row_checksum(row.digest, row.recorded_at, row.run):
            what = "the time at which it was recorded, or its run, has been altered"
            yield self._found(row, what, harm=False)
        self._came_late = self._came_late or self._is_retold(row)
        if isinstance(row.at, str):
            self._latest = max(self._latest, row.at)
            self._created_at = min(self._created_at or row.at, row.at)
        if self._is_foldable and not self._came_late:
            yield from self._decided_as_stored(row)
        self._previous = frozenset({row.digest}) | computed
        self._sequence, self._last = row.sequence, row

    @property
    def is_erased(self) -> bool:
        """Whether the contact was erased, so that its rows are empty links of the chain."""
        return self._known is not None and self._known.id is None

    def _empty_link(self, row: Any) -> Iterator[Finding]:
        """Check a row whose content was erased: what it is chained by is still there."""
        committed = row.facts if isinstance(row.facts, str) else ""
        computed = frozenset(
            row_digest(before, self._number, row.sequence, committed) for before in self._previous
        )
        if not self.is_erased:
            yield self._found(row, "its content is gone, and its contact was not erased")
        elif row.definition is not None or any(
            getattr(row, name) != value for name, value in EMPTY.items()
        ):
            yield self._found(row, "it says something, and its contact was erased")
        elif self._previous and row.digest not in computed:
            yield self._found(row, "it has been altered")
        elif row.checksum != row_checksum(row.digest, row.recorded_at, row.run):
            what = "the time at which it was recorded, or its run, has been altered"
            yield self._found(row, what, harm=False)
        self._previous = frozenset({row.digest}) | computed
        self._sequence, self._last = row.sequence, row
        self._is_foldable = False

    def _is_retold(self, row: Any) -> bool:
        """Whether a row changes what was answered before it, or may do so."""
        if row.event in SILENT or row.asserted or (self._merges and row.id > self._merges[0].id):
            return True
        return isinstance(row.at, str) and row.at < self._latest and row.event != TICK

    def end(self, rows: Sequence[Any]) -> Iterator[Finding]:
        """Compare the contact's positions, in their order."""
        known = self._known
        if known is None:
            yield Finding("contact", self._id, 0, "there is a history, but no contact")
            return
        if self._last is None:
            yield Finding("contact", self._id, 0, "there is a contact, but no history")
            return
        if known.checksum != checksum(known.number, known.id, known.salt):
            yield self._about("its id has been altered", "altered")
        if self.is_erased:
            if rows:
                yield Finding("contact", self._id, 0, "it was erased, and has a position")
            return
        if known.merged_into != self._merged_into:
            what = "whose story it is part of is not what the evidence gives"
            yield self._about(what, "derived")
        if not rows:
            yield self._about("its position is missing", "derived")
        elif not self._is_in_several and len(rows) == 1:
            yield from self._position(rows[0], 0, None)
        else:
            yield from self._positions(rows)

    def _positions(self, rows: Sequence[Any]) -> Iterator[Finding]:
        """Compare the positions of a contact that may be in several funnels."""
        try:
            expected = self._funnels(rows[0])
        except SQLAlchemyError:
            raise
        except Exception:  # noqa: BLE001  # as above
            expected = [row.funnel for row in rows]
        for place, row in enumerate(rows):
            yield from self._position(row, place, expected[place : place + 1])
        for funnel in expected[len(rows) :]:
            yield self._about(f"its position in {funnel} is missing", "derived")

    def _funnels(self, row: Any) -> list[str]:
        """Return the funnels that the contact is in, as its story says."""
        if self._merged_into is not None:
            return []
        reader = EvidenceReader(self._store.by_id(self._connection, row.definition))
        rows = united(self._connection, self._number)
        told = read_told(self._connection, self._store, reader, rows)
        return list(memberships(told, self._number))

    def _position(self, row: Any, place: int, funnel: Sequence[str] | None) -> Iterator[Finding]:
        """Compare a position.

        Args:
            row: It.
            place: Which of the contact's positions it is.
            funnel: The funnel that it is in, none where there is no such position; None for the
                only one that the contact was ever in.
        """
        last = self._last.sequence
        if isinstance(row.sequence, int) and isinstance(last, int) and row.sequence > last:
            what = f"its history ends too early: it has {last} rows, and had {row.sequence}"
            yield self._about(f"{what} (sequence, digest)", "missing")
            return
        differing = [name for name, value in self._chain() if getattr(row, name) != value]
        if row.place != place:
            differing.append("place")
        if funnel is not None and self._merged_into is None and [row.funnel] != list(funnel):
            differing.append("funnel")
        elif self._is_foldable:
            differing += self._state(row)
        if differing:
            columns = ", ".join(dict.fromkeys(differing))
            yield self._about(f"not what its history gives: {columns}", "derived")

    @property
    def _merged_into(self) -> int | None:
        """The number of the contact whose story it is part of, as the evidence gives."""
        last = self._merges[-1] if self._merges else None
        return last.contact if last is not None and last.event == MERGE else None

    def _decided_as_stored(self, row: Any) -> Iterator[Finding]:
        """Decide a row again, and compare."""
        try:
            expected = self._decide(row)
        except SQLAlchemyError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever an altered row sets off, name the row
            said = error.message if isinstance(error, Error) else type(error).__name__
            yield self._found(row, f"it cannot be decided again: {said}")
            return
        stored = (row.outcome, row.before_stage, row.after_stage, row.path, row.unmet)
        if stored != expected:
            names = ("outcome", "before_stage", "after_stage", "path", "unmet")
            differing = [
                f"{name} is {was}, the definition gives {gives}"
                for name, was, gives in zip(names, stored, expected, strict=True)
                if was != gives
            ]
            yield self._found(row, "decided otherwise: " + "; ".join(differing))

    def _decide(self, row: Any) -> tuple[str, ...]:
        """Return outcome, stages, path and unmet criteria as the definition decides them now."""
        replay = self._replay
        if row.event == ADOPT:
            before = replay.contact.stage if replay.contact is not None else ""
            outcome = replay.feed(row)
            assert replay.contact is not None
            return (outcome.outcome, before, replay.contact.stage, "[]", "[]")
        contact = replay.turn_to(row)
        before, unmet = contact.stage, "[]"
        if row.outcome == "refused" and replay.loaded is not None:
            with replay.answers(row):
                decision = decide(replay.loaded.funnel, contact, replay.event(row))
            unmet = encode(decision.unmet())
        outcome = replay.feed(row)
        return (outcome.outcome, before, contact.stage, dump_path(outcome.path), unmet)

    def _chain(self) -> Iterator[tuple[str, Any]]:
        """Return what the last row says about the contact."""
        yield "sequence", self._last.sequence
        yield "digest", self._last.digest
        if not self._came_late:
            yield "created_at", self._created_at

    def _state(self, row: Any) -> list[str]:
        """Name the columns that are not what the fold gives."""
        try:
            loaded, contact, created_at = self._current(row)
        except SQLAlchemyError:
            raise
        except Exception:  # noqa: BLE001  # as above
            return ["definition"]
        expected = {
            "funnel": loaded.name,
            "definition": loaded.id,
            "stage": contact.stage,
            "fields": dump_facts(contact.fields),
            "since": optional_to_text(contact.since),
            "clock": optional_to_text(contact.clock),
            "active": optional_to_text(contact.active),
            "entered": dump_memory(contact),
            "due_at": optional_to_text(loaded.funnel.due_at(contact)),
            "created_at": created_at or row.created_at,
        }
        return [name for name, value in expected.items() if getattr(row, name) != value]

    def _current(self, row: Any) -> tuple[LoadedDefinition, Contact, str]:
        """Return the definition of a position, where that puts the contact, and since when.

        An adoption that changes nothing for a contact leaves no row in its history, so the
        contact may be under a later definition than its last row.
        """
        loaded, contact = self._replay.loaded, self._replay.contact
        if self._merged_into is not None:
            adopted = self._store.by_id(self._connection, row.definition)
            return adopted, adopted.funnel.new_contact(self._id), ""
        as_decided = not (self._came_late or row.place) and loaded is not None
        as_decided = as_decided and loaded is not None and loaded.id == row.definition
        if as_decided and loaded is not None and contact is not None:
            return loaded, contact, self._created_at
        adopted = self._store.by_id(self._connection, row.definition)
        rows = united(self._connection, self._number)
        given = answers_in(adopted, rows)
        if given is not None:
            given.used = self._used
        reader = EvidenceReader(adopted)
        story = open_story(self._connection, self._store, reader, rows, self._id, given)
        begun = to_text(story.rows[0].event.at) if story.rows else ""
        return adopted, story.stands(), begun

    def _gap(self, row: Any) -> Finding:
        """Return which rows are missing before this one."""
        first = self._sequence + 1
        if not isinstance(row.sequence, int) or row.sequence < first:
            return self._in_history(0, f"row {first} has no place of its own", "altered")
        missing = f"row {first} is missing"
        if row.sequence - 1 > first:
            missing = f"rows {first} to {row.sequence - 1} are missing"
        return self._in_history(0, missing, "missing")

    def _found(self, row: Any, what: str, *, harm: bool = True) -> Finding:
        """Return what is wrong with a row; where it does harm, folding on is pointless."""
        if harm:
            self._is_foldable = False
        return self._in_history(row.sequence, what, "altered")

    def _in_history(self, sequence: int, what: str, fault: Fault) -> Finding:
        """Return what is wrong with the history."""
        return Finding("history", self._id, sequence, what, fault=fault, contact=self._number)

    def _about(self, what: str, fault: Fault) -> Finding:
        """Return what is wrong with the contact."""
        return Finding("contact", self._id, 0, what, fault=fault, contact=self._number)

    def _digests(self, row: Any, definitions: frozenset[str], *elsewhere: Any) -> frozenset[str]:
        """Compute the digest of a row, for each row that may have been before it."""
        others = [self._deciders.digests.get(one.definition, frozenset()) for one in elsewhere]
        try:
            committed = [
                commit_row(self._known.salt, list(zip((row, *elsewhere), names, strict=True)))
                for names in product(definitions, *others)
            ]
            return frozenset(
                row_digest(before, self._number, row.sequence, one)
                for before in self._previous
                for one in committed
            )
        except (TypeError, ValueError, AttributeError):  # columns of other types, or none
            return frozenset()


def commit_row(salt: str, answers: Sequence[tuple[Any, str]]) -> str:
    """Return the commitment of a row of evidence with what was decided on it.

    Args:
        salt: That of the contact.
        answers: A row with the columns of evidence and decisions, by name, and the digest of the
            definition that decided; the same for each funnel in which it was decided.

    Raises:
        TypeError: A column is of a type that was never written.
        ValueError: A key is empty, which none is.
    """
    return commit_evidence(salt, answers[0][0], answers)


def commit_evidence(salt: str, row: Any, answers: Iterable[tuple[Any, str]]) -> str:
    """Return the commitment of a row of evidence whose answers are rows apart; see `commit_row`."""
    if row.key == "":
        raise ValueError
    texts = ["" if row.key is None else row.key]
    for name in _TOLD:
        value = getattr(row, name)
        if name in _NUMBERS and type(value) is not int:
            raise TypeError
        texts.append(str(value) if name in _NUMBERS else value)
    for one, definition in answers:
        texts += (str(one.place), definition, *(getattr(one, name) for name in _DECIDED))
    return commitment(salt, *texts)
