"""``funnelflow glossary``: definitions' words side by side, and what they ask."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import click

from funnelflow.cli.find import definition_here, names_here
from funnelflow.cli.need_tables import cell_text
from funnelflow.cli.options import as_json, command, complete_definition
from funnelflow.cli.output import say_text
from funnelflow.cli.session import answer, current
from funnelflow.cli.show import rule_lines
from funnelflow.cli.text import Line, Page, Text, dim, line, stack, strong
from funnelflow.compare import (
    GlossaryEntry,
    Meaning,
    NeedRow,
    NeedTable,
    Way,
    WordNeeds,
    need_table,
)
from funnelflow.compare import glossary as entries_of
from funnelflow.criteria import Rule

_WIDE = Page(width=10_000, colour=False, encoding="utf-8", terminal=False)


def glossary_lines(entries: Sequence[GlossaryEntry], table: NeedTable, page: Page) -> list[Line]:
    """Draw every word with what each definition means by it, and what it asks.

    Args:
        entries: The words.
        table: What the definitions ask of everybody whom they call by a word that they share.
        page: What they are drawn on.
    """
    asked = _by_word(table)
    drawn = ([*_entry(entry, page), *_asked(asked.get(entry.word), page)] for entry in entries)
    return stack(drawn, spaced=True)[1:]


def _by_word(table: NeedTable) -> dict[str, WordNeeds]:
    return {word: found for found in table.words for word in (found.word.word, *found.word.others)}


def _asked(found: WordNeeds | None, page: Page) -> list[Line]:
    """Draw what everybody has had whom definitions call by a word, a row a definition."""
    if found is None:
        return []
    nothing = dim("nothing lies on every way")
    rows: list[list[Text]] = [
        [strong(name), "; ".join(_needed(found, name)) or nothing] for name in found.word.stages
    ]
    table = page.grid(rows, indent=4, wrapped=True)
    return [(), line("  ", dim("what everybody there has had, which is proved")), *table]


def _needed(found: WordNeeds, name: str) -> list[str]:
    """Return what one definition asks of everybody whom it calls by a word."""
    cells = [row.cells[name] for row in found.rows if name in row.cells and row.is_about_criteria]
    needs = [need for cell in cells if cell.stand == "needs" for need in cell.needs]
    return list(dict.fromkeys(need.words for need in needs))


def criteria_texts(rule: Rule | None) -> list[str]:
    """Return in plain words what a rule asks for, a line a criterion."""
    return ["".join(span.text for span in drawn) for drawn in rule_lines(rule, _WIDE, 0)]


def _entry(entry: GlossaryEntry, page: Page) -> list[Line]:
    meanings = (_meaning(meaning, page) for meaning in entry.meanings)
    return [line(strong(entry.word.upper())), *stack(meanings, spaced=True)]


def _meaning(meaning: Meaning, page: Page) -> list[Line]:
    owner = f", looked after by {meaning.owner}" if meaning.owner else ""
    head = line("  ", strong(meaning.definition), f": {meaning.stage}{owner}")
    about, ways = page.paragraph(meaning.about, indent=4), (_way(w, page) for w in meaning.ways)
    return [head, *about, *stack(ways), *_to_do(meaning.playbook, page)]


def _way(way: Way, page: Page) -> list[Line]:
    takes = f" on {' or '.join(way.on)}" if way.on else ""
    head = line("    ", dim(f"from {', '.join(way.source)}{takes}"))
    return [head, *rule_lines(way.rule, page, 6)]


def _to_do(playbook: Sequence[str], page: Page) -> list[Line]:
    if not playbook:
        return []
    return [line("    ", dim("what to do")), *page.bullets(playbook, indent=6)]


_STYLE = """\
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#222}
h1{font-size:1.6rem}h2{margin-top:2.5rem;border-bottom:2px solid #ddd;text-transform:capitalize}
.meanings{display:grid;grid-template-columns:repeat(auto-fit,minmax(18rem,1fr));gap:1rem}
section{border:1px solid #ddd;border-radius:.5rem;padding:0 1rem 1rem}
h3{margin-bottom:0}table{border-collapse:collapse;margin-top:1rem}caption{text-align:left}
td,table th{border:1px solid #ddd;padding:.2rem .5rem;text-align:left;vertical-align:top}
.stage,.owner,.from{color:#666}li{margin:.2rem 0}"""


def glossary_page(
    entries: Sequence[GlossaryEntry], table: NeedTable, titles: Mapping[str, str]
) -> str:
    """Write the page.

    Args:
        entries: The words.
        table: What the definitions ask of everybody whom they call by a word that they share.
        titles: The title of each definition, by its name.
    """
    asked = _by_word(table)
    listed = "".join(
        f"<li><strong>{escape(name)}</strong>: {escape(title)}</li>"
        for name, title in titles.items()
    )
    words = "\n".join(_entry_html(entry, asked.get(entry.word)) for entry in entries)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>What we mean by our words</title>\n<style>\n{_STYLE}\n</style>\n</head>\n<body>\n"
        f"<h1>What we mean by our words</h1>\n<ul>{listed}</ul>\n{words}\n</body>\n</html>\n"
    )


def _entry_html(entry: GlossaryEntry, asked: WordNeeds | None) -> str:
    meanings = "\n".join(_meaning_html(meaning) for meaning in entry.meanings)
    table = "" if asked is None else _asked_html(asked)
    return f'<h2>{escape(entry.word)}</h2>\n<div class="meanings">\n{meanings}\n</div>{table}'


def _asked_html(found: WordNeeds) -> str:
    """Write what everybody has had, as a table of facts against definitions."""
    names = list(found.word.stages)
    heads = "".join(f"<th>{escape(name)}</th>" for name in names)
    rows = "".join(
        f"<tr><th>{escape(row.subject)}</th>"
        + "".join(f"<td>{escape(_cell_words(row, name))}</td>" for name in names)
        + "</tr>"
        for row in found.rows
        if row.is_about_criteria
    )
    caption = "<caption>What everybody there has had, which is proved</caption>"
    return f"\n<table>{caption}<tr><td></td>{heads}</tr>{rows}</table>" if rows else ""


def _cell_words(row: NeedRow, name: str) -> str:
    text = cell_text(row, row.cells[name]) if name in row.cells else ""
    return text if isinstance(text, str) else text.text


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
    entries, table = entries_of(linked), need_table(linked)
    if html and not session.json:
        say_text(
            glossary_page(entries, table, {d.definition.name: d.definition.title for d in linked})
        )
    else:
        answer(lambda: _data(entries, table), lambda page: glossary_lines(entries, table, page))
    return 0


def _data(entries: Sequence[GlossaryEntry], table: NeedTable) -> Any:
    asked = _by_word(table)
    return [
        {
            "word": entry.word,
            "meanings": [_meaning_data(m) for m in entry.meanings],
            "needs": _needs_data(asked.get(entry.word)),
        }
        for entry in entries
    ]


def _needs_data(found: WordNeeds | None) -> dict[str, list[str]]:
    return {} if found is None else {name: _needed(found, name) for name in found.word.stages}


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
