"""Time: what it takes by itself, when, and in which order."""

import datetime as dt

import pytest

from funnelflow.criteria import BOOLEAN, Field
from funnelflow.definition import (
    Criterion,
    CriterionProvider,
    Definition,
    EventType,
    Group,
    Library,
    Stage,
    Transition,
    Vocabulary,
    from_json,
    to_json,
)
from funnelflow.engine import Contact, Event, Funnel, Veto, decide, why
from funnelflow.engine.story import StoryRow, fold_story
from funnelflow.errors import UsageError

from .funnels import DAY, T0, VOCABULARY, all_of

MICROSECOND = dt.timedelta(microseconds=1)


def funnel_with(*transitions: Transition, force: tuple[str, ...] = ()) -> Funnel:
    """Return a funnel of four stages in a row, and a way back that events can take."""
    return Funnel(
        Definition(
            "timed",
            vocabulary=VOCABULARY,
            initial="a",
            force=force,
            stages=tuple(Stage(name) for name in "abcd"),
            transitions=(
                *transitions,
                Transition(("b", "c", "d"), "a", on=("disqualify",)),
                Transition(("a",), "b", on=("met",)),
                Transition(("a",), "c", on=("signed",)),
                Transition(("a",), "d", on=("went_quiet",)),
            ),
        )
    )


def test_what_is_due_first_is_taken_first_whatever_its_place_in_the_file():
    funnel = funnel_with(Transition(("a",), "b", after=9 * DAY), Transition(("a",), "c", after=DAY))
    contact = funnel.fold("ada", [funnel.event("add", T0), funnel.event("tick", T0 + 20 * DAY)])
    assert (contact.stage, contact.since) == ("c", T0 + DAY)


def test_one_late_event_sets_off_every_wait_in_turn():
    funnel = funnel_with(Transition(("a",), "b", after=DAY), Transition(("b",), "c", after=2 * DAY))
    contact = funnel.fold("ada", [funnel.event("add", T0)])
    outcome = funnel.step(contact, funnel.event("tick", T0 + 20 * DAY))
    assert [(t.to, t.at) for t in outcome.path] == [("b", T0 + DAY), ("c", T0 + 3 * DAY)]


def test_a_wait_that_ran_out_before_an_event_is_a_step_of_its_own():
    """Also where nothing is automatic, which lets an event's own step be given as it is."""
    funnel = funnel_with(Transition(("a",), "b", after=DAY))
    contact = funnel.fold("ada", [funnel.event("add", T0)])
    outcome = funnel.step(contact, funnel.event("disqualify", T0 + 5 * DAY))
    assert [(t.source, t.to, t.cause) for t in outcome.path] == [
        ("a", "b", "timed"),
        ("b", "a", "event"),
    ]


def test_what_was_due_before_its_criteria_were_met_is_taken_when_they_are():
    transition = Transition(("a",), "b", after=DAY, require=all_of(Fits="contact.fits"))
    funnel = funnel_with(transition)
    known = T0 + 5 * DAY
    contact = funnel.fold("ada", [funnel.event("add", T0), funnel.event("set", known)])
    assert contact.stage == "a"
    outcome = funnel.step(contact, funnel.event("set", known, {"fits": True}))
    assert [(t.to, t.cause) for t in outcome.path] == [("b", "timed")]
    assert contact.since == known


@pytest.mark.parametrize("ticks", [[10], [3, 10], [2, 3, 4, 5, 6, 7, 10], []])
def test_how_often_anybody_looked_changes_nothing(ticks):
    quiet = all_of(Quiet='now - contact.seen_at >= duration("72h")')
    funnel = funnel_with(
        Transition(("a",), "b", after=DAY, require=quiet), Transition(("b",), "c", after=DAY)
    )
    contact = funnel.fold("ada", [funnel.event("add", T0, {"seen_at": T0})])
    assert funnel.due_at(contact) == T0 + 3 * DAY
    for day in ticks:
        funnel.step(contact, funnel.event("tick", T0 + day * DAY))
    funnel.step(contact, funnel.event("set", T0 + 11 * DAY))
    assert (contact.stage, contact.since) == ("c", T0 + 4 * DAY)


