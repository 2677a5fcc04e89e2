"""``deliver``, ``outbox``, ``doctor`` and ``config`` on the command line."""

import datetime as dt
import functools
import json
import os
import signal
import sys
import threading

import pytest
from attrs import evolve

from funnelflow.cli.deliver import _still_waits
from funnelflow.errors import StoreError
from funnelflow.notify import Delivered, Deliverer, Pace
from funnelflow.storage.messages import Backlog
from funnelflow.storage.outbox import Outbox
from funnelflow.workspace.workspace import Workspace

from ..funnels import T0

LOG = '[[notify]]\nchannel = "log"\n[notify.settings]\npath = "messages.jsonl"\n'
BROKEN = '[[notify]]\nchannel = "log"\n[notify.settings]\npath = "nowhere/messages.jsonl"\n'


@pytest.fixture
def call(command_line):
    """Run a command line in a workspace with these endpoints."""
    return command_line(LOG)


def test_deliver_sends_and_says_how_many(call, tmp_path):
    done = call("deliver")
    assert (done.exit_code, done.stdout) == (0, "log  1 delivered\n")
    assert json.loads((tmp_path / "messages.jsonl").read_text())["subject"] == "ada"


def test_deliver_exits_1_when_something_did_not_arrive(call):
    done = call("deliver", toml=BROKEN)
    assert done.exit_code == 1
    assert "1 attempt to be repeated" in done.stdout
    assert "No such file or directory" in done.stderr


def test_deliver_answers_as_json(call):
    (answer,) = json.loads(call("deliver", "--json").stdout)
    assert (answer["endpoint"], answer["delivered"], answer["waiting"]) == ("log", 1, 0)


def test_a_dry_run_says_what_is_due_and_sends_nothing(call, tmp_path):
    done = call("deliver", "--dry-run")
    assert "log: 1 message due" in done.stdout
    assert not (tmp_path / "messages.jsonl").exists()
    assert json.loads(call("deliver", "--dry-run", "--json").stdout) == {"log": 1}


def test_deliver_without_anybody_to_tell_says_so(call):
    done = call("deliver", toml="")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "has no [[notify]]" in done.stderr


def test_an_endpoint_can_be_chosen_by_name_and_a_wrong_one_is_reported(call):
    assert call("deliver", "--to", "log").exit_code == 0
    done = call("deliver", "--to", "lgo")
    assert (done.exit_code, "did you mean 'log'" in done.stderr) == (2, True)


def test_a_channel_that_is_not_in_order_is_reported_and_no_other_suffers(call):
    done = call("deliver", toml='[[notify]]\nchannel = "nosuch"\n' + LOG)
    assert (done.exit_code, done.stdout) == (2, "log  1 delivered\n")
    assert done.stderr.count("the endpoint 'nosuch' cannot be used") == 1


def test_the_outbox_lists_what_waits_and_what_became_of_it(call):
    title, row = call("outbox", "list").stdout.splitlines()
    assert title.split() == ["number", "endpoint", "contact", "moved", "state", "since", "then"]
    assert row.split() == ["1", "log", "ada", "new", "→", "talking", "waiting"]
    call("deliver")
    assert "delivered" in call("outbox", "list", "--state", "delivered").stdout
    done = call("outbox", "list", "--state", "dead")
    assert (done.stdout, done.stderr) == ("", "no messages\n")


def test_the_outbox_shows_one_message(call):
    shown = call("outbox", "show", "1").stdout
    assert '"before": "new"' in shown
    data = json.loads(call("outbox", "show", "1", "--json").stdout)
    assert (data["state"], data["data"]["after"]) == ("waiting", "talking")


def test_a_message_that_is_not_there_is_reported(call):
    done = call("outbox", "show", "7")
    assert (done.exit_code, "there is no message '7'" in done.stderr) == (2, True)
    assert call("outbox", "retry", "7").exit_code == 2


