"""Two definitions beside each other: what is proved, what stories show, how far they agree."""

import datetime as dt
from collections import Counter

import pytest
from attrs import evolve
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from funnelflow.compare import (
    JointStages,
    agreement_of,
    crosswalk,
    joint_stages,
    read_scenarios,
    read_story,
    stages_at_once,
    translate,
)
from funnelflow.compare.population import StoryOfMany, story_of_side
from funnelflow.compare.story_reading import story_events
from funnelflow.compare.words_in_common import SharedWord, is_within
from funnelflow.criteria import BOOLEAN, INTEGER, NUMBER, TEXT, TIMESTAMP, Field
from funnelflow.definition import (
    Criterion,
    Definition,
    EventType,
    Scenario,
    ScenarioStep,
    Stage,
    Transition,
    Vocabulary,
    check,
    link,
    load_definition,
    shipped_definitions,
)
from funnelflow.engine import Event, Funnel
from tests.engine.worlds import T0, VOCABULARY, definitions, stories

SMALL = Vocabulary(
    "small",
    fields={
        "budget": Field("budget", NUMBER),
        "fits": Field("fits", BOOLEAN),
        "calls": Field("calls", INTEGER, default=0),
    },
    events={
        "called": EventType("called", sets={"calls": "contact.calls + 1"}),
        "met": EventType("met"),
        "bought": EventType("bought"),
    },
)
few = settings(max_examples=max(20, settings().max_examples // 5))
"""For laws about whole definitions, each of which takes a while."""
STAGES = (Stage("new"), Stage("lead"), Stage("prospect"), Stage("customer", type="won"))


def step(source, to, *needs, on="called", **more):
    return Transition(
        source, to, on=on, require=tuple(Criterion(n, n) for n in needs) or None, **more
    )


def made(name, *transitions, scenarios=(), vocabulary=SMALL) -> Funnel:
    return Funnel(
        Definition(
            name, vocabulary, "new", stages=STAGES, transitions=transitions, scenarios=scenarios
        )
    )


def proved(*funnels: Funnel) -> JointStages:
    return joint_stages(*(funnel.linked for funnel in funnels))


STRICT = made(
    "strict",
    step("new", "lead"),
    step("lead", "prospect", "contact.fits", "contact.budget >= 5000", on=()),
    scenarios=(
        Scenario("Rich", "prospect", (ScenarioStep("called"),), {"budget": 9000, "fits": True}),
        Scenario("Poor", "lead", (ScenarioStep("called"),), {"budget": 10, "fits": True}),
    ),
)
"""Named for what it asks beside the easy one; both move at once on what opens them."""
EASY = made(
    "easy",
    step("new", "lead"),
    step("lead", "prospect", "contact.budget > 0", on=()),
    scenarios=(Scenario("Called", "lead", (ScenarioStep("called"),)),),
)


def test_who_asks_for_more_is_contained_and_the_other_way_round_a_story_shows_it():
    found = crosswalk(STRICT, EASY)
    (prospect,) = [pair for pair in found.words if pair.word.word == "prospect"]
    strict, easy = prospect.sides
    assert strict.is_never
    assert strict.story is None
    assert not easy.is_never
    assert easy.story is not None
    assert (easy.story.story.story, easy.story.of) == ("Poor", "strict")
    assert easy.stage(found.names) == "lead"
    again = crosswalk(EASY, STRICT)
    (turned,) = [pair for pair in again.words if pair.word.word == "prospect"]
    assert [side.is_never for side in turned.sides] == [False, True]
    assert turned.sides[0].story == evolve(
        easy.story, stages=tuple(at[::-1] for at in easy.story.stages)
    )


def test_what_is_never_and_always_is_proved_from_the_criteria():
    joint = proved(STRICT, EASY)
    assert joint.never("prospect", "lead")
    assert joint.never("prospect", "new")
    assert not joint.never("lead", "prospect")
    assert joint.always("prospect") == "prospect"
    assert joint.always("lead") is None
    assert joint.is_contained("prospect", "prospect")
    assert not joint.is_contained("prospect", "prospect", swapped=True)


def test_a_threshold_that_is_lower_in_one_lets_it_move_alone():
    low = made("low", step("new", "prospect", "contact.calls >= 5"))
    high = made("high", step("new", "prospect", "contact.calls > 5"))
    joint = proved(low, high)
    assert not joint.never("prospect", "new")
    assert joint.never("new", "prospect")
    same = made("same", step("new", "prospect", "contact.calls > 4"))
    assert proved(low, same).possible == {("new", "new"), ("prospect", "prospect")}


def test_time_and_facts_that_change_later_are_never_ruled_out():
    """What earlier versions called never, with a claim of having looked at every story."""
    month = dt.timedelta(days=30)
    quiet = made("quiet", step("new", "lead"), Transition("lead", "prospect", after=month))
    active = made(
        "active",
        step("new", "lead"),
        Transition("lead", "prospect", after=month, since="activity"),
    )
    assert not proved(quiet, active).never("prospect", "lead")
    counted = made("counted", step("new", "lead", "contact.calls >= 12", on="met"))
    exact = made("exact", step("new", "lead", "contact.calls == 5", on="met"))
    assert not proved(counted, exact).never("lead", "lead")
    without = made("without", step("new", "lead", "!has(contact.budget)", on="met"))
    richer = made("richer", step("new", "lead", "contact.budget > 1", on="called"))
    assert not proved(without, richer).never("lead", "lead")


def test_fields_that_a_transition_or_one_vocabulary_sets_alone_prove_nothing():
    fresh = made("fresh", step("new", "lead", "contact.calls > 3", on="met"))
    back = step("new", "new", on="bought", sets={"calls": "0"})
    sets = made("sets", back, step("new", "lead", "contact.calls > 3", on="met"))
    assert not proved(fresh, sets).never("lead", "new")
    other = evolve(SMALL, events={**SMALL.events, "called": EventType("called")})
    foreign = made("foreign", step("new", "lead", "contact.calls > 3", on="met"), vocabulary=other)
    assert not proved(fresh, foreign).never("lead", "new")
    assert proved(fresh, made("like", *fresh.definition.transitions)).never("lead", "new")


def test_definitions_that_decide_alike_are_the_same_whatever_they_are_called():
    month = dt.timedelta(days=30)
    waits = (step("new", "lead"), Transition("lead", "prospect", after=month))
    one, other = made("one", *waits), made("other", *waits)
    assert proved(one, other).possible == {(leaf, leaf) for leaf in one.linked.leaves}
    found = crosswalk(one, other)
    assert all(pair.is_same for pair in found.words)
    longer = made("longer", waits[0], evolve(waits[1], after=month * 2))
    assert len(proved(one, longer).possible or ()) > len(STAGES)


@few
@given(definitions(), definitions(), st.lists(stories(), min_size=1, max_size=4))
def test_no_story_shows_what_is_proved_never_to_be(one, other, told):
    assume(not [p for made in (one, other) for p in check(made) if p.severity == "error"])
    first, second = Funnel(link(one)), Funnel(link(evolve(other, name="second")))
    joint = joint_stages(first.linked, second.linked)
    for story in told:
        contacts = first.new_contact("ada"), second.new_contact("ada")
        assert not joint.never(contacts[0].stage, contacts[1].stage)
        for event in story:
            first.step(contacts[0], event)
            second.step(contacts[1], event)
            assert not joint.never(contacts[0].stage, contacts[1].stage)


def test_agreement_is_counted_and_measured():
    word = SharedWord("prospect", (), {"a": "prospect", "b": "hot"})
    pairs = {
        ("prospect", "hot.x"): 20,
        ("prospect", "new"): 5,
        ("new", "hot"): 10,
        ("new", "y"): 15,
    }
    found = agreement_of(word, ("a", "b"), pairs)
    assert (found.both, found.only_first, found.only_second, found.neither) == (20, 5, 10, 15)
    assert found.jaccard == pytest.approx(20 / 35)
    assert found.kappa == pytest.approx(0.4)  # the worked example of the literature
    nobody = agreement_of(word, ("a", "b"), Counter({("new", "y"): 3}))
    assert (nobody.jaccard, nobody.kappa) == (None, None)
    assert agreement_of(word, ("a", "b"), Counter()).kappa is None


def test_the_criterion_that_makes_the_difference_is_named():
    found = crosswalk(STRICT, EASY)
    (prospect,) = [pair for pair in found.words if pair.word.word == "prospect"]
    assert prospect.agreement.decisive is not None
    assert prospect.agreement.decisive.label == "contact.budget >= 5000"
    assert (prospect.agreement.differ, prospect.agreement.decisive.differ) == (1, 0)
    assert all(p.agreement.decisive is None for p in found.words if not p.agreement.differ)


def test_stories_are_counted_once_and_cells_by_story():
    found = crosswalk(STRICT, EASY)
    assert len(found.stories) == 3
    assert found.seen["new", "new"] == 3
    assert found.seen["lead", "prospect"] == 1
    assert found.reached("prospect") == 1
    assert found.reached("customer") == 0


def test_one_unknown_fact_drops_nothing_else_of_its_line():
    line = ScenarioStep("called", {"fits": True, "colour": "red", "budget": "much"})
    story = Scenario("One", "", (line, ScenarioStep("danced", {"budget": 7000})))
    (reading,) = read_story(story, [made("asks", step("new", "lead", "contact.fits"))])
    assert [moment.stage for moment in reading.moments] == ["new", "lead", "lead"]
    assert len(reading.unread) == 3
    assert "colour" in reading.unread[0]
    events = list(story_events(EASY.linked, story, []))
    assert events[1].facts == {"fits": True}
    assert events[2].facts == {"budget": 7000.0}


OWN = evolve(
    VOCABULARY,
    fields={**VOCABULARY.fields, "own": Field("own", TEXT), "fits": Field("fits", INTEGER)},
)
_FACTS = st.dictionaries(
    st.sampled_from(["score", "fits", "source", "own", "unknown"]),
    st.none() | st.integers(-3, 8) | st.booleans() | st.sampled_from(["web", "list"]),
    max_size=3,
)
_STEPS = st.builds(
    ScenarioStep,
    st.sampled_from(["called", "mailed", "met", "danced", ""]),
    _FACTS,
    wait=st.none() | st.integers(1, 40).map(lambda hours: dt.timedelta(hours=hours)),
)


@few
@given(definitions(), st.lists(_STEPS, max_size=6).map(tuple), _FACTS)
@example(
    Definition("w", VOCABULARY, "s0", stages=(Stage("s0"), Stage("s1")), transitions=(
        Transition("s0", "s1", on="called", require=Criterion("c", "contact.fits")),
    )),
    (ScenarioStep("called", {"fits": True, "unknown": 1}),),
    {},
)  # fmt: skip
def test_a_story_reads_as_the_translation_of_its_evidence(definition, steps, given_):
    assume(not [p for p in check(definition) if p.severity == "error"])
    funnel = Funnel(definition)
    story = Scenario("Any", "", steps, given_)
    (reading,) = read_story(story, [funnel])
    home = link(evolve(definition, name="home", vocabulary=OWN)) if _fits(definition) else None
    events = list(story_events(funnel.linked, story, []))
    assert translate(funnel, "ada", events).stage == reading.moments[-1].stage
    if home is not None:
        told = [_kept(event, funnel) for event in story_events(home, story, [])]
        facts = [event.facts for event in told]
        assume(facts == [event.facts for event in events])
        assert translate(funnel, "ada", told).stage == reading.moments[-1].stage


def _fits(definition: Definition) -> bool:
    return not [p for p in check(evolve(definition, vocabulary=OWN)) if p.severity == "error"]


def _kept(event: Event, funnel: Funnel) -> Event:
    """Return evidence with the facts that a definition has fields for, as a store reads it."""
    known = funnel.linked.fields.keys() | {
        name
        for found in [funnel.linked.events.get(event.name)]
        if found is not None
        for name in found.event.fields
    }
    return event._replace(facts={n: v for n, v in event.facts.items() if n in known})


def test_a_translation_says_what_took_the_contact_where_it_is():
    funnel = made("one", step("new", "lead"), step("lead", "prospect", on=()))
    found = translate(funnel, "ada", [Event("add", T0), Event("called", T0), Event("met", T0)])
    assert found.came_by is not None
    assert found.came_by.name == "called"
    assert [taken.to for taken in found.path] == ["lead", "prospect"]
    assert translate(funnel, "ada", [Event("add", T0)]).came_by is None
    waits = made("waits", Transition("new", "lead", after=dt.timedelta(days=1)))
    later = translate(waits, "ada", [Event("add", T0)], T0 + dt.timedelta(days=3))
    assert later.came_by is not None
    assert (later.came_by.name, later.path[-1].at) == ("tick", T0 + dt.timedelta(days=1))


@pytest.mark.parametrize(
    ("one", "other"), [("hubspot-lifecycle", "salesforce-lead"), ("qualified", "dialogue")]
)
def test_no_scenario_shows_what_is_proved_never_to_be(one, other):
    pair = [Funnel(load_definition(shipped_definitions() / f"{n}.yaml")) for n in (one, other)]
    joint = proved(*pair)
    for story in read_scenarios(pair):
        moves = [step for step in story.story.when if step.to]
        assert moves or not any(joint.never(*at) for at in story.stages)


def test_whoever_is_an_opportunity_in_hubspot_is_converted_in_salesforce():
    pair = [
        Funnel(load_definition(shipped_definitions() / f"{n}.yaml"))
        for n in ("hubspot-lifecycle", "salesforce-lead")
    ]
    assert proved(*pair).always("opportunity") == "converted"


def test_the_story_of_a_side_ends_at_the_moment_and_prefers_who_has_not_been_one():
    story = Scenario("Any", "", tuple(ScenarioStep(name) for name in ("called", "met", "bought")))
    early = StoryOfMany(story, "a", (("x", "p"), ("p", "x"), ("p", "p"), ("y", "p")))
    late = StoryOfMany(story, "b", (("x", "x"), ("x", "x"), ("p", "x"), ("p", "x")))
    found = story_of_side([early, late], (0, 1), ("p", "p"))
    assert found is not None
    assert (found.of, found.stages, found.story.when) == ("b", late.stages[:3], story.when[:2])
    again = StoryOfMany(story, "c", late.stages)
    first = story_of_side([late, again], (0, 1), ("p", "p"))
    assert first is not None
    assert first.of == "b"
    assert story_of_side([early], (0, 1), ("z", "p")) is None


def test_time_may_move_both_at_one_moment_or_either_alone():
    week = dt.timedelta(days=7)
    one = made("one", Transition("new", "lead", after=week))
    other = made("other", Transition("new", "prospect", after=week))
    assert proved(one, other).possible == {
        ("new", "new"), ("lead", "new"), ("new", "prospect"), ("lead", "prospect")
    }  # fmt: skip


def test_a_transition_whose_criteria_look_at_the_time_opens_by_time():
    timed = evolve(SMALL, fields={**SMALL.fields, "due": Field("due", TIMESTAMP)})
    opens = made("opens", step("new", "lead", "contact.due < now", on=()), vocabulary=timed)
    waits = made("waits", step("new", "prospect"), vocabulary=timed)
    assert not proved(opens, waits).never("lead", "new")
    assert not proved(waits, opens).never("new", "lead")


def test_more_checks_than_there_may_be_leave_what_is_left_possible(monkeypatch):
    low = made("low", step("new", "prospect", "contact.calls >= 5"))
    high = made("high", step("new", "prospect", "contact.calls > 5"))
    monkeypatch.setattr(stages_at_once, "MOST_CHECKS", 1)
    assert not proved(low, high).never("new", "prospect")
    monkeypatch.setattr(stages_at_once, "MOST_PAIRS", 3)
    nothing = proved(low, high)
    assert nothing.possible is None
    assert not nothing.never("new", "prospect")
    assert nothing.always("new") is None
    assert not nothing.is_contained("prospect", "prospect")


def test_a_side_that_no_scenario_shows_is_shown_by_a_story_that_is_made_up():
    told = [evolve(one.definition, scenarios=()) for one in (STRICT, EASY)]
    found = crosswalk(Funnel(told[0]), Funnel(told[1]))
    (prospect,) = [pair for pair in found.words if pair.word.word == "prospect"]
    story = prospect.sides[1].story
    assert story is not None
    assert (story.of, story.end) == ("", ("lead", "prospect"))
    assert all(side.story is None for pair in found.words for side in pair.sides if side.is_never)


@few
@given(definitions(), definitions())
def test_every_story_that_is_shown_ends_where_it_says(one, other):
    assume(not [p for made in (one, other) for p in check(made) if p.severity == "error"])
    first, second = Funnel(link(one)), Funnel(link(evolve(other, name="second")))
    found = crosswalk(first, second)
    for pair in found.words:
        for side in pair.sides:
            if side.story is None:
                continue
            ends = [
                made.moments[-1].stage for made in read_story(side.story.story, (first, second))
            ]
            assert tuple(ends) == side.story.end
            at = dict(zip(found.names, ends, strict=True))
            assert is_within(at[side.user], pair.word.stages[side.user])
            assert not is_within(at[side.other], pair.word.stages[side.other])


@pytest.mark.parametrize(("one", "other"), [("commitment", "qualified"), ("persona", "dialogue")])
def test_made_up_stories_hold_no_text_that_stands_for_any_other(one, other):
    pair = [Funnel(load_definition(shipped_definitions() / f"{n}.yaml")) for n in (one, other)]
    made_up = [
        side.story.story
        for word in crosswalk(*pair).words
        for side in word.sides
        if side.story is not None and not side.story.of
    ]
    assert "other" not in [
        value for s in made_up for step in s.when for value in step.facts.values()
    ]
