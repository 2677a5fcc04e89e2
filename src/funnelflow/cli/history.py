"""``funnelflow history``: what happened and was decided."""

import sys
from typing import Any

import click

from funnelflow.cli.complete import complete_contact, complete_event
from funnelflow.cli.contacts import moment_of
from funnelflow.cli.data import optional_time, taken_data
from funnelflow.cli.options import as_json, command
from funnelflow.cli.output import note, page_for, say, write_json
from funnelflow.cli.render_history import history_lines
from funnelflow.cli.session import current
from funnelflow.store import HistoryRow

__all__ = ["history"]


@command(
    "history",
    "funnelflow history ada",
    "funnelflow history --outcome refused --limit 20",
    "funnelflow history --event form_submitted --since 2026-03-01T00:00:00Z --json",
)
@click.argument("contact", required=False, shell_complete=complete_contact)
@click.option("--event", metavar="NAME", shell_complete=complete_event, help="Only this event.")
@click.option(
    "--outcome", type=click.Choice(["moved", "stayed", "refused"]), help="Only this outcome."
)
@click.option("--actor", metavar="NAME", help="Only what this actor did.")
@click.option("--since", metavar="TIME", help="Only what happened at this time or later.")
@click.option("--until", metavar="TIME", help="Only what happened before this time.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=100, show_default=True, help="Rows at most."
)
@click.option("--after", type=int, metavar="ID", help="Go on behind the row of this id.")
@as_json
def history(contact: str | None, since: str | None, until: str | None, **filters: Any) -> int:
    """Show what happened and was decided.

    Oldest first; without CONTACT, the history of everybody. Refused moves are kept too, with the
    criteria that were in the way.
    """
    session = current()
    with session.open() as workspace:
        page = workspace.history(
            contact,
            since=moment_of(since, workspace, "--since"),
            until=moment_of(until, workspace, "--until"),
            **filters,
        )
    if session.json:
        write_json({"rows": [_data(row) for row in page.rows], "after": page.after})
        return 0
    say(history_lines(page.rows, page_for(sys.stdout), with_contact=contact is None))
    if not page.rows:
        note("nothing in the history fits")
    if page.after is not None:
        note(f"there is more: the same command with --after {page.after} goes on")
    return 0


def _data(row: HistoryRow) -> dict[str, Any]:
    """Give a row as data."""
    return {
        "id": row.id,
        "contact": row.contact_id,
        "sequence": row.sequence,
        "key": row.key,
        "event": row.event,
        "at": optional_time(row.at),
        "recorded_at": optional_time(row.recorded_at),
        "actor": row.actor,
        "roles": list(row.roles),
        "facts": dict(row.facts),
        "to": row.to_stage,
        "reason": row.reason,
        "force": row.force,
        "outcome": row.outcome,
        "before": row.before,
        "after": row.after,
        "path": [taken_data(taken) for taken in row.path],
        "unmet": [{"criterion": label, "verdict": verdict} for label, verdict in row.unmet],
        "vetoes": [
            {"transition": veto.index, "plugin": veto.plugin, "reason": veto.reason}
            for veto in row.vetoes
        ],
        "definition": row.definition,
        "digest": row.digest,
    }
