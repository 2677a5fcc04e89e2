"""``funnelflow report`` and ``todo``: tables, JSON and CSV of the same numbers."""

import csv
import io
import json

import pytest

HOSTILE = "<script>alert(1)</script>\"'"


@pytest.fixture
def told(workspace, call):
    """Give a workspace with a few contacts, one of a hostile name and one of right-to-left text."""
    for name in ("ada", HOSTILE, "עדה"):
        call("add", name, f"need={HOSTILE}", "email=a@example.com")
    call("record", "ada", "form_submitted")
    call("move", "ada", "prospect")
    return workspace


def rows_of(text):
    """Read rows of CSV, each by its heads."""
    return list(csv.DictReader(io.StringIO(text)))


def test_json_and_csv_have_the_same_numbers(told, call):
    (report,) = json.loads(call("report", "--json").stdout)["funnels"]
    rows = {row["number"]: row for row in rows_of(call("report", "--csv").stdout)}
    assert report["entries"]["value"] == int(rows["contacts"]["value"]) == 3
    for stage in report["stages"]:
        number = stage["now"]
        assert int(rows[number["name"]]["value"]) == number["value"]
        assert rows[number["name"]]["small"] == "small"
    assert all("_days" in key or "days" not in key for key in report["time_in_stage"][0]["latest"])


def test_a_report_says_what_is_in_the_way_and_what_to_ask(told, call):
    out = call("report").stdout
    for title in ("Where they are", "How far they came", "What is in the way", "What to ask"):
        assert title in out
    assert "authority + budget + horizon_days" in out


@pytest.mark.parametrize("option", ["--by=need", "--period=week", "--at=2036-01-01T00:00:00Z"])
def test_names_of_any_kind_are_shown_and_harm_nothing(told, call, option):
    done = call("report", option)
    assert done.exit_code == 0, done.stderr
    assert "\x1b" not in done.stdout


def test_whom_a_number_counts_is_listed_in_every_form(told, call):
    assert "ada" in call("report", "--who", "contacts").stdout
    listed = json.loads(call("report", "--who", "contacts", "--json").stdout)
    assert [one["contact"] for one in listed] == ["ada", HOSTILE, "עדה"]
    rows = rows_of(call("report", "--who", "contacts", "--csv").stdout)
    assert [row["contact"] for row in rows] == ["ada", HOSTILE, "עדה"]


def test_a_number_is_explained_and_a_misspelt_one_refused(told, call):
    assert "A step that somebody skipped is no loss" in " ".join(
        call("report", "--explain", "passed/lead").stdout.split()
    )
    assert len(json.loads(call("report", "--explain", "all", "--json").stdout)) > 40
    done = call("report", "--explain", "pased")
    assert (done.exit_code, "passed" in done.stderr) == (2, False)
    assert "--explain all" in done.stderr
    assert call("report", "--who", "velocity").exit_code == 2


@pytest.mark.parametrize("option", ["--by", "--value"])
def test_a_field_that_no_funnel_has_is_refused_with_one_that_is_like_it(told, call, option):
    for more in ((), ("--who", "contacts")):
        done = call("report", option, "budgt", *more)
        assert (done.exit_code, "budget" in done.stderr) == (2, True)


def test_watching_needs_a_terminal(told, call):
    done = call("report", "--watch")
    assert done.exit_code == 2
    assert "terminal" in done.stderr


def test_two_definitions_report_of_the_same_evidence_what_they_call_each_contact(told, call):
    compared = json.loads(call("report", "--compare", "standard", "persona", "--json").stdout)
    said = json.loads(call("translate", "--all", "--to", "persona", "--json").stdout)
    leaves = (one for one in compared["compared"][1]["stages"] if one["is_leaf"])
    counts = {one["stage"]: one["now"]["value"] for one in leaves if one["now"]["value"]}
    called = {one["translated"]: 0 for one in said["cells"]}
    for one in said["cells"]:
        called[one["translated"]] += one["contacts"]
    assert counts == called
    assert "passed lead" in call("report", "--compare", "standard", "persona").stdout


def test_what_is_to_be_done_is_said_in_every_form(told, call):
    assert "nobody needs anybody today" in call("todo", "--owner", "nobody").stdout
    items = json.loads(call("todo", "--json").stdout)
    rows = rows_of(call("todo", "--csv").stdout)
    assert [one["contact"] for one in items] == [row["contact"] for row in rows]
    assert call("todo", "--csv", "--json").exit_code == 2


def test_an_empty_workspace_and_one_contact_have_a_report(workspace, call):
    assert call("report").exit_code == 0
    call("add", "ada")
    assert "1 contact at" in call("report").stdout
