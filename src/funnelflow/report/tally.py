"""Counting: what each contact's journey adds to which numbers.

`contributions` says it once, for counting and for listing who was counted alike, so that the two
cannot differ. It is a function of the journey and of what was asked; a number is the sum of what
all journeys add to its name, or the summary of the lengths of time they add to it.
"""

import datetime as dt
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import chain, pairwise
from typing import Final, TypeAlias

from attrs import define, field

from funnelflow.criteria.value_forms import shown
from funnelflow.report.blocking import refused, waiting
from funnelflow.report.frame import LOST_REASON_FIELD, SOURCE_FIELD, Frame
from funnelflow.report.journey import Journey
from funnelflow.report.ways_of_counting import Visit, first_passages, progress_of, visits_of

Contribution: TypeAlias = tuple[str, float | None]
"""The name of a number, and a length of time in days, or what a plugin measured; None where it is
counted alone."""

MOST_VALUES: Final = 1_000
"""How many values of a field are told apart; whoever has a further one counts among others."""
_DAY: Final = dt.timedelta(days=1)


def days_between(first: dt.datetime, last: dt.datetime) -> float:
    """Return a length of time in days; below zero where `last` is the earlier one."""
    return (last - first) / _DAY


@define(eq=False)
class FieldValues:
    """The values of fields that have been seen, so that no number of them fills the memory."""

    _seen: dict[str, dict[str, str]] = field(factory=dict)

    def key(self, name: str, journey: Journey) -> str:
        """Return the part of a number's name that stands for a contact's value of a field."""
        value = journey.position.fields.get(name)
        if value is None:
            return "unknown"
        text, seen = f"={shown(value)}", self._seen.setdefault(name, {})
        if text not in seen and len(seen) >= MOST_VALUES:
            return "others"
        return seen.setdefault(text, text)

    def keys(self, name: str) -> tuple[str, ...]:
        """Return all that `key` has returned of a field, or may have."""
        return (*self._seen.get(name, ()), "unknown", "others")


def contributions(frame: Frame, values: FieldValues, journey: Journey) -> Iterable[Contribution]:
    """Return what a journey adds to which numbers.

    Args:
        frame: What the report is asked about.
        values: The values of fields seen so far in this pass.
        journey: The journey.
    """
    visits = visits_of(frame, journey.stays)
    return chain(
        _standing(frame, journey),
        _converted(frame, values, journey, visits),
        _times(frame, journey, visits),
        _outcome(frame, values, journey),
        _went(frame, journey),
        _blocked(frame, journey),
        _restated(frame, journey),
        _measured(frame, journey),
    )


@define(eq=False)
class Tally:
    """The numbers of a funnel while contacts are counted.

    Attributes:
        frame: What the report is asked about.
        counts: How often each number was added to.
        lengths: The lengths of time that were added, eight bytes each.
        value_total: The sum of what contacts who are won are worth.
        value_count: How many of them say what they are worth.
        values: The values of fields that were seen.
        first: When anybody entered the funnel first; None where nobody did.
    """

    frame: Frame
    counts: Counter[str] = field(factory=Counter)
    lengths: dict[str, "array[float]"] = field(factory=dict)
    value_total: float = 0.0
    value_count: int = 0
    values: FieldValues = field(factory=FieldValues)
    first: dt.datetime | None = None

    def add(self, journey: Journey) -> None:
        """Count a journey."""
        counts, lengths = self.counts, self.lengths
        for name, days in contributions(self.frame, self.values, journey):
            counts[name] += 1
            if days is not None:
                if name not in lengths:
                    lengths[name] = array("d")
                lengths[name].append(days)
        if self.first is None or journey.entered < self.first:
            self.first = journey.entered
        self._add_value(journey)

    @property
    def periods(self) -> list[str]:
        """The periods from the first in which anybody entered up to now, without a gap."""
        if self.first is None:
            return []
        return list(self.frame.calendar.between(self.first, self.frame.now))

    def _add_value(self, journey: Journey) -> None:
        worth = journey.position.fields.get(self.frame.value) if self.frame.value else None
        if isinstance(worth, int | float) and self.frame.types[journey.stage] == "won":
            self.value_total += worth
            self.value_count += 1


