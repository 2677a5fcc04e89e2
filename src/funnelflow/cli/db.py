"""``funnelflow db``: what version the database has, and how it gets to ours."""

import sys
from typing import Any

import click
from attrs import asdict

from funnelflow.cli.options import as_json, command, dry_run
from funnelflow.cli.output import hint, note, page_for, say, write_json
from funnelflow.cli.session import Session, current
from funnelflow.cli.text import Line, Page, TextSpan, grid
from funnelflow.errors import StoreError
from funnelflow.storage.connect import Database, locate
from funnelflow.storage.schema import DatabaseStatus
from funnelflow.storage.schema import status as database_status
from funnelflow.storage.schema import upgrade as upgrade_database
from funnelflow.workspace.settings import find_workspace, read_config

_ADVICE = {
    "older": "funnelflow db upgrade",
    "empty": "funnelflow db upgrade",
    "newer": "use the version of funnelflow that made it, or a later one",
    "foreign": "check the setting `database`: these tables belong to another application",
}


@click.group()
def db() -> None:
    """Show or upgrade the database's version."""


@command("status", "funnelflow db status", "funnelflow db status --json")
@as_json
def status() -> int:
    """Show what the database is to this version of funnelflow.

    Exits 1 if it cannot be used as it is.
    """
    session = current()
    found = database_status(database_of(session))
    if session.json:
        write_json(asdict(found))
    else:
        say(status_lines(found, page_for(sys.stdout)))
        hint(_ADVICE.get(found.state, ""))
    return 0 if found.state == "current" else 1


@command("upgrade", "funnelflow db upgrade", "funnelflow db upgrade --dry-run")
@dry_run
@as_json
def upgrade(*, dry_run: bool) -> int:
    """Bring the database to the version that this funnelflow needs.

    Does nothing when it is there already; several at once do no harm.
    """
    session = current()
    database = database_of(session)
    before, after = _plan(database) if dry_run else upgrade_database(database)
    if session.json:
        write_json({"before": before, "after": after, "dry_run": dry_run})
    elif before == after:
        say([[TextSpan(f"the database is of version {after} already")]])
    else:
        done = "would be upgraded" if dry_run else "was upgraded"
        say([[TextSpan(f"the database {done} from {before or 'nothing'} to version {after}")]])
    if dry_run:
        note("dry run: nothing was stored")
    return 0


def database_of(session: Session) -> Database:
    """Return the database that the session is about, without opening it.

    Raises:
        ConfigurationError: There is no workspace here, or its settings are not usable.
    """
    root = find_workspace(session.workspace)
    settings = read_config(root, flags={"database": session.database})
    return locate(settings.database, root)


def status_lines(found: DatabaseStatus, page: Page) -> list[Line]:
    """Draw what a database is."""
    rows: list[tuple[str, Any]] = [
        ("database", found.database),
        ("kind", found.kind),
        ("state", found.state),
        ("version", found.revision or "(none)"),
        ("needed", found.head),
    ]
    return grid([[TextSpan(name, "dim"), TextSpan(str(value))] for name, value in rows], page)


def _plan(database: Database) -> tuple[str, str]:
    """Say what an upgrade would do.

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
