"""``funnelflow report``: the numbers of a funnel, in the terminal, as JSON and as CSV."""

import csv
import io
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import click

from funnelflow.cli.drawing import DRAWING, draw_reports
from funnelflow.cli.find import definition_here
from funnelflow.cli.listing import csv_cell
from funnelflow.cli.options import (
    AT,
    KNOWN_AT,
    as_json,
    command,
    funnel_of,
    known_at_of,
    moment_of,
)
from funnelflow.cli.output import page_for, say, say_text, write_json
from funnelflow.cli.report_view import compared_lines, report_lines, summary_lines
from funnelflow.cli.session import answer, current
from funnelflow.cli.text import Line, Page, Text, dim, line, moment, stack, strong
from funnelflow.engine import Funnel
from funnelflow.errors import UsageError
from funnelflow.report import Lengths, Number, NumberDefinition, Report
from funnelflow.report.explaining import definition_of, number_definitions
from funnelflow.workspace.workspace import Workspace

WATCH_SECONDS = 5.0

_HEADS = ("funnel", "number", "value", "of", "share", "small")
_DAYS = ("quartile_1_days", "median_days", "quartile_3_days", "p90_days")


@command(
    "report",
    "funnelflow report",
    "funnelflow report --at 2026-06-30T00:00:00Z --period quarter --by authority",
    "funnelflow report --explain passed",
    "funnelflow report --who stage/lead --csv",
    "funnelflow report --compare standard dialogue",
    "funnelflow report --html report.html",
    "funnelflow report --svg pictures/",
)
@funnel_of("Only this funnel.")
@click.option(
    "--period",
    type=click.Choice(["day", "week", "month", "quarter"]),
    default="month",
    show_default=True,
    help="How long the periods are, in the workspace's zone.",
)
@click.option("--by", metavar="FIELD", default="", help="Split conversion by this field as well.")
@click.option("--value", metavar="FIELD", default="", help="The field that says what one is worth.")
@click.option(
    "--compare",
    nargs=2,
    metavar="A B",
    help="The same evidence under two definitions, side by side.",
)
@click.option("--watch", is_flag=True, help="Draw it again every five seconds.")
@click.option("--explain", metavar="NUMBER", help="Say what a number means; 'all' for every one.")
@click.option("--who", metavar="NUMBER", help="List the contacts that a number counts.")
@AT
@KNOWN_AT
@DRAWING
@click.option("--csv", "as_csv", is_flag=True, help="Answer as CSV, a number a line.")
@as_json
def report(
    at: str | None,
    known_at: str | None,
    explain: str | None,
    who: str | None,
    compare: tuple[str, str] | None,
    *,
    as_csv: bool,
    watch: bool,
    **asked: Any,
) -> int:
    """Count the funnel, and say what is in the way.

    How many contacts are where, how far they came, how fast, what blocks them
    and what to ask. Every number has a name: `--explain` says what it means,
    and `--who` lists exactly the contacts that it counts. A share of fewer
    than 20 is marked as small. Times are in days.
    """
    if as_csv and current().json:
        raise UsageError("--csv and --json exclude each other")
    if explain is not None:
        return _explain(explain)
    drawing = {name: asked.pop(name) for name in ("html", "svg", "force")}
    if (drawing["html"] or drawing["svg"]) and (who or compare or watch):
        reason = "--html and --svg draw a report, not what --who, --compare and --watch say"
        raise UsageError(reason, hint="funnelflow report --html report.html")
    options = _options(at, known_at, asked)
    with current().open() as workspace:
        asked |= {"at": moment_of(at, workspace), "known_at": known_at_of(known_at, workspace)}
        if who is not None:
            return _list(workspace.counted(who, **asked), as_csv=as_csv)
        if compare is not None:
            del asked["funnel"]
            return _compare(workspace, compare, asked)
        if watch:
            return _watch(workspace, asked)
        reports = workspace.report(**asked)
        definitions = {one.funnel: workspace.linked(one.funnel) for one in reports}
    is_drawn = draw_reports(reports, definitions, options=options, **drawing)
    if as_csv:
        write_csv(chain([[*_HEADS, *_DAYS]], _number_rows(reports)))
    elif current().json or not is_drawn:
        answer(
            lambda: {"funnels": [one.to_json() for one in reports]},
            lambda page: stack((report_lines(one, page) for one in reports), spaced=True)[1:],
        )
    return 0


