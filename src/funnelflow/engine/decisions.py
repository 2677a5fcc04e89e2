"""What goes into the engine and what comes out: a contact, evidence, an outcome, a decision."""

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple, TypeAlias

from attrs import define, evolve, field, frozen

from funnelflow.criteria import Check, CustomAnswer, Facts, Field, Fields, Value, Verdict
from funnelflow.definition import Linked

Verb: TypeAlias = Literal["moved", "stayed", "refused"]
Cause: TypeAlias = Literal["event", "automatic", "timed", "move", "forced"]
Unmet: TypeAlias = tuple[tuple[str, str], ...]
"""What was in the way of a move: label and verdict of each criterion."""

_ASKED: tuple[Cause, ...] = ("move", "forced")

_NO_FACTS: Facts = {}


@define
class Contact:
    """Where a contact is: what the fold over its evidence has come to.

    It is never registered with the machine, so that one machine serves millions of them.

    Attributes:
        id: Who it is.
        stage: The innermost stage, as a dotted name.
        fields: What is known; a field that is unknown is absent.
        since: When the stage was entered; None before anything happened.
        clock: The latest time of any evidence; it never goes back.
        active: When an event of the vocabulary was last recorded.
        entered: When stages around the innermost one were entered, by dotted name: of those
            whose waits count from it, the ones entered before `since`. None if there are none.
        unanswered: Whether a plugin's criterion that could move it at any moment failed, or was
            not asked: it is asked again when time passes.
        left: Where the contact was last in what a transition brings it back to, by
            `LinkedTransition.memory`; None if it was in nothing of that kind.
    """

    id: str
    stage: str
    fields: dict[str, Value] = field(factory=dict)
    since: dt.datetime | None = None
    clock: dt.datetime | None = None
    active: dt.datetime | None = None
    entered: dict[str, dt.datetime] | None = None
    unanswered: bool = field(default=False, eq=False)
    left: dict[str, str] | None = None

    def enter(
        self, stage: str, at: dt.datetime, kept: Iterable[str] = (), memories: Iterable[str] = ()
    ) -> None:
        """Put it into another leaf stage.

        Args:
            stage: The leaf.
            at: When it enters it.
            kept: The stages with nested ones, of those whose waits count from their entry, that
                it is in before and after.
            memories: Under what the stage that it leaves is remembered.
        """
        if memories:
            self.left = {**(self.left or {}), **dict.fromkeys(memories, self.stage)}
        if kept or self.entered is not None:
            since, entered = self.since or at, self.entered or {}
            self.entered = {name: entered.get(name, since) for name in kept} or None
        self.stage, self.since = stage, at

    def copy(self) -> "Contact":
        """Return a contact of its own with the same content."""
        return evolve(self, fields=dict(self.fields))


@frozen
class Veto:
    """A plugin's word against a transition, kept as evidence so that a replay agrees.

    Attributes:
        index: The transition's place in the definition, from 0.
        plugin: Who vetoed it.
        reason: Why, for the person who asked.
        funnel: The funnel whose transition it is; empty for the one that decided first.
        version: The plugin's version then; empty where it has none.
    """

    index: int
    plugin: str
    reason: str
    funnel: str = ""
    version: str = ""


class Event(NamedTuple):
    """One piece of evidence, validated: something that happened, or was asked for.

    `Funnel.event` makes them from outside input; whoever builds one directly vouches for it.
    Millions of them are made: a named tuple takes a third of the time of a frozen class.

    Attributes:
        name: An event of the vocabulary, or one of `BUILT_IN_EVENTS`.
        at: When, in UTC.
        facts: The facts it brings; None takes a fact back.
        actor: Who recorded it.
        roles: The actor's roles at that time; part of the evidence, so that a replay agrees.
        to: The stage that a move asks for, or to which the rule of an adoption leads.
        reason: Why a move is forced.
        force: Whether the move goes past criteria that are not met.
        vetoes: What plugins had against transitions when it was decided.
        asserted: Whether its facts are a snapshot: what was the case then, with nothing said of
            since when.
        about: What evidence about the story itself is about: the rows that are taken back, the
            contact whose story is put to this one, the funnel that is entered or meant, with
            the one in whose stead that comes.
        answers: What plugins' criteria answered when it was decided.
    """

    name: str
    at: dt.datetime
    facts: Facts = _NO_FACTS
    actor: str = ""
    roles: tuple[str, ...] = ()
    to: str = ""
    reason: str = ""
    force: bool = False
    vetoes: tuple[Veto, ...] = ()
    asserted: bool = False
    about: tuple[int | str, ...] = ()
    answers: tuple[CustomAnswer, ...] = ()

    def without_move(self) -> "Event":
        """Return what the evidence says to a definition that did not decide it.

        Of a move it keeps the facts, and nothing of vetoes: both speak of the other's stages.
        """
        if self.name != "move" and not self.vetoes:
            return self
        name = "set" if self.name == "move" else self.name
        return self._replace(name=name, to="", reason="", force=False, vetoes=())

    def said_to(self, funnel: str, first: str) -> "Event":
        """Return what the evidence says in one of the contact's funnels; see `without_move`.

        Args:
            funnel: The funnel.
            first: The funnel in which it was decided first.
        """
        if self.name not in _IN_A_FUNNEL and not self.vetoes:
            return self
        event = self
        if event.vetoes:
            own = tuple(evolve(v, funnel="") for v in event.vetoes if (v.funnel or first) == funnel)
            event = event._replace(vetoes=own)
        if event.name in _IN_A_FUNNEL and (event.about[0] if event.about else first) != funnel:
            name = "set" if event.name == "move" else event.name
            event = event._replace(name=name, to="", reason="", force=False)
        return event


