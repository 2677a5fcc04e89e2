"""What holds for every definition that ships, whatever happens to a contact."""

import pytest
from hypothesis import given

from funnelflow.definition import Invariant, Linked
from funnelflow.engine import Contact, Event, Funnel, Taken

from .worlds import NAMES, funnel, stories

each = pytest.mark.parametrize("name", NAMES)


def taken(read: Funnel, story: list[Event]) -> list[tuple[Taken, Contact]]:
    """Give each transition that a story takes, with the contact as the event left it."""
    contact = read.new_contact("ada")
    found = []
    for event in story:
        outcome = read.step(contact, event)
        found += [(step, contact.copy()) for step in outcome.path]
    return found


def within(linked: Linked, stage: str, names: tuple[str, ...]) -> bool:
    """Tell whether a leaf is in one of some stages."""
    return any(stage in linked.leaves_of(name) for name in names)


@given(stories())
def test_a_contact_is_always_in_a_leaf_stage_of_every_definition(story):
    for name in NAMES:
        assert funnel(name).fold("ada", story).stage in funnel(name).linked.leaves


@given(stories())
def test_every_promise_about_the_order_of_stages_is_kept(story):
    for name in NAMES:
        linked = funnel(name).linked
        been = {linked.initial}
        for step, _ in taken(funnel(name), story):
            for promise in linked.always:
                _check_order(promise.invariant, linked, step.to, been)
            been.add(step.to)


def _check_order(promise: Invariant, linked: Linked, to: str, been: set[str]) -> None:
    """Check what a promise says about the stages in which a contact has been before."""
    if not within(linked, to, (promise.stage,)):
        return
    if promise.after:
        assert any(within(linked, leaf, promise.after) for leaf in been), promise.label
    others = been - set(linked.leaves_of(promise.stage))
    assert not any(within(linked, leaf, promise.never_after) for leaf in others), promise.label


@given(stories())
def test_every_promise_about_what_a_stage_needs_is_kept_on_entry(story):
    for name in NAMES:
        linked = funnel(name).linked
        needs = [promise for promise in linked.always if promise.needs is not None]
        for step, contact in taken(funnel(name), story):
            for promise in needs:
                inside = (promise.invariant.stage,)
                enters = within(linked, step.to, inside) and not within(linked, step.source, inside)
                if enters and step.cause != "timed":
                    known = promise.needs.holds(contact.fields, {}, contact.clock)
                    assert known, promise.invariant.label


@given(stories())
def test_every_prospect_of_qualified_is_a_lead_and_was_one_before(story):
    linked = funnel("qualified").linked
    prospects = set(linked.leaves_of(linked.resolve_stage("prospect")))
    leads = set(linked.leaves_of("lead"))
    assert prospects < leads
    for step, _ in taken(funnel("qualified"), story):
        if step.to in prospects:
            assert step.source in leads - prospects


@given(stories())
def test_automated_mail_makes_nobody_a_prospect_of_dialogue(story):
    read = funnel("dialogue")
    contact = read.fold("ada", story)
    before = contact.stage
    for direction in ("outbound", "inbound"):
        mail = {"direction": direction, "automated": True}
        read.step(contact, read.event("message", story[-1].at, mail))
    assert contact.stage == before


@each
def test_all_definitions_share_one_vocabulary(name):
    vocabulary = funnel(NAMES[0]).linked.definition.vocabulary
    assert funnel(name).linked.definition.vocabulary == vocabulary


@each
@pytest.mark.parametrize("kind", ["won", "lost"])
def test_every_end_can_be_reached_from_every_open_stage(name, kind):
    linked = funnel(name).linked
    ways = {(leaf, t.to) for t in linked.transitions for leaf, _ in t.sources}
    ends = {leaf for leaf in linked.leaves if linked.type_of(leaf) == kind}
    opens = {leaf for leaf in _closure({linked.initial}, ways) if linked.type_of(leaf) == "open"}
    assert opens <= _closure(ends, {(to, leaf) for leaf, to in ways})


def _closure(starts: set[str], ways: set[tuple[str, str]]) -> set[str]:
    """Give what can be reached from some leaves."""
    found = set(starts)
    while more := {to for leaf, to in ways if leaf in found} - found:
        found |= more
    return found


@each
def test_every_alias_leads_to_its_stage_whatever_its_case(name):
    linked = funnel(name).linked
    for stage, record in linked.stages.items():
        for alias in record.aliases:
            assert linked.resolve_stage(alias) == stage
            assert linked.resolve_stage(alias.upper()) == stage


def test_prospect_and_sales_lead_are_one_stage_of_synonym():
    linked = funnel("synonym").linked
    words = ("lead", "prospect", "sales lead", "sales prospect")
    assert {linked.resolve_stage(word) for word in words} == {"lead"}


def test_commitment_has_three_things_to_do_for_leads_three_for_prospects_seven_that_convert():
    stages = funnel("commitment").linked.stages
    names = ("lead", "prospect.committed", "prospect.closing")
    assert [len(stages[name].playbook) for name in names] == [3, 3, 7]


def test_the_owner_changes_from_marketing_to_sales_in_dialogue():
    stages = funnel("dialogue").linked.stages
    assert stages["lead"].owner == "marketing"
    assert stages["prospect"].owner == "sales"
