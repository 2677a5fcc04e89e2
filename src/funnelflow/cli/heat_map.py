"""A crosswalk as a picture: SVG, with nothing to load from elsewhere."""

from html import escape

from funnelflow.compare import Cell, Crosswalk

__all__ = ["heat_map"]

CELL_WIDTH, CELL_HEIGHT, LETTER = 96, 34, 7.6
_FILLS = {"always": "#1b7f5c", "sometimes": "#a9d8c6", "never": "#f2f2f2"}
_INKS = {"always": "#ffffff", "sometimes": "#123", "never": "#999"}


def heat_map(one: Crosswalk) -> str:
    """Draw a crosswalk: rows are the first definition's stages, columns the second's.

    Returns:
        The text of an SVG file. Each cell says how often in a word, so that nothing hangs on
        telling colours apart.
    """
    left = 24 + LETTER * max(map(len, (*one.rows, one.first)))
    top = 40 + LETTER * max(map(len, one.columns)) * 0.75
    width, height = (
        left + CELL_WIDTH * len(one.columns) + 60,
        top + CELL_HEIGHT * len(one.rows) + 16,
    )
    cells = [
        _cell(one.cells[row, column], left + CELL_WIDTH * x, top + CELL_HEIGHT * y)
        for y, row in enumerate(one.rows)
        for x, column in enumerate(one.columns)
    ]
    rows = [
        f'<text x="{left - 10:.0f}" y="{top + CELL_HEIGHT * y + 22:.0f}" text-anchor="end">'
        f"{escape(row)}</text>"
        for y, row in enumerate(one.rows)
    ]
    columns = [
        f'<text transform="translate({left + CELL_WIDTH * x + 40:.0f} {top - 10:.0f}) rotate(-35)">'
        f"{escape(column)}</text>"
        for x, column in enumerate(one.columns)
    ]
    title = escape(f"What {one.first} (rows) calls, {one.second} (columns) calls")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" '
        'font-family="system-ui, sans-serif" font-size="13">\n'
        f"<title>{title}</title>\n"
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n'
        f'<text x="12" y="20" font-weight="bold">{title}</text>\n'
        + "\n".join([*columns, *rows, *cells])
        + "\n</svg>\n"
    )


def _cell(cell: Cell, x: float, y: float) -> str:
    tip = f"{cell.stage} and {cell.other}: {cell.often}"
    return (
        f"<g><title>{escape(tip)}</title>"
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{CELL_WIDTH - 2}" height="{CELL_HEIGHT - 2}" rx="4" '
        f'fill="{_FILLS[cell.often]}"/>'
        f'<text x="{x + CELL_WIDTH / 2 - 1:.0f}" y="{y + 21:.0f}" text-anchor="middle" '
        f'font-size="12" fill="{_INKS[cell.often]}">{cell.often}</text></g>'
    )
