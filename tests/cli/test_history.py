"""What happened and was decided, as a table and as data."""

import csv
import io
import json

import pytest

from funnelflow.cli.history import typed

from .support import run, run_in_terminal


@pytest.fixture
def story(ada, call):
    call("move", "ada", "prospect", "--at", "2026-03-03T09:00:00Z", "--actor", "grace")
    call("add", "bob", "--at", "2026-03-04T09:00:00Z", "--actor", "web")


def test_a_story_is_a_readable_table(ada, call):
    call("move", "ada", "prospect", "--at", "2026-03-03T09:00:00Z", "--actor", "grace")
    rows = call("history", "ada").stdout.splitlines()
    assert [" ".join(row.split()) for row in rows] == [
        "time row event facts by stage outcome",
        "2026-03-01 09:00 1 add budget=3000 email=ada@example.com root target stayed",
        "2026-03-01 09:30 2 form_submitted root target → lead.inquiry moved",
        "2026-03-02 10:00 3 set horizon_days=60 root lead.inquiry stayed",
        (
            "2026-03-03 09:00 4 move prospect grace lead.inquiry refused: "
            "Budget is at least 5,000; Talks to the decider"
        ),
    ]


def test_the_story_of_everybody_names_the_contact(story, call):
    assert "  bob  " in call("history").stdout


@pytest.mark.parametrize(
    ("filters", "contacts"),
    [
        (["--outcome", "refused"], ["ada"]),
        (["--event", "add"], ["ada", "bob"]),
        (["--actor", "web"], ["bob"]),
        (["--since", "2026-03-04T00:00:00Z"], ["bob"]),
        (["--until", "2026-03-01T09:30:00Z"], ["ada"]),
    ],
)
def test_rows_are_filtered(story, call, filters, contacts):
    rows = json.loads(call("history", *filters, "--json").stdout)["rows"]
    assert [row["contact"] for row in rows] == contacts


def test_pages_go_on_where_the_last_one_ended(story, call):
    first = call("history", "--limit", "3", "--json")
    after = json.loads(first.stdout)["after"]
    second = json.loads(call("history", "--after", str(after), "--json").stdout)
    assert len(json.loads(first.stdout)["rows"]) == 3
    assert (len(second["rows"]), second["after"]) == (2, None)


def test_a_page_that_is_not_the_last_says_how_to_go_on(story, call):
    assert "--after" in call("history", "--limit", "1").stderr


def test_nothing_found_is_said_on_stderr(story, call):
    done = call("history", "--actor", "nobody")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "nothing in the history fits\n"


def test_a_row_as_json_says_everything(ada, call):
    row = json.loads(call("history", "ada", "--event", "form_submitted", "--json").stdout)["rows"][
        0
    ]
    assert row["path"][0]["from"] == "target"
    assert row["path"][0]["cause"] == "automatic"
    assert len(row["digest"]) == 64


def test_facts_are_written_as_they_are_typed():
    facts = {"budget": 5000.0, "fits_profile": True, "tags": ["a", "b"], "need": None, "x": 1.5}
    assert typed(facts) == "budget=5000 fits_profile=yes tags=a,b need= x=1.5"


def test_a_pipe_that_closes_is_quiet(story, workspace):
    assert run("history", cwd=workspace).code == 0


def test_where_a_table_has_no_room_the_details_stand_below(ada, call, workspace):
    call("move", "ada", "prospect", "--at", "2026-03-03T09:00:00Z", "--actor", "grace")
    environment = {"NO_COLOR": "1", "COLUMNS": "72"}
    _, shown = run_in_terminal("history", "ada", cwd=workspace, env=environment)
    assert shown.splitlines() == [
        "2026-03-01 09:00  1  add             target                 stayed",
        "    by root: budget=3000 email=ada@example.com",
        "2026-03-01 09:30  2  form_submitted  target → lead.inquiry  moved",
        "2026-03-02 10:00  3  set             lead.inquiry           stayed",
        "    by root: horizon_days=60",
        "2026-03-03 09:00  4  move prospect   lead.inquiry           refused",
        "    Budget is at least 5,000; Talks to the decider",
    ]