_IN_A_FUNNEL = frozenset({"move", "adopt"})
"""Evidence about one funnel: that which it names, or else the one in which it is decided first."""


@frozen
class Taken:
    """A transition that was taken.

    Attributes:
        index: Its place in the definition, from 0; -1 for a forced move, which follows none.
        source: The stage that was left.
        to: The stage that was entered.
        cause: What took it.
        at: When, if that is not the event's own moment: a timed transition fires when it is due,
            and automatic ones follow it at once.
    """

    index: int
    source: str
    to: str
    cause: Cause
    at: dt.datetime | None = None


@frozen
class Outcome:
    """The engine's short answer: what became of one event, without the reasons."""

    outcome: Verb
    path: tuple[Taken, ...] = ()


MOVED_NOWHERE = Outcome("stayed")
REFUSED = Outcome("refused")


@frozen
class Considered:
    """A transition that was looked at, and what was found.

    Attributes:
        index: Its place in the definition, from 0; -1 for a forced move.
        source: The stage it leaves.
        to: The stage it enters.
        cause: What would have taken it.
        verdict: Whether it was open; unknown does not open it.
        check: Every criterion with its verdict and the values it saw; None if it has none.
        due: When time opens it; where only evidence can, when its wait is over; None if it
            has none.
    """

    index: int
    source: str
    to: str
    cause: Cause
    verdict: Verdict
    check: Check | None = None
    due: dt.datetime | None = None

    def leaves(self) -> Iterator[Check]:
        """Yield the criteria themselves, without the groups that they stand in."""
        if self.check is not None:
            yield from self.check.leaves()

    def missing(self) -> tuple[Field, ...]:
        """Return the unknown fields that could still settle the criteria, each once."""
        return tuple(dict.fromkeys(f for leaf in self.leaves() for f in leaf.missing))


@frozen
class FactChange:
    """What became of one field: its value before and after, None where it was not known."""

    field: str
    before: Value | None
    after: Value | None


@frozen
class Decision:
    """The engine's whole answer to one event, with everything it considered.

    Attributes:
        outcome: ``moved``, ``stayed``, or ``refused`` for a move that was not allowed.
        contact: The contact's id.
        event: The evidence it answers.
        before: The stage before the event.
        after: The stage after it.
        path: The transitions that were taken, in order.
        considered: Every transition that was looked at, in the order in which it was.
        reachable: The stages that a transition leads to from `after`.
        changes: The fields that changed.
        contact_after: The contact as the decision leaves it.
        linked: The definition that decided, whose transitions `path` and `considered` name.
        route: For a move that was refused because no transition leads there from here: the steps
            of the way there, each with what it needs; none where there is no way.
    """

    outcome: Verb
    contact: str
    event: Event
    before: str
    after: str
    path: tuple[Taken, ...]
    considered: tuple[Considered, ...]
    reachable: tuple[str, ...]
    changes: tuple[FactChange, ...]
    contact_after: Contact = field(repr=False)
    linked: Linked = field(repr=False, eq=False)
    route: tuple[Considered, ...] = ()

    @property
    def blocking(self) -> tuple[Considered, ...]:
        """The transitions that were looked at and not open."""
        return tuple(c for c in self.considered if c.verdict is not Verdict.MET)

    def questions(self) -> tuple[Field, ...]:
        """Return the unknown fields that could open what stayed closed, each once."""
        closed = (*self.blocking, *(step for step in self.route if step.verdict is not Verdict.MET))
        return tuple(dict.fromkeys(f for c in closed for f in c.missing()))

    def unmet(self) -> Unmet:
        """Return what was in the way of a move, each criterion once."""
        found = [
            (leaf.label, leaf.verdict.value)
            for considered in self.blocking
            if considered.cause in _ASKED
            for leaf in considered.leaves()
            if leaf.verdict is not Verdict.MET
        ]
        return tuple(dict.fromkeys(found))


def changes_between(before: Fields, after: Fields) -> tuple[FactChange, ...]:
    """Compare two sets of facts, in the order of the field names."""
    names = sorted({*before, *after})
    return tuple(
        FactChange(name, before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    )
