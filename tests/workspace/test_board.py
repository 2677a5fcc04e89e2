"""A funnel as a board: stages, how many are in each, cards, and the question on each."""

import pytest

from funnelflow.errors import UnknownNameError

from ..funnels import DAY, T0


@pytest.fixture
def busy(workspace, clock):
    """Give a workspace with five targets and three leads, one of whom can be reached."""
    clock.now = T0 + 20 * DAY
    for number in range(5):
        workspace.add(f"t{number}", at=T0 + number * DAY)
    for number in range(3):
        workspace.add(f"l{number}", {"email": f"l{number}@example.com"}, at=T0 + (9 - number) * DAY)
        workspace.record(f"l{number}", "subscribed", at=T0 + 10 * DAY - number * DAY)
    return workspace


def ids(column):
    return [card.contact.id for card in column.cards]


def test_its_columns_are_the_leaf_stages_with_everybody_counted_once(busy):
    board = busy.board()
    assert [column.stage for column in board.columns] == list(busy.counts())
    assert {column.stage: column.count for column in board.columns} == busy.counts()
    assert sum(len(column.cards) for column in board.columns) == busy.count()


def test_who_has_been_in_a_stage_for_longest_comes_first_and_a_column_has_so_many(busy):
    columns = {
        column.stage: column for column in busy.board(limit=2, limits={"lead.fresh": 3}).columns
    }
    assert ids(columns["target"]) == ["t0", "t1"]
    assert columns["target"].count == 5
    assert ids(columns["lead.fresh"]) == ["l2", "l1", "l0"]


def test_a_criterion_or_a_stage_leaves_others_out(busy):
    found = busy.board("has(contact.email)")
    assert {column.stage: column.count for column in found.columns if column.count} == {
        "lead.fresh": 3
    }
    only, warm = busy.board(stage="lead", limit=1).columns
    assert (only.stage, only.count, len(only.cards)) == ("lead.fresh", 3, 1)
    assert (warm.stage, warm.count, warm.cards) == ("lead.warm", 0, ())
    with pytest.raises(UnknownNameError):
        busy.board(stage="leed")


def test_a_card_has_the_question_that_why_asks_first(busy):
    asked = 0
    for column in busy.board().columns:
        for card in column.cards:
            first = next(iter(busy.why(card.contact.id).questions()), None)
            assert card.question == first
            asked += first is not None
    assert asked


def test_it_is_data(busy):
    said = busy.board(limit=1).to_json()
    lead = next(column for column in said["columns"] if column["stage"] == "lead.fresh")
    (card,) = lead.pop("cards")
    assert lead == {"stage": "lead.fresh", "type": "open", "count": 3}
    assert card["contact"] == "l2"
    assert card["sequence"] == busy.contact("l2").sequence
