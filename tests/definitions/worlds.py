"""The definitions that ship, run, and random stories in the vocabulary they share."""

import datetime as dt
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from hypothesis import strategies as st

from funnelflow.criteria import Field
from funnelflow.definition import Scenario, load_definition, shipped_definitions
from funnelflow.engine import Event, Funnel

NAMES = tuple(sorted(path.stem for path in Path(shipped_definitions()).glob("*.yaml")))
T0 = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)

_NUMBERS = (0, 1, 14, 30, 60, 89, 90, 120, 150, 200, 400, 5000, 9000)
Happening: TypeAlias = tuple[int, str, dict[str, Any]]
"""After how many minutes, what, and with which facts."""

_TEXTS = ("ada", "logistics", "Austria")


@cache
def funnel(name: str) -> Funnel:
    """Give a definition that ships, run."""
    return Funnel(load_definition(Path(shipped_definitions()) / f"{name}.yaml"))


def told(definition: str, /, *steps: tuple[str, dict[str, Any]], **known: Any) -> str:
    """Give the stage in which a definition puts somebody.

    Args:
        definition: Its name.
        steps: What happened, a minute apart: the event with its facts.
        known: What is known from the beginning.
    """
    read = funnel(definition)
    story = [read.event("add", T0, known)]
    for minute, (event, facts) in enumerate(steps, start=1):
        story.append(read.event(event, T0 + minute * MINUTE, facts))
    return read.fold("ada", story).stage


def values(field: Field) -> st.SearchStrategy[Any]:
    """Draw values that the criteria of the definitions can tell apart, and None."""
    if field.choices:
        return st.sampled_from([*field.choices, None])
    kind = str(field.type)
    if kind == "boolean":
        return st.sampled_from([True, False, None])
    if kind in ("integer", "number"):
        return st.sampled_from([*_NUMBERS, None])
    if kind == "timestamp":
        return st.sampled_from([T0, None])
    texts = st.sampled_from(_TEXTS)
    return st.lists(texts, max_size=2) if kind.startswith("list") else texts | st.none()


@cache
def asked() -> dict[str, st.SearchStrategy[Any]]:
    """Give the fields that people answer, not those that the events count, with their values."""
    linked = funnel(NAMES[0]).linked
    counted = {name for event in linked.events.values() for name, _ in event.sets}
    return {n: values(f) for n, f in linked.fields.items() if n not in counted}


@cache
def happenings() -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    """Draw an event of the vocabulary, or facts alone, with what it brings."""
    learned = st.lists(
        st.sampled_from(sorted(asked())).flatmap(
            lambda name: st.tuples(st.just(name), asked()[name])
        ),
        max_size=4,
    ).map(dict)
    kinds = [st.tuples(st.just("set"), learned)]
    for name, linked in funnel(NAMES[0]).linked.events.items():
        own = st.fixed_dictionaries({n: values(f) for n, f in linked.event.fields.items()})
        both = st.builds(lambda about, more: {**about, **more}, own, learned)
        kinds.append(st.tuples(st.just(name), both))
    return st.one_of(kinds)


@cache
def examples() -> tuple[tuple[Happening, ...], ...]:
    """Give what happens in the scenarios of all definitions, with the minutes before it."""
    scenarios = [s for name in NAMES for s in funnel(name).definition.scenarios]
    return tuple(((1, "set", dict(s.given)), *_told(s)) for s in scenarios)


def _told(scenario: Scenario) -> list[Happening]:
    """Give the steps of a scenario, without moves: their stages are of one definition alone."""
    found, waited = [], 1
    for step in scenario.when:
        if step.wait is not None:
            waited += step.wait // MINUTE
        elif not step.to:
            found.append((waited, step.event or "set", dict(step.facts)))
            waited = 1
    return found


@st.composite
def stories(draw: st.DrawFn) -> list[Event]:
    """Draw a story that every definition understands, in the order of its times.

    It begins as a scenario of one of the definitions does, perhaps of two, so that it gets
    somewhere; and then anything happens.
    """
    read = funnel(NAMES[0])
    waits = st.sampled_from([1, 60, 1440, 5 * 1440, 70 * 1440])
    begun = draw(st.lists(st.sampled_from(examples()), max_size=2))
    more = [(w, *h) for w, h in draw(st.lists(st.tuples(waits, happenings()), max_size=6))]
    story, clock = [read.event("add", T0, {})], T0
    for wait, name, facts in [*(step for steps in begun for step in steps), *more]:
        clock += wait * MINUTE
        story.append(read.event(name, clock, facts, timezone=dt.UTC))
    return story
