"""The mappings that ship: small exports in the columns of each system, and what becomes of them."""

import json

import pytest
from attrs import evolve

from funnelflow.definition import shipped_definitions
from funnelflow.errors import UnknownNameError
from funnelflow.ingest.file_options import FileOptions
from funnelflow.ingest.mapping import mapping_names
from funnelflow.ingest.mapping_files import mapping_text, read_mapping
from funnelflow.workspace.workspace import Workspace

SHIPPED = shipped_definitions() / "mappings"

IMPORTS = {
    "hubspot-contacts": (
        ("Record ID,First Name,Last Name,Email,Phone Number,Associated Company,Lifecycle Stage,"
        "Number of Employees,Last Modified Date,_fivetran_deleted\n"
        "151,Ada,Byron,ada@example.com,+49 351 1,Engines,Marketing Qualified Lead,12,"
        "2026-02-01 10:00,\n"
        "152,Gone,,gone@example.com,,,,,2026-02-01 10:00,TRUE\n"),
        ("151", {"name": "Ada Byron", "email": "ada@example.com", "phone": "+49 351 1",
                 "company": "Engines", "crm_stage": "Marketing Qualified Lead",
                 "company_size": 12}),
        1,
    ),
    "hubspot-companies": (
        ("Record ID,Company name,Industry,Number of Employees,Country/Region,Lifecycle Stage\n"
        "151,Engines,COMPUTER_SOFTWARE,40,Ireland,Customer\n"),
        ("company-151", {"company": "Engines", "company_size": 40, "party": "organisation",
                         "crm_stage": "Customer", "region": "Ireland"}),
        0,
    ),
    "hubspot-deals": (
        ("Record ID,Deal Name,Amount,Close Date,Deal Stage,Associated Company\n"
        "151,Engine No. 2,9000.5,2026-03-01 10:00,Contract Sent,Engines\n"),
        ("deal-151", {"name": "Engine No. 2", "deal_value": 9000.5, "crm_stage": "Contract Sent",
                      "company": "Engines"}),
        0,
    ),
    "salesforce-leads": (
        ("Id,FirstName,LastName,Company,Email,Status,HasOptedOutOfEmail,LastModifiedDate,IsDeleted\n"
        "00Q1,Ada,Byron,Engines,ada@example.com,Working - Contacted,true,"
        "2026-02-01T10:00:00.000+0000,false\n"
        "00Q2,Gone,,Engines,,Open,false,2026-02-01T10:00:00.000+0000,true\n"),
        ("00Q1", {"name": "Ada Byron", "company": "Engines", "crm_stage": "Working - Contacted",
                  "consent": False}),
        1,
    ),
    "salesforce-contacts": (
        ("Contact ID,First Name,Last Name,Account Name,Title,Email,Mailing Country\n"
        "0031,Ada,Byron,Engines,Countess,ada@example.com,UK\n"),
        ("0031", {"name": "Ada Byron", "company": "Engines", "job_title": "Countess",
                  "region": "UK"}),
        0,
    ),
    "salesforce-opportunities": (
        ("id,name,stage_name,amount,close_date,last_modified_date,is_deleted\n"
        "0061,Engine,Negotiation/Review,9000,2026-04-01,2026-02-01 10:00:00,false\n"),
        ("0061", {"name": "Engine", "crm_stage": "Negotiation/Review", "deal_value": 9000}),
        0,
    ),
    "pipedrive-deals": (
        ("Deal - ID,Deal - Title,Deal - Value,Deal - Stage,Deal - Status,Deal - Organization,"
        "Deal - Contact person,Deal - Update time\n"
        "7,Engine,500,Proposal Made,Open,Engines,Ada Byron,2026-02-01 10:00:00\n"
        "8,Old,1,Lead In,Deleted,,,2026-02-01 10:00:00\n"),
        ("deal-7", {"name": "Ada Byron", "deal_value": 500, "crm_stage": "Proposal Made",
                    "company": "Engines"}),
        1,
    ),
    "zoho-leads": (
        ("Record Id,First Name,Last Name,Company,Email,Lead Status,No. of Employees,Email Opt Out,"
        "Modified Time\n"
        "zcrm_1,Ada,Byron,Engines,ada@example.com,Contact in Future,40,true,2026-02-01 10:00:00\n"),
        ("zcrm_1", {"name": "Ada Byron", "crm_stage": "Contact in Future", "company_size": 40,
                    "consent": False}),
        0,
    ),
}  # fmt: skip
SEGMENT = [
    {"type": "identify", "userId": "ada", "messageId": "m1", "timestamp": "2026-02-01T10:00:00Z",
     "traits": {"firstName": "Ada", "lastName": "Byron", "email": "ada@example.com", "plan": "x",
                "company": {"name": "Engines", "employee_count": 40}}},
    {"type": "page", "userId": "ada", "messageId": "m2", "timestamp": "2026-02-02T10:00:00Z",
     "name": "Pricing", "properties": {"url": "https://example.com"}},
    {"type": "track", "event": "Order Completed", "userId": "ada", "messageId": "m3",
     "timestamp": "2026-02-03T10:00:00.123Z", "properties": {"revenue": 19.5, "products": []}},
    {"type": "track", "event": "Video Paused", "userId": "ada", "messageId": "m4",
     "timestamp": "2026-02-03T10:00:00.123Z", "properties": {}},
    {"type": "group", "userId": "ada", "groupId": "g", "timestamp": "2026-02-03T10:00:00Z"},
]  # fmt: skip
HUBSPOT = [
    {"eventId": 1, "subscriptionId": 3, "portalId": 4, "appId": 5, "occurredAt": 1769940000000,
     "subscriptionType": "contact.propertyChange", "attemptNumber": 0, "objectId": 151,
     "changeSource": "CRM", "propertyName": "email", "propertyValue": "ada@example.com"},
    {"eventId": 1, "subscriptionId": 6, "occurredAt": 1769940000001, "objectId": 151,
     "subscriptionType": "object.propertyChange", "objectTypeId": "0-1",
     "propertyName": "lifecyclestage", "propertyValue": "lead"},
    {"eventId": 2, "subscriptionId": 6, "occurredAt": 1769940000001, "objectId": 9,
     "subscriptionType": "object.propertyChange", "objectTypeId": "0-3",
     "propertyName": "dealstage", "propertyValue": "won"},
    {"eventId": 3, "subscriptionId": 3, "occurredAt": 1769940000002, "objectId": 151,
     "subscriptionType": "contact.propertyChange", "propertyName": "zip", "propertyValue": "1"},
    {"eventId": 4, "subscriptionId": 7, "occurredAt": 1769940000000, "objectId": 151,
     "subscriptionType": "contact.creation"},
]  # fmt: skip
APPLIED = {
    "hubspot-history": (
        ("contact_id,timestamp,source,name,value\n"
        "151,2026-02-02 10:00:00.001,CRM_UI,lifecyclestage,customer\n"
        "151,2026-02-01 10:00:00.001,FORM,email,ada@example.com\n"
        "151,2026-02-01 10:00:00.001,FORM,hs_calculated,1\n"),
        "151", ["add", "set", "set"], {"email": "ada@example.com", "crm_stage": "customer"}, 1,
    ),
    "hubspot-activities": (
        ("Record ID,Activity type,Activity date,Call direction,Call outcome,Meeting outcome,Email\n"
        "1,Call,2026-02-01 10:00,Outbound,Connected,,ada@example.com\n"
        "2,Meeting,2026-02-02 10:00,,,Completed,ada@example.com\n"
        "3,Meeting,2026-02-03 10:00,,,Canceled,ada@example.com\n"
        "4,Note,2026-02-03 11:00,,,,ada@example.com\n"
        "5,Incoming email,2026-02-04 10:00,,,,ada@example.com\n"),
        "ada@example.com", ["add", "call", "meeting", "message"], {"two_way_conversations": 3}, 2,
    ),
    "salesforce-opportunity-history": (
        ("OpportunityId,StageName,Amount,CloseDate,CreatedDate,IsDeleted\n"
        "0061,Prospecting,100,2026-04-01,2026-02-01T10:00:00.000+0000,false\n"
        "0061,Closed Won,9000,2026-03-01,2026-02-05T10:00:00.000+0000,false\n"),
        "0061", ["add", "set", "set"], {"crm_stage": "Closed Won", "deal_value": 9000}, 0,
    ),
    "salesforce-field-history": (
        ("LeadId,CreatedDate,Field,OldValue,NewValue\n"
        "00Q1,2026-02-01T10:00:00.000+0000,created,,\n"
        "00Q1,2026-02-02T10:00:00.000+0000,Status,Open,Working\n"
        "00Q1,2026-02-03T10:00:00.000+0000,Title,Countess,\n"),
        "00Q1", ["add", "set", "set"], {"crm_stage": "Working"}, 1,
    ),
    "segment": (
        "".join(json.dumps(call) + "\n" for call in SEGMENT),
        "ada", ["add", "set", "content_viewed", "purchased"],
        {"name": "Ada Byron", "company": "Engines", "company_size": 40, "purchases": 1}, 2,
    ),
    "cloudevents": (
        json.dumps({"specversion": "1.0", "id": "e1", "source": "/shop", "type": "purchased",
                    "subject": "ada", "time": "2026-02-01T10:00:00Z", "data": {"amount": 5.0}})
        + "\n"
        + json.dumps({"specversion": "1.0", "id": "e1", "source": "/fair", "type": "purchased",
                      "subject": "ada", "time": "2026-02-01T11:00:00Z"}),
        "ada", ["add", "purchased", "purchased"], {"purchases": 2}, 0,
    ),
    "hubspot-webhooks": (
        "".join(json.dumps(one) + "\n" for one in HUBSPOT),
        "151", ["add", "set", "set"], {"email": "ada@example.com", "crm_stage": "lead"}, 3,
    ),
    "web-form": (
        json.dumps({"email": "ada@example.com", "first_name": "Ada", "last_name": "Byron",
                    "submission": "s1", "contact": "boss", "budget": "9000"}) + "\n",
        "ada@example.com", ["add", "form_submitted"], {"name": "Ada Byron", "budget": None}, 0,
    ),
}  # fmt: skip


