"""Pictures of rows and columns whose cells are the darker the more they hold."""

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from funnelflow.report.bar_charts import MARGIN, left_out
from funnelflow.report.markup import Markup, element
from funnelflow.report.number_words import percent
from funnelflow.report.records import SMALL, Cohort, Cohorts
from funnelflow.report.sections import Flow
from funnelflow.report.svg_writer import SMALL_SIZE, Picture, draw, width_of, write

MOST_CELLS: Final = 24
"""How many rows, and how many columns, a picture of cells has."""
CELL_HEIGHT: Final = 30.0
_LONGEST_NAME: Final = 190.0
_SLANT: Final = 35


class HeatCell(NamedTuple):
    """A cell.

    Attributes:
        text: What stands in it, so that nothing hangs on telling colours apart.
        heat: How dark it is, from 0 to 4.
        tip: What it says when it is pointed at.
    """

    text: str
    heat: int
    tip: str


class HeatGrid(NamedTuple):
    """Rows and columns of cells.

    Attributes:
        rows: The heads of the rows.
        columns: The heads of the columns.
        cells: The cells by the places of row and column; where there is none it stays empty.
        cell_width: How wide a cell is.
        below: What stands below; empty for nothing.
    """

    rows: Sequence[str]
    columns: Sequence[str]
    cells: Mapping[tuple[int, int], HeatCell]
    cell_width: float
    below: str = ""


def heat_grid(name: str, title: str, about: str, grid: HeatGrid) -> Picture:
    """Draw rows and columns of cells.

    Args:
        name: What its file is called.
        title: What it shows.
        about: The same in words.
        grid: The cells.
    """
    longest = max((width_of(column, SMALL_SIZE) for column in grid.columns), default=0)
    is_slanted = longest > grid.cell_width - 6
    slant = min(_LONGEST_NAME, longest) if is_slanted else 0
    left = 2 * MARGIN + min(_LONGEST_NAME, max(map(width_of, grid.rows), default=0))
    top = MARGIN + (14 + slant * math.sin(math.radians(_SLANT)) if is_slanted else 18)
    right = slant * math.cos(math.radians(_SLANT)) - grid.cell_width / 2
    width = left + grid.cell_width * len(grid.columns) + max(MARGIN, right)
    if grid.below:
        width = max(width, 2 * MARGIN + width_of(grid.below, SMALL_SIZE))
    height = top + CELL_HEIGHT * len(grid.rows) + MARGIN + (20 if grid.below else 0)
    columns = [
        _head(left + grid.cell_width * (x + 0.5), top - 8, column, is_slanted=is_slanted)
        for x, column in enumerate(grid.columns)
    ]
    rows = [
        write(left - 10, top + CELL_HEIGHT * y + 20, row, anchor="end", width=left - 2 * MARGIN + 1)
        for y, row in enumerate(grid.rows)
    ]
    cells = [
        _cell(cell, left + grid.cell_width * x, top + CELL_HEIGHT * y, grid.cell_width)
        for (y, x), cell in grid.cells.items()
    ]
    below = write(MARGIN, height - MARGIN + 2, grid.below, look="small muted") if grid.below else ""
    return draw(name, title, about, (width, height), [*columns, *rows, *cells, Markup(below)])


def _head(x: float, y: float, text: str, *, is_slanted: bool) -> Markup:
    if not is_slanted:
        return write(x, y, text, look="small", anchor="middle")
    turn = f"translate({x:.0f} {y:.0f}) rotate(-{_SLANT})"
    return element("g", write(0, 0, text, look="small", width=_LONGEST_NAME), transform=turn)


def _cell(cell: HeatCell, x: float, y: float, width: float) -> Markup:
    ground = f"heat{cell.heat}"
    look = f"small on-{ground}"
    return element(
        "g",
        element("title", cell.tip),
        element("rect", x=x, y=y, width=width - 2, height=CELL_HEIGHT - 2, rx=3, class_=ground),
        write(x + width / 2 - 1, y + 19, cell.text, look=look, anchor="middle", width=width - 4),
    )


