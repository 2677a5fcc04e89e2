"""The fold over a whole story: the order in which evidence arrived decides nothing."""

import datetime as dt
from itertools import pairwise

from hypothesis import assume, given
from hypothesis import strategies as st

from funnelflow.definition import Criterion, Definition, Stage, Transition
from funnelflow.engine import Event, Funnel
from funnelflow.engine.story import VOID, OpenStory, StoryRow, fold_story, in_force, stages_around

from .test_laws import funnel_of
from .worlds import HOUR, T0, VOCABULARY, definitions, stories

MOVES = ("s0", "s1", "s1.n0")


def rows_of(events, order=None):
    """Number events by the order in which they arrive."""
    order = range(len(events)) if order is None else order
    return [StoryRow(arrival, events[index]) for arrival, index in enumerate(order)]


def apart(events):
    """Put the events of one instant a minute apart: only ties depend on the order of arrival."""
    return [e._replace(at=e.at + i * dt.timedelta(minutes=1)) for i, e in enumerate(events)]


def without_numbers(story):
    """Leave the arrivals out, which are others in another order."""
    return story.contact, [(s.stage, s.entered, s.left, s.cause) for s in story.stays]


@given(definitions(), stories(moves=MOVES), st.randoms(use_true_random=False))
def test_any_order_of_arrival_gives_the_same_story(definition, events, chance):
    funnel = funnel_of(definition)
    events = apart(events)
    order = list(range(len(events)))
    chance.shuffle(order)
    in_order = fold_story(funnel, "ada", rows_of(events))
    shuffled = fold_story(funnel, "ada", rows_of(events, order))
    assert without_numbers(shuffled) == without_numbers(in_order)


@given(definitions(), stories(moves=MOVES))
def test_a_story_in_order_is_what_step_by_step_gives(definition, events):
    funnel = funnel_of(definition)
    story = fold_story(funnel, "ada", rows_of(events))
    assert story.contact == funnel.fold("ada", events)
    assert list(story.outcomes) == list(range(len(events)))


@given(definitions(), stories(moves=MOVES), st.integers(0, 900))
def test_stays_follow_each_other_and_end_where_the_contact_is(definition, events, hours):
    funnel = funnel_of(definition)
    until = T0 + hours * HOUR
    story = fold_story(funnel, "ada", rows_of(events), until)
    assume(story.stays)
    assert story.stays[-1].stage == story.contact.stage
    assert story.stays[-1].left is None
    assert story.stays[-1].entered == story.contact.since
    for stay, following in pairwise(story.stays):
        assert stay.entered <= stay.left == following.entered <= until


@given(definitions(), stories(), st.lists(st.integers(0, 700), max_size=4))
def test_folding_further_gives_what_folding_at_once_gives(definition, events, hours):
    funnel = funnel_of(definition)
    end = T0 + 800 * HOUR
    looks = [T0 + h * HOUR for h in sorted(hours)]
    rows = rows_of(events)
    contact = fold_story(funnel, "ada", rows, end).contact
    ticking = sorted(
        [*events, *(Event("tick", at) for at in looks), Event("tick", end)],
        key=lambda e: (e.at, e.name == "tick"),
    )
    if events:  # a story begins with its first evidence, as if that added the contact
        begin = events[0].at
        ticking = [Event("add", begin), *(e for e in ticking if e.at >= begin)]
        assert contact == funnel.fold("ada", ticking)


@given(definitions(), stories(moves=MOVES), st.data())
def test_a_voided_row_never_counted(definition, events, data):
    funnel = funnel_of(definition)
    events = apart(events)
    assume(events)
    gone = data.draw(st.sets(st.integers(0, len(events) - 1)))
    rows = rows_of(events)
    void = StoryRow(len(rows), Event(VOID, T0), voids=tuple(gone))
    kept = [row for row in rows if row.arrival not in gone]
    assert fold_story(funnel, "ada", [*rows, void]) == fold_story(funnel, "ada", kept)


@given(definitions(), stories(moves=MOVES), st.data())
def test_a_voided_void_restores_what_it_took_back(definition, events, data):
    funnel = funnel_of(definition)
    assume(events)
    gone = tuple(data.draw(st.sets(st.integers(0, len(events) - 1))))
    rows = rows_of(events)
    void = StoryRow(len(rows), Event(VOID, T0), voids=gone)
    back = StoryRow(len(rows) + 1, Event(VOID, T0), voids=(void.arrival,))
    assert fold_story(funnel, "ada", [*rows, void, back]) == fold_story(funnel, "ada", rows)


def test_rows_of_one_instant_keep_the_order_of_their_arrival():
    rows = [StoryRow(n, Event("called", T0, {"score": n})) for n in (3, 1, 2)]
    assert [row.arrival for row in in_force(rows)] == [1, 2, 3]


def test_a_contact_with_no_evidence_in_force_has_no_stay():
    rows = [StoryRow(1, Event("called", T0)), StoryRow(2, Event(VOID, T0), voids=(1,))]
    story = fold_story(SIMPLE, "ada", rows)
    assert (story.stays, story.outcomes, story.contact.since) == ((), {}, None)