@pytest.fixture
def standard(directory, database, clock):
    """Give an empty workspace under the standard definition, on each kind of database."""
    with Workspace.create(directory, "standard", database=database, clock=clock) as made:
        yield made


def said(name, **more):
    """Give the options of a mapping that ships."""
    return FileOptions(mapping=read_mapping(SHIPPED / f"{name}.toml"), **more)


def test_every_mapping_that_ships_is_tried_here(tmp_path):
    assert {*IMPORTS, *APPLIED} == {*mapping_names(tmp_path)}


@pytest.mark.parametrize("name", [*IMPORTS, *APPLIED])
def test_a_mapping_that_ships_is_written_back_as_it_was_and_documented(name, tmp_path):
    mapping = read_mapping(SHIPPED / f"{name}.toml")
    (tmp_path / "again.toml").write_text(mapping_text(mapping))
    assert read_mapping(tmp_path / "again.toml") == mapping
    assert f"[{name}]({name}.toml)" in (SHIPPED / "README.md").read_text()
    verb = "import" if name in IMPORTS else "apply"
    assert f"#   funnelflow {verb} " in (SHIPPED / f"{name}.toml").read_text()


@pytest.mark.parametrize("name", IMPORTS)
def test_an_export_of_contacts_is_imported(standard, write, name):
    content, (contact, known), left_out = IMPORTS[name]
    summary = standard.import_contacts(write(content), said(name))
    assert (summary.counts.rejected, summary.counts.left_out) == (0, left_out), summary.examples
    fields = standard.contact(contact).contact.fields
    assert {field: fields.get(field) for field in known} == known
    again = standard.import_contacts(write(content), said(name))
    assert again.counts.unchanged == summary.counts.rows - left_out


