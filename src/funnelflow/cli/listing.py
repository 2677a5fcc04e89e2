"""``funnelflow list``: contacts, filtered by an expression, as a table, CSV or JSON."""

import csv
import datetime as dt
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from shlex import quote
from typing import Any, Final, NamedTuple

import click

from funnelflow.cli.decisions import value_words
from funnelflow.cli.options import (
    AT,
    KNOWN_AT,
    as_json,
    command,
    complete_stage,
    complete_view,
    funnel_of,
    known_at_of,
    moment_of,
)
from funnelflow.cli.output import counted, json_text, note, page_for, say, say_text
from funnelflow.cli.session import current
from funnelflow.cli.text import Text, dim, moment, printable, strong
from funnelflow.definition import Linked
from funnelflow.errors import UnknownNameError, UsageError
from funnelflow.storage.contacts import StoredContact
from funnelflow.storage.json_form import neutral, value_json
from funnelflow.workspace.settings import names_in
from funnelflow.workspace.workspace import Workspace

BATCH = 1_000
"""How many contacts are laid out together: a table of any length takes no more memory."""


@command(
    "list",
    "funnelflow list --stage prospect",
    "funnelflow list --where 'contact.budget >= 5000 && !has(contact.authority)'",
    "funnelflow list --fields email,engagements --sort -engagements --limit 20",
    "funnelflow list --stage lead --csv",
)
@click.argument("view", required=False, metavar="[@VIEW]", shell_complete=complete_view)
@click.option(
    "--where", metavar="EXPRESSION", help="Only those for whom it is true, as in a criterion."
)
@click.option("--stage", metavar="NAME", shell_complete=complete_stage, help="Only this stage.")
@funnel_of("Only this funnel.")
@click.option(
    "--fields",
    metavar="NAME,…",
    default="",
    help="What to show of each.",
)
@click.option(
    "--sort", metavar="NAME,…", default="", help="Sort by these; -NAME has the greatest first."
)
@click.option("--limit", type=click.IntRange(min=1), help="Contacts at most.")
@AT
@KNOWN_AT
@click.option("--csv", "as_csv", is_flag=True, help="Answer as CSV, for a spreadsheet.")
@as_json
def list_(  # an option each
    view: str | None,
    where: str | None,
    fields: str,
    at: str | None,
    known_at: str | None,
    *,
    as_csv: bool,
    **wanted: Any,
) -> int:
    """List contacts, filtered by an expression.

    The expression is written as in a definition's criteria; a fact that is
    unknown fits nothing that asks for its value, and comes last where contacts
    are sorted by it. @VIEW is a list that is saved in funnelflow.toml, under
    [views.NAME]; options change what it says. In CSV, text that a
    spreadsheet would take for a formula gets a quote mark before it.
    """
    session = current()
    if as_csv and session.json:
        raise UsageError("--csv and --json exclude each other")
    with session.open() as workspace:
        asked = _asked(workspace, view, where, wanted)
        shown = names_in(fields) or (workspace.config.view(view[1:]).fields if view else ())
        times: dict[str, Any] = {
            "at": moment_of(at, workspace),
            "known_at": known_at_of(known_at, workspace),
        }
        columns, found = _columns_of(workspace, shown), workspace.list(**asked, **times)
        if as_csv:
            facts = [one.head for one in columns if one not in _COLUMNS.values()]
            count = _write_csv(found, facts if shown else _columns(workspace, asked["funnel"]))
        elif session.json:
            count = _write_json(found)
        else:
            count = _write_table(found, columns)
        if not session.json:
            _note_count(workspace, count, asked, is_of_now=not any(times.values()))
    return 0


def _asked(
    workspace: Workspace, name: str | None, where: str | None, wanted: Mapping[str, Any]
) -> dict[str, Any]:
    """Return whom the options ask for, by a saved view where one is named."""
    if name is None:
        return {**wanted, "where": where}
    if not name.startswith("@"):
        raise UsageError(
            f"{printable(name)!r} is no view: its name begins with @",
            hint=f"funnelflow why {quote(name)} shows a contact",
        )
    view = workspace.config.view(name[1:])
    both = [f"({one})" for one in (view.where, where) if one is not None]
    of_view = {"stage": view.stage, "funnel": view.funnel, "sort": view.sort, "limit": view.limit}
    said = {key: value or of_view[key] for key, value in wanted.items()}
    return {**said, "where": " && ".join(both) or None}