def counted_in(frame: Frame, names: Collection[str]) -> Callable[[Journey], int]:
    """Return what says how often numbers count a journey; see `contributions`.

    Args:
        frame: What the report is asked about.
        names: The names of the numbers.

    Returns:
        A function that is called with all journeys, in the order in which they were counted.
    """
    values = FieldValues()

    def count(journey: Journey) -> int:
        return sum(name in names for name, _ in contributions(frame, values, journey))

    return count


def _standing(frame: Frame, journey: Journey) -> Iterator[Contribution]:
    """Yield where a contact is, and where it was when the period began."""
    yield "contacts", None
    stage = journey.stage
    for name in frame.around[stage]:
        yield f"stage/{name}", None
    start = frame.period_start
    if journey.entered < start:
        before = next(s.stage for s in reversed(journey.stays) if s.entered < start)
        for name in frame.around[before]:
            yield f"stage-before/{name}", None
    if frame.types[stage] == "open":
        age = days_between(journey.stays[-1].entered, frame.now)
        yield f"age/{stage}", age
        limit = frame.limits.get(stage)
        if limit is not None and age > limit:
            yield f"ageing/{stage}", None


def _converted(
    frame: Frame, values: FieldValues, journey: Journey, visits: list[Visit]
) -> Iterator[Contribution]:
    """Yield how far a contact came, and when."""
    steps, calendar = frame.steps, frame.calendar
    progress = progress_of(visits, len(steps))
    cohort = f"cohort/{calendar.label(journey.entered)}"
    split = f"by/{values.key(frame.by, journey)}" if frame.by else ""
    yield cohort, None
    if split:
        yield split, None
    yield f"trend/{calendar.label(journey.entered)}/entered", None
    moments = first_passages(visits, progress.passed)
    for step, moment in zip(steps, moments, strict=False):
        yield f"passed/{step.stage}", None
        yield f"{cohort}/{step.stage}", None
        if split:
            yield f"{split}/{step.stage}", None
        yield f"trend/{calendar.label(moment)}/{step.stage}", None
    for place, step in enumerate(steps):
        times = sum(visit.step == place for visit in visits)
        if times:
            yield f"touched/{step.stage}", None
        for _ in range(times - 1):
            yield f"reentered/{step.stage}", None
        if place < progress.any_order:
            yield f"any-order/{step.stage}", None
        if place < progress.in_order:
            yield f"in-order/{step.stage}", None
        if place < progress.by_arrival:
            yield f"by-arrival/{step.stage}", None


def _times(frame: Frame, journey: Journey, visits: list[Visit]) -> Iterator[Contribution]:
    """Yield how long a contact was in each stage, and from one step to the next."""
    finished: dict[str, list[float]] = {}
    begun = dict.fromkeys(frame.around[journey.stays[0].stage], journey.entered)
    for stay, after in pairwise(journey.stays):
        is_forward, staying = frame.is_forward(stay.stage, after.stage), frame.around[after.stage]
        for name in frame.around[stay.stage]:
            if name not in staying or name == stay.stage:
                days = days_between(begun.pop(name), after.entered)
                finished.setdefault(name, []).append(days)
                if is_forward:
                    yield f"forward/{name}", days
        for name in staying:
            begun.setdefault(name, after.entered)
    for name, times in finished.items():
        yield f"latest/{name}", times[-1]
        yield f"cumulative/{name}", sum(times)
    firsts = _first_entries(frame, journey, visits)
    for (place, step), (after_place, later) in pairwise(enumerate(frame.steps)):
        if place in firsts and after_place in firsts:
            days = days_between(firsts[place], firsts[after_place])
            yield f"time/{step.stage}/{later.stage}", days
            if days < 0:
                yield f"negative/{step.stage}/{later.stage}", None


