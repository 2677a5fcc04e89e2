"""``funnelflow void``, ``runs`` and ``undo``: what was recorded by mistake, taken back."""

import sys
from collections.abc import Sequence
from typing import Any

import click

from funnelflow.cli.contacts import change_contact
from funnelflow.cli.options import CONTACT, acting, as_json, command, dry_run, once, quiet
from funnelflow.cli.output import (
    agreed,
    counted,
    hint,
    note,
    note_dry_run,
    page_for,
    watching,
    write_notes,
)
from funnelflow.cli.session import answer, current
from funnelflow.cli.text import Line, Page, TextSpan, dim, line, moment, strong
from funnelflow.maintenance.undo import Undone
from funnelflow.storage.runs import Run
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
@once
@acting
@as_json
def void(contact: str, rows: tuple[int, ...], reason: str, **how: Any) -> int:
    """Take back what was recorded by mistake.

    ROW is the number of a row as `funnelflow history CONTACT` shows it. What it said never
    counted from then on: the contact stands where it would stand without it. The row stays in
    the history, marked; a row that takes another back can be taken back too, which restores
    what it took back. A row that an import recorded takes with it what later imports noted
    that said the same again.
    """
    return change_contact(how, Workspace.void, contact, rows, reason)


@command(
    "undo",
    "funnelflow undo 1 --reason 'the wrong file' --dry-run",
    "funnelflow undo 1 --reason 'the wrong file' --yes",
)
@click.argument("run", type=click.IntRange(min=1))
@REASON
@click.option("--yes", is_flag=True, help="Do it without asking.")
@quiet
@acting
@dry_run
@as_json
def undo(run: int, reason: str, actor: str, *, yes: bool, quiet: bool, dry_run: bool) -> int:
    """Take back all that a file or another run has brought.

    RUN is its number in `funnelflow runs`. Every contact stands where it would
    stand had the run never been, the rows stay in the history, marked, and the
    same file can be applied again. With --dry-run it says who would stand where.
    Broken off, the same command goes on. An undo is a run too: taken back itself,
    it restores everything. Of an adoption, the version before is in use again; two
    who were merged are taken apart.
    """
    with current().open() as workspace:
        if not (yes or dry_run):
            planned = workspace.undo(run, reason, actor=actor, dry_run=True)
            write_notes(_undone(planned, page_for(sys.stderr)))
            if not agreed("Take it back?"):
                return 1
        with watching(f"undoing run {run}", "contacts") as step:
            done = workspace.undo(
                run,
                reason,
                actor=actor,
                quiet=quiet,
                dry_run=dry_run,
                progress=lambda so_far: step(so_far.contacts, None),
            )
    if answer(done.to_json, lambda page: _undone(done, page)):
        if dry_run:
            note_dry_run()
        else:
            hint(f"to restore it: funnelflow undo {done.by} --reason '…'")
    return 0


def _undone(done: Undone, page: Page) -> list[Line]:
    """Draw what taking back a run has done."""
    verb = "would be taken back" if done.dry_run else "taken back"
    head = f"{counted(done.rows, 'row')} of {counted(done.contacts, 'contact')} {verb}"
    rows = (
        (
            f"{way.count:,}",
            f"{way.before or 'nowhere'} → {way.after or 'nowhere'}",
            dim(f"such as {', '.join(way.examples)}"),
        )
        for way in done.elsewhere
    )
    return [line(strong(f"run {done.run}: "), head), *page.grid(rows, indent=2)]


@command("runs", "funnelflow runs", "funnelflow runs --limit 5 --json")
@click.option("--limit", type=click.IntRange(min=1), help="Runs at most.")
@as_json
def runs(limit: int | None) -> int:
    """List what files and other runs have brought.

    A run is an apply, an import, a tick, an adoption or an undo that has stored something; the
    newest comes first. `funnelflow undo RUN` takes back all that one has brought.
    """
    with current().open() as workspace:
        found = workspace.runs(limit)
    shown = answer(lambda: [run.to_json() for run in found], lambda page: _table(found, page))
    if shown and not found:
        note("no run has brought anything yet")
    return 0


def _table(found: Sequence[Run], page: Page) -> list[Line]:
    """Draw a line for each run."""
    if not found:
        return []
    heads = ["run", "kind", "when", "who", "what came of it", "file"]
    rows = [
        (
            *(str(run.number), run.kind, moment(run.started_at), run.actor),
            TextSpan(_came_of(run), "dim" if run.undone_by else ""),
            dim(_name(run)),
        )
        for run in found
    ]
    kept = page.columns_that_fit(rows, heads)
    if kept < len(heads):
        note(f"too wide to show here: {', '.join(heads[kept:])}; --json has it")
    return page.grid([row[:kept] for row in rows], heads=heads[:kept])


def _came_of(run: Run) -> str:
    """Say what came of a run, and what became of that."""
    counts = [_counted(name, count) for name in _SHOWN if (count := run.counts.get(name))]
    said = [", ".join(counts)] if counts else []
    if not run.is_finished:
        said.append("broken off, or still going on")
    if run.undone_by is not None:
        said.append(f"undone by run {run.undone_by}")
    return "; ".join(said)


def _counted(name: str, count: int) -> str:
    """Count what came of a run in words: ``1 row``, ``2 created``."""
    return counted(count, name.removesuffix("s")) if name.endswith("s") else f"{count:,} {name}"


_SHOWN = ("contacts", "rows", "created", "due", "moved", "refused", "rejected")
"""The counts that are worth a line."""


def _name(run: Run) -> str:
    """Return what a run was about."""
    return f"run {run.undoes}" if run.undoes is not None else run.file
