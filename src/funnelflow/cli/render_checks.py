"""Criteria with their verdicts, drawn: a mark, the label, and what was seen.

✓ We can reach them            email is ada@example.com
✗ Budget is at least 5,000     budget is 3,000
? Talks to the decider         unknown: ask "Who signs the contract?"
"""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final, NamedTuple

from funnelflow.cli.text import Line, Look, Page, Span, columns, pad, wrap
from funnelflow.criteria import Check, Verdict

__all__ = ["MARKS", "check_lines", "criteria_of", "open_criteria", "said", "tally"]

MARKS: Final = {Verdict.MET: "✓", Verdict.NOT_MET: "✗", Verdict.UNKNOWN: "?"}
LOOKS: Final[dict[Verdict, Look]] = {
    Verdict.MET: "good",
    Verdict.NOT_MET: "bad",
    Verdict.UNKNOWN: "unknown",
}
INDENT = 2
STEP = 4
GAP = 4
GROUPS = ("all", "any", "at_least")
NARROW = 60
"""Below this many columns the words stand under their label, not beside it."""


class Row(NamedTuple):
    """One criterion of a drawing, `depth` groups deep; a group has all its text in the label."""

    verdict: Verdict
    depth: int
    label: str
    words: str


def criteria_of(check: Check | None) -> tuple[Check, ...]:
    """Give the criteria that a person counts: those that must all be met, groups as one."""
    if check is None:
        return ()
    if check.kind == "all" and not check.label:
        return tuple(c for inner in check.checks for c in criteria_of(inner))
    return (check,)


def open_criteria(check: Check | None) -> tuple[Check, ...]:
    """Give those of `criteria_of` that are not met or unknown."""
    return tuple(c for c in criteria_of(check) if c.verdict is not Verdict.MET)


def check_lines(check: Check | None, page: Page, indent: int = INDENT) -> list[Line]:
    """Draw every criterion of a transition, groups with theirs indented below them."""
    rows = [row for top in criteria_of(check) for row in _rows(top, 0)]
    if page.width < NARROW:
        return [drawn for row in rows for drawn in _stacked(row, page, indent)]
    sides = (STEP * r.depth + columns(r.label, page) for r in rows if r.words)
    width = max(sides, default=0)
    width = min(width, max(20, page.width * 45 // 100))
    return [drawn for row in rows for drawn in _beside(row, width, page, indent)]


def said(check: Check) -> str:
    """Say what was seen, or what to ask when it is not known."""
    if check.kind in GROUPS:
        return tally(check.checks)
    questions = [field.ask for field in check.missing if field.ask]
    if check.verdict is Verdict.UNKNOWN and _is_about_event(check):
        return "unknown: only an event tells"
    if check.verdict is Verdict.UNKNOWN and questions:
        return "unknown: ask " + " and ".join(f'"{question}"' for question in questions)
    return check.words


def _is_about_event(check: Check) -> bool:
    """Tell whether all that is unknown are facts about an event, which nobody can ask for."""
    unknown = [seen.name for seen in check.seen if seen.value is None]
    return bool(unknown) and all(name.startswith("event.") for name in unknown)


def tally(checks: Sequence[Check]) -> str:
    """Count verdicts in words: ``2 met, 1 unknown``."""
    counts = {verdict: sum(c.verdict is verdict for c in checks) for verdict in MARKS}
    return ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items() if count)


def _rows(check: Check, depth: int) -> Iterator[Row]:
    label, words = _label(check), said(check)
    if check.kind in GROUPS:
        label, words = f"{label}: {words}", ""
    yield Row(check.verdict, depth, label, words)
    for inner in check.checks:
        yield from _rows(inner, depth + 1)


def _label(check: Check) -> str:
    needs = {
        "all": f"all of these {len(check.checks)}",
        "any": f"any of these {len(check.checks)}",
        "at_least": f"at least {check.needs} of these {len(check.checks)}",
    }.get(check.kind, "")
    if check.label and needs:
        return f"{check.label} ({needs})"
    return check.label or needs or check.source


def _lead(row: Row, indent: int) -> tuple[Span, Span]:
    return Span(" " * (indent + STEP * row.depth)), Span(MARKS[row.verdict], LOOKS[row.verdict])


def _beside(row: Row, width: int, page: Page, indent: int) -> Iterator[Line]:
    """Draw label and words side by side."""
    lead = _lead(row, indent)
    room = max(width - STEP * row.depth, 8)
    if not row.words:
        room = max(8, page.width - indent - 2 - STEP * row.depth - GAP)
    labels = wrap(row.label, room, page)
    start = indent + 2 + STEP * row.depth + room + GAP
    words = wrap(row.words, max(12, page.width - start), page)
    for n, (label, said_) in enumerate(zip_longest(labels, words, fillvalue="")):
        first = lead if n == 0 else (lead[0], Span(" "))
        yield (*first, Span(" " + pad(label, room + GAP, page)), Span(said_, _dim(row)))


def _stacked(row: Row, page: Page, indent: int) -> Iterator[Line]:
    """Draw the words below the label, where there is no room beside it."""
    lead = _lead(row, indent)
    room = max(8, page.width - indent - STEP * row.depth - 2)
    for n, label in enumerate(wrap(row.label, room, page)):
        yield (*(lead if n == 0 else (lead[0], Span(" "))), Span(" " + label))
    for words in wrap(row.words, room - 2, page) if row.words else ():
        yield (lead[0], Span("    "), Span(words, _dim(row)))


def _dim(row: Row) -> Look:
    return "dim" if row.verdict is Verdict.MET else ""