def test_a_message_is_discarded_and_not_before_it_is_asked_for(call):
    assert "1 message discarded" in call("outbox", "discard", "1", "--dry-run").stdout
    assert "waiting" in call("outbox", "list").stdout
    call("outbox", "discard", "1")
    assert "discarded" in call("outbox", "list").stdout
    assert "0 delivered" in call("deliver").stdout


def test_a_message_that_waits_is_tried_again_at_once(call):
    call("deliver", toml=BROKEN)
    assert "0 delivered" in call("deliver").stdout
    assert "1 message will be tried again" in call("outbox", "retry", "--to", "log").stdout
    assert "1 delivered" in call("deliver").stdout


@pytest.mark.parametrize("command", ["retry", "discard"])
def test_whose_messages_are_meant_has_to_be_said(call, command):
    done = call("outbox", command)
    assert (done.exit_code, "numbers, or an endpoint" in done.stderr) == (2, True)


def test_doctor_looks_at_every_endpoint(call):
    good = call("doctor")
    assert (good.exit_code, "endpoint log: by log" in good.stdout) == (0, True)
    bad = call("doctor", toml='[[notify]]\nchannel = "log"\nwhen = "contact.x > 1"\n')
    assert bad.exit_code == 1
    assert "there is no field contact.x" in bad.stdout


def test_doctor_says_when_an_endpoint_is_off(call, tmp_path):
    with Workspace.open(tmp_path) as workspace, workspace.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO endpoints VALUES ('log', '2026-03-01T09:00:00.000000Z', 'gone')"
        )
    done = call("doctor")
    assert "it is turned off: gone" in done.stdout
    assert "log is off since 2026-03-01 09:00: gone" in call("outbox", "list").stderr
    call("outbox", "retry", "--to", "log")
    assert call("doctor").exit_code == 0


def test_doctor_finds_messages_that_wait_for_nobody(call):
    done = call("doctor", toml="")
    assert (done.exit_code, "endpoint log: messages wait for it" in done.stdout) == (1, True)
    call("outbox", "discard", "--to", "log")
    assert call("doctor", toml="").exit_code == 0


def test_config_says_who_is_notified_and_no_settings(call):
    shown = call("config", "show", toml=LOG + 'token = "t0ken"\n').stdout
    assert "log  by log  every transition" in shown
    assert "t0ken" not in shown
    data = json.loads(call("config", "show", "--json").stdout)
    assert data["notify"] == [
        {"name": "log", "channel": "log", "when": "", "funnels": [], "fields": []}
    ]


def test_watching_says_once_that_the_database_is_away_and_once_that_it_is_back(call, monkeypatch):
    answers = iter([StoreError("the database is away"), StoreError("still away")])

    def claim(*_args, **_kwargs):
        error = next(answers, None)
        if error is not None:
            raise error
        os.kill(os.getpid(), signal.SIGTERM)
        return []

    monkeypatch.setattr(Outbox, "claim", claim)
    monkeypatch.setattr("funnelflow.notify.endpoint_worker.pause_after", lambda _: 0.01)
    done = call("deliver", "--watch")
    assert done.exit_code == 0
    assert done.stderr == (
        "the database is away; waiting until it can be used again\nthe database can be used again\n"
    )


def test_delivering_once_fails_where_the_database_is_away(call, monkeypatch):
    def claim(*_args, **_kwargs):
        raise StoreError("the database is away", hint="bring it back")

    monkeypatch.setattr(Outbox, "claim", claim)
    done = call("deliver")
    assert (done.exit_code, done.stderr.splitlines()[0]) == (2, "error: the database is away")


def test_old_messages_are_removed_and_not_before_it_is_asked_for(call):
    call("deliver")
    call("add", "bob")
    call("record", "bob", "asked")
    done = call("outbox", "prune", "--older-than", "0s", "--dry-run")
    assert (done.stdout, done.stderr) == ("1 message removed\n", "dry run: nothing was removed\n")
    assert call("outbox", "prune", "--older-than", "30d").stdout == "0 messages removed\n"
    done = call("outbox", "prune", "--older-than", "0s", "--json")
    assert json.loads(done.stdout) == {"messages": 1, "dry_run": False}
    assert "bob" in call("outbox", "list").stdout


