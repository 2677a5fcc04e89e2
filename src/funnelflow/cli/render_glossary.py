"""The words of definitions, drawn for a terminal."""

from collections.abc import Sequence

from funnelflow.cli.layout import bullets, paragraph
from funnelflow.cli.render_definition import rule_lines
from funnelflow.cli.text import Line, Page, Span, line
from funnelflow.compare import Entry, Meaning, Way
from funnelflow.criteria import Rule

__all__ = ["criteria_texts", "glossary_lines"]

_WIDE = Page(width=10_000, colour=False, encoding="utf-8", terminal=False)


def glossary_lines(entries: Sequence[Entry], page: Page) -> list[Line]:
    """Draw every word with what each definition means by it.

    Args:
        entries: The words.
        page: What they are drawn on.
    """
    return [drawn for entry in entries for drawn in (*_entry(entry, page), ())][:-1]


def criteria_texts(rule: Rule | None) -> list[str]:
    """Say in plain words what a rule asks for, a line a criterion."""
    return ["".join(span.text for span in drawn) for drawn in rule_lines(rule, _WIDE, 0)]


def _entry(entry: Entry, page: Page) -> list[Line]:
    meanings = [drawn for meaning in entry.meanings for drawn in ((), *_meaning(meaning, page))]
    return [line(Span(entry.word.upper(), "strong")), *meanings]


def _meaning(meaning: Meaning, page: Page) -> list[Line]:
    owner = f", looked after by {meaning.owner}" if meaning.owner else ""
    head = line("  ", Span(meaning.definition, "strong"), f": {meaning.stage}{owner}")
    about = paragraph(meaning.about, page, indent=4) if meaning.about else []
    ways = [drawn for way in meaning.ways for drawn in _way(way, page)]
    return [head, *about, *ways, *_to_do(meaning.playbook, page)]


def _way(way: Way, page: Page) -> list[Line]:
    takes = f" on {' or '.join(way.on)}" if way.on else ""
    head = line("    ", Span(f"from {', '.join(way.source)}{takes}", "dim"))
    return [head, *rule_lines(way.rule, page, 6)]


def _to_do(playbook: Sequence[str], page: Page) -> list[Line]:
    if not playbook:
        return []
    return [line("    ", Span("what to do", "dim")), *bullets(playbook, page, indent=6)]
