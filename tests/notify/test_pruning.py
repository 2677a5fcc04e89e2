"""Removing old messages from the outbox; the contract of stores has what every database does."""

import datetime as dt

import pytest

from funnelflow.storage import outbox as pruning
from funnelflow.storage.messages import Settled

from .support import box, deliver, states

DAYS = dt.timedelta(days=30)


@pytest.fixture
def chunks(monkeypatch):
    """Let few messages go into one transaction; gives a list that grows with each transaction."""
    monkeypatch.setattr(pruning, "CHUNK", 3)
    begun = []
    writing = pruning.writing
    monkeypatch.setattr(pruning, "writing", lambda engine: begun.append(1) or writing(engine))
    return begun


def deliver_asked(workspace, count, *, age="31d"):
    """Record that contacts were asked, deliver that, and let time pass."""
    for number in range(count):
        workspace.add(f"c{number}")
        workspace.record(f"c{number}", "asked")
    deliver(workspace)
    workspace.clock.advance(age)


def test_many_are_removed_in_several_transactions(workspace, chunks):  # a fixture
    deliver_asked(workspace, 11)
    chunks.clear()
    assert box(workspace).prune(DAYS) == 10
    assert [queued.contact_id for queued in box(workspace).messages()] == ["c10"]
    assert len(chunks) == 4


def test_what_stays_between_them_stops_nothing(workspace, chunks):  # a fixture
    deliver_asked(workspace, 10)
    outbox = box(workspace)
    chunks.clear()
    ids = [queued.id for queued in outbox.messages()]
    with workspace.engine.begin() as connection:
        some = ", ".join(map(str, ids[2:7]))
        connection.exec_driver_sql(f"UPDATE outbox SET state = 'dead' WHERE id IN ({some})")
    assert outbox.prune(DAYS) == 4
    assert [queued.id for queued in outbox.messages()] == [*ids[2:7], ids[-1]]
    assert len(chunks) == 2


def test_the_newest_message_stays_so_that_no_number_is_given_out_twice(workspace):
    deliver_asked(workspace, 1)
    last = box(workspace).messages()[-1].id
    box(workspace).prune(DAYS)
    workspace.add("ada")
    workspace.record("ada", "asked")
    box(workspace).settle("late", [Settled(last, "delivered")])
    assert states(workspace)[-1] == ("ada", "talking", "waiting")


@pytest.mark.parametrize(("age", "count"), [("29d", 0), ("30d", 1), ("31d", 1)])
def test_what_is_not_old_enough_stays(workspace, age, count):
    deliver_asked(workspace, 2, age=age)
    assert box(workspace).prune(DAYS) == count


def test_only_those_of_an_endpoint_are_removed_where_one_is_named(small):
    workspace = small(
        '[[notify]]\nname = "a"\nchannel = "recorder"\n'
        '[[notify]]\nname = "b"\nchannel = "recorder"\n'
    )
    deliver_asked(workspace, 3)
    assert box(workspace).prune(DAYS, endpoint="nobody") == 0
    assert box(workspace).prune(DAYS, endpoint="a") == 3
    assert {queued.endpoint for queued in box(workspace).messages()} == {"b"}


def test_an_empty_outbox_has_nothing_to_remove(workspace):
    assert box(workspace).prune(DAYS) == 0
    assert box(workspace).prune(DAYS, dry_run=True) == 0
