"""``funnelflow erase``: it says what would go, asks, and searches for what is left."""

import json

import pytest

from .support import run_in_terminal

GONE = """\
ada {}
  3 rows of evidence emptied
  3 decisions
  1 position
"""


def test_a_dry_run_says_how_many_rows_of_which_tables(ada, call):
    done = call("erase", "ada", "--dry-run")
    assert (done.exit_code, done.stdout) == (0, GONE.format("would be erased"))
    assert done.stderr == "dry run: nothing was erased\n"
    assert call("why", "ada").exit_code == 0


def test_it_is_done_unasked_with_yes_and_verify_counts_it(ada, call):
    done = call("erase", "ada", "--yes")
    assert (done.exit_code, done.stdout) == (0, GONE.format("was erased"))
    assert "backups" in done.stderr
    assert call("verify").stdout == (
        "✓ 0 contacts and 3 rows of history: everything agrees\n"
        "✓ 1 contact erased, of which empty rows are left\n"
    )
    assert json.loads(call("verify", "--json").stdout)["erased"] == 1
    again = call("erase", "ada", "--yes")
    assert (again.exit_code, "already" in again.stdout) == (0, True)


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_where_nobody_can_be_asked_nothing_is_erased(ada, call, more):
    done = call("erase", "ada", *more)
    assert done.exit_code == 2
    assert "--yes does it" in done.stderr
    assert call("why", "ada").exit_code == 0


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 2)])
def test_on_a_terminal_somebody_is_asked(ada, workspace, answer, code):
    done, shown = run_in_terminal("erase", "ada", given=answer)
    assert done == code
    assert "Erase it for good?" in shown


def test_whoever_was_erased_is_refused_until_they_are_readmitted(ada, call):
    call("erase", "ada", "--yes")
    for command in (("add", "ada"), ("record", "ada", "form_submitted"), ("history", "ada")):
        done = call(*command)
        assert done.exit_code == 1
        assert "'ada' was erased on " in done.stderr
        assert "--readmit" in done.stderr
    assert call("add", "ada", "--readmit").exit_code == 0


def test_a_file_counts_them(ada, call, workspace):
    call("erase", "ada", "--yes")
    (workspace / "c.csv").write_text("contact,budget\nada,5\nbob,6\n")
    done = call("import", "c.csv")
    assert done.exit_code == 0
    assert "erased contacts  1" in " ".join(done.stdout.split(" ")).replace("   ", " ")
    assert "contacts added" in done.stdout
    assert call("import", "c.csv", "--readmit").exit_code == 0
    assert call("why", "ada").exit_code == 0


def test_values_that_are_left_are_named_with_their_place(ada, call):
    call("add", "lovelace-1815")
    found = call("erase", "--check", "lovelace-1815", "grace-1906", "--json")
    assert found.exit_code == 1
    places = json.loads(found.stdout)
    assert {place["value"] for place in places} == {"lovelace-1815"}
    assert {place["where"].rpartition("/")[2] for place in places} >= {
        "table contacts",
        "funnelflow.db",
    }
    call("erase", "lovelace-1815", "--yes")
    assert call("erase", "--check", "lovelace-1815").stdout == "✓ none of that is stored here\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name one contact"),
        (("ada", "bob"), "name one contact"),
        (("--check",), "name the values"),
        (("nobody", "--yes"), "there is no contact 'nobody'"),
    ],
)
def test_what_cannot_be_meant_is_refused(ada, call, arguments, said):
    done = call("erase", *arguments)
    assert (done.exit_code, said in done.stderr) == (2, True)
