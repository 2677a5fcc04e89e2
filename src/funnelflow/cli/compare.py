"""``funnelflow translate`` and ``compare``: what others call a contact, and mean by words."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import click
from attrs import frozen

from funnelflow.cli.decisions import check_lines, facts_words, open_count
from funnelflow.cli.find import definition_here
from funnelflow.cli.need_tables import needs_data, needs_lines
from funnelflow.cli.options import as_json, command, complete_contact, complete_definition
from funnelflow.cli.output import counted, hint, note, note_merged, write_document
from funnelflow.cli.session import Session, answer, current
from funnelflow.cli.text import Line, Page, Text, dim, line, section, stack, strong
from funnelflow.compare import Cell, Crosswalk, Difference, Often, crosswalk, need_table
from funnelflow.definition import Linked
from funnelflow.engine import Considered, Event, Funnel
from funnelflow.errors import UsageError
from funnelflow.report.heat_charts import HeatCell, HeatGrid, heat_grid
from funnelflow.report.svg_writer import Picture
from funnelflow.storage.json_form import event_json
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
    questions = [field.ask or field.label for field in translation.questions()]
    return [
        line(
            strong(translated.contact_id),
            f" is {translated.stage} in {translated.funnel}, and ",
            strong(stage),
            f" in {name}" + (", as far as is known" if translation.is_flagged else ""),
        ),
        *page.paragraph(about, indent=2),
        *_moves(translation.moves, page),
        *stack(_undecided(way, page) for way in translation.undecided),
        *section("What to ask", page.bullets(questions, indent=2)),
    ]


def matrix_lines(matrix: Matrix, page: Page) -> list[Line]:
    """Draw where the contacts of each stage go, as a table without empty rows and columns."""
    columns = [c for c in matrix.columns if any(matrix.counts[row, c] for row in matrix.rows)]
    rows: list[list[Text]] = [
        [strong(r), *(_cell(matrix, r, c) for c in columns)] for r in matrix.rows
    ]
    total, flagged = matrix.counts.total(), matrix.flagged.total()
    return [
        *_crossed(matrix.home, matrix.name, columns, rows, page),
        (),
        line(f"{counted(total, 'contact')}; {flagged:,} not certain (marked ?)"),
    ]


def _crossed(
    home: str, name: str, columns: Sequence[str], rows: Iterable[Sequence[Text]], page: Page
) -> list[Line]:
    """Draw rows of one definition's stages by columns of another's."""
    return page.grid(rows, heads=(dim(f"{home} \\ {name}"), *map(strong, columns)))


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


def _cell(matrix: Matrix, row: str, column: str) -> Text:
    count, flagged = matrix.counts[row, column], matrix.flagged[row, column]
    return f"{count:,}{'?' if flagged else ''}" if count else dim("·")


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


_MARKS = {"always": "always", "sometimes": "sometimes", "never": "·"}


def compare_lines(one: Crosswalk, linked: Mapping[str, Linked], page: Page) -> list[Line]:
    """Draw the crosswalk of two definitions, and the words that they use differently.

    Args:
        one: The crosswalk.
        linked: The definitions, by name.
        page: What it is drawn on.
    """
    differences = (_difference(d, linked[d.first], page) for d in one.differences)
    rows: list[list[Text]] = [
        [strong(row), *(_MARKS[one.cells[row, column].often] for column in one.columns)]
        for row in one.rows
    ]
    return [
        line(strong(f"What {one.first} calls … {one.second} calls …")),
        (),
        *_crossed(one.first, one.second, one.columns, rows, page),
        (),
        line(dim(_how_far(one))),
        *section("In words", stack(differences, spaced=True)),
        (),
    ]


def _how_far(one: Crosswalk) -> str:
    if one.is_complete:
        return f"Every story was looked at that criteria can tell apart ({one.states:,} states)."
    return f"As far as {one.states:,} states of stories show; there are more."


def _difference(one: Difference, linked: Linked, page: Page) -> list[Line]:
    """Draw in a sentence after what the first uses a word, and what the second waits for."""
    waits = f"; it waits for: {', '.join(one.waits_for)}" if one.waits_for else ""
    text = (
        f"{one.first} says {one.word!r} after {_story_words(one.story, linked)}. "
        f"{one.second} says {one.stage}{waits}."
    )
    return page.paragraph(text, indent=2, first="• ")


def _story_words(story: Sequence[Event], linked: Linked) -> str:
    """Return a story in a line."""
    return ", then ".join(_happened(event, linked) for event in story) or "nothing at all"


def _happened(event: Event, linked: Linked) -> str:
    known = linked.events.get(event.name)
    title = known.event.title if known is not None else ""
    name = {"set": "it turns out", "tick": "time passes"}.get(event.name, title or event.name)
    facts = facts_words(event.facts, linked, event.name) if event.facts else ""
    return f"{name} ({facts})" if facts else name


_HEAT: dict[Often, int] = {"always": 4, "sometimes": 1, "never": 0}


def heat_map(one: Crosswalk) -> Picture:
    """Draw a crosswalk: rows are the first definition's stages, columns the second's.

    Each cell says how often in a word, so that nothing hangs on telling colours apart.
    """
    cells = {
        (y, x): _heat_cell(one.cells[row, column])
        for y, row in enumerate(one.rows)
        for x, column in enumerate(one.columns)
    }
    title = f"What {one.first} (rows) calls, {one.second} (columns) calls"
    grid = HeatGrid(one.rows, one.columns, cells, 96)
    return heat_grid("crosswalk", title, _how_far(one), grid)


def _heat_cell(cell: Cell) -> HeatCell:
    return HeatCell(cell.often, _HEAT[cell.often], f"{cell.stage} and {cell.other}: {cell.often}")


FEWEST = 2


@command(
    "compare",
    "funnelflow compare outreach dialogue",
    "funnelflow compare outreach dialogue --contacts",
    "funnelflow compare outreach dialogue --svg words.svg",
    "funnelflow compare qualified levels doorstep --json",
)
@click.argument("definitions", nargs=-1, shell_complete=complete_definition)
@click.option("--contacts", is_flag=True, help="Count the stored contacts, as each reads them.")
@click.option("--svg", type=click.Path(), metavar="FILE", help="Draw it as a heat map, of two.")
@click.option("--force", is_flag=True, help="Write over a file that is no picture of ours.")
@as_json
def compare(definitions: tuple[str, ...], svg: str | None, *, contacts: bool, force: bool) -> int:
    """Compare what definitions mean.

    Works out from the DEFINITIONS alone, two by two, what one calls the stages of
    the other (always, sometimes or never), with the shortest story that shows each
    difference. With --contacts, each reads the evidence of every stored contact
    instead, and a table counts where they agree.
    """
    session = current()
    if len(definitions) < FEWEST or (svg and len(definitions) != FEWEST):
        raise UsageError(
            "name two definitions" + (" to draw" if svg else ", or more"),
            hint="funnelflow compare outreach dialogue",
        )
    funnels = [Funnel(definition_here(name, session)) for name in definitions]
    if contacts:
        return _contacts(funnels, session)
    found = [crosswalk(first, second) for first, second in combinations(funnels, 2)]
    if svg:
        write_document(Path(svg), heat_map(found[0]).file(), force=force)
        note(f"drawn: {svg}")
    linked = {f.definition.name: f.linked for f in funnels}
    table = need_table([f.linked for f in funnels])
    answer(
        lambda: {"words": needs_data(table), "pairs": [_data(one) for one in found]},
        lambda page: [
            *needs_lines(table, page),
            (),
            *stack(compare_lines(one, linked, page) for one in found),
        ],
    )
    return 0


def _contacts(funnels: Sequence[Funnel], session: Session) -> int:
    """Count the stored contacts by where the definitions put them, two by two."""
    with session.open() as workspace:
        matrices = [
            matrix_of(
                (first.definition.name, second.definition.name),
                first.linked.leaves,
                second.linked.leaves,
                _placed(workspace.translate_all(first), workspace.translate_all(second)),
            )
            for first, second in combinations(funnels, 2)
        ]
    answer(
        lambda: [matrix_data(matrix) for matrix in matrices],
        lambda page: stack((*matrix_lines(m, page), ()) for m in matrices),
    )
    return 0


def _placed(
    first: Iterable[Translated], second: Iterable[Translated]
) -> Iterator[tuple[str, str, bool]]:
    """Yield where two definitions put each contact, and whether either is not certain."""
    for one, other in zip(first, second, strict=True):
        a, b = one.translation, other.translation
        yield a.stage, b.stage, a.is_flagged or b.is_flagged


def _data(one: Crosswalk) -> Any:
    return {
        "first": one.first,
        "second": one.second,
        "complete": one.is_complete,
        "states": one.states,
        "cells": [
            {"first": c.stage, "second": c.other, "often": c.often, "story": _story(c.story)}
            for c in one.cells.values()
        ],
        "differences": [_difference_data(d) for d in one.differences],
    }


def _difference_data(one: Difference) -> Any:
    return {
        "word": one.word,
        "used_by": one.first,
        "not_by": one.second,
        "stage": one.stage,
        "waits_for": list(one.waits_for),
        "story": _story(one.story),
    }


def _story(story: tuple[Event, ...]) -> list[Any]:
    return [{k: event_json(event)[k] for k in ("name", "at", "facts")} for event in story]
