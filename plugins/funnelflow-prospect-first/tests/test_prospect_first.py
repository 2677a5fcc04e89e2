"""A prospect comes before a lead, in four variants of one funnel and in that of a maker."""

import datetime as dt

import funnelflow_prospect_first as plugin
import pytest
from funnelflow_prospect_first.window import with_window

from funnelflow.definition import Definition, check, load_definition
from funnelflow.engine import Funnel, run_scenario
from funnelflow.plugins import PluginHost

VARIANTS = {
    "prospect-first": ("target", "prospect", "lead", "qualified_lead", "client"),
    "prospect-first-without-targets": ("prospect", "lead", "qualified_lead", "client"),
    "prospect-first-without-qualified": ("target", "prospect", "lead", "client"),
    "prospect-first-short": ("prospect", "lead", "client"),
}


def funnel(name: str) -> Funnel:
    return Funnel(load_definition(plugin.DEFINITIONS / f"{name}.yaml"))


def maker(days: int) -> Definition:
    """Give the maker's funnel as the plugin offers it with a window."""
    for found in plugin.funnelflow_definitions(plugin.Settings(window_days=days)):
        if isinstance(found, Definition):
            return found
        if found.stem == "makers-funnel":
            return load_definition(found).definition
    raise AssertionError


def stage_of(definition: Definition, horizon_days: int) -> str:
    """Say what the maker calls somebody who has set a model and means to buy then."""
    machine = Funnel(definition)
    facts = {"interested": True, "model": "estate", "horizon_days": horizon_days}
    added = machine.event("add", dt.datetime(2026, 3, 2, tzinfo=dt.UTC), facts)
    return machine.fold("ada", [added]).stage


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_has_its_stages_in_their_order(name):
    leaves = [leaf for leaf in funnel(name).linked.leaves if leaf != "disqualified"]
    assert tuple(leaves) == VARIANTS[name]


@pytest.mark.parametrize("name", VARIANTS)
def test_one_story_goes_through_every_stage_of_a_variant_in_order(name):
    machine = funnel(name)
    at = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
    contact = machine.new_contact("ada")
    visited = [contact.stage]
    for event, facts in (
        ("add", {}),
        ("set", {"fits_profile": True, "email": "ada@example.com"}),
        ("form_submitted", {}),
        ("assessed", {"need": "time", "budget": 900, "authority": "decides"}),
        ("purchased", {}),
    ):
        machine.step(contact, machine.event(event, at, facts))
        visited.append(contact.stage)
    assert tuple(dict.fromkeys(visited)) == VARIANTS[name]


@pytest.mark.parametrize("name", VARIANTS)
def test_a_prospect_comes_before_a_lead(name):
    stages = VARIANTS[name]
    assert stages.index("prospect") < stages.index("lead")
    assert "lead" in funnel(name).reachable("prospect")


@pytest.mark.parametrize(
    ("window", "said", "stage"),
    [
        (90, 89, "lead"),
        (90, 90, "lead"),
        (90, 92, "prospect"),
        (92, 89, "lead"),
        (92, 90, "lead"),
        (92, 92, "lead"),
        (92, 93, "prospect"),
        (89, 89, "lead"),
        (89, 90, "prospect"),
        (89, 92, "prospect"),
    ],
)
def test_somebody_is_a_lead_of_the_maker_within_the_window_that_is_set(window, said, stage):
    assert stage_of(maker(window), said) == stage


@pytest.mark.parametrize("window", [1, 30, 89, 90, 92, 365])
def test_the_makers_funnel_is_sound_and_its_stories_hold_with_any_window(window):
    definition = maker(window)
    assert [p for p in check(definition) if p.severity == "error"] == []
    machine = Funnel(definition)
    failed = [s.story for s in definition.scenarios if not run_scenario(machine, s).passed]
    assert failed == []


def test_the_window_of_the_file_is_that_of_the_settings():
    definition = load_definition(plugin.MAKER).definition
    assert with_window(definition, plugin.Settings().window_days) == definition
    assert with_window(definition, 91) != definition


@pytest.mark.parametrize(("after", "stage"), [(88, "lead"), (93, "overdue")])
def test_a_lead_is_overdue_when_the_window_has_passed(after, stage):
    machine = Funnel(maker(92))
    at = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
    facts = {"interested": True, "model": "estate", "horizon_days": 30}
    later = machine.event("tick", at + dt.timedelta(days=after))
    assert machine.fold("ada", [machine.event("add", at, facts), later]).stage == stage


def test_everybody_else_would_like_to_know_the_model_first():
    machine = Funnel(maker(90))
    (ask,) = (f.ask for f in machine.linked.fields.values() if f.name == "model")
    assert ask == "Which of our models would you buy?"


def test_funnelflow_finds_all_of_them_by_name():
    host = PluginHost()
    host.register(plugin, "prospect-first")
    assert set(host.definitions) == {*VARIANTS, "makers-funnel"}


@pytest.mark.parametrize("funnel_name", [*VARIANTS, "makers-funnel"])
def test_a_workspace_can_be_run_by_each_of_them(
    funnelflow_workspace, funnelflow_register, funnel_name
):
    funnelflow_register(plugin, "prospect-first")
    workspace = funnelflow_workspace(funnel_name)
    workspace.add("ada", {"fits_profile": True, "email": "ada@example.com"})
    workspace.record("ada", "form_submitted")
    assert workspace.contact("ada").contact.stage in ("lead", "prospect")
    assert workspace.verify().findings == ()


def test_a_window_is_read_from_the_environment(monkeypatch):
    host = PluginHost()
    monkeypatch.setenv("FUNNELFLOW_PROSPECT_FIRST_WINDOW_DAYS", "92")
    host.register(plugin, "prospect-first")
    assert stage_of(host.definitions["makers-funnel"], 92) == "lead"