def test_criteria_that_time_alone_meets_open_a_transition_without_a_wait():
    funnel = funnel_with(Transition(("a",), "b", require=all_of(Late="contact.seen_at < now")))
    promised = T0 + 30 * DAY
    contact = funnel.fold("ada", [funnel.event("add", T0, {"seen_at": promised})])
    moment = promised + MICROSECOND
    assert funnel.due_at(contact) == moment
    assert funnel.step(contact.copy(), funnel.event("tick", promised)).outcome == "stayed"
    outcome = funnel.step(contact, funnel.event("went_quiet", T0 + 80 * DAY))
    assert [(t.to, t.cause, t.at) for t in outcome.path] == [("b", "timed", moment)]


def test_criteria_that_time_never_meets_have_no_date():
    """Not even when the wait is over: only evidence can change what is missing."""
    soon = all_of(Soon="now < contact.seen_at")
    for transition in (
        Transition(("a",), "b", require=soon),
        Transition(("a",), "b", after=DAY, require=all_of(Fits="contact.fits")),
        Transition(("a",), "b", after=9 * DAY, require=soon),
    ):
        funnel = funnel_with(transition)
        contact = funnel.fold("ada", [funnel.event("add", T0)])
        funnel.step(contact, funnel.event("set", T0 + DAY, {"seen_at": T0 + 2 * DAY}))
        contact.stage, contact.since = "a", T0 + DAY
        assert funnel.due_at(contact) is None


def test_a_forced_move_is_not_taken_back_by_time():
    """What was met when somebody put the contact there opens nothing until it is met anew."""
    back = Transition(("b",), "a", require=all_of(Seen="contact.seen_at < now"))
    funnel = funnel_with(back, force=("boss",))
    add = funnel.event("add", T0, {"seen_at": T0})
    moved = funnel.event("move", T0 + DAY, to="b", force=True, reason="x", roles=["boss"])
    contact = funnel.fold("ada", [add, moved])
    assert funnel.due_at(contact) is None
    funnel.step(contact, funnel.event("tick", T0 + 9 * DAY))
    assert contact.stage == "b"


def test_of_two_that_open_at_one_moment_the_first_in_the_file_is_taken():
    late = all_of(Late="contact.seen_at < now")
    for first, second in (("b", "c"), ("c", "b")):
        funnel = funnel_with(
            Transition(("a",), first, after=DAY, require=late),
            Transition(("a",), second, require=late),
        )
        contact = funnel.fold("ada", [funnel.event("add", T0, {"seen_at": T0 + 5 * DAY})])
        funnel.step(contact, funnel.event("tick", T0 + 9 * DAY))
        assert contact.stage == first


def test_waits_that_go_round_are_followed_to_the_end():
    hour = DAY / 24
    funnel = funnel_with(Transition(("a",), "b", after=hour), Transition(("b",), "a", after=hour))
    contact = funnel.fold("ada", [funnel.event("add", T0)])
    outcome = funnel.step(contact, funnel.event("tick", T0 + 9_625 * hour))
    assert (contact.stage, contact.since) == ("b", T0 + 9_625 * hour)
    assert len(outcome.path) == 9_625


def test_waits_that_go_round_for_ever_are_refused_and_change_nothing(monkeypatch):
    monkeypatch.setattr("funnelflow.engine.funnel.MAX_TIMED_STEPS", 100)
    funnel = funnel_with(Transition(("a",), "b", after=DAY), Transition(("b",), "a", after=DAY))
    contact = funnel.fold("ada", [funnel.event("add", T0)])
    before = contact.copy()
    with pytest.raises(UsageError) as caught:
        funnel.step(contact, funnel.event("set", T0 + 101 * DAY, {"fits": True}))
    assert "close the cycle" in caught.value.hint
    assert contact == before


