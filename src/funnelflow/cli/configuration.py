"""What is configured: ``funnelflow config`` and ``funnelflow plugins``."""

import re
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from importlib.resources import files as package_files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

import click

from funnelflow.cli.find import workspace_root
from funnelflow.cli.options import as_json, command, dry_run
from funnelflow.cli.output import hint, note, note_dry_run
from funnelflow.cli.session import Session, answer, current
from funnelflow.cli.text import Line, Look, Page, Text, TextSpan, dim, line, stack, strong
from funnelflow.errors import UnknownNameError, UsageError
from funnelflow.plugins import read_plugin_config
from funnelflow.plugins.configuration import LISTS, Status, Unmet, unmet, variable_prefix
from funnelflow.plugins.probing import PluginReport, probe_plugins
from funnelflow.workspace.settings import Config, find_workspace, read_config

_ORIGINS: Final = {
    "flag": "from the command line",
    "environment": "from the environment",
    "file": "from funnelflow.toml",
    "default": "by default",
}


@click.group()
def config() -> None:
    """Show the settings and where they come from."""


@command("show", "funnelflow config show", "funnelflow config show --json")
@as_json
def show_config() -> int:
    """Show every setting in force and where it comes from.

    A flag wins over the environment, that over funnelflow.toml, that over the
    default. Passwords and the settings of channels are not shown.
    """
    session = current()
    settings = read_config(find_workspace(session.workspace), flags={"database": session.database})
    answer(lambda: _config_data(settings), lambda page: config_lines(settings, page))
    return 0


def config_lines(settings: Config, page: Page) -> list[Line]:
    """Draw settings with their origins, who has which role, and who is notified."""
    rows = [
        _row(s.name, s.shown or "(none)", _ORIGINS[s.origin]) for s in settings.settings.values()
    ]
    roles = [_row(role, ", ".join(actors)) for role, actors in settings.roles.items()]
    notified = [
        _row(s.name, f"by {s.channel}", s.when or "every transition")
        for s in settings.subscriptions
    ]
    lines = [line(f"workspace {settings.directory}"), *page.grid(rows, indent=2)]
    for title, table in (("roles", roles), ("notify", notified)):
        if table:
            lines += [line(title), *page.grid(table, indent=2)]
    return lines


def _row(name: str, value: str, more: str = "") -> tuple[Text, ...]:
    return strong(name), value, dim(more)


def _config_data(settings: Config) -> dict[str, Any]:
    return {
        "workspace": str(settings.directory),
        "settings": {
            s.name: {"value": s.shown, "origin": s.origin} for s in settings.settings.values()
        },
        "roles": {role: list(actors) for role, actors in settings.roles.items()},
        "notify": [
            {
                "name": subscription.name,
                "channel": subscription.channel,
                "when": subscription.when,
                "funnels": list(subscription.funnels),
                "fields": list(subscription.fields),
            }
            for subscription in settings.subscriptions
        ],
    }


LOOKS: Final[dict[Status, Look]] = {"active": "good", "blocked": "dim", "broken": "bad"}


def plugins_lines(reports: Sequence[PluginReport], page: Page) -> list[Line]:
    """Draw a table of plugins, in the order in which their hooks are called."""
    heads = ("plugin", "version", "status", "source", "hooks")
    troubles = (_troubles(report, page) for report in reports)
    return [*page.grid(map(_report_row, reports), heads=heads), *stack(troubles)]


def plugin_lines(report: PluginReport, page: Page) -> list[Line]:
    """Draw everything that is known of a plugin."""
    status = report.status + (f" ({report.blocked_by})" if report.blocked_by else "")
    rows: dict[str, Text] = {
        "status": TextSpan(status, LOOKS[report.status]),
        "source": f"{report.source} ({report.kind})",
        "hooks": ", ".join(report.hooks) or "none",
        **{kind: ", ".join(names) for kind, names in report.offers.items()},
        "import": f"{report.seconds:.2f} seconds",
    }
    return [
        line(strong(f"{report.name} {report.version}".strip())),
        *page.paragraph(report.about, indent=2),
        *page.named(rows, indent=2),
        *_settings(report, page),
        *_troubles(report, page),
    ]


def _report_row(report: PluginReport) -> tuple[Text, ...]:
    hooks = [name.removeprefix("funnelflow_") for name in report.hooks]
    status = TextSpan(report.status, LOOKS[report.status])
    name, source = strong(report.name), dim(report.source)
    return name, report.version or "-", status, source, ", ".join(hooks) or "-"


def _settings(report: PluginReport, page: Page) -> list[Line]:
    rows = [_row(s.name, s.shown or "(none)", f"from the {s.origin}") for s in report.settings]
    return [line(dim("  settings")), *page.grid(rows, indent=4)] if rows else []


