"""Files of events and contacts: ``funnelflow apply`` and ``import``, and what came of them."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Any

import click
from attrs import evolve

from funnelflow.cli.options import (
    acting,
    as_json,
    command,
    complete_definition,
    complete_mapping,
    dry_run,
    future,
    quiet,
    readmitting,
    together,
)
from funnelflow.cli.output import (
    Step,
    counted,
    hint,
    json_text,
    note,
    note_dry_run,
    page_for,
    watching,
    write_notes,
)
from funnelflow.cli.session import answer, current
from funnelflow.cli.text import Line, Look, Page, Text, TextSpan, dim, line, stack, strong
from funnelflow.errors import UsageError
from funnelflow.ingest.column_matching import Match
from funnelflow.ingest.file_errors import FileError
from funnelflow.ingest.file_options import FileOptions
from funnelflow.ingest.input import Form
from funnelflow.ingest.mapping import FileMapping, find_mapping, parse_pairs
from funnelflow.ingest.mapping_files import read_mapping, write_mapping
from funnelflow.ingest.row_explaining import ExplainedRow, explain_file
from funnelflow.ingest.row_handlers import MODES
from funnelflow.ingest.summary import Progress, Summary, Watch
from funnelflow.ingest.text_formats import check_date_format, check_decimal
from funnelflow.storage.checkpoints import Counts
from funnelflow.workspace.settings import find_workspace
from funnelflow.workspace.workspace import Workspace

reading_a_file = together(
    dry_run,
    acting,
    click.option(
        "--rejects",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Where rows that cannot be used go.  [default: below rejects/]",
    ),
    click.option(
        "--on-duplicate",
        type=click.Choice(["skip", "error"]),
        default="skip",
        show_default=True,
        help="What becomes of a row whose key was applied before.",
    ),
    readmitting,
    future,
    quiet,
    click.option(
        "--funnel",
        metavar="NAME",
        default="",
        shell_complete=complete_definition,
        help="The funnel of contacts that are added.",
    ),
    click.option(
        "--timezone", metavar="ZONE", default="", help="The zone of times without an offset."
    ),
    click.option(
        "--match",
        metavar="FIELD",
        default="",
        help="Find contacts whose id is not known by a field, such as email.",
    ),
    click.option(
        "--decimal",
        metavar="CHAR",
        default="",
        help="What separates decimals: , or . (with anything else between thousands).",
    ),
    click.option(
        "--date-format",
        "date_formats",
        metavar="PATTERN",
        multiple=True,
        help="How times are written: dd.MM.yyyy HH:mm, %d/%m/%y, epoch-s, epoch-ms; repeat it.",
    ),
    click.option("--delimiter", metavar="CHAR", default="", help="What separates cells of CSV."),
    click.option(
        "--encoding", metavar="NAME", default="", help="If not UTF-8, or UTF-16 with a BOM."
    ),
    click.option(
        "--format",
        "form",
        metavar="NAME",
        default=None,
        help="csv, jsonl or a plugin's, if neither the name nor the content tells.",
    ),
    click.option(
        "--explain",
        is_flag=True,
        help="Show what would be read from the first rows, and why; nothing is stored.",
    ),
    click.option(
        "--save-mapping",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Keep what the columns mean in a file, to be used again.",
    ),
    click.option(
        "--mapping",
        metavar="FILE|NAME",
        shell_complete=complete_mapping,
        help="What the columns mean: a file, or one that is known by name.",
    ),
    click.option(
        "--map",
        "pairs",
        metavar="TARGET=COLUMN",
        multiple=True,
        help="What a column means; repeat it. Others are guessed, and the guess is shown.",
    ),
)
"""Adds the options of reading a file, which `run_file_command` takes."""


def _options(  # noqa: PLR0913 - what can be said of a file
    *,
    pairs: tuple[str, ...],
    mapping: str | None,
    match: str,
    decimal: str,
    date_formats: tuple[str, ...],
    form: str | None,
    encoding: str,
    delimiter: str,
    restart: bool,
    go_on: bool = False,
    **same: Any,
) -> FileOptions:
    """Put together how a file is read; `same` are those that have the names of `FileOptions`."""
    if go_on and restart:
        raise UsageError("--continue and --restart exclude each other")
    known = FileMapping()
    if mapping is not None:
        known = read_mapping(find_mapping(mapping, find_workspace(current().workspace)))
    form_said = Form(form or "", encoding, "\t" if delimiter == "\\t" else delimiter)
    known = known.with_columns(parse_pairs(pairs))
    return FileOptions(
        form=form_said,
        mapping=evolve(
            known,
            timezone=same["timezone"] or known.timezone,
            match=match or known.match,
            decimal=check_decimal(decimal) or known.decimal,
            date_formats=tuple(map(check_date_format, date_formats)) or known.date_formats,
            encoding=form_said.encoding or known.encoding,
            delimiter=form_said.delimiter or known.delimiter,
        ),
        changed="continue" if go_on else "restart" if restart else "refuse",
        **same,
    )


def run_file_command(
    name: str,
    said: dict[str, Any],
    run: Callable[[Workspace, FileOptions, Watch], Summary],
) -> int:
    """Run over a file and say what came of it; 1 if rows were rejected.

    Args:
        name: The file, as it was typed.
        said: What the options of `reading_a_file` have said.
        run: Does it in a workspace; is given how, and what wants to know how far it has come.
    """
    command = str(click.get_current_context().info_name)
    keep, explain = said.pop("save_mapping"), said.pop("explain")
    options = _options(**said)
    with current().open() as workspace:
        if explain:
            return _explain(workspace, name, options, contacts=command == "import")
        if keep is not None and keep.exists():
            raise UsageError(f"{keep} is there already", hint="name another file, or move it away")
        try:
            with watching(name, "rows") as step:
                summary = run(workspace, options, lambda p: _watch(p, step))
        except FileError as error:
            if error.summary is not None:
                _show(error.summary, command)
            raise
        _show(summary, command)
        if keep is not None:
            write_mapping(keep, summary.matched.mapping)
            note(f"what the columns mean is kept in {keep}: use it with --mapping {keep}")
    return 1 if summary.counts.rejected else 0


def _explain(workspace: Workspace, name: str, options: FileOptions, *, contacts: bool) -> int:
    """Show what would be read from the first rows of a file; 1 if one cannot be read."""
    matched, rows = explain_file(workspace.context, name, options, contacts=contacts)
    answer(
        lambda: {"ignored": list(matched.ignored), "rows": [row.to_json() for row in rows]},
        lambda page: _explained(rows, page) + _columns("columns not used", matched.ignored, page),
    )
    return 1 if any(row.problem or any(c.problem for c in row.cells) for row in rows) else 0


_WHY = {
    "said": "as you said",
    "guessed": "by its name",
    "constant": "in every row",
    "rule": "by other columns",
    "history": "told by the row",
    "facts": "among its facts",
}


def _explained(rows: Sequence[ExplainedRow], page: Page) -> list[Line]:
    """Draw what rows say as a table, and below it what cannot be read."""
    table: list[tuple[Text, ...]] = []
    wrong = [(f"line {row.line:,}", row.problem) for row in rows if row.problem]
    for row in rows:
        first = f"{row.line:,}"
        if row.left_out or row.problem:
            table.append((first, "", "", "cannot be read" if row.problem else "left out", ""))
        for cell in row.cells:
            why = TextSpan("cannot be read", "bad") if cell.problem else dim(_WHY[cell.why])
            text = "" if cell.problem else _clipped(cell.value)
            table.append((first, strong(cell.target), cell.column, text, why))
            wrong += [(f"line {row.line:,}", cell.problem)] if cell.problem else []
            first = ""
    below = stack(page.paragraph(f"{place}: {problem}") for place, problem in wrong)
    return [*page.grid(table, heads=("line", "what", "column", "read as", "why")), *below]


def _clipped(value: Any) -> str:
    """Return a value in the form in which it is stored, cut where it is long."""
    text = value if isinstance(value, str) else json_text(value)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


_WIDEST = 40


def _watch(progress: Progress, step: Step) -> None:
    """Show how far it is, and before the first row what the columns are taken for."""
    if progress.begun is not None and not current().json:
        write_notes(guess_lines(progress.begun, page_for(sys.stderr)))
    step(progress.rows, progress.size, progress.bytes_read)


def _show(summary: Summary, command: str) -> None:
    """Write what came of a file: as data, or to a person."""
    if not answer(summary.to_json, lambda page: summary_lines(summary, page)):
        return
    if summary.dry_run:
        note_dry_run()
    if summary.rejects and summary.counts.rejected:
        hint(_correcting(summary, command))


def _correcting(summary: Summary, command: str) -> str:
    """Return how to go on with rejected rows; a missing time zone needs no row corrected."""
    again = f"funnelflow {_global_options()}{command} {quote(summary.rejects)}{_file_options()}"
    if any("in which time zone" in rejected.reason for rejected in summary.examples):
        return (
            f"{again} --timezone ZONE (such as Europe/Berlin),\nor put the offset behind every time"
        )
    return f"correct the rows, then: {again}"


_OF_THE_FILE = frozenset(
    ["rejects", "save_mapping", "format", "delimiter", "encoding", "dry_run", "restart", "go_on"]
)
"""What is said of a file, and not of its rows: rejected ones are in a file of their own."""


def _file_options() -> str:
    """Return the options that decide what a row becomes, as they were given."""
    return _given(click.get_current_context(), _OF_THE_FILE)


def _global_options() -> str:
    """Return the options before the name of the command, but for a database with a password."""
    session = current()
    database = session.database if "@" not in (session.database or "") else None
    said = {"-C": session.workspace, "--database": database}
    parts = [f"{flag} {quote(value)} " for flag, value in said.items() if value]
    parts += [f"-p {quote(module)} " for module in session.modules]
    return "".join(parts)


def _given(context: click.Context, without: frozenset[str]) -> str:
    """Return the options of a command that were typed, as they can be typed again."""
    parts = []
    for option in context.command.params:
        name = str(option.name)
        typed = context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        if not (typed and isinstance(option, click.Option)) or name in without:
            continue
        if name not in context.params:  # the session keeps it
            continue
        flag, value = option.opts[-1], context.params[name]
        if option.is_flag:
            parts.append(flag)
        else:
            several = value if isinstance(value, list | tuple) else [value]
            parts += [f"{flag} {quote(str(one))}" for one in several]
    return "".join(f" {part}" for part in parts)


@command(
    "apply",
    "funnelflow apply events.csv",
    "funnelflow apply events.csv --dry-run",
    "funnelflow apply export.csv --map contact=entity_id --map at='Event time' --timezone UTC",
    "funnelflow apply planned.csv --future",
    "funnelflow apply calls.csv --mapping hubspot-activities --match email --explain",
    "gzip -dc events.jsonl.gz | funnelflow apply - --format jsonl",
)
@click.argument("file", type=click.Path(allow_dash=True))
@click.option("--no-create", is_flag=True, help="Reject events of contacts that nobody knows.")
@click.option("--continue", "go_on", is_flag=True, help="Apply what a file has grown by.")
@click.option(
    "--restart",
    is_flag=True,
    help="Apply all of a file that was begun or changed; events without a key once more.",
)
@reading_a_file
@as_json
def apply(file: str, *, no_create: bool, **said: Any) -> int:
    """Record the events of a file.

    FILE is CSV or JSON Lines, also gzipped; - reads standard input. A run that
    was broken off goes on with the same command, and a finished one changes
    nothing when repeated. Rows that cannot be used go to a rejects file, which
    can be corrected and applied. Exits 1 if there are any. Every row says when
    it happened; "now" is the time at which it is read. A file that is not in the
    order of time is sorted first, on the disk; standard input is not.
    """
    return run_file_command(
        file,
        said,
        lambda workspace, options, watch: workspace.apply(
            file, options, create=not no_create, progress=watch
        ),
    )


@command(
    "import",
    "funnelflow import contacts.csv --mode create",
    "funnelflow import contacts.csv --map contact=Id --map email='E-mail' --dry-run",
    "funnelflow import hubspot.csv --mapping hubspot.toml",
    "funnelflow import planned_contacts.csv --future",
    "funnelflow import kunden.csv --decimal , --date-format dd.MM.yyyy --explain",
    "funnelflow import export.csv --match email",
)
@click.argument("file", type=click.Path(allow_dash=True))
@click.option(
    "--mode",
    type=click.Choice(MODES),
    default="both",
    show_default=True,
    help="Add contacts, update those that are known, or both.",
)
@click.option("--restart", is_flag=True, help="Do not go on with an import that was broken off.")
@reading_a_file
@as_json
def import_(file: str, mode: Any, **said: Any) -> int:
    """Add or update contacts from a file.

    FILE is CSV or JSON Lines with a row for each contact; - reads standard
    input. It is a snapshot, read whole each time, so an export can be imported
    every night, changed or not; an import that was broken off goes on. What
    differs from what is known is kept as evidence; of a row that says nothing
    new it is only noted that it came, for evidence of before it that comes
    later. Where an id comes more than once, the last row counts, and the
    summary says how many do. A row may say since when; one without a time, or
    with "now", says what is known when the import is begun. Exits 1 if rows
    were rejected.
    """
    return run_file_command(
        file,
        said,
        lambda workspace, options, watch: workspace.import_contacts(
            file, options, mode=mode, progress=watch
        ),
    )


MOST_REASONS = 5
MOST_EXAMPLES = 5
MOST_COLUMNS = 12


def guess_lines(summary: Summary, page: Page) -> list[Line]:
    """Say what the columns were taken for, and which were left alone."""
    matches = summary.matched.matches
    plain = [_target(m) for m in matches if m.how == "guessed" and m.column == _target(m)]
    rows = [
        (strong(_target(m)), _source(m), dim(_how(m))) for m in matches if _target(m) not in plain
    ]
    return [
        *page.paragraph(f"{summary.path}: {_form(summary)}"),
        *_columns("columns taken by their names", plain, page),
        *page.grid(rows, indent=2),
        *_columns("columns not used", summary.matched.ignored, page),
    ]


def _columns(what: str, names: Sequence[str], page: Page) -> list[Line]:
    """Name columns; nothing where there are none."""
    more = [f"and {len(names) - MOST_COLUMNS:,} more"] if len(names) > MOST_COLUMNS else []
    return page.paragraph(f"{what}: {', '.join([*names[:MOST_COLUMNS], *more])}") if names else []


def summary_lines(summary: Summary, page: Page) -> list[Line]:
    """Draw what came of the rows of a file."""
    if summary.applied_before:
        head = f"{summary.path} was applied before; nothing was changed"
    else:
        rows = counted(summary.counts.rows, "row")
        dry = " (dry run)" if summary.dry_run else ""
        head = f"{summary.path}: {rows} read in {summary.seconds:.1f} s{dry}"
    went_on = f"an earlier run had done the first {summary.resumed:,} rows"
    return [
        line(strong(head)),
        *([line(f"  {went_on}")] if summary.resumed and not summary.applied_before else []),
        *page.grid(_counts(summary.counts), indent=2),
        *_warnings(summary.counts, page),
        *_look_alikes(summary, page),
        *_refusals(summary.counts, page),
        *_rejections(summary, page),
        *_left_later(summary, page),
    ]


def reason_rows(counts: Mapping[str, int], most: int) -> list[tuple[Text, ...]]:
    """Return the commonest reasons as rows, most first, by name among equals."""
    commonest = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return [(f"{count:,}", label) for label, count in commonest[:most]]


def _counts(counts: Counts) -> list[tuple[Text, ...]]:
    counted: dict[str, tuple[int, Look]] = {
        "moved": (counts.moved, "good"),
        "stayed": (counts.stayed, ""),
        "refused": (counts.refused, "bad"),
        "applied before": (counts.repeated, "dim"),
        "nothing new": (counts.unchanged, "dim"),
        "rejected": (counts.rejected, "bad"),
        "left out": (counts.left_out, "dim"),
        "erased contacts": (counts.erased, "dim"),
        "contacts added": (counts.created, ""),
    }
    always = ("moved", "stayed", "rejected")
    shown = {name: c for name, c in counted.items() if c[0] or name in always}
    width = max(len(f"{count:,}") for count, _ in shown.values())
    return [
        (name, TextSpan(f"{count:{width},}", look if count else "dim"))
        for name, (count, look) in shown.items()
    ]


def _warnings(counts: Counts, page: Page) -> list[Line]:
    """Tell of rows that were taken, and that somebody may not have meant."""
    in_future = counted(counts.in_future, "row")
    ahead = f"{in_future} with a time in the future: funnelflow doctor says whose"
    late = (
        f"{counted(counts.late, 'row')} of before what was known already, counted when they "
        f"happened; {counts.restated:,} of them changed where a contact stands or what was answered"
    )
    doubled = (
        f"{counted(counts.same_contact, 'row')} about a contact that an earlier row was about; "
        "where they differ, the last row counts"
    )
    untold = (
        f"{counted(counts.untold, 'message')} not sent, about what happened too long ago to be "
        "news: funnelflow outbox --state discarded lists them"
    )
    said = {
        ahead: counts.in_future,
        late: counts.late,
        doubled: counts.same_contact,
        untold: counts.untold,
    }
    return stack(page.paragraph(text, indent=2) for text, count in said.items() if count)


def _look_alikes(summary: Summary, page: Page) -> list[Line]:
    """Tell of contacts that were added and may have been known under another id."""
    count = summary.look_alikes.contacts
    if not count:
        return []
    were, look = ("was", "looks") if count == 1 else ("were", "look")
    what = f"{counted(count, 'contact')} that {were} added {look} like others, by id or email: "
    return page.paragraph(f"{what}funnelflow doctor names some; --match email finds them", indent=2)


def _refusals(counts: Counts, page: Page) -> list[Line]:
    rows = reason_rows(counts.reasons, MOST_REASONS)
    return [line("  commonest reasons of refusals"), *page.grid(rows, indent=4)] if rows else []


def _rejections(summary: Summary, page: Page) -> list[Line]:
    """Name the first rows that could not be used, and where all of them are."""
    rows = [
        (f"line {r.line:,}", _column(r.column, summary), r.reason)
        for r in summary.examples[:MOST_EXAMPLES]
    ]
    left = summary.counts.rejected - len(rows)
    more = [line(f"    and {left:,} more")] if rows and left > 0 else []
    where = [line(f"  rejected rows are in {summary.rejects}")] if summary.rejects else []
    return [*where, *page.grid(rows, indent=4), *more]


def _column(column: str, summary: Summary) -> str:
    """Name where a row is wrong: a column or member, or a character of a line of JSON."""
    return f"character {column}" if summary.format == "jsonl" and column.isdecimal() else column


def _left_later(summary: Summary, page: Page) -> list[Line]:
    """Name what nothing was read from and the first line did not show."""
    later = [name for name in summary.ignored if name not in summary.matched.ignored]
    return _columns("  columns not used in later lines", later, page)


def _form(summary: Summary) -> str:
    if summary.format == "jsonl":
        return f"JSON Lines in {summary.encoding}"
    if summary.format != "csv":
        return f"a table in the format {summary.format}"
    return f"CSV separated by {summary.delimiter!r} in {summary.encoding}"


def _target(match: Match) -> str:
    return match.target.removeprefix("field.")


def _source(match: Match) -> str:
    return f"always {match.column}" if match.how == "constant" else f"column {match.column}"


def _how(match: Match) -> str:
    return "a guess; --map says otherwise" if match.how == "guessed" else ""