def test_activity_before_a_stage_was_entered_does_not_shorten_its_wait():
    funnel = funnel_with(Transition(("b",), "c", after=10 * DAY, since="activity"))
    moved = funnel.event("move", T0 + 6 * DAY, to="b")
    contact = funnel.fold("ada", [funnel.event("replied", T0), moved])
    assert funnel.due_at(contact) == T0 + 16 * DAY


def test_activity_does_not_put_off_a_wait_since_the_stage_was_entered():
    funnel = funnel_with(Transition(("a",), "b", after=10 * DAY))
    contact = funnel.fold("ada", [funnel.event("add", T0), funnel.event("replied", T0 + 6 * DAY)])
    assert funnel.due_at(contact) == T0 + 10 * DAY


def test_facts_and_ticks_are_no_activity():
    funnel = funnel_with(Transition(("a",), "c", after=10 * DAY, since="activity"))
    contact = funnel.fold("ada", [funnel.event("replied", T0)])
    for name in ("set", "tick"):
        funnel.step(contact, funnel.event(name, T0 + 3 * DAY))
    assert funnel.due_at(contact) == T0 + 10 * DAY


@pytest.mark.parametrize(
    ("activity", "facts", "counts"),
    [
        (True, {}, True),
        (False, {}, False),
        ("event.ours == false", {"ours": True}, False),
        ("event.ours == false", {"ours": False}, True),
        ("event.ours == false", {}, True),
    ],
)
def test_an_event_is_activity_unless_it_says_otherwise(activity, facts, counts):
    mailed = EventType("mailed", fields={"ours": Field("ours", BOOLEAN)}, activity=activity)
    definition = Definition(
        "timed",
        vocabulary=Vocabulary("v", events={"mailed": mailed}),
        initial="a",
        stages=(Stage("a"), Stage("b")),
        transitions=(Transition("a", "b", after=10 * DAY, since="activity"),),
    )
    funnel = Funnel(from_json(to_json(definition)))
    mail = funnel.event("mailed", T0 + 6 * DAY, facts)
    contact = funnel.fold("ada", [funnel.event("add", T0), mail])
    assert funnel.due_at(contact) == T0 + (16 if counts else 10) * DAY


def group_funnel(*transitions: Transition, force: tuple[str, ...] = ()) -> Funnel:
    """Return a funnel with a stage `work` that nests others, two deep, which events move about."""
    deep = Stage("deep", stages=(Stage("first"), Stage("second")))
    return Funnel(
        Definition(
            "timed",
            vocabulary=VOCABULARY,
            initial="work",
            force=force,
            stages=(Stage("work", stages=(Stage("hot"), Stage("cold"), deep)), Stage("stale")),
            transitions=(
                Transition("work.hot", "work.cold", on="went_quiet"),
                Transition("work.cold", "work.deep", on="went_quiet"),
                Transition("work.deep.first", "work.deep.second", on="went_quiet"),
                Transition("stale", "work", on="met"),
                *transitions,
            ),
        )
    )


def days_of(funnel: Funnel, *days: tuple[int, str]) -> list[Event]:
    """Return a story of events by the day on which they happen, added on the first."""
    return [funnel.event("add", T0), *(funnel.event(name, T0 + day * DAY) for day, name in days)]


@pytest.mark.parametrize("inner", ["hot", "cold"])
def test_a_stage_with_nested_ones_is_entered_anew_as_any_other(inner):
    funnel = group_funnel(
        Transition("work", "work", on="met"), Transition("work", "stale", after=10 * DAY)
    )
    cold = [(1, "went_quiet")] if inner == "cold" else []
    contact = funnel.fold("ada", days_of(funnel, *cold, (5, "met")))
    assert (contact.stage, contact.since) == ("work.hot", T0 + 5 * DAY)
    assert funnel.due_at(contact) == T0 + 15 * DAY


