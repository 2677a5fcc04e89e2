"""``funnelflow merge`` and ``unmerge``: two records of one person, one story."""

import sys
from shlex import quote
from typing import Any

import click

from funnelflow.cli.contacts import REPEATED, restated_words
from funnelflow.cli.options import (
    CONTACT,
    acting,
    as_json,
    command,
    complete_contact,
    dry_run,
    moment_of,
    once,
    quiet,
    together,
    when,
)
from funnelflow.cli.output import agreed, hint, note, note_dry_run, page_for, write_notes
from funnelflow.cli.session import answer, current
from funnelflow.cli.text import Line, Page, line, strong
from funnelflow.criteria.value_forms import shown
from funnelflow.maintenance.merge import Merged

_REASON = click.option("--reason", default="", metavar="TEXT", help="Why, for the history.")
_YES = click.option("--yes", is_flag=True, help="Do it without asking.")
_SAID = together(dry_run, once, when, quiet, acting)


@command(
    "merge",
    "funnelflow merge bob --into ada --dry-run",
    "funnelflow merge bob --into ada --reason 'the same person' --yes",
)
@CONTACT
@click.option(
    "--into",
    metavar="CONTACT",
    required=True,
    shell_complete=complete_contact,
    help="Whose story it becomes part of.",
)
@_REASON
@_YES
@_SAID
@as_json
def merge(contact: str, into: str, *, yes: bool, dry_run: bool, **said: Any) -> int:
    """Make one contact of two records of one person.

    All that is known of CONTACT, and what will be, becomes part of the story of the
    other one, who stands where the whole story leads. Both ids stand for that one from
    then on; `list` shows one contact. Says first where it would stand, and which facts the two
    have told differently. `funnelflow unmerge` takes them apart again.
    """
    with current().open() as workspace:
        said["at"] = moment_of(said["at"], workspace)
        if not (yes or dry_run):
            planned = workspace.merge(contact, into, dry_run=True, **said)
            write_notes(_merged(planned, page_for(sys.stderr)))
            if not (planned.duplicate or agreed("Merge them?")):
                return 1
        done = workspace.merge(contact, into, dry_run=dry_run, **said)
    if answer(done.to_json, lambda page: _merged(done, page)):
        _note(done)
        if not (done.dry_run or done.duplicate):
            hint(f"to take them apart again: funnelflow unmerge {quote(contact)}")
    return 0


@command(
    "unmerge",
    "funnelflow unmerge bob --dry-run",
    "funnelflow unmerge bob --reason 'two people of one name' --yes",
)
@CONTACT
@_REASON
@_YES
@_SAID
@as_json
def unmerge(contact: str, *, yes: bool, dry_run: bool, **said: Any) -> int:
    """Give a contact that was merged its own story back.

    CONTACT stands where its own story leads, as if it had never been merged: with all that was
    addressed to it, also since then. The other one stands without it.
    """
    with current().open() as workspace:
        said["at"] = moment_of(said["at"], workspace)
        if not (yes or dry_run):
            planned = workspace.unmerge(contact, dry_run=True, **said)
            write_notes(_given_back(planned))
            if not (planned.duplicate or agreed("Take them apart?")):
                return 1
        done = workspace.unmerge(contact, dry_run=dry_run, **said)
    if answer(done.to_json, lambda _: _given_back(done)):
        _note(done)
        if not (done.dry_run or done.duplicate):
            again = f"funnelflow merge {quote(contact)} --into {quote(done.into)}"
            hint(f"to merge them again: {again}")
    return 0


def _note(done: Merged) -> None:
    """Say where nothing was stored, and why."""
    if done.duplicate:
        note(REPEATED)
    elif done.dry_run:
        note_dry_run()


def _merged(done: Merged, page: Page) -> list[Line]:
    """Draw where a contact stands into whom another one was merged."""
    rows = [
        (each.field, *("unknown" if value is None else shown(value) for value in values))
        for each in done.conflicts
        for values in ((each.into, each.contact, each.together),)
    ]
    heads = ("told differently", done.into, done.contact, "together")
    is_ = "would be" if done.dry_run else "is"
    return [
        line(strong(f"{done.contact} {is_} merged into {done.into}: "), _stands(done)),
        *page.grid(rows, heads=heads, indent=2),
    ]


def _given_back(done: Merged) -> list[Line]:
    """Draw where two contacts stand that are two again."""
    is_ = "would be" if done.dry_run else "is"
    return [
        line(strong(f"{done.contact} {is_} a contact of its own again: "), done.stage or "nowhere"),
        line(f"{done.into}: {_stands(done)}"),
    ]


def _stands(done: Merged) -> str:
    return restated_words(done.restated)
