"""Every story that definitions can tell apart, as far as a limit allows.

Several definitions read one story. A state is where each of them puts the contact, and what
is known. From a state, the steps worth taking are those that could open a transition of one of
the definitions: its event, with the fewest facts that meet its criteria; an event that derives
a fact it asks for; or the wait it needs. Facts that no criterion tells apart count as the same,
and a state is looked at once, so the search ends by itself; the limits end it sooner.
"""

import datetime as dt
import heapq
import itertools
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from attrs import evolve, frozen

from funnelflow.compare.openings import NOW, Opening, openings_of, samples_of
from funnelflow.criteria import Fields, Type, Value
from funnelflow.engine import Contact, Event, Funnel, GuardedTransition
from funnelflow.errors import UsageError

Place: TypeAlias = tuple[str, ...]
"""Where each definition puts the contact: one leaf stage a definition."""

MOST_STATES = 400
"""How many states are looked at, the first ones of every place before the second ones."""
MOST_WAYS = 3
"""How many ways of meeting the criteria of a transition are tried from a state."""
STEP = dt.timedelta(minutes=1)


@frozen
class Exploration:
    """What was found.

    Attributes:
        names: The definitions, in the order of the stages in a place.
        stories: For each place that can be reached, the shortest story found that leads there.
        is_complete: Whether the search ended by itself, and not at a limit.
        states: How many states were looked at.
    """

    names: tuple[str, ...]
    stories: Mapping[Place, tuple[Event, ...]]
    is_complete: bool
    states: int


@frozen
class _State:
    """A moment of a story: what each definition has made of it."""

    contacts: tuple[Contact, ...]
    story: tuple[Event, ...]

    @property
    def place(self) -> Place:
        return tuple(contact.stage for contact in self.contacts)


def explore(funnels: Sequence[Funnel], *, limit: int = MOST_STATES) -> Exploration:
    """Find the places that stories can lead to, with the shortest story found for each.

    Args:
        funnels: The definitions that read the stories.
        limit: How many states are looked at, at most.

    Raises:
        UsageError: The definitions give one field different types.
    """
    search = _Search(funnels)
    start = search.begin()
    seen = {search.key(start)}
    stories: dict[Place, tuple[Event, ...]] = {start.place: ()}
    queued: Counter[Place] = Counter()
    order = itertools.count()
    waiting = [(0, next(order), start)]
    states = 0
    while waiting and states < limit:
        _, _, state = heapq.heappop(waiting)
        states += 1
        for following in search.next_states(state):
            key = search.key(following)
            if key in seen:
                continue
            seen.add(key)
            place = following.place
            if place not in stories or len(following.story) < len(stories[place]):
                stories[place] = following.story
            heapq.heappush(waiting, (queued[place], next(order), following))
            queued[place] += 1
    names = tuple(f.definition.name for f in funnels)
    return Exploration(names, stories, not waiting, states)


class _Search:
    """Knows which steps are worth taking from a state."""

    def __init__(self, funnels: Sequence[Funnel]) -> None:
        _require_one_language(funnels)
        self._funnels = tuple(funnels)
        self._samples = samples_of(f.linked for f in funnels)
        self._openings = [openings_of(f, self._samples) for f in funnels]
        self._met: dict[tuple[object, ...], Sequence[Fields]] = {}

    def begin(self) -> _State:
        """Return the state in which nothing is known."""
        contacts = tuple(f.new_contact("story") for f in self._funnels)
        return evolve(self._after(_State(contacts, ()), Event("add", NOW)), story=())

    def key(self, state: _State) -> tuple[object, ...]:
        """Return what makes a state different: the stages, and the facts by their class."""
        classes = (
            _class_of(contact.fields.get(name), values)
            for contact in state.contacts
            for name, values in self._samples.items()
        )
        return (*state.place, *classes)

    def next_states(self, state: _State) -> Iterator[_State]:
        """Yield the states that one step leads to."""
        seen = set()
        for event in self._steps(state):
            sign = (event.name, event.at, *sorted(event.facts.items()))
            if sign not in seen:
                seen.add(sign)
                yield self._after(state, event)

    def _after(self, state: _State, event: Event) -> _State:
        contacts = tuple(contact.copy() for contact in state.contacts)
        for funnel, contact in zip(self._funnels, contacts, strict=True):
            funnel.step(contact, event)
        return _State(contacts, (*state.story, event))

    def _steps(self, state: _State) -> Iterator[Event]:
        """Yield the events that could open a transition out of one of the stages."""
        at = max(contact.clock or NOW for contact in state.contacts) + STEP
        sides = zip(self._funnels, state.contacts, self._openings, strict=True)
        for funnel, contact, openings in sides:
            due = funnel.due_at(contact)
            if due is not None:
                yield Event("tick", max(due, at))
            for transition in funnel.leaving(contact.stage):
                opening = openings[transition.index]
                ways = self._ways(transition, opening, contact, at)
                for name, own in opening.takers:
                    for facts in ways:
                        if facts or own or name != "set":
                            yield Event(name, at, {**facts, **own}, roles=opening.by)
                if ways[0] == {} and transition.rule is not None:
                    for name, own in opening.helpers:
                        yield Event(name, at, own, roles=opening.by)

    def _ways(
        self, transition: GuardedTransition, opening: Opening, contact: Contact, at: dt.datetime
    ) -> Sequence[Fields]:
        """Choose what to tell so that the criteria are met; worked out once for what is known."""
        key = (transition, *map(contact.fields.get, opening.reads))
        ways = self._met.get(key)
        if ways is None:
            ways = self._met[key] = _meeting(transition, opening, contact, at)
        return ways


def _require_one_language(funnels: Sequence[Funnel]) -> None:
    """Refuse definitions that give one field two types: no story could be read by both."""
    types: dict[str, tuple[Type, str]] = {}
    for funnel in funnels:
        name = funnel.definition.name
        for field in funnel.linked.fields.values():
            kind, first = types.setdefault(field.name, (field.type, name))
            if kind != field.type:
                raise UsageError(
                    f"{field.name} is {kind} in {first} and {field.type} in {name}",
                    hint="definitions can be compared that agree about their fields",
                )


def _meeting(
    transition: GuardedTransition, opening: Opening, contact: Contact, at: dt.datetime
) -> Sequence[Fields]:
    """Find the fewest facts with which the criteria are met; if none are, single ones."""
    if transition.rule is None:
        return ({},)
    met = []
    for facts in opening.tellable:
        if transition.rule({**contact.fields, **facts}, facts, at, opening.by):
            met.append(facts)
            if len(met) == MOST_WAYS:
                break
    return met or [{}, *opening.single]


def _class_of(value: Value | None, marks: tuple[Value, ...]) -> object:
    """Return the class of a value: which of the samples it is, or lies between."""
    if value is None or isinstance(value, str | bool | tuple):
        return value if value is None or value in marks else "other"
    return bisect_right(marks, value)
