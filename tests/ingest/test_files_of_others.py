"""Files as other programs write them: what is read of them, what is left out, what is told."""

import json

import pytest

from funnelflow.ingest.file_options import FileOptions
from funnelflow.ingest.mapping import Condition, FileMapping, Join, Rule

from .applying import options, story


def facts_of(workspace, contact="ada"):
    """Give what is known of a contact."""
    return workspace.contact(contact).contact.fields


def test_numbers_and_times_are_read_as_the_mapping_says(workspace, write):
    rows = 'contact,event,at,budget,met_on\nada,subscribed,31.01.2026 10:00,"1.234,5",01.02.2026\n'
    said = FileMapping(decimal=",", date_formats=("dd.MM.yyyy", "dd.MM.yyyy HH:mm"))
    summary = workspace.apply(write(rows), options(mapping=said, timezone="Europe/Berlin"))
    assert summary.counts.rejected == 0
    assert facts_of(workspace)["budget"] == 1234.5
    assert facts_of(workspace)["met_on"].isoformat() == "2026-01-31T23:00:00+00:00"
    assert workspace.history("ada").rows[-1].at.isoformat() == "2026-01-31T09:00:00+00:00"


def test_times_by_a_pattern_are_put_in_order(workspace, write):
    rows = "contact,event,at,budget\nada,called,10.02.2026,3\nada,subscribed,09.01.2026,4\n"
    said = FileMapping(date_formats=("dd.MM.yyyy",))
    workspace.apply(write(rows), options(mapping=said, timezone="UTC"))
    assert story(workspace)[1:] == ["subscribed", "called"]
    assert facts_of(workspace)["budget"] == 3


def test_typed_members_of_json_are_read_by_the_patterns_too(workspace, write):
    row = {"contact": "ada", "event": "subscribed", "at": 1767225600000, "met_on": 1767225600000}
    said = FileMapping(date_formats=("epoch-ms",), decimal=",")
    line = json.dumps({**row, "budget": "5,5"})
    workspace.apply(write(line, "e.jsonl"), options(mapping=said))
    assert facts_of(workspace)["met_on"].isoformat() == "2026-01-01T00:00:00+00:00"
    assert facts_of(workspace)["budget"] == 5.5


def test_what_cannot_be_read_names_the_options_that_would(workspace, write):
    head = "contact,event,at,budget,met_on\n"
    rows = f'{head}ada,subscribed,2026-03-01T09:00:00Z,"1.234,56",31.12.2025\n'
    (rejected,) = workspace.apply(write(rows), options()).examples
    assert "--decimal , reads it" in rejected.reason
    assert "--date-format 'dd.MM.yyyy' reads it" in rejected.reason


def test_everything_that_is_wrong_with_a_row_is_told_at_once(workspace, write):
    rows = (
        "contact,event,at,budget,minutes,tags\n"
        "ada,subscribd,2026-13-01,much,3,\n"
        '" ",called,2026-03-01T09:00:00Z,,long,\n'
    )
    first, second = workspace.apply(write(rows), options()).examples
    assert first.column == "event, at, budget"
    assert [part in first.reason for part in ("subscribd", "2026-13-01", "'much'")] == [True] * 3
    assert second.column == "contact, minutes"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_correcting_a_row_in_any_order_ends_right(workspace, write, order):
    wrong = ["subscribd", "2026-13-01", "much"]
    right = ["subscribed", "2026-03-01T09:00:00Z", "7"]
    known = options()
    for step, place in enumerate(order):
        line = "ada,{},{},{}\n".format(*wrong)
        content = f"contact,event,at,budget\n{line}"
        summary = workspace.apply(write(content, f"{step}.csv"), known)
        assert summary.counts.rejected == 1
        wrong[place] = right[place]
    rejects = "contact,event,at,budget\n" + "ada,{},{},{}\n".format(*wrong)
    assert workspace.apply(write(rejects, "last.csv"), known).counts.rejected == 0
    assert facts_of(workspace)["budget"] == 7


def test_columns_without_a_name_or_twice_are_left_and_said(workspace, write):
    rows = ",contact,event,at,x,x,\n0,ada,subscribed,2026-03-01T09:00:00Z,1,2,\n"
    summary = workspace.apply(write(rows), options())
    assert summary.counts.rejected == 0
    assert summary.ignored == ("(column 1)", "x", "(column 7)")


def test_a_line_break_of_windows_in_a_cell_is_a_line_break(workspace, write):
    rows = 'contact,event,at,email\r\nada,subscribed,2026-03-01T09:00:00Z,"one\r\ntwo\rthree"\r\n'
    workspace.apply(write(rows), options())
    assert facts_of(workspace)["email"] == "one\ntwo\nthree"


