"""``funnelflow history``: what happened and was decided."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import click

from funnelflow.cli.contacts import restated_words
from funnelflow.cli.listing import csv_cell, write_csv
from funnelflow.cli.options import (
    AT,
    KNOWN_AT,
    as_json,
    command,
    complete_contact,
    complete_event,
    funnel_of,
    known_at_of,
    moment_of,
    since_of,
)
from funnelflow.cli.output import note, note_merged, page_for, say, write_json
from funnelflow.cli.session import current
from funnelflow.cli.text import Line, Look, Page, Text, TextSpan, dim, line, moment, stack
from funnelflow.engine import Verb
from funnelflow.errors import UsageError
from funnelflow.storage.contacts import HistoryRow

_LOOKS: Final[dict[Verb, Look]] = {"moved": "good", "stayed": "dim", "refused": "bad"}


def history_lines(
    rows: Sequence[HistoryRow], page: Page, *, with_contact: bool = True
) -> list[Line]:
    """Draw rows of the history: a table, or where that is too wide a line with its details.

    Args:
        rows: In the order they are shown.
        page: What they are drawn on.
        with_contact: Name the contact of each row; left out for the story of one.
    """
    if not rows:
        return []
    names = [row.contact_id if with_contact else "" for row in rows]
    table = _table(rows, names, page)
    widest = max(sum(page.columns(span.text) for span in one) for one in table)
    too_wide = page.terminal and widest > page.width
    return _stacked(rows, names, page) if too_wide else table


def typed(facts: Mapping[str, Any]) -> str:
    """Write facts as they are typed on the command line: ``budget=5000 fits_profile=yes``."""
    return " ".join(f"{name}={_typed_value(value)}" for name, value in facts.items())


def what_happened(row: HistoryRow) -> tuple[Text, ...]:
    """Return the cells of a row that tell the story: event, facts, stages and outcome."""
    reason = f": {_reason(row)}" if _reason(row) else ""
    verb = _verb(row)
    return _event(row), typed(row.facts), _stage(row), TextSpan(verb.text + reason, verb.look)


def _table(rows: Sequence[HistoryRow], names: Sequence[str], page: Page) -> list[Line]:
    """Draw a line for each row, whatever its length."""
    heads = ["time", "contact", "row", "event", "facts", "by", "stage", "outcome"]
    shown: list[Sequence[Text]] = []
    if not any(names):
        heads.remove("contact")
    for row, name in zip(rows, names, strict=True):
        event, facts, *became = what_happened(row)
        who = [name] if any(names) else []
        shown.append((_when(row), *who, _number(row), event, facts, dim(_who(row)), *became))
    return page.grid(shown, heads=heads, wrapped=False)


def _stacked(rows: Sequence[HistoryRow], names: Sequence[str], page: Page) -> list[Line]:
    """Draw what happened and what came of it in one line, the details below it."""
    told: list[Sequence[Text]] = [
        (_when(row), *([name] if name else []), _number(row), _event(row), _stage(row), _verb(row))
        for row, name in zip(rows, names, strict=True)
    ]
    heads = page.grid(told, wrapped=False)
    return stack((head, *_details(row, page)) for row, head in zip(rows, heads, strict=True))


def _details(row: HistoryRow, page: Page) -> list[Line]:
    """Say who told what, and for a refusal which criteria were in the way."""
    said = [f"by {_who(row)}: {typed(row.facts)}" if row.facts else "", _reason(row)]
    return stack(page.paragraph(text, indent=4) for text in said)


def _who(row: HistoryRow) -> str:
    """Return who did it, and who recorded it if that is somebody else."""
    return row.actor if row.recorder == row.actor else f"{row.actor} (recorded by {row.recorder})"


def _when(row: HistoryRow) -> TextSpan:
    return dim(moment(row.at))


def _number(row: HistoryRow) -> TextSpan:
    return dim(str(row.sequence))


def _event(row: HistoryRow) -> str:
    forced = f" by force: {row.reason}" if row.force else ""
    if row.about:
        about = f"{row.event} {', '.join(map(str, row.about))}"
        return f"{about}: {row.reason}" if row.reason else about
    return f"{row.event} {row.to_stage}".strip() + forced


def _stage(row: HistoryRow) -> str:
    if row.before == row.after:
        return row.after
    if row.restated is not None and not row.path:
        return f"{row.before} → {'nowhere' if row.restated.entered is None else row.after}"
    return " → ".join([row.before, *(taken.to for taken in row.path)])


def _verb(row: HistoryRow) -> TextSpan:
    if row.voided_by is not None:
        return TextSpan(f"voided by row {row.voided_by}, was {row.outcome}", "dim")
    return TextSpan(row.outcome, _LOOKS[row.outcome])


def _reason(row: HistoryRow) -> str:
    """Name what refused a move, which plugins were against it or failed, what was restated."""
    vetoed = [f"plugin {veto.plugin} was against it: {veto.reason}" for veto in row.vetoes]
    vetoed += [answer.failed() for answer in row.answers if answer.failure]
    if row.restated is not None:
        vetoed.append(restated_words(row.restated))
    if row.outcome != "refused":
        return "; ".join(vetoed)
    own = {f"Plugin {veto.plugin}" for veto in row.vetoes}
    unmet = [label for label, _ in row.unmet if label not in own]
    return "; ".join([*unmet, *vetoed]) or "no transition leads there"


def _typed_value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ",".join(_typed_value(item) for item in value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


_HEADS: Final = [
    *("id", "at", "contact", "row", "event", "facts", "actor", "recorded_by", "recorded_at"),
    *("before", "after", "outcome", "why", "run", "voided_by"),
]


def _cells(row: HistoryRow) -> list[str]:
    """Return a row of the history as cells of CSV; times are in UTC, as data has them."""
    who = (row.actor, row.recorder, row.recorded_at)
    became = (row.before, row.after, row.outcome, _reason(row), row.run, row.voided_by)
    told = (row.id, row.at, row.contact_id, row.sequence, _event(row), typed(row.facts))
    return [csv_cell(cell) for cell in (*told, *who, *became)]


@command(
    "history",
    "funnelflow history ada",
    "funnelflow history ada --at 2026-03-02T00:00:00Z",
    "funnelflow history --since yesterday --newest",
    "funnelflow history --outcome refused --limit 20",
    "funnelflow history --event form_submitted --since 2026-03-01T00:00:00Z --json",
)
@click.argument("contact", required=False, shell_complete=complete_contact)
@click.option("--event", metavar="NAME", shell_complete=complete_event, help="Only this event.")
@click.option(
    "--outcome", type=click.Choice(["moved", "stayed", "refused"]), help="Only this outcome."
)
@click.option("--actor", metavar="NAME", help="Only what this actor did.")
@click.option(
    "--since",
    metavar="TIME",
    help="Only what happened at this time or later: 2026-11-25, yesterday, 7d.",
)
@click.option("--until", metavar="TIME", help="Only what happened before this time.")
@click.option("--newest", is_flag=True, help="The newest first.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=100, show_default=True, help="Rows at most."
)
@click.option("--after", type=int, metavar="ID", help="Go on behind the row of this id.")
@funnel_of("What was answered in this funnel, if not in the contacts' first.")
@AT
@KNOWN_AT
@click.option("--as-known", is_flag=True, help="In the order in which it became known.")
@click.option("--csv", "as_csv", is_flag=True, help="Answer as CSV, for a spreadsheet.")
@as_json
def history(  # an option each
    contact: str | None,
    since: str | None,
    until: str | None,
    at: str | None,
    known_at: str | None,
    *,
    as_known: bool,
    as_csv: bool,
    **filters: Any,
) -> int:
    """Show what happened and was decided.

    The story of one CONTACT comes in the order in which it happened, or with --as-known in
    that in which it became known; the history of everybody always in the latter. Each row says
    what was answered when it arrived; one that arrived late says what it changed. Refused moves
    are kept too, with the criteria that were in the way. With --at each row of one CONTACT says
    what became of it as is known today, and what time did by then stands below.
    """
    if as_known and at is not None:
        raise UsageError(
            "--at tells what happened, --as-known what was answered", hint="take one of them"
        )
    session = current()
    if as_csv and session.json:
        raise UsageError("--csv and --json exclude each other")
    with session.open() as workspace:
        page = workspace.history(
            contact,
            since=since_of(since, workspace, "--since"),
            until=since_of(until, workspace, "--until"),
            at=moment_of(at, workspace),
            known_at=known_at_of(known_at, workspace),
            by_time=contact is not None and not as_known,
            **filters,
        )
    if session.json:
        write_json(page.to_json())
        return 0
    if contact is not None and page.contact_id is not None:
        note_merged(contact, page.contact_id)
    if as_csv:
        write_csv([_HEADS, *map(_cells, page.rows)])
    else:
        is_of_several = any(row.contact_id != contact for row in page.rows)
        say(history_lines(page.rows, page_for(sys.stdout), with_contact=is_of_several))
        if page.passed:
            by = moment(page.passed[-1].at) if page.passed[-1].at is not None else ""
            stages = " → ".join([page.passed[0].source, *(taken.to for taken in page.passed)])
            say([line("by time alone since then: ", stages, dim(f", last at {by}"))])
    if not page.rows:
        note("nothing in the history fits")
    if page.after is not None:
        note(f"there is more: the same command with --after {page.after} goes on")
    return 0
