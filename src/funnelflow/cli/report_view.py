"""How a report is drawn in a terminal: tables and bars."""

from collections.abc import Iterable, Sequence
from typing import Final

from funnelflow.cli.text import Line, Look, Page, Text, TextSpan, dim, line, section, strong
from funnelflow.report.records import ConversionStep, Lengths, Number, StageCount, StageTime
from funnelflow.report.sections import Report

_LOOKS: Final[dict[str, Look]] = {"won": "good", "lost": "bad"}
BAR: Final = 30


def report_lines(report: Report, page: Page) -> list[Line]:
    """Draw a report."""
    return [
        line(strong(report.funnel), dim(f"  {report.title}")),
        line(f"{report.entries.value:,} contacts, {report.at:%Y-%m-%d %H:%M} UTC"),
        *section("Where they are", stage_lines(report.stages, page)),
        *section("How far they came", conversion_lines(report.conversion, page)),
        *section("How long they stay", time_lines(report.time_in_stage, page)),
    ]


def stage_lines(stages: Sequence[StageCount], page: Page) -> list[Line]:
    """Draw how many contacts are in each stage, as bars."""
    most = max((one.now.value for one in stages), default=0) or 1
    space = max(10, min(BAR, page.width - 45))
    rows = (
        (
            "  " * one.depth + one.stage.rpartition(".")[2],
            f"{one.now.value:,}".rjust(9),
            share_of(one.now),
            TextSpan(bar(one.now.value, most, space), _LOOKS.get(one.type, "")),
        )
        for one in stages
    )
    return page.grid(rows, heads=("stage", "contacts".rjust(9), "share"), indent=2)


def conversion_lines(steps: Sequence[ConversionStep], page: Page) -> list[Line]:
    """Draw how many contacts came to each step; the ways of counting where they differ."""
    ways: list[tuple[str, str]] = [("passed", "passed")]
    if any(one.differs for one in steps):
        ways += [("touched", "touched"), ("any_order", "any order"), ("in_order", "in order")]
    rows = (
        (
            one.stage,
            *(f"{getattr(one, name).value:,}".rjust(len(title)) for name, title in ways),
            share_of(one.from_before),
            share_of(one.passed),
        )
        for one in steps
    )
    heads = ("step", *(title for _, title in ways), "of the step before", "of all")
    return page.grid(rows, heads=heads, indent=2)


def time_lines(times: Iterable[StageTime], page: Page) -> list[Line]:
    """Draw how long contacts are in each stage, in days."""
    rows = [
        (one.stage, f"{one.latest.count:,}".rjust(5), *days_of(one.latest))
        for one in times
        if one.latest.count
    ]
    heads = ("stage", " left", "25 %", "median", "75 %", "90 %")
    return page.grid(rows, heads=heads, indent=2)


def days_of(lengths: Lengths) -> tuple[str, str, str, str]:
    """Return the quantiles of lengths of time, in days."""
    return (
        _days(lengths.quartile_1_days),
        _days(lengths.median_days),
        _days(lengths.quartile_3_days),
        _days(lengths.p90_days),
    )


def _days(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.1f} d".rjust(8)


def share_of(number: Number) -> Text:
    """Return a share as people read it; of few it is marked."""
    if number.share is None:
        return ""
    text = f"{number.share:.1%}".rjust(6)
    return dim(f"{text} of {number.of} (small)") if number.is_small else text


def bar(count: int, most: int, space: int) -> str:
    """Draw a bar; one that would vanish is drawn half as wide as the narrowest."""
    return "█" * round(space * count / most) or ("▌" if count else "")
