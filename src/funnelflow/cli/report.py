"""``funnelflow report``: the numbers of a funnel, in the terminal, as JSON and as CSV."""

from typing import Any

import click

from funnelflow.cli.drawing import DRAWING, draw_reports
from funnelflow.cli.options import (
    AT,
    KNOWN_AT,
    as_json,
    command,
    funnel_of,
    known_at_of,
    moment_of,
)
from funnelflow.cli.report_view import report_lines
from funnelflow.cli.session import answer, current
from funnelflow.cli.text import stack


@command(
    "report",
    "funnelflow report",
    "funnelflow report --at 2026-06-30 --period quarter --by source",
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
@AT
@KNOWN_AT
@DRAWING
@as_json
def report(at: str | None, known_at: str | None, **asked: Any) -> int:
    """Count the funnel: how many, how far, how fast, and what is in the way.

    Every number has a name. A share of fewer than 20 is marked as small.
    """
    drawing = {name: asked.pop(name) for name in ("html", "svg", "force")}
    with current().open() as workspace:
        reports = workspace.report(
            at=moment_of(at, workspace), known_at=known_at_of(known_at, workspace), **asked
        )
        definitions = {one.funnel: workspace.linked(one.funnel) for one in reports}
    period = None if asked["period"] == "month" else asked["period"]
    options = {"at": at, "known-at": known_at, **asked, "period": period, "funnel": None}
    is_drawn = draw_reports(reports, definitions, options=options, **drawing)
    if is_drawn and not current().json:
        return 0
    answer(
        lambda: {"funnels": [one.to_json() for one in reports]},
        lambda page: stack(report_lines(one, page) for one in reports),
    )
    return 0
