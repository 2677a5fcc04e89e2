"""What a report is asked about, with what is known of its definition before anybody is counted."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property

from attrs import field, frozen

from funnelflow.definition import Linked
from funnelflow.report.blocking import ConditionalTransition, ways_from, ways_of
from funnelflow.report.journey import Journey
from funnelflow.report.periods import Calendar

SOURCE_FIELD = "source"
LOST_REASON_FIELD = "lost_reason"


@frozen(eq=False)
class ExtraNumber:
    """A number that is counted besides the report's own.

    Attributes:
        name: What it is called behind ``plugin/``.
        title: What people read.
        definition: What is counted.
        unit: What it counts; empty for contacts.
        summary: What becomes of the values: ``count``, ``sum``, ``mean`` or ``median``.
        plugin: Who adds it.
        measure: Returns the value of a contact; None for one that does not count.
        problem: Returns what went wrong; empty where nothing did.
    """

    name: str
    title: str
    definition: str
    unit: str
    summary: str
    plugin: str
    measure: Callable[[Journey], float | None]
    problem: Callable[[], str]


@frozen
class Step:
    """A step of the funnel: an outermost stage that is not lost.

    Attributes:
        stage: Its name.
        title: What people read.
        is_won: Whether it is a won one.
    """

    stage: str
    title: str
    is_won: bool


@frozen(eq=False)
class Frame:
    """What a report is asked about.

    Attributes:
        linked: The definition of the funnel.
        now: The moment for which it is made.
        calendar: The periods.
        by: A field by whose values conversion is split as well; empty for none.
        value: The field that says what a contact is worth; empty for none.
        known_at: What was known by then; None for what is known today.
        limits: From how many days on a contact is in a leaf stage for too long, where that is
            known before anybody is counted.
        extras: The numbers that are counted besides.
    """

    linked: Linked
    now: dt.datetime
    calendar: Calendar = field(factory=Calendar)
    by: str = ""
    value: str = ""
    known_at: dt.datetime | int | None = None
    limits: Mapping[str, float] = field(factory=dict)
    extras: tuple[ExtraNumber, ...] = ()

    @cached_property
    def period_start(self) -> dt.datetime:
        """The moment at which the period of `now` began."""
        return self.calendar.start(self.now)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The steps of the funnel, in the order of the definition."""
        linked = self.linked
        return tuple(
            Step(stage.name, title_of(linked, stage.name), linked.type_of(stage.name) == "won")
            for stage in linked.definition.stages
            if linked.type_of(stage.name) != "lost"
        )

    @cached_property
    def step_of(self) -> dict[str, int]:
        """The place of the step that each leaf stage is part of; a lost one is part of none."""
        places = {step.stage: place for place, step in enumerate(self.steps)}
        types, found = self.types, ((leaf, leaf.partition(".")[0]) for leaf in self.linked.leaves)
        return {
            leaf: places[outer]
            for leaf, outer in found
            if types[leaf] != "lost" and outer in places
        }

    @cached_property
    def around(self) -> dict[str, tuple[str, ...]]:
        """Each leaf stage with the stages that it is nested in, outermost first, itself last."""
        return {leaf: tuple(_around(leaf)) for leaf in self.linked.leaves}

    @cached_property
    def types(self) -> dict[str, str]:
        """The type of each leaf stage."""
        return {leaf: self.linked.type_of(leaf) for leaf in self.linked.leaves}

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each leaf stage in the order of the definition."""
        return {leaf: place for place, leaf in enumerate(self.linked.leaves)}

    @cached_property
    def ways(self) -> tuple[ConditionalTransition, ...]:
        """The transitions that have criteria."""
        return ways_of(self.linked)

    @cached_property
    def ways_from(self) -> dict[str, tuple[ConditionalTransition, ...]]:
        """Those that leave each leaf stage."""
        return ways_from(self.ways)

    @cached_property
    def signals(self) -> dict[str, int]:
        """The step that an event alone opens: wherever it leads, it is there, and needs no more."""
        found: dict[str, set[int]] = {}
        for transition in self.linked.transitions:
            step = self.step_of.get(transition.to, -1)
            for event in transition.transition.on:
                opened = -1 if transition.rule is not None else step
                found.setdefault(self.linked.events[event].event.name, set()).add(opened)
        alone = {event: min(steps) for event, steps in found.items() if len(steps) == 1}
        return {event: step for event, step in alone.items() if step >= 0}

    def is_backward(self, source: str, to: str) -> bool:
        """Whether a move leads to an earlier stage, or out of one that is won or lost.

        Going to a lost stage is none.
        """
        types = self.types
        if types[to] == "lost":
            return False
        if types[source] != "open" and types[to] == "open":
            return True
        return types[source] != "lost" and self.places[to] < self.places[source]

    def is_forward(self, source: str, to: str) -> bool:
        """Whether a move leads to a later stage that is not lost."""
        return self.types[to] != "lost" and self.places[to] > self.places[source]


def rotting_limits(linked: Linked) -> dict[str, float]:
    """Return after how many days in it a contact rots in a leaf stage, where that is said.

    What an outer stage says holds of each stage in it that says nothing else.
    """
    found = {}
    for leaf in linked.leaves:
        said = (linked.stages[name].rotting_after for name in reversed(list(_around(leaf))))
        limit = next((one for one in said if one is not None), None)
        if limit is not None:
            found[leaf] = limit / dt.timedelta(days=1)
    return found


def title_of(linked: Linked, stage: str) -> str:
    """Return what people read for a stage."""
    return linked.stages[stage].title or stage


def _around(leaf: str) -> Iterable[str]:
    """Yield the stages that a leaf is nested in, outermost first, and the leaf."""
    parts = leaf.split(".")
    return (".".join(parts[:count]) for count in range(1, len(parts) + 1))
