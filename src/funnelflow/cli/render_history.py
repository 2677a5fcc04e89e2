"""What happened and was decided, drawn: a row a piece of evidence."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from funnelflow.cli.facts import moment
from funnelflow.cli.layout import grid, paragraph
from funnelflow.cli.text import Line, Look, Page, Span, columns
from funnelflow.engine import Verb
from funnelflow.store import HistoryRow

__all__ = ["history_lines", "typed", "what_happened"]

_LOOKS: Final[dict[Verb, Look]] = {"moved": "good", "stayed": "dim", "refused": "bad"}
_TITLES = ("time", "contact", "event", "facts", "by", "stage", "outcome")


def history_lines(
    rows: Sequence[HistoryRow], page: Page, *, with_contact: bool = True
) -> list[Line]:
    """Draw rows of the history: a table, or where that is too wide a line with its details.

    Args:
        rows: In the order they are shown.
        page: What they are drawn on.
        with_contact: Name the contact of each row; left out for the story of one.
    """
    if not rows:
        return []
    names = [row.contact_id if with_contact else "" for row in rows]
    table = _table(rows, names, page)
    widest = max(sum(columns(span.text, page) for span in one) for one in table)
    too_wide = page.terminal and widest > page.width
    return _stacked(rows, names, page) if too_wide else table


def typed(facts: Mapping[str, Any]) -> str:
    """Write facts as they are typed on the command line: ``budget=5000 fits_profile=yes``."""
    return " ".join(f"{name}={_typed_value(value)}" for name, value in facts.items())


def what_happened(row: HistoryRow) -> list[Span]:
    """Give the cells of a row that tell the story: event, facts, stages and outcome."""
    reason = f": {_reason(row)}" if _reason(row) else ""
    return [
        Span(_event(row)),
        Span(typed(row.facts)),
        _stage(row),
        Span(row.outcome + reason, _LOOKS[row.outcome]),
    ]


def _table(rows: Sequence[HistoryRow], names: Sequence[str], page: Page) -> list[Line]:
    """Draw a line for each row, whatever its length."""
    titles = [Span(title, "dim") for title in _TITLES]
    shown = [titles]
    for row, name in zip(rows, names, strict=True):
        event, facts, *became = what_happened(row)
        shown.append([_when(row), Span(name), event, facts, Span(row.actor, "dim"), *became])
    if not any(names):
        shown = [[when, *others] for when, _, *others in shown]
    return grid(shown, page, wrapped=False)


def _stacked(rows: Sequence[HistoryRow], names: Sequence[str], page: Page) -> list[Line]:
    """Draw what happened and what came of it in one line, the details below it."""
    heads = [
        [_when(row), *([Span(name)] if name else []), Span(_event(row)), _stage(row), _verb(row)]
        for row, name in zip(rows, names, strict=True)
    ]
    return [
        drawn
        for row, head in zip(rows, grid(heads, page, wrapped=False), strict=True)
        for drawn in (head, *_details(row, page))
    ]


def _details(row: HistoryRow, page: Page) -> list[Line]:
    """Say who told what, and for a refusal which criteria were in the way."""
    said = [f"by {row.actor}: {typed(row.facts)}" if row.facts else "", _reason(row)]
    return [drawn for text in said if text for drawn in paragraph(text, page, indent=4)]


def _when(row: HistoryRow) -> Span:
    return Span(moment(row.at), "dim")


def _event(row: HistoryRow) -> str:
    forced = f" by force: {row.reason}" if row.force else ""
    return f"{row.event} {row.to_stage}".strip() + forced


def _stage(row: HistoryRow) -> Span:
    if row.before == row.after:
        return Span(row.after)
    return Span(" → ".join([row.before, *(taken.to for taken in row.path)]))


def _verb(row: HistoryRow) -> Span:
    return Span(row.outcome, _LOOKS[row.outcome])


def _reason(row: HistoryRow) -> str:
    """Name the criteria that a move was refused by, and the plugins that were against it."""
    vetoed = [f"plugin {veto.plugin} was against it: {veto.reason}" for veto in row.vetoes]
    if row.outcome != "refused":
        return "; ".join(vetoed)
    own = {f"Plugin {veto.plugin}" for veto in row.vetoes}
    unmet = [label for label, _ in row.unmet if label not in own]
    return "; ".join([*unmet, *vetoed]) or "no transition leads there"


def _typed_value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ",".join(_typed_value(item) for item in value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
