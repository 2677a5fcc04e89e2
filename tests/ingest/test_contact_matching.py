"""Whom rows are about where their ids are not known: found by email, or refused with who may be."""

import pytest

from funnelflow.errors import UsageError
from funnelflow.ingest.file_options import FileOptions
from funnelflow.ingest.mapping import FileMapping
from funnelflow.storage.changes import ErasedContactError
from funnelflow.workspace.workspace import Workspace

from .applying import story

BY_EMAIL = FileOptions(mapping=FileMapping(match="email", columns={"contact": "who"}))


def calls(*people):
    """Write calls with people."""
    rows = [f"{who},called,2026-03-0{n}T09:00:00Z" for n, who in enumerate(people, 2)]
    return "who,event,at\n" + "\n".join(rows) + "\n"


@pytest.fixture
def crm(workspace):
    """Give a workspace with people under the numbers of a CRM."""
    workspace.add("151", {"email": "Ada@Example.com"}, at="2026-03-01T09:00:00Z")
    workspace.add("152", {"email": "zoe\u0308@example.com"}, at="2026-03-01T09:00:00Z")
    return workspace


def test_an_event_finds_its_contact_by_email_whatever_the_case(crm, write):
    summary = crm.apply(
        write(calls("ada@example.com", "  ADA@example.com ", "zo\u00eb@example.com")), BY_EMAIL
    )
    assert (summary.counts.created, summary.counts.rejected) == (0, 0)
    assert story(crm, "151") == ["add", "called", "called"]
    assert story(crm, "152") == ["add", "called"]


def test_whoever_is_not_found_is_added_once_with_what_named_them(crm, write):
    summary = crm.apply(write(calls("new@example.com", "New@example.com")), BY_EMAIL)
    assert summary.counts.created == 1
    assert story(crm, "new@example.com") == ["add", "called", "called"]
    assert crm.contact("new@example.com").contact.fields["email"] == "new@example.com"


def test_more_than_one_match_is_rejected_with_who_may_be_meant(crm, write):
    crm.add("153", {"email": "ada@example.com"})
    (rejected,) = crm.apply(write(calls("ada@example.com")), BY_EMAIL).examples
    assert rejected.column == "who"
    assert "names 2 contacts: 151, 153" in rejected.reason
    assert "funnelflow merge" in rejected.reason


def test_an_export_of_another_system_is_about_those_who_are_known_by_email(crm, write):
    rows = (
        "id,email,budget\n00Q1,ADA@example.com,5\n00Q2,new@example.com,6\n152,ada@example.com,7\n"
    )
    options = FileOptions(mapping=FileMapping(match="email"))
    summary = crm.import_contacts(write(rows), options)
    assert (summary.counts.created, summary.counts.rejected) == (1, 0)
    assert crm.contact("151").contact.fields["budget"] == 5
    assert crm.contact("00Q2").contact.fields["budget"] == 6
    assert crm.contact("152").contact.fields["budget"] == 7  # its own id is known


def test_a_file_without_ids_is_about_whom_the_field_names(crm, write):
    rows = "email,budget\nada@example.com,5\nnew@example.com,6\n"
    said = FileMapping(match="email", columns={"field.email": "email"}, guess=True)
    summary = crm.import_contacts(write(rows), FileOptions(mapping=said))
    assert summary.counts.created == 1
    assert crm.contact("151").contact.fields["budget"] == 5


def test_a_field_that_names_nobody_is_refused(crm, write):
    with pytest.raises(UsageError, match="budget names nobody"):
        crm.apply(write(calls("ada")), FileOptions(mapping=FileMapping(match="budget")))


def test_contacts_that_look_alike_are_said(workspace, write):
    workspace.add("Ada@example.com")
    rows = "id,email\nada@example.com,\nbob,x@example.com\neve,y@example.com\n"
    summary = workspace.import_contacts(write(rows))
    assert summary.look_alikes.contacts == 1
    assert summary.look_alikes.examples == (
        ("ada@example.com", ("Ada@example.com", "ada@example.com")),
    )
    assert workspace.import_contacts(write(rows)).look_alikes.contacts == 0


@pytest.mark.parametrize("other", ["zo\u00eb", "zoe\u0308"])
def test_an_id_is_one_in_whatever_form_of_unicode_it_comes(workspace, write, other):
    workspace.add("zoe\u0308", {"budget": 1})
    assert workspace.contact(other).id == "zo\u00eb"
    workspace.apply(write(f"contact,event,at\n{other},replied,2026-03-02T09:00:00Z\n"))
    assert story(workspace, other) == ["add", "replied"] or story(workspace, other) == [
        "replied",
        "add",
    ]
    assert workspace.erase(other).rows["contacts"] == 1


IDENTIFYING = "email: {type: text, identifying: true}"


@pytest.fixture
def private(directory, database, clock):
    """Give a workspace whose vocabulary says that an email names somebody."""
    path = directory / "pipeline.yaml"
    path.write_text(path.read_text().replace("email: text", IDENTIFYING))
    with Workspace.create(directory, "pipeline", database=database, clock=clock) as made:
        yield made


def test_whoever_was_erased_is_known_again_by_email(private, write):
    private.add("151", {"email": "ada@example.com"})
    private.set("151", {"email": "ada@work.example"})
    private.erase("151")
    with pytest.raises(ErasedContactError):
        private.add("900", {"email": "ADA@example.com"})
    rows = "id,email\n901,ada@work.example \n902,bob@example.com\n"
    summary = private.import_contacts(write(rows))
    assert (summary.counts.erased, summary.counts.created) == (1, 1)
    private.add("903", {"email": "ada@example.com"}, readmit=True)
    private.add("904", {"email": "ada@work.example"})


def test_somebody_known_may_take_over_the_address_of_somebody_erased(private):
    private.add("151", {"email": "office@example.com"})
    private.add("152", {"email": "eve@example.com"})
    private.erase("151")
    private.set("152", {"email": "office@example.com"})
    assert private.contact("152").contact.fields["email"] == "office@example.com"
