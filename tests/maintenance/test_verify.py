"""The database proves itself: whatever is altered, removed or added is named."""

import sqlite3

import pytest
from sqlalchemy import text

from funnelflow.errors import StoreError
from funnelflow.maintenance import verify_contacts as contact_check
from funnelflow.maintenance.verify_contacts import Finding
from funnelflow.storage.tables import decisions
from funnelflow.workspace.workspace import Workspace

from ..funnels import DAY, T0


@pytest.fixture
def sound(workspace, clock):
    """Give a workspace with three contacts, moves, a refusal and a tick."""
    clock.now = T0 + 40 * DAY
    for name in ("ada", "bob", "eve"):
        workspace.add(name, {"email": f"{name}@example.com"}, at=T0, key=f"add-{name}")
        workspace.record(name, "subscribed", at=T0 + DAY, actor="grace")
        workspace.record(name, "replied", {"met_on": T0, "tags": ["x"]}, at=T0 + 2 * DAY)
        workspace.move(name, "prospect", at=T0 + 3 * DAY)
        workspace.record(name, "replied", {"email": None}, at=T0 + 4 * DAY)
    workspace.tick(T0 + 40 * DAY)
    return workspace


def tamper(workspace, *statements: str) -> tuple[Finding, ...]:
    """Alter the database behind the workspace's back, and verify."""
    if workspace.database.path is not None:
        with sqlite3.connect(workspace.database.path) as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()
        return workspace.verify().findings
    with workspace.engine.begin() as connection:
        connection.exec_driver_sql(
            "ALTER TABLE evidence DROP CONSTRAINT IF EXISTS evidence_contact_fkey"
        )
        for statement in statements:
            connection.exec_driver_sql(statement)
    return workspace.verify().findings


def test_an_honest_workspace_is_sound(sound):
    seen = []
    result = sound.verify(found=seen.append)
    assert result.is_sound
    assert (result.contacts, result.rows, result.problems, seen) == (3, 18, 0, [])


DECIDED = {column.name for column in decisions.c} - {"contact", "sequence"}
COLUMNS = {
    "key": "'other'",
    "event": "'called'",
    "at": "'2026-03-02T09:00:00.000001Z'",
    "recorded_at": "'2026-03-02T09:00:00.000001Z'",
    "actor": "'mallory'",
    "recorder": "'mallory'",
    "roles": "'[\"sales\"]'",
    "facts": "'{\"budget\":9999.0}'",
    "to_stage": "'prospect'",
    "reason": "'because'",
    "force": "1",
    "outcome": "'refused'",
    "before_stage": "'lead.warm'",
    "after_stage": "'customer'",
    "path": '\'[[0,"target","lead.warm","event",null]]\'',
    "unmet": '\'[["x","unknown"]]\'',
    "definition": "99",
    "digest": "'" + "0" * 64 + "'",
    "checksum": "1",
    "run": "7",
    "asserted": "1",
    "about": "'x'",
    "answers": "'x'",
    "restated": "'x'",
    "place": "1",
}


@pytest.mark.parametrize("column", COLUMNS)
def test_an_altered_column_of_the_history_names_its_row_and_no_other(sound, column):
    table = "decisions" if column in DECIDED else "evidence"
    found = tamper(
        sound,
        f'UPDATE {table} SET "{column}" = {COLUMNS[column]} WHERE contact = 2 AND sequence = 2',
    )
    assert [(f.kind, f.name, f.sequence) for f in found] == [("history", "bob", 2)]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("funnel", "'other'"),
        ("definition", "99"),
        ("stage", "'customer'"),
        ("fields", "'{\"replies\":7}'"),
        ("since", "'2026-01-01T00:00:00.000000Z'"),
        ("clock", "'2026-01-01T00:00:00.000000Z'"),
        ("active", "NULL"),
        ("sequence", "7"),
        ("digest", "'x'"),
        ("due_at", "NULL"),
        ("created_at", "'2026-01-01T00:00:00.000000Z'"),
    ],
)
def test_an_altered_column_of_a_contact_is_named(sound, column, value):
    found = tamper(sound, f"UPDATE positions SET {column} = {value} WHERE contact = 2")
    assert [(f.kind, f.name) for f in found] == [("contact", "bob")]
    assert column in found[0].what


