"""``funnelflow void``, ``runs`` and ``undo``: what was recorded by mistake, taken back."""

from typing import Any

import click

from funnelflow.cli.contacts import change_contact
from funnelflow.cli.options import CONTACT, acting, as_json, command, dry_run
from funnelflow.workspace.workspace import Workspace

REASON = click.option("--reason", default="", metavar="TEXT", help="Why; it is kept as evidence.")


@command(
    "void",
    "funnelflow void ada 2 --reason 'it was another Ada'",
    "funnelflow void ada 2 3 --reason 'typed twice' --dry-run",
)
@CONTACT
@click.argument("rows", nargs=-1, type=click.IntRange(min=1), metavar="ROW...")
@REASON
@dry_run
@click.option("--key", metavar="TEXT", help="Do this once, however often it is repeated.")
@acting
@as_json
def void(contact: str, rows: tuple[int, ...], reason: str, **how: Any) -> int:
    """Take back what was recorded by mistake.

    ROW is the number of a row as `funnelflow history CONTACT` shows it. What it said never
    counted from then on: the contact stands where it would stand without it. The row stays in
    the history, marked; a row that takes another back can be taken back too, which restores
    what it took back.
    """
    return change_contact(how, Workspace.void, contact, rows, reason)
