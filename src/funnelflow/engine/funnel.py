"""The fold over evidence: one definition, run.

Order for one event: the transitions that time has opened before it, each at its own moment; the
facts it brings; what the event `sets`; the first transition on it whose criteria are met;
then automatic ones until none applies, entering each stage at most once; then those whose wait
was over before and whose criteria or date the event brought.

Time opens a transition without `on` when its wait is over and its criteria are met, or, without
a wait, at the moment at which criteria that read ``now`` become met. Those moments are computed,
so a ``tick`` only stores what any later event would find: it takes nothing else.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from heapq import merge
from typing import Any, TypeAlias

from attrs import evolve

from funnelflow.criteria import Facts, Value, rule_customs
from funnelflow.criteria.custom import answer_source
from funnelflow.definition import Definition, Library, Linked, link
from funnelflow.engine.decisions import (
    MOVED_NOWHERE,
    REFUSED,
    Cause,
    Contact,
    Event,
    Outcome,
    Taken,
    Verb,
)
from funnelflow.engine.events import EventParser
from funnelflow.engine.machine import (
    AUTOMATIC,
    TIMED,
    Declared,
    DerivedFields,
    FunnelMachine,
    GuardedTransition,
    defaults_of,
)
from funnelflow.errors import Error, UsageError

MAX_TIMED_STEPS = 100_000
"""How many transitions time may take between two events; what goes round longer is refused."""
MAX_STEPS_AT_ONCE = 1_000
"""How many of them it may take at one moment, at dates that have passed."""

Watch: TypeAlias = Callable[[Cause, Sequence[GuardedTransition], Contact, Event, dt.datetime], None]
"""Told of the transitions about to be tried and of the contact as it is at that moment."""

Path: TypeAlias = tuple[Taken, ...]
_NO_FACTS: Facts = {}


class Funnel:
    """A definition that runs.

    It pickles as what was linked, which is compiled again where it is read: no name is looked
    up and no lint rule asked there, so the same fold runs in a worker of any engine.

    Args:
        definition: A definition, linked or not.
        library: Where a definition that is not linked looks up the criteria of plugins.

    Attributes:
        asks: Whether a plugin's criterion decides about any transition.

    Raises:
        DefinitionError: The definition has errors; all of them are listed.
    """

    def __init__(self, definition: Definition | Linked, library: Library | None = None) -> None:
        self.linked = definition if isinstance(definition, Linked) else link(definition, library)
        self.machine = FunnelMachine(self.linked)
        self._parser = EventParser(self.linked)
        self._fields = self.linked.fields
        self._defaults = defaults_of(self._fields)
        declared = {
            name: Declared(
                defaults_of(event.event.fields),
                DerivedFields(self._fields, event.sets) if event.sets else None,
                event.activity,
                self.machine.leaving(name),
            )
            for name, event in self.linked.events.items()
        }
        self._declared = {c: declared[name] for c, name in self.linked.events.names().items()}
        self._automatic = self.machine.leaving(AUTOMATIC)
        self._timed = self.machine.leaving(TIMED)
        self._ripe = _ripening(self._timed)
        stable = frozenset(self.linked.leaves) - {*self._automatic, *self._ripe}
        for transition in self.machine.every_transition():
            transition.is_alone = transition.is_plain and transition.dest in stable
        self._leaving = {leaf: _leaving(self.machine, leaf) for leaf in self.linked.leaves}
        self._force = frozenset(self.linked.definition.force)
        rules = (transition.rule for transition in self.linked.transitions)
        self.asks = any(True for rule in rules if rule is not None for _ in rule_customs(rule))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as what was linked, which says everything."""
        return Funnel, (self.linked,)

    @property
    def definition(self) -> Definition:
        """The definition as it was written."""
        return self.linked.definition

    @cached_property
    def derived(self) -> frozenset[str]:
        """The fields that events and transitions set: counted from the evidence itself."""
        return self.linked.derived

    @property
    def waits(self) -> bool:
        """Whether time takes any transition."""
        return bool(self._timed)

    def new_contact(self, contact_id: str) -> Contact:
        """Return a contact to whom nothing has happened yet, in the initial stage."""
        return Contact(contact_id, self.linked.initial, dict(self._defaults))

    def event(  # noqa: PLR0913 - all that can be said about one event
        self,
        name: str,
        at: dt.datetime | str,
        facts: Mapping[str, Any] | None = None,
        *,
        actor: str = "",
        roles: Iterable[str] = (),
        to: str = "",
        reason: str = "",
        force: bool = False,
        timezone: dt.tzinfo | None = None,
        text: bool = False,
    ) -> Event:
        """Make a piece of evidence from outside input.

        Args:
            name: An event of the vocabulary, by its name or an alias, or ``add``, ``set``,
                ``move``, ``tick``, ``adopt``.
            at: When it happened: an aware datetime or RFC 3339 text.
            facts: Field name to value; None takes a fact back.
            actor: Who recorded it.
            roles: The actor's roles.
            to: The stage a move asks for, by name or alias.
            reason: Why a move is forced.
            force: Whether a move goes past criteria that are not met.
            timezone: The zone in which times without an offset are read; None refuses them.
            text: Whether the facts are text as a person types it ("5000", "yes").

        Raises:
            UnknownNameError: There is no such event, field or stage.
            FieldError: A fact or the time is not a value of its field.
            UsageError: What is said does not go together.
        """
        return self._parser.read(
            name,
            at,
            facts or {},
            actor=actor,
            roles=roles,
            to=to,
            reason=reason,
            force=force,
            timezone=timezone,
            text=text,
        )

    def fold(self, contact_id: str, events: Iterable[Event]) -> Contact:
        """Return the contact that a story makes; its stage is what this definition calls it."""
        contact = self.new_contact(contact_id)
        for event in events:
            self.step(contact, event)
        return contact

    def step(  # noqa: C901, PLR0912 - one thought, and the hottest code there is
        self, contact: Contact, event: Event, watch: Watch | None = None
    ) -> Outcome:
        """Take one event: the fast path, which changes `contact` and gives no reasons.

        Args:
            contact: Who it happened to; changed in place.
            event: What happened.
            watch: Told of every transition before it is tried; for explanations.

        Returns:
            What became of it, and the transitions that were taken.
        """
        name, at, facts, _, roles, to, _, _, vetoes, _, _, _ = event  # quicker than one by one
        clock, stage = contact.clock, contact.stage
        now = at if clock is None or at > clock else clock
        path: Path = ()
        if contact.since is None:
            contact.since = now
        elif stage in self._timed:
            path = self._fire_due(contact, event, now, watch)
            stage = contact.stage
        contact.clock = now
        verb: Verb = "stayed"
        if facts:
            self._learn(contact.fields, facts)
        declared = self._declared.get(name)
        if declared is not None:
            if declared.is_plain:
                contact.active = now
            else:
                facts = declared.derive(contact, facts, now)
                if facts is not event.facts:
                    event = Event(name, at, facts, *event[3:])
            tried = declared.leaving.get(stage, ())
            if watch is not None:
                watch("event", tried, contact, event, now)
            for transition in tried:
                rule = transition.rule
                if rule is not None and not rule(contact.fields, facts, now, roles):
                    continue
                if vetoes and transition.is_vetoed(event):
                    continue
                if transition.is_alone and not path and contact.entered is None:
                    contact.stage, contact.since = transition.dest, now
                    return transition.alone
                path += (transition.take(contact, facts, now, "event"),)
                break
        elif name == "move":
            verb, moved = self._move(contact, event, now, watch)
            path += moved
        elif to:
            path += self._place(self._leaves_named(to), contact, now)
        if (
            contact.stage in self._automatic
            and (name != "tick" or (self.asks and event.answers))
            and not (path and path[-1].cause == "forced")
        ):
            path += self._settle(contact, event, now, watch)
        if contact.stage in self._ripe and not (path and path[-1].cause == "forced"):
            path += self._fire_due(contact, event, now, watch, self._ripe)
        if verb == "refused":
            return Outcome("refused", path) if path else REFUSED
        return Outcome("moved", path) if path else MOVED_NOWHERE

    def learn(self, contact: Contact, event: Event) -> None:
        """Take what an event says, and no transition: of what happened before a funnel was entered.

        Args:
            contact: Who it happened to; its fields and the time of its last activity are changed.
            event: What happened.
        """
        if event.facts:
            self._learn(contact.fields, event.facts)
        declared = self._declared.get(event.name)
        if declared is not None:
            declared.derive(contact, event.facts, event.at)

    def leaving(self, stage: str) -> tuple[GuardedTransition, ...]:
        """Return the transitions out of a leaf stage in the order tried, each once."""
        return self._leaving[stage]

    def reachable(self, stage: str) -> tuple[str, ...]:
        """Name the leaf stages that a transition leads to from this one, in the order tried."""
        found = (
            to for t in self._leaving[stage] for to in self.linked.transitions[t.index].targets
        )
        return tuple(dict.fromkeys(to for to in found if to != stage))

    def due_at(self, contact: Contact) -> dt.datetime | None:
        """Return the moment at which time opens the next transition; None when it never does.

        It lies in the past only where a plugin decides, has decided against it, or has not
        answered.
        """
        if contact.unanswered and contact.stage in self._automatic:
            return contact.clock
        first = None
        for transition in self._timed.get(contact.stage, ()):
            moment = transition.timing.next_opening(contact)
            if moment is not None and (first is None or moment < first):
                first = moment
        return first

    def _learn(self, fields: dict[str, Value], facts: Facts) -> None:
        """Put the facts that belong to the contact among its fields."""
        for name, value in facts.items():
            if value is None:
                fields.pop(name, None)
            elif name in self._fields:
                fields[name] = value

    def _settle(
        self,
        contact: Contact,
        event: Event,
        now: dt.datetime,
        watch: Watch | None,
        at: dt.datetime | None = None,
    ) -> Path:
        """Take automatic transitions until none applies; each stage is entered at most once."""
        path: Path = ()
        closed: tuple[str, ...] = (contact.stage,)
        source = answer_source() if self.asks else None
        while leaving := self._automatic.get(contact.stage):
            if source is not None:
                source.is_lacking = False
            if watch is not None:
                tried = [t for t in leaving if t.target(contact) not in closed]
                watch("automatic", tried, contact, event, now)
            for transition in leaving:
                if transition.target(contact) in closed:
                    continue
                if transition.is_open(contact, event, now):
                    break
            else:
                if source is not None:
                    contact.unanswered = source.is_lacking
                break
            taken = transition.take(contact, event.facts, now, "automatic")
            path += (taken if at is None else evolve(taken, at=at),)
            closed += (contact.stage,)
        return path

    def _fire_due(
        self,
        contact: Contact,
        event: Event,
        now: dt.datetime,
        watch: Watch | None,
        ripe: Mapping[str, Sequence[GuardedTransition]] | None = None,
    ) -> Path:
        """Take the transitions that time opens up to `now`, each at its own moment.

        Args:
            contact: Who it is about.
            event: What happens.
            now: When.
            watch: Told of what is tried.
            ripe: Those to look at by the leaf that they leave, behind an event; all before it.

        Raises:
            UsageError: They are more than `MAX_TIMED_STEPS`; the contact is left as it was.
        """
        path: list[Taken] = []
        start = contact.copy()
        told = watch if ripe is None else None
        while waiting := (self._timed if ripe is None else ripe).get(contact.stage):
            found = self._first_open(waiting, contact, event, now, told)
            if found is None:
                break
            if len(path) >= MAX_TIMED_STEPS or _is_round(path, found[1]):
                contact.stage, contact.since, contact.entered = (
                    start.stage,
                    start.since,
                    start.entered,
                )
                contact.left, contact.fields = start.left, start.fields
                raise _goes_round(contact, now)
            transition, moment = found
            if ripe is not None and watch is not None:
                tick = Event("tick", moment, roles=transition.timing.roles, vetoes=event.vetoes)
                watch("timed", (transition,), contact, tick, moment)
            taken = transition.take(contact, _NO_FACTS, moment, "timed")
            path.append(evolve(taken, at=moment))
            if contact.stage in self._automatic:
                tick = Event("tick", moment, vetoes=event.vetoes)
                path += self._settle(contact, tick, moment, watch, moment)
        return tuple(path)

    def _first_open(
        self,
        waiting: Sequence[GuardedTransition],
        contact: Contact,
        event: Event,
        now: dt.datetime,
        watch: Watch | None,
    ) -> tuple[GuardedTransition, dt.datetime] | None:
        """Find what time opens first, and when; at one moment the order tried decides."""
        passed = [t for t in waiting if t.timing.has_passed(contact, now)]
        if not passed:
            return None
        moments = merge(*(_openings(t, n, contact, now) for n, t in enumerate(passed)))
        for moment, place in moments:
            transition = passed[place]
            tick = Event("tick", moment, roles=transition.timing.roles, vetoes=event.vetoes)
            if transition.is_open(contact, tick, moment):
                if watch is not None:
                    watch("timed", (transition,), contact, tick, moment)
                return transition, moment
        for transition in passed:
            timing = transition.timing
            if not timing.waits or not (timing.is_asked_again or watch is not None):
                continue
            tick = Event("tick", now, roles=timing.roles, vetoes=event.vetoes)
            if watch is not None:
                watch("timed", (transition,), contact, tick, now)
            if timing.is_asked_again and transition.is_open(contact, tick, now):
                return transition, now
        return None

    def _move(
        self, contact: Contact, event: Event, now: dt.datetime, watch: Watch | None
    ) -> tuple[Verb, Path]:
        """Go where somebody asks to go, if a transition that leads there is open."""
        leaves = self._leaves_named(event.to)
        if contact.stage in leaves:
            return "stayed", ()
        if event.force:
            return self._force_to(leaves, contact, event, now)
        leading = [t for t in self._leaving[contact.stage] if t.target(contact) in leaves]
        if watch is not None:
            watch("move", leading, contact, event, now)
        for transition in leading:
            if _may_move(transition, contact, event, now):
                return "moved", (transition.take(contact, event.facts, now, "move"),)
        return "refused", ()

    def _force_to(
        self, leaves: Sequence[str], contact: Contact, event: Event, now: dt.datetime
    ) -> tuple[Verb, Path]:
        """Go there whatever the criteria say, if the actor's roles allow it."""
        if not leaves or self._force.isdisjoint(event.roles):
            return "refused", ()
        return "moved", self._place(leaves, contact, now)

    def _place(self, leaves: Sequence[str], contact: Contact, now: dt.datetime) -> Path:
        """Put a contact into a stage, as a forced move does and the rule of an adoption."""
        if not leaves or contact.stage in leaves:
            return ()
        taken = Taken(-1, contact.stage, leaves[0], "forced")
        contact.unanswered = False
        kept = self.machine.kept(contact.stage, leaves[0])
        contact.enter(leaves[0], now, kept, self.machine.memories.get(contact.stage, ()))
        return (taken,)

    def _leaves_named(self, name: str) -> tuple[str, ...]:
        """Return the leaves of a stage; none when another definition's move names it."""
        try:
            return self.linked.leaves_of(self.linked.resolve_stage(name))
        except Error:
            return ()


