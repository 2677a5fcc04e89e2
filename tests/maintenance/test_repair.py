"""What is derived is made again from what was told, and nothing else is touched."""

import pytest
from sqlalchemy import delete, select, text, update

from funnelflow.storage.tables import contacts, evidence, positions

from ..funnels import DAY, PIPELINE, T0

NEWER = PIPELINE.replace("version: 1", "version: 2").replace("budget > 5000", "budget > 4000")


@pytest.fixture
def shop(workspace, directory):
    """Give a workspace with a late row, a void, a merge, a refusal and an adoption."""
    for name in ("ada", "bob", "eve"):
        workspace.add(name, {"email": f"{name}@example.com"}, at=T0 - 9 * DAY)
        workspace.record(name, "subscribed", at=T0 - 3 * DAY)
        workspace.record(name, "replied", at=T0 - 4 * DAY)
        workspace.move(name, "customer", at=T0 - 2 * DAY)
    workspace.void("ada", [2], reason="somebody else")
    workspace.merge("eve", into="bob")
    (directory / "newer.yaml").write_text(NEWER)
    workspace.adopt(directory / "newer.yaml")
    return workspace


def stored(workspace):
    """Return every position and whom each contact is merged into."""
    order = (positions.c.contact, positions.c.place)
    with workspace.engine.connect() as connection:
        return (
            connection.execute(select(positions).order_by(*order)).all(),
            connection.execute(select(contacts).order_by(contacts.c.number)).all(),
        )


def alter(workspace, *statements):
    with workspace.engine.begin() as connection:
        for statement in statements:
            connection.execute(statement)


def test_all_positions_deleted_and_made_again_are_the_same_byte_for_byte(shop):
    before = stored(shop)
    assert shop.verify().is_sound
    alter(shop, delete(positions), update(contacts).values(merged_into=None))
    faults = {finding.fault for finding in shop.verify().findings}
    assert faults == {"derived"}
    assert shop.repair().to_json() == {"contacts": 3, "left": 0, "dry_run": False}
    assert stored(shop) == before
    assert shop.verify().is_sound
    assert shop.repair().contacts == 0


@pytest.mark.parametrize(
    "change",
    [
        "stage = 'lost'", "fields = '{}'", "since = NULL", "clock = '2026-01-01T00:00:00.000000Z'",
        "due_at = '2026-01-01T00:00:00.000000Z'", "digest = 'x'", "place = 3", "sequence = 1",
        "created_at = '2020-01-01T00:00:00.000000Z'", "funnel = 'other'", "definition = 99",
    ],
)  # fmt: skip
def test_an_altered_position_is_made_again(shop, change):
    before = stored(shop)
    alter(shop, text(f"UPDATE positions SET {change} WHERE contact = 1"))
    assert [finding.fault for finding in shop.verify().findings] == ["derived"]
    assert "--repair" in shop.verify().findings[0].advice
    assert shop.repair(dry_run=True).contacts == 1
    assert not shop.verify().is_sound
    shop.repair()
    assert stored(shop) == before


def test_whose_evidence_is_altered_is_left_as_it_is(shop):
    alter(
        shop,
        text("UPDATE positions SET stage = 'lost'"),
        update(evidence).where(evidence.c.contact == 3, evidence.c.sequence == 2).values(actor="x"),
    )
    repaired = shop.repair()
    assert (repaired.contacts, repaired.left) == (1, 1)
    assert {finding.name for finding in shop.verify().findings} == {"bob", "eve"}
    assert "restore a backup" in " ".join(f.advice for f in shop.verify().findings)


def test_evidence_that_is_gone_is_no_fault_of_the_position(shop):
    alter(shop, delete(evidence).where(evidence.c.contact == 1, evidence.c.sequence >= 5))
    (found,) = shop.verify().findings
    assert (found.fault, found.name) == ("missing", "ada")
    assert "ends too early: it has 4 rows, and had 5" in found.what
    assert shop.repair().contacts == 0


def test_who_stands_nowhere_is_made_again_the_same(shop):
    """Whose first evidence came late, whose all was taken back, who was in other funnels."""
    shop.add("tom", at=T0 - DAY)
    shop.record("tom", "replied", at=T0 - 2 * DAY)
    shop.void("tom", [1, 2], reason="nobody")
    shop.record("bob", "subscribed", at=T0 - 20 * DAY)
    shop.merge("ada", into="bob")
    shop.record("ada", "replied", at=T0 - 30 * DAY)
    before = stored(shop)
    assert shop.verify().is_sound
    alter(shop, delete(positions))
    shop.repair()
    assert stored(shop) == before
