"""From an exception to what a person is told."""

import click

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
