"""The state machine of one definition: stages, guarded transitions, and what events derive."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NoReturn, TypeAlias, cast

import transitions
from attrs import evolve, frozen

from funnelflow.criteria import (
    BOOLEAN,
    DURATION,
    INTEGER,
    NUMBER,
    TIMESTAMP,
    AllOf,
    AnyOf,
    AtLeast,
    CompiledRule,
    CriterionError,
    Custom,
    Expression,
    Facts,
    Field,
    Fields,
    Rule,
    Schedule,
    Value,
    compile_rule,
    compile_values,
    schedule,
)
from funnelflow.criteria.evaluate import as_decimal
from funnelflow.criteria.moments import EARLIEST
from funnelflow.criteria.tree import Arithmetic, walk
from funnelflow.criteria.value_forms import says_nothing
from funnelflow.definition import Linked, LinkedTransition
from funnelflow.engine.decisions import Cause, Contact, Event, Outcome, Taken
from funnelflow.errors import FieldError

AUTOMATIC = "(automatic)"
TIMED = "(timed)"

_CAUSES: tuple[Cause, ...] = ("event", "automatic", "move")

ValueFunction: TypeAlias = Callable[[Fields, Facts, dt.datetime], tuple[Value | None, ...]]
ValueOf: TypeAlias = Callable[[Fields], dt.datetime | None]
"""Gives the moment that a wait is for, of what is known about a contact."""
_Leaving: TypeAlias = "Mapping[str, Sequence[GuardedTransition]]"


class DeferredRule:
    """A rule that is compiled when it is first asked, and then replaced in its transitions.

    A definition has far more rules than one command asks.
    """

    __slots__ = ("_compiled", "_written", "transitions")

    def __init__(self, written: Rule) -> None:
        self._written = written
        self._compiled: CompiledRule | None = None
        self.transitions: list[GuardedTransition] = []

    def __call__(
        self, fields: Fields, facts: Facts, now: dt.datetime, roles: tuple[str, ...]
    ) -> bool:
        """Whether it is met."""
        if self._compiled is None:
            self._compiled = compile_rule(self._written)
            for transition in self.transitions:
                transition.rule = self._compiled
        return self._compiled(fields, facts, now, roles)


_NO_FACTS: Facts = {}
_MET = AllOf("", ())


@frozen
class Timing:
    """When time opens a transition, worked out once per definition.

    Attributes:
        after: How long it waits; None if only its criteria decide.
        since: What the wait counts from.
        date: The moment that it waits for, of the contact's fields; None if it waits for none.
        inside: The stage with nested ones from whose entry it counts; empty for the leaf's.
        schedule: When its criteria change by time alone; None if they do not.
        assumed: Its rule, with the criteria of plugins taken as met; None if there is none.
        roles: The roles that time has.
        is_asked_again: Whether its criteria may be met later without a moment that could be
            computed: they ask a plugin.
    """

    after: dt.timedelta | None
    since: str
    date: ValueOf | None
    inside: str
    schedule: Schedule | None
    assumed: CompiledRule | None
    roles: tuple[str, ...]
    is_asked_again: bool

    @property
    def opens(self) -> bool:
        """Whether time opens the transition at all."""
        return self.waits or self.schedule is not None

    @property
    def waits(self) -> bool:
        """Whether it waits for a length of time, or for a date."""
        return self.after is not None or self.date is not None

    def due(self, contact: Contact) -> dt.datetime | None:
        """Return when the wait is over; None without one, and if it never is."""
        since = contact.since
        if since is None:
            return None
        if self.after is None:
            return None if self.date is None else _later(since, self.date(contact.fields))
        start = since
        if self.inside and contact.entered is not None:
            start = contact.entered.get(self.inside, since)
        if self.since == "activity" and contact.active is not None:
            start = max(start, contact.active)
        try:
            return max(since, start + self.after)
        except OverflowError:  # beyond the year 9999 is never
            return None

    def has_passed(self, contact: Contact, now: dt.datetime) -> bool:
        """Whether it waits no longer, and its criteria alone decide."""
        if not self.waits:
            return True
        due = self.due(contact)
        return due is not None and due <= now

    def openings(self, contact: Contact, until: dt.datetime | None) -> Iterator[dt.datetime]:
        """Yield the moments at which time may open it, as far as plugins have nothing against it.

        What a contact's last evidence could have opened, it has: from then on criteria without
        a wait open when they *become* met. A wait that is over opens as soon as they are.

        Args:
            contact: Who it is about; nothing else happens to it.
            until: The last moment of interest; None for all that come.
        """
        if not self.waits:
            yield from self._becoming(contact, until)
            return
        start, clock = self.due(contact), contact.clock
        if start is None:
            return
        if clock is not None and clock > start:
            start = clock
        if until is not None and start > until:
            return
        if self._holds(contact, start):
            yield start
        if self.schedule is not None:
            for moment in self.schedule.moments(contact.fields, start, until):
                if self._holds(contact, moment):
                    yield moment

    def next_opening(self, contact: Contact) -> dt.datetime | None:
        """Return the first moment at which time may open it; None if that is never."""
        if self.waits and self.assumed is None:  # often, and quicker so
            due, clock = self.due(contact), contact.clock
            return clock if due is not None and clock is not None and clock > due else due
        return next(self.openings(contact, None), None)

    def _becoming(self, contact: Contact, until: dt.datetime | None) -> Iterator[dt.datetime]:
        """Yield the moments at which the criteria become met."""
        start, clock = contact.since, contact.clock
        if start is None or self.schedule is None:
            return
        if clock is not None and clock > start:
            start = clock
        moments = self.schedule.moments(contact.fields, start, until)
        was_met = bool(moments) and self._holds(contact, start)
        for moment in moments:
            is_met = self._holds(contact, moment)
            if is_met and not was_met:
                yield moment
            was_met = is_met

    def _holds(self, contact: Contact, moment: dt.datetime) -> bool:
        """Whether all that does not ask a plugin is met at a moment."""
        return self.assumed is None or self.assumed(contact.fields, _NO_FACTS, moment, self.roles)


def _later(since: dt.datetime, date: dt.datetime | None) -> dt.datetime | None:
    """Return a date, or when the stage was entered where that came later; None without a date."""
    return None if date is None else max(since, date)


def _date_of(expression: Expression | None) -> ValueOf | None:
    """Return what gives the moment that an expression says of a contact's fields."""
    if expression is None:
        return None

    def date(fields: Fields) -> dt.datetime | None:
        moment = expression.value(fields, _NO_FACTS, EARLIEST)
        return moment if isinstance(moment, dt.datetime) else None

    return date


