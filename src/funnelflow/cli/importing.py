"""``funnelflow import``: contacts from a file, added or updated."""

from pathlib import Path
from typing import Any

import click

from funnelflow.cli.filing import reading_a_file, run_file_command
from funnelflow.cli.options import as_json, command
from funnelflow.cli.session import current
from funnelflow.store import MODES, FileOptions, import_file

__all__ = ["import_"]


@command(
    "import",
    "funnelflow import contacts.csv --mode create",
    "funnelflow import contacts.csv --map contact=Id --map email='E-mail' --dry-run",
    "funnelflow import hubspot.csv --mapping hubspot.toml",
)
@click.argument("file", type=click.Path(allow_dash=True))
@click.option(
    "--mode",
    type=click.Choice(MODES),
    default="both",
    show_default=True,
    help="Add contacts, update those that are known, or both.",
)
@reading_a_file
@as_json
def import_(file: str, options: FileOptions, keep: Path | None, mode: Any) -> int:
    """Add or update contacts from a file.

    FILE is CSV or JSON Lines with a row for each contact; - reads standard
    input. What a row says is kept as evidence; a row that says nothing new
    changes nothing, so the same export can be imported every night. Where an id
    comes more than once, the last row counts, and the summary says how many do.
    Exits 1 if rows were rejected.
    """
    with current().open() as workspace:
        return run_file_command(
            "import",
            file,
            lambda watch: import_file(workspace, file, options, mode=mode, progress=watch),
            keep,
        )
