"""``funnelflow list``: contacts, filtered by an expression, as a table, CSV or JSON."""

import csv
import io
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import click

from funnelflow.cli.options import (
    AT,
    KNOWN_AT,
    as_json,
    command,
    complete_stage,
    funnel_of,
    known_at_of,
    moment_of,
)
from funnelflow.cli.output import counted, json_text, note, page_for, say, say_text
from funnelflow.cli.session import current
from funnelflow.cli.text import Line, Page, dim, moment, strong
from funnelflow.errors import UsageError
from funnelflow.storage.contacts import StoredContact
from funnelflow.storage.json_form import value_json
from funnelflow.workspace.workspace import Workspace

BATCH = 1_000
"""How many contacts are laid out together: a table of any length takes no more memory."""

FORMULA = (
    *"=+-@\t\r\n",
    "\N{FULLWIDTH EQUALS SIGN}",
    "\N{FULLWIDTH PLUS SIGN}",
    "\N{FULLWIDTH HYPHEN-MINUS}",
    "\N{FULLWIDTH COMMERCIAL AT}",
)
"""What a spreadsheet takes for the beginning of a formula, the full-width forms included."""


@command(
    "list",
    "funnelflow list --stage prospect",
    "funnelflow list --where 'contact.budget >= 5000 && !has(contact.authority)'",
    "funnelflow list --stage lead --csv",
)
@click.option(
    "--where", metavar="EXPRESSION", help="Only those for whom it is true, as in a criterion."
)
@click.option("--stage", metavar="NAME", shell_complete=complete_stage, help="Only this stage.")
@funnel_of("Only this funnel.")
@click.option("--limit", type=click.IntRange(min=1), help="Contacts at most.")
@AT
@KNOWN_AT
@click.option("--csv", "as_csv", is_flag=True, help="Answer as CSV, for a spreadsheet.")
@as_json
def list_(
    at: str | None, known_at: str | None, funnel: str | None, *, as_csv: bool, **wanted: Any
) -> int:
    """List contacts, filtered by an expression.

    The expression is written as in a definition's criteria; a fact that is
    unknown fits nothing that asks for its value. In CSV, text that a
    spreadsheet would take for a formula gets a quote mark before it.
    """
    session = current()
    if as_csv and session.json:
        raise UsageError("--csv and --json exclude each other")
    with session.open() as workspace:
        found = workspace.list(
            funnel=funnel,
            at=moment_of(at, workspace),
            known_at=known_at_of(known_at, workspace),
            **wanted,
        )
        if as_csv:
            count = _write_csv(found, _columns(workspace, funnel))
        elif session.json:
            count = _write_json(found)
        else:
            count = _write_table(found)
    if sys.stderr is not None and sys.stderr.isatty():
        note(counted(count, "contact"))
    return 0


def _write_table(found: Iterable[StoredContact]) -> int:
    """Draw contacts as a table, a batch at a time."""
    page = page_for(sys.stdout)
    count = 0
    for batch in _batches(found):
        say(contact_lines(batch, page, titled=not count))
        count += len(batch)
    return count


def contact_lines(batch: Iterable[StoredContact], page: Page, *, titled: bool = True) -> list[Line]:
    """Draw contacts as rows of a table."""
    rows = ((s.id, strong(s.contact.stage), moment(s.contact.since), dim(s.funnel)) for s in batch)
    return page.grid(rows, heads=("contact", "stage", "since", "funnel") if titled else ())


def _write_json(found: Iterable[StoredContact]) -> int:
    """Write contacts as one JSON array, an element a line, in any number."""
    count = 0
    for stored in found:
        click.echo(("[" if count == 0 else ",\n ") + json_text(stored.to_json()), nl=False)
        count += 1
    click.echo("]" if count else "[]")
    return count


def _write_csv(found: Iterable[StoredContact], fields: list[str]) -> int:
    """Write contacts as CSV; columns are the same whatever is found."""
    terminal = page_for(sys.stdout).terminal
    count = 0
    _write_rows([["contact", "funnel", "stage", "since", *fields]], terminal=terminal)
    for batch in _batches(found):
        _write_rows((_cells(stored, fields) for stored in batch), terminal=terminal)
        count += len(batch)
    return count


def _write_rows(rows: Iterable[list[str]], *, terminal: bool) -> None:
    """Write rows of CSV; on a terminal control characters are shown, in a file they are kept."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    if terminal:
        say_text(out.getvalue())
    else:
        click.echo(out.getvalue(), nl=False)


def _cells(stored: StoredContact, fields: list[str]) -> list[str]:
    contact = stored.contact
    facts = [csv_cell(contact.fields.get(name)) for name in fields]
    since = csv_cell(contact.since)
    return [csv_cell(contact.id), csv_cell(stored.funnel), csv_cell(contact.stage), since, *facts]


def csv_cell(value: Any) -> str:
    """Write a value as `import` reads it; text that looks like a formula gets a quote mark."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, tuple):
        return neutral(",".join(csv_cell(item) for item in value))
    return neutral(value) if isinstance(value, str) else str(value_json(value))


def neutral(text: str) -> str:
    """Put a quote mark before text that a spreadsheet would run as a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _columns(workspace: Workspace, funnel: str | None) -> list[str]:
    """Name the fields that have a column: those of the funnel, or of all funnels here."""
    names = [funnel] if funnel else workspace.funnels()
    fields = (name for one in names for name in workspace.funnel(one).linked.fields)
    return list(dict.fromkeys(fields))


def _batches(found: Iterable[StoredContact]) -> Iterator[list[StoredContact]]:
    rest = iter(found)
    while batch := list(islice(rest, BATCH)):
        yield batch