def _troubles(report: PluginReport, page: Page) -> list[Line]:
    """Draw what is wrong with a plugin, and what turns it off."""
    if not report.problems:
        return []
    first = f"✗ {report.name}: "
    drawn = stack(page.paragraph(problem, indent=2, first=first) for problem in report.problems)
    return [*drawn, line(dim("    to go on without it: "), report.turn_off)]


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
    if answer(lambda: [r.to_json() for r in found], lambda page: plugins_lines(found, page)):
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
    answer(
        lambda: [report.to_json() for report in reports],
        lambda page: stack(plugin_lines(report, page) for report in reports),
    )
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
    files = [str(path) for path in write_scaffold(name, directory, dry_run=dry_run)]
    root = str(Path(files[0]).parent)
    is_shown = not current().json
    if is_shown and not dry_run:
        note(f"plugin made: {root}")
    answer(lambda: {"directory": root, "files": files}, lambda _: map(line, files))
    if is_shown and dry_run:
        note_dry_run("written")
    elif is_shown:
        hint(f"cd {root} && pip install -e '.[dev]' && pytest")
    return 0


_PLUGIN_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST_NAME = 40


def write_scaffold(name: str, directory: Path, *, dry_run: bool = False) -> list[Path]:
    """Write the package of a new plugin.

    Args:
        name: What the plugin is called; the package is ``funnelflow-NAME``.
        directory: Where the package's own directory is made.
        dry_run: Write nothing.

    Returns:
        The files, the first of which stands in the package's directory.

    Raises:
        UsageError: The name cannot be one, or the directory is there already.
    """
    name = _checked_name(name)
    root = directory / f"funnelflow-{name}"
    if root.exists():
        raise UsageError(
            f"{root} is there already", hint="choose another name, or another --directory"
        )
    words = _template_words(name)
    template = package_files("funnelflow.plugins").joinpath("template")
    texts = {
        _template_place(root, place): text.format(**words)
        for place, text in _template_texts(template, "")
    }
    if not dry_run:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    return sorted(texts, key=lambda path: (len(path.parts), path))


def _checked_name(name: str) -> str:
    name = name.removeprefix("funnelflow-")
    if not _PLUGIN_NAME.fullmatch(name) or len(name) > _LONGEST_NAME or name in LISTS:
        raise UsageError(
            f"{name!r} cannot be the name of a plugin",
            hint="small letters, digits and single hyphens, such as `renewals` or `our-rules`",
        )
    return name


def _template_words(name: str) -> dict[str, str]:
    """Return what stands for the names in a template."""
    underscored = name.replace("-", "_")
    return {
        "name": name,
        "underscored": underscored,
        "package": f"funnelflow_{underscored}",
        "title": name.replace("-", " ").capitalize(),
        "variable": variable_prefix(name),
        "version": version("funnelflow"),
    }


def _template_texts(folder: Traversable, place: str) -> list[tuple[str, str]]:
    """Return the files of a template: where each goes, and its text."""
    found = []
    for item in folder.iterdir():
        inner = f"{place}{item.name}"
        if item.is_dir():
            found += _template_texts(item, f"{inner}/")
        elif item.name.endswith(".txt"):
            found.append((inner.removesuffix(".txt"), item.read_text(encoding="utf-8")))
    return found


def _template_place(root: Path, place: str) -> Path:
    """Return the path of a file of the template in the package."""
    name = root.name.removeprefix("funnelflow-")
    package = root.name.replace("-", "_")
    return root / place.replace("PACKAGE", package).replace("NAME", name)


def reports_here(session: Session) -> tuple[PluginReport, ...]:
    """Look at the plugins that this command line would load.

    Raises:
        ConfigurationError: What the configuration says about plugins is not understood.
    """
    workspace_root(session)  # a directory that is named has a workspace
    return probe_plugins(
        session.root_of_plugins(), no_plugins=session.no_plugins, modules=session.modules
    )


def lacking_here(session: Session, reports: Iterable[PluginReport]) -> tuple[Unmet, ...]:
    """List the plugins that the workspace requires and that are not in use.

    Raises:
        ConfigurationError: What the configuration says about plugins is not understood.
    """
    return unmet(read_plugin_config(workspace_root(session)), reports)


def _warn_of_lacking(session: Session, reports: Iterable[PluginReport]) -> None:
    """Name the required plugins that are not in use, and that nothing is written."""
    for found in lacking_here(session, reports):
        note(f"warning: plugin {found.name} is required here, and {found.why}")
        hint(f"nothing is written before it can be used: {found.hint}")


def _summary(found: tuple[PluginReport, ...]) -> str:
    if not found:
        return "no plugins are installed, and none are read from plugins/ of this workspace"
    counts = {
        status: sum(r.status == status for r in found)
        for status in dict.fromkeys(report.status for report in found)
    }
    return ", ".join(f"{count} {status}" for status, count in counts.items())


config.add_command(show_config)
for _command in (list_, show, new):
    plugins.add_command(_command)
