"""A contact in several funnels at once: one story, and one position a funnel."""

import datetime as dt
from uuid import uuid4

import pytest
from attrs import evolve
from hypothesis import assume, given
from hypothesis import strategies as st
from sqlalchemy import select

from funnelflow.definition import check
from funnelflow.engine import Event
from funnelflow.engine.story import ENTER, LEAVE
from funnelflow.errors import ConflictError, UnknownNameError, UsageError
from funnelflow.ingest.file_options import FileOptions
from funnelflow.maintenance.adopt import run_adoption
from funnelflow.storage.changes import Change
from funnelflow.storage.connect import reading
from funnelflow.storage.contacts import find_positions
from funnelflow.storage.tables import contacts, positions

from ..engine.test_story import apart
from ..engine.worlds import HOUR, definitions, stories
from ..funnels import DAY, T0
from .test_order import PROPERTY

SECOND = dt.timedelta(seconds=1)

PIPELINE = """\
funnel: pipeline
initial: nurture
fields: {budget: number, seats: integer}
events: {opened: {}, called: {}, purchased: {}}
stages:
  nurture: {}
  engaged: {}
  won: {type: won}
  lost: {type: lost}
transitions:
  - {from: nurture, to: engaged, on: opened}
  - {from: engaged, to: won, require: [Has a budget: contact.budget > 10]}
  - {from: nurture, to: lost, after: 30d}
"""
SUPPORT = """\
funnel: support
initial: quiet
fields: {budget: number, mood: text}
events: {called: {}, opened: {}}
stages:
  quiet: {}
  talking: {}
  engaged: {}
  gone: {type: lost}
transitions:
  - {from: quiet, to: talking, on: called}
  - {from: talking, to: engaged, require: [Is happy: contact.mood == "happy"]}
  - {from: quiet, to: gone, after: 10d}
"""


@pytest.fixture
def two(directory, workspace, clock):
    """Give a workspace with two funnels, long after what happens."""
    clock.now = T0 + 200 * DAY
    for name, text in {"pipeline": PIPELINE, "support": SUPPORT}.items():
        (directory / f"{name}.yaml").write_text(text)
        workspace.adopt(directory / f"{name}.yaml")
    return workspace


def stands(workspace, contact):
    """Return where a contact stands as it is stored, by funnel, in the order of entering them."""
    with reading(workspace.context.engine) as connection:
        found = find_positions(connection, workspace.context.definitions, contact)
    return {s.funnel: (s.contact.stage, s.contact.since, s.contact.fields) for s, _ in found}


def stages(workspace, contact):
    """Return the stage of a contact in each of its funnels."""
    return {funnel: stage for funnel, (stage, *_) in stands(workspace, contact).items()}


def test_what_happens_moves_a_contact_in_all_of_its_funnels(two):
    two.add("ada", funnel="pipeline", at=T0)
    entered = two.enter("ada", "support", at=T0 + DAY)
    assert (entered.funnel, entered.decision.after) == ("support", "quiet")
    assert [(one.funnel, one.decision.after) for one in entered.others] == [("pipeline", "nurture")]
    called = two.record("ada", "called", at=T0 + 2 * DAY)
    assert (called.funnel, called.decision.outcome) == ("pipeline", "stayed")
    (other,) = called.others
    assert (other.funnel, other.decision.before, other.decision.after) == (
        "support",
        "quiet",
        "talking",
    )
    two.record("ada", "opened", {"budget": 20, "mood": "happy"}, at=T0 + 3 * DAY)
    assert stages(two, "ada") == {"pipeline": "won", "support": "engaged"}
    assert two.verify().is_sound


def test_what_happened_before_a_funnel_was_entered_is_known_there_and_moves_nobody(two):
    two.add("ada", {"budget": 5}, funnel="pipeline", at=T0)
    two.record("ada", "opened", at=T0 + DAY)
    two.enter("ada", "support", at=T0 + 2 * DAY)
    assert stands(two, "ada")["support"] == ("quiet", T0 + 2 * DAY, {"budget": 5})
    two.record("ada", "called", at=T0 + DAY)
    assert stages(two, "ada") == {"pipeline": "engaged", "support": "quiet"}
    assert two.verify().is_sound


