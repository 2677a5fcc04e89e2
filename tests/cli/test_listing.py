"""Contacts as a table, as CSV for spreadsheets, as JSON."""

import csv
import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import funnelflow
from funnelflow.cli.listing import csv_cell
from funnelflow.storage.json_form import neutral, unguarded

from .support import run, run_in_terminal


@pytest.fixture
def people(ada, call):
    call("add", "bob", "need=@SUM(A1:A9)", "--at", "2026-03-04T09:00:00Z")
    call("add", "eve", "budget=-5", "--funnel", "dialogue", "--at", "2026-03-04T09:00:00Z")


def names(done):
    return [contact["contact"] for contact in json.loads(done.stdout)]


def test_a_table_names_contact_stage_and_funnel(people, call):
    rows = [" ".join(row.split()) for row in call("list").stdout.splitlines()]
    assert rows == [
        "contact stage since funnel",
        "ada lead.recycled 2026-05-30 09:30 standard",
        "bob target 2026-03-04 09:00 standard",
        "eve target 2026-03-04 09:00 dialogue",
    ]


def test_an_expression_filters_and_unknown_fits_nothing(people, call):
    assert names(call("list", "--where", "contact.budget > 0.0", "--json")) == ["ada"]


def test_a_filter_with_errors_shows_all_of_them_with_carets(people, call):
    done = call("list", "--where", "contact.bugdet > 0.0 && contact.nead == 1")
    assert done.exit_code == 2
    assert done.stderr.splitlines()[1:3] == [
        "  contact.bugdet > 0.0 && contact.nead == 1",
        "          ^^^^^^",
    ]
    assert "did you mean contact.budget?" in done.stderr
    assert "did you mean contact.need?" in done.stderr


def test_the_errors_of_a_filter_are_data_too(people, call):
    error = json.loads(call("list", "--where", "contact.bugdet > 0.0", "--json").stderr)["error"]
    assert error["problems"][0]["start"] == 8


def test_a_stage_stands_for_those_nested_in_it(people, call):
    assert names(call("list", "--stage", "lead", "--json")) == ["ada"]


def test_a_funnel_filters(people, call):
    assert names(call("list", "--funnel", "dialogue", "--json")) == ["eve"]


def test_a_limit_limits(people, call):
    assert names(call("list", "--limit", "2", "--json")) == ["ada", "bob"]


def test_nobody_as_json_is_an_empty_list(workspace, call):
    call("add", "ada")
    assert names(call("list", "--stage", "customer", "--json")) == []


def test_csv_has_a_column_for_every_field(people, call):
    rows = list(csv.DictReader(io.StringIO(call("list", "--csv").stdout)))
    assert [row["contact"] for row in rows] == ["ada", "bob", "eve"]
    assert (rows[0]["budget"], rows[0]["authority"]) == ("3000", "")
    assert rows[0]["since"] == "2026-05-30T09:30:00.000000Z"


def test_formulas_in_text_are_neutralised_and_negative_numbers_are_not(people, call):
    rows = list(csv.DictReader(io.StringIO(call("list", "--csv").stdout)))
    assert rows[1]["need"] == "'@SUM(A1:A9)"
    assert rows[2]["budget"] == "-5"


