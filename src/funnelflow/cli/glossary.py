"""``funnelflow glossary``: the words of several definitions side by side."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import click

from funnelflow.cli.find import definition_here, names_here
from funnelflow.cli.options import as_json, command, complete_definition
from funnelflow.cli.output import say_text
from funnelflow.cli.session import answer, current
from funnelflow.cli.show import rule_lines
from funnelflow.cli.text import Line, Page, TextSpan, bullets, line, paragraph
from funnelflow.compare import GlossaryEntry, Meaning, Way
from funnelflow.compare import glossary as entries_of
from funnelflow.criteria import Rule

_WIDE = Page(width=10_000, colour=False, encoding="utf-8", terminal=False)


def glossary_lines(entries: Sequence[GlossaryEntry], page: Page) -> list[Line]:
    """Draw every word with what each definition means by it.

    Args:
        entries: The words.
        page: What they are drawn on.
    """
    return [drawn for entry in entries for drawn in (*_entry(entry, page), ())][:-1]


def criteria_texts(rule: Rule | None) -> list[str]:
    """Return in plain words what a rule asks for, a line a criterion."""
    return ["".join(span.text for span in drawn) for drawn in rule_lines(rule, _WIDE, 0)]


def _entry(entry: GlossaryEntry, page: Page) -> list[Line]:
    meanings = [drawn for meaning in entry.meanings for drawn in ((), *_meaning(meaning, page))]
    return [line(TextSpan(entry.word.upper(), "strong")), *meanings]


def _meaning(meaning: Meaning, page: Page) -> list[Line]:
    owner = f", looked after by {meaning.owner}" if meaning.owner else ""
    head = line("  ", TextSpan(meaning.definition, "strong"), f": {meaning.stage}{owner}")
    about = paragraph(meaning.about, page, indent=4) if meaning.about else []
    ways = [drawn for way in meaning.ways for drawn in _way(way, page)]
    return [head, *about, *ways, *_to_do(meaning.playbook, page)]


def _way(way: Way, page: Page) -> list[Line]:
    takes = f" on {' or '.join(way.on)}" if way.on else ""
    head = line("    ", TextSpan(f"from {', '.join(way.source)}{takes}", "dim"))
    return [head, *rule_lines(way.rule, page, 6)]


def _to_do(playbook: Sequence[str], page: Page) -> list[Line]:
    if not playbook:
        return []
    return [line("    ", TextSpan("what to do", "dim")), *bullets(playbook, page, indent=6)]


_STYLE = """\
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#222}
h1{font-size:1.6rem}h2{margin-top:2.5rem;border-bottom:2px solid #ddd;text-transform:capitalize}
.meanings{display:grid;grid-template-columns:repeat(auto-fit,minmax(18rem,1fr));gap:1rem}
section{border:1px solid #ddd;border-radius:.5rem;padding:0 1rem 1rem}
h3{margin-bottom:0}.stage,.owner,.from{color:#666}li{margin:.2rem 0}"""


def glossary_page(entries: Sequence[GlossaryEntry], titles: Mapping[str, str]) -> str:
    """Write the page.

    Args:
        entries: The words.
        titles: The title of each definition, by its name.
    """
    listed = "".join(
        f"<li><strong>{escape(name)}</strong>: {escape(title)}</li>"
        for name, title in titles.items()
    )
    words = "\n".join(_entry_html(entry) for entry in entries)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>What we mean by our words</title>\n<style>\n{_STYLE}\n</style>\n</head>\n<body>\n"
        f"<h1>What we mean by our words</h1>\n<ul>{listed}</ul>\n{words}\n</body>\n</html>\n"
    )


def _entry_html(entry: GlossaryEntry) -> str:
    meanings = "\n".join(_meaning_html(meaning) for meaning in entry.meanings)
    return f'<h2>{escape(entry.word)}</h2>\n<div class="meanings">\n{meanings}\n</div>'


def _meaning_html(meaning: Meaning) -> str:
    owner = f'<p class="owner">looked after by {escape(meaning.owner)}</p>' if meaning.owner else ""
    about = f"<p>{escape(meaning.about)}</p>" if meaning.about else ""
    ways = "".join(_way_html(way) for way in meaning.ways)
    to_do = f"<p>What to do</p>{_list(meaning.playbook)}" if meaning.playbook else ""
    stage = f'<p class="stage">{escape(meaning.stage)}</p>'
    return (
        f"<section><h3>{escape(meaning.definition)}</h3>{stage}"
        f"{about}{owner}{ways}{to_do}</section>"
    )


def _way_html(way: Way) -> str:
    takes = f" on {' or '.join(way.on)}" if way.on else ""
    texts = [text.strip().removeprefix("• ") for text in criteria_texts(way.rule)]
    return f'<p class="from">from {escape(", ".join(way.source))}{escape(takes)}</p>{_list(texts)}'


def _list(texts: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>" if texts else ""


@command(
    "glossary",
    "funnelflow glossary dialogue outreach",
    "funnelflow glossary dialogue outreach --html",
    "funnelflow glossary qualified levels --json",
)
@click.argument("definitions", nargs=-1, shell_complete=complete_definition)
@click.option("--html", is_flag=True, help="Write a page for a wiki.")
@as_json
def glossary(definitions: tuple[str, ...], *, html: bool) -> int:
    """Put definitions' words side by side.

    For every word: what each of the DEFINITIONS means by it, its criteria in plain
    words, who looks after a contact there, and what to do. Without DEFINITIONS,
    of all there are. Words that more of them use come first.
    """
    session = current()
    names = definitions or names_here(session)
    linked = [definition_here(name, session) for name in names]
    entries = entries_of(linked)
    if html and not session.json:
        say_text(glossary_page(entries, {d.definition.name: d.definition.title for d in linked}))
    else:
        answer(lambda: _data(entries), lambda page: glossary_lines(entries, page))
    return 0


def _data(entries: Sequence[GlossaryEntry]) -> Any:
    return [
        {"word": entry.word, "meanings": [_meaning_data(m) for m in entry.meanings]}
        for entry in entries
    ]


def _meaning_data(meaning: Meaning) -> Any:
    return {
        "definition": meaning.definition,
        "stage": meaning.stage,
        "about": meaning.about,
        "owner": meaning.owner,
        "playbook": list(meaning.playbook),
        "ways": [
            {"from": list(way.source), "on": list(way.on), "criteria": criteria_texts(way.rule)}
            for way in meaning.ways
        ],
    }
