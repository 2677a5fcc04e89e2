"""What came of a file, drawn: counts, the commonest reasons, the first bad rows."""

from collections.abc import Mapping

from funnelflow.cli.output import counted
from funnelflow.cli.text import Line, Look, Page, TextSpan, grid, line, paragraph
from funnelflow.ingest.column_matching import Match
from funnelflow.ingest.summary import Summary
from funnelflow.storage.checkpoints import Counts

MOST_REASONS = 5
MOST_EXAMPLES = 5


def guess_lines(summary: Summary, page: Page) -> list[Line]:
    """Say what the columns were taken for, and which were left alone."""
    matches = summary.matched.matches
    plain = [_target(m) for m in matches if m.how == "guessed" and m.column == _target(m)]
    rows = [
        [TextSpan(_target(m), "strong"), TextSpan(_source(m)), TextSpan(_how(m), "dim")]
        for m in matches
        if _target(m) not in plain
    ]
    ignored = summary.matched.ignored
    return [
        *paragraph(f"{summary.path}: {_form(summary)}", page),
        *(paragraph(f"columns taken by their names: {', '.join(plain)}", page) if plain else []),
        *grid(rows, page, indent=2),
        *(paragraph(f"columns not used: {', '.join(ignored)}", page) if ignored else []),
    ]


def summary_lines(summary: Summary, page: Page) -> list[Line]:
    """Draw what came of the rows of a file."""
    if summary.applied_before:
        head = f"{summary.path} was applied before; nothing was changed"
    else:
        rows = counted(summary.counts.rows, "row")
        dry = " (dry run)" if summary.dry_run else ""
        head = f"{summary.path}: {rows} read in {summary.seconds:.1f} s{dry}"
    went_on = f"an earlier run had done the first {summary.resumed:,} rows"
    return [
        line(TextSpan(head, "strong")),
        *([line(f"  {went_on}")] if summary.resumed and not summary.applied_before else []),
        *grid(_counts(summary.counts), page, indent=2),
        *_warnings(summary.counts, page),
        *_refusals(summary.counts, page),
        *_rejections(summary, page),
        *_left_later(summary, page),
    ]


def commonest(counts: Mapping[str, int], most: int) -> list[tuple[str, int]]:
    """Return the commonest, most first, by name among equals."""
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:most]


def _counts(counts: Counts) -> list[list[TextSpan]]:
    counted: dict[str, tuple[int, Look]] = {
        "moved": (counts.moved, "good"),
        "stayed": (counts.stayed, ""),
        "refused": (counts.refused, "bad"),
        "applied before": (counts.repeated, "dim"),
        "nothing new": (counts.unchanged, "dim"),
        "rejected": (counts.rejected, "bad"),
        "contacts added": (counts.created, ""),
    }
    always = ("moved", "stayed", "rejected")
    shown = {name: c for name, c in counted.items() if c[0] or name in always}
    width = max(len(f"{count:,}") for count, _ in shown.values())
    return [
        [TextSpan(name), TextSpan(f"{count:{width},}", look if count else "dim")]
        for name, (count, look) in shown.items()
    ]


def _warnings(counts: Counts, page: Page) -> list[Line]:
    """Tell of rows that were taken, and that somebody may not have meant."""
    in_future = counted(counts.in_future, "row")
    ahead = f"{in_future} with a time in the future: funnelflow doctor says whose"
    late = (
        f"{counted(counts.late, 'row')} of before what was known already, counted when they "
        f"happened; {counts.restated:,} of them changed where a contact stands or what was answered"
    )
    doubled = (
        f"{counted(counts.same_contact, 'row')} about a contact that an earlier row was about; "
        "where they differ, the last row counts"
    )
    said = [
        *([ahead] if counts.in_future else []),
        *([late] if counts.late else []),
        *([doubled] if counts.same_contact else []),
    ]
    return [drawn for text in said for drawn in paragraph(text, page, indent=2)]


def _refusals(counts: Counts, page: Page) -> list[Line]:
    rows = [
        [TextSpan(f"{count:,}"), TextSpan(label)]
        for label, count in commonest(counts.reasons, MOST_REASONS)
    ]
    return [line("  commonest reasons of refusals"), *grid(rows, page, indent=4)] if rows else []


def _rejections(summary: Summary, page: Page) -> list[Line]:
    """Name the first rows that could not be used, and where all of them are."""
    examples = summary.examples[:MOST_EXAMPLES]
    rows = [
        [TextSpan(f"line {r.line:,}"), TextSpan(_column(r.column, summary)), TextSpan(r.reason)]
        for r in examples
    ]
    left = summary.counts.rejected - len(rows)
    more = [line(f"    and {left:,} more")] if rows and left > 0 else []
    where = [line(f"  rejected rows are in {summary.rejects}")] if summary.rejects else []
    return [*where, *grid(rows, page, indent=4), *more]


def _column(column: str, summary: Summary) -> str:
    """Name where a row is wrong: a column or member, or a character of a line of JSON."""
    return f"character {column}" if summary.format == "jsonl" and column.isdecimal() else column


def _left_later(summary: Summary, page: Page) -> list[Line]:
    """Name what nothing was read from and the first line did not show."""
    later = [name for name in summary.ignored if name not in summary.matched.ignored]
    return (
        paragraph(f"  columns not used in later lines: {', '.join(later)}", page) if later else []
    )


def _form(summary: Summary) -> str:
    if summary.format != "csv":
        return f"JSON Lines in {summary.encoding}"
    return f"CSV separated by {summary.delimiter!r} in {summary.encoding}"


def _target(match: Match) -> str:
    return match.target.removeprefix("field.")


def _source(match: Match) -> str:
    return f"always {match.column}" if match.how == "constant" else f"column {match.column}"


def _how(match: Match) -> str:
    return "a guess; --map says otherwise" if match.how == "guessed" else ""
