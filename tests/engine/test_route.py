"""A move that no transition leads to from here: the route, and what each step still needs."""

import datetime as dt

import pytest
from attrs import evolve

from funnelflow.criteria import Verdict
from funnelflow.definition import Criterion, Transition
from funnelflow.engine import Event, Funnel, decide
from funnelflow.storage.json_form import decision_json

from .funnels import SMALL, T0

FUNNEL = Funnel(SMALL)
DAY = dt.timedelta(days=1)


def asked_for(stage, funnel=FUNNEL, **facts):
    contact = funnel.fold("ada", [Event("add", T0, facts)])
    return decide(funnel, contact, Event("move", T0 + DAY, to=stage))


def test_the_route_shows_every_step_with_what_it_needs():
    decision = asked_for("customer", email="ada@example.com")
    assert decision.considered == ()
    assert [(step.source, step.to, step.verdict.value) for step in decision.route] == [
        ("target", "lead.inquiry", "met"),
        ("lead.inquiry", "lead.ready", "not met"),
        ("lead.ready", "prospect", "not met"),
        ("prospect", "customer", "met"),
    ]
    labels = [leaf.label for step in decision.route for leaf in step.leaves()]
    assert "Budget is enough" in labels
    assert "budget" in [field.name for field in decision.questions()]
    assert [step["to"] for step in decision_json(decision)["route"]] == [
        "lead.inquiry",
        "lead.ready",
        "prospect",
        "customer",
    ]


@pytest.mark.parametrize("stage", ["lead", "gone", "target"])
def test_there_is_none_where_a_transition_leads_there_or_nothing_does(stage):
    assert asked_for(stage).route == ()


def test_of_routes_as_short_that_with_the_fewest_open_criteria_is_shown():
    much = Criterion("Much", "contact.budget > 9000")
    known = Criterion("Known", "has(contact.email)")
    extra = (
        Transition("target", "lead.ready", on="met", require=[much]),
        Transition("lead.inquiry", "prospect", on="met", require=[known]),
    )
    funnel = Funnel(evolve(SMALL, transitions=(*SMALL.transitions, *extra)))
    poor = asked_for("prospect", funnel, email="ada@example.com", budget=6000)
    assert [step.to for step in poor.route] == ["lead.inquiry", "prospect"]
    rich = asked_for("prospect", funnel, budget=9500)
    assert rich.route[0].to == "lead.ready"
    assert rich.route[0].verdict is Verdict.MET


def test_no_route_goes_through_a_stage_that_is_an_end():
    extra = Transition("customer", "lead.ready", on="met")
    ways = [t for t in SMALL.transitions if t.to not in {"prospect", "lead.ready"}]
    lost = Transition("gone", "prospect", on="met")
    funnel = Funnel(evolve(SMALL, transitions=(*ways, extra, lost)))
    assert asked_for("prospect", funnel).route == ()