def _note_count(
    workspace: Workspace, count: int, asked: Mapping[str, Any], *, is_of_now: bool
) -> None:
    """Say on stderr how many were listed, and of how many where a limit may have cut them off."""
    if count == asked["limit"]:
        filters = {name: asked[name] for name in ("where", "stage", "funnel")}
        total = workspace.count(**filters) if is_of_now else None
        if total is None or total > count:
            of = "" if total is None else f" of {counted(total, 'contact')}"
            note(f"{'the first ' if total is None else ''}{count:,}{of}")
            return
    if not count:
        said = any(asked[name] for name in ("where", "stage", "funnel"))
        note("no contact fits" if said else "there is no contact yet")
    elif sys.stderr is not None and sys.stderr.isatty():
        note(counted(count, "contact"))


class Column(NamedTuple):
    """A column of the table: its head, and what it shows of a contact."""

    head: str
    cell: Callable[[StoredContact], Text]


_COLUMNS: Final = {
    "stage": Column("stage", lambda stored: strong(stored.contact.stage)),
    "since": Column("since", lambda stored: moment(stored.contact.since)),
    "funnel": Column("funnel", lambda stored: dim(stored.funnel)),
    "updated": Column("updated", lambda stored: moment(stored.contact.clock)),
    "created": Column("created", lambda stored: moment(stored.created_at)),
}
_ALIASES: Final = {"stage_since": "since", "updated_at": "updated", "created_at": "created"}


def _columns_of(workspace: Workspace, names: Sequence[str]) -> list[Column]:
    """Return the columns of a table behind the contact's id.

    Raises:
        UnknownNameError: No funnel here has such a field.
    """
    if not names:
        return [_COLUMNS[name] for name in ("stage", "since", "funnel")]
    linked = {name: workspace.linked(name) for name in workspace.funnels()}
    known = {field: None for one in linked.values() for field in one.fields}
    columns: list[Column] = []
    for name in names:
        own = _COLUMNS.get(_ALIASES.get(name, name))
        if name in known:
            columns.append(Column(name, partial(_fact, name=name, linked=linked)))
        elif own is not None:
            columns.append(own)
        elif name not in {"id", "contact"}:
            raise UnknownNameError("field", name, [*known, *_COLUMNS])
    return columns


def _fact(stored: StoredContact, *, name: str, linked: Mapping[str, Linked]) -> str:
    """Write a fact in the words of its field; empty where it is unknown."""
    value = stored.contact.fields.get(name)
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return moment(value)
    return value_words(name, value, linked[stored.funnel])


def _write_table(found: Iterable[StoredContact], columns: Sequence[Column]) -> int:
    """Draw contacts as a table, a batch at a time."""
    page = page_for(sys.stdout)
    shown, count = list(columns), 0
    left_out: list[str] = []
    for batch in _batches(found):
        rows = [[stored.id, *(column.cell(stored) for column in shown)] for stored in batch]
        heads = ["contact", *(column.head for column in shown)]
        kept = page.columns_that_fit(rows, heads)
        left_out[:0] = heads[kept:]
        shown, rows, heads = shown[: kept - 1], [row[:kept] for row in rows], heads[:kept]
        say(page.grid(rows, heads=heads if not count else ()))
        count += len(batch)
    if left_out:
        note(f"too wide to show here: {', '.join(left_out)}; --csv has every column")
    return count


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
    count = 0
    write_csv([["contact", "funnel", "stage", "since", *fields]])
    for batch in _batches(found):
        write_csv(_cells(stored, fields) for stored in batch)
        count += len(batch)
    return count


def write_csv(rows: Iterable[list[str]]) -> None:
    """Write rows of CSV; on a terminal control characters are shown, in a file they are kept."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    if page_for(sys.stdout).terminal:
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
        return _csv_list([item if isinstance(item, str) else csv_cell(item) for item in value])
    return neutral(value) if isinstance(value, str) else str(value_json(value))


def _csv_list(items: list[str]) -> str:
    """Write a list as a person does, or as JSON where that would be read otherwise."""
    text = ",".join(items)
    is_plain = text == neutral(text) and not text.startswith("[") and not set(text) & {'"', "\n"}
    if is_plain and all(item == item.strip() != "" and "," not in item for item in items):
        return text
    return json.dumps(items, ensure_ascii=False)


def _columns(workspace: Workspace, funnel: str | None) -> list[str]:
    """Name the fields that have a column: those of the funnel, or of all funnels here."""
    names = [funnel] if funnel else workspace.funnels()
    fields = (name for one in names for name in workspace.funnel(one).linked.fields)
    return list(dict.fromkeys(fields))


def _batches(found: Iterable[StoredContact]) -> Iterator[list[StoredContact]]:
    rest = iter(found)
    while batch := list(islice(rest, BATCH)):
        yield batch
