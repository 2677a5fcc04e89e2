"""Stored contacts in another definition's words, on both databases."""

import pytest

from funnelflow.definition import load_definition, shipped_definitions
from funnelflow.engine import Funnel
from funnelflow.errors import UnknownNameError
from funnelflow.workspace.workspace import Workspace


def shipped(name: str) -> Funnel:
    """Give a shipped definition, ready to run."""
    return Funnel(load_definition(shipped_definitions() / f"{name}.yaml"))


@pytest.fixture
def filled(tmp_path, database):
    """Give a workspace of two contacts in the shipped funnel `standard`."""
    with Workspace.create(tmp_path, "standard", database=database) as workspace:
        workspace.add("ada", {"email": "ada@example.com"}, at="2026-03-02T09:00:00Z")
        workspace.record("ada", "form_submitted", at="2026-03-02T09:01:00Z")
        workspace.add("bob", at="2026-03-02T09:00:00Z")
        yield workspace


def test_a_contact_translated_to_its_own_definition_is_where_it_is(filled):
    for contact_id in ("ada", "bob"):
        translated = filled.translate(contact_id, filled.funnel())
        assert translated.translation.contact == filled.contact(contact_id).contact
        assert translated.stage == translated.translation.stage


def test_another_definition_reads_the_same_evidence(filled):
    assert filled.translate("ada", shipped("dialogue")).translation.stage == "lead.inquiry"


def test_translating_all_is_translating_each(filled):
    funnel = shipped("qualified")
    everybody = {one.contact_id: one for one in filled.translate_all(funnel)}
    assert list(everybody) == ["ada", "bob"]
    for contact_id, one in everybody.items():
        assert one == filled.translate(contact_id, funnel)


def test_only_the_contacts_of_a_funnel_are_read(filled):
    filled.add("eve", funnel="dialogue", at="2026-03-02T09:00:00Z")
    funnel = shipped("qualified")
    assert [one.contact_id for one in filled.translate_all(funnel, home="dialogue")] == ["eve"]
    with pytest.raises(UnknownNameError):
        list(filled.translate_all(funnel, home="nowhere"))


def test_a_contact_that_is_not_there_is_an_error(filled):
    with pytest.raises(UnknownNameError):
        filled.translate("adaa", shipped("qualified"))
