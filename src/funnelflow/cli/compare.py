"""``funnelflow compare``: what definitions mean by their words, worked out from them."""

import sys
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import click

from funnelflow.cli.complete import complete_definition
from funnelflow.cli.data import event_data, matrix_data
from funnelflow.cli.find import definition_here
from funnelflow.cli.heat_map import heat_map
from funnelflow.cli.options import as_json, command
from funnelflow.cli.output import note, page_for, say, write_json
from funnelflow.cli.render_compare import compare_lines
from funnelflow.cli.render_translation import matrix_lines, matrix_of
from funnelflow.cli.session import Session, current
from funnelflow.compare import Crosswalk, Difference, crosswalk
from funnelflow.engine import Event, Funnel
from funnelflow.errors import UsageError
from funnelflow.store import Translated

__all__ = ["compare"]

FEWEST = 2


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
@as_json
def compare(definitions: tuple[str, ...], svg: str | None, *, contacts: bool) -> int:
    """Compare what definitions mean.

    Works out from the DEFINITIONS alone, two by two, what one calls the stages of
    the other (always, sometimes or never), with the shortest story that shows each
    difference. With --contacts, each reads the evidence of every stored contact
    instead, and a table counts where they agree.
    """
    session = current()
    if len(definitions) < FEWEST or (svg and len(definitions) != FEWEST):
        raise UsageError(
            "name two definitions" + (" to draw" if svg else ", or more"),
            hint="funnelflow compare outreach dialogue",
        )
    funnels = [Funnel(definition_here(name, session)) for name in definitions]
    if contacts:
        return _contacts(funnels, session)
    found = [crosswalk(first, second) for first, second in combinations(funnels, 2)]
    if svg:
        Path(svg).write_text(heat_map(found[0]), encoding="utf-8")
        note(f"drawn: {svg}")
    if session.json:
        write_json([_data(one) for one in found])
    else:
        page = page_for(sys.stdout)
        linked = {f.definition.name: f.linked for f in funnels}
        say(drawn for one in found for drawn in compare_lines(one, linked, page))
    return 0


def _contacts(funnels: Sequence[Funnel], session: Session) -> int:
    """Count the stored contacts by where the definitions put them, two by two."""
    with session.open() as workspace:
        matrices = [
            matrix_of(
                (first.definition.name, second.definition.name),
                first.linked.leaves,
                second.linked.leaves,
                (
                    (a.translation.stage, b.translation.stage, _either_flagged(a, b))
                    for a, b in zip(
                        workspace.translate_all(first),
                        workspace.translate_all(second),
                        strict=True,
                    )
                ),
            )
            for first, second in combinations(funnels, 2)
        ]
    if session.json:
        write_json([matrix_data(matrix) for matrix in matrices])
    else:
        page = page_for(sys.stdout)
        say(drawn for matrix in matrices for drawn in (*matrix_lines(matrix, page), ()))
    return 0


def _either_flagged(first: Translated, second: Translated) -> bool:
    return first.translation.is_flagged or second.translation.is_flagged


def _data(one: Crosswalk) -> Any:
    return {
        "first": one.first,
        "second": one.second,
        "complete": one.is_complete,
        "states": one.states,
        "cells": [
            {"first": c.stage, "second": c.other, "often": c.often, "story": _story(c.story)}
            for c in one.cells.values()
        ],
        "differences": [_difference_data(d) for d in one.differences],
    }


def _difference_data(one: Difference) -> Any:
    return {
        "word": one.word,
        "used_by": one.first,
        "not_by": one.second,
        "stage": one.stage,
        "waits_for": list(one.waits_for),
        "story": _story(one.story),
    }


def _story(story: tuple[Event, ...]) -> list[Any]:
    return [{k: event_data(event)[k] for k in ("name", "at", "facts")} for event in story]
