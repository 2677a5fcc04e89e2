"""``funnelflow translate``: what others call a contact."""

import click

from funnelflow.cli.contact_matrix import matrix_data, matrix_lines, matrix_of
from funnelflow.cli.decisions import check_lines, facts_words, open_count
from funnelflow.cli.find import definition_here
from funnelflow.cli.options import as_json, command, complete_contact, complete_definition
from funnelflow.cli.output import counted, hint, note_merged
from funnelflow.cli.session import Session, answer, current
from funnelflow.cli.text import Line, Page, line, moment, section, stack, strong
from funnelflow.compare import Translation
from funnelflow.definition import Linked
from funnelflow.engine import Considered, Event, Funnel
from funnelflow.engine.scenarios import criteria_in
from funnelflow.errors import UsageError
from funnelflow.storage.queries import Translated


def translation_lines(translated: Translated, linked: Linked, page: Page) -> list[Line]:
    """Draw what another definition calls a contact, and why it is not certain if it is not.

    Args:
        translated: The contact and its translation.
        linked: The definition that reads.
        page: What it is drawn on.
    """
    translation = translated.translation
    name, stage = linked.definition.name, translation.stage
    about = linked.stages[stage].about
    questions = [field.ask or field.label for field in translation.questions()]
    return [
        line(
            strong(translated.contact_id),
            f" is {translated.stage} in {translated.funnel}, and ",
            strong(stage),
            f" in {name}" + (", as far as is known" if translation.is_flagged else ""),
        ),
        *page.paragraph(about, indent=2),
        *_came_by(translation, linked, page),
        *_moves(translation.moves, page),
        *stack(_undecided(way, page) for way in translation.undecided),
        *section("What to ask", page.bullets(questions, indent=2)),
    ]


def _came_by(translation: Translation, linked: Linked, page: Page) -> list[Line]:
    """Draw which evidence took the contact there, and what met its criteria."""
    event = translation.came_by
    if event is None or not translation.path:
        return page.paragraph("Everybody begins there.", indent=2)
    taken = translation.path[-1]
    by = {"automatic": "its criteria were met", "timed": "its time had come"}.get(taken.cause, "")
    text = f"Since {moment(taken.at or event.at)}, {happened(event, linked)}" + (by and f": {by}")
    asked = linked.transitions[taken.index].rule
    labels = [one.label for one in criteria_in(asked) if one.label]
    words = f"It asks for: {', '.join(labels)}." if labels else ""
    return [*page.paragraph(f"{text}.", indent=2), *page.paragraph(words, indent=2)]


def happened(event: Event, linked: Linked) -> str:
    """Return a piece of evidence in a few words: what happened, and which facts it brought."""
    known = linked.events.get(event.name)
    title = "" if known is None else known.event.title
    name = _BUILT_IN.get(event.name, title or event.name)
    facts = facts_words(event.facts, linked, event.name) if event.facts else ""
    return f"{name} ({facts})" if facts else name


_BUILT_IN = {
    "add": "known at first",
    "set": "it turns out",
    "tick": "time passes",
    "move": "moved by hand",
}


def _moves(moves: int, page: Page) -> list[Line]:
    if not moves:
        return []
    text = f"{counted(moves, 'move')} by hand said nothing here: they were about other stages."
    return page.paragraph(text, indent=2)


def _undecided(way: Considered, page: Page) -> list[Line]:
    return [
        (),
        line("→ ", strong(way.to), f": {open_count(way)}"),
        *check_lines(way.check, page),
    ]


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
    "--funnel",
    "--from",
    "home",
    metavar="FUNNEL",
    help="The funnel that it is compared with; with --all: only the contacts of it.",
)
@as_json
def translate(contact: str | None, to: str, home: str | None, *, everybody: bool) -> int:
    """Say what others call a contact.

    The contact's evidence is read by another definition; nothing is changed. Where
    the answer hangs on something that nobody has said, it is flagged, with the
    questions that would settle it.
    """
    session = current()
    if everybody == (contact is not None):
        raise UsageError(
            "say either one contact or --all",
            hint="funnelflow translate --all --from standard --to dialogue",
        )
    funnel = Funnel(definition_here(to, session))
    if contact is None:
        return _everybody(funnel, home, session)
    with session.open() as workspace:
        translated = workspace.translate(contact, funnel, home=home)
    if answer(translated.to_json, lambda page: translation_lines(translated, funnel.linked, page)):
        note_merged(contact, translated.contact_id)
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
    is_shown = answer(lambda: matrix_data(matrix), lambda page: matrix_lines(matrix, page))
    if is_shown and matrix.flagged.total():
        hint(f"funnelflow translate CONTACT --to {name} says what to ask")
    return 0