@pytest.mark.parametrize("age", ["old", "-3d", "30"])
def test_an_age_that_is_none_is_reported(call, age):
    done = call("outbox", "prune", "--older-than", age)
    assert (done.exit_code, "--older-than" in done.stderr, "30d" in done.stderr) == (2, True, True)


def test_an_age_has_to_be_said(call):
    assert call("outbox", "prune").exit_code == 2


HANGS = '''\
"""A notifier that does not come back for one contact, and prints for the others."""
import pathlib, time
from funnelflow.plugins import NotifierProvider, hookimpl

def send(message, settings):
    while message.subject == "ada" and not pathlib.Path("gate").exists():
        time.sleep(0.05)
    print("sent", message.subject)

@hookimpl
def funnelflow_notifiers():
    return [NotifierProvider("hangs", send, None, "Hangs.")]
'''
TWO = '[[notify]]\nchannel = "hangs"\n[[notify]]\nchannel = "log"\n[notify.settings]\npath = "t"\n'


@pytest.fixture
def hanging(call, tmp_path, monkeypatch):
    """Messages that a notifier of a plugin does not come back from, given up soon."""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "hangs.py").write_text(HANGS)
    call("add", "bob", toml=TWO)
    call("record", "bob", "asked", toml=TWO)
    call("add", "eve", toml=TWO)
    call("record", "eve", "asked", toml=TWO)
    with Workspace.open(tmp_path) as workspace, workspace.engine.begin() as connection:
        columns = "message, contact_id, contact, sequence, place, source, at, data, state, "
        columns += "attempts, due_at, leased_until, worker, problem, created_at, settled_at"
        connection.exec_driver_sql(
            f"INSERT INTO outbox (endpoint, {columns}) "
            f"SELECT 'hangs', {columns} FROM outbox WHERE contact_id = 'ada'"
        )
    pace = functools.partial(Pace, limit=dt.timedelta(seconds=0.3))
    monkeypatch.setattr("funnelflow.cli.deliver.Pace", pace)
    monkeypatch.setattr(sys, "stdout", sys.stdout)  # what it is again afterwards
    before = set(threading.enumerate())
    yield call
    (tmp_path / "gate").touch()
    for thread in set(threading.enumerate()) - before:
        thread.join(20)


def test_the_answer_is_on_stdout_also_when_a_plugin_never_comes_back(hanging):
    done = hanging("deliver", "--json", toml=TWO)
    waiting = {answer["endpoint"]: answer["waiting"] for answer in json.loads(done.stdout)}
    assert waiting == {"hangs": 1, "log": 0}


def test_what_is_said_while_a_plugin_runs_is_on_stdout_and_what_it_prints_is_not(
    hanging, monkeypatch
):
    run = Deliverer.run
    monkeypatch.setattr(Deliverer, "run", lambda self, **_: run(self, watch=False))
    done = hanging("deliver", "--watch", toml=TWO)
    waiting = [line.split()[1:4] for line in done.stdout.splitlines() if line[0].isdigit()]
    assert sorted(waiting)[:3] == [
        ["hangs", "ada", "will"],
        ["hangs", "bob", "delivered"],
        ["hangs", "eve", "delivered"],
    ]
    assert "sent bob" in done.stderr
    assert "sent" not in done.stdout


def test_watching_ends_well_when_all_that_was_tried_again_has_arrived():
    behind = Backlog("log", 1, T0, T0, attempts=0, problem="")
    tried = evolve(behind, attempts=2)
    done = Delivered("log", delivered=3, waiting=2)
    assert not _still_waits(done, {})
    assert not _still_waits(done, {"log": behind})  # came in after the last attempt
    assert _still_waits(done, {"log": tried})
    assert not _still_waits(Delivered("log", delivered=3), {"log": tried})
