"""``funnelflow init`` and ``demo``: a new workspace, empty or full of sample events."""

import csv
import datetime as dt
import io
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path

import click

from funnelflow.cli.files import reason_rows
from funnelflow.cli.find import reading_of, source_of
from funnelflow.cli.history import what_happened
from funnelflow.cli.options import command, complete_definition, dry_run
from funnelflow.cli.output import hint, note, note_dry_run, page_for, say, write_document
from funnelflow.cli.session import current
from funnelflow.cli.text import Line, Look, Page, TextSpan, dim, line, section, strong
from funnelflow.definition import DefinitionError, Linked, SchemaName, schema_text
from funnelflow.errors import ConfigurationError
from funnelflow.ingest.file_options import FileOptions
from funnelflow.ingest.summary import Summary
from funnelflow.plugins import PluginHost
from funnelflow.plugins.configuration import CONFIG_FILE
from funnelflow.report import Report
from funnelflow.storage.contacts import HistoryRow
from funnelflow.workspace.settings import DATABASE_FILE, library_of
from funnelflow.workspace.workspace import Workspace

SETTINGS = "funnelflow.toml"
IGNORED = """\
# The data of the workspace; the settings and definitions beside it belong in version control.
*.db
*.db-shm
*.db-wal
*.rejects.*
# The secret by which those who were erased are known again.
erased.key
"""
SCHEMA_LINE = re.compile(
    r"^(# yaml-language-server: \$schema=).*?(\w+\.schema\.json)$", re.MULTILINE
)
"""The comment that tells editors which schema completes a file."""


@command(
    "init",
    "funnelflow init",
    "funnelflow init sales --funnel dialogue",
    "funnelflow init sales --database postgresql://localhost/sales --dry-run",
)
@click.argument("directory", required=False, type=click.Path(path_type=Path))
@click.option(
    "--funnel",
    default="standard",
    show_default=True,
    metavar="NAME",
    shell_complete=complete_definition,
    help="The definition to start from: a name or a file.",
)
@dry_run
def init(directory: Path | None, funnel: str, *, dry_run: bool) -> int:
    """Make a workspace in a directory.

    Writes the settings, a copy of the definition with its vocabulary to make
    your own, and a database. Nothing that is there is written over.
    """
    session = current()
    root = (directory or Path(session.workspace or ".")).absolute()
    name, files = plan(root, funnel)
    if dry_run:
        say_plan(root, files)
        return 0
    make_workspace(root, name, files, session.database)
    say(
        [
            line(TextSpan("workspace made: ", "good"), str(root)),
            line("funnel: ", strong(name)),
        ]
    )
    start = "" if root == Path.cwd() else f"cd {shlex.quote(from_here(root))} && "
    hint(f"{start}funnelflow show {name}\nthen: funnelflow add ada email=ada@example.com")
    return 0


def plan(root: Path, funnel: str) -> tuple[str, dict[Path, str]]:
    """Name the funnel and give the files of a new workspace that are not there yet.

    Raises:
        ConfigurationError: There is a workspace already, or a file would be written over.
        UnknownNameError: There is no such definition.
        DefinitionError: The definition has errors.
    """
    if (root / SETTINGS).exists():
        raise ConfigurationError(
            f"there is a workspace already: {root / SETTINGS}",
            hint="use it, or choose another directory",
        )
    library = current().host.library(library_of(root))
    source = source_of(funnel, library)
    reading = reading_of(source, library)
    if reading.definition is None or reading.linked is None:
        raise DefinitionError(reading.problems)
    copies = _copies(reading.sources, source, root) if isinstance(source, Path) else {}
    _refuse_overwriting(copies)
    copies |= _schemas(root / "definitions" / "schemas")
    ignore = root / ".gitignore"
    new = {path: text for path, text in copies.items() if not path.exists()}
    return reading.definition.name, new if ignore.exists() else {**new, ignore: IGNORED}


def say_plan(root: Path, files: Iterable[Path]) -> None:
    """Write what making a workspace would write."""
    say(line("would write ", strong(str(path))) for path in [root / SETTINGS, *files])
    note_dry_run("written")


def make_workspace(
    root: Path, funnel: str, files: Mapping[Path, str], database: str | None = None
) -> None:
    """Write the files of a workspace, then its settings and its database; all, or nothing.

    Raises:
        ConfigurationError: There is a workspace already, or it cannot be made.
        StoreError: The database cannot be made.
    """
    written: list[Path] = []
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            written.append(path)
            path.write_text(text, encoding="utf-8", newline="\n")
        Workspace.create(root, funnel, database=database, plugins=current().host).close()
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise


def _copies(sources: Mapping[str, str], source: Path, root: Path) -> dict[Path, str]:
    """Return the files that a definition consists of, each with its place in the workspace."""
    own = root / "definitions"
    copies = {}
    for name, text in sources.items():
        path = Path(name)
        nested = path.parent.name == "vocabularies"
        folder = own / "vocabularies" if nested else own
        schemas = "../schemas/" if nested else "schemas/"
        copies[folder / path.name] = SCHEMA_LINE.sub(rf"\g<1>{schemas}\g<2>", text)
    return {path: text for path, text in copies.items() if path.absolute() != source.absolute()}


