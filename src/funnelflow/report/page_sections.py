"""The parts of a report as a page has them: each with a picture where one helps, and its tables."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from funnelflow.definition import Linked, takes
from funnelflow.report.bar_charts import funnel_picture, stages_picture, trend_picture
from funnelflow.report.heat_charts import cohorts_picture, matrix_picture
from funnelflow.report.markup import shortened
from funnelflow.report.number_words import days_words
from funnelflow.report.page_cells import (
    LENGTHS_HEADS,
    PageCell,
    PageRow,
    PageSection,
    PageTable,
    change_cell,
    count_cell,
    figure_cell,
    lengths_cells,
    negative_cell,
    plain_cell,
    text_cell,
)
from funnelflow.report.page_findings import (
    ageing_section,
    back_section,
    blockers_section,
    plugins_section,
    restated_section,
)
from funnelflow.report.records import Cohorts, CommonValue
from funnelflow.report.sections import Report
from funnelflow.report.stage_pictures import definition_picture, flow_picture, leaf_pairs
from funnelflow.report.time_charts import survival_picture, times_picture

MOST_COLUMNS: Final = 40
"""How many columns of a kind a table has."""


def sections_of(report: Report, linked: Linked | None = None) -> Iterator[PageSection]:
    """Yield the parts of a report in the order in which they are read; empty ones are left out.

    Args:
        report: The report.
        linked: The definition of the funnel, to be drawn too.
    """
    yield _stages(report)
    yield _funnel(report)
    yield _trend(report)
    if linked is not None:
        yield _definition(report, linked)
    makers: tuple[Callable[[Report], PageSection], ...] = (
        _flow,
        _times,
        _survival,
        _outcomes,
        ageing_section,
    )
    yield from (make(report) for make in makers)
    yield from (_cohorts(one, report) for one in report.cohorts)
    yield blockers_section(report)
    yield back_section(report)
    yield restated_section(report)
    if report.plugin_numbers:
        yield plugins_section(report)


def _stages(report: Report) -> PageSection:
    rows = tuple(
        (
            PageCell("\N{NO-BREAK SPACE}" * 4 * stage.depth + shortened(stage.title)),
            PageCell(stage.type),
            count_cell(stage.now),
            plain_cell(stage.before),
            change_cell(stage.now, stage.before),
        )
        for stage in report.stages
    )
    return PageSection(
        "stages",
        "Contacts in each stage",
        f"Where the {report.entries.value:,} contacts of the funnel are now. A stage with others "
        "nested in it counts theirs as well.",
        (stages_picture(report.stages),),
        (
            PageTable(
                "Contacts per stage",
                ("stage", "type", "now", f"when the {report.period} began", "change"),
                rows,
            ),
        ),
    )


def _funnel(report: Report) -> PageSection:
    steps = report.conversion
    ways = tuple(
        (
            text_cell(step.title),
            count_cell(step.passed),
            count_cell(step.from_before),
            count_cell(step.touched),
            count_cell(step.any_order),
            count_cell(step.in_order),
            count_cell(step.by_arrival),
            plain_cell(step.reentries),
        )
        for step in steps
    )
    times = tuple(
        (
            text_cell(step.title),
            *lengths_cells(step.time_from_before),
            negative_cell(step.time_from_before),
        )
        for step in steps[1:]
    )
    heads = (
        "step",
        "passed",
        "of the step before",
        "touched",
        "in any order",
        "in order",
        "in order, ties by arrival",
        "entered again",
    )
    return PageSection(
        "funnel",
        "Conversion",
        "How far contacts came. Who skipped a step has passed it; the other ways of counting "
        "stand beside that.",
        (funnel_picture(steps),),
        (
            PageTable("Who came to each step, by each way of counting", heads, ways),
            PageTable(
                "Time from the step before",
                ("step", *LENGTHS_HEADS, "of them below zero"),
                times,
            ),
        ),
    )


def _definition(report: Report, linked: Linked) -> PageSection:
    taken = {(move.source, move.to): move.moves for move in report.flow.moves}
    rows = tuple(
        (
            text_cell(f"{source} to {to}"),
            text_cell(takes(transition.transition)),
            count_cell(taken[source, to]) if (source, to) in taken else text_cell("-"),
        )
        for transition in linked.transitions
        for source, to in leaf_pairs(transition)
    )
    stages = {stage.stage: stage for stage in report.stages}
    picture = definition_picture(linked, stages, report.flow)
    return PageSection(
        "definition",
        "The definition",
        picture.about,
        (picture,),
        (PageTable("What leads from where to where", ("way", "taken", "moves"), rows),),
    )


def _trend(report: Report) -> PageSection:
    steps = [step.title for step in report.conversion][:MOST_COLUMNS]
    rows = tuple(
        (
            PageCell(one.label if one.is_complete else f"{one.label}, not over"),
            plain_cell(one.entered),
            *map(plain_cell, one.passed[:MOST_COLUMNS]),
            plain_cell(one.won),
            plain_cell(one.lost),
        )
        for one in reversed(report.trend)
    )
    heads = ("period", "entered", *(f"passed {step}" for step in steps), "won", "lost")
    return PageSection(
        "trend",
        f"By {report.period}",
        "What happened in each period. The last one is not over.",
        (trend_picture(report.trend),) if report.trend else (),
        (PageTable("What happened in each period, the latest first", heads, rows),),
    )


def _flow(report: Report) -> PageSection:
    rows = tuple(
        (
            text_cell(f"{move.source} to {move.to}"),
            count_cell(move.moves),
            PageCell("back" if move.is_backward else ""),
        )
        for move in sorted(report.flow.moves, key=lambda move: -move.moves.value)
    )
    return PageSection(
        "flow",
        "Ways that contacts took",
        "Every move from one stage to another, of all times that the stage was left.",
        (flow_picture(report.stages, report.flow), matrix_picture(report.flow))
        if report.flow.moves
        else (),
        (PageTable("Moves between stages, most first", ("way", "moves", "direction"), rows),),
    )


def _times(report: Report) -> PageSection:
    kinds = (
        ("The last time that each contact was in a stage and left it", "latest"),
        ("All its times in a stage together", "cumulative"),
        ("Times that ended in going forward", "forward"),
    )
    tables = tuple(
        PageTable(
            caption,
            ("stage", *LENGTHS_HEADS),
            tuple(
                (text_cell(stage.title), *lengths_cells(getattr(stage, kind)))
                for stage in report.time_in_stage
            ),
        )
        for caption, kind in kinds
    )
    return PageSection(
        "times",
        "Time in each stage",
        "Box: the middle half. Thick mark: the median. Line: up to nine of ten. Boxes of fewer "
        "than 20 are outlines.",
        (times_picture(report.time_in_stage),)
        if any(stage.latest.count for stage in report.time_in_stage)
        else (),
        tables,
    )


def _survival(report: Report) -> PageSection:
    survival = report.survival
    rows = tuple(
        (
            figure_cell(f"{point.days:,.2f}"),
            figure_cell(f"{point.at_risk:,}"),
            figure_cell(f"{point.won:,}"),
            *(figure_cell(f"{share:.1%}") for share in (point.share, point.low, point.high)),
        )
        for point in survival.points
    )
    picture = survival_picture(survival)
    median = days_words(survival.median_days)
    has_curve = len(survival.points) > 1
    won, censored = (
        figure_cell(f"{count:,}", name)
        for count, name in (
            (survival.won, f"{survival.name}/won"),
            (survival.censored, f"{survival.name}/open"),
        )
    )
    summary = (
        (PageCell("won"), won),
        (PageCell("not won, or not yet"), censored),
        (PageCell("half are won after"), figure_cell(median, survival.name)),
    )
    heads = ("days", "could be won", "won then", "won by then", "95 % from", "to")
    return PageSection(
        "survival",
        "Time to won",
        picture.about,
        (picture,) if has_curve else (),
        (
            PageTable("Time to won", ("what", "how many"), summary),
            PageTable("The curve, at the times at which somebody was won", heads, rows),
        ),
    )


def _outcomes(report: Report) -> PageSection:
    rates = report.win_rates
    velocity = "-" if rates.velocity is None else f"{rates.velocity:,.2f} contacts a day"
    summary: list[PageRow] = [
        (PageCell("open"), count_cell(rates.open)),
        (PageCell("won (broad win rate)"), count_cell(rates.won)),
        (PageCell("lost"), count_cell(rates.lost)),
        (PageCell("won of won and lost (narrow win rate)"), count_cell(rates.narrow)),
        (PageCell("velocity"), figure_cell(velocity, "velocity")),
    ]
    if rates.value_velocity is not None:
        value = figure_cell(f"{rates.value_velocity:,.2f} a day", "velocity")
        summary.append((PageCell("velocity, in value"), value))
    cycle = ((PageCell("from entering to won"), *lengths_cells(rates.cycle)),)
    return PageSection(
        "outcomes",
        "Won and lost",
        "Open, won and lost add up to everybody who entered the funnel.",
        (),
        (
            PageTable("What became of everybody", ("what", "how many"), tuple(summary)),
            PageTable("How long it took to win", ("time", *LENGTHS_HEADS), cycle),
            _values("Why contacts are lost", "reason", rates.lost_reasons, has_won=False),
            _values("Where contacts come from", "source", rates.sources, has_won=True),
        ),
    )


def _values(caption: str, head: str, values: Sequence[CommonValue], *, has_won: bool) -> PageTable:
    heads = (head, "contacts", "of them won") if has_won else (head, "contacts")
    rows = tuple(
        (
            text_cell(one.label or "not known"),
            count_cell(one.count),
            *((count_cell(one.won),) if has_won else ()),
        )
        for one in values
    )
    return PageTable(caption, heads, rows)


def _cohorts(cohorts: Cohorts, report: Report) -> PageSection:
    titles = {step.stage: step.title for step in report.conversion}
    steps = [titles.get(step, step) for step in cohorts.steps][:MOST_COLUMNS]
    rows = cohorts.rows[::-1] if cohorts.is_period else cohorts.rows
    passed = tuple(
        (
            text_cell(row.label or "not known"),
            plain_cell(row.entered),
            *map(count_cell, row.passed[:MOST_COLUMNS]),
        )
        for row in rows
    )
    heads = (cohorts.by, "entered", *(f"passed {step}" for step in steps))
    tables = [PageTable(f"Who passed each step, by {cohorts.by}", heads, passed)]
    ages = min(MOST_COLUMNS, max((len(row.won_at_age) for row in rows), default=0))
    if ages:
        won = tuple(
            (
                PageCell(row.label),
                *map(plain_cell, row.won_at_age[:ages]),
                *[PageCell("")] * (ages - len(row.won_at_age)),
            )
            for row in rows
        )
        columns = ("entered in", *(f"+{age}" for age in range(ages)))
        caption = f"Who was won for the first time so many {cohorts.by}s after entering"
        tables.append(PageTable(caption, columns, won))
    others = f" {cohorts.others:,} more contacts are in none of them." if cohorts.others else ""
    return PageSection(
        "cohorts" if cohorts.is_period else "by-field",
        f"By {cohorts.by} of entry" if cohorts.is_period else f"By {cohorts.by}",
        f"Contacts with something in common, side by side.{others}",
        (cohorts_picture(cohorts),) if cohorts.rows else (),
        tuple(tables),
    )
