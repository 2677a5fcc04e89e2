"""What happened and was decided, drawn as a table: a row a piece of evidence."""

from collections.abc import Sequence
from typing import Any, Final

from funnelflow.engine import Verb
from funnelflow.store import HistoryRow

from .facts import moment
from .layout import grid
from .text import Line, Look, Page, Span

__all__ = ["history_lines", "typed", "what_happened"]

_LOOKS: Final[dict[Verb, Look]] = {"moved": "good", "stayed": "dim", "refused": "bad"}


def history_lines(
    rows: Sequence[HistoryRow], page: Page, *, with_contact: bool = True
) -> list[Line]:
    """Draw rows of the history.

    Args:
        rows: In the order they are shown.
        page: What they are drawn on.
        with_contact: Name the contact of each row; left out for the story of one.
    """
    if not rows:
        return []
    titles = ["time", "contact", "event", "facts", "by", "stage", "outcome"]
    shown = [[Span(title, "dim") for title in titles], *(_row(row) for row in rows)]
    if not with_contact:
        shown = [[*cells[:1], *cells[2:]] for cells in shown]
    return grid(shown, page)


def typed(facts: dict[str, Any]) -> str:
    """Write facts as they are typed on the command line: ``budget=5000 fits_profile=yes``."""
    return " ".join(f"{name}={_typed_value(value)}" for name, value in facts.items())


def _row(row: HistoryRow) -> list[Span]:
    event, facts, *became = what_happened(row)
    by = Span(row.actor, "dim")
    return [Span(moment(row.at), "dim"), Span(row.contact_id), event, facts, by, *became]


def what_happened(row: HistoryRow) -> list[Span]:
    """Give the cells of a row that tell the story: event, facts, stages and outcome."""
    return [
        Span(_event(row)),
        Span(typed(dict(row.facts))),
        Span(row.after if row.before == row.after else _path(row)),
        Span(_outcome(row), _LOOKS[row.outcome]),
    ]


def _event(row: HistoryRow) -> str:
    forced = f" by force: {row.reason}" if row.force else ""
    return f"{row.event} {row.to_stage}".strip() + forced


def _path(row: HistoryRow) -> str:
    return " → ".join([row.before, *(taken.to for taken in row.path)] if row.path else [row.after])


def _outcome(row: HistoryRow) -> str:
    """Give the outcome, and for a refusal which criteria were in the way."""
    if not row.unmet:
        return row.outcome
    return f"{row.outcome}: {'; '.join(label for label, _ in row.unmet)}"


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
