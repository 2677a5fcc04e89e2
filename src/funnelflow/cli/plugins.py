"""``funnelflow plugins``: which there are, what each offers, and a new one to begin with."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import click

from funnelflow.cli.find import workspace_root
from funnelflow.cli.options import as_json, command, dry_run
from funnelflow.cli.output import hint, note, page_for, say, write_json
from funnelflow.cli.session import Session, current
from funnelflow.cli.text import Line, Look, Page, TextSpan, grid, line, paragraph
from funnelflow.errors import UnknownNameError
from funnelflow.plugins import read_plugin_config
from funnelflow.plugins.configuration import Status, Unmet, unmet
from funnelflow.plugins.probing import PluginReport, probe_plugins

LOOKS: Final[dict[Status, Look]] = {"active": "good", "blocked": "dim", "broken": "bad"}


def plugins_lines(reports: Sequence[PluginReport], page: Page) -> list[Line]:
    """Draw a table of plugins, in the order in which their hooks are called."""
    if not reports:
        return []
    titles = [TextSpan(t, "dim") for t in ("plugin", "version", "status", "source", "hooks")]
    lines = grid([titles, *map(_row, reports)], page)
    for report in reports:
        lines += _troubles(report, page)
    return lines


def plugin_lines(report: PluginReport, page: Page) -> list[Line]:
    """Draw everything that is known of a plugin."""
    status = report.status + (f" ({report.blocked_by})" if report.blocked_by else "")
    rows = [
        [TextSpan("status", "dim"), TextSpan(status, LOOKS[report.status])],
        [TextSpan("source", "dim"), TextSpan(f"{report.source} ({report.kind})")],
        [TextSpan("hooks", "dim"), TextSpan(", ".join(report.hooks) or "none")],
        *(
            [TextSpan(kind, "dim"), TextSpan(", ".join(names))]
            for kind, names in report.offers.items()
        ),
        [TextSpan("import", "dim"), TextSpan(f"{report.seconds:.2f} seconds")],
    ]
    head = line(TextSpan(f"{report.name} {report.version}".strip(), "strong"))
    about = paragraph(report.about, page, indent=2) if report.about else []
    return [
        head,
        *about,
        *grid(rows, page, indent=2),
        *_settings(report, page),
        *_troubles(report, page),
    ]


def _row(report: PluginReport) -> list[TextSpan]:
    hooks = [name.removeprefix("funnelflow_") for name in report.hooks]
    return [
        TextSpan(report.name, "strong"),
        TextSpan(report.version or "-"),
        TextSpan(report.status, LOOKS[report.status]),
        TextSpan(report.source, "dim"),
        TextSpan(", ".join(hooks) or "-"),
    ]


def _settings(report: PluginReport, page: Page) -> list[Line]:
    if not report.settings:
        return []
    rows = [
        [
            TextSpan(s.name, "strong"),
            TextSpan(s.shown or "(none)"),
            TextSpan(f"from the {s.origin}", "dim"),
        ]
        for s in report.settings
    ]
    return [line(TextSpan("  settings", "dim")), *grid(rows, page, indent=4)]


def _troubles(report: PluginReport, page: Page) -> list[Line]:
    """Draw what is wrong with a plugin, and what turns it off."""
    if not report.problems:
        return []
    drawn = [
        part
        for problem in report.problems
        for part in paragraph(problem, page, indent=2, first=f"✗ {report.name}: ")
    ]
    return [*drawn, line(TextSpan("    to go on without it: ", "dim"), report.turn_off)]


@click.group()
def plugins() -> None:
    """List, show and begin plugins."""


@command(
    "list",
    "funnelflow plugins list",
    "funnelflow plugins list --json",
    "funnelflow plugins list --no-plugins",
)
@as_json
def list_() -> int:
    """List every plugin that is found: its version, its status and its hooks.

    They are imported in a process of their own, so that this works whatever
    they do.
    """
    session = current()
    found = reports_here(session)
    if session.json:
        write_json([report.to_json() for report in found])
    else:
        say(plugins_lines(found, page_for(sys.stdout)))
        note(_summary(found))
    _warn_of_lacking(session, found)
    return 0


@command("show", "funnelflow plugins show ours", "funnelflow plugins show ours --json")
@click.argument("name")
@as_json
def show(name: str) -> int:
    """Show what a plugin offers, its settings, and what is wrong with it."""
    session = current()
    found = reports_here(session)
    reports = [report for report in found if name in (report.name, f"{report.kind}:{report.name}")]
    if not reports:
        known = [report.name for report in found]
        hint_ = "" if known else "there are none: pip install one, or write plugins/NAME.py"
        raise UnknownNameError("plugin", name, known, hint=hint_)
    if session.json:
        write_json([report.to_json() for report in reports])
    else:
        page = page_for(sys.stdout)
        for report in reports:
            say(plugin_lines(report, page))
    _warn_of_lacking(session, found)
    return 0


@command("new", "funnelflow plugins new renewals", "funnelflow plugins new renewals --directory ..")
@click.argument("name")
@click.option(
    "--directory",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Where to make it, if not here.",
)
@dry_run
@as_json
def new(name: str, directory: Path, *, dry_run: bool) -> int:
    """Begin a plugin: a complete package whose own tests pass.

    It has a definition, a criterion, a notifier, tests and a README. Nothing
    that is there is written over.
    """
    from funnelflow.plugins.scaffold import write_scaffold  # noqa: PLC0415  # only this needs it

    session = current()
    files = write_scaffold(name, directory, dry_run=dry_run)
    root = files[0].parent
    if session.json:
        write_json({"directory": str(root), "files": [str(path) for path in files]})
        return 0
    if not dry_run:
        note(f"plugin made: {root}")
    for path in files:
        click.echo(path)
    if dry_run:
        note("dry run: nothing was written")
    else:
        hint(f"cd {root} && pip install -e '.[dev]' && pytest")
    return 0


def reports_here(session: Session) -> tuple[PluginReport, ...]:
    """Look at the plugins that this command line would load.

    Raises:
        ConfigurationError: What the configuration says about plugins is not understood.
    """
    return probe_plugins(
        workspace_root(session), no_plugins=session.no_plugins, modules=session.modules
    )


def lacking_here(session: Session, reports: Iterable[PluginReport]) -> tuple[Unmet, ...]:
    """List the plugins that the workspace requires and that are not in use.

    Raises:
        ConfigurationError: What the configuration says about plugins is not understood.
    """
    return unmet(read_plugin_config(workspace_root(session)), reports)


def _warn_of_lacking(session: Session, reports: Iterable[PluginReport]) -> None:
    """Tell of the required plugins that are not in use, and that nothing is written."""
    for found in lacking_here(session, reports):
        note(f"warning: plugin {found.name} is required here, and {found.why}")
        hint(f"nothing is written before it can be used: {found.hint}")


def _summary(found: tuple[PluginReport, ...]) -> str:
    if not found:
        return "no plugins are installed, and there are none in plugins/ of this workspace"
    counts = {
        status: sum(r.status == status for r in found)
        for status in dict.fromkeys(report.status for report in found)
    }
    return ", ".join(f"{count} {status}" for status, count in counts.items())


plugins.add_command(list_)
plugins.add_command(show)
plugins.add_command(new)
