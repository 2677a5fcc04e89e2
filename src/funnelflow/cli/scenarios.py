"""``funnelflow story``: one story, read by several definitions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from funnelflow.cli.decisions import open_count
from funnelflow.cli.find import (
    definition_here,
    definitions_here,
    library_here,
    linked_from,
    names_here,
)
from funnelflow.cli.options import as_json, command, complete_definition
from funnelflow.cli.output import counted, note
from funnelflow.cli.session import answer, current
from funnelflow.cli.text import (
    Line,
    Page,
    Text,
    TextSpan,
    line,
    mark,
    section,
    stack,
    strong,
)
from funnelflow.compare import Moment, StoryReading, read_story
from funnelflow.criteria import duration_words
from funnelflow.definition import (
    Linked,
    LinkedTransition,
    ScenarioStep,
    SharedStory,
    load_story,
    takes,
)
from funnelflow.definition.model import arrow
from funnelflow.engine import Coverage, Decision, Funnel, ScenarioResult, coverage_of, run_scenario
from funnelflow.errors import UnknownNameError

MOST = 10
"""How many of the things that no scenario exercises are named."""


def scenarios_lines(linked: Linked, results: Sequence[ScenarioResult], page: Page) -> list[Line]:
    """Draw what came of a definition's scenarios.

    Args:
        linked: The definition.
        results: What came of each scenario.
        page: What it is drawn on.
    """
    return [
        line(strong(linked.definition.name)),
        *stack(_result(result, page) for result in results),
        *_coverage(coverage_of(linked, results), page),
    ]


def _result(result: ScenarioResult, page: Page) -> list[Line]:
    story = page.paragraph(result.scenario.story, indent=4)
    lines = [line("  ", mark(ok=result.passed), " ", *story[0][1:]), *story[1:]]
    return lines if result.passed else [*lines, *_failure(result, page)]


def _failure(result: ScenarioResult, page: Page) -> list[Line]:
    """Draw where a story went instead, step by step."""
    position = result.scenario.position
    where = f" ({position.path}:{position.line})" if position else ""
    ended = result.error or f"ended in {result.actual}, not in {result.expected}"
    lines = page.paragraph(ended + where, indent=6)
    for decision in result.decisions:
        lines += page.paragraph(_step(decision), indent=6, first="· ")
    return lines


def _step(decision: Decision) -> str:
    """Return one step of a story, with what kept the transitions closed."""
    event = decision.event
    said = f"{event.name} {event.to}".strip()
    if decision.outcome == "moved":
        return f"{said}: moved to {decision.after}"
    blocked = "; ".join(open_count(way) for way in decision.blocking)
    stays = "refused, stays" if decision.outcome == "refused" else "stays"
    return f"{said}: {stays} {decision.after}" + (f" ({blocked})" if blocked else "")


def _coverage(coverage: Coverage, page: Page) -> list[Line]:
    """Draw in one line what no scenario exercises, then name it."""
    if not coverage.untaken and not coverage.unseen:
        return page.paragraph(
            f"every transition ({coverage.transitions}) is taken and every criterion "
            f"({coverage.criteria}) is looked at",
            indent=2,
        )
    untaken = [f"never taken: {_arrow(t)}" for t in coverage.untaken]
    unseen = [f"never looked at: {label} ({_arrow(t)})" for t, label in coverage.unseen]
    head = (
        f"no scenario exercises {len(untaken)} of {coverage.transitions} transitions, "
        f"{len(unseen)} of {coverage.criteria} criteria"
    )
    named = [*untaken, *unseen]
    more = [f"and {len(named) - MOST} more"] if len(named) > MOST else []
    return [
        *page.paragraph(head, indent=2),
        *stack(page.paragraph(text, indent=4) for text in [*named[:MOST], *more]),
    ]


def _arrow(linked: LinkedTransition) -> str:
    written = linked.transition
    return f"{arrow(written)}, {takes(written)}"


def story_lines(story: SharedStory, readings: Sequence[StoryReading], page: Page) -> list[Line]:
    """Draw where each definition puts the person after each event.

    Args:
        story: The story.
        readings: What the definitions make of it.
        page: What it is drawn on.
    """
    steps = ["(begins)", *map(step_words, story.scenario.when)]
    rows: list[Sequence[Text]] = [
        (step, *(_stage(reading.moments[number]) for reading in readings))
        for number, step in enumerate(steps)
    ]
    table = page.grid(rows, heads=("", *(strong(reading.name) for reading in readings)))
    is_too_wide = any(page.columns("".join(d.text for d in row)) > page.width for row in table)
    return [
        line(strong(story.scenario.story)),
        *page.paragraph(story.about, indent=2),
        (),
        *(_by_step(steps, readings, page) if is_too_wide else table),
        *_unread(readings, page),
    ]


def _by_step(steps: Sequence[str], readings: Sequence[StoryReading], page: Page) -> list[Line]:
    """Draw step by step who puts the person elsewhere, and the end as a table."""
    drawn: list[Line] = []
    for number, step in enumerate(steps):
        drawn += page.paragraph(step)
        moved = [r for r in readings if r.moments[number].has_moved or not number]
        stages = dict.fromkeys(r.moments[number].stage for r in moved)
        for stage in stages:
            names = ", ".join(r.name for r in moved if r.moments[number].stage == stage)
            drawn += page.paragraph(f"{stage}: {names}", indent=2, first="→ ")
    ends: list[Sequence[Text]] = [(r.name, strong(r.moments[-1].stage)) for r in readings]
    return [*drawn, *section("In the end", page.grid(ends, indent=2))]


def step_words(step: ScenarioStep) -> str:
    """Return what happens in a step, with the facts it brings."""
    what = step.event or (f"move to {step.to}" if step.to else "")
    if step.wait is not None:
        what = f"{duration_words(step.wait)} pass"
    facts = " ".join(f"{name}={value}" for name, value in step.facts.items())
    return " ".join(filter(None, (what or "it turns out:", facts)))


def _stage(moment: Moment) -> TextSpan:
    return TextSpan(moment.stage, "strong" if moment.has_moved else "dim")


def _unread(readings: Sequence[StoryReading], page: Page) -> list[Line]:
    """Draw what of the story which definitions do not know."""
    names: dict[str, list[str]] = {}
    for reading in readings:
        for text in reading.unread:
            names.setdefault(text, []).append(reading.name)
    is_everybody = len(readings) > 1
    return [
        drawn
        for text, who in names.items()
        for drawn in page.paragraph(
            f"{'all' if is_everybody and len(who) == len(readings) else ', '.join(who)}: {text}",
            indent=2,
        )
    ]


@command(
    "test",
    "funnelflow test",
    "funnelflow test dialogue",
    "funnelflow test definitions/standard.yaml",
)
@click.argument(
    "definitions", nargs=-1, metavar="[DEFINITION]...", shell_complete=complete_definition
)
@as_json
def test(definitions: tuple[str, ...]) -> int:
    """Run the scenarios of definitions.

    DEFINITION is a file or the name of a definition; without any, all of the
    workspace's are tested. Says which transitions and criteria no scenario
    exercises. Exits 1 if a story ends in another stage than it must.
    """
    session = current()
    library = library_here(session)
    loaded = [linked_from(source, library) for source in definitions_here(definitions, session)]
    ran = [
        (funnel.linked, [run_scenario(funnel, one) for one in funnel.definition.scenarios])
        for funnel in map(Funnel, loaded)
    ]
    answer(
        lambda: [_data(linked, results) for linked, results in ran],
        lambda page: stack((*scenarios_lines(*one, page), ()) for one in ran),
    )
    flat = [result for _, results in ran for result in results]
    failed = sum(not result.passed for result in flat)
    note(f"{counted(len(flat), 'scenario')}: {len(flat) - failed} passed, {failed} failed")
    return 1 if failed else 0


def _data(linked: Linked, results: Sequence[ScenarioResult]) -> dict[str, Any]:
    return {
        "definition": linked.definition.name,
        "version": linked.definition.version,
        "scenarios": [
            {
                "story": result.scenario.story,
                **{
                    name: getattr(result, name)
                    for name in ("passed", "expected", "actual", "error")
                },
            }
            for result in results
        ],
        "coverage": _coverage_data(coverage_of(linked, results)),
    }


def _coverage_data(coverage: Coverage) -> dict[str, Any]:
    return {
        "transitions": coverage.transitions,
        "untaken": [_transition(t.transition.sources, t.to) for t in coverage.untaken],
        "criteria": coverage.criteria,
        "unseen": [
            {**_transition(t.transition.sources, t.to), "criterion": label}
            for t, label in coverage.unseen
        ],
    }


def _transition(sources: Sequence[str], to: str) -> dict[str, Any]:
    return {"from": list(sources), "to": to}


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
    story = load_story(Path(file))
    names = definitions or tuple(story.expected) or names_here(session)
    funnels = [Funnel(definition_here(name, session)) for name in names]
    readings = read_story(story.scenario, funnels)
    answer(lambda: _story_data(story, readings), lambda page: story_lines(story, readings, page))
    return _judge(story, readings, funnels)


def _judge(story: SharedStory, readings: Sequence[StoryReading], funnels: Sequence[Funnel]) -> int:
    """Hold the end of the story to what the file expects."""
    wrong = 0
    for reading, funnel in zip(readings, funnels, strict=True):
        expected = story.expected.get(reading.name)
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


def _story_data(story: SharedStory, readings: Sequence[StoryReading]) -> Any:
    return {
        "story": story.scenario.story,
        "steps": ["begins", *map(step_words, story.scenario.when)],
        "definitions": [
            {
                "definition": reading.name,
                "stages": [moment.stage for moment in reading.moments],
                "expected": story.expected.get(reading.name),
                "unread": list(reading.unread),
            }
            for reading in readings
        ],
    }
