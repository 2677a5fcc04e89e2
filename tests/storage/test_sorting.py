"""Contacts are sorted by the database as Python sorts them, and those whom time moves too."""

import pytest

from funnelflow.errors import UnknownNameError, UsageError

from ..funnels import DAY, T0

FACTS = {
    "a": {"budget": 5000.0, "email": "z@example.com", "authority": True},
    "b": {"budget": 300.5, "email": "Z@example.com", "replies": 7},
    "c": {"budget": -1.0, "replies": 7, "met_on": T0 + DAY},
    "d": {"email": "\u00e5", "met_on": T0, "authority": False},
    "e": {},
}


@pytest.fixture
def crowd(workspace):
    for name, facts in FACTS.items():
        workspace.add(name, facts, at=T0)
    return workspace


def names(found):
    return "".join(stored.id for stored in found)


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("budget", "cbade"),
        ("-budget", "abcde"),
        ("email", "badce"),
        ("-email", "dabce"),
        ("authority", "dabce"),
        ("-met_on", "cdabe"),
        ("-replies,budget", "cbade"),
        (["-replies", "-id"], "cbeda"),
        ("-id", "edcba"),
    ],
)
def test_contacts_are_sorted_and_who_lacks_it_comes_last(crowd, sort, expected):
    assert names(crowd.list(sort=sort)) == expected
    assert names(crowd.list(sort=sort, limit=2)) == expected[:2]


def test_those_whom_time_moves_take_their_places_among_the_others(crowd, clock):
    for name in "bd":
        crowd.record(name, "subscribed", {"email": f"{name}@example.com"}, at=T0)
        for _ in range(2):
            crowd.record(name, "replied", at=T0)
    assert names(crowd.list(stage="lead.warm", sort="-replies")) == "bd"
    clock.now = T0 + 40 * DAY
    assert names(crowd.list(sort="-budget")) == "abcde"
    assert names(crowd.list(sort="-stage_since")) == "bdace"
    assert names(crowd.list(stage="lead.warm", sort="-replies")) == "bd"
    assert crowd.count(stage="lead") == 2
    assert crowd.count("contact.stage_since > timestamp('2026-03-30T00:00:00Z')") == 2


def test_a_contact_as_it_stood_is_sorted_too(crowd):
    crowd.set("e", {"budget": 9.0e9}, at=T0 + DAY)
    assert names(crowd.list(sort="-budget", at=T0)) == "abcde"


def test_what_is_counted_is_what_is_listed(crowd):
    for where in (
        None,
        "contact.budget > 0.0",
        "size(contact.tags) == 0",
        "contact.replies * 2 > 1",
    ):
        assert crowd.count(where) == len(list(crowd.list(where)))


def test_a_field_that_nobody_has_and_one_without_an_order_are_errors(crowd):
    with pytest.raises(UnknownNameError, match="bugdet"):
        list(crowd.list(sort="-bugdet"))
    with pytest.raises(UsageError, match="cannot be sorted by tags"):
        list(crowd.list(sort="tags"))


def test_a_list_goes_on_behind_a_contact(crowd, clock):
    for name in "bd":
        crowd.record(name, "subscribed", {"email": f"{name}@example.com"}, at=T0)
    clock.now = T0 + 40 * DAY  # when time has moved some of them
    found, after = "", None
    while page := list(crowd.list(limit=2, after=after)):
        found, after = found + names(page), (page[-1].id, page[-1].place)
        crowd.add(f"A{page[-1].id}")  # who comes before does not move the page
    assert found == "abcde"
    assert names(crowd.list("contact.budget > 0", after=("a", 0))) == "b"
    with pytest.raises(UsageError, match="by id"):
        list(crowd.list(sort="budget", after=("a", 0)))