@pytest.mark.parametrize(
    ("statement", "kind", "name", "what"),
    [
        (
            "DELETE FROM evidence WHERE contact = 2 AND sequence = 3",
            "history",
            "bob",
            "row 3 is missing",
        ),
        (
            "DELETE FROM evidence WHERE contact = 2 AND sequence IN (1, 2)",
            "history",
            "bob",
            "rows 1 to 2 are missing",
        ),
        (
            "DELETE FROM evidence WHERE contact = 2 AND sequence = 6",
            "contact",
            "bob",
            "sequence, digest",
        ),
        ("DELETE FROM evidence WHERE contact = 2", "contact", "bob", "but no history"),
        ("DELETE FROM contacts WHERE id = 'bob'", "contact", "#2", "but no contact"),
        ("UPDATE contacts SET id = 'rob' WHERE id = 'bob'", "contact", "rob", "its id has been"),
        ("DELETE FROM positions WHERE contact = 2", "contact", "bob", "its position is missing"),
        (
            "UPDATE definitions SET content = replace(content, '5000', '5001')",
            "definition",
            "pipeline (1)",
            "altered",
        ),
        ("UPDATE definitions SET digest = 'x'", "definition", "pipeline (1)", "altered"),
        ("UPDATE definitions SET version = 2", "definition", "pipeline (1)", "version"),
        ("UPDATE definitions SET stored_at = 'x'", "definition", "pipeline (1)", "stored"),
        ("UPDATE funnels SET adopted_at = 'x'", "funnel", "pipeline", "altered"),
        ("UPDATE funnels SET name = 'other'", "funnel", "other", "altered"),
    ],
)
def test_what_is_missing_or_altered_is_named(sound, statement, kind, name, what):
    found = tamper(sound, statement)
    assert [(f.kind, f.name) for f in found if what in f.what] == [(kind, name)]
    assert not [f for f in found if f.name in {"ada", "eve"}]


def test_a_row_put_in_between_is_named(sound):
    columns = (
        "key, event, at, recorded_at, actor, recorder, roles, facts, to_stage, reason, force, "
        "asserted, about, vetoes, answers, digest, checksum"
    )
    found = tamper(
        sound,
        f"INSERT INTO evidence (contact, sequence, {columns}) "
        f"SELECT contact, 7, {columns.replace('key', 'NULL', 1)} FROM evidence "
        "WHERE contact = 2 AND sequence = 5",
    )
    assert {(f.kind, f.name, f.sequence) for f in found} == {
        ("history", "bob", 7),
        ("contact", "bob", 0),
    }


def test_a_row_that_is_proven_but_decided_otherwise_is_named(sound, monkeypatch):
    """A forger who computes digests is caught by the definition."""
    monkeypatch.setattr(
        contact_check.ContactCheck, "_digests", lambda _self, row, _names: frozenset({row.digest})
    )
    found = tamper(
        sound,
        "UPDATE decisions SET after_stage = 'customer' WHERE contact = 2 AND sequence = 2",
    )
    assert [(f.name, f.sequence) for f in found] == [("bob", 2)]
    assert "after_stage is customer, the definition gives lead.fresh" in found[0].what


def test_every_finding_is_handed_out_and_the_first_hundred_are_kept(workspace):
    for number in range(120):
        workspace.add(f"c{number}")
    with workspace.engine.begin() as connection:
        connection.execute(text("UPDATE positions SET stage = 'lost'"))
    seen = []
    result = workspace.verify(found=seen.append)
    assert (result.problems, len(seen), len(result.findings)) == (120, 120, 100)


def test_what_is_said_about_a_row_quotes_nothing_from_it(sound):
    canary = "canary-7f3a"
    for statement in (
        f"UPDATE evidence SET facts = '{{\"email\":\"{canary}\"}}', actor = '{canary}'",
        f"UPDATE evidence SET reason = '{canary}'",
        f"UPDATE decisions SET outcome = 'moved', unmet = '{canary}'",
        f'UPDATE positions SET fields = \'{{"email":"{canary}"}}\'',
    ):
        assert canary not in "".join(map(str, tamper(sound, statement)))


@pytest.fixture
def on_disk(directory):
    """Give a workspace on SQLite, whose bytes a test may alter, with four contacts."""
    with Workspace.create(directory, "pipeline") as made:
        for name in ("ada", "bob", "cid", "dan"):
            made.add(name, at=T0, actor="grace")
        yield made


def test_bytes_that_are_no_text_are_refused_as_before_once_it_is_verified(on_disk):
    found = tamper(on_disk, "UPDATE evidence SET actor = CAST(x'ff' AS TEXT) WHERE sequence = 1")
    assert len(found) == 4
    with pytest.raises(StoreError):
        on_disk.history("ada")


@pytest.mark.parametrize(("was", "becomes"), [(2, 9), (3, 9)])
def test_one_row_out_of_order_is_one_finding(directory, on_disk, was, becomes):
    """Too far ahead or too far behind: the rows around it are in their places."""
    on_disk.close()
    file = directory / "funnelflow.db"
    # A position begins with the contact's number and the funnel.
    before, after = (bytes([number]) + b"pipeline" for number in (was, becomes))
    content = file.read_bytes()
    assert content.count(before) == 1
    file.write_bytes(content.replace(before, after))
    with Workspace.open(directory) as workspace:
        found = [f for f in workspace.verify().findings if f.kind != "database"]
    assert [(f.kind, f.name, f.what) for f in found] == [
        ("contact", f"#{becomes}", "a row has got out of order"),
        ("contact", ("ada", "bob", "cid", "dan")[was - 1], "its position is missing"),
    ]
