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
