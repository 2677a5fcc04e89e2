"""One story, read by several definitions: after each event, where each puts the person.

What a definition's vocabulary does not know is left out of what it reads, fact by fact, as it is
of stored evidence that is translated: an event that it does not know still happened, at its
time, and the facts that it does know were learned with it.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from funnelflow.criteria import Field, Value
from funnelflow.definition import BUILT_IN_EVENTS, Linked, Scenario, ScenarioStep
from funnelflow.engine import Event, Funnel
from funnelflow.engine.events import read_facts
from funnelflow.engine.scenarios import BETWEEN, START
from funnelflow.errors import Error, UnknownNameError


@frozen
class Moment:
    """One definition's view after one event.

    Attributes:
        stage: The leaf stage.
        has_moved: Whether the event changed it.
    """

    stage: str
    has_moved: bool


@frozen
class StoryReading:
    """One definition's reading of a whole story.

    Attributes:
        name: The definition.
        moments: Its view after each event of the story, the beginning included.
        unread: What of the story its vocabulary does not know, as messages.
    """

    name: str
    moments: tuple[Moment, ...]
    unread: tuple[str, ...]


def read_story(story: Scenario, funnels: Sequence[Funnel]) -> tuple[StoryReading, ...]:
    """Let every definition read a story.

    Args:
        story: What happened; its ``then`` is not looked at.
        funnels: The definitions.

    Returns:
        A reading for each definition, all with as many moments as the story has steps, and one
        for the beginning.
    """
    return tuple(_reading(story, funnel) for funnel in funnels)


def _reading(story: Scenario, funnel: Funnel) -> StoryReading:
    """Fold the story, and note where the contact is after each step."""
    contact = funnel.new_contact("story")
    moments: list[Moment] = []
    unread: list[str] = []
    for event in story_events(funnel.linked, story, unread):
        before = contact.stage
        funnel.step(contact, event)
        moments.append(Moment(contact.stage, contact.stage != before))
    return StoryReading(funnel.definition.name, tuple(moments), tuple(dict.fromkeys(unread)))


def story_events(linked: Linked, story: Scenario, unread: list[str]) -> Iterator[Event]:
    """Yield the evidence of a story as a definition reads it: what is given, then each step.

    Args:
        linked: The definition.
        story: What happened.
        unread: Where what its vocabulary does not know is added, as messages.
    """
    clock = START
    yield Event("add", clock, _facts(story.given, linked.fields, unread))
    for step in story.when:
        clock += step.wait if step.wait is not None else BETWEEN
        yield _event(linked, step, clock, unread)


def _event(linked: Linked, step: ScenarioStep, at: dt.datetime, unread: list[str]) -> Event:
    """Turn one step into evidence: an event, a move, a wait, or facts alone."""
    name = step.event or ("move" if step.to else "set" if step.wait is None else "tick")
    fields, to = linked.fields, ""
    if name == "move":
        try:
            to = linked.resolve_stage(step.to)
        except UnknownNameError as problem:
            unread.append(problem.message)
            name = "set"
    elif name in linked.events:
        known = linked.events[name].event
        name, fields = known.name, {**fields, **known.fields}
    elif name not in BUILT_IN_EVENTS:
        unread.append(UnknownNameError("event", name, sorted(linked.events)).message)
    return Event(name, at, _facts(step.facts, fields, unread), to=to, roles=tuple(step.roles))


def _facts(
    facts: Mapping[str, Any], fields: Mapping[str, Field], unread: list[str]
) -> dict[str, Value | None]:
    """Read the facts that are values of known fields, one by one."""
    known: dict[str, Value | None] = {}
    for name, raw in facts.items():
        try:
            known |= read_facts({name: raw}, fields, dt.UTC, text=False)
        except Error as problem:
            unread.append(problem.message)
    return known
