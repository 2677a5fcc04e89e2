"""``funnelflow translate``: what another definition calls a contact, or all of them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import click
from attrs import frozen

from funnelflow.cli.decisions import check_lines, open_count
from funnelflow.cli.find import definition_here
from funnelflow.cli.options import as_json, command, complete_contact, complete_definition
from funnelflow.cli.output import counted, hint
from funnelflow.cli.session import Session, answer, current
from funnelflow.cli.text import Line, Page, TextSpan, bullets, grid, line, paragraph, section
from funnelflow.definition import Linked
from funnelflow.engine import Considered, Funnel
from funnelflow.errors import UsageError
from funnelflow.storage.queries import Translated


@frozen
class Matrix:
    """How many contacts of each stage the other definition puts where.

    Attributes:
        home: The funnel whose contacts were read.
        name: The definition that read them.
        rows: The stages of the home that have contacts.
        columns: The stages of the other definition.
        counts: Contacts by (row, column).
        flagged: How many of them are not certain.
    """

    home: str
    name: str
    rows: Sequence[str]
    columns: Sequence[str]
    counts: Counter[tuple[str, str]]
    flagged: Counter[tuple[str, str]]


def matrix_of(
    names: tuple[str, str],
    rows: Sequence[str],
    columns: Sequence[str],
    seen: Iterable[tuple[str, str, bool]],
) -> Matrix:
    """Count contacts by where two definitions put them.

    Args:
        names: What the rows and the columns are headed by.
        rows: The stages of the first, in their order; others come behind.
        columns: The stages of the second, in their order.
        seen: Row, column and whether it is uncertain, for each contact.
    """
    counts: Counter[tuple[str, str]] = Counter()
    flagged: Counter[tuple[str, str]] = Counter()
    for row, column, is_flagged in seen:
        counts[row, column] += 1
        flagged[row, column] += is_flagged
    present = {row for row, _ in counts}
    ordered = [row for row in rows if row in present] + sorted(present - {*rows})
    return Matrix(*names, ordered, columns, counts, flagged)


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
    return [
        line(
            TextSpan(translated.contact_id, "strong"),
            f" is {translated.stage} in {translated.funnel}, and ",
            TextSpan(stage, "strong"),
            f" in {name}" + (", as far as is known" if translation.is_flagged else ""),
        ),
        *(paragraph(about, page, indent=2) if about else []),
        *_moves(translation.moves, page),
        *(drawn for way in translation.undecided for drawn in _undecided(way, page)),
        *section(
            "What to ask",
            bullets(
                [field.ask or field.label for field in translation.questions()], page, indent=2
            ),
        ),
    ]


def matrix_lines(matrix: Matrix, page: Page) -> list[Line]:
    """Draw where the contacts of each stage go, as a table without empty rows and columns."""
    columns = [c for c in matrix.columns if any(matrix.counts[row, c] for row in matrix.rows)]
    head = [
        TextSpan(f"{matrix.home} \\ {matrix.name}", "dim"),
        *(TextSpan(c, "strong") for c in columns),
    ]
    rows = [[TextSpan(r, "strong"), *(_cell(matrix, r, c) for c in columns)] for r in matrix.rows]
    total, flagged = matrix.counts.total(), matrix.flagged.total()
    return [
        *grid([head, *rows], page),
        (),
        line(f"{counted(total, 'contact')}; {flagged:,} not certain (marked ?)"),
    ]


def matrix_data(matrix: Matrix) -> dict[str, Any]:
    """Return the counts of contacts by where two definitions put them."""
    return {
        "from": matrix.home,
        "to": matrix.name,
        "contacts": matrix.counts.total(),
        "flagged": matrix.flagged.total(),
        "cells": [
            {"stage": a, "translated": b, "contacts": n, "flagged": matrix.flagged[a, b]}
            for (a, b), n in sorted(matrix.counts.items())
        ],
    }


def _cell(matrix: Matrix, row: str, column: str) -> TextSpan:
    count, flagged = matrix.counts[row, column], matrix.flagged[row, column]
    return TextSpan(f"{count:,}{'?' if flagged else ''}") if count else TextSpan("·", "dim")


def _moves(moves: int, page: Page) -> list[Line]:
    if not moves:
        return []
    text = f"{counted(moves, 'move')} by hand said nothing here: they were about other stages."
    return paragraph(text, page, indent=2)


def _undecided(way: Considered, page: Page) -> list[Line]:
    return [
        (),
        line("→ ", TextSpan(way.to, "strong"), f": {open_count(way)}"),
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
    answer(translated.to_json, lambda page: translation_lines(translated, funnel.linked, page))
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