def _schemas(folder: Path) -> dict[Path, str]:
    """Return the schemas, so that editors complete the definitions beside them."""
    names: tuple[SchemaName, ...] = ("definition", "vocabulary")
    return {folder / f"{name}.schema.json": schema_text(name) for name in names}


def _refuse_overwriting(copies: Mapping[Path, str]) -> None:
    """Refuse when a file of another content stands where a copy would go."""
    for path, text in copies.items():
        if path.exists() and path.read_text(encoding="utf-8", errors="replace") != text:
            raise ConfigurationError(
                f"{path} is there already, and nothing is written over",
                hint="move it away, or name it: funnelflow init --funnel " + path.stem,
            )


def from_here(root: Path) -> str:
    """Return a path as it is typed in the current directory."""
    try:
        return str(root.relative_to(Path.cwd()))
    except ValueError:
        return str(root)


BAR = 40
REASONS = 3
SHORTEST, LONGEST = 6, 12
"""How many rows a story has that is neither too short to say anything nor too long to read."""


def demo_lines(
    summary: Summary,
    counts: Mapping[str, int],
    story: Sequence[HistoryRow],
    linked: Linked,
    page: Page,
) -> list[Line]:
    """Draw what became of the contacts.

    Args:
        summary: What came of the file of events.
        counts: Contacts by stage.
        story: The history of one contact.
        linked: The definition of the funnel.
        page: What it is drawn on.
    """
    reasons = reason_rows(summary.counts.reasons, REASONS)
    return [
        *page.paragraph(_opening(summary)),
        *section("Where they are now", bars(counts, linked, page)),
        *section("Why moves were refused", page.grid(reasons, indent=2)),
        *_story(story, page),
    ]


def bars(counts: Mapping[str, int], linked: Linked, page: Page) -> list[Line]:
    """Draw how many contacts are in each stage, as bars."""
    most = max(counts.values(), default=0) or 1
    space = max(10, min(BAR, page.width - 40))
    width = max(len(f"{count:,}") for count in counts.values())
    rows = (
        (stage, f"{n:{width},}", TextSpan(_bar(n, most, space), _look(stage, linked)))
        for stage, n in counts.items()
    )
    return page.grid(rows, indent=2)


def tells_a_story(rows: Sequence[HistoryRow]) -> bool:
    """Return whether a history is short enough to read, has a refusal in it, and ends well."""
    return (
        SHORTEST <= len(rows) <= LONGEST
        and rows[-1].after == "customer"
        and any(row.outcome == "refused" for row in rows)
    )


def _bar(count: int, most: int, space: int) -> str:
    """Draw a bar; one that would vanish is drawn half as wide as the narrowest."""
    return "█" * round(space * count / most) or ("▌" if count else "")


def _look(stage: str, linked: Linked) -> Look:
    looks: dict[str, Look] = {"won": "good", "lost": "bad"}
    return looks.get(linked.type_of(stage), "")


def _opening(summary: Summary) -> str:
    counts = summary.counts
    return (
        f"{counts.rows:,} events about {counts.created:,} contacts were applied in "
        f"{summary.seconds:.1f} seconds: {counts.moved:,} moved somebody on, {counts.stayed:,} "
        f"told something and moved nobody, {counts.refused:,} moves were refused, and "
        f"{counts.repeated:,} had been delivered twice and were taken once."
    )