def test_a_move_that_no_transition_allows_says_so(workspace, call):
    call("add", "bob")
    call("move", "bob", "prospect")
    assert "refused: no transition leads there" in call("history", "bob").stdout


@pytest.mark.parametrize("option", ["--since", "--until"])
def test_a_time_that_is_none_is_named_by_its_option(workspace, call, option):
    done = call("history", option, "tomorrow")
    assert done.exit_code == 2
    assert done.stderr.startswith(f"error: {option}: 'tomorrow' is no time")


def test_the_newest_comes_first_page_by_page(story, call):
    first = json.loads(call("history", "--newest", "--limit", "2", "--json").stdout)
    rest = json.loads(call("history", "--newest", "--after", str(first["after"]), "--json").stdout)
    ids = [row["id"] for row in (*first["rows"], *rest["rows"])]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 5
    told = call("history", "ada", "--newest").stdout.splitlines()
    assert "move prospect" in told[1]


def test_csv_has_every_column_for_a_spreadsheet(story, call):
    rows = list(csv.DictReader(io.StringIO(call("history", "ada", "--csv").stdout)))
    assert rows[0]["facts"] == "budget=3000 email=ada@example.com"
    assert (rows[3]["event"], rows[3]["outcome"], rows[3]["actor"]) == (
        "move prospect", "refused", "grace",
    )  # fmt: skip
    assert rows[3]["why"] == "Budget is at least 5,000; Talks to the decider"
    assert call("history", "--csv", "--json").exit_code == 2


@pytest.mark.parametrize("since", ["1h", "today", "yesterday", "2026-03-05"])
def test_since_takes_words_days_and_how_long_ago(story, call, since):
    call("set", "bob", "budget=1")
    rows = json.loads(call("history", "--since", since, "--json").stdout)["rows"]
    assert [row["event"] for row in rows] == ["set"]


def test_a_day_begins_at_midnight_where_the_workspace_is(story, workspace, call):
    settings = workspace / "funnelflow.toml"
    settings.write_text(settings.read_text().replace('timezone = ""', 'timezone = "Asia/Tokyo"'))
    call("record", "bob", "form_submitted", "--at", "2026-06-09T14:59:00Z")
    call("record", "bob", "form_submitted", "--at", "2026-06-09T15:00:00Z")
    rows = json.loads(call("history", "--since", "2026-06-10", "--json").stdout)["rows"]
    assert [row["at"][11:16] for row in rows] == ["15:00"]


def test_what_is_no_time_is_said_with_those_that_are(story, call):
    done = call("history", "--since", "last week")
    assert done.exit_code == 2
    assert "write --since like 2026-11-25, yesterday, 7d" in done.stderr


def test_a_story_as_it_happened_says_why_and_what_time_did_by_then(ada, call):
    call("move", "ada", "prospect", "--at", "2026-03-03T09:00:00Z", "--actor", "grace")
    call("set", "ada", "budget=9000", "--at", "2026-03-02T00:00:00Z")
    done = call("history", "ada", "--at", "2026-09-01T00:00:00Z")
    *_, move, passed = done.stdout.splitlines()
    assert move.endswith("refused: Talks to the decider")
    assert passed.startswith(
        "by time alone since then: lead.inquiry → lead.recycled, last at 2026-"
    )
    assert "late by" not in done.stdout


def test_what_was_answered_and_what_happened_are_not_asked_for_at_once(ada, call):
    done = call("history", "ada", "--as-known", "--at", "2026-03-03T00:00:00Z")
    assert done.exit_code == 2
    assert call("history", "--at", "2026-03-03T00:00:00Z").exit_code == 2
