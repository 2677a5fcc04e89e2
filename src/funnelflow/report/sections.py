"""The sections of a report about what is in the way, what went back and when; and the report."""

import datetime as dt

from attrs import frozen

from funnelflow.report.records import (
    Cohorts,
    ConversionStep,
    Lengths,
    Number,
    ReportPart,
    StageCount,
    StageTime,
    Survival,
    WinRates,
)


@frozen
class Ageing(ReportPart):
    """Who is in an open stage for too long.

    Attributes:
        stage: The leaf stage.
        title: What people read.
        limit_days: From when on it is too long; None where nothing says so.
        by: ``rotting_after`` where the definition says so; ``p90`` where it is the 90th percentile
            of those who left it forward; empty for neither.
        aged: Who is longer in it, of all who are in it now.
        ages: How long those are in it who are in it now.
    """

    stage: str
    title: str
    limit_days: float | None
    by: str
    aged: Number
    ages: Lengths


@frozen
class BlockingCriterion(ReportPart):
    """A criterion that is in the way.

    Attributes:
        label: What the definition calls it.
        unmet: Contacts waiting now for whom it is not met, of all who wait.
        unknown: Contacts waiting now for whom it is unknown, of all who wait.
        refused_unmet: Refused moves in which it was not met, of all that were refused.
        refused_unknown: Refused moves in which it was unknown.
    """

    label: str
    unmet: Number
    unknown: Number
    refused_unmet: Number
    refused_unknown: Number


@frozen
class QuestionSet(ReportPart):
    """Questions that could together open a transition.

    Attributes:
        fields: The fields that are unknown.
        asks: The question that finds each of them out; empty where the vocabulary has none.
        opens: For how many contacts these are all that is unknown, and nothing else is in the
            way, of all who wait.
    """

    fields: tuple[str, ...]
    asks: tuple[str, ...]
    opens: Number


@frozen
class Blocker(ReportPart):
    """What is in the way of a transition.

    Attributes:
        key: The transition, as the names of its numbers have it.
        label: What people call it.
        sources: The stages that it leaves, as written.
        to: The stage that it enters, as written.
        is_forward: Whether it leads to a later stage that is not lost.
        waiting: The contacts in its stages now.
        ready: Those of them for whom every criterion is met; an event or a time is still to come.
        refused: How many moves were refused to which it could have led.
        criteria: Its criteria, those that are in the way of most first.
        questions: What to ask, by how many it could open it for.
    """

    key: str
    label: str
    sources: tuple[str, ...]
    to: str
    is_forward: bool
    waiting: Number
    ready: Number
    refused: Number
    criteria: tuple[BlockingCriterion, ...]
    questions: tuple[QuestionSet, ...]


@frozen
class FlowMove(ReportPart):
    """How often contacts went from one leaf stage to another.

    Attributes:
        source: The stage that was left.
        to: The stage that was entered.
        moves: How often, of all times that `source` was left.
        is_backward: Whether it leads to an earlier stage, or out of one that is won or lost.
    """

    source: str
    to: str
    moves: Number
    is_backward: bool


@frozen
class Flow(ReportPart):
    """The transitions that were taken.

    Attributes:
        stages: The leaf stages in the order of the definition: rows and columns of a matrix.
        moves: Each pair that anybody took, in that order.
        begun: How many contacts entered the funnel.
    """

    stages: tuple[str, ...]
    moves: tuple[FlowMove, ...]
    begun: Number


@frozen
class Recycling(ReportPart):
    """What went back.

    Attributes:
        recycled: Contacts that came out of a lost stage into one that is not lost.
        backward: Contacts that went back, recycled or not.
        backward_moves: How often anybody did.
        forced: Moves that were forced, by who forced them.
    """

    recycled: Number
    backward: Number
    backward_moves: Number
    forced: tuple[Number, ...]


@frozen
class RestatementCounts(ReportPart):
    """How much was said too early.

    Attributes:
        late_rows: Pieces of evidence that came later than others that happened after them.
        changing_rows: Those of them that changed an answer that had been given.
        period_start: The moment at which the period began.
        stood_elsewhere: Contacts that were said to be in another stage then than is known today,
            of all that stood somewhere then.
        not_known_then: Contacts of which nothing was known then, though they were there.
    """

    late_rows: Number
    changing_rows: Number
    period_start: dt.datetime
    stood_elsewhere: Number
    not_known_then: Number


@frozen
class TrendPeriod(ReportPart):
    """What happened in one period.

    Attributes:
        label: The period.
        is_complete: Whether it has ended.
        entered: Who entered the funnel.
        passed: Who passed each step for the first time, in the order of the steps.
        won: Who was won for the first time.
        lost: Who was lost for the first time.
    """

    label: str
    is_complete: bool
    entered: Number
    passed: tuple[Number, ...]
    won: Number
    lost: Number


@frozen
class PluginNumber(ReportPart):
    """A number that a plugin adds.

    Attributes:
        name: What ``report --explain`` and ``report --who`` take.
        title: What people read.
        value: The number; None where nobody is counted, or where the plugin failed.
        counted: How many contacts it is about.
        unit: What it counts.
        definition: What it means.
        plugin: Who adds it.
        problem: What went wrong; empty where nothing did.
    """

    name: str
    title: str
    value: float | None
    counted: int
    unit: str
    definition: str
    plugin: str
    problem: str = ""


@frozen
class Report(ReportPart):
    """All numbers of one funnel.

    Attributes:
        funnel: The funnel.
        title: What it is about.
        version: The version of its definition.
        at: The moment for which it is made.
        known_at: What was known by then, where that was asked for: a time, or the number of a row.
        zone: The zone whose days and months it counts by.
        period: How long its periods are.
        entries: Everybody who entered the funnel.
        stages: Contacts per stage, in the order of the definition, outer stages before inner ones.
        conversion: The steps, in the order of the definition.
        cohorts: By the period of entry, then by the field that was asked for.
        time_in_stage: Of every stage, as in `stages`.
        survival: The time to won.
        win_rates: Won, lost and open, and how fast.
        ageing: Of every open leaf stage.
        blockers: Of every transition that has criteria, with what to ask.
        refused: How many moves were refused.
        refused_without_transition: How many of them asked for a stage to which no transition with
            criteria leads from there.
        flow: The transitions that were taken.
        recycling: What went back.
        restatements: How much was said too early.
        trend: By period, the latest last, without a gap.
        plugin_numbers: What plugins add.
        erased: How many contacts have been erased; they are in none of the numbers.
    """

    funnel: str
    title: str
    version: int
    at: dt.datetime
    known_at: dt.datetime | int | None
    zone: str
    period: str
    entries: Number
    stages: tuple[StageCount, ...]
    conversion: tuple[ConversionStep, ...]
    cohorts: tuple[Cohorts, ...]
    time_in_stage: tuple[StageTime, ...]
    survival: Survival
    win_rates: WinRates
    ageing: tuple[Ageing, ...]
    blockers: tuple[Blocker, ...]
    refused: Number
    refused_without_transition: Number
    flow: Flow
    recycling: Recycling
    restatements: RestatementCounts
    trend: tuple[TrendPeriod, ...]
    plugin_numbers: tuple[PluginNumber, ...] = ()
    erased: int = 0
