"""A story into which evidence comes in any order, as it is stored: piece by piece."""

import datetime as dt
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from funnelflow.definition import Criterion, Definition, Stage, Transition
from funnelflow.engine import Event, Funnel, Veto
from funnelflow.engine.story import VOID, OpenStory, StoryRow, end_of, fold_story, in_force

from .test_laws import funnel_of
from .worlds import HOUR, T0, VOCABULARY, definitions, stories

MOVES = ("s0", "s1", "s1.n0")
DAY = 24 * HOUR

FUNNEL = Funnel(
    Definition(
        "world",
        vocabulary=VOCABULARY,
        initial="new",
        stages=(Stage("new"), Stage("fit"), Stage("won"), Stage("old")),
        transitions=(
            Transition("new", "fit", on="met", require=Criterion("c", "contact.score > 3")),
            Transition("fit", "won", on="mailed"),
            Transition("new", "old", after=30 * DAY, since="activity"),
        ),
    )
)


def at(day: float, name: str, /, **facts) -> Event:
    return Event(name, T0 + day * DAY, facts)


def take(funnel, story, contact, row):
    """Bring one row into a story, as a store does; give where the contact stands, and the count.

    The count is of other answers that would have been others; None where that was not asked.
    """
    if row.voids:
        return story.retell(row)
    if not row.asserted and (contact.clock is None or row.event.at >= contact.clock):
        if contact.since is None and row.event.name != "add":
            funnel.step(contact, Event("add", row.event.at))
        funnel.step(contact, row.event)
        story.append(row.arrival, row.event)
        return contact, None
    contact = story.before(row.event)
    outcome, now = funnel.step(contact, row.event), contact.copy()
    return now, story.insert(row.arrival, row.event, outcome, now)


def whole(funnel, rows):
    """Fold rows at once, in the order in which they happened."""
    return fold_story(funnel, "ada", rows, end_of(rows))


@st.composite
def arrivals(draw):
    """Draw rows in the order in which they arrive: events, snapshots, and what is taken back."""
    events = draw(stories(moves=MOVES))
    events = [e._replace(at=e.at + n * dt.timedelta(minutes=1)) for n, e in enumerate(events)]
    rows = []
    for event in draw(st.permutations(events)):
        if rows and draw(st.integers(0, 5)) == 0:
            voids = draw(st.sets(st.sampled_from([row.arrival for row in rows]), max_size=2))
            rows.append(StoryRow(len(rows), Event(VOID, T0 + 900 * HOUR), tuple(voids) or (0,)))
        asserted = event.name == "set" and draw(st.booleans())
        rows.append(StoryRow(len(rows), event._replace(asserted=asserted), asserted=asserted))
    return rows


@given(definitions(), arrivals())
def test_piece_by_piece_gives_what_folding_at_once_gives(definition, rows):
    """Where the contact stands, and how many answers each late piece of evidence changes."""
    funnel = funnel_of(definition)
    story, contact = OpenStory(funnel, "ada", []), funnel.new_contact("ada")
    for count, row in enumerate(rows):
        contact, others = take(funnel, story, contact, row)
        before, after = whole(funnel, rows[:count]), whole(funnel, rows[: count + 1])
        assert contact == after.contact
        if others is not None:
            kept = before.outcomes.keys() & after.outcomes.keys()
            assert others == sum(_answer(before, n) != _answer(after, n) for n in kept)
    assert [row.arrival for row in story.rows] == [row.arrival for row in in_force(rows)]
    assert OpenStory(funnel, "ada", rows).stands() == contact


def _answer(story, arrival):
    outcome = story.outcomes[arrival]
    return outcome.outcome, outcome.path


@given(definitions(), arrivals(), st.integers(-1, 1_000))
def test_where_a_contact_stood_is_read_off_what_had_happened(definition, rows, hours):
    funnel = funnel_of(definition)
    until = T0 + hours * HOUR
    agrees(funnel, rows, until)


@given(definitions(), arrivals(), st.integers(-1, 1_000), st.integers(-1, 1_000))
def test_where_a_contact_stood_in_a_funnel_that_it_entered_later(definition, rows, hours, entered):
    """What happened before says what is known, and no stay begins there."""
    funnel, joined = funnel_of(definition), Event("enter", T0 + entered * HOUR)
    story = agrees(funnel, rows, T0 + hours * HOUR, joined)
    assert all(stay.entered >= joined.at for stay in story.stays)


