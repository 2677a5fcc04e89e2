"""Decimals that people type add as decimals, through what is kept, asked, found and given out."""

import pytest

from funnelflow.workspace.workspace import Workspace

from ..funnels import T0

MONEY = """\
funnel: money
version: 1
initial: open
fields:
  paid: {type: number, default: 0}
  price: number
events:
  payment: {fields: {amount: number}, sets: {paid: contact.paid + event.amount}}
  tripled: {sets: {price: contact.price * 3.0}}
stages:
  open: {}
  done: {type: won}
transitions:
  - from: open
    to: done
    require:
      - Paid in full: contact.paid >= 1.0
"""


@pytest.fixture
def money(tmp_path, database):
    (tmp_path / "money.yaml").write_text(MONEY)
    with Workspace.create(tmp_path, "money", database=database) as made:
        yield made


def test_ten_times_a_tenth_is_one(money):
    money.add("ada", at=T0)
    for _ in range(9):
        assert money.record("ada", "payment", {"amount": 0.1}, at=T0).decision.after == "open"
    assert money.record("ada", "payment", {"amount": 0.1}, at=T0).decision.after == "done"
    assert money.contact("ada").to_json()["fields"]["paid"] == 1.0
    assert [one.id for one in money.list("contact.paid == 1.0")] == ["ada"]
    assert money.verify().is_sound


def test_three_times_one_and_a_tenth_is_found(money):
    money.add("ada", {"price": 1.1}, at=T0)
    money.record("ada", "tripled", at=T0)
    assert [one.id for one in money.list("contact.price == 3.3")] == ["ada"]
    assert money.contact("ada").contact.fields["price"] == 3.3
