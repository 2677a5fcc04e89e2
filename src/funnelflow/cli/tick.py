"""``funnelflow tick``: time passes, and what is due happens."""

import click
from attrs import asdict

from funnelflow.cli.contacts import moment_of
from funnelflow.cli.facts import moment, value_data
from funnelflow.cli.options import acting, as_json, command, dry_run
from funnelflow.cli.output import counted, note, say, write_json
from funnelflow.cli.session import current
from funnelflow.cli.text import Line, Span, line
from funnelflow.store import Ticked

__all__ = ["tick"]


@command("tick", "funnelflow tick", "funnelflow tick --dry-run")
@click.option("--at", metavar="TIME", help="The time to bring everybody to, if not now.")
@acting
@dry_run
@as_json
def tick(at: str | None, actor: str, *, dry_run: bool) -> int:
    """Take the timed transitions that are due.

    A contact's clock goes on with every event about it; tick brings it to now
    where that makes a transition happen. Run it from time to time, such as
    every night.
    """
    session = current()
    with session.open() as workspace:
        ticked = workspace.tick(moment_of(at, workspace), actor=actor, dry_run=dry_run)
    if session.json:
        write_json({**asdict(ticked), "now": value_data(ticked.now)})
        return 0
    say(_lines(ticked))
    if dry_run:
        note("dry run: nothing was stored")
    return 0


def _lines(ticked: Ticked) -> list[Line]:
    """Say what time has done."""
    when = f"{moment(ticked.now)} UTC"
    if not ticked.due:
        return [line(f"nothing is due at {when}")]
    moves = "would move" if ticked.dry_run else "moved"
    stays = ticked.due - ticked.moved
    rest = f"; for {counted(stays, 'other')} the criteria are not met" if stays else ""
    return [
        line(Span(f"{counted(ticked.moved, 'contact')} {moves}", "strong"), f" at {when}{rest}")
    ]
