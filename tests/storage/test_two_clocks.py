"""Two clocks: as it happened, as it is known today; and as it was known and said."""

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from funnelflow.errors import UsageError
from funnelflow.storage.changes import Change

from ..funnels import DAY, DEALS, SECOND, T0
from .test_order import SIZE, STORIES, change, stored_of

BEFORE = DEALS.replace("version: 2", "version: 3").replace("seats >= 10", "seats >= 3")


@pytest.fixture
def ada(deals):
    """Give a workspace in which ada's acceptance became known after her purchase."""
    deals.record("ada", "purchased", at=T0 + 4 * DAY, create=True)
    deals.record("ada", "accepted", at=T0 + 2 * DAY)
    return deals


def test_at_a_time_a_contact_stands_where_it_stood_as_is_known_today(ada):
    assert ada.why("ada", T0 + 3 * DAY).contact.contact.stage == "engaged"
    assert ada.why("ada", T0 + 4 * DAY).contact.contact.stage == "won"
    with pytest.raises(UsageError):
        ada.why("ada", T0 + DAY)


def test_what_was_known_when_a_row_arrived_is_what_was_said(ada):
    *_, purchased, accepted = ada.history("ada").rows
    assert ada.why("ada", known_at=purchased.id).contact.contact.stage == "nurture"
    assert ada.why("ada", known_at=accepted.id).contact.contact.stage == "won"
    between = accepted.recorded_at - SECOND
    assert ada.why("ada", T0 + 5 * DAY, known_at=between).contact.contact.stage == "nurture"


def test_a_time_to_come_is_reached_by_what_time_opens(deals):
    deals.add("bob", at=T0)
    assert deals.why("bob", T0 + 29 * DAY).contact.contact.stage == "nurture"
    lost = deals.why("bob", T0 + 31 * DAY).contact.contact
    assert (lost.stage, lost.since) == ("lost", T0 + 30 * DAY)


def test_lists_show_everybody_as_they_stood(ada):
    ada.add("bob", {"budget": 5}, at=T0 + 3 * DAY)
    (row, *_) = ada.history("ada").rows
    assert {c.id: c.contact.stage for c in ada.list(at=T0 + 3 * DAY)} == {
        "ada": "engaged",
        "bob": "nurture",
    }
    assert [c.id for c in ada.list(at=T0 + 3 * DAY, stage="engaged")] == ["ada"]
    assert [c.id for c in ada.list("contact.budget > 4", at=T0 + 3 * DAY)] == ["bob"]
    assert [c.id for c in ada.list(known_at=row.id)] == ["ada"]


def test_what_was_said_under_another_version_stays_readable(deals, directory):
    said = deals.add("ada", {"seats": 4}, at=T0)
    path = directory / "deals.yaml"
    path.write_text(BEFORE)
    deals.adopt(path)
    (first, *_) = deals.history("ada").rows
    assert stored_of(deals, "ada").contact.stage == "engaged"
    assert deals.why("ada", T0).contact.contact.stage == "engaged"
    assert deals.why("ada", known_at=first.id).contact.contact.stage == said.decision.after


def test_the_story_of_one_contact_can_be_read_in_either_order(ada):
    arrived = ["add", "purchased", "accepted"]
    assert [row.event for row in ada.history("ada").rows] == arrived
    page = ada.history("ada", by_time=True, limit=2)
    assert [row.event for row in page.rows] == ["accepted", "add"]
    (last,) = ada.history("ada", by_time=True, after=page.after).rows
    assert last.event == "purchased"
    assert [row.event for row in ada.history("ada", known_at=last.id).rows] == arrived[:2]


