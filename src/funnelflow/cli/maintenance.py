"""Keeping a workspace: ``funnelflow tick``, ``verify`` and ``db``."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import click
from attrs import asdict

from funnelflow.cli.export import load
from funnelflow.cli.options import acting, as_json, command, dry_run, future, moment_of, quiet
from funnelflow.cli.output import counted, hint, note, note_dry_run, say, watching, write_json
from funnelflow.cli.session import Session, answer, current
from funnelflow.cli.text import Line, Page, line, mark, moment_and_zone, strong
from funnelflow.errors import StoreError, UsageError
from funnelflow.maintenance import back_up, restore
from funnelflow.maintenance.tick import Ticked
from funnelflow.maintenance.verify_contacts import ADVICE, Finding, Verification
from funnelflow.storage.connect import Database, locate
from funnelflow.storage.row_format import from_text
from funnelflow.storage.schema import DatabaseStatus
from funnelflow.storage.schema import status as database_status
from funnelflow.storage.schema import upgrade as upgrade_database
from funnelflow.workspace.settings import find_workspace, read_config
from funnelflow.workspace.trust import require_trusted

_ADVICE: Final = {
    "older": "funnelflow db upgrade",
    "empty": "funnelflow db upgrade",
    "newer": "use the version of funnelflow that made it, or a later one",
    "foreign": "check the setting `database`: these tables belong to another application",
}


@command(
    "tick",
    "funnelflow tick",
    "funnelflow tick --dry-run",
    "funnelflow tick --at 2099-01-01T00:00:00Z --dry-run",
    "funnelflow tick --at 2099-01-01T00:00:00Z --future",
)
@click.option("--at", metavar="TIME", help="The time to bring everybody to, if not now.")
@future
@quiet
@acting
@dry_run
@as_json
def tick(at: str | None, actor: str, *, future: bool, quiet: bool, dry_run: bool) -> int:
    """Take the timed transitions that are due.

    A contact's clock goes on with every event about it; tick brings it to now
    where that makes a transition happen. Run it from time to time, such as
    every night. With --dry-run it says who will have moved by any time; a time
    more than a day in the future is stored only with --future, as everybody due
    then stands where they will be by then.
    """
    with current().open() as workspace:
        ticked = workspace.tick(
            moment_of(at, workspace), actor=actor, future=future, quiet=quiet, dry_run=dry_run
        )
    if answer(ticked.to_json, lambda _: [_ticked(ticked)]) and dry_run:
        note_dry_run()
    return 0


def _ticked(ticked: Ticked) -> Line:
    """Draw what time has done."""
    when = moment_and_zone(ticked.now)
    if not ticked.due:
        return line(f"nothing is due at {when}")
    moves = "would move" if ticked.dry_run else "moved"
    stays = max(ticked.due - ticked.moved - ticked.unanswered, 0)
    rest = f"; for {counted(stays, 'other')} the criteria are not met" if stays else ""
    if ticked.unanswered:
        rest += f"; for {ticked.unanswered:,} a plugin failed to answer, which is asked again"
    return line(strong(f"{counted(ticked.moved, 'contact')} {moves}"), f" at {when}{rest}")


@command(
    "verify",
    "funnelflow verify",
    "funnelflow verify --json",
    "funnelflow verify --repair",
    "funnelflow verify --heads heads.txt",
    "funnelflow verify --against heads.txt",
)
@click.option(
    "--heads",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="If all agrees, write down where every history stands; keep the file elsewhere.",
)
@click.option(
    "--against",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Check that all that such a file speaks of is still there, unaltered.",
)
@click.option("--force", is_flag=True, help="Let --heads replace a file, whatever it is, unread.")
@click.option("--repair", is_flag=True, help="Make positions again that the evidence contradicts.")
@dry_run
@as_json
def verify(
    heads: Path | None, against: Path | None, *, force: bool, repair: bool, dry_run: bool
) -> int:
    """Prove the stored answers from the evidence.

    Checks that every row is as it was written, folds every contact's evidence
    again by the definitions that decided it and the answers that plugins
    gave, and names all that disagrees. Exits 1 if anything does.

    That finds accidents. Who can write to the database can alter it so that
    everything agrees; a file that --heads wrote, kept where they cannot write,
    shows it by --against. If --heads finds such a file in its place, the
    database is held to it before it is replaced.

    What is wrong is of four kinds: a row was altered; evidence is missing; a
    position, which is derived, is not what the evidence gives, and --repair makes
    it again; a plugin would answer differently today, which is no damage: if
    nothing else is said, everything agrees.
    """
    if force and heads is None:
        raise UsageError("--force is for --heads", hint="funnelflow verify --heads FILE --force")
    if dry_run and not repair:
        raise UsageError("--dry-run is for --repair", hint="funnelflow verify --repair --dry-run")
    session = current()
    if repair:
        _repair(dry_run=dry_run)
    findings: list[Finding] = []
    advice: dict[str, None] = {}

    def show(finding: Finding) -> None:
        advice[finding.advice] = None
        if session.json:
            findings.append(finding)
        else:
            sign = "-" if finding.fault == "plugin" else mark(ok=False)
            say([line(sign, f" {finding}")])

    with session.open() as workspace, watching("verifying", "contacts") as step:
        proof = workspace.verify(
            found=show,
            progress=lambda done: step(done.contacts, None),
            against=against,
            heads=heads,
            force=force,
        )
    if session.json:
        write_json(proof.to_json(findings))
    else:
        _conclude(proof, advice)
        if heads is not None and proof.heads is None:
            note(f"{heads} was not written, because of that")
    return 0 if proof.is_sound else 1


def _repair(*, dry_run: bool) -> None:
    """Make the positions again that are not what the evidence gives, and say how many."""
    with current().open() as workspace:
        repaired = workspace.repair(dry_run=dry_run)
    would = "would be" if dry_run else "were"
    note(f"the positions of {counted(repaired.contacts, 'contact')} {would} made again")
    if repaired.left:
        note(f"those of {counted(repaired.left, 'other')} were left: their evidence is not sound")


def _conclude(proof: Verification, advice: Iterable[str]) -> None:
    """Write what came of it, and what to do where something is wrong."""
    looked = f"{counted(proof.contacts, 'contact')} and {counted(proof.rows, 'row')} of history"
    if proof.is_sound:
        said = (f"{looked}: everything agrees", *_erased(proof), *_heads(proof))
        say(line(mark(ok=True), f" {text}") for text in said)
    else:
        note(f"{looked}: {counted(proof.problems, 'problem')}")
    for step in sorted(advice, key=ADVICE["altered"].__eq__):
        hint(step)


def _erased(proof: Verification) -> Iterator[str]:
    """Return how many contacts were erased."""
    if proof.erased:
        yield f"{counted(proof.erased, 'contact')} erased, of which empty rows are left"


def _heads(proof: Verification) -> Iterator[str]:
    """Return what came of heads where nothing is wrong."""
    if (since := proof.against) is not None:
        yield (
            f"all that was there on {moment_and_zone(from_text(since.written_at))} still is; since "
            f"then {counted(since.new_contacts, 'new contact')} "
            f"and {counted(since.new_rows, 'new row')}"
        )
    if proof.heads is not None:
        yield f"heads written to {proof.heads}; keep it where nobody who writes to the database can"


@click.group()
def db() -> None:
    """Back up, restore, upgrade or fill the database."""


@command("status", "funnelflow db status", "funnelflow db status --json")
@as_json
def status() -> int:
    """Show what the database is to this version of funnelflow.

    Exits 1 if it cannot be used as it is.
    """
    found = database_status(database_of(current()))
    if answer(lambda: asdict(found), lambda page: status_lines(found, page)):
        hint(_ADVICE.get(found.state, ""))
    return 0 if found.state == "current" else 1


@command("upgrade", "funnelflow db upgrade", "funnelflow db upgrade --dry-run")
@dry_run
@as_json
def upgrade(*, dry_run: bool) -> int:
    """Bring the database to the version that this funnelflow needs.

    Does nothing when it is there already; several at once do no harm.
    """
    database = database_of(current())
    before, after = _plan(database) if dry_run else upgrade_database(database)
    done = "would be upgraded" if dry_run else "was upgraded"
    said = f"the database {done} from {before or 'nothing'} to version {after}"
    if before == after:
        said = f"the database is of version {after} already"
    answer(lambda: {"before": before, "after": after, "dry_run": dry_run}, lambda _: [line(said)])
    if dry_run:
        note_dry_run()
    return 0


def database_of(session: Session) -> Database:
    """Return the database that the session is about, without opening it.

    Raises:
        ConfigurationError: There is no workspace here, or its settings are not usable.
    """
    root = find_workspace(session.workspace)
    require_trusted(root)
    settings = read_config(root, flags={"database": session.database})
    return locate(settings.database, root)


def status_lines(found: DatabaseStatus, page: Page) -> list[Line]:
    """Draw what a database is."""
    rows = {
        "database": found.database,
        "kind": found.kind,
        "state": found.state,
        "version": found.revision or "(none)",
        "needed": found.head,
    }
    return page.named(rows)


def _plan(database: Database) -> tuple[str, str]:
    """Return what an upgrade would do.

    Raises:
        StoreError: The database is not one that can be upgraded.
    """
    found = database_status(database)
    if found.state in ("newer", "foreign"):
        raise StoreError(
            f"the database cannot be upgraded: it is {found.state}", hint=_ADVICE[found.state]
        )
    return found.revision, found.head


db.add_command(status)
db.add_command(upgrade)


@command(
    "backup",
    "funnelflow db backup monday.backup",
    "funnelflow db backup tuesday.backup --json",
)
@click.argument("file", type=click.Path(path_type=Path))
@dry_run
@as_json
def backup(file: Path, *, dry_run: bool) -> int:
    """Copy the database into a file, as it is at one moment.

    Others may write meanwhile. A copy of the .db file alone would lack what its write-ahead log
    holds. On PostgreSQL it is pg_dump that copies. What erased people cannot be found by is kept
    beside the database, in erased.key: copy that file too.
    """
    database = database_of(current())
    if dry_run:
        answer(lambda: {"database": str(database)}, lambda _: [line(f"{database} → {file}")])
        note_dry_run()
        return 0
    done = back_up(database, file)
    answer(
        done.to_json, lambda _: [line(f"{done.database} is copied to {file}, {done.size:,} bytes")]
    )
    return 0


@command(
    "restore",
    "funnelflow db restore monday.backup --force",
    "funnelflow db restore monday.backup --dry-run",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace the database that is there.")
@dry_run
@as_json
def restore_(file: Path, *, force: bool, dry_run: bool) -> int:
    """Put a copy that `db backup` made in the place of the database.

    Nobody may be using it. A file of SQLite that is replaced is kept beside the new one.
    `funnelflow verify` proves what was restored.
    """
    database = database_of(current())
    if dry_run:
        answer(lambda: {"database": str(database)}, lambda _: [line(f"{file} → {database}")])
        note_dry_run()
        return 0
    done = restore(database, file, force=force)
    if answer(done.to_json, lambda _: [line(f"{done.database} is what {file} holds")]):
        hint("funnelflow verify proves it")
    return 0


db.add_command(backup)
db.add_command(restore_)
db.add_command(load)
