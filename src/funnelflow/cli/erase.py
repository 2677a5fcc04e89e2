"""``funnelflow erase``: a person's data leaves the workspace for good."""

import sys
from collections.abc import Iterator
from shlex import quote

import click

from funnelflow.cli.options import acting, as_json, command, complete_contact, dry_run
from funnelflow.cli.output import counted, hint, note, note_dry_run, say, write_json
from funnelflow.cli.session import current
from funnelflow.cli.text import Line, line, mark, moment_and_zone, strong
from funnelflow.errors import UsageError
from funnelflow.maintenance.erase import Erased
from funnelflow.maintenance.erase_check import FoundValue
from funnelflow.storage.row_format import from_text
from funnelflow.workspace.workspace import Workspace


@command(
    "erase",
    "funnelflow erase ada --dry-run",
    "funnelflow erase ada --yes",
    "funnelflow erase --check lovelace@example.org 'Ada Lovelace'",
)
@click.argument("contact", nargs=-1, shell_complete=complete_contact)
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.option("--check", is_flag=True, help="Search what is stored for values instead.")
@acting
@dry_run
@as_json
def erase(contact: tuple[str, ...], actor: str, *, yes: bool, check: bool, dry_run: bool) -> int:
    """Erase a contact for good.

    Everything that says something of the person goes: the id, facts, texts, decisions, keys,
    messages, and rows about it in rejects files. What was recorded stays as empty rows, so that
    `funnelflow verify` still proves all the others. Whoever is merged with the contact is erased
    with it. This cannot be undone. An import or a repeated webhook does not bring the contact
    back, unless it is said with --readmit.

    With --check, searches the files of the database, or its rows on PostgreSQL, and the rejects
    files for values, and exits 1 if one of them is there.
    """
    session = current()
    with session.open() as workspace:
        if check:
            return _check(workspace, contact)
        if len(contact) != 1:
            raise UsageError("name one contact", hint="funnelflow erase CONTACT --dry-run")
        (name,) = contact
        if not (yes or dry_run):
            _ask(workspace, name)
        done = workspace.erase(name, actor=actor, dry_run=dry_run)
    if session.json:
        write_json(done.to_json())
    else:
        say(_lines(done))
        if dry_run:
            note_dry_run("erased")
    _advise(done)
    return 0


def _ask(workspace: Workspace, name: str) -> None:
    """Show what would go, and go on only if somebody says so.

    Raises:
        UsageError: Nobody is there to be asked, or they say no.
    """
    if current().json or not sys.stdin.isatty():
        raise UsageError(
            "erasing cannot be undone, and nobody is there to be asked",
            hint=f"look first: `funnelflow erase {quote(name)} --dry-run`; --yes does it",
        )
    say(_lines(workspace.erase(name, dry_run=True)))
    if not click.confirm("Erase it for good?", err=True):
        raise UsageError("nothing was erased")


_WORDS = {
    "evidence": "row of evidence emptied",
    "decisions": "decision",
    "positions": "position",
    "sightings": "note that a snapshot said the same again",
    "keys": "key",
    "outbox": "message",
}


def _lines(done: Erased) -> Iterator[Line]:
    """Draw what was erased, or would be."""
    would = "would be " if done.dry_run else ""
    if done.was_erased:
        on = moment_and_zone(from_text(done.erased_at))
        yield line(f"it was erased on {on} already")
    else:
        yield line(strong(f"{done.contact_id} {would or 'was '}erased"))
        if done.merged:
            yield line(f"  with those who are merged with it: {', '.join(done.merged)}")
        for table, count in done.rows.items():
            if table in _WORDS and count:
                yield line(f"  {_counted(count, _WORDS[table])}{_waiting(table, done)}")
    for path, count in done.rejects.items():
        yield line(f"  {counted(count, 'row')} of {path} {would}blanked")


def _counted(count: int, what: str) -> str:
    noun, *rest = what.split(" ", 1)
    return " ".join([counted(count, noun), *rest])


def _waiting(table: str, done: Erased) -> str:
    return f", {done.waiting:,} of them not delivered yet" if table == "outbox" else ""


def _advise(done: Erased) -> None:
    """Say what is left to do."""
    if done.dry_run:
        return
    if done.is_swept is None:
        hint(
            "in the database: VACUUM FULL; ANALYZE; they remove what PostgreSQL keeps of rows "
            "that are gone"
        )
    elif not done.is_swept:
        note("free space of the database still holds old rows: it was in use, or there is no room")
        hint(f"when nothing else runs: funnelflow erase {quote(done.contact_id)} --yes")
    hint("backups, and messages that were delivered, are not reached")


def _check(workspace: Workspace, values: tuple[str, ...]) -> int:
    """Search for values, and say where they are; 1 if anywhere."""
    if not values:
        raise UsageError("name the values to search for", hint="funnelflow erase --check VALUE…")
    found = workspace.search_values(values)
    if current().json:
        write_json([place.to_json() for place in found])
    elif found:
        say(_place(place) for place in found)
    else:
        say([line(mark(ok=True), " none of that is stored here")])
    return 1 if found else 0


def _place(place: FoundValue) -> Line:
    return line(mark(ok=False), f" {place.value!r} in {place.where}: {place.count:,}")
