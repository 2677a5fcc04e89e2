"""Importing contacts: modes, what counts as news, times, rejects, the shipped mappings."""

import json

import pytest

from funnelflow.errors import UnknownNameError, UsageError
from funnelflow.ingest.file_options import FileOptions
from funnelflow.ingest.mapping import FileMapping, find_mapping
from funnelflow.ingest.mapping_files import read_mapping
from funnelflow.workspace.workspace import Workspace

PEOPLE = (
    "id,email,budget,note\n"
    "ada,ada@example.com,5000,x\n"
    "grace,grace@example.com,,y\n"
    "linus,linus@example.com,7,z\n"
)


@pytest.fixture
def write(tmp_path):
    """Write a file to import and give its path."""

    def _write(content, name="people.csv"):
        path = tmp_path / name
        path.write_text(content)
        return str(path)

    return _write


def counts(summary, *names):
    """Give some of what a summary counts."""
    counted = summary.counts.to_json()
    return tuple(counted[name] for name in names)


def test_a_file_of_contacts_adds_them_with_what_is_known(workspace, write):
    summary = workspace.import_contacts(write(PEOPLE), FileOptions(chunk=2, actor="me"))
    assert counts(summary, "rows", "created", "stayed", "rejected") == (3, 3, 0, 0)
    assert summary.ignored == ("note",)
    ada = workspace.contact("ada")
    assert ada.contact.fields["budget"] == 5000
    assert [(r.event, r.actor) for r in workspace.history("ada").rows] == [("add", "me")]


def test_known_contacts_get_what_is_new(workspace, write):
    workspace.add("ada", {"email": "old@example.com", "authority": True})
    summary = workspace.import_contacts(write(PEOPLE))
    assert counts(summary, "created", "stayed") == (2, 1)
    assert workspace.contact("ada").contact.fields["email"] == "ada@example.com"
    assert workspace.contact("ada").contact.fields["authority"] is True
    assert [row.event for row in workspace.history("ada").rows] == ["add", "set"]


def test_what_is_known_already_is_no_news_and_no_evidence(workspace, write):
    workspace.import_contacts(write(PEOPLE))
    later = PEOPLE.replace("5000", "6000")
    summary = workspace.import_contacts(write(later))
    assert counts(summary, "created", "stayed", "unchanged") == (0, 1, 2)
    assert len(workspace.history().rows) == 4


def test_a_blank_cell_takes_nothing_back(workspace, write):
    workspace.add("grace", {"budget": 12})
    workspace.import_contacts(write(PEOPLE))
    assert workspace.contact("grace").contact.fields["budget"] == 12


@pytest.mark.parametrize("blank", ["", "  ", "\u00a0", "\u200b"])
def test_blank_text_takes_nothing_back_and_is_nothing_known(workspace, write, blank):
    workspace.add("grace", {"budget": 12})
    row = json.dumps({"contact": "grace", "budget": blank, "email": blank})
    workspace.import_contacts(write(f"id,budget,email\ngrace,{blank},{blank}\n"))
    workspace.import_contacts(write(row + "\n", "p.jsonl"))
    workspace.import_contacts([{"contact": "grace", "facts": {"budget": blank, "email": blank}}])
    workspace.set("grace", {"budget": blank, "email": blank})
    fields = workspace.contact("grace").contact.fields
    assert (fields["budget"], "email" in fields) == (12, False)


def test_null_in_json_lines_takes_a_fact_back(workspace, write):
    workspace.add("grace", {"budget": 12})
    workspace.import_contacts(write('{"contact": "grace", "budget": null}\n', "p.jsonl"))
    assert "budget" not in workspace.contact("grace").contact.fields


def test_only_new_contacts_are_taken_where_that_is_asked_for(workspace, write):
    workspace.add("ada")
    summary = workspace.import_contacts(write(PEOPLE + "linus,,,\n"), mode="create")
    assert counts(summary, "created", "rejected") == (2, 2)
    assert [(r.line, r.column) for r in summary.examples] == [(2, "id"), (5, "id")]
    assert "email" not in workspace.contact("ada").contact.fields


def test_only_known_contacts_are_taken_where_that_is_asked_for(workspace, write):
    workspace.add("ada")
    summary = workspace.import_contacts(write(PEOPLE), mode="update")
    assert counts(summary, "created", "stayed", "rejected") == (0, 1, 2)
    assert [contact.id for contact in workspace.list()] == ["ada"]


def test_a_file_is_read_again_when_it_is_asked_for_in_another_way(workspace, write):
    path = write(PEOPLE)
    assert counts(workspace.import_contacts(path, mode="update"), "created", "rejected") == (0, 3)
    workspace.add("ada")
    assert counts(workspace.import_contacts(path, mode="update"), "stayed", "rejected") == (1, 2)
    again = workspace.import_contacts(path, mode="both")
    assert counts(again, "rows", "created", "rejected") == (3, 2, 0)
    once_more = workspace.import_contacts(path, mode="both")
    assert counts(once_more, "rows", "unchanged", "rejected") == (3, 3, 0)


def test_another_mode_is_refused(workspace, write):
    with pytest.raises(UnknownNameError):
        workspace.import_contacts(write(PEOPLE), mode="replace")


def test_a_file_without_ids_is_refused(workspace, write):
    with pytest.raises(UsageError) as caught:
        workspace.import_contacts(write("who\nada\n"))
    assert "--map contact=COLUMN" in caught.value.hint
    assert "who" in caught.value.hint


