"""What one change costs does not depend on how many contacts there are."""

import pytest
from sqlalchemy import Engine, event

from funnelflow.engine import Funnel
from funnelflow.workspace.workspace import Workspace

from ..funnels import T0


def plans(workspace, statements: list[tuple[str, tuple]]) -> list[str]:
    """Ask the database how it would run statements, given that the tables were large."""
    found = []
    with workspace.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET enable_seqscan = off")
            explain = "EXPLAIN (GENERIC_PLAN OFF) "
        else:
            explain = "EXPLAIN QUERY PLAN "
        for sql, parameters in statements:
            rows = connection.exec_driver_sql(explain + sql, parameters).all()
            found.append(f"{sql}\n{' '.join(str(row) for row in rows)}")
    return found


@pytest.mark.parametrize(
    "change",
    [
        lambda w: w.add("new", {"email": "x"}, key="k2"),
        lambda w: w.record("ada", "replied", key="k3"),
        lambda w: w.record("ada", "replied", key="k1"),
        lambda w: w.move("ada", "prospect"),
        lambda w: w.contact("ada"),
        lambda w: w.history("ada"),
        lambda w: w.why("ada"),
    ],
    ids=["add", "record", "repeat", "move", "contact", "history", "why"],
)
def test_every_statement_goes_by_an_index(workspace, change):
    workspace.add("ada", at=T0)
    workspace.record("ada", "replied", key="k1")
    statements: list[tuple[str, tuple]] = []

    def listen(_connection, _cursor, sql, parameters, _context, many):
        if sql.startswith(("SELECT", "UPDATE", "INSERT")):
            statements.append((sql, parameters[0] if many else parameters))

    event.listen(workspace.engine, "before_cursor_execute", listen)
    change(workspace)
    event.remove(workspace.engine, "before_cursor_execute", listen)
    assert statements
    for plan in plans(workspace, statements):
        for table in ("contacts", "history"):
            assert f"SCAN {table}" not in plan
            assert f"Seq Scan on {table}" not in plan


def test_a_record_takes_one_transaction_and_opening_the_workspace_another(
    workspace, directory, clock
):
    workspace.add("ada", at=T0)
    begun: list[object] = []

    def count(connection):
        begun.append(connection)

    event.listen(Engine, "begin", count)
    try:
        database = workspace.config.database
        with Workspace.open(directory, database=database, clock=clock) as opened:
            recorded = opened.record("ada", "replied")
            assert recorded.decision.linked.transitions
    finally:
        event.remove(Engine, "begin", count)
    assert len(begun) == 2


@pytest.mark.parametrize("name", ["record", "move", "refused"])
def test_the_engine_runs_once_for_one_change(workspace, monkeypatch, name):
    changes = {
        "record": lambda: workspace.record("ada", "subscribed"),
        "move": lambda: workspace.move("ada", "lead"),
        "refused": lambda: workspace.move("ada", "prospect"),
    }
    workspace.add("ada", {"email": "ada@example.com"}, at=T0)
    steps: list[object] = []
    step = Funnel.step
    monkeypatch.setattr(Funnel, "step", lambda *a, **k: steps.append(a) or step(*a, **k))
    changes[name]()
    assert len(steps) == 1
