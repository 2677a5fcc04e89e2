"""``outbox`` names what it cannot do: endpoints that there are not, messages that are settled."""

import datetime as dt
import json

import pytest

from funnelflow.workspace.workspace import Workspace

GOOD = '[[notify]]\nname = "crm"\nchannel = "log"\n[notify.settings]\npath = "messages.jsonl"\n'
BROKEN = GOOD.replace("messages", "nowhere/messages")
COMMANDS = (("list",), ("retry",), ("discard",), ("prune", "--older-than", "30d"))


@pytest.fixture
def call(command_line):
    """Run a command line where one message waits for ``crm``."""
    return command_line(GOOD)


@pytest.mark.parametrize("command", COMMANDS)
def test_an_endpoint_that_there_is_not_is_an_error_with_the_nearest_name(call, command):
    done = call("outbox", *command, "--to", "crmm")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "there is no endpoint 'crmm'" in done.stderr
    assert "did you mean 'crm'?" in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_one_that_was_removed_counts_as_long_as_it_has_messages(call, command):
    assert call("outbox", *command, "--to", "crm", toml="").exit_code == 0
    done = call("outbox", *command, "--to", "other", toml="")
    assert (done.exit_code, "has no [[notify]]" in done.stderr) == (2, True)


@pytest.mark.parametrize("command", ["retry", "discard"])
@pytest.mark.parametrize("state", ["delivered", "discarded"])
def test_why_a_settled_message_is_left_is_said(call, command, state):
    call(*(("deliver",) if state == "delivered" else ("outbox", "discard", "1")))
    done = call("outbox", command, "1")
    assert done.exit_code == 1
    assert f"message 1 is left as it is: it was {state} at 20" in done.stderr
    data = call("outbox", command, "1", "--json")
    answer = json.loads(data.stdout)
    assert (answer["messages"], list(answer["left"]), data.exit_code) == (0, ["1"], 1)


def test_why_a_message_of_another_endpoint_is_left_is_said(call):
    both = GOOD + GOOD.replace("crm", "audit")
    done = call("outbox", "discard", "1", "--to", "audit", toml=both)
    assert (done.exit_code, "it is for crm" in done.stderr) == (1, True)
    assert "waiting" in call("outbox", "list").stdout


def test_a_message_that_a_worker_has_is_left(call, tmp_path):
    until = (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=30)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    with Workspace.open(tmp_path) as workspace, workspace.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE outbox SET leased_until = '{until}'")
    done = call("outbox", "discard", "1")
    assert (done.exit_code, "it is being delivered; free again in" in done.stderr) == (1, True)


def test_when_a_message_is_tried_again_is_said_in_seconds(call):
    call("deliver", toml=BROKEN)
    listed = call("outbox", "list").stdout
    assert "1 attempt, again in " in listed
    assert " seconds: " in listed