def test_leaving_a_funnel_and_entering_it_again_counts_anew(two):
    two.add("ada", funnel="pipeline", at=T0)
    two.enter("ada", "support", at=T0)
    two.record("ada", "called", at=T0 + DAY)
    left = two.leave("ada", "support", at=T0 + 2 * DAY)
    assert (left.funnel, left.decision.after) == ("support", "talking")
    assert stages(two, "ada") == {"pipeline": "nurture"}
    assert two.verify().is_sound
    two.enter("ada", "support", at=T0 + 3 * DAY)
    assert stands(two, "ada")["support"][:2] == ("quiet", T0 + 3 * DAY)
    assert two.verify().is_sound


def test_the_first_funnel_can_be_left_for_another(two):
    two.add("ada", funnel="pipeline", at=T0)
    two.enter("ada", "support", at=T0)
    two.leave("ada", "pipeline", at=T0 + DAY)
    two.record("ada", "called", at=T0 + 2 * DAY)
    assert stages(two, "ada") == {"support": "talking"}
    two.enter("ada", "pipeline", at=T0 + 3 * DAY)
    two.record("ada", "opened", at=T0 + 4 * DAY)
    assert stages(two, "ada") == {"support": "talking", "pipeline": "engaged"}
    assert two.verify().is_sound


def test_a_funnel_is_not_entered_twice_and_the_only_one_not_left(two):
    two.add("ada", funnel="pipeline", at=T0)
    with pytest.raises(ConflictError, match="only funnel of ada"):
        two.leave("ada", "pipeline", at=T0 + DAY)
    with pytest.raises(ConflictError, match="in the funnel 'pipeline' already"):
        two.enter("ada", "pipeline", at=T0 + DAY)
    with pytest.raises(UsageError, match="ada is not in the funnel 'support'"):
        two.leave("ada", "support", at=T0 + DAY)
    with pytest.raises(UnknownNameError, match="no funnel 'nowhere'"):
        two.enter("ada", "nowhere", at=T0 + DAY)
    with pytest.raises(UnknownNameError, match="no contact 'grace'"):
        two.enter("grace", "support", at=T0 + DAY)
    assert len(two.history("ada").rows) == 1


def test_a_move_is_in_the_funnel_that_has_the_stage_or_that_is_named(two):
    two.add("ada", {"mood": "happy"}, funnel="support", at=T0)
    two.enter("ada", "pipeline", at=T0)
    with pytest.raises(UsageError, match="several funnels that have a stage 'engaged'") as caught:
        two.move("ada", "engaged", at=T0 + DAY)
    assert "funnelflow move ada engaged --funnel support" in caught.value.hint
    moved = two.move("ada", "engaged", funnel="pipeline", at=T0 + DAY)
    assert (moved.funnel, moved.decision.outcome) == ("pipeline", "moved")
    assert stages(two, "ada") == {"support": "quiet", "pipeline": "engaged"}
    refused = two.move("ada", "won", at=T0 + 2 * DAY)
    assert (refused.funnel, refused.decision.outcome) == ("pipeline", "refused")
    assert two.history("ada").rows[-1].about == ("pipeline",)
    assert two.verify().is_sound


def test_who_is_merged_is_in_the_funnels_of_both(two):
    two.add("ada", {"budget": 20}, funnel="pipeline", at=T0)
    two.add("bob", {"mood": "happy"}, funnel="support", at=T0 + DAY)
    two.record("bob", "called", at=T0 + 2 * DAY)
    before = {name: stands(two, name) for name in ("ada", "bob")}
    two.merge("bob", "ada")
    assert stages(two, "ada") == {"pipeline": "nurture", "support": "engaged"}
    two.record("bob", "opened", at=T0 + 3 * DAY)
    assert stages(two, "bob") == {"pipeline": "won", "support": "engaged"}
    assert two.verify().findings == ()
    two.tick(T0 + 90 * DAY)
    assert two.verify().findings == ()
    two.unmerge("bob")
    assert stands(two, "ada").keys() == before["ada"].keys()
    assert stages(two, "bob") == {"support": "engaged"}
    assert stands(two, "bob") == before["bob"]
    assert two.verify().findings == ()
    two.merge("ada", "bob")
    assert stages(two, "bob") == {"support": "engaged", "pipeline": "won"}
    assert two.verify().findings == ()


