"""Plugins, drawn: a table of all, and one with everything that is known of it."""

from collections.abc import Sequence
from typing import Final

from funnelflow.cli.layout import grid, paragraph
from funnelflow.cli.text import Line, Look, Page, Span, line
from funnelflow.plugins.loading import Status
from funnelflow.plugins.reports import PluginReport

__all__ = ["plugin_lines", "plugins_lines"]

LOOKS: Final[dict[Status, Look]] = {"active": "good", "blocked": "dim", "broken": "bad"}


def plugins_lines(reports: Sequence[PluginReport], page: Page) -> list[Line]:
    """Draw a table of plugins, in the order in which their hooks are called."""
    if not reports:
        return []
    titles = [Span(t, "dim") for t in ("plugin", "version", "status", "source", "hooks")]
    lines = grid([titles, *map(_row, reports)], page)
    for report in reports:
        lines += _troubles(report, page)
    return lines


def plugin_lines(report: PluginReport, page: Page) -> list[Line]:
    """Draw everything that is known of a plugin."""
    status = report.status + (f" ({report.blocked_by})" if report.blocked_by else "")
    rows = [
        [Span("status", "dim"), Span(status, LOOKS[report.status])],
        [Span("source", "dim"), Span(f"{report.source} ({report.kind})")],
        [Span("hooks", "dim"), Span(", ".join(report.hooks) or "none")],
        *([Span(kind, "dim"), Span(", ".join(names))] for kind, names in report.offers.items()),
        [Span("import", "dim"), Span(f"{report.seconds:.2f} seconds")],
    ]
    head = line(Span(f"{report.name} {report.version}".strip(), "strong"))
    about = paragraph(report.about, page, indent=2) if report.about else []
    return [
        head,
        *about,
        *grid(rows, page, indent=2),
        *_settings(report, page),
        *_troubles(report, page),
    ]


def _row(report: PluginReport) -> list[Span]:
    hooks = [name.removeprefix("funnelflow_") for name in report.hooks]
    return [
        Span(report.name, "strong"),
        Span(report.version or "-"),
        Span(report.status, LOOKS[report.status]),
        Span(report.source, "dim"),
        Span(", ".join(hooks) or "-"),
    ]


def _settings(report: PluginReport, page: Page) -> list[Line]:
    if not report.settings:
        return []
    rows = [
        [Span(s.name, "strong"), Span(s.shown or "(none)"), Span(f"from the {s.origin}", "dim")]
        for s in report.settings
    ]
    return [line(Span("  settings", "dim")), *grid(rows, page, indent=4)]


def _troubles(report: PluginReport, page: Page) -> list[Line]:
    """Draw what is wrong with a plugin, and what turns it off."""
    if not report.problems:
        return []
    drawn = [
        part
        for problem in report.problems
        for part in paragraph(problem, page, indent=2, first=f"✗ {report.name}: ")
    ]
    return [*drawn, line(Span("    to go on without it: ", "dim"), report.turn_off)]
