"""Reports as pictures and as pages: which files, and what they are called."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click
from attrs import evolve

from funnelflow.cli.options import together
from funnelflow.cli.output import note, write_document
from funnelflow.definition import Linked
from funnelflow.report import Report
from funnelflow.report.page import report_page
from funnelflow.report.page_sections import sections_of
from funnelflow.report.svg_writer import Picture

DRAWING = together(
    click.option(
        "--html", type=click.Path(path_type=Path), metavar="FILE", help="Write it as one page."
    ),
    click.option(
        "--svg",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="DIR",
        help="Write its pictures into a directory.",
    ),
    click.option("--force", is_flag=True, help="Write over files that funnelflow has not drawn."),
)
"""Adds the options of drawing a report."""


def draw_reports(  # all that the options say, by keyword
    reports: Sequence[Report],
    definitions: Mapping[str, Linked],
    *,
    html: Path | None,
    svg: Path | None,
    force: bool,
    options: Mapping[str, str | None],
) -> bool:
    """Write reports to the files that were asked for; whether any were.

    Args:
        reports: The report of each funnel.
        definitions: The definition of each, by its name.
        html: Where the page goes; None for no page.
        svg: The directory where the pictures go; None for no pictures.
        force: Replace files that funnelflow has not drawn.
        options: What else was asked for, by the name of the option; None for what was not.
    """
    if html is not None:
        text = report_page(reports, options=options, definitions=definitions)
        write_document(html, text, force=force)
        note(f"drawn: {html}")
    if svg is not None:
        svg.mkdir(parents=True, exist_ok=True)
        for one in _pictures(reports, definitions):
            path = svg / f"{one.name}.svg"
            write_document(path, one.file(), force=force)
            note(f"drawn: {path}")
    return html is not None or svg is not None


def _pictures(reports: Sequence[Report], definitions: Mapping[str, Linked]) -> Iterator[Picture]:
    """Yield the pictures of reports; of several they are called by the funnel as well."""
    for report in reports:
        prefix = f"{report.funnel}-" if len(reports) > 1 else ""
        for section in sections_of(report, definitions.get(report.funnel)):
            for picture in section.pictures:
                yield evolve(picture, name=f"{prefix}{picture.name}")