def test_a_funnel_that_one_of_two_entered_later_counts_from_where_it_begins_for_the_whole(two):
    two.add("ada", funnel="pipeline", at=T0)
    two.enter("ada", "support", at=T0 + 5 * DAY)
    two.add("bob", funnel="support", at=T0 + DAY)
    two.record("ada", "called", at=T0 + 2 * DAY)
    assert stages(two, "ada") == {"pipeline": "nurture", "support": "quiet"}
    two.merge("bob", "ada")
    assert stages(two, "ada") == {"pipeline": "nurture", "support": "talking"}
    assert two.verify().findings == ()
    two.unmerge("bob")
    assert stages(two, "ada") == {"pipeline": "nurture", "support": "quiet"}
    assert stages(two, "bob") == {"support": "quiet"}
    assert two.verify().findings == ()


@PROPERTY
@given(
    definitions(),
    definitions(),
    stories(),
    st.lists(st.integers(0, 40), min_size=1, max_size=3),
    st.randoms(use_true_random=False),
)
def test_any_order_gives_in_each_funnel_what_its_definition_makes_of_the_story(
    two, first, second, events, hours, chance
):
    for definition in (first, second):
        assume(not [p for p in check(definition) if p.severity == "error"])
    name = f"w{uuid4().hex}"
    names = [f"{name}-{number}" for number in "ab"]
    for one, definition in zip(names, (first, second), strict=True):
        run_adoption(two.context, evolve(definition, name=one), {})
    events = apart(events)
    entering = [
        Event(kind, T0 + hour * HOUR + 30 * SECOND, about=(names[1],))
        for kind, hour in zip((ENTER, LEAVE, ENTER), sorted(set(hours)), strict=False)
    ]
    for number in range(2):
        order = events if number == 0 else chance.sample(events, len(events))
        two.add(name + str(number), funnel=names[0], at=T0 - HOUR)
        places = sorted(chance.randint(0, len(order)) for _ in entering)
        for place, event in reversed(list(zip(places, entering, strict=True))):
            order = [*order[:place], event, *order[place:]]
        for event in order:
            asked = Change(name + str(number), event.name, event.at, event.facts)
            two.context.record(evolve(asked, about=event.about))
    joined = entering[-1].at if len(entering) != 2 else None
    expected = {names[0]: folded(two.funnel(names[0]), events)}
    if joined is not None:
        expected[names[1]] = folded(two.funnel(names[1]), events, joined)
    for number in range(2):
        found = stands(two, f"{name}{number}")
        assert {funnel: place[:2] for funnel, place in found.items()} == expected
    assert two.verify().is_sound


def folded(funnel, events, joined=None):
    """Return where a story in order leads in a funnel, from when it was entered."""
    contact, begins = funnel.new_contact("x"), Event("add", joined or T0 - HOUR)
    for event in sorted([begins, *events], key=lambda event: event.at):
        step = funnel.learn if event.at < begins.at else funnel.step
        step(contact, event)
    return contact.stage, contact.since


def test_what_a_funnel_knows_a_contact_by_is_told_by_any_of_its_funnels(two):
    two.add("ada", funnel="pipeline", at=T0)
    with pytest.raises(UnknownNameError):
        two.set("ada", {"mood": "happy"}, at=T0 + DAY)
    two.enter("ada", "support", at=T0 + DAY)
    two.set("ada", {"mood": "happy", "seats": 3}, at=T0 + 2 * DAY)
    found = stands(two, "ada")
    assert (found["pipeline"][2], found["support"][2]) == ({"seats": 3}, {"mood": "happy"})
    assert two.verify().is_sound