def test_rows_that_cannot_be_used_are_set_aside_with_their_column(workspace, write):
    rows = "id,email,budget,authority\nada,,lots,\n,x@example.com,,\nbob,,,maybe\nzoe,,,yes\n"
    summary = workspace.import_contacts(write(rows), FileOptions(chunk=1))
    assert [(r.line, r.column) for r in summary.examples] == [
        (2, "budget"), (3, "id"), (4, "authority"),
    ]  # fmt: skip
    assert counts(summary, "created", "rejected") == (1, 3)


def test_a_contact_may_come_into_another_funnel(workspace, directory, write):
    text = (directory / "pipeline.yaml").read_text()
    (directory / "second.yaml").write_text(text.replace("funnel: pipeline", "funnel: second"))
    workspace.import_contacts(write(PEOPLE), FileOptions(funnel="second"))
    assert workspace.contact("ada").funnel == "second"


def test_times_are_those_of_the_rows_or_now(workspace, write, clock):
    rows = "id,modified_at\nada,2020-01-02T03:04:05Z\nbob,\n"
    workspace.import_contacts(write(rows))
    assert workspace.contact("ada").created_at.year == 2020
    assert workspace.contact("bob").created_at.date() == clock.now.date()


def test_a_dry_run_predicts_the_run_and_stores_nothing(workspace, write):
    workspace.add("ada")
    path = write(PEOPLE + "ada,ada@example.com,5000,\nbad,,x,\n")
    predicted = workspace.import_contacts(path, FileOptions(chunk=2, dry_run=True))
    assert len(list(workspace.list())) == 1
    done = workspace.import_contacts(path, FileOptions(chunk=2))
    assert predicted.counts == done.counts
    assert predicted.examples == done.examples


def test_now_is_a_time_in_a_file_of_contacts_too(workspace, write, clock):
    path = write("id,at,email\nada,now,ada@example.com\n")
    assert workspace.import_contacts(path, FileOptions()).counts.rejected == 0
    assert workspace.contact("ada").created_at.date() == clock.now.date()
    again = write("id,at,email\nada,now,ada@example.com\nada,now,a@example.com\n", "again.csv")
    counts = workspace.import_contacts(again, FileOptions()).counts
    assert (counts.unchanged, counts.stayed, counts.rejected) == (1, 1, 0)


@pytest.mark.usefixtures("more_funnels")
def test_a_dry_run_takes_no_funnel_into_use(workspace, write):
    options = FileOptions(funnel="upsell", chunk=1, dry_run=True)
    assert workspace.import_contacts(write(PEOPLE), options).dry_run
    assert workspace.funnels() == ("pipeline",)


def test_events_and_contacts_of_one_file_are_told_apart(workspace, write):
    path = write("contact,event,at\nada,replied,2026-03-01T09:00:00Z\n")
    workspace.import_contacts(path)
    assert not workspace.apply(path).applied_before
    assert workspace.apply(path).applied_before
    assert counts(workspace.import_contacts(path), "rows", "unchanged") == (1, 1)


HUBSPOT = (
    "Record ID,First Name,Email,Original Source,Last Modified Date,Number of Employees\n"
    "901,Ada,ada@example.com,Organic Search,2026-03-01 09:30,12\n"
    "902,Grace,,--,2026-03-02 10:00,--\n"
)
HUBSPOT_TABLE = (
    "id,property_email,property_lastmodifieddate,property_hs_analytics_source\n"
    "901,ada@example.com,2026-03-01 09:30:00,ORGANIC_SEARCH\n"
)
SALESFORCE = (
    "id,name,title,has_opted_out_of_email,last_modified_date,country\n"
    "00Q1,Ada,CTO,TRUE,2026-03-01 09:30:00,\n"
    "00Q2,Grace,,FALSE,2026-03-01 09:30:00,US\n"
)


@pytest.mark.parametrize(
    ("content", "name", "contact", "fields"),
    [
        (HUBSPOT, "hubspot-contacts", "901",
         {"name": "Ada", "email": "ada@example.com", "source": "search", "company_size": 12}),
        (HUBSPOT, "hubspot-contacts", "902", {"name": "Grace"}),
        (HUBSPOT_TABLE, "hubspot-contacts", "901",
         {"email": "ada@example.com", "source": "search"}),
        (SALESFORCE, "salesforce-leads", "00Q1",
         {"name": "Ada", "job_title": "CTO", "consent": False}),
        (SALESFORCE, "salesforce-leads", "00Q2", {"name": "Grace", "region": "US"}),
    ],
)  # fmt: skip
def test_exports_of_crm_systems_are_read_by_the_shipped_mappings(
    tmp_path, write, content, name, contact, fields
):
    with Workspace.create(tmp_path / "crm") as workspace:
        mapping = read_mapping(find_mapping(name, tmp_path))
        summary = workspace.import_contacts(write(content), FileOptions(mapping=mapping))
        assert summary.counts.rejected == 0
        (row,) = workspace.history(contact).rows
        assert row.facts == fields
        assert row.at.isoformat().startswith("2026-03-0")


def test_placeholders_of_an_export_are_unknown(workspace, write):
    mapping = FileMapping(missing=("Select",))
    workspace.import_contacts(
        write("id,email,budget\nada,Select,5\n"), FileOptions(mapping=mapping)
    )
    assert workspace.contact("ada").contact.fields == {"replies": 0, "budget": 5}
