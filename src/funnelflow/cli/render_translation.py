"""A translation, drawn: one contact with its reasons, or all of them as a table of counts."""

from collections import Counter
from collections.abc import Iterable, Sequence

from attrs import frozen

from funnelflow.cli.layout import bullets, grid, paragraph
from funnelflow.cli.output import counted
from funnelflow.cli.render_checks import check_lines
from funnelflow.cli.render_decision import open_count
from funnelflow.cli.text import Line, Page, Span, line
from funnelflow.definition import Linked
from funnelflow.engine import Considered
from funnelflow.store import Translated

__all__ = ["Matrix", "matrix_lines", "matrix_of", "translation_lines"]


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
            Span(translated.contact_id, "strong"),
            f" is {translated.stage} in {translated.funnel}, and ",
            Span(stage, "strong"),
            f" in {name}" + (", as far as is known" if translation.is_flagged else ""),
        ),
        *(paragraph(about, page, indent=2) if about else []),
        *_moves(translation.moves, page),
        *(drawn for way in translation.undecided for drawn in _undecided(way, page)),
        *_questions([field.ask or field.label for field in translation.questions()], page),
    ]


def matrix_lines(matrix: Matrix, page: Page) -> list[Line]:
    """Draw where the contacts of each stage go, as a table without empty rows and columns."""
    columns = [c for c in matrix.columns if any(matrix.counts[row, c] for row in matrix.rows)]
    head = [Span(f"{matrix.home} \\ {matrix.name}", "dim"), *(Span(c, "strong") for c in columns)]
    rows = [[Span(r, "strong"), *(_cell(matrix, r, c) for c in columns)] for r in matrix.rows]
    total, flagged = matrix.counts.total(), matrix.flagged.total()
    return [
        *grid([head, *rows], page),
        (),
        line(f"{counted(total, 'contact')}; {flagged:,} not certain (marked ?)"),
    ]


def _cell(matrix: Matrix, row: str, column: str) -> Span:
    count, flagged = matrix.counts[row, column], matrix.flagged[row, column]
    return Span(f"{count:,}{'?' if flagged else ''}") if count else Span("·", "dim")


def _moves(moves: int, page: Page) -> list[Line]:
    if not moves:
        return []
    text = f"{counted(moves, 'move')} by hand said nothing here: they were about other stages."
    return paragraph(text, page, indent=2)


def _undecided(way: Considered, page: Page) -> list[Line]:
    return [
        (),
        line("→ ", Span(way.to, "strong"), f": {open_count(way)}"),
        *check_lines(way.check, page),
    ]


def _questions(asks: Sequence[str], page: Page) -> list[Line]:
    return [(), line(Span("What to ask", "strong")), *bullets(asks, page, indent=2)] if asks else []
