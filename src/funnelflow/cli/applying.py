"""``funnelflow apply``: the events of a file, recorded."""

from pathlib import Path

import click

from funnelflow.cli.filing import reading_a_file, run_file_command
from funnelflow.cli.options import as_json, command
from funnelflow.cli.session import current
from funnelflow.store import FileOptions, apply_file

__all__ = ["apply"]


@command(
    "apply",
    "funnelflow apply events.csv",
    "funnelflow apply events.csv --dry-run",
    "funnelflow apply export.csv --map contact=entity_id --map at='Event time' --timezone UTC",
    "gzip -dc events.jsonl.gz | funnelflow apply - --format jsonl",
)
@click.argument("file", type=click.Path(allow_dash=True))
@click.option("--no-create", is_flag=True, help="Reject events of contacts that nobody knows.")
@reading_a_file
@as_json
def apply(file: str, options: FileOptions, keep: Path | None, *, no_create: bool) -> int:
    """Record the events of a file.

    FILE is CSV or JSON Lines, also gzipped; - reads standard input. A run that
    was broken off goes on with the same command, and a finished one changes
    nothing when repeated. Rows that cannot be used go to a rejects file, which
    can be corrected and applied. Exits 1 if there are any.
    """
    with current().open() as workspace:
        return run_file_command(
            "apply",
            file,
            lambda watch: apply_file(
                workspace, file, options, create=not no_create, progress=watch
            ),
            keep,
        )
