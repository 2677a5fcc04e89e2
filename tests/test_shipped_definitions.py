"""The definitions that ship here: sound, and shown in full by their own scenarios."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from funnelflow.criteria import Verdict
from funnelflow.definition import Linked, load_definition, read_definition, shipped_definitions
from funnelflow.engine import Contact, Funnel, ScenarioResult, run_scenario

FILES = sorted(Path(shipped_definitions()).glob("*.yaml"))
NAMES = [path.stem for path in FILES]
AT = dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC)

each_file = pytest.mark.parametrize("path", FILES, ids=NAMES)


@pytest.fixture(scope="module")
def standard() -> Funnel:
    return Funnel(load_definition(Path(shipped_definitions()) / "standard.yaml"))


def results(linked: Linked) -> Iterator[ScenarioResult]:
    funnel = Funnel(linked)
    return (run_scenario(funnel, scenario) for scenario in linked.definition.scenarios)


def after(funnel: Funnel, *events: tuple[str, dict]) -> Contact:
    """Give the contact to whom these events happened, a minute apart."""
    story = [funnel.event("add", AT)]
    for minute, (name, facts) in enumerate(events, start=1):
        story.append(funnel.event(name, AT + dt.timedelta(minutes=minute), facts))
    return funnel.fold("ada", story)


def counted(contact: Contact, *names: str) -> dict[str, object]:
    return {name: contact.fields.get(name) for name in names}


def test_the_two_definitions_are_there():
    assert {"standard", "dialogue"} <= set(NAMES)


@each_file
def test_a_file_is_named_for_its_funnel(path):
    assert load_definition(path).definition.name == path.stem


@each_file
def test_the_readme_lists_a_definition_with_its_idea(path):
    readme = (path.parent / "README.md").read_text(encoding="utf-8")
    title = load_definition(path).definition.title
    assert f"| [{path.stem}]({path.name}) | {title} |" in readme


@each_file
def test_a_definition_has_neither_errors_nor_warnings(path):
    assert read_definition(path).problems == ()


@each_file
def test_a_definition_has_at_least_eight_scenarios_and_all_pass(path):
    found = list(results(load_definition(path)))
    assert len(found) >= 8
    assert [(r.scenario.story, r.actual, r.error) for r in found if not r.passed] == []


@each_file
def test_the_scenarios_take_every_transition(path):
    linked = load_definition(path)
    taken = {t.index for r in results(linked) for d in r.decisions for t in d.path}
    assert sorted(set(range(len(linked.transitions))) - taken) == []


@each_file
def test_the_scenarios_see_every_criterion_met_and_not_met(path):
    linked = load_definition(path)
    seen = {
        (considered.index, leaf.label, leaf.verdict is Verdict.MET)
        for result in results(linked)
        for decision in result.decisions
        for considered in decision.considered
        for leaf in considered.leaves()
        if leaf.source  # what was written, not the passing of time
    }
    labels = {(index, label) for index, label, _ in seen}
    one_sided = {key for key in labels if {(*key, True), (*key, False)} - seen}
    assert one_sided == set()


@each_file
def test_every_stage_says_what_it_is_and_what_to_do(path):
    for name, stage in load_definition(path).definition.walk():
        assert stage.about, name
        assert stage.owner, name
        assert stage.stages or stage.playbook, name


def test_every_field_of_the_vocabulary_says_what_it_is_and_how_to_find_out(standard):
    for field in standard.linked.fields.values():
        assert field.about, field.name
        assert field.ask.endswith("?"), field.name


def test_every_event_of_the_vocabulary_says_when_to_record_it(standard):
    for name, event in standard.linked.events.items():
        assert event.event.title, name
        assert event.event.about, name


OUT = ("message", {"direction": "outbound"})
IN = ("message", {"direction": "inbound"})
MAILING = ("message", {"direction": "outbound", "automated": True})
AUTO_REPLY = ("message", {"direction": "inbound", "automated": True})


def test_a_message_that_answers_is_a_conversation(standard):
    contact = after(standard, OUT, IN)
    assert counted(contact, "two_way_conversations", "last_exchange", "replies") == {
        "two_way_conversations": 1,
        "last_exchange": "two_way",
        "replies": 1,
    }


def test_two_messages_from_one_side_are_no_conversation(standard):
    contact = after(standard, OUT, OUT)
    assert counted(contact, "two_way_conversations", "last_exchange", "rep_contacts") == {
        "two_way_conversations": 0,
        "last_exchange": "one_way",
        "rep_contacts": 2,
    }


def test_automated_mail_is_an_outreach_and_nothing_else(standard):
    contact = after(standard, MAILING, AUTO_REPLY)
    assert counted(contact, "outreaches", "rep_contacts", "replies", "engagements") == {
        "outreaches": 1,
        "rep_contacts": 0,
        "replies": 0,
        "engagements": 0,
    }
    assert "last_exchange" not in contact.fields


def test_automated_mail_between_two_messages_breaks_no_conversation(standard):
    assert after(standard, OUT, MAILING, IN).fields["two_way_conversations"] == 1


def test_an_answer_to_automated_mail_is_a_reply_but_no_conversation(standard):
    contact = after(standard, MAILING, IN)
    assert counted(contact, "replies", "two_way_conversations", "spoke_last") == {
        "replies": 1,
        "two_way_conversations": 0,
        "spoke_last": "them",
    }


def test_a_call_is_a_conversation_when_both_talk(standard):
    talked = after(standard, ("call", {"direction": "outbound", "way": "two_way"}))
    missed = after(standard, ("call", {"direction": "outbound", "way": "one_way"}))
    assert counted(talked, "two_way_conversations", "replies", "rep_contacts") == {
        "two_way_conversations": 1,
        "replies": 1,
        "rep_contacts": 1,
    }
    assert counted(missed, "two_way_conversations", "replies", "rep_contacts") == {
        "two_way_conversations": 0,
        "replies": 0,
        "rep_contacts": 1,
    }


def test_a_meeting_is_a_conversation(standard):
    assert after(standard, ("meeting", {})).fields["two_way_conversations"] == 1


def test_looking_is_a_visit_and_no_engagement(standard):
    contact = after(standard, ("content_viewed", {}), ("content_viewed", {}))
    assert counted(contact, "visits", "engagements") == {"visits": 2, "engagements": 0}


def test_engagements_count_since_known_from_the_first_contact_details(standard):
    contact = after(standard, ("downloaded", {}), ("form_submitted", {}), ("attended", {}))
    assert counted(contact, "engagements", "engagements_since_known", "details_given") == {
        "engagements": 3,
        "engagements_since_known": 1,
        "details_given": 1,
    }


def test_a_message_without_a_direction_proves_nothing(standard):
    contact = after(standard, ("message", {}))
    assert counted(contact, "outreaches", "replies", "engagements", "spoke_last") == {
        "outreaches": 0,
        "replies": 0,
        "engagements": 0,
        "spoke_last": "nobody",
    }


def test_the_first_source_stays(standard):
    listed = after(standard, ("listed", {}), ("referred", {}))
    assert listed.fields["source"] == "list"


def test_what_we_send_ourselves_keeps_no_lead_from_being_recycled(standard):
    """Nor does a score; a word from them does."""
    ours = {"direction": "outbound", "automated": True}
    for name, facts, stage in (
        ("message", ours, "lead.recycled"),
        ("scored", {}, "lead.recycled"),
        ("message", {"direction": "inbound", "automated": False}, "lead.inquiry"),
    ):
        contact = after(standard, ("form_submitted", {"email": "ada@example.com"}))
        assert contact.stage == "lead.inquiry"
        for weeks in (6, 12):
            at = AT + dt.timedelta(weeks=weeks)
            standard.step(contact, standard.event(name, at, facts))
        standard.step(contact, standard.event("tick", AT + dt.timedelta(days=100)))
        assert contact.stage == stage