@pytest.mark.parametrize("name", APPLIED)
def test_an_export_of_events_is_applied(standard, write, name):
    content, contact, events, known, left_out = APPLIED[name]
    path = write(content, "e.jsonl" if content.startswith("{") else "e.csv")
    summary = standard.apply(path, said(name))
    assert (summary.counts.rejected, summary.counts.left_out) == (0, left_out), summary.examples
    assert [row.event for row in standard.history(contact).rows] == events
    fields = standard.contact(contact).contact.fields
    assert {field: fields.get(field) for field in known} == known


def lifecycle(tmp_path, **stages):
    """Give a mapping of a history of lifecycle stages that puts contacts."""
    path = tmp_path / "mine.toml"
    table = "".join(f'"{theirs}" = "{ours}"\n' for theirs, ours in stages.items())
    path.write_text((SHIPPED / "hubspot-history.toml").read_text() + f"\n[stages]\n{table}")
    return read_mapping(path)


@pytest.fixture
def led(directory, database, clock):
    """Give a workspace under the lifecycle of HubSpot in which `boss` may force moves."""
    with Workspace.create(directory, "hubspot-lifecycle", database=database, clock=clock) as made:
        config = directory / "funnelflow.toml"
        config.write_text(config.read_text().replace("[roles]", '[roles]\nadmin = ["boss"]'))
        yield made


