"""``funnelflow show``: a definition as a glossary, as a diagram, or as data."""

import sys

import click

from funnelflow.cli.complete import complete_definition
from funnelflow.cli.find import default_definition, definition_here
from funnelflow.cli.options import as_json, command
from funnelflow.cli.output import page_for, say, say_text, write_json
from funnelflow.cli.render_definition import definition_lines
from funnelflow.cli.session import current
from funnelflow.definition import to_json
from funnelflow.engine import DiagramFormat, diagram

__all__ = ["show"]


@command(
    "show",
    "funnelflow show",
    "funnelflow show dialogue",
    "funnelflow show standard --diagram mermaid",
    "funnelflow show definitions/standard.yaml --json",
)
@click.argument("definition", required=False, shell_complete=complete_definition)
@click.option(
    "--diagram",
    "form",
    type=click.Choice(["mermaid", "dot"]),
    help="Draw it: the source text of a diagram.",
)
@as_json
def show(definition: str | None, form: DiagramFormat | None) -> int:
    """Explain a definition, or draw it.

    DEFINITION is a file or the name of a definition; without it, the
    workspace's own. Shows every stage with what to do in it, every transition
    with its criteria in plain words, and the words it speaks of.
    """
    session = current()
    linked = definition_here(definition or default_definition(session), session)
    if form is not None:
        say_text(diagram(linked, form).expandtabs(2))  # a tab would be shown as an escape
    elif session.json:
        write_json(to_json(linked.definition))
    else:
        say(definition_lines(linked, page_for(sys.stdout)))
    return 0