def agrees(funnel, rows, until, joined=None):
    """Hold a whole fold to what a story that is open to more evidence says; return it."""
    story = fold_story(funnel, "ada", rows, until, joined)
    stood = OpenStory(funnel, "ada", rows, joined).stands(until)
    if stood.since is None:  # a snapshot that comes later is known all the same
        assert story.contact.since is None
        assert story.stays == ()
    else:
        assert story.contact == stood
        last = story.stays[-1]
        assert (last.stage, last.entered, last.left) == (stood.stage, stood.since, None)
        assert all(a.left == b.entered for a, b in pairwise(story.stays))
    return story


def test_late_evidence_that_changes_an_answer_is_counted_and_one_that_changes_none_is_not():
    story = OpenStory(FUNNEL, "ada", [])
    contact = FUNNEL.new_contact("ada")
    told = [at(0, "called", score=1), at(5, "met"), at(6, "mailed")]
    for number, event in enumerate(told):
        contact, _ = take(FUNNEL, story, contact, StoryRow(number, event))
    contact, others = take(FUNNEL, story, contact, StoryRow(3, at(4, "called")))
    assert (contact.stage, others) == ("new", 0)
    contact, others = take(FUNNEL, story, contact, StoryRow(4, at(3, "called", score=9)))
    assert (contact.stage, contact.since, others) == ("won", T0 + 6 * DAY, 2)


def test_late_evidence_asked_about_in_any_order_is_held_to_its_own_time():
    """What stands before the one asked about last is known, and nothing of what stands behind."""
    rows = [StoryRow(n, at(n, "called", score=n)) for n in range(6)]
    story = OpenStory(FUNNEL, "ada", rows)
    for day in (3.5, 1.5, 4.5, 4.7):
        contact = story.before(at(day, "met"))
        assert (contact.fields["score"], contact.fields["calls"]) == (int(day), int(day) + 1)
        assert contact.clock == T0 + int(day) * DAY


def test_time_passes_to_the_last_evidence_when_late_evidence_comes():
    """Also where that is no evidence of the contact: somebody looked how late it was."""
    story = OpenStory(FUNNEL, "ada", [StoryRow(0, at(0, "called")), StoryRow(1, at(40, "tick"))])
    assert story.until == T0 + 40 * DAY
    assert story.stands().stage == "old"
    contact = story.before(at(5, "called"))
    assert contact.stage == "new"
    outcome, now = FUNNEL.step(contact, at(5, "called")), contact.copy()
    story.insert(2, at(5, "called"), outcome, now)
    assert (now.stage, now.since) == ("old", T0 + 35 * DAY)
    assert story.stands() == now


def test_the_first_evidence_of_all_may_come_late_and_from_nowhere():
    story = OpenStory(FUNNEL, "ada", [])
    assert (story.until, story.stands().since) == (None, None)
    contact = story.before(at(3, "called"))
    assert (contact.since, contact.stage) == (T0 + 3 * DAY, "new")
    outcome, now = FUNNEL.step(contact, at(3, "called")), contact.copy()
    assert story.insert(0, at(3, "called"), outcome, now) == 0
    assert (story.until, now.fields["calls"]) == (T0 + 3 * DAY, 1)


def test_a_snapshot_that_comes_late_is_known_from_the_start():
    """It changes answers before it, and they are counted."""
    story, contact = OpenStory(FUNNEL, "ada", []), FUNNEL.new_contact("ada")
    for number, event in enumerate([at(0, "called"), at(1, "met"), at(2, "mailed")]):
        contact, _ = take(FUNNEL, story, contact, StoryRow(number, event))
    assert contact.stage == "new"
    snapshot = at(9, "set", score=8)._replace(asserted=True)
    contact, others = take(FUNNEL, story, contact, StoryRow(3, snapshot, asserted=True))
    assert (contact.stage, contact.since, others) == ("won", T0 + 2 * DAY, 2)