def test_a_column_counts_for_the_events_that_have_the_field(workspace, write):
    rows = (
        "contact,event,at,minutes\nada,subscribed,2026-03-01T09:00:00Z,5\n"
        "ada,called,2026-03-02T09:00:00Z,5\n"
    )
    assert workspace.apply(write(rows), options()).counts.rejected == 0
    lines = [{"contact": "bob", "event": e, "at": "2026-03-01T09:00:00Z", "minutes": 5}
             for e in ("subscribed", "called")]  # fmt: skip
    text = "".join(json.dumps(line) + "\n" for line in lines)
    assert workspace.apply(write(text, "e.jsonl"), options()).counts.rejected == 0


def test_rows_of_no_interest_are_left_out_and_counted(workspace, write):
    rows = (
        "contact,event,at,deleted\nada,Note,x,\nada,subscribed,2026-03-01T09:00:00Z,\n"
        "ada,called,2026-03-01T09:00:00Z,true\nada,Task,2026-03-01T09:00:00Z,\n"
    )
    deleted = Rule((Condition("deleted", ("true",)),), leave_out=True)
    said = FileMapping(events={"Note": "", "subscribed": "subscribed", "*": ""}, rows=(deleted,))
    summary = workspace.apply(write(rows), options(mapping=said))
    assert (summary.counts.left_out, summary.counts.rejected) == (3, 0)
    assert story(workspace) == ["add", "subscribed"]


def test_a_rule_looks_at_other_columns_and_says_what_a_row_is(workspace, write):
    rows = (
        "contact,kind,at,outcome\nada,Call,2026-03-01T09:00:00Z,Connected\n"
        "ada,Call,2026-03-02T09:00:00Z,No answer\nada,Mail,2026-03-03T09:00:00Z,\n"
    )
    call = Condition("kind", ("Call",))
    rules = (
        Rule(
            (call, Condition("outcome", ("Connected",))),
            sets={"event": "called", "field.minutes": "1"},
        ),
        Rule((call,), leave_out=True),
        Rule((Condition("outcome", ("",)), Condition("kind", ("Call",), negated=True)),
             sets={"event": "replied"}),
    )  # fmt: skip
    summary = workspace.apply(write(rows), options(mapping=FileMapping(rows=rules)))
    assert (summary.counts.left_out, summary.counts.rejected) == (1, 0)
    assert story(workspace) == ["add", "called", "replied"]
    assert workspace.history("ada").rows[1].facts == {"minutes": 1.0}
    bob = {"contact": "bob", "kind": "Call", "at": "2026-03-01T09:00:00Z"}
    lines = [{**bob, "outcome": "Connected"}, bob]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    workspace.apply(write(text, "e.jsonl"), options(mapping=FileMapping(rows=rules)))
    assert story(workspace, "bob") == ["add", "called"]


def test_columns_are_joined_and_lists_are_split(workspace, write):
    said = FileMapping(
        columns={"field.email": Join((("user",), ("mail", "host")), "@")},
        separator=";",
        values={"field.tags": {"x": "y", "z": ""}},
    )
    workspace.import_contacts(
        write("id,user,host,tags\nada,ada,example.com,pricing; x;z;support\n"),
        FileOptions(mapping=said),
    )
    assert facts_of(workspace)["email"] == "ada@example.com"
    assert facts_of(workspace)["tags"] == ("pricing", "y", "support")


def test_a_row_of_a_history_sets_one_field_at_its_time(workspace, write):
    rows = (
        "vid,when,property,value\n"
        "ada,2026-03-03T09:00:00Z,amount,\nada,2026-03-02T09:00:00Z,amount,7\n"
        "ada,2026-03-01T09:00:00Z,mail,a@example.com\nada,2026-03-01T09:00:00Z,strange,1\n"
    )
    said = FileMapping(
        columns={
            "contact": "vid",
            "at": "when",
            "history.field": "property",
            "history.value": "value",
        },
        facts={"amount": "budget", "mail": "email", "*": ""},
    )
    summary = workspace.apply(write(rows), options(mapping=said))
    assert (summary.counts.left_out, summary.counts.rejected) == (1, 0)
    assert facts_of(workspace) == {"email": "a@example.com", "replies": 0}
    assert [row.facts.get("budget") for row in workspace.history("ada").rows[1:]] == [None, 7, None]


def test_members_of_members_and_alternatives_are_read(workspace, write):
    said = FileMapping(
        columns={
            "contact": ("userId", "anonymousId"),
            "at": "timestamp",
            "field.email": "traits.email",
            "facts": ("traits", "properties"),
        },
        constants={"event": "set"},
        facts={"budget": "budget", "*": ""},
    )
    lines = [
        {
            "userId": "ada",
            "timestamp": "2026-03-01T09:00:00Z",
            "traits": {"email": "a@example.com"},
        },
        {
            "anonymousId": "bob",
            "timestamp": "2026-03-01T09:00:00Z",
            "properties": {"budget": 7, "x": 1},
        },
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    assert workspace.apply(write(text, "e.jsonl"), options(mapping=said)).counts.rejected == 0
    assert facts_of(workspace)["email"] == "a@example.com"
    assert facts_of(workspace, "bob")["budget"] == 7