STAGES = (
    "contact_id,timestamp,source,name,value\n"
    "ada,2026-02-02 10:00:00,CRM_UI,lifecyclestage,customer\n"
    "ada,2026-02-01 10:00:00,CRM_UI,lifecyclestage,lead\n"
)


def test_a_stage_of_theirs_puts_a_contact_at_its_time_where_the_mapping_says_so(
    led, tmp_path, write
):
    mapping = lifecycle(tmp_path, lead="lead", customer="customer")
    summary = led.apply(write(STAGES), FileOptions(mapping=mapping, actor="boss"))
    assert (summary.counts.moved, summary.counts.refused) == (2, 0)
    moves = [(row.event, row.reason) for row in led.history("ada").rows[1:]]
    assert moves == [
        ("set", ""), ("move", "stage in the CRM: lead"),
        ("set", ""), ("move", "stage in the CRM: customer"),
    ]  # fmt: skip
    ada = led.contact("ada").contact
    assert (ada.stage, ada.since.day, ada.fields["crm_stage"]) == ("customer", 2, "customer")
    assert led.verify().is_sound


def test_whoever_may_not_force_keeps_the_word_and_moves_nobody(led, tmp_path, write):
    mapping = lifecycle(tmp_path, lead="lead", customer="customer")
    summary = led.apply(write(STAGES), FileOptions(mapping=mapping, actor="eve"))
    assert (summary.counts.moved, summary.counts.refused) == (0, 2)
    assert summary.counts.reasons == {"May force a move": 2}
    assert led.contact("ada").contact.fields["crm_stage"] == "customer"
    assert led.contact("ada").contact.stage == "contact"


def test_a_snapshot_puts_a_contact_once_for_each_change_of_their_word(led, tmp_path, write):
    mapping = evolve(
        read_mapping(SHIPPED / "hubspot-contacts.toml"),
        stages={"Lead": "lead", "Customer": "customer"},
    )
    people = "Record ID,Lifecycle Stage\n1,Lead\n2,\n"
    options = FileOptions(mapping=mapping, actor="boss")
    led.import_contacts(write(people), options)
    again = led.import_contacts(write(people), options)
    assert (again.counts.unchanged, again.counts.moved) == (2, 0)
    led.import_contacts(write(people.replace("Lead\n", "Customer\n")), options)
    assert led.contact("1").contact.stage == "customer"
    assert [row.event for row in led.history("1").rows] == ["add", "move", "set", "move"]


def test_a_stage_that_there_is_not_is_told_before_the_first_row(led, tmp_path, write):
    mapping = lifecycle(tmp_path, lead="leed")
    with pytest.raises(UnknownNameError, match="leed"):
        led.apply(write(STAGES), FileOptions(mapping=mapping, actor="boss"))
