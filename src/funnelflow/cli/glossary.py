"""``funnelflow glossary``: the words of several definitions side by side."""

import sys
from collections.abc import Sequence
from typing import Any

import click

from funnelflow.cli.complete import complete_definition
from funnelflow.cli.find import definition_here, names_here
from funnelflow.cli.glossary_page import glossary_page
from funnelflow.cli.options import as_json, command
from funnelflow.cli.output import page_for, say, say_text, write_json
from funnelflow.cli.render_glossary import criteria_texts, glossary_lines
from funnelflow.cli.session import current
from funnelflow.compare import Entry, Meaning
from funnelflow.compare import glossary as entries_of
from funnelflow.definition import Linked

__all__ = ["glossary"]


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
    if session.json:
        write_json(_data(entries))
    elif html:
        say_text(glossary_page(entries, _titles(linked)))
    else:
        say(glossary_lines(entries, page_for(sys.stdout)))
    return 0


def _titles(definitions: Sequence[Linked]) -> dict[str, str]:
    return {one.definition.name: one.definition.title for one in definitions}


def _data(entries: Sequence[Entry]) -> Any:
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
