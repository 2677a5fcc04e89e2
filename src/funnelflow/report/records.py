"""The records of a report: what every way of showing it draws from.

Each part turns to JSON by its `to_json`: lengths of time are numbers of days and named so
(``median_days``), shares are between 0 and 1, times are in UTC.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final, cast

from attrs import fields, frozen

from funnelflow.criteria.times import timestamp_json

SMALL: Final = 20
"""Of fewer than these a share says little, and is marked so."""


def _plain(value: Any) -> Any:
    """Return a value of a record as data."""
    if isinstance(value, ReportPart):
        return value.to_json()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return timestamp_json(value) if isinstance(value, dt.datetime) else value


class ReportPart:
    """A record of a report that turns to JSON by its attributes."""

    def to_json(self) -> dict[str, Any]:
        """Return the record as data."""
        return {a.name: _plain(getattr(self, a.name)) for a in fields(cast(Any, type(self)))}

    def numbers(self) -> "Iterator[Number | Lengths]":
        """Yield every number in the record, each by its name once in each place."""
        for attribute in fields(cast(Any, type(self))):
            yield from _numbers_in(getattr(self, attribute.name))


def _numbers_in(value: Any) -> "Iterator[Number | Lengths]":
    """Yield the numbers in a value of a record."""
    if isinstance(value, Number | Lengths):
        yield value
    elif isinstance(value, ReportPart):
        yield from value.numbers()
    elif isinstance(value, tuple):
        for item in value:
            yield from _numbers_in(item)


@frozen
class Number(ReportPart):
    """One number, by the name under which it is explained and its contacts are listed.

    Attributes:
        name: What ``report --explain`` and ``report --who`` take.
        value: How many.
        of: How many it is a share of; None where it is none.
    """

    name: str
    value: int
    of: int | None = None

    @property
    def share(self) -> float | None:
        """Which share it is, from 0 to 1; None where it is none, or of nobody."""
        return self.value / self.of if self.of else None

    @property
    def is_small(self) -> bool:
        """Whether it is of so few that a share says little."""
        return (self.value if self.of is None else self.of) < SMALL

    def to_json(self) -> dict[str, Any]:
        """Return the number as data, with its share."""
        said = {"name": self.name, "value": self.value}
        if self.of is not None:
            said |= {"of": self.of, "share": self.share}
        return {**said, "small": self.is_small}


@frozen
class Lengths(ReportPart):
    """Lengths of time, summarised; all but the name and the count is None where there are none.

    Attributes:
        name: What ``report --explain`` and ``report --who`` take.
        count: How many there are.
        quartile_1_days: A quarter of them is shorter.
        median_days: Half of them is shorter.
        quartile_3_days: Three quarters are shorter.
        p90_days: Nine of ten are shorter.
        least_days: The shortest.
        most_days: The longest.
        negative: How many are below zero: what should come later came first.
    """

    name: str
    count: int
    quartile_1_days: float | None = None
    median_days: float | None = None
    quartile_3_days: float | None = None
    p90_days: float | None = None
    least_days: float | None = None
    most_days: float | None = None
    negative: int = 0


@frozen
class StageCount(ReportPart):
    """How many contacts are in a stage.

    Attributes:
        stage: Its dotted name; one with nested stages counts those in all of them.
        title: What people read.
        type: ``open``, ``won`` or ``lost``.
        depth: How many stages it is nested in.
        is_leaf: Whether contacts can be in it itself: the counts of leaves add up to everybody.
        now: How many are in it, of everybody who entered the funnel.
        before: How many were in it when the period began, as it is known today.
    """

    stage: str
    title: str
    type: str
    depth: int
    is_leaf: bool
    now: Number
    before: Number


@frozen
class ConversionStep(ReportPart):
    """How many contacts came to a step of the funnel, by each way of counting.

    Steps are the outermost stages that are not lost, in the order of the definition. Each number
    is `of` everybody who entered the funnel.

    Attributes:
        stage: The stage.
        title: What people read.
        passed: Were in it or in a later one: a stage that was skipped is no loss.
        any_order: Were in it and in every one before it, in whatever order.
        touched: Were in it.
        in_order: Were in every one up to it, in this order; what happened at one instant counts
            in either order.
        by_arrival: The same, where what happened at one instant counts in the order in which it
            arrived: the difference is what the rule for ties makes.
        from_before: Passed, of those who passed the step before.
        reentries: How often it was entered again.
        time_from_before: From entering the step before for the first time to entering this one.
        negative: How many of these times are below zero: who came here before the step before.
    """

    stage: str
    title: str
    passed: Number
    any_order: Number
    touched: Number
    in_order: Number
    by_arrival: Number
    from_before: Number
    reentries: Number
    time_from_before: Lengths
    negative: Number

    @property
    def differs(self) -> bool:
        """Whether the ways of counting say different things."""
        ways = (self.any_order, self.touched, self.in_order, self.by_arrival)
        return any(way.value != self.passed.value for way in ways)


@frozen
class Cohort(ReportPart):
    """Contacts with something in common: the period in which they entered, or a field's value.

    Attributes:
        label: The period or the value; empty where the field is not known.
        entered: How many there are.
        passed: How many of them passed each step, in the order of the steps.
        won_at_age: How many of them were won for the first time in the period in which they
            entered, in the one after it, and so on up to now: added up, who is won by then. Empty
            for the values of a field.
    """

    label: str
    entered: Number
    passed: tuple[Number, ...]
    won_at_age: tuple[Number, ...] = ()


@frozen
class Cohorts(ReportPart):
    """Cohorts side by side.

    Attributes:
        by: ``day``, ``week``, ``month``, ``quarter``, or the name of a field.
        steps: The stages that `Cohort.passed` is about.
        rows: The cohorts.
        others: How many contacts are in none of the rows.
        is_period: Whether they are periods, in order of time; values go by how many they are.
    """

    by: str
    steps: tuple[str, ...]
    rows: tuple[Cohort, ...]
    others: int = 0
    is_period: bool = False


@frozen
class StageTime(ReportPart):
    """How long contacts are in a stage.

    Attributes:
        stage: The stage; one with nested stages is left when all of them are.
        title: What people read.
        depth: How many stages it is nested in.
        latest: The last time that each contact was in it and left it.
        cumulative: All the times that each contact was in it and left it, together.
        forward: The times that ended in going forward.
    """

    stage: str
    title: str
    depth: int
    latest: Lengths
    cumulative: Lengths
    forward: Lengths


@frozen
class SurvivalPoint(ReportPart):
    """One time of a curve.

    Attributes:
        days: Since entering the funnel.
        at_risk: How many could have been won then.
        won: How many were.
        share: The share that is won by then, from 0 to 1.
        low: The lower end of its interval of 95 %.
        high: The upper end.
    """

    days: float
    at_risk: int
    won: int
    share: float
    low: float
    high: float


@frozen
class Survival(ReportPart):
    """The time from the first evidence to won, where those who are not won yet count as well.

    Attributes:
        name: What ``report --explain`` and ``report --who`` take.
        won: How many were won.
        censored: How many were watched up to now and have not been won.
        median_days: When half of them are won; None where it does not come to that.
        longest_days: For how long anybody was watched.
        points: The curve, at most 200 points; it keeps its height between them.
    """

    name: str
    won: int
    censored: int
    median_days: float | None
    longest_days: float
    points: tuple[SurvivalPoint, ...]


@frozen
class CommonValue(ReportPart):
    """A value of a field, and how many have it.

    Attributes:
        label: The value; empty where it is not known.
        count: How many contacts have it.
        won: How many of them are won.
    """

    label: str
    count: Number
    won: Number


@frozen
class WinRates(ReportPart):
    """What became of everybody who entered the funnel; open, won and lost add up to them.

    Attributes:
        open: Are in an open stage now.
        won: Are in a won stage now, of everybody: the broad win rate.
        lost: Are in a lost stage now.
        narrow: Are won, of those who are won or lost: the narrow win rate.
        cycle: From entering the funnel to being won for the first time, of who was won.
        velocity: Contacts won a day: open contacts, times the narrow win rate, divided by the
            median of `cycle`; None where one of them is not there.
        value_velocity: The same times the mean value of who is won, if a field says the value.
        lost_reasons: Who is lost now, by the field ``lost_reason``.
        sources: Everybody, by the field ``source``.
    """

    open: Number
    won: Number
    lost: Number
    narrow: Number
    cycle: Lengths
    velocity: float | None
    value_velocity: float | None
    lost_reasons: tuple[CommonValue, ...]
    sources: tuple[CommonValue, ...]
