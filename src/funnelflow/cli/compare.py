"""``funnelflow compare``: what definitions mean by the words that they share."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import click
from attrs import evolve

from funnelflow.cli.contact_matrix import PlacedContacts, agreement_data, agreement_words
from funnelflow.cli.find import definition_here
from funnelflow.cli.need_tables import need_word_lines, needs_data, on_the_way
from funnelflow.cli.options import as_json, command, complete_definition
from funnelflow.cli.output import counted, note, write_document
from funnelflow.cli.session import Session, answer, current
from funnelflow.cli.text import Line, Page, Text, dim, section, stack, strong
from funnelflow.cli.translate import happened
from funnelflow.compare import (
    Agreement,
    Crosswalk,
    NeedTable,
    Side,
    StoryOfMany,
    WordPair,
    crosswalk,
    need_table,
    story_events,
)
from funnelflow.definition import Linked
from funnelflow.engine import Event, Funnel
from funnelflow.errors import UsageError
from funnelflow.report.heat_charts import HeatCell, HeatGrid, heat_grid
from funnelflow.report.svg_writer import Picture
from funnelflow.storage.json_form import value_json

FEWEST = 2
_MOST_CONTACTS = 5_000
"""For how many contacts it is worked out which criterion makes most of the difference."""
_HEATS = 4


def pair_lines(table: NeedTable, one: Crosswalk, page: Page) -> list[Line]:
    """Draw two definitions, word by word, then stage by stage.

    Args:
        table: What they ask.
        one: What is proved of them, and what stories show.
        page: What it is drawn on.
    """
    linked = {one.names[0]: one.joint.first, one.names[1]: one.joint.second}
    drawn = [
        [*need_word_lines(asked, table, page), *_word(pair, one, linked, page)]
        for asked, pair in zip(table.words, one.words, strict=True)
    ]
    return [
        *stack(drawn, spaced=True)[1:],
        *([] if drawn else page.paragraph(f"{' and '.join(one.names)} share no word.")),
        *section("Stage by stage", _stages(one, page)),
        (),
        *page.paragraph(on_the_way()),
        *page.paragraph(_ABOUT_PROOFS),
    ]


_ABOUT_PROOFS = (
    "Always and never are proved, for all that can happen but moves by hand; all else is what the "
    "stories show: the scenarios of both definitions, and where none shows a side, one made up "
    "that the engine has read in both."
)


def _word(pair: WordPair, one: Crosswalk, linked: dict[str, Linked], page: Page) -> list[Line]:
    """Draw who uses a word without the other, and how far they agree."""
    if pair.is_same:
        sides = page.paragraph("Both use the word of the very same contacts: proved.", indent=2)
    else:
        sides = stack(_side(side, pair, one, linked, page) for side in pair.sides)
    agreed = agreement_words(pair.agreement, one.names, counted(len(one.stories), "scenario"))
    return [(), *sides, *page.paragraph(agreed, indent=2)]


def _side(
    side: Side, pair: WordPair, one: Crosswalk, linked: dict[str, Linked], page: Page
) -> list[Line]:
    """Draw whether one uses a word without the other, by a proof or by a story."""
    word = pair.word.word
    if side.is_never:
        text = f"Everybody whom {side.user} calls {word} is one in {side.other} too: proved."
        return page.paragraph(text, indent=2)
    if side.story is None:
        text = f"No story was found in which {side.user} says {word} and {side.other} does not."
        return page.paragraph(text, indent=2)
    text = (
        f"{side.user} says {word}, {side.other} says {side.stage(one.names)}: {_source(side.story)}"
    )
    events = story_events(linked[side.user], side.story.story, [])
    happens = [happened(event, linked[side.user]) for event in events if _says(event)]
    return [
        *page.paragraph(text, indent=2),
        *page.paragraph("; ".join(happens) or "nothing at all", indent=4),
    ]


def _source(story: StoryOfMany) -> str:
    """Return what a story is called and where it comes from."""
    if not story.of:
        return "a story made up for this"
    told = f"\N{LEFT DOUBLE QUOTATION MARK}{story.story.story}\N{RIGHT DOUBLE QUOTATION MARK}"
    return f"{told} (a scenario of {story.of})"


def _says(event: Event) -> bool:
    return event.name != "add" or bool(event.facts)


def _stages(one: Crosswalk, page: Page) -> list[Line]:
    """Draw for each stage of the first in which stages of the second stories put its people."""
    rows: list[list[Text]] = [
        [strong(row), f"{one.reached(row)} of {len(one.stories)}", _seen(one, row)]
        for row in one.rows
    ]
    heads = (dim(one.names[0]), dim("stories"), dim(f"where {one.names[1]} puts them"))
    return page.grid(rows, heads=heads, indent=2, wrapped=True)


def _seen(one: Crosswalk, row: str) -> str:
    """Return where the second puts those who are in a stage of the first."""
    always = one.joint.always(row)
    counts = [(one.seen[row, column], column) for column in one.columns]
    seen = [f"{column} {n}" for n, column in sorted(counts, key=lambda c: -c[0]) if n]
    if always is not None and seen:
        return f"always {always}"
    never = [column for column in one.columns if one.joint.never(row, column)]
    parts = [", ".join(seen) or "no story comes here"]
    return "; ".join([*parts, f"never {', '.join(never)}"] if never else parts)


def heat_map(one: Crosswalk) -> Picture:
    """Draw in how many stories somebody is in a stage of each definition at once."""
    title = f"What {one.names[0]} (rows) calls, {one.names[1]} (columns) calls"
    grid = HeatGrid(
        one.rows,
        one.columns,
        {
            (y, x): _heat_cell(one, row, column)
            for y, row in enumerate(one.rows)
            for x, column in enumerate(one.columns)
        },
        cell_width=76.0,
    )
    about = f"in how many of {counted(len(one.stories), 'scenario')} somebody is in both at once"
    return heat_grid("crosswalk", title, about, grid)


def _heat_cell(one: Crosswalk, row: str, column: str) -> HeatCell:
    """Draw one pair of stages: how many stories, or that it is proved that none is possible."""
    seen, most = one.seen[row, column], max(one.seen.values(), default=1)
    if one.joint.never(row, column):
        return HeatCell("never", 0, f"{row} and {column}: never at once, which is proved")
    heat = -(-seen * _HEATS // most)
    return HeatCell(
        str(seen) if seen else "not seen",
        heat,
        f"{row} and {column}: seen in {seen} of {len(one.stories)} stories",
    )


def many_lines(table: NeedTable, pairs: Sequence[Crosswalk], page: Page) -> list[Line]:
    """Draw more than two definitions: one table for each word, and how far every two agree."""
    drawn = [
        [*need_word_lines(asked, table, page), (), *_agreements(asked.word.word, pairs, page)]
        for asked in table.words
    ]
    return [*stack(drawn, spaced=True)[1:], (), *page.paragraph(on_the_way())]


def _agreements(word: str, pairs: Sequence[Crosswalk], page: Page) -> list[Line]:
    rows: list[list[Text]] = [
        [" and ".join(one.names), *_counts(pair.agreement)]
        for one in pairs
        for pair in one.words
        if word in (pair.word.word, *pair.word.others)
    ]
    heads = ("over the scenarios of both", "both", "only first", "only second", "Jaccard")
    return page.grid(rows, heads=heads, indent=2, wrapped=True)


def _counts(one: Agreement) -> list[Text]:
    jaccard = "" if one.jaccard is None else f"{one.jaccard:.2f}"
    return [*map(str, (one.both, one.only_first, one.only_second)), jaccard]


@command(
    "compare",
    "funnelflow compare outreach dialogue",
    "funnelflow compare outreach dialogue --contacts",
    "funnelflow compare outreach dialogue --svg words.svg",
    "funnelflow compare qualified levels doorstep --json",
)
@click.argument("definitions", nargs=-1, shell_complete=complete_definition)
@click.option("--contacts", is_flag=True, help="Count the stored contacts, as each reads them.")
@click.option("--svg", type=click.Path(), metavar="FILE", help="Draw it as a heat map, of two.")
@click.option("--force", is_flag=True, help="Write over a file that is no picture of ours.")
@as_json
def compare(definitions: tuple[str, ...], svg: str | None, *, contacts: bool, force: bool) -> int:
    """Compare what definitions mean.

    For every word that DEFINITIONS share: what everybody whom they call so must
    have had, and who asks for it; whether one contains the other, if that can be
    proved, and else a story that shows each side; how far they agree over the
    scenarios of both. With --contacts, over the stored contacts instead.
    """
    session = current()
    if len(definitions) < FEWEST or (svg and len(definitions) != FEWEST):
        raise UsageError(
            "name two definitions" + (" to draw" if svg else ", or more"),
            hint="funnelflow compare outreach dialogue",
        )
    if len(set(definitions)) < len(definitions):
        raise UsageError(
            "a definition is named twice", hint="name definitions that are not the same"
        )
    funnels = _by_name(definitions, session)
    if contacts:
        return _contacts(funnels, session)
    table = need_table([funnel.linked for funnel in funnels])
    pairs = [crosswalk(first, second) for first, second in combinations(funnels, 2)]
    if svg:
        write_document(Path(svg), heat_map(pairs[0]).file(), force=force)
        note(f"drawn: {svg}")
    answer(
        lambda: {"words": needs_data(table), "pairs": [pair_data(one) for one in pairs]},
        lambda page: (
            pair_lines(table, pairs[0], page) if len(pairs) == 1 else many_lines(table, pairs, page)
        ),
    )
    return 0


def _by_name(definitions: Sequence[str], session: Session) -> list[Funnel]:
    """Return the definitions; of those with one name all but the first go by what was typed."""
    found: dict[str, Funnel] = {}
    for typed in definitions:
        linked = definition_here(typed, session)
        name = linked.definition.name
        if name in found:
            name = typed
            linked = evolve(linked, definition=evolve(linked.definition, name=typed))
        found[name] = Funnel(linked)
    return list(found.values())


def _contacts(funnels: Sequence[Funnel], session: Session) -> int:
    """Count the stored contacts by where the definitions put them, two by two."""
    with session.open() as workspace:
        found = [PlacedContacts(workspace, pair) for pair in combinations(funnels, 2)]
    answer(
        lambda: [one.data() for one in found],
        lambda page: stack((*one.lines(page), ()) for one in found),
    )
    return 0


def pair_data(one: Crosswalk) -> dict[str, Any]:
    """Return two definitions beside each other as data."""
    return {
        "first": one.names[0],
        "second": one.names[1],
        "stories": len(one.stories),
        "words": [_word_data(pair, one) for pair in one.words],
        "cells": [
            {
                "first": row,
                "second": column,
                "seen": one.seen[row, column],
                "often": _often(one, row, column),
                "proved": _often(one, row, column) in ("always", "never"),
            }
            for row in one.rows
            for column in one.columns
        ],
    }


def _often(one: Crosswalk, row: str, column: str) -> str:
    if one.joint.never(row, column):
        return "never"
    seen = one.seen[row, column]
    return "always" if seen and one.joint.always(row) else "seen" if seen else "not seen"


def _word_data(pair: WordPair, one: Crosswalk) -> dict[str, Any]:
    linked = {one.names[0]: one.joint.first, one.names[1]: one.joint.second}
    return {
        "word": pair.word.word,
        "stages": dict(pair.word.stages),
        "sides": [_side_data(side, one, linked[side.user]) for side in pair.sides],
        "agreement": agreement_data(pair.agreement),
    }


def _side_data(side: Side, one: Crosswalk, linked: Linked) -> dict[str, Any]:
    story = side.story
    return {
        "used_by": side.user,
        "not_by": side.other,
        "never": side.is_never,
        "proved": side.is_never or story is not None,
        "stage": side.stage(one.names) or None,
        "made_up": story is not None and not story.of,
        "scenario": None
        if story is None or not story.of
        else {"of": story.of, "story": story.story.story},
        "story": None
        if story is None
        else [_event_data(event) for event in story_events(linked, story.story, [])],
    }


def _event_data(event: Event) -> dict[str, Any]:
    facts = {name: value_json(value) for name, value in event.facts.items()}
    return {"name": event.name, "at": value_json(event.at), "facts": facts}
