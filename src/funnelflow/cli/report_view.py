"""How a report is drawn in a terminal: tables and bars, in 80 columns."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from funnelflow.cli.output import counted
from funnelflow.cli.text import Line, Look, Page, Text, TextSpan, dim, line, section, strong
from funnelflow.report.records import (
    Cohorts,
    CommonValue,
    ConversionStep,
    Lengths,
    Number,
    StageCount,
    StageTime,
    Survival,
    WinRates,
)
from funnelflow.report.sections import (
    Ageing,
    Blocker,
    Flow,
    PluginNumber,
    Recycling,
    Report,
    RestatementCounts,
    TrendPeriod,
)

_LOOKS: Final[dict[str, Look]] = {"won": "good", "lost": "bad"}
BAR: Final = 24
SHOWN_PERIODS: Final = 6
SHOWN: Final = 5
"""How many rows of a list that may be long are drawn; JSON and CSV have all of them."""
_WIDE: Final = 24
_CURVE: Final = (7, 30, 90, 180, 365)
_WAYS: Final = (
    ("touched", "touched"),
    ("any_order", "any order"),
    ("in_order", "in order"),
    ("by_arrival", "ties by arrival"),
)


def report_lines(report: Report, page: Page) -> list[Line]:
    """Draw a whole report."""
    return [*summary_lines(report, page), *more_lines(report, page)]


def summary_lines(report: Report, page: Page) -> list[Line]:
    """Draw what comes first: where contacts are, how far they came, what is in the way."""
    return [
        *_head(report, page),
        *section("Where they are", stage_lines(report.stages, page)),
        *section("How far they came", conversion_lines(report.conversion, page)),
        *section("What is in the way", blocker_lines(report.blockers, page)),
        *section("What to ask", question_lines(report.blockers, page)),
    ]


def more_lines(report: Report, page: Page) -> list[Line]:
    """Draw the rest of a report."""
    cohorts = (section(_cohort_title(table), cohort_lines(table, page)) for table in report.cohorts)
    return [
        *(drawn for lines in cohorts for drawn in lines),
        *section(f"By {report.period}", trend_lines(report.trend, page)),
        *section("How long they stay, in days", time_lines(report.time_in_stage, page)),
        *section("Won and lost", win_lines(report.win_rates, report.survival, page)),
        *section("For too long in a stage", ageing_lines(report.ageing, page)),
        *section("There and back", back_lines(report.flow, report.recycling, page)),
        *section("Said too early", restatement_lines(report.restatements, report, page)),
        *section("From plugins", plugin_lines(report.plugin_numbers, page)),
        (),
        line(dim("--explain NUMBER says what a number means, --who NUMBER whom it counts;")),
        line(dim("--csv lists every number by its name.")),
    ]


def compared_lines(reports: Sequence[Report], page: Page) -> list[Line]:
    """Draw what definitions report of the same evidence, side by side."""
    stages = dict.fromkeys(one.stage for report in reports for one in report.conversion)
    passed = [{one.stage: one.passed for one in report.conversion} for report in reports]
    rows: list[Sequence[Text]] = [
        ("contacts", *(f"{one.entries.value:,}".rjust(12) for one in reports)),
        *(
            (f"passed {stage}", *(_compared(found.get(stage)) for found in passed))
            for stage in stages
        ),
        ("won", *(_compared(one.win_rates.won) for one in reports)),
        ("lost", *(_compared(one.win_rates.lost) for one in reports)),
        ("won of won and lost", *(share_of(one.win_rates.narrow) for one in reports)),
        ("days to won, median", *(days(one.win_rates.cycle.median_days) for one in reports)),
    ]
    heads = ("", *(f"{one.funnel}, version {one.version}" for one in reports))
    return page.grid(rows, heads=heads)


def _compared(number: Number | None) -> Text:
    if number is None:
        return dim("-".rjust(12))
    share = "" if number.is_small or number.share is None else f"{number.share:.1%}"
    return f"{number.value:,}".rjust(12) + share.rjust(8)


def _head(report: Report, page: Page) -> list[Line]:
    """Draw what the report is about."""
    known = "" if report.known_at is None else ", as it was known then"
    gone = f", {report.erased:,} erased since" if report.erased else ""
    said = (
        f"{counted(report.entries.value, 'contact')} at {report.at:%Y-%m-%d %H:%M} UTC{known}{gone}"
    )
    return [
        *page.flow(line(strong(report.funnel), dim(f"  {report.title}"))),
        line(f"{said}; days and {report.period}s of {report.zone}"),
    ]


def stage_lines(stages: Sequence[StageCount], page: Page) -> list[Line]:
    """Draw how many contacts are in each stage, as bars, and how many more than before."""
    most = max((one.now.value for one in stages), default=0) or 1
    space = max(8, min(BAR, page.width - 56))
    rows = (
        (
            page.cut("  " * one.depth + one.stage.rpartition(".")[2], _WIDE),
            _count(one.now),
            share_of(one.now),
            f"{one.now.value - one.before.value:+,}".rjust(8),
            TextSpan(bar(one.now.value, most, space), _LOOKS.get(one.type, "")),
        )
        for one in stages
    )
    heads = ("stage", _right("contacts", 9), _right("share", 6), _right("period", 8))
    return page.grid(rows, heads=heads, indent=2)


def conversion_lines(steps: Sequence[ConversionStep], page: Page) -> list[Line]:
    """Draw how many contacts came to each step, and the other ways of counting that differ."""
    ways = [
        (name, title)
        for name, title in _WAYS
        if any(getattr(one, name).value != one.passed.value for one in steps)
    ]
    rows = (
        (
            page.cut(one.stage, 16),
            _count(one.passed, 7),
            share_of(one.from_before),
            share_of(one.passed),
            *(_count(getattr(one, name), len(title)) for name, title in ways),
        )
        for one in steps
    )
    heads = ("step", _right("passed", 7), "of step before", "of all", *(t for _, t in ways))
    early = (
        line(f"  {one.negative.value:,} came to {one.stage} before the step before it")
        for one in steps
        if one.negative.value
    )
    return [*page.grid(rows, heads=heads, indent=2), *early]


def _cohort_title(table: Cohorts) -> str:
    return f"By the {table.by} of entry" if table.is_period else f"By {table.by}"


def cohort_lines(table: Cohorts, page: Page) -> list[Line]:
    """Draw how many of each cohort passed each step; of periods the latest ones."""
    rows = table.rows[-SHOWN_PERIODS:] if table.is_period else table.rows
    drawn = (
        (
            page.cut(one.label or "(unknown)", _WIDE),
            _count(one.entered, 7),
            *(_of_cohort(number) for number in one.passed[1:]),
        )
        for one in rows
    )
    steps = (_right(page.cut(step, 9), 9) for step in table.steps[1:])
    return page.grid(drawn, heads=("", _right("entered", 7), *steps), indent=2)


def _of_cohort(number: Number) -> Text:
    """Return the share of a cohort; its count where that is small."""
    if number.is_small:
        return dim(f"{number.value:,}".rjust(9))
    return f"{number.share or 0:.0%}".rjust(9)


def trend_lines(periods: Sequence[TrendPeriod], page: Page) -> list[Line]:
    """Draw what happened in the latest periods, each compared with the one before."""
    rows = (
        (
            one.label if one.is_complete else f"{one.label} so far",
            *_changed(one.entered, None if was is None else was.entered),
            *_changed(one.won, None if was is None else was.won),
            *_changed(one.lost, None if was is None else was.lost),
        )
        for was, one in list(pairwise([None, *periods]))[-SHOWN_PERIODS:]
        if one is not None
    )
    heads = ("", _right("entered", 8), "", _right("won", 8), "", _right("lost", 8), "")
    return page.grid(rows, heads=heads, indent=2)


def _changed(number: Number, was: Number | None) -> tuple[Text, Text]:
    change = "" if was is None else f"{number.value - was.value:+,}"
    return f"{number.value:,}".rjust(8), dim(change)


def time_lines(times: Iterable[StageTime], page: Page) -> list[Line]:
    """Draw how long contacts were in each stage, the latest time and all together."""
    rows = [
        (
            page.cut(one.stage, _WIDE),
            f"{one.latest.count:,}".rjust(7),
            *days_of(one.latest),
            days(one.cumulative.median_days),
        )
        for one in times
        if one.latest.count
    ]
    quantiles = (_right(head, 7) for head in ("25 %", "median", "75 %", "90 %"))
    return page.grid(
        rows, heads=("stage", _right("left", 7), *quantiles, _right("in all", 7)), indent=2
    )


def win_lines(rates: WinRates, survival: Survival, page: Page) -> list[Line]:
    """Draw what became of contacts, how fast, why they are lost and where they come from."""
    named: dict[str, Text] = {
        "open": f"{rates.open.value:,}",
        "won": f"{rates.won.value:,}",
        "lost": f"{rates.lost.value:,}",
        "won of won and lost": share_of(rates.narrow),
        "won of all": share_of(rates.won),
        "days to won, median": days(rates.cycle.median_days).strip(),
    }
    if rates.velocity is not None:
        named["won a day"] = f"{rates.velocity:,.2f}"
    if rates.value_velocity is not None:
        named["value a day"] = f"{rates.value_velocity:,.2f}"
    if survival.won:
        named["won within"] = ", ".join(_curve(survival))
    lines = page.named(named, indent=2)
    for title, values in (("lost because", rates.lost_reasons), ("from", rates.sources)):
        lines += _values(title, values, page)
    return lines


def _curve(survival: Survival) -> Iterator[str]:
    """Yield which share is won by some days, with the interval."""
    moments = [point.days for point in survival.points]
    for limit in _CURVE:
        if limit <= survival.longest_days:
            point = survival.points[bisect_right(moments, limit) - 1]
            yield f"{limit} days {point.share:.0%} ({point.low:.0%} to {point.high:.0%})"


def _values(title: str, values: Sequence[CommonValue], page: Page) -> list[Line]:
    rows = [
        (page.cut(one.label or "(unknown)", 30), _count(one.count, 6), share_of(one.count))
        for one in values[:SHOWN]
    ]
    titles = [title, *[""] * len(rows)]
    return page.grid(((dim(t), *row) for t, row in zip(titles, rows, strict=False)), indent=2)


def ageing_lines(found: Iterable[Ageing], page: Page) -> list[Line]:
    """Draw who is in a stage for too long."""
    rows = [
        (
            page.cut(one.stage, _WIDE),
            f"{one.aged.value:,} of {one.aged.of:,}",
            f"over {one.limit_days:,.1f} days",
            dim("rotting_after" if one.by == "rotting_after" else "90 % went on by then"),
        )
        for one in found
        if one.limit_days is not None and one.aged.value
    ]
    return page.grid(rows, indent=2)


def blocker_lines(blockers: Iterable[Blocker], page: Page) -> list[Line]:
    """Draw which criteria are in the way of the transitions at which most contacts wait."""
    lines: list[Line] = []
    forward = [one for one in blockers if one.is_forward and one.waiting.value > one.ready.value]
    for one in sorted(forward, key=lambda one: one.ready.value - one.waiting.value)[:SHOWN]:
        refused = f", {one.refused.value:,} moves refused" if one.refused.value else ""
        waits = f"{one.waiting.value:,} wait, {one.ready.value:,} of them ready{refused}"
        lines += page.flow(line("  ", strong(_way(one)), dim(f"  {waits}")))
        rows = [
            (
                page.cut(criterion.label, 34),
                _share_in(criterion.unmet, "not met"),
                _share_in(criterion.unknown, "unknown"),
            )
            for criterion in one.criteria[:SHOWN]
            if criterion.unmet.value or criterion.unknown.value
        ]
        lines += page.grid(rows, indent=4)
    return lines


def _share_in(number: Number, what: str) -> Text:
    if not number.value:
        return ""
    if number.is_small:
        return dim(f"{number.value} {what}")
    return f"{number.share:.0%} {what}".rjust(12)


def _way(one: Blocker) -> str:
    return f"{', '.join(one.sources)} → {one.to}"


def question_lines(blockers: Iterable[Blocker], page: Page) -> list[Line]:
    """Draw the smallest sets of questions that could open most."""
    found = [(one, way) for way in blockers if way.is_forward for one in way.questions]
    found.sort(key=lambda pair: (-pair[0].opens.value, len(pair[0].fields)))
    rows = [
        (
            f"{one.opens.value:,}".rjust(6),
            " + ".join(one.fields),
            dim(f"to {way.to}"),
        )
        for one, way in found[:SHOWN]
    ]
    return page.grid(rows, heads=(_right("could", 6), "if these were known", ""), indent=2)


def back_lines(flow: Flow, recycling: Recycling, page: Page) -> list[Line]:
    """Draw what went back, and who forced moves."""
    back = [one for one in flow.moves if one.is_backward]
    rows: list[Sequence[Text]] = [
        (f"{one.moves.value:,}".rjust(7), f"{one.source} → {one.to}")
        for one in sorted(back, key=lambda one: -one.moves.value)[:SHOWN]
    ]
    if recycling.recycled.value:
        rows.append((f"{recycling.recycled.value:,}".rjust(7), "contacts out of a lost stage"))
    rows += [
        (f"{one.value:,}".rjust(7), f"forced by {one.name.partition('/')[2] or '(nobody named)'}")
        for one in recycling.forced[:SHOWN]
    ]
    return page.grid(rows, indent=2)


def restatement_lines(found: RestatementCounts, report: Report, page: Page) -> list[Line]:
    """Draw how much was said too early; nothing where nothing was."""
    start = f"when this {report.period} began ({found.period_start:%Y-%m-%d %H:%M} UTC)"
    late = f"of {found.late_rows.value:,} late pieces of evidence changed an answer"
    rows = (
        (found.changing_rows, late),
        (found.stood_elsewhere, f"contacts were said to be elsewhere {start}"),
        (found.not_known_then, f"contacts were not known yet {start}"),
    )
    drawn = ((f"{number.value:,}".rjust(7), words) for number, words in rows if number.value)
    return page.grid(drawn, indent=2)


def plugin_lines(found: Iterable[PluginNumber], page: Page) -> list[Line]:
    """Draw what plugins add."""
    rows = [
        (
            one.title,
            dim(one.problem) if one.problem else "" if one.value is None else f"{one.value:,.10g}",
            one.unit,
            dim(f"{one.name}, plugin {one.plugin}"),
        )
        for one in found
    ]
    return page.grid(rows, indent=2)


def days_of(lengths: Lengths) -> tuple[str, str, str, str]:
    """Return the quantiles of lengths of time, in days."""
    return (
        days(lengths.quartile_1_days),
        days(lengths.median_days),
        days(lengths.quartile_3_days),
        days(lengths.p90_days),
    )


def days(value: float | None) -> str:
    """Return a length of time in days."""
    return "" if value is None else f"{value:,.1f}".rjust(7)


def share_of(number: Number) -> Text:
    """Return a share as people read it; of few it is marked."""
    if number.share is None:
        return ""
    if number.is_small:
        return dim(f"{number.value} of {number.of} (small)")
    return f"{number.share:.1%}".rjust(6)


def _count(number: Number, width: int = 9) -> str:
    return f"{number.value:,}".rjust(width)


def _right(text: str, width: int) -> str:
    return text.rjust(width)


def bar(count: int, most: int, space: int) -> str:
    """Draw a bar; one that would vanish is drawn half as wide as the narrowest."""
    return "█" * round(space * count / most) or ("▌" if count else "")
