"""Time passes: what is due is taken, and kept as evidence."""

import pytest

from funnelflow.maintenance import tick as ticking

from ..funnels import DAY, T0


@pytest.fixture
def warm(workspace, clock):
    """Add three leads who cool down after 30 days: on days 32, 33 and 34."""
    clock.now = T0 + 40 * DAY
    for number in range(3):
        name = f"c{number}"
        workspace.add(name, {"email": "ada@example.com", "replies": 2}, at=T0)
        workspace.record(name, "subscribed", at=T0 + (2 + number) * DAY)
    return workspace


def test_what_is_due_is_taken_and_nothing_else(warm):
    ticked = warm.tick(T0 + 33 * DAY, actor="cron")
    assert (ticked.due, ticked.moved) == (2, 2)
    assert [warm.contact(f"c{n}").contact.stage for n in range(3)] == [
        "lead.warm",
        "lead.warm",
        "lead.warm",
    ]
    rows = warm.history(event="tick").rows
    assert [(row.contact_id, row.actor) for row in rows] == [("c0", "cron"), ("c1", "cron")]
    assert [taken.to for taken in rows[0].path] == ["lead.fresh", "lead.warm"]


def test_a_second_tick_finds_nothing_to_do(warm):
    warm.tick(T0 + 40 * DAY)
    rows = warm.history().rows
    assert warm.tick(T0 + 40 * DAY).due == 0
    assert warm.history().rows == rows


def test_a_dry_run_says_the_same_and_stores_nothing(warm):
    rows = warm.history().rows
    dry = warm.tick(T0 + 40 * DAY, dry_run=True)
    assert dry.dry_run
    assert warm.history().rows == rows
    wet = warm.tick(T0 + 40 * DAY)
    assert (dry.due, dry.moved) == (wet.due, wet.moved) == (3, 3)


def test_contacts_beyond_one_chunk_are_reached(warm, monkeypatch):
    monkeypatch.setattr(ticking, "CHUNK", 2)
    assert warm.tick(T0 + 40 * DAY).moved == 3
    assert warm.verify().is_sound


def test_what_is_due_is_found_by_the_index_in_its_order(warm):
    query = ticking.due_query(T0, ("2026-01-01T00:00:00.000000Z", 1))
    with warm.engine.connect() as connection:
        sql = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
        if connection.dialect.name == "sqlite":
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}").all()
        else:
            for way in ("seqscan", "bitmapscan"):  # what a table this small would be read by
                connection.exec_driver_sql(f"SET enable_{way} = off")
            plan = connection.exec_driver_sql(f"EXPLAIN {sql}").all()
    said = " ".join(str(row) for row in plan)
    assert "positions_due_at_index" in said
    assert "Sort" not in said
    assert "TEMP B-TREE" not in said
