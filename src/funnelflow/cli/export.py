"""``funnelflow export``: tables out of a workspace."""

from pathlib import Path

import click

from funnelflow.cli.contact_files import write_contacts
from funnelflow.cli.options import (
    AT,
    as_json,
    command,
    complete_stage,
    dry_run,
    funnel_of,
    moment_of,
)
from funnelflow.cli.output import counted, hint, note_dry_run
from funnelflow.cli.session import answer, current
from funnelflow.cli.text import line
from funnelflow.errors import UsageError
from funnelflow.workspace.workspace import Workspace

TABLES = ("contacts", "evidence", "stays", "decisions", "positions", "all")


@command(
    "export",
    "funnelflow export contacts hot.csv --stage prospect",
    "funnelflow export stays stays.csv",
    "funnelflow export evidence evidence.parquet",
    "funnelflow export evidence news.jsonl --since 2026-03-01T00:00:00Z",
    "funnelflow export all copy/",
)
@click.argument("table", type=click.Choice(TABLES))
@click.argument("file", type=click.Path(path_type=Path))
@AT
@click.option("--since", metavar="TIME", help="Only the evidence that was recorded since then.")
@funnel_of("Only this funnel.")
@click.option("--where", metavar="EXPRESSION", help="Only contacts for whom it is true.")
@click.option("--stage", metavar="NAME", shell_complete=complete_stage, help="Only this stage.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@as_json
def export(  # what may be said of tables
    table: str,
    file: Path,
    at: str | None,
    since: str | None,
    funnel: str | None,
    *,
    force: bool,
    **some: str | None,
) -> int:
    """Write a table to a file.

    Its name says the format: Parquet, CSV or JSON Lines.

    `contacts` are as they are now, in a file that `funnelflow import` reads
    back: CSV, JSON Lines, or a plugin's format such as .xlsx. What nobody
    changed in it changes nothing. `evidence` is what is in force, by contact
    and time: `funnelflow apply` and `funnelflow.arrow` read it. With --since it
    is what was recorded since then, and what takes something back comes as a
    row `void`. `stays` has every time in a stage, `decisions` what became of
    each piece of evidence, and `positions` where everybody is. `all` writes the
    whole database into a directory, which `funnelflow db load` brings into an
    empty workspace.
    """
    with current().open() as workspace:
        if table != "contacts" and any(some.values()):
            raise UsageError("--where and --stage are for contacts", hint="leave them out")
        if table == "contacts":
            if at or since:
                raise UsageError("contacts are written as they are now", hint="leave out --at")
            rows = write_contacts(workspace, file, force=force, funnel=funnel, **some)
        elif table == "all":
            if at or since or funnel:
                reason = "`all` is the whole database as it is"
                raise UsageError(reason, hint="leave out --at, --since and --funnel")
            dumped = workspace.dump(file)
            rows = sum(dumped.rows.values())
            if dumped.rows["erased"]:
                hint("erased.key is not in it: put it beside the workspace that loads this")
        else:
            rows = _export(workspace, table, file, (at, since), funnel, force=force)
    said = f"{counted(rows, 'row')} written to {file}"
    answer(lambda: {"table": table, "file": str(file), "rows": rows}, lambda _: [line(said)])
    return 0


def _export(
    workspace: Workspace,
    table: str,
    file: Path,
    times: tuple[str | None, str | None],
    funnel: str | None,
    *,
    force: bool,
) -> int:
    at, since = times
    return workspace.export(
        table,
        file,
        at=moment_of(at, workspace),
        since=moment_of(since, workspace, "--since"),
        funnel=funnel,
        force=force,
    )


@command("load", "funnelflow db load copy/", "funnelflow db load copy/ --dry-run")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False, exists=True))
@dry_run
@as_json
def load(directory: Path, *, dry_run: bool) -> int:
    """Bring what `export all` wrote into a workspace that is empty.

    The rows are as they were stored, digests included, and the database may be
    of the other kind. All of it is loaded, or nothing.
    """
    with current().open() as workspace:
        loaded = workspace.load(directory, dry_run=dry_run)
    done = "would be loaded" if dry_run else "loaded"
    said = f"{counted(sum(loaded.rows.values()), 'row')} {done} from {directory}"
    if answer(loaded.to_json, lambda _: [line(said)]) and dry_run:
        note_dry_run()
    return 0