def test_time_moves_a_contact_in_each_funnel(two, clock):
    two.add("ada", funnel="pipeline", at=T0)
    two.enter("ada", "support", at=T0 + DAY)
    assert [one.contact.stage for one in two.contact("ada").positions] == ["lost", "gone"]
    done = two.tick(T0 + 20 * DAY)
    assert (done.due, done.moved) == (1, 1)
    assert stages(two, "ada") == {"pipeline": "nurture", "support": "gone"}
    two.tick(T0 + 50 * DAY)
    assert stages(two, "ada") == {"pipeline": "lost", "support": "gone"}
    assert two.verify().is_sound


def test_a_contact_is_listed_in_each_funnel_and_asked_about_in_the_one_that_is_named(two):
    two.add("ada", funnel="pipeline", at=T0)
    two.enter("ada", "support", at=T0 + 2 * DAY)
    two.record("ada", "called", at=T0 + 3 * DAY)
    two.leave("ada", "support", at=T0 + 5 * DAY)
    two.enter("ada", "support", at=T0 + 199 * DAY)
    assert [(s.id, s.funnel) for s in two.list()] == [("ada", "pipeline"), ("ada", "support")]
    assert [s.funnel for s in two.list(funnel="support")] == ["support"]
    assert two.why("ada", funnel="support").contact.contact.stage == "quiet"
    assert [s.funnel for s in two.contact("ada", funnel="support").positions] == [
        "support",
        "pipeline",
    ]
    then = {day: two.why("ada", T0 + day * DAY, funnel="support") for day in (3, 4)}
    assert [explained.contact.contact.stage for explained in then.values()] == ["talking"] * 2
    for day in (1, 6):
        with pytest.raises(UsageError, match="nothing was known of ada then"):
            two.why("ada", T0 + day * DAY, funnel="support")
        assert [s.funnel for s in two.list(at=T0 + day * DAY)] == ["pipeline"]
    assert {s.funnel: s.contact.stage for s in two.list(at=T0 + 4 * DAY)} == {
        "pipeline": "nurture",
        "support": "talking",
    }
    shown = [(row.event, row.after) for row in two.history("ada", funnel="support").rows]
    assert shown == [
        ("enter", "quiet"),
        ("called", "talking"),
        ("leave", "talking"),
        ("enter", "quiet"),
    ]
    with pytest.raises(UsageError, match="ada is not in the funnel 'nowhere'"):
        two.why("ada", funnel="nowhere")


def test_a_key_gives_the_first_answer_in_every_funnel(two):
    two.add("ada", funnel="pipeline", at=T0)
    two.enter("ada", "support", at=T0)
    first = two.record("ada", "called", at=T0 + DAY, key="call-1")
    again = two.record("ada", "called", at=T0 + DAY, key="call-1")
    assert again.duplicate
    assert [(one.funnel, one.decision.path) for one in again.others] == [
        (one.funnel, one.decision.path) for one in first.others
    ]
    for _ in range(2):
        moved = two.move("ada", "engaged", funnel="support", at=T0 + DAY, key="move-1")
        assert moved.funnel == "support"
    assert moved.duplicate


def test_a_new_version_of_one_funnel_leaves_the_others_as_they_are(two, directory):
    two.add("ada", funnel="pipeline", at=T0)
    two.enter("ada", "support", at=T0 + DAY)
    two.record("ada", "called", at=T0 + 2 * DAY)
    newer = SUPPORT.replace("initial: quiet", "version: 2\ninitial: quiet").replace(
        "{from: quiet, to: talking, on: called}", "{from: quiet, to: engaged, on: called}"
    )
    (directory / "newer.yaml").write_text(newer)
    before = stands(two, "ada")["pipeline"]
    done = two.adopt(directory / "newer.yaml")
    assert (done.contacts, done.moved) == (1, 1)
    assert stages(two, "ada") == {"pipeline": "nurture", "support": "engaged"}
    assert stands(two, "ada")["pipeline"] == before
    two.record("ada", "opened", at=T0 + 3 * DAY)
    assert stages(two, "ada") == {"pipeline": "engaged", "support": "engaged"}
    assert two.verify().is_sound