def test_what_is_taken_back_never_was_and_can_come_back():
    story, contact = OpenStory(FUNNEL, "ada", []), FUNNEL.new_contact("ada")
    for number, event in enumerate([at(0, "called", score=9), at(1, "met"), at(7, "mailed")]):
        contact, _ = take(FUNNEL, story, contact, StoryRow(number, event))
    contact, others = take(FUNNEL, story, contact, StoryRow(3, Event(VOID, T0), (1, 2)))
    assert (contact.stage, contact.clock, others) == ("new", T0, 0)
    assert story.until == T0
    contact, others = take(FUNNEL, story, contact, StoryRow(4, Event(VOID, T0), (3,)))
    assert (contact.stage, contact.since, others) == ("won", T0 + 7 * DAY, 0)
    assert [row.arrival for row in story.rows] == [0, 1, 2]


def test_a_void_takes_back_only_what_came_before_it():
    rows = [StoryRow(0, at(0, "called")), StoryRow(1, Event(VOID, T0), (2,))]
    assert [r.arrival for r in in_force([*rows, StoryRow(2, at(1, "met"))])] == [0, 2]


def test_nothing_in_force_has_no_end_and_no_beginning():
    story = OpenStory(FUNNEL, "ada", [StoryRow(0, at(0, "called", score=9))])
    contact, others = story.retell(StoryRow(1, Event(VOID, T0 + DAY), (0,)))
    assert (story.until, story.rows, others) == (None, [], 0)
    assert (contact.since, contact.fields) == (None, {"calls": 0})


def test_only_what_says_something_of_the_contact_is_evidence():
    told = [
        (at(0, "tick"), False),
        (at(0, "tick")._replace(vetoes=(Veto(0, "p", "r"),)), True),
        (at(0, "adopt"), False),
        (at(0, "adopt")._replace(to="fit"), True),
        (at(0, "set"), True),
        *((at(0, name), False) for name in ("void", "merge", "unmerge", "enter", "leave")),
    ]
    for event, counts in told:
        assert bool(in_force([StoryRow(0, event)])) is counts
        story = OpenStory(FUNNEL, "ada", [StoryRow(0, at(0, "called"))])
        story.append(1, event)
        assert len(story.rows) == 1 + counts
        late = OpenStory(FUNNEL, "ada", [StoryRow(0, at(9, "called"))])
        contact = late.before(event)
        late.insert(1, event, FUNNEL.step(contact, event), contact)
        assert len(late.rows) == 1 + counts


def test_what_happened_before_a_funnel_was_entered_is_known_there_and_takes_no_transition():
    told = [at(0, "called", score=9, source="web"), at(1, "met"), at(4, "mailed"), at(6, "met")]
    told.append(at(8, "mailed"))
    rows = [StoryRow(number, event) for number, event in enumerate(told)]
    story = OpenStory(FUNNEL, "ada", rows, joined=at(5, "enter"))
    before = story.before(at(2, "called"))
    assert (before.stage, before.since, before.fields["score"]) == ("new", None, 9)
    assert before.active == T0 + DAY
    entered = story.before(at(5, "called"))
    assert (entered.stage, entered.since) == ("new", T0 + 5 * DAY)
    assert entered.fields["source"] == "webm"
    contact = story.stands()
    assert (contact.stage, contact.since) == ("won", T0 + 8 * DAY)
    assert story.stands(T0 + 5.5 * DAY).stage == "new"


def test_what_an_event_sets_is_set_whether_or_not_the_funnel_had_been_entered():
    told = [at(0, "called"), at(1, "called"), at(9, "called")]
    rows = [StoryRow(number, event) for number, event in enumerate(told)]
    contact = OpenStory(FUNNEL, "ada", rows, joined=at(5, "enter")).stands()
    assert (contact.fields["calls"], contact.since) == (3, T0 + 5 * DAY)
    assert FUNNEL.due_at(contact) == T0 + 39 * DAY


def test_a_funnel_is_entered_when_somebody_said_so_and_never_before_the_story_begins():
    rows = [StoryRow(0, at(1, "called"))]
    story = OpenStory(FUNNEL, "ada", rows, joined=at(5, "enter"))
    assert story.until == T0 + 5 * DAY
    assert (story.stands().since, story.stands().stage) == (T0 + 5 * DAY, "new")
    assert story.stands(T0 + 2 * DAY).since is None
    waited = story.stands(T0 + 50 * DAY)
    assert (waited.stage, waited.since) == ("old", T0 + 35 * DAY)
    early = OpenStory(FUNNEL, "ada", rows, joined=at(0, "enter"))
    assert early.stands().since == early.before(at(3, "met")).since == T0 + DAY
    assert OpenStory(FUNNEL, "ada", [], joined=at(0, "enter")).stands().since is None