def timing_of(linked: LinkedTransition, inside: str = "") -> Timing:
    """Work out when time opens a transition, out of a leaf in the stage that its wait counts."""
    written, rule = linked.transition, linked.rule
    found, is_scheduled = None, True
    if rule is not None and (written.after is not None or not written.on):
        try:
            found = schedule(rule)
        except CriterionError:  # `check` refuses it; it may have been stored before
            is_scheduled = False
    assumed = rule and _with_plugins_met(rule)
    waits = written.after is not None
    return Timing(
        after=written.after if isinstance(written.after, dt.timedelta) else None,
        since=written.since,
        date=_date_of(linked.date),
        inside=inside,
        schedule=found if found is not None and found.changes else None,
        assumed=DeferredRule(assumed) if assumed and (waits or found) else None,
        roles=written.by if waits else (),
        is_asked_again=waits and (assumed != rule or not is_scheduled),
    )


def _with_plugins_met(rule: Rule) -> Rule:
    """Return a rule with each criterion of a plugin taken as met."""
    if isinstance(rule, Custom):
        return _MET
    if isinstance(rule, AllOf | AnyOf | AtLeast):
        return evolve(rule, rules=tuple(_with_plugins_met(item) for item in rule.rules))
    return rule


@frozen
class TransitionEffect:
    """What taking a transition changes of a contact, beside its stage.

    Attributes:
        kept: The counted stages that it stays in.
        sets: The fields that are derived; None for none.
        memories: Under what the leaf that it leaves is remembered.
    """

    kept: tuple[str, ...]
    sets: "DerivedFields | None"
    memories: tuple[str, ...]


class StageState(transitions.State):
    """A leaf stage."""