def test_files_are_about_all_funnels_of_a_contact(two, write):
    two.add("ada", funnel="pipeline", at=T0)
    two.enter("ada", "support", at=T0)
    rows = "contact,event,at,mood\nada,called,2026-03-02T09:00:00Z,happy\n"
    options = FileOptions(funnel="support")
    summary = two.apply(write(rows, "a.csv"), options)
    assert (summary.counts.rejected, stages(two, "ada")["support"]) == (0, "engaged")
    for number in range(2):
        people = write(f"contact,mood\nada,sad\n{chr(10) * number}", f"{number}.csv")
        counts = two.import_contacts(people, options).counts
        assert (counts.rejected, counts.unchanged) == (0, number)
    assert stands(two, "ada")["support"][2] == {"mood": "sad"}
    assert two.verify().is_sound


def test_a_field_has_one_type_in_all_funnels_of_a_workspace(two, directory):
    other = SUPPORT.replace("funnel: support", "funnel: other").replace(
        "mood: text", "mood: integer"
    )
    other = other.replace('contact.mood == "happy"', "contact.mood == 1")
    (directory / "other.yaml").write_text(other)
    with pytest.raises(UsageError, match=r"'mood' is integer here, and text in support, version 1"):
        two.adopt(directory / "other.yaml")
    assert two.funnels() == ("pipeline", "support")
    two.adopt(directory / "other.yaml", instead_of="support")


def test_a_story_that_begins_earlier_than_known_begins_a_funnel_when_it_was_entered(two):
    two.add("ada", funnel="pipeline", at=T0)
    two.enter("ada", "support", at=T0 - DAY)
    assert stands(two, "ada")["support"][1] == T0
    two.record("ada", "opened", at=T0 - 2 * DAY)
    assert stands(two, "ada")["support"][1] == T0 - DAY
    assert two.verify().is_sound


def test_who_is_merged_holds_one_position_and_has_all_again_apart(two):
    for name in ("ada", "bob"):
        two.add(name, funnel="pipeline", at=T0)
    two.enter("bob", "support", at=T0 + DAY)
    stood = stands(two, "bob")
    two.merge("bob", "ada")
    held = select(positions.c.funnel).join(contacts, contacts.c.number == positions.c.contact)
    with reading(two.engine) as connection:
        found = connection.execute(held.where(contacts.c.id == "bob")).scalars().all()
    assert found == ["pipeline"]
    two.unmerge("bob")
    assert stands(two, "bob") == stood


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (("called: {}", "called: {fields: {budget: text}}"), "budget"),
        (("called: {}", "paid: {fields: {seats: text}}, called: {}"), "seats"),
        (("mood: text", "mood: text, minutes: text"), "minutes"),
        (("called: {}", "called: {fields: {minutes: text}}"), "minutes"),
    ],
    ids=["event's against contact's", "other event's", "contact's against event's", "event's"],
)
def test_what_only_an_event_brings_has_one_type_too(two, directory, change, name):
    measured = PIPELINE.replace("called: {}", "called: {fields: {minutes: integer}}")
    two.adopt(write_to(directory / "pipeline.yaml", measured))
    other = SUPPORT.replace("funnel: support", "funnel: other").replace("budget: number, ", "")
    with pytest.raises(UsageError, match=rf"'{name}' is text here, and .* in pipeline, version 1"):
        two.adopt(write_to(directory / "other.yaml", other.replace(*change)))
    two.adopt(write_to(directory / "other.yaml", other))


def write_to(path, text):
    """Write a definition to its file."""
    path.write_text(text)
    return path


@pytest.mark.parametrize("event", [ENTER, LEAVE])
def test_entering_and_leaving_are_no_events_to_record(two, event):
    two.add("ada", at=T0)
    with pytest.raises(UsageError, match=f"{event} is no event to record"):
        two.record("ada", event)
