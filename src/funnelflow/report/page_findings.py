"""The parts of a page about what is in the way, what went back and what was said too early."""

from collections.abc import Iterator, Sequence
from typing import Final

from funnelflow.report.bar_charts import blocker_picture
from funnelflow.report.markup import shortened
from funnelflow.report.number_words import days_words
from funnelflow.report.page_cells import (
    PageCell,
    PageRow,
    PageSection,
    PageTable,
    count_cell,
    figure_cell,
    plain_cell,
    text_cell,
)
from funnelflow.report.sections import Blocker, Report

MOST_DRAWN: Final = 3
"""Of how many transitions the criteria that are in the way are drawn."""


def ageing_section(report: Report) -> PageSection:
    """Return who is in a stage for too long."""
    sources = {"rotting_after": "the definition", "p90": "nine of ten who went forward", "": "-"}
    rows = tuple(
        (
            text_cell(one.title),
            figure_cell(days_words(one.limit_days)),
            PageCell(sources.get(one.by, one.by)),
            count_cell(one.aged),
            figure_cell(days_words(one.ages.median_days), one.ages.name),
            figure_cell(days_words(one.ages.most_days)),
        )
        for one in report.ageing
    )
    heads = ("stage", "too long from", "says", "too long in it", "median so far", "longest so far")
    return PageSection(
        "ageing",
        "Too long in a stage",
        "Who is in an open stage for longer than its definition says; where that says nothing, "
        "for longer than nine of ten were who left it forward.",
        (),
        (PageTable("Ageing by stage", heads, rows),),
    )


def blockers_section(report: Report) -> PageSection:
    """Return what is in the way of each transition, and what to ask."""
    blockers = sorted(report.blockers, key=lambda one: -one.waiting.value)
    drawn = [one for one in blockers if one.is_forward and one.waiting.value and one.criteria]
    drawn = drawn[:MOST_DRAWN]
    tables: list[PageTable] = []
    for blocker in blockers:
        tables += _blocker(blocker)
    refused = (
        (PageCell("refused moves"), count_cell(report.refused)),
        (PageCell("to where no transition leads"), count_cell(report.refused_without_transition)),
    )
    return PageSection(
        "blockers",
        "What blocks the funnel",
        "For each transition, which criteria are in the way of the contacts that wait at it now "
        "and of moves that were refused, and what to ask: the smallest sets of questions, with "
        "how many contacts each could open it for. In the pictures: not met first, then unknown.",
        tuple(blocker_picture(f"blocker-{n}", one) for n, one in enumerate(drawn, start=1)),
        (*tables, PageTable("Refused moves", ("what", "how many"), refused)),
    )


def _blocker(blocker: Blocker) -> Iterator[PageTable]:
    """Yield what is in the way of a transition, and what to ask."""
    label = shortened(blocker.label)
    rows: list[PageRow] = [
        (
            text_cell(one.label),
            count_cell(one.unmet),
            count_cell(one.unknown),
            count_cell(one.refused_unmet),
            count_cell(one.refused_unknown),
        )
        for one in blocker.criteria
    ]
    yield PageTable(
        f"{label}: what is in the way",
        ("criterion", "not met", "unknown", "refused: not met", "refused: unknown"),
        tuple(rows),
    )
    summary: tuple[PageRow, ...] = (
        (PageCell("waiting now"), plain_cell(blocker.waiting)),
        (PageCell("every criterion met"), count_cell(blocker.ready)),
        (PageCell("refused moves"), plain_cell(blocker.refused)),
        *(
            (text_cell(_asked(one.asks, one.fields)), count_cell(one.opens))
            for one in blocker.questions
        ),
    )
    yield PageTable(f"{label}: who waits, and what to ask", ("what", "contacts"), summary)


def _asked(asks: Sequence[str], fields: Sequence[str]) -> str:
    """Return questions that are asked together, or the fields where nobody wrote a question."""
    return " + ".join(ask or name for ask, name in zip(asks, fields, strict=True))


def back_section(report: Report) -> PageSection:
    """Return what went back, and what was forced."""
    recycling = report.recycling
    rows: tuple[PageRow, ...] = (
        (PageCell("came back out of a lost stage"), count_cell(recycling.recycled)),
        (PageCell("went back"), count_cell(recycling.backward)),
        (PageCell("moves back"), plain_cell(recycling.backward_moves)),
    )
    forced = tuple(
        (text_cell(number.name.partition("/")[2]), plain_cell(number))
        for number in recycling.forced
    )
    tables = [PageTable("What went back", ("what", "how many"), rows)]
    if forced:
        tables.append(PageTable("Forced moves, by who forced them", ("who", "moves"), forced))
    return PageSection(
        "back", "Back, and forced", "What went back, and what was forced.", (), tuple(tables)
    )


def restated_section(report: Report) -> PageSection:
    """Return how much was said too early."""
    said = report.restatements
    rows: tuple[PageRow, ...] = (
        (PageCell("evidence that came late"), plain_cell(said.late_rows)),
        (PageCell("late evidence that changed an answer"), count_cell(said.changing_rows)),
        (
            PageCell(f"said to be elsewhere when the {report.period} began"),
            count_cell(said.stood_elsewhere),
        ),
        (PageCell("there, and not known, then"), count_cell(said.not_known_then)),
    )
    return PageSection(
        "restated",
        "Said too early",
        f"How much of what was said before the {report.period} that began on "
        f"{said.period_start:%Y-%m-%d %H:%M} UTC is known otherwise today.",
        (),
        (PageTable("Restatements", ("what", "how many"), rows),),
    )


def plugins_section(report: Report) -> PageSection:
    """Return what plugins add."""
    rows = tuple(
        (
            text_cell(one.title),
            figure_cell(_plugin_value(one.value, one.unit, one.problem), one.name),
            figure_cell(f"{one.counted:,}"),
            text_cell(one.plugin),
        )
        for one in report.plugin_numbers
    )
    return PageSection(
        "plugins",
        "Numbers of plugins",
        "What plugins of the workspace add.",
        (),
        (PageTable("Numbers of plugins", ("number", "value", "contacts", "plugin"), rows),),
        tuple((one.name, one.definition) for one in report.plugin_numbers),
    )


def _plugin_value(value: float | None, unit: str, problem: str) -> str:
    if problem:
        return shortened(f"failed: {problem}")
    return "-" if value is None else shortened(f"{value:,.6g} {unit}".strip())