def _first_entries(frame: Frame, journey: Journey, visits: list[Visit]) -> dict[int, dt.datetime]:
    """Return when each step was entered first, or else what alone opens it happened first."""
    firsts: dict[int, dt.datetime] = {}
    for visit in visits:
        firsts.setdefault(visit.step, visit.entered)
    if len(firsts) < len(frame.steps):
        signals: dict[int, dt.datetime] = {}
        for decision in journey.decisions:
            step = frame.signals.get(decision.event.name)
            if step is not None and decision.event.at >= journey.entered:
                signals.setdefault(step, decision.event.at)
        firsts = signals | firsts
    return firsts


def _outcome(frame: Frame, values: FieldValues, journey: Journey) -> Iterator[Contribution]:
    """Yield what became of a contact, and when."""
    types, kind = frame.types, frame.types[journey.stage]
    yield f"now/{kind}", None
    if kind == "lost" and LOST_REASON_FIELD in frame.linked.fields:
        yield f"lost-reason/{values.key(LOST_REASON_FIELD, journey)}", None
    if SOURCE_FIELD in frame.linked.fields:
        source = values.key(SOURCE_FIELD, journey)
        yield f"source/{source}", None
        if kind == "won":
            yield f"source/{source}/won", None
    won = next((stay.entered for stay in journey.stays if types[stay.stage] == "won"), None)
    lost = next((stay.entered for stay in journey.stays if types[stay.stage] == "lost"), None)
    calendar = frame.calendar
    if lost is not None:
        yield f"trend/{calendar.label(lost)}/lost", None
    if won is None:
        yield "survival/open", days_between(journey.entered, frame.now)
        return
    yield "survival/won", days_between(journey.entered, won)
    yield f"trend/{calendar.label(won)}/won", None
    cohort, age = calendar.label(journey.entered), calendar.distance(journey.entered, won)
    yield f"cohort/{cohort}/won/{age}", None


def _went(frame: Frame, journey: Journey) -> Iterator[Contribution]:
    """Yield the transitions that a contact took, and those of them that went back."""
    types, is_recycled, backward = frame.types, False, 0
    for stay, after in pairwise(journey.stays):
        yield f"flow/{stay.stage}/{after.stage}", None
        if frame.is_backward(stay.stage, after.stage):
            backward += 1
            yield "backward-moves", None
            is_recycled |= types[stay.stage] == "lost"
    if backward:
        yield "backward", None
    if is_recycled:
        yield "recycled", None
    for decision in journey.decisions:
        if decision.event.force and decision.outcome == "moved":
            yield f"forced/{decision.event.actor}", None


def _blocked(frame: Frame, journey: Journey) -> Iterator[Contribution]:
    """Yield what is in a contact's way, and what was when a move was refused."""
    ways = frame.ways_from
    for decision in journey.decisions:
        if decision.before:
            yield from refused(frame.linked, ways, decision)
    if frame.types[journey.stage] == "open":
        yield from waiting(ways, journey, frame.now)


def _restated(frame: Frame, journey: Journey) -> Iterator[Contribution]:
    """Yield what was said of a contact too early."""
    for row in journey.late_rows:
        yield "late-rows", None
        if row.is_change:
            yield "changing-rows", None
    start = frame.period_start
    if journey.entered >= start:
        return
    yield "stood", None
    if journey.stood is None:
        yield "not-known-then", None
    elif journey.stood != next(s.stage for s in reversed(journey.stays) if s.entered < start):
        yield "stood-elsewhere", None


def _measured(frame: Frame, journey: Journey) -> Iterator[Contribution]:
    """Yield what numbers that are counted besides make of a contact."""
    for extra in frame.extras:
        value = extra.measure(journey)
        if value is not None:
            yield f"plugin/{extra.name}", value
