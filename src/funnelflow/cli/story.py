"""``funnelflow story``: one story, read by several definitions."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from funnelflow.cli.complete import complete_definition
from funnelflow.cli.find import definition_here, names_here
from funnelflow.cli.options import as_json, command
from funnelflow.cli.output import note, page_for, say, write_json
from funnelflow.cli.render_story import step_words, story_lines
from funnelflow.cli.session import Session, current
from funnelflow.compare import Reading, read_story
from funnelflow.definition import Story, load_story
from funnelflow.engine import Funnel
from funnelflow.errors import UnknownNameError

__all__ = ["story"]


@command(
    "story",
    "funnelflow story cold-call.yaml",
    "funnelflow story cold-call.yaml outreach levels dialogue",
    "funnelflow story cold-call.yaml --json",
)
@click.argument("file", metavar="FILE", type=click.Path())
@click.argument("definitions", nargs=-1, shell_complete=complete_definition)
@as_json
def story(file: str, definitions: tuple[str, ...]) -> int:
    """Read one story by several definitions.

    FILE tells what happened to somebody, as a scenario does; the table shows where
    each definition puts the person after each event. Without DEFINITIONS, those
    that the file's `then` names, or all there are. Exits 1 if one of them does not
    end where `then` says.
    """
    session = current()
    told = load_story(Path(file))
    funnels = [Funnel(definition_here(n, session)) for n in _names(told, definitions, session)]
    readings = read_story(told.told, funnels)
    if session.json:
        write_json(_data(told, readings))
    else:
        say(story_lines(told, readings, page_for(sys.stdout)))
    return _judge(told, readings, funnels)


def _names(told: Story, definitions: Sequence[str], session: Session) -> Sequence[str]:
    return definitions or tuple(told.expected) or names_here(session)


def _judge(told: Story, readings: Sequence[Reading], funnels: Sequence[Funnel]) -> int:
    """Hold the end of the story to what the file expects."""
    wrong = 0
    for reading, funnel in zip(readings, funnels, strict=True):
        expected = told.expected.get(reading.name)
        if expected is None:
            continue
        try:
            leaves = funnel.linked.leaves_of(funnel.linked.resolve_stage(expected))
        except UnknownNameError as error:
            raise UnknownNameError("stage", expected, error.known) from None
        if reading.moments[-1].stage not in leaves:
            wrong += 1
            note(f"{reading.name} ends in {reading.moments[-1].stage}, not {expected}")
    return 1 if wrong else 0


def _data(told: Story, readings: Sequence[Reading]) -> Any:
    return {
        "story": told.told.story,
        "steps": ["begins", *map(step_words, told.told.when)],
        "definitions": [
            {
                "definition": reading.name,
                "stages": [moment.stage for moment in reading.moments],
                "expected": told.expected.get(reading.name),
                "unread": list(reading.unread),
            }
            for reading in readings
        ],
    }