def _compare(workspace: Workspace, names: tuple[str, str], asked: dict[str, Any]) -> int:
    """Write what two definitions report of the same evidence."""
    session = current()
    linked = [definition_here(name, session) for name in names]
    reports = workspace.report_by(*map(Funnel, linked), **asked)
    answer(
        lambda: {"compared": [one.to_json() for one in reports]},
        lambda page: compared_lines(reports, page),
    )
    return 0


def _watch(workspace: Workspace, asked: dict[str, Any]) -> int:
    """Draw the report again and again, until somebody interrupts it.

    Raises:
        UsageError: Nobody is looking.
    """
    if not page_for(sys.stdout).terminal or current().json:
        raise UsageError("--watch draws on a terminal, and this is none", hint="leave it out")
    while True:
        reports = workspace.report(**asked)
        click.clear()
        page = page_for(sys.stdout)
        say(stack(summary_lines(one, page) for one in reports))
        time.sleep(WATCH_SECONDS)


def _options(at: str | None, known_at: str | None, asked: dict[str, Any]) -> dict[str, str | None]:
    """Return what was asked for, as it is typed, by the name of the option."""
    period = None if asked["period"] == "month" else asked["period"]
    return {"at": at, "known-at": known_at, "period": period, "by": asked["by"]}


def _explain(name: str) -> int:
    """Write what a number means, or every one."""
    offered = current().host.numbers if name == "all" or name.startswith("plugin/") else {}
    extra = {
        f"plugin/{one.name}": NumberDefinition(
            f"plugin/{one.name}", one.title or one.name, one.definition
        )
        for one in offered.values()
    }
    found = (*number_definitions(), *extra.values())
    if name != "all":
        found = (extra.get(name) or definition_of(name),)
    answer(
        lambda: [one.to_json() for one in found],
        lambda page: stack((explained(one, page) for one in found), spaced=True)[1:],
    )
    return 0


def explained(one: NumberDefinition, page: Page) -> list[Line]:
    """Draw what a number means."""
    return [
        line(strong(one.title), dim(f"  {one.pattern}")),
        *page.paragraph(one.text, indent=2),
    ]


def _list(found: Iterable[Any], *, as_csv: bool) -> int:
    """Write the contacts that a number counts."""
    if current().json:
        write_json([one.to_json() for one in found])
        return 0
    heads = ("contact", "funnel", "stage", "since", "times")
    if as_csv:
        write_csv(chain([heads], ([csv_cell(value) for value in one] for one in found)))
        return 0
    rows: list[Sequence[Text]] = [
        (one.contact, one.funnel, strong(one.stage), moment(one.since), f"{one.times:,}")
        for one in found
    ]
    say(page_for(sys.stdout).grid(rows, heads=heads))
    return 0


def _number_rows(reports: Iterable[Report]) -> Iterator[list[str]]:
    """Yield every number of reports as a row, each once."""
    for one in reports:
        for number in {number.name: number for number in one.numbers()}.values():
            yield [csv_cell(one.funnel), csv_cell(number.name), *_cells(number)]


def _cells(number: Number | Lengths) -> list[str]:
    if isinstance(number, Number):
        small = "small" if number.is_small else ""
        return [csv_cell(v) for v in (number.value, number.of, number.share)] + [small, *[""] * 4]
    return [str(number.count), "", "", "", *(csv_cell(getattr(number, name)) for name in _DAYS)]


def write_csv(rows: Iterable[Sequence[str]]) -> None:
    """Write rows of CSV as they come."""
    terminal = page_for(sys.stdout).terminal
    for row in rows:
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerow(row)
        if terminal:
            say_text(out.getvalue())
        else:
            click.echo(out.getvalue(), nl=False)
