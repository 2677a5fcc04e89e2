"""``funnelflow merge`` and ``unmerge``, as a person types them."""

import json

import pytest


@pytest.fixture
def bob(ada, call):
    """Let there be a second record of ada, with another budget."""
    call("set", "ada", "budget=3000")
    call("add", "bob", "budget=9000")


def test_a_merge_says_where_the_one_who_is_left_stands_and_what_was_told_differently(bob, call):
    done = call("merge", "bob", "--into", "ada", "--reason", "the same person", "--yes")
    assert done.exit_code == 0
    head, *table = done.stdout.splitlines()
    assert head.startswith("bob is merged into ada: ")
    assert [" ".join(row.split()) for row in table] == [
        "told differently ada bob together",
        "budget 3,000 9,000 9,000",
    ]
    assert done.stderr == "hint: to take them apart again: funnelflow unmerge bob\n"


def test_a_dry_run_says_the_same_of_what_would_be(bob, call):
    done = call("merge", "bob", "--into", "ada", "--dry-run")
    assert done.stdout.startswith("bob would be merged into ada: ")
    assert done.stderr == "dry run: nothing was stored\n"
    assert call("list").stdout.count("\n") == 3


def test_where_nobody_can_be_asked_nothing_is_stored(bob, call):
    for command in ["merge", "bob", "--into", "ada"], ["unmerge", "bob"]:
        done = call(*command)
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr.endswith(
            "error: nothing was stored, as nobody can be asked\nhint: --yes does it\n"
        )
        call("merge", "bob", "--into", "ada", "--yes")


@pytest.mark.parametrize("answer", ["y", "n"])
def test_a_person_is_asked(bob, call, monkeypatch, answer):
    monkeypatch.setattr("funnelflow.cli.merge.agreed", lambda _: answer == "y")
    done = call("merge", "bob", "--into", "ada")
    assert done.exit_code == (0 if answer == "y" else 1)
    assert "bob would be merged into ada" in done.stderr
    assert ("bob is merged" in done.stdout) is (answer == "y")


def test_every_answer_for_the_other_id_says_whom_it_is_about(bob, call):
    call("merge", "bob", "--into", "ada", "--reason", "the same person", "--yes")
    said = "bob is merged into ada: this is about ada"
    for command in [
        ["why", "bob"],
        ["history", "bob"],
        ["set", "bob", "budget=1"],
        ["translate", "bob", "--to", "dialogue"],
    ]:
        done = call(*command)
        assert (done.exit_code, said in done.stderr) == (0, True), command
    assert said not in call("why", "ada").stderr
    shown = call("history", "ada").stdout
    assert "merge bob: the same person" in shown
    assert "contact" in shown.splitlines()[0].split()


def test_who_is_merged_is_given_back(bob, call):
    call("merge", "bob", "--into", "ada", "--yes")
    done = call("unmerge", "bob", "--yes")
    assert done.stdout.splitlines()[0] == "bob is a contact of its own again: target"
    assert done.stdout.splitlines()[1].startswith("ada: ")
    assert done.stderr == "hint: to merge them again: funnelflow merge bob --into ada\n"


def test_the_answer_as_data(bob, call):
    done = call("merge", "bob", "--into", "ada", "--yes", "--json")
    said = json.loads(done.stdout)
    assert (said["contact"], said["into"], said["stage"]) == ("bob", "ada", "target")
    assert said["conflicts"] == [
        {"field": "budget", "contact": 9000, "into": 3000, "together": 9000}
    ]
    (row,) = json.loads(call("history", "--event", "merge", "--json").stdout)["rows"]
    assert (row["contact"], row["about"]) == ("ada", ["bob"])
    run = json.loads(call("runs", "--json").stdout)[0]
    assert (run["kind"], run["counts"], run["finished"]) == ("merge", {"contacts": 2}, True)


def test_merging_somebody_unknown_names_the_nearest(bob, call):
    done = call("merge", "bop", "--into", "ada", "--yes")
    assert (done.exit_code, "did you mean 'bob'?" in done.stderr) == (2, True)
