"""``funnelflow translate``: what another definition calls a contact, or all of them."""

import sys
from typing import Any

import click

from funnelflow.cli.complete import complete_contact, complete_definition
from funnelflow.cli.data import considered_data, matrix_data, question_data
from funnelflow.cli.find import definition_here
from funnelflow.cli.options import as_json, command
from funnelflow.cli.output import hint, page_for, say, write_json
from funnelflow.cli.render_translation import matrix_lines, matrix_of, translation_lines
from funnelflow.cli.session import Session, current
from funnelflow.engine import Funnel
from funnelflow.errors import UsageError
from funnelflow.store import Translated

__all__ = ["translate"]


@command(
    "translate",
    "funnelflow translate ada --to dialogue",
    "funnelflow translate --all --from standard --to dialogue",
    "funnelflow translate --all --to qualified --json",
)
@click.argument("contact", required=False, shell_complete=complete_contact)
@click.option(
    "--to",
    required=True,
    metavar="DEFINITION",
    shell_complete=complete_definition,
    help="The definition that reads the evidence: a file or a name.",
)
@click.option("--all", "everybody", is_flag=True, help="Translate all contacts, and count.")
@click.option(
    "--from", "home", metavar="FUNNEL", help="With --all: only the contacts of this funnel."
)
@as_json
def translate(contact: str | None, to: str, home: str | None, *, everybody: bool) -> int:
    """Say what others call a contact.

    The contact's evidence is read by another definition; nothing is changed. Where
    the answer hangs on something that nobody has said, it is flagged, with the
    questions that would settle it.
    """
    session = current()
    if everybody == (contact is not None) or (home and not everybody):
        raise UsageError(
            "say either one contact or --all",
            hint="funnelflow translate --all --from standard --to dialogue",
        )
    funnel = Funnel(definition_here(to, session))
    if contact is None:
        return _everybody(funnel, home, session)
    with session.open() as workspace:
        translated = workspace.translate(contact, funnel)
    if session.json:
        write_json(_data(translated, funnel))
    else:
        say(translation_lines(translated, funnel.linked, page_for(sys.stdout)))
    return 0


def _everybody(funnel: Funnel, home: str | None, session: Session) -> int:
    """Count where the other definition puts the contacts, stage by stage."""
    name = funnel.definition.name
    with session.open() as workspace:
        rows = workspace.funnel(home).linked.leaves if home else ()
        seen = (
            (one.stage, one.translation.stage, one.translation.is_flagged)
            for one in workspace.translate_all(funnel, home=home)
        )
        matrix = matrix_of((home or "here", name), rows, funnel.linked.leaves, seen)
    if session.json:
        write_json(matrix_data(matrix))
        return 0
    say(matrix_lines(matrix, page_for(sys.stdout)))
    if matrix.flagged.total():
        hint(f"funnelflow translate CONTACT --to {name} says what to ask")
    return 0


def _data(translated: Translated, funnel: Funnel) -> Any:
    translation = translated.translation
    return {
        "contact": translated.contact_id,
        "funnel": translated.funnel,
        "stage": translated.stage,
        "definition": funnel.definition.name,
        "translated": translation.stage,
        "flagged": translation.is_flagged,
        "questions": [question_data(field) for field in translation.questions()],
        "moves_left_out": translation.moves,
        "undecided": [considered_data(way) for way in translation.undecided],
    }