class GuardedTransition(transitions.Transition):
    """A transition between two leaf stages, with its compiled rule.

    Attributes:
        index: Its place in the definition, from 0.
        rule: True when the criteria are met; None when there are none.
        rank: Its place in the order in which the transitions out of its source are tried.
        on: The events that take it.
        by: The roles that may take it; empty for everybody.
        timing: When time opens it.
        waits: Whether only time takes it, and no event.
        effect: What taking it changes beside the stage.
        memory: Under what a contact is remembered to have been where it leads; empty for one
            that leads to one leaf.
        is_plain: Whether taking it changes the stage alone.
        is_alone: Whether it is plain, and none can follow it at once; for the funnel to say.
        taken: The record of its being taken at an event's own moment, by cause.
        alone: The outcome in which it is the only one taken, by an event.
    """

    dest: str

    def __init__(
        self,
        source: str,
        dest: str,
        *_callbacks: None,
        linked: LinkedTransition,
        rule: "DeferredRule | None",
        timing: Timing,
        rank: int,
        effect: "TransitionEffect",
    ) -> None:
        super().__init__(source, dest)
        written = linked.transition
        self.index = linked.index
        self.rule: CompiledRule | None = rule
        if rule is not None:
            rule.transitions.append(self)
        self.timing = timing
        self.rank = rank
        self.effect = effect
        self.memory = linked.memory
        self.is_plain = not (effect.kept or effect.sets or effect.memories or linked.memory)
        self.is_alone = False
        self.on = written.on
        self.by = written.by
        self.waits = written.after is not None and not written.on
        self.taken = {cause: Taken(linked.index, source, dest, cause) for cause in _CAUSES}
        self.alone = Outcome("moved", (self.taken["event"],))

    def target(self, contact: Contact) -> str:
        """Return the leaf that a contact enters by it."""
        if not self.memory or contact.left is None:
            return self.dest
        return contact.left.get(self.memory, self.dest)

    def take(self, contact: Contact, facts: Facts, now: dt.datetime, cause: Cause) -> Taken:
        """Take it: the contact is changed, and what was taken is returned.

        Args:
            contact: Who takes it.
            facts: What the event brought.
            now: When.
            cause: What took it.
        """
        to = self.target(contact)
        effect = self.effect
        if effect.sets is not None:
            effect.sets.apply(contact.fields, facts, now)
        contact.enter(to, now, effect.kept, effect.memories)
        if to == self.dest and cause in self.taken:
            return self.taken[cause]
        return Taken(self.index, self.source, to, cause)

    def is_open(self, contact: Contact, event: Event, now: dt.datetime) -> bool:
        """Whether the criteria are met and no plugin vetoed it."""
        if self.rule is not None and not self.rule(contact.fields, event.facts, now, event.roles):
            return False
        return not (event.vetoes and self.is_vetoed(event))

    def is_vetoed(self, event: Event) -> bool:
        """Whether a plugin closed it for this event."""
        return any(veto.index == self.index for veto in event.vetoes)

    def due(self, contact: Contact) -> dt.datetime | None:
        """Return when its wait is over; None if it has none."""
        return self.timing.due(contact)


class StageEvent(transitions.Event):
    """The transitions that one event takes, by the stage they leave, in the order tried."""

    def trigger(self, *_args: object, **_kwargs: object) -> NoReturn:
        """Refuse to run: `Funnel` does, which asks the criteria."""
        raise NotImplementedError("a funnel takes the transitions of its machine")


class FunnelMachine(transitions.Machine):
    """The machine of one definition; it holds no contacts.

    Attributes:
        counted: The stages with nested ones from whose entry some wait counts.
        memories: Under what each leaf is remembered when it is left.
    """

    state_cls = StageState
    transition_cls = GuardedTransition
    event_cls = StageEvent

    def __init__(self, linked: Linked) -> None:
        super().__init__(
            model=None,
            states=list(linked.leaves),
            initial=linked.initial,
            auto_transitions=False,
            model_attribute="stage",
        )
        self.counted = _counted(linked)
        self.memories = _memories(linked)
        derived = [
            DerivedFields(linked.fields, t.sets) if t.sets else None for t in linked.transitions
        ]
        rules = [t.rule and DeferredRule(t.rule) for t in linked.transitions]
        timings: dict[tuple[int, str], Timing] = {}
        for rank, (source, depth, transition) in enumerate(_in_order_tried(linked)):
            stage = transition.waits_in(source, depth)
            inside = stage if stage in self.counted else ""
            timing = timings.get((transition.index, inside))
            if timing is None:
                timing = timings[transition.index, inside] = timing_of(transition, inside)
            for trigger in _triggers(transition, timing):
                self.add_transition(
                    trigger,
                    source,
                    transition.to,
                    linked=transition,
                    rule=rules[transition.index],
                    timing=timing,
                    rank=rank,
                    effect=TransitionEffect(
                        self.kept(source, transition.transition.to),
                        derived[transition.index],
                        self.memories.get(source, ()),
                    ),
                )

    def kept(self, source: str, to: str) -> tuple[str, ...]:
        """Return the counted stages that a contact stays in.

        Args:
            source: The leaf that it leaves.
            to: The stage named that it enters: one with nested stages is entered anew.
        """
        around = [source[:dot] for dot, letter in enumerate(source) if letter == "."]
        return tuple(s for s in around if s in self.counted and to.startswith(f"{s}."))

    def every_transition(self) -> Iterator[GuardedTransition]:
        """Yield the transitions of all triggers."""
        for name in self.events:
            for leaving in self.leaving(name).values():
                yield from leaving

    def leaving(self, name: str) -> Mapping[str, Sequence[GuardedTransition]]:
        """Return the transitions of a trigger by the leaf that they leave, in the order tried."""
        found = self.events.get(name)
        # The machine makes transitions of no other class.
        return {} if found is None else cast("_Leaving", dict(found.transitions))