def test_a_wait_in_a_stage_with_nested_ones_counts_from_when_that_was_entered():
    funnel = group_funnel(Transition("work", "stale", after=10 * DAY))
    quiet = [(day, "went_quiet") for day in (2, 4, 6)]
    contact = funnel.fold("ada", days_of(funnel, *quiet))
    assert (contact.stage, contact.since) == ("work.deep.second", T0 + 6 * DAY)
    assert contact.entered == {"work": T0}
    assert funnel.due_at(contact) == T0 + 10 * DAY
    funnel.step(contact, funnel.event("tick", T0 + 30 * DAY))
    assert (contact.stage, contact.since, contact.entered) == ("stale", T0 + 10 * DAY, None)
    funnel.step(contact, funnel.event("met", T0 + 31 * DAY))
    funnel.step(contact, funnel.event("went_quiet", T0 + 32 * DAY))
    assert funnel.due_at(contact) == T0 + 41 * DAY


def test_each_wait_counts_from_the_innermost_stage_that_it_names():
    funnel = group_funnel(
        Transition("work", "stale", after=30 * DAY),
        Transition("work.deep", "work.cold", after=10 * DAY),
        Transition("work.deep.second", "work.hot", after=9 * DAY),
    )
    contact = funnel.fold("ada", days_of(funnel, (1, "went_quiet"), (2, "went_quiet")))
    assert (contact.stage, funnel.due_at(contact)) == ("work.deep.first", T0 + 12 * DAY)
    funnel.step(contact, funnel.event("went_quiet", T0 + 5 * DAY))
    assert funnel.due_at(contact) == T0 + 12 * DAY
    assert funnel.step(contact, funnel.event("tick", T0 + 12 * DAY)).path[0].to == "work.cold"
    assert funnel.due_at(contact) == T0 + 30 * DAY


def test_a_wait_that_ends_in_the_stage_it_leaves_counts_from_each_nested_one():
    """It is about those that are not there yet; a contact would else go round at once."""
    funnel = group_funnel(Transition("work", "work.cold", after=10 * DAY))
    contact = funnel.fold("ada", [*days_of(funnel, (1, "went_quiet"), (4, "went_quiet"))])
    assert (contact.stage, contact.entered) == ("work.deep.first", None)
    assert funnel.due_at(contact) == T0 + 14 * DAY


def test_a_wait_for_activity_begins_with_the_stage_that_it_names():
    """A move by hand between nested stages is no activity."""
    funnel = group_funnel(Transition("work", "stale", after=10 * DAY, since="activity"))
    moved = funnel.event("move", T0 + 6 * DAY, to="work.cold")
    contact = funnel.fold("ada", [*days_of(funnel), moved])
    assert (contact.stage, funnel.due_at(contact)) == ("work.cold", T0 + 10 * DAY)
    funnel.step(contact, funnel.event("met", T0 + 8 * DAY))
    assert funnel.due_at(contact) == T0 + 18 * DAY


def test_a_wait_that_was_over_before_its_stage_was_entered_ends_when_it_is():
    funnel = group_funnel(
        Transition(("work", "work.hot"), "stale", after=5 * DAY),
        Transition("work.hot", "work.hot", on="met"),
        Transition("work.hot", "work.cold", after=3 * DAY),
    )
    contact = funnel.fold("ada", days_of(funnel, (2, "met"), (4, "met")))
    outcome = funnel.step(contact, funnel.event("tick", T0 + 9 * DAY))
    at = T0 + 7 * DAY
    assert [(t.to, t.at) for t in outcome.path] == [("work.cold", at), ("stale", at)]


def test_the_stages_around_one_are_entered_anew_by_a_forced_move_only_from_outside():
    funnel = group_funnel(Transition("work", "stale", after=10 * DAY), force=("boss",))

    def forced(day: int, to: str) -> Event:
        at = T0 + day * DAY
        return funnel.event("move", at, to=to, force=True, reason="r", roles=("boss",))

    contact = funnel.fold("ada", [*days_of(funnel), forced(3, "work.deep")])
    assert (contact.stage, funnel.due_at(contact)) == ("work.deep.first", T0 + 10 * DAY)
    contact = funnel.fold(
        "ada", [*days_of(funnel), forced(3, "stale"), forced(4, "work.cold"), forced(5, "work.hot")]
    )
    assert (contact.stage, funnel.due_at(contact)) == ("work.hot", T0 + 14 * DAY)