@given(st.text())
def test_no_cell_of_text_begins_like_a_formula(text: str):
    assert not neutral(text).startswith(tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"))


@given(st.text(st.characters(codec="utf-8")))
def test_text_that_is_no_formula_is_left_as_it_is(text: str):
    assert neutral("x" + text) == "x" + text


def test_values_are_written_as_they_are_read():
    values = (None, True, False, 5000.0, -1.5, -7)
    assert [csv_cell(v) for v in values] == ["", "true", "false", "5000", "-1.5", "-7"]


def test_lists_are_joined_with_commas():
    assert csv_cell(("a", "b")) == "a,b"


def test_names_that_the_output_cannot_carry_are_written_as_escapes(workspace, call):
    call("add", "日本")
    done = run("list", "--csv", cwd=workspace, env={"PYTHONIOENCODING": "latin-1"})
    assert done.code == 0
    assert "\n\\u65e5\\u672c," in done.out


def test_csv_and_json_exclude_each_other(workspace, call):
    done = call("list", "--csv", "--json")
    assert done.exit_code == 2
    assert "--csv and --json exclude each other" in done.stderr


VIEW = """
[views.rich]
where = "contact.budget > 0.0"
fields = ["budget", "since"]
sort = "-budget"
limit = 1
"""


@pytest.fixture
def view(people, workspace, call):
    call("add", "zoe", "budget=9000", "--at", "2026-03-04T09:00:00Z")
    with (workspace / "funnelflow.toml").open("a") as settings:
        settings.write(VIEW)


def words(done):
    return [" ".join(row.split()) for row in done.stdout.splitlines()]


def test_fields_are_the_columns(people, call):
    done = call("list", "--fields", "budget,stage_since", "--sort", "-budget", "--limit", "2")
    assert words(done) == [
        "contact budget since",
        "ada 3,000 2026-05-30 09:30",
        "eve -5 2026-03-04 09:00",
    ]
    assert done.stderr == "2 of 3 contacts\n"


def test_a_saved_view_lists_what_it_says(view, call):
    done = call("list", "@rich")
    assert words(done) == ["contact budget since", "zoe 9,000 2026-03-04 09:00"]
    assert done.stderr == "1 of 2 contacts\n"
    assert names(
        call("list", "@rich", "--limit", "9", "--where", "contact.budget < 5e3", "--json")
    ) == ["ada"]


def test_a_saved_view_is_a_filter_of_python_too(view, workspace):
    with funnelflow.open(workspace) as opened:
        assert [one.id for one in opened.list("@rich", limit=5)] == ["zoe", "ada"]
        assert opened.count("@rich") == 1


def test_a_view_that_is_not_there_is_named(view, call):
    done = call("list", "@ritch")
    assert done.exit_code == 2
    assert "did you mean 'rich'?" in done.stderr


def test_a_view_says_nothing_else(view, workspace, call):
    with (workspace / "funnelflow.toml").open("a") as settings:
        settings.write("colour = 'red'\n")
    done = call("list", "@rich")
    assert (done.exit_code, "there is no setting 'colour'" in done.stderr) == (2, True)


def test_nobody_is_said(people, call):
    assert call("list", "--stage", "customer").stderr == "no contact fits\n"


def test_a_field_without_a_meaning_is_an_error(people, call):
    done = call("list", "--fields", "bugdet")
    assert done.exit_code == 2
    assert "did you mean 'budget'?" in done.stderr


def test_columns_that_do_not_fit_are_left_out_and_named(people, workspace):
    fields = "email,budget,authority,need,stage,since"
    env = {"COLUMNS": "40", "NO_COLOR": "1"}
    code, shown = run_in_terminal(
        "list", "--fields", fields, "--limit", "1", cwd=workspace, env=env
    )
    assert code == 0
    assert all(len(line) <= 40 for line in shown.splitlines()[:2])
    assert "ada@example.com" in shown
    assert "too wide to show here: " in shown
    assert "since; --csv has every column" in " ".join(shown.split())


def test_times_are_those_of_the_workspace(people, workspace, call):
    settings = workspace / "funnelflow.toml"
    settings.write_text(settings.read_text().replace('timezone = ""', 'timezone = "Europe/Paris"'))
    assert "2026-05-30 11:30" in call("list").stdout
    assert "2026-03-01 10:30" in call("history", "ada").stdout
    assert "since 2026-05-30 11:30" in call("why", "ada").stdout
    assert "2026-05-30T09:30:00" in call("list", "--csv").stdout


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("x;=1+1;y", "x;'=1+1;y"),
        ("a\t@SUM(A1)", "a\t'@SUM(A1)"),
        ("a|-1|+2", "a|'-1|'+2"),
        ("x;'=1", "x;''=1"),
        ("a; =1", "a; =1"),
        ("no;formula", "no;formula"),
    ],
)
def test_a_cell_is_no_formula_however_cells_are_separated(text, safe):
    assert neutral(text) == safe
    assert unguarded(safe) == text


@given(st.text(st.sampled_from("=+-@'x;\t| ")))
def test_what_is_guarded_is_read_back(text: str):
    assert unguarded(neutral(text)) == text
    assert not re.search(r"[;\t|][=+\-@]", neutral(text))
