"""Random definitions and random stories for the engine's laws."""

import datetime as dt

from hypothesis import strategies as st

from funnelflow.criteria import BOOLEAN, INTEGER, TEXT, TIMESTAMP, Field
from funnelflow.definition import (
    Criterion,
    Definition,
    EventType,
    Group,
    Requirement,
    Stage,
    Transition,
    Vocabulary,
)
from funnelflow.engine import Event

T0 = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)

EVENTS = ("called", "mailed", "met")
ROLES = ("sales", "marketing")
VOCABULARY = Vocabulary(
    "world",
    fields={
        "score": Field("score", INTEGER),
        "fits": Field("fits", BOOLEAN),
        "source": Field("source", TEXT),
        "calls": Field("calls", INTEGER, default=0),
        "promised": Field("promised", TIMESTAMP),
    },
    events={
        "called": EventType("called", sets={"calls": "contact.calls + 1"}),
        "mailed": EventType("mailed", sets={"source": "contact.source + 'm'"}),
        "met": EventType("met", fields={"minutes": Field("minutes", INTEGER)}),
    },
)
EXPRESSIONS = (
    "contact.score > 3",
    "contact.fits",
    "!contact.fits",
    "has(contact.score)",
    "contact.calls >= 2",
    'contact.source == "web" || contact.score < 0',
    "contact.fits && contact.score % 2 == 0",
    "contact.fits ? contact.score > 1 : contact.calls > 1",
    "10 / contact.score > 2",
    "event.score > 2",
    "size(contact.source) > 4",
    "contact.promised < now",
    "now < contact.promised",
    'now - contact.promised >= duration("24h")',
    'contact.promised - now < duration("2h") && contact.fits',
    'contact.promised < now && now - contact.promised <= duration("7h") || contact.score > 6',
    "!has(contact.promised) || now != contact.promised",
)

WAITS = (None, None, 5 * HOUR, 30 * HOUR, "contact.promised", 'contact.promised + duration("3h")')
SETS = (
    {},
    {},
    {"score": "contact.score + 1"},
    {"promised": 'now + duration("9h")'},
    {"source": "'web'", "fits": "!contact.fits"},
)

criteria = st.builds(Criterion, st.just("c"), st.sampled_from(EXPRESSIONS))


def requirements_of(
    leaves: st.SearchStrategy[Requirement],
) -> st.SearchStrategy[Requirement]:
    """Draw criteria and groups of them."""
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(
                Group,
                st.sampled_from(["all", "any"]),
                st.lists(inner, min_size=1, max_size=3).map(tuple),
            ),
            st.builds(
                lambda items: Group("at_least", tuple(items), count=(len(items) + 1) // 2),
                st.lists(inner, min_size=1, max_size=3),
            ),
        ),
        max_leaves=4,
    )


requirements = requirements_of(criteria)


@st.composite
def stage_trees(draw: st.DrawFn) -> tuple[Stage, ...]:
    """Draw two to five stages, some with nested ones."""
    stages = []
    for index in range(draw(st.integers(2, 5))):
        inner = tuple(Stage(f"n{i}") for i in range(draw(st.sampled_from([0, 0, 2, 3]))))
        stages.append(Stage(f"s{index}", stages=inner))
    return tuple(stages)


@st.composite
def definitions(
    draw: st.DrawFn,
    *,
    timed: bool = True,
    requirements: st.SearchStrategy[Requirement] = requirements,
) -> Definition:
    """Draw a definition; with `timed`, some transitions are taken by the clock.

    Those of one that is not are what stock state machines have too: no more than a stage changes.
    """
    stages = draw(stage_trees())
    names = [path for stage in stages for path, _ in stage.walk()]
    ways = [(), ("called",), ("mailed",), ("met",), ("called", "met")]
    transitions = tuple(
        _transition(draw, names, draw(st.sampled_from(ways)), requirements, timed=timed)
        for _ in range(draw(st.integers(1, 8)))
    )
    return Definition(
        "world", vocabulary=VOCABULARY, initial=names[0], stages=stages, transitions=transitions
    )


def _transition(
    draw: st.DrawFn,
    names: list[str],
    on: tuple[str, ...],
    requirements: st.SearchStrategy[Requirement],
    *,
    timed: bool,
) -> Transition:
    """Draw a transition; with `timed`, of every kind that there is."""
    known = [*names, "*"] if timed else names
    sources = tuple(draw(st.lists(st.sampled_from(known), min_size=1, max_size=2, unique=True)))
    resume = timed and draw(st.sampled_from([False, False, True]))
    after = draw(st.sampled_from(WAITS)) if timed else None
    return Transition(
        sources=sources,
        to=draw(st.sampled_from(known if resume and "*" not in sources else names)),
        on=on,
        after=after,
        since="stage" if isinstance(after, str) else draw(st.sampled_from(["stage", "activity"])),
        require=draw(st.none() | requirements),
        sets=draw(st.sampled_from(SETS)) if timed else {},
        resume=resume,
    )


facts = st.fixed_dictionaries(
    {},
    optional={
        "score": st.none() | st.integers(-5, 8),
        "fits": st.none() | st.booleans(),
        "source": st.sampled_from(["web", "list", None]),
        "promised": st.none() | st.integers(-30, 300).map(lambda hours: T0 + hours * HOUR),
    },
)


@st.composite
def stories(draw: st.DrawFn, *, moves: tuple[str, ...] = ()) -> list[Event]:
    """Draw evidence in the order of its times, some of them tied."""
    events, clock = [], T0
    for _ in range(draw(st.integers(0, 8))):
        clock += draw(st.sampled_from([0, 1, 4, 20, 80])) * HOUR
        kind = draw(st.sampled_from([*EVENTS, "set", *(["move"] if moves else [])]))
        to = draw(st.sampled_from(moves)) if kind == "move" else ""
        events.append(Event(kind, clock, draw(facts), to=to))
    return events