def test_a_contact_of_which_only_the_inner_stage_is_known_waits_from_there():
    """So are contacts read that were stored before the moment was kept."""
    funnel = group_funnel(Transition("work", "stale", after=10 * DAY))
    contact = Contact("ada", "work.hot", {}, T0 + DAY, T0 + DAY)
    assert funnel.due_at(contact) == T0 + 11 * DAY
    funnel.step(contact, funnel.event("went_quiet", T0 + 2 * DAY))
    assert (contact.stage, funnel.due_at(contact)) == ("work.cold", T0 + 11 * DAY)


def test_a_story_that_arrives_late_counts_from_the_same_moment():
    funnel = group_funnel(Transition("work", "stale", after=10 * DAY))
    happened = days_of(funnel, (2, "went_quiet"), (4, "went_quiet"))
    rows = [StoryRow(number, event) for number, event in enumerate(happened, 1)]
    late = [StoryRow(4 - row.arrival, row.event) for row in rows]
    for told in (rows, late):
        story = fold_story(funnel, "ada", told, until=T0 + 20 * DAY)
        assert [(stay.stage, stay.entered) for stay in story.stays] == [
            ("work.hot", T0),
            ("work.cold", T0 + 2 * DAY),
            ("work.deep.first", T0 + 4 * DAY),
            ("stale", T0 + 10 * DAY),
        ]


def test_a_move_goes_no_way_that_only_time_takes_before_its_time():
    """What is due is taken by time itself."""
    wait = Transition("b", "c", after=10 * DAY, require=all_of(Fits="contact.fits"))
    funnel = funnel_with(wait)
    contact = funnel.fold("ada", [funnel.event("met", T0, {"fits": True})])
    early = funnel.event("move", T0 + 10 * DAY - MICROSECOND, to="c")
    assert funnel.step(contact.copy(), early).outcome == "refused"
    outcome = funnel.step(contact, funnel.event("move", T0 + 10 * DAY, to="c"))
    assert [taken.cause for taken in outcome.path] == ["timed"]


def test_a_move_goes_a_way_that_an_event_takes_whatever_its_wait():
    funnel = funnel_with(Transition("a", "b", on="met", after=10 * DAY))
    contact = funnel.fold("ada", [funnel.event("add", T0)])
    assert funnel.step(contact, funnel.event("move", T0 + DAY, to="b")).outcome == "moved"


def test_what_time_would_take_if_its_criteria_were_met_is_explained():
    late = Transition("a", "b", after=DAY, require=all_of(Fits="contact.fits"))
    funnel = funnel_with(late, Transition("a", "c", after=9 * DAY))
    contact = funnel.fold("ada", [funnel.event("add", T0)])
    found = decide(funnel, contact, funnel.event("set", T0 + 2 * DAY)).considered
    assert [(c.to, c.cause, c.verdict.value) for c in found] == [("b", "timed", "unknown")]
    assert decide(funnel, contact, funnel.event("set", T0)).considered == ()


@pytest.mark.parametrize("days", [1, 2])
def test_a_wait_that_is_over_is_no_criterion(days):
    funnel = funnel_with(Transition("a", "b", after=DAY))
    contact = funnel.fold("ada", [funnel.event("add", T0)])
    now = T0 + days * DAY
    (taken,) = decide(funnel, contact, funnel.event("tick", now)).considered
    assert (taken.cause, taken.verdict.value, taken.check) == ("timed", "met", None)
    assert [c.check for c in why(funnel, contact, now) if c.cause == "timed"] == [None]


def test_it_is_known_whether_time_takes_anything():
    assert funnel_with(Transition("a", "b", after=DAY)).waits
    assert not funnel_with().waits


def test_a_stage_that_nothing_leaves_by_time_has_no_date():
    funnel = funnel_with(Transition(("a",), "b", after=DAY))
    contact = funnel.fold("ada", [funnel.event("signed", T0)])
    assert funnel.due_at(contact) is None