@settings(
    max_examples=SIZE, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(STORIES, st.uuids(version=4))
def test_known_at_the_number_of_each_write_gives_what_it_answered(deals, story, name):
    said = []
    for row in story:
        asked: Change = change(str(name), row)
        deals.context.record(asked)
        number = deals.history(str(name)).rows[-1].id
        said.append((number, stored_of(deals, str(name))))
    for number, stored in said:
        then = deals.why(str(name), known_at=number).contact
        assert evolve(then, sequence=0) == evolve(stored, sequence=0)


@settings(
    max_examples=SIZE, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(STORIES, st.uuids(version=4), st.integers(0, 40))
def test_a_history_as_it_happened_leads_from_stage_to_stage_to_where_the_contact_stood(
    deals, story, name, days
):
    for row in story:
        deals.context.record(change(str(name), row))
    first = min(row.at for row in deals.history(str(name)).rows)
    at = first + days * DAY
    page = deals.history(str(name), at=at)
    assert [row.at for row in page.rows] == sorted(row.at for row in page.rows if row.at <= at)
    stage = page.rows[0].before
    for row in page.rows:
        assert row.before == stage
        stage = row.path[-1].to if row.path else row.before
        assert stage == row.after
    stage = page.passed[-1].to if page.passed else stage
    assert deals.why(str(name), at).contact.contact.stage == stage


def test_what_a_snapshot_says_first_of_a_field_is_known_of_the_time_before_it(deals, write):
    deals.record("ada", "opened", at=T0, create=True)
    deals.import_contacts(write("contact,seats\nada,12\n", "seats.csv"))
    assert deals.contact("ada").contact.since == T0
    then = deals.why("ada", T0 + DAY).contact.contact
    assert (then.stage, then.since, then.fields["seats"]) == ("engaged", T0, 12)
    (listed,) = deals.list(at=T0 + DAY)
    assert listed.contact.stage == "engaged"


def test_a_history_as_it_happened_says_what_became_of_each_row_and_why(ada):
    assert ada.move("ada", "lost", at=T0 + 3 * DAY).decision.outcome == "refused"
    ada.record("ada", "opened", at=T0 + 50 * DAY)
    page = ada.history("ada", at=T0 + 3 * DAY)
    assert [(row.event, row.before, row.outcome) for row in page.rows] == [
        ("accepted", "nurture", "moved"),
        ("move", "engaged", "refused"),
    ]
    assert page.passed == ()
    ada.void("ada", [3], reason="never said")
    told = ada.history("ada", at=T0 + 4 * DAY).rows
    assert [(row.sequence, row.voided_by, row.outcome, row.after) for row in told] == [
        (3, 6, "stayed", "nurture"),
        (4, None, "refused", "nurture"),
        (1, None, "stayed", "nurture"),
        (2, None, "stayed", "nurture"),
    ]
    assert "passed" not in ada.history("ada").to_json()


def test_what_time_alone_does_stands_behind_the_last_row(deals):
    deals.add("bob", at=T0)
    page = deals.history("bob", at=T0 + 31 * DAY)
    assert [(taken.to, taken.at) for taken in page.passed] == [("lost", T0 + 30 * DAY)]
    assert page.to_json()["passed"][0]["to"] == "lost"
    deals.tick(T0 + 40 * DAY)
    ticked = deals.history("bob", at=T0 + 41 * DAY)
    assert [row.after for row in ticked.rows] == ["nurture", "lost"]
    assert ticked.passed == ()


def test_a_history_as_it_happened_is_filtered_and_read_in_pages(ada):
    whole = ada.history("ada", at=T0 + 4 * DAY)
    assert [row.event for row in whole.rows] == ["accepted", "add", "purchased"]
    first = ada.history("ada", at=T0 + 4 * DAY, limit=2)
    assert first.rows == whole.rows[:2]
    rest = ada.history("ada", at=T0 + 4 * DAY, limit=2, after=first.after)
    assert (rest.rows, rest.after) == (whole.rows[2:], None)
    moved = ada.history("ada", at=T0 + 4 * DAY, outcome="moved", event="purchased")
    assert [row.sequence for row in moved.rows] == [2]
    with pytest.raises(UsageError):
        ada.history(at=T0)
    with pytest.raises(UsageError):
        ada.history("ada", at=T0 - DAY)