def _story(rows: Sequence[HistoryRow], page: Page) -> list[Line]:
    """Draw one contact's story, in days from its beginning."""
    days = [(row.at - rows[0].at) // dt.timedelta(days=1) + 1 for row in rows]
    story = [[dim(f"day {day}"), *what_happened(row)] for day, row in zip(days, rows, strict=True)]
    return section(f"The story of {rows[0].contact_id}" if rows else "", page.grid(story, indent=2))


FUNNEL = "standard"
NAME = "funnelflow-demo"
EVENTS = "events.csv"
PAGE = "report.html"
SECOND = dt.timedelta(seconds=1)


@command("demo", "funnelflow demo", "funnelflow demo try-it", "funnelflow demo --dry-run")
@click.argument("directory", required=False, type=click.Path(path_type=Path))
@dry_run
def demo(directory: Path | None, *, dry_run: bool) -> int:
    """Fill a workspace with sample events and show it.

    Makes a workspace in DIRECTORY (funnelflow-demo, unless named), applies half
    a year of an invented sales team, shows what became of its contacts, and
    says what to try next. Nothing that is there is written over.
    """
    if directory is not None:
        _refuse_around(directory)
    wanted = directory or _writable(make=not dry_run) / NAME
    root = unused(wanted.absolute())
    if root != wanted.absolute():
        note(f"{wanted} is there already; the demo is in {root}")
    name, files = plan(root, FUNNEL)
    files |= {root / EVENTS: sample_events(dt.datetime.now(dt.UTC))}
    if dry_run:
        say_plan(root, [*files, root / PAGE])
        return 0
    make_workspace(root, name, files, DATABASE_FILE)
    with Workspace.open(root, database=DATABASE_FILE, plugins=PluginHost()) as workspace:
        summary = workspace.apply(str(root / EVENTS), FileOptions(actor="demo"))
        _show(root, workspace, summary)
    return 0


def _refuse_around(directory: Path) -> None:
    """Refuse a directory that one is working in and that is in use; others get another name.

    Raises:
        ConfigurationError: It is, and a directory beside it is not what was meant.
    """
    meant, here = directory.resolve(), Path.cwd().resolve()
    if here.is_relative_to(meant) and any(meant.iterdir()):
        is_workspace = (meant / CONFIG_FILE).exists()
        what = "there is a workspace already" if is_workspace else "the directory is not empty"
        hint = f"name a directory that is not there yet: funnelflow demo {NAME}"
        raise ConfigurationError(f"{what}: {meant}", hint=hint)


def unused(directory: Path) -> Path:
    """Return the directory, or the next one by that name, that is not there or is empty."""
    candidates = (directory, *(directory.with_name(f"{directory.name}-{n}") for n in range(2, 999)))
    return next(c for c in candidates if not c.exists() or (c.is_dir() and not any(c.iterdir())))


def sample_events(now: dt.datetime) -> str:
    """Return the sample events, moved by whole seconds so that the last one is from now.

    Their times are whole minutes apart, and so are the moments at which time opens something:
    none of them lies between the last event and the second in which it is shown.
    """
    text = (resources.files("funnelflow") / "samples" / EVENTS).read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    latest = max(dt.datetime.fromisoformat(row["at"]) for row in rows)
    shift = (now - latest) // SECOND * SECOND
    moved = io.StringIO(newline="")
    writer = csv.DictWriter(moved, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        at = dt.datetime.fromisoformat(row["at"]) + shift
        writer.writerow({**row, "at": at.isoformat().replace("+00:00", "Z")})
    return moved.getvalue()


def _writable(*, make: bool) -> Path:
    """Return the current directory, or one for temporary files where that cannot be written to."""
    here = Path.cwd()
    if os.access(here, os.W_OK):
        return here
    return Path(tempfile.mkdtemp() if make else tempfile.gettempdir())


def _show(root: Path, workspace: Workspace, summary: Summary) -> None:
    """Show what became of the contacts, and say what to try."""
    linked = workspace.funnel(FUNNEL).linked
    story = _longest_story(workspace)
    counts = workspace.counts(FUNNEL)
    page = page_for(sys.stdout)
    say(demo_lines(summary, counts, story, linked, page))
    reports = workspace.report(FUNNEL)
    say(_report_lines(reports, page))
    _draw(root / PAGE, reports, linked)
    hint(_suggestions(root, _undecided(workspace)))


def _report_lines(reports: Iterable[Report], page: Page) -> list[Line]:
    """Draw what the report says of how far contacts came, and of what to ask."""
    from funnelflow.cli.report_view import (  # noqa: PLC0415  # only the demo draws here
        conversion_lines,
        question_lines,
    )

    return [
        drawn
        for report in reports
        for drawn in (
            *section("How far they came", conversion_lines(report.conversion, page)),
            *section("What to ask", question_lines(report.blockers, page)),
        )
    ]


def _draw(path: Path, reports: Sequence[Report], linked: Linked) -> None:
    """Write the report as a page, and say where it is."""
    from funnelflow.report.page import report_page  # noqa: PLC0415  # only the demo draws here

    write_document(path, report_page(reports, definitions={FUNNEL: linked}))
    note(f"the numbers and pictures, for a browser: {from_here(path)}")


def _longest_story(workspace: Workspace) -> tuple[HistoryRow, ...]:
    """Find a contact whose story shows what funnelflow does: refused, and a customer in the end."""
    refused = workspace.history(outcome="refused", limit=1_000).rows
    names = sorted({row.contact_id for row in refused})
    stories = (workspace.history(name).rows for name in names)
    return next((story for story in stories if tells_a_story(story)), ())


def _undecided(workspace: Workspace) -> str:
    """Name a lead for whom there is something to find out."""
    found = workspace.list("has(contact.budget) && !has(contact.authority)", stage="lead", limit=1)
    return next((stored.id for stored in found), "c-0001")


def _suggestions(root: Path, contact: str) -> str:
    return "\n".join(
        (
            "to try next:",
            f"cd {shlex.quote(from_here(root))}",
            f"funnelflow why {contact}",
            f"funnelflow move {contact} prospect",
            f"funnelflow history {contact}",
            "funnelflow list --where 'contact.budget >= 10000' --stage lead",
            "funnelflow report",
            "funnelflow todo",
            "funnelflow show standard",
        )
    )
