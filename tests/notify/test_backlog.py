"""What waits is said: by ``deliver``, as JSON, and by ``doctor`` when it has failed often."""

import datetime as dt
import json

import pytest
from click.testing import CliRunner

from funnelflow.cli.app import app
from funnelflow.cli.deliver import next_words
from funnelflow.plugins import DeliveryError
from funnelflow.storage.messages import backlogs
from funnelflow.workspace.workspace import Workspace

from .support import PIPELINE, deliver

NOW = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)
BROKEN = '[[notify]]\nchannel = "log"\n[notify.settings]\npath = "nowhere/messages.jsonl"\n'


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Run a command line where one contact has two messages that cannot be delivered."""
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    Workspace.create(tmp_path, "pipeline").close()
    monkeypatch.chdir(tmp_path)
    with (tmp_path / "funnelflow.toml").open("a") as settings:
        settings.write(f"\n{BROKEN}")

    def run(*arguments):
        return CliRunner().invoke(app, arguments, prog_name="funnelflow")

    run("add", "ada")
    run("record", "ada", "asked")
    run("record", "ada", "reset")
    run("deliver")
    return run


def make_due(tmp_path):
    with Workspace.open(tmp_path) as workspace, workspace.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE outbox SET due_at = created_at")


def test_a_delivery_says_how_many_wait_and_until_when(call):
    done = call("deliver")
    assert done.exit_code == 0
    assert done.stdout.startswith("log  0 delivered, 2 messages wait, next attempt in ")
    assert done.stdout.endswith(" seconds\n")
    assert "0 messages due; 2 messages wait, next attempt in" in call("deliver", "--dry-run").stdout


def test_a_program_gets_the_same(call):
    (answer,) = json.loads(call("deliver", "--json").stdout)
    assert (answer["waiting"], answer["failed"], answer["delivered"]) == (2, 0, 0)
    assert dt.datetime.fromisoformat(answer["next_at"]) > dt.datetime.now(dt.UTC)
    assert dt.datetime.fromisoformat(answer["waiting_since"]) < dt.datetime.now(dt.UTC)


def test_doctor_names_what_has_failed_twice_and_not_what_has_failed_once(call, tmp_path):
    assert "endpoint log: by log" in call("doctor").stdout
    make_due(tmp_path)
    call("deliver")
    done = call("doctor")
    said = " ".join(done.stdout.split())
    assert done.exit_code == 1
    assert "endpoint log: 2 messages wait, the oldest since 20" in said
    assert "after 2 attempts" in said
    assert "No such file or directory" in said
    assert "hint: funnelflow outbox list --to log --state waiting" in said


def test_a_message_behind_another_does_not_make_the_next_attempt_earlier(workspace, recorder):
    recorder.fault = DeliveryError("no luck", retry_after=60)
    workspace.add("ada")
    workspace.record("ada", "asked")
    workspace.record("ada", "reset")
    deliver(workspace)
    found = backlogs(workspace.engine)["recorder"]
    assert (found.waiting, found.attempts, found.problem) == (2, 1, "no luck")
    assert found.since == workspace.clock()
    assert found.next_at == workspace.clock() + dt.timedelta(seconds=60)


def test_nothing_waits_where_all_was_delivered(workspace):
    workspace.add("ada")
    workspace.record("ada", "asked")
    assert backlogs(workspace.engine)["recorder"].problem == ""
    deliver(workspace)
    assert backlogs(workspace.engine) == {}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "now"),
        (0, "now"),
        (0.2, "in 1 second"),
        (12, "in 12 seconds"),
        (119, "in 1 minute 59 seconds"),
        (301, "in 6 minutes"),
        (7_500, "in 2 hours 5 minutes"),
    ],
)
def test_when_something_comes_is_said_in_seconds_and_later_in_minutes(seconds, words):
    assert next_words(NOW + dt.timedelta(seconds=seconds), NOW) == words
