"""From an exception to what a person reads."""

import click
import pytest

from funnelflow.cli.failures import BUG, INTERRUPTED, USAGE, describe
from funnelflow.errors import ConflictError, RefusedError, UnknownNameError


def test_our_errors_say_what_they_say():
    failure = describe(UnknownNameError("stage", "prospct", ["prospect"]))
    assert failure.message == "there is no stage 'prospct'"
    assert failure.hint == "did you mean 'prospect'?"
    assert failure.exit_code == 2


def test_no_is_exit_code_one():
    assert describe(RefusedError("no")).exit_code == 1
    assert describe(ConflictError("changed meanwhile")).exit_code == 1


def test_a_system_error_names_its_file():
    failure = describe(FileNotFoundError(2, "No such file or directory", "x.csv"))
    assert (failure.message, failure.exit_code) == ("x.csv: No such file or directory", USAGE)


def test_interrupts_have_a_code_of_their_own():
    assert describe(KeyboardInterrupt()).exit_code == INTERRUPTED
    assert describe(click.Abort()).exit_code == INTERRUPTED


def test_everything_else_is_a_bug_whose_text_is_not_shown():
    failure = describe(ValueError("ada@example.com"))
    assert failure.exit_code == BUG
    assert "ada" not in failure.message


def test_a_usage_error_without_a_context_still_has_a_message():
    assert describe(click.UsageError("Got unexpected extra argument (x).")).message == (
        "got unexpected extra argument (x)"
    )


@pytest.mark.parametrize("command", ["list", "history"])
def test_an_option_that_takes_a_number_says_so(workspace, call, command):
    done = call(command, "--limit", "x")
    assert "'x' is not a whole number" in done.stderr


def test_a_funnel_that_is_not_in_use_is_reported_with_those_that_are(workspace, call):
    done = call("list", "--funnel", "dialogue")
    assert "there is no funnel 'dialogue' in use" in done.stderr
    assert "hint: known funnels in use: standard" in done.stderr


@pytest.mark.parametrize("command", ["history", "why"])
def test_nobody_by_an_id_names_those_who_are_known_before_adding(workspace, call, command):
    for name in ("p1", "p2", "zed"):
        call("add", name)
    lines = call(command, "p99").stderr.splitlines()
    assert lines[1].startswith("hint: known contacts: ")
    assert {"p1", "p2"} <= set(lines[1].removeprefix("hint: known contacts: ").split(", "))
    assert lines[2].strip() == "or: funnelflow add p99"


def test_a_target_that_does_not_exist_is_reported_with_all_that_a_column_can_be(workspace, call):
    (workspace / "e.csv").write_text("bar,contact,event,at\n1,ada,call,2026-03-01T09:00:00Z\n")
    done = call("apply", "e.csv", "--map", "foo=bar")
    assert "a column is one of contact, event, at, actor, facts, to, reason, key" in done.stderr
    assert "budget" in done.stderr
    assert "did you mean 'contact'" in call("apply", "e.csv", "--map", "contct=bar").stderr


def test_a_line_that_is_no_json_is_reported_by_its_character(workspace, call):
    (workspace / "e.jsonl").write_text('{"contact": "ada"}\n{x}\n')
    done = call("apply", "e.jsonl", "--map", "event=event", "--map", "at=at")
    assert "character 2  this is no JSON" in done.stdout
