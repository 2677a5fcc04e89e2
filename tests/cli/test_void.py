"""Taking back on the command line: rows of a contact, and runs."""

import json

import pytest

from .support import run_in_terminal

WHY = ("--reason", "typed twice")


@pytest.fixture
def applied(ada, call, workspace):
    (workspace / "events.csv").write_text(
        "contact,event,at\nbob,add,2026-03-01T09:00:00Z\nada,form_submitted,2026-03-04T09:00:00Z\n"
    )
    assert call("apply", "events.csv").exit_code == 0


def test_a_row_is_taken_back_and_the_answer_says_what_that_changed(ada, call):
    done = call("void", "ada", "2", *WHY)
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == "ada moved: lead.inquiry → target"
    assert "target since 2026-03-01 09:00 instead of lead.inquiry" in done.stdout
    rows = [" ".join(row.split()) for row in call("history", "ada").stdout.splitlines()]
    assert rows[2] == (
        "2026-03-01 09:30 2 form_submitted root target → lead.inquiry voided by row 4, was moved"
    )
    assert "4 void 2: typed twice root lead.inquiry → target moved" in rows[-1]


def test_a_row_that_changes_no_stage_is_taken_back(ada, call):
    done = call("void", "ada", "3", *WHY)
    assert done.stdout.splitlines()[0] == "ada stays lead.inquiry: row 3 taken back"


def test_everything_of_a_contact_is_taken_back(ada, call):
    done = call("void", "ada", "1", "2", "3", *WHY)
    assert done.stdout.startswith("ada is nowhere: nothing that is known of it counts any more")
    assert "lead.inquiry → nowhere" in call("history", "ada").stdout
    assert "taken back: funnelflow history ada" in call("why", "ada").stderr


def test_a_dry_run_takes_nothing_back(ada, call):
    tried = call("void", "ada", "2", *WHY, "--dry-run")
    assert "dry run: nothing was stored" in tried.stderr
    assert "void" not in call("history", "ada").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["void", "ada", "2"], 2, "what is taken back needs a reason"),
        (["void", "ada", *WHY], 2, "no row is named that is to be taken back"),
        (["void", "ada", "9", *WHY], 2, "ada has no row 9: its history has 3"),
        (["undo", "9", *WHY, "--yes"], 2, "there is no run '9'"),
        (["delete", "ada"], 2, "nothing is deleted: `funnelflow void --help`"),
        (["remove"], 2, "`funnelflow undo --help`"),
    ],
)
def test_what_cannot_be_taken_back_is_said(ada, call, arguments, code, said):
    done = call(*arguments)
    assert (done.exit_code, said in done.stderr) == (code, True), done.stderr


def test_runs_are_listed_and_undone(applied, call):
    head, row = call("runs").stdout.splitlines()
    assert head.split() == ["run", "kind", "when", "who", "what", "came", "of", "it", "file"]
    assert row.split()[:2] == ["1", "apply"]
    assert "2 rows, 1 created" in row
    tried = call("undo", "1", *WHY, "--dry-run")
    assert tried.stdout.splitlines()[0] == "run 1: 2 rows of 2 contacts would be taken back"
    assert "1  target → nowhere" in tried.stdout
    asked = call("undo", "1", *WHY)
    assert (asked.exit_code, "--yes does it" in asked.stderr) == (2, True)
    done = call("undo", "1", *WHY, "--yes", "--json")
    said = json.loads(done.stdout)
    assert (said["run"], said["by"], said["contacts"], said["rows"]) == (1, 2, 2, 2)
    again = call("undo", "1", *WHY, "--yes")
    assert (again.exit_code, "funnelflow undo 2" in again.stderr) == (1, True)
    first, second = json.loads(call("runs", "--json").stdout)
    assert (first["kind"], first["undoes"], second["undone"]) == ("undo", 1, True)
    assert "undone by run 2" in call("runs").stdout
    assert [row["contact"] for row in json.loads(call("list", "--json").stdout)] == ["ada"]


def test_no_runs_are_said_on_stderr(ada, call):
    done = call("runs")
    assert (done.stdout, done.stderr) == ("", "no run has brought anything yet\n")


@pytest.mark.parametrize(("answer", "left"), [("y", ["ada"]), ("n", ["ada", "bob"])])
def test_whoever_can_be_asked_is_shown_who_would_stand_where(
    applied, call, monkeypatch, answer, left
):
    monkeypatch.setattr("funnelflow.cli.void.agreed", lambda _: answer == "y")
    done = call("undo", "1", *WHY)
    assert "1  target → nowhere" in done.stderr
    assert done.exit_code == (answer != "y")
    assert [row["contact"] for row in json.loads(call("list", "--json").stdout)] == left


def test_runs_that_do_not_fit_a_terminal_leave_columns_out_and_say_so(applied, workspace):
    env = {"COLUMNS": "60", "NO_COLOR": "1"}
    code, shown = run_in_terminal("runs", cwd=workspace, env=env)
    lines = shown.splitlines()
    assert (code, lines[0]) == (0, "too wide to show here: file; --json has it")
    assert all(len(line) <= 60 for line in lines)
    assert "2 rows, 1 created" in " ".join(shown.split())