def _ripening(timed: Mapping[str, Sequence[GuardedTransition]]) -> dict[str, Any]:
    """Return the timed transitions whose wait may be over already when something happens.

    What happened may meet their criteria, set their date, or lead into a stage around which the
    wait counts; time takes them at that very moment. Where a plugin is asked again it decides.
    """
    found: dict[str, list[GuardedTransition]] = {}
    for leaf, waiting in timed.items():
        for transition in waiting:
            timing = transition.timing
            is_plain = timing.assumed is None and timing.date is None and not timing.inside
            if timing.waits and not is_plain and not timing.is_asked_again:
                found.setdefault(leaf, []).append(transition)
    return found


def _openings(
    transition: GuardedTransition, place: int, contact: Contact, now: dt.datetime
) -> Iterator[tuple[dt.datetime, int]]:
    """Yield when time may open a transition up to `now`, with its place among those tried."""
    return ((moment, place) for moment in transition.timing.openings(contact, now))


def _is_round(path: Sequence[Taken], moment: dt.datetime) -> bool:
    """Whether time has taken too many transitions at one moment to come to an end."""
    return len(path) >= MAX_STEPS_AT_ONCE and path[-MAX_STEPS_AT_ONCE].at == moment


def _goes_round(contact: Contact, now: dt.datetime) -> UsageError:
    """Return the error that a contact goes round by itself for too long."""
    return UsageError(
        f"up to {now:%Y-%m-%d %H:%M} UTC time alone takes {contact.id} through more than "
        f"{MAX_TIMED_STEPS:,} transitions, round and round from {contact.stage}",
        hint="let an event close the cycle of waits, or lengthen its `after`",
    )


def _may_move(
    transition: GuardedTransition, contact: Contact, event: Event, now: dt.datetime
) -> bool:
    """Whether a move may take a transition: one that only time takes must be due."""
    if transition.waits:
        due = transition.due(contact)
        if due is None or due > now:
            return False
    return transition.is_open(contact, event, now)


def _leaving(machine: FunnelMachine, leaf: str) -> tuple[GuardedTransition, ...]:
    """Collect the transitions out of a leaf over all triggers, each once, in the order tried."""
    found = {t.index: t for name in machine.events for t in machine.leaving(name).get(leaf, ())}
    return tuple(sorted(found.values(), key=lambda t: t.rank))