SIMPLE = Funnel(
    Definition(
        "world",
        vocabulary=VOCABULARY,
        initial="new",
        stages=(Stage("new"), Stage("fit")),
        transitions=(
            Transition(("new",), "fit", require=Criterion("c", "contact.score > 3"), on=("met",)),
        ),
    )
)


def test_late_evidence_counts_when_it_happened():
    rows = [
        StoryRow(1, Event("called", T0, {"score": 5})),
        StoryRow(2, Event("called", T0 + 5 * HOUR, {"score": 1})),
        StoryRow(3, Event("met", T0 + 2 * HOUR)),
    ]
    story = fold_story(SIMPLE, "ada", rows)
    assert story.contact.stage == "fit"
    assert story.contact.since == T0 + 2 * HOUR
    assert story.contact.fields["score"] == 1


def test_what_the_first_snapshot_says_holds_from_the_beginning_of_the_story():
    history = [StoryRow(2, Event("met", T0))]
    snapshot = StoryRow(1, Event("set", T0 + 50 * HOUR, {"score": 5}), asserted=True)
    assert fold_story(SIMPLE, "ada", [snapshot, *history]).contact.since == T0
    assert fold_story(SIMPLE, "ada", [snapshot, *history]).stays[-1].stage == "fit"


def test_a_later_snapshot_says_what_is_the_case_from_then_on():
    rows = [
        StoryRow(1, Event("set", T0, {"fits": True}), asserted=True),
        StoryRow(2, Event("met", T0 + 10 * HOUR)),
        StoryRow(3, Event("set", T0 + 20 * HOUR, {"score": 5}), asserted=True),
    ]
    assert fold_story(SIMPLE, "ada", rows).contact.stage == "new"


def test_a_snapshot_does_not_change_what_was_known_before_it():
    rows = [
        StoryRow(1, Event("called", T0, {"score": 1})),
        StoryRow(2, Event("met", T0 + 10 * HOUR)),
        StoryRow(3, Event("set", T0 + 20 * HOUR, {"score": 5}), asserted=True),
    ]
    assert fold_story(SIMPLE, "ada", rows).contact.stage == "new"


def test_what_is_first_known_of_a_field_between_is_not_known_before_it():
    rows = [
        StoryRow(1, Event("met", T0)),
        StoryRow(2, Event("called", T0 + 10 * HOUR, {"score": 1})),
        StoryRow(3, Event("set", T0 + 20 * HOUR, {"score": 5}), asserted=True),
    ]
    assert fold_story(SIMPLE, "ada", rows).contact.stage == "new"


def test_a_look_at_an_earlier_time_knows_what_a_later_snapshot_says_of_it():
    rows = [
        StoryRow(1, Event("called", T0)),
        StoryRow(2, Event("set", T0 + 10 * HOUR, {"score": 5}), asserted=True),
    ]
    assert fold_story(SIMPLE, "ada", rows, T0 + 5 * HOUR).contact.fields["score"] == 5


def test_what_happens_at_the_moment_of_a_look_has_happened():
    rows = [StoryRow(1, Event("called", T0)), StoryRow(2, Event("called", T0 + 5 * HOUR))]
    for hours, calls in ((4, 1), (5, 2)):
        story = fold_story(SIMPLE, "ada", rows, T0 + hours * HOUR)
        assert story.contact.fields["calls"] == calls
        assert len(story.outcomes) == calls


def test_what_events_count_does_not_reach_back():
    rows = [
        StoryRow(1, Event("called", T0)),
        StoryRow(2, Event("set", T0 + 10 * HOUR, {"calls": 7}), asserted=True),
        StoryRow(3, Event("called", T0 + 20 * HOUR)),
    ]
    assert fold_story(SIMPLE, "ada", rows[:2], T0 + 5 * HOUR).contact.fields["calls"] == 1
    assert fold_story(SIMPLE, "ada", rows).contact.fields["calls"] == 8


@given(definitions(), stories())
def test_the_stages_around_each_row_are_those_of_its_stays(definition, events):
    """Each row begins where the one before it ended; the first may lead on at once."""
    funnel = funnel_of(definition)
    rows = rows_of(apart(events))
    story = fold_story(funnel, "ada", rows)
    assume(story.stays)
    paths = [(arrival, outcome.path) for arrival, outcome in story.outcomes.items()]
    around = list(stages_around(story.stays, paths))
    assert [before for before, _ in around[1:]] == [after for _, after in around[:-1]]
    assert around[-1][1] == story.contact.stage
    for (arrival, _), (_, after) in zip(paths, around, strict=True):
        at = next(row.event.at for row in rows if row.arrival == arrival)
        until = [stay for stay in story.stays if stay.entered <= at]
        assert after == until[-1].stage


@given(definitions(), stories(), st.integers(0, 200))
def test_a_contact_enters_a_funnel_with_what_was_known_just_before(definition, events, hours):
    """What happened from then on is not known yet, and no transition was taken."""
    funnel, joined = funnel_of(definition), Event("enter", T0 + hours * HOUR)
    entering = OpenStory(funnel, "ada", rows_of(apart(events)), joined).entering()
    expected = funnel.new_contact("ada")
    for event in apart(events):
        if event.at < joined.at:
            funnel.learn(expected, event)
    assert (entering.fields, entering.since) == (expected.fields, None)
