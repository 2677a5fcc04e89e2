"""One change of many contacts: a run that is decided contact by contact, goes on, and is undone."""

import pytest

from funnelflow.criteria import CriterionError
from funnelflow.maintenance import bulk

from ..funnels import DAY, T0


@pytest.fixture
def crowd(workspace):
    for number in range(6):
        facts = {"budget": 1000.0 * number, "email": f"c{number}@example.com"}
        workspace.add(f"c{number}", facts, at=T0)
        workspace.record(f"c{number}", "subscribed", at=T0)
    return workspace


def stages(workspace):
    return [stored.contact.stage for stored in workspace.list()]


def test_everybody_who_fits_is_changed_and_taken_back_as_one(crowd):
    before = stages(crowd)
    done = crowd.change_where("contact.budget >= 4000.0", "set", {"replies": 2}, actor="grace")
    assert (done.contacts, done.moved, done.stayed, done.refused) == (2, 2, 0, 0)
    assert stages(crowd) == ["lead.fresh"] * 4 + ["lead.warm"] * 2
    (run,) = crowd.runs()
    assert (run.number, run.kind, run.actor, run.is_finished) == (done.run, "set", "grace", True)
    assert crowd.undo(done.run, "a mistake").contacts == 2
    assert stages(crowd) == before
    assert crowd.verify().is_sound


def test_a_move_is_refused_contact_by_contact_with_every_reason(crowd):
    crowd.change_where("contact.budget > 4500.0", "set", {"authority": True})
    done = crowd.change_where("true", "move", to="prospect")
    assert (done.contacts, done.moved, done.refused) == (6, 1, 5)
    assert stages(crowd) == ["lead.fresh"] * 5 + ["prospect"]
    assert done.answers[0].contact == "c0"
    assert done.answers[0].reasons == ("Budget is at least 5,000", "Talks to the decider")
    assert len(crowd.history(outcome="refused").rows) == 5


def test_a_move_that_brings_a_fact_asks_with_it(crowd):
    done = crowd.change_where("contact.budget > 4500.0", "move", {"authority": True}, to="prospect")
    assert (done.contacts, done.moved) == (1, 1)


def test_a_dry_run_says_the_same_and_stores_nothing(crowd):
    done = crowd.change_where("contact.budget > 0.0", "set", {"replies": 2}, dry_run=True)
    assert (done.contacts, done.moved, done.run) == (5, 5, None)
    assert stages(crowd) == ["lead.fresh"] * 6
    assert not crowd.runs()


def test_what_cannot_be_done_with_somebody_is_an_answer_about_them(crowd):
    done = crowd.change_where("contact.budget > 3500.0", "set", {"budget": "much"})
    assert (done.contacts, done.failed, done.run) == (2, 2, None)
    assert "much" in done.answers[0].reasons[0]
    assert not crowd.runs()


def test_nobody_leaves_no_run_and_a_mistake_changes_nothing(crowd):
    assert crowd.change_where("contact.budget > 1e9", "set", {"replies": 2}).contacts == 0
    with pytest.raises(CriterionError):
        crowd.change_where("contact.bugdet > 1e9", "set", {"replies": 2})
    assert not crowd.runs()


def test_broken_off_the_same_call_goes_on_with_those_who_are_left(crowd, monkeypatch):
    monkeypatch.setattr(bulk, "CHUNK", 2)

    def stop(done, _size):
        if done.contacts == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crowd.change_where("true", "replied", progress=stop)
    assert [run.is_finished for run in crowd.runs()] == [False]
    done = crowd.change_where("true", "replied")
    assert (done.before, done.contacts) == (4, 2)
    assert [stored.contact.fields["replies"] for stored in crowd.list()] == [1] * 6
    (run,) = crowd.runs()
    assert (run.is_finished, run.counts["contacts"]) == (True, 6)
    again = crowd.change_where("true", "replied")
    assert (again.before, again.contacts) == (0, 6)


def test_it_happened_when_it_is_said_to_have(crowd, clock):
    clock.now = T0 + 9 * DAY
    crowd.change_where("contact.budget > 4500.0", "called", {"minutes": 3.0}, at=T0 + DAY)
    (row,) = crowd.history(event="called").rows
    assert row.at == T0 + DAY