def test_a_wait_beyond_the_calendar_never_ends():
    funnel = funnel_with(Transition(("a",), "b", after=DAY))
    contact = funnel.fold(
        "ada", [funnel.event("add", dt.datetime(9999, 12, 31, 12, tzinfo=dt.UTC))]
    )
    assert funnel.due_at(contact) is None


def asking(require: Group, *transitions: Transition, function=None) -> Funnel:
    """Return a funnel that a wait of a day leaves if a plugin's criterion `free` agrees.

    The plugin agrees from day 4 on, unless it is another.
    """
    provider = CriterionProvider("free", function or (lambda c: c.now >= T0 + 4 * DAY), "Free")
    definition = Definition(
        "timed",
        vocabulary=VOCABULARY,
        initial="a",
        stages=(Stage("a"), Stage("b"), Stage("c")),
        transitions=(*transitions, Transition("a", "b", after=DAY, require=require)),
    )
    return Funnel(definition, Library(criteria={"free": provider}))


FREE = Criterion("Free", function="free")
FITS = Criterion("Fits", "contact.fits")
ASKED = [
    Group("all", (FREE,)),
    Group("all", (FITS, FREE)),
    Group("all", (Group("any", (Group("all", (FREE, FITS)), FREE)),)),
    Group("at_least", (FITS, FREE), 2),
]


@pytest.mark.parametrize("require", ASKED)
def test_a_plugin_that_does_not_agree_when_a_wait_is_over_is_asked_whenever_anybody_looks(require):
    funnel = asking(require)
    contact = funnel.fold("ada", [funnel.event("add", T0, {"fits": True})])
    assert funnel.due_at(contact) == T0 + DAY
    assert not funnel.step(contact, funnel.event("tick", T0 + 3 * DAY)).path
    assert funnel.due_at(contact) == T0 + 3 * DAY
    outcome = funnel.step(contact, funnel.event("tick", T0 + 6 * DAY))
    assert [(t.to, t.cause, t.at) for t in outcome.path] == [("b", "timed", T0 + 6 * DAY)]


def test_a_plugin_is_not_waited_for_where_another_criterion_is_not_met():
    funnel = asking(Group("all", (FITS, FREE)))
    contact = funnel.fold("ada", [funnel.event("add", T0), funnel.event("tick", T0 + 6 * DAY)])
    assert (contact.stage, funnel.due_at(contact)) == ("a", None)


def test_a_plugin_is_asked_after_a_transition_that_only_its_criteria_open():
    overdue = Transition("a", "c", require=all_of(Late="contact.seen_at < now"))
    funnel = asking(ASKED[0], overdue)
    contact = funnel.fold("ada", [funnel.event("add", T0), funnel.event("tick", T0 + 2 * DAY)])
    outcome = funnel.step(contact, funnel.event("tick", T0 + 6 * DAY))
    assert [(t.to, t.at) for t in outcome.path] == [("b", T0 + 6 * DAY)]


def test_a_plugin_that_fails_opens_nothing():
    def fail(_):
        raise OSError("down")

    funnel = asking(ASKED[0], function=fail)
    contact = funnel.fold("ada", [funnel.event("add", T0), funnel.event("tick", T0 + 6 * DAY)])
    assert (contact.stage, funnel.due_at(contact)) == ("a", T0 + 6 * DAY)


def test_what_a_plugin_objected_to_is_due_since_it_was_asked_last():
    funnel = funnel_with(Transition("a", "b", after=DAY))
    contact = funnel.fold("ada", [funnel.event("add", T0)])
    objected = Event("tick", T0 + 5 * DAY, vetoes=(Veto(0, "office-hours", "not today"),))
    assert not funnel.step(contact, objected).path
    assert funnel.due_at(contact) == T0 + 5 * DAY
    outcome = funnel.step(contact, funnel.event("tick", T0 + 7 * DAY))
    assert [(t.to, t.at) for t in outcome.path] == [("b", T0 + 5 * DAY)]