def heat_of(share: float | None) -> int:
    """Return how dark a share is."""
    return min(4, math.ceil(share * 4)) if share else 0


def matrix_picture(flow: Flow) -> Picture:
    """Draw how often contacts went from which leaf stage, by row, to which, by column."""
    used = {move.source for move in flow.moves} | {move.to for move in flow.moves}
    stages = [stage for stage in flow.stages if stage in used]
    shown = stages[:MOST_CELLS]
    places = {stage: place for place, stage in enumerate(shown)}
    cells = {
        (places[move.source], places[move.to]): HeatCell(
            f"{move.moves.value:,}",
            0 if move.moves.is_small else heat_of(move.moves.share),
            f"{move.source} to {move.to}: {move.moves.value:,} of {move.moves.of or 0:,} "
            f"times that it was left{', back' if move.is_backward else ''}",
        )
        for move in flow.moves
        if move.source in places and move.to in places
    }
    below = left_out(len(stages) - len(shown)) if len(stages) > len(shown) else ""
    return heat_grid(
        "matrix",
        "From which stage to which",
        "How often contacts went from the stage of the row to that of the column; the darker, the "
        "greater the share of all times that the stage of the row was left. "
        f"Rows with fewer than {SMALL} such times are not coloured.",
        HeatGrid(shown, shown, cells, 58, below),
    )


def cohorts_picture(cohorts: Cohorts) -> Picture:
    """Draw cohorts of entry as a triangle: who was won by then, period after period.

    The values of a field have no such periods: theirs are the steps that they passed.
    """
    if cohorts.is_period:
        return _triangle(cohorts)
    shown = cohorts.rows[:MOST_CELLS]
    cells = {
        (y, x): _share_cell(row, passed.value, f"passed {step}")
        for y, row in enumerate(shown)
        for x, (step, passed) in enumerate(zip(cohorts.steps, row.passed, strict=True))
        if x < MOST_CELLS
    }
    columns = cohorts.steps[:MOST_CELLS]
    rows = [f"{row.label or 'not known'} ({row.entered.value:,})" for row in shown]
    return heat_grid(
        "by-field",
        f"Who passed each step, by {cohorts.by}",
        f"Of the contacts with each value of {cohorts.by}, the share that passed each step.",
        HeatGrid(rows, columns, cells, 72),
    )


def _triangle(cohorts: Cohorts) -> Picture:
    shown = cohorts.rows[-MOST_CELLS:]
    ages = min(MOST_CELLS, max((len(row.won_at_age) for row in shown), default=0))
    won = [list(accumulate(number.value for number in row.won_at_age[:ages])) for row in shown]
    coloured = [
        counts[-1] / row.entered.value
        for row, counts in zip(shown, won, strict=True)
        if counts and not row.entered.is_small
    ]
    most = max(coloured, default=0.0) or 1.0
    cells = {
        (y, x): _share_cell(row, count, f"won by {cohorts.by} {x} after entering", most)
        for y, (row, counts) in enumerate(zip(shown, won, strict=True))
        for x, count in enumerate(counts)
    }
    rows = [f"{row.label} ({row.entered.value:,})" for row in shown]
    return heat_grid(
        "cohorts",
        f"Who was won, by the {cohorts.by} of entry",
        f"Rows are the contacts that entered in one {cohorts.by}, columns how many {cohorts.by}s "
        "later it was; the cells say which share was won by then, the darker the more. "
        f"Cohorts of fewer than {SMALL} are not coloured, and say how many.",
        HeatGrid(
            rows, [f"+{age}" for age in range(ages)], cells, 52, f"columns: {cohorts.by}s later"
        ),
    )


def _share_cell(row: Cohort, value: int, what: str, most: float = 1.0) -> HeatCell:
    """Return a cell with a share of a cohort, the darkest for the share `most`.

    Of few it says how many, without a colour.
    """
    entered = row.entered.value
    tip = f"{row.label or 'not known'}: {value:,} of {entered:,} {what}"
    if row.entered.is_small:
        return HeatCell(f"{value:,}", 0, tip)
    return HeatCell(percent(value / entered), heat_of(value / entered / most), tip)
