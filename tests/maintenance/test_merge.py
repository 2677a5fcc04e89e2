"""Two records of one person: merged they are one story, and apart again each has its own."""

import pytest
from sqlalchemy import select

from funnelflow.storage.connect import reading

from ..funnels import DAY, T0


def rows_of(workspace, *tables):
    """Return rows of tables as they are."""
    with reading(workspace.context.engine) as connection:
        return [
            tuple(row)
            for table in tables
            for row in connection.execute(select(table).order_by(*table.primary_key.columns))
        ]


@pytest.fixture
def two(workspace, clock):
    """Give a workspace that knows ada, and the same person as bob."""
    clock.now = T0 + 100 * DAY
    workspace.add("ada", {"email": "ada@example.com", "budget": 3}, at=T0)
    workspace.record("ada", "subscribed", at=T0 + 2 * DAY)
    workspace.add("bob", {"budget": 9000}, at=T0 + DAY)
    workspace.record("bob", "replied", at=T0 + 3 * DAY)
    return workspace


def stands(workspace, contact_id):
    """Return where a contact stands."""
    contact = workspace.contact(contact_id).contact
    return contact.stage, contact.since, contact.fields


def told_to_one(workspace):
    """Tell the story of both to one contact, and return where that stands."""
    workspace.add("one", {"email": "ada@example.com", "budget": 3}, at=T0)
    workspace.set("one", {"budget": 9000}, at=T0 + DAY)
    workspace.record("one", "subscribed", at=T0 + 2 * DAY)
    workspace.record("one", "replied", at=T0 + 3 * DAY)
    return stands(workspace, "one")


def test_a_merge_gives_what_the_whole_story_gives(two):
    merged = two.merge("bob", "ada", reason="the same person")
    assert (merged.contact, merged.into) == ("bob", "ada")
    assert stands(two, "ada") == told_to_one(two)
    (conflict,) = [found for found in merged.conflicts if found.field == "budget"]
    assert (conflict.contact, conflict.into, conflict.together) == (9000, 3, 9000)
    assert two.verify().findings == ()


def test_merging_and_giving_back_is_as_if_nothing_had_been(two):
    before = {name: stands(two, name) for name in ("ada", "bob")}
    two.merge("bob", "ada")
    given = two.unmerge("bob")
    assert {name: stands(two, name) for name in ("ada", "bob")} == before
    assert given.stage == before["bob"][0]
    assert two.verify().findings == ()


def test_what_comes_for_either_is_part_of_one_story_and_given_back_to_whom_it_was_addressed(two):
    two.merge("bob", "ada")
    two.record("bob", "called", at=T0 + 4 * DAY)
    two.set("bob", {"authority": True}, at=T0)
    two.record("ada", "replied", at=T0 + 5 * DAY)
    assert two.verify().findings == ()
    two.unmerge("bob")
    assert two.verify().findings == ()
    two.add("eve", {"budget": 9000}, at=T0 + DAY)
    two.record("eve", "replied", at=T0 + 3 * DAY)
    two.record("eve", "called", at=T0 + 4 * DAY)
    two.set("eve", {"authority": True}, at=T0)
    assert stands(two, "bob") == stands(two, "eve")
    assert [row.event for row in two.history("bob").rows] == ["add", "replied", "called", "set"]
