"""``funnelflow todo``: who needs somebody today, why, and what to do first."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final

import click

from funnelflow.cli.listing import csv_cell
from funnelflow.cli.options import as_json, command, funnel_of
from funnelflow.cli.report import write_csv
from funnelflow.cli.session import answer, current
from funnelflow.cli.text import Line, Page, Text, dim, line, section, strong
from funnelflow.errors import UsageError
from funnelflow.report.todo import TODO_REASONS, TodoItem, TodoReason

TITLES: Final[dict[TodoReason, str]] = {
    "due": "Due: time moves them on today",
    "rotting": "For too long where they are",
    "answered": "They spoke last",
    "question": "One question from the next stage",
}
COLUMNS: Final = (
    *("reason", "contact", "funnel", "stage", "since", "owner", "due_at", "over_days"),
    *("answered_at", "question", "ask", "opens", "playbook"),
)


@command(
    "todo",
    "funnelflow todo",
    "funnelflow todo --owner marketing --limit 20",
    "funnelflow todo --why question --csv",
)
@funnel_of("Only this funnel.")
@click.option("--owner", metavar="NAME", help="Only whom this person or team looks after.")
@click.option("--why", type=click.Choice(TODO_REASONS), help="Only for this reason.")
@click.option("--limit", type=click.IntRange(min=1), help="Contacts at most.")
@click.option("--csv", "as_csv", is_flag=True, help="Answer as CSV, for a spreadsheet.")
@as_json
def todo(
    funnel: str | None, owner: str | None, why: str | None, limit: int | None, *, as_csv: bool
) -> int:
    """Say who needs somebody today, and why.

    First those whom time moves on before the day is over, then those who are
    too long where they are (`rotting_after` of the stage, or longer than 90 %
    of those who went on), then those who spoke last, then those of whom one
    answer could open the way to a later stage; each with the first line of
    the playbook, or the question to ask.
    """
    if as_csv and current().json:
        raise UsageError("--csv and --json exclude each other")
    with current().open() as workspace:
        found = [
            item
            for item in workspace.todo(funnel)
            if owner in {None, item.owner} and (why is None or why in item.reasons)
        ]
    shown = found[:limit]
    if as_csv:
        write_csv([COLUMNS, *([csv_cell(getattr(one, c)) for c in COLUMNS] for one in shown)])
    else:
        answer(
            lambda: [one.to_json() for one in shown],
            lambda page: todo_lines(shown, page, left=len(found) - len(shown)),
        )
    return 0


def todo_lines(items: Sequence[TodoItem], page: Page, *, left: int = 0) -> list[Line]:
    """Draw what is to be done, by reason.

    Args:
        items: What is to be done, the most urgent first.
        page: What it is drawn on.
        left: How many more there are.
    """
    lines: list[Line] = []
    for reason, of_reason in groupby(items, lambda item: item.reason):
        some = list(of_reason)
        lines += section(f"{TITLES[reason]} ({len(some):,})", _rows(some, page))
    more = [(), line(dim(f"{left:,} more"))] if left else []
    return [*lines[1:], *more] if lines else [line("nobody needs anybody today")]


def _rows(items: Iterable[TodoItem], page: Page) -> list[Line]:
    rows = (
        (strong(one.contact), one.stage, dim(one.owner), _why(one), _what(one)) for one in items
    )
    return page.grid(rows, indent=2)


def _why(item: TodoItem) -> Text:
    """Return the reason with its time."""
    if item.reason == "due" and item.due_at is not None:
        return f"{item.due_at:%H:%M} UTC"
    if item.reason == "rotting":
        return f"{item.over_days:,.1f} days over"
    if item.reason == "answered" and item.answered_at is not None:
        return f"{item.answered_at:%Y-%m-%d}"
    return f"to {item.opens}"


def _what(item: TodoItem) -> Text:
    """Return what to do: ask, where that could open the way, else what the playbook says."""
    if item.question:
        return item.ask or f"ask for {item.question}"
    return item.playbook