def _in_order_tried(linked: Linked) -> list[tuple[str, int, LinkedTransition]]:
    """List (leaf, depth, transition): an inner source comes before an outer, then file order."""
    found = [(leaf, depth, t) for t in linked.transitions for leaf, depth in t.sources]
    return sorted(found, key=lambda one: (-one[1], one[2].index))


def _counted(linked: Linked) -> frozenset[str]:
    """Collect the stages with nested ones from whose entry some wait counts."""
    return frozenset(
        stage
        for t in linked.transitions
        if t.transition.after is not None
        for leaf, depth in t.sources
        if (stage := t.waits_in(leaf, depth)) != leaf
    )


def _memories(linked: Linked) -> Mapping[str, tuple[str, ...]]:
    """Return under what each leaf is remembered that some transition comes back to."""
    found: dict[str, dict[str, None]] = {}
    for transition in linked.transitions:
        for leaf in transition.targets if transition.memory else ():
            found.setdefault(leaf, {})[transition.memory] = None
    return {leaf: tuple(memories) for leaf, memories in found.items()}


def _triggers(linked: LinkedTransition, timing: Timing) -> tuple[str, ...]:
    """Name the machine's triggers for a transition: its events, the clock, or neither."""
    taken_by = (AUTOMATIC,) if linked.transition.is_automatic else linked.transition.on
    return (*taken_by, TIMED) if timing.opens else taken_by


_WHOLE = (BOOLEAN, INTEGER, TIMESTAMP, DURATION)
"""Types of which every value that an expression can give is a value of a field."""


class Declared:
    """What an event of the vocabulary does, looked up once per definition.

    Attributes:
        is_plain: Whether it only is activity, and takes transitions.
        leaving: The transitions that it takes by the leaf that they leave, in the order tried.
    """

    __slots__ = ("_activity", "_defaults", "_sets", "is_plain", "leaving")

    def __init__(
        self,
        defaults: dict[str, Value],
        sets: "DerivedFields | None",
        activity: Expression | None,
        leaving: _Leaving,
    ) -> None:
        self._activity = None if activity is None else activity.value
        self._defaults = defaults
        self._sets = sets
        self.is_plain = not (defaults or sets or activity)
        self.leaving = leaving

    def derive(self, contact: Contact, facts: Facts, now: dt.datetime) -> Facts:
        """Derive what an event makes of a contact: its activity and the fields that it sets.

        Returns:
            The facts of the event, with what is taken for granted where it says nothing.
        """
        if self._defaults and not self._defaults.keys() <= facts.keys():
            facts = {**self._defaults, **facts}
        activity = self._activity
        if activity is None or activity(contact.fields, facts, now) is not False:
            contact.active = now
        if self._sets is not None:
            self._sets.apply(contact.fields, facts, now)
        return facts


class DerivedFields:
    """The fields of a contact that an event derives: looked up once per definition."""

    __slots__ = ("_expressions", "_targets", "_values")

    def __init__(self, fields: Mapping[str, Field], sets: Sequence[tuple[str, Expression]]) -> None:
        self._expressions = [expression for _, expression in sets]
        self._targets = [_target(fields[name], expression) for name, expression in sets]
        self._values: ValueFunction | None = None

    def apply(self, fields: dict[str, Value], facts: Facts, now: dt.datetime) -> None:
        """Derive the fields; all read the contact as it was before any of them.

        A value that cannot be computed, is blank, or is none of its field's, leaves the field
        as it was.
        """
        if self._values is None:
            self._values = compile_values(self._expressions)
        values = self._values(fields, facts, now)
        for (name, normalise), value in zip(self._targets, values, strict=True):
            fitting = value
            if normalise is not None and value is not None:
                try:
                    fitting = None if says_nothing(value) else normalise(value)
                except FieldError:
                    continue
            if fitting is not None:
                fields[name] = fitting


_Target: TypeAlias = tuple[str, Callable[[Value], Value | None] | None]


def _target(field: Field, expression: Expression) -> _Target:
    """Return a field's name, and what normalises a value for it where not every one fits."""
    fits = expression.type == field.type in _WHOLE and not field.choices
    if fits:
        return field.name, None
    is_sum = any(isinstance(node, Arithmetic) for node in walk(expression.tree))
    if expression.type != NUMBER or not is_sum:
        return field.name, field.normalise

    def normalise_decimal(value: Value) -> Value | None:
        return field.normalise(as_decimal(value) if isinstance(value, float) else value)

    return field.name, normalise_decimal


def defaults_of(fields: Mapping[str, Field]) -> dict[str, Value]:
    """Collect the values that fields have until something else is known."""
    return {name: f.default for name, f in fields.items() if f.default is not None}
