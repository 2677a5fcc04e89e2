"""Random definitions without errors: nested stages, every kind of transition, scenarios."""

import datetime as dt
import string

from hypothesis import strategies as st

from funnelflow.criteria import BOOLEAN, DURATION, INTEGER, NUMBER, TEXT, TIMESTAMP, Field, list_of
from funnelflow.definition import (
    Criterion,
    Definition,
    EventType,
    Group,
    Scenario,
    ScenarioStep,
    Stage,
    Transition,
    Vocabulary,
    check,
)

VOCABULARY = Vocabulary(
    "small",
    title="A small vocabulary",
    fields={
        "budget": Field("budget", NUMBER, unit="EUR", ask="What may it cost?"),
        "score": Field("score", INTEGER, default=0),
        "authority": Field("authority", TEXT, choices=("decides", "influences", "none")),
        "fits": Field("fits", BOOLEAN, title="fit", about="Whether they fit."),
        "seen": Field("seen", TIMESTAMP),
        "patience": Field("patience", DURATION, default=dt.timedelta(days=3)),
        "tags": Field("tags", list_of(TEXT), choices=("hot", "cold")),
    },
    events={
        "form": EventType("form", sets={"score": "contact.score + 1", "seen": "now"}),
        "call": EventType(
            "call",
            title="call",
            fields={"way": Field("way", TEXT, choices=("one_way", "two_way"), default="one_way")},
        ),
        "quiet": EventType("quiet", about="Nothing was heard."),
    },
)
EXPRESSIONS = (
    "contact.budget >= 5000",
    "contact.budget < 10000.5 || !has(contact.budget)",
    "contact.score > 2 && contact.score < 9",
    'contact.authority == "decides"',
    "contact.fits",
    "!contact.fits",
    "has(contact.seen)",
    "now - contact.seen > duration('24h')",
    "contact.patience > duration('1h')",
    '"hot" in contact.tags',
    "size(contact.tags) > 1",
    "contact.fits ? contact.score > 1 : contact.score > 5",
    "event.score > 3",
)
ROLES = ("sales", "marketing", "manager")

names = st.text(string.ascii_lowercase, min_size=1, max_size=6)
any_text = st.text(
    st.characters(
        codec="utf-8", categories=("L", "N", "P", "S", "Zs"), exclude_characters="\u061c"
    ),
    max_size=20,
)
some_text = st.sampled_from(["", "A title", "été ☃ 日本", "a: b # c", "'q' \"r\" !x", "{[*&|>%@`"])
texts = some_text | some_text | some_text | any_text
waits = st.integers(60, 10**7).map(lambda seconds: dt.timedelta(seconds=seconds))
facts = st.fixed_dictionaries(
    {},
    optional={
        "budget": st.floats(0, 1e9) | st.none(),
        "score": st.integers(-(2**40), 2**40),
        "authority": st.sampled_from(["decides", "influences", "none"]),
        "fits": st.booleans(),
        "seen": st.integers(0, 4 * 10**9).map(
            lambda seconds: dt.datetime.fromtimestamp(seconds, dt.UTC)
        ),
        "patience": waits,
        "tags": st.lists(st.sampled_from(["hot", "cold"]), max_size=3),
    },
)
"""Facts about a contact that every event may bring."""

criteria = st.builds(Criterion, texts, st.sampled_from(EXPRESSIONS))


@st.composite
def groups(draw: st.DrawFn, inner: st.SearchStrategy) -> Group:
    """Draw a group of criteria; with `at_least`, of a number that is possible."""
    items = tuple(draw(st.lists(inner, min_size=1, max_size=3)))
    kind = draw(st.sampled_from(["all", "any", "at_least"]))
    count = draw(st.integers(1, len(items))) if kind == "at_least" else 0
    return Group(kind, items, count, draw(texts))


requirements = groups(st.recursive(criteria, groups, max_leaves=4)) | criteria


@st.composite
def stages(draw: st.DrawFn, depth: int = 0) -> tuple[Stage, ...]:
    """Draw stages of one level, each perhaps with others nested in it."""
    chosen = draw(st.lists(names, min_size=2, max_size=4 - depth, unique=True))
    return tuple(
        Stage(
            f"{name}{depth}",
            title=draw(texts),
            about=draw(texts),
            type=draw(st.sampled_from(["open", "open", "won", "lost"])),
            owner=draw(texts),
            playbook=tuple(draw(st.lists(texts, max_size=2))),
            stages=draw(stages(depth + 1)) if depth < 2 and draw(st.integers(0, 3)) == 0 else (),
            optional=draw(st.booleans()),
        )
        for name in chosen
    )


@st.composite
def transitions(draw: st.DrawFn, known: list[str]) -> Transition:
    """Draw a transition on events, after a time, on either, or automatic."""
    on = tuple(draw(st.lists(st.sampled_from(list(VOCABULARY.events)), max_size=2, unique=True)))
    require = draw(st.none() | requirements)
    after = draw(st.none() | waits)
    if not on and "event." in repr(require):  # time brings no event
        after = None
    return Transition(
        sources=tuple(draw(st.lists(st.sampled_from(known), min_size=1, max_size=3, unique=True))),
        to=draw(st.sampled_from(known)),
        on=on,
        after=after,
        since=draw(st.sampled_from(["stage", "activity"])),
        require=require,
        by=() if after else tuple(draw(st.lists(st.sampled_from(ROLES), max_size=2, unique=True))),
        about=draw(texts),
    )


@st.composite
def scenarios(draw: st.DrawFn, known: list[str]) -> Scenario:
    """Draw a scenario; its end is any stage, right or wrong."""
    steps = st.one_of(
        st.builds(ScenarioStep, st.sampled_from(list(VOCABULARY.events)), facts),
        st.builds(ScenarioStep, facts=facts),
        st.builds(ScenarioStep, to=st.sampled_from(known), roles=st.just(("sales",))),
        st.builds(ScenarioStep, wait=waits),
    )
    return Scenario(
        draw(texts),
        draw(st.sampled_from(known)),
        tuple(draw(st.lists(steps, max_size=4))),
        draw(facts),
    )


@st.composite
def definitions(draw: st.DrawFn) -> Definition:
    """Draw a definition whose names and types hold together; its automatic steps may go round."""
    tree = draw(stages())
    known = [name for stage in tree for name, _ in stage.walk()]
    return Definition(
        name=draw(names),
        vocabulary=VOCABULARY,
        initial=draw(st.sampled_from(known)),
        stages=tree,
        transitions=tuple(draw(st.lists(transitions(known), max_size=8))),
        scenarios=tuple(draw(st.lists(scenarios(known), max_size=3))),
        version=draw(st.integers(1, 2**31 - 1)),
        title=draw(texts),
        about=draw(texts),
        force=tuple(draw(st.lists(st.sampled_from(ROLES), max_size=2, unique=True))),
    )


def accepted_definitions() -> st.SearchStrategy[Definition]:
    """Draw a definition that links; it may have warnings."""
    return definitions().filter(lambda d: not [p for p in check(d) if p.severity == "error"])
