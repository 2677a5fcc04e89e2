"""What evidence says in a funnel that is not the one that it was told in."""

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from funnelflow.engine import Event, Veto

from .funnels import T0

VETOES = (Veto(0, "p", "no"), Veto(1, "p", "not here", "upsell"))


@pytest.mark.parametrize("name", ["met", "set", "add", "tick"])
def test_what_happened_is_said_in_every_funnel(name):
    event = Event(name, T0, {"score": 1})
    assert event.without_move() is event
    assert event.said_to("sales", "sales") is event
    assert event.said_to("upsell", "sales") is event


@given(st.sampled_from(["", "sales", "upsell"]), st.sampled_from(["sales", "upsell"]))
def test_a_move_is_one_in_the_funnel_that_it_is_about_and_brings_its_facts_to_others(about, funnel):
    """It is about the funnel that decided it first where it names none."""
    move = Event("move", T0, {"score": 1}, to="won", reason="so", force=True)
    move = move._replace(about=(about,) if about else ())
    said = move.said_to(funnel, "sales")
    if (about or "sales") == funnel:
        assert said == move
    else:
        assert said == move._replace(name="set", to="", reason="", force=False)


def test_a_veto_holds_in_its_own_funnel_only():
    event = Event("met", T0, vetoes=VETOES)
    assert event.said_to("sales", "sales").vetoes == VETOES[:1]
    assert event.said_to("upsell", "sales").vetoes == (evolve(VETOES[1], funnel=""),)


def test_a_definition_that_did_not_decide_hears_neither_moves_nor_vetoes():
    move = Event("move", T0, {"score": 1}, to="won", reason="so", force=True, vetoes=VETOES)
    assert move.without_move() == Event("set", T0, {"score": 1})
    met = Event("met", T0, {"score": 1}, vetoes=VETOES)
    assert met.without_move() == Event("met", T0, {"score": 1})
