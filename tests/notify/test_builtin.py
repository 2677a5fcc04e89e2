"""The notifiers that come with funnelflow."""

import datetime as dt
import json
import sys
import time

import pytest

from funnelflow.notify import BUILT_IN
from funnelflow.notify.builtin_notifiers import CommandSettings, LogSettings
from funnelflow.plugins import DeliveryError
from funnelflow.testing import NotifierContract, example_message


class TestLog(NotifierContract):
    provider = BUILT_IN["log"]

    def working(self, tmp_path, funnelflow_receiver):  # noqa: ARG002  # the contract's
        return {"path": str(tmp_path / "messages.jsonl")}

    def broken(self, tmp_path, funnelflow_receiver):  # noqa: ARG002  # the contract's
        return {"path": str(tmp_path / "nowhere" / "messages.jsonl")}


class TestCommand(NotifierContract):
    provider = BUILT_IN["command"]

    def working(self, tmp_path, funnelflow_receiver):  # noqa: ARG002  # the contract's
        return {"command": ["cat"]}

    def broken(self, tmp_path, funnelflow_receiver):  # noqa: ARG002  # the contract's
        return {"command": ["false"]}


def send(name, settings):
    BUILT_IN[name].send(example_message(), settings)


def test_a_log_has_a_line_for_each_message(tmp_path):
    path = tmp_path / "messages.jsonl"
    send("log", LogSettings(path))
    send("log", LogSettings(path))
    assert path.read_text() == f"{example_message().text()}\n" * 2


def test_a_log_without_a_file_is_stderr(capsys):
    send("log", LogSettings())
    assert json.loads(capsys.readouterr().err)["subject"] == "ada"


def test_a_command_is_given_the_message_and_no_shell(tmp_path):
    program = "import sys; open(sys.argv[1], 'w').write(sys.stdin.read() + sys.argv[2])"
    path = tmp_path / "messages"
    send("command", CommandSettings([sys.executable, "-c", program, str(path), "$HOME; `x`"]))
    assert path.read_text() == f"{example_message().text()}$HOME; `x`"


def test_a_command_says_on_stderr_why_it_failed():
    with pytest.raises(DeliveryError, match=r"^sh exited with 3: no room$"):
        send("command", CommandSettings(["sh", "-c", "echo why; echo no room >&2; exit 3"]))


def test_a_command_that_is_not_there_is_reported():
    with pytest.raises(DeliveryError, match="no-such-program cannot be run"):
        send("command", CommandSettings(["/nowhere/no-such-program"]))


def test_a_command_that_does_not_end_is_ended_with_all_that_it_started():
    slow = CommandSettings(["sh", "-c", "sleep 60 & sleep 60"], dt.timedelta(seconds=0.2))
    began = time.monotonic()
    with pytest.raises(DeliveryError, match=r"did not end within 0\.2 seconds"):
        send("command", slow)
    assert time.monotonic() - began < 5


def test_a_command_that_reads_nothing_is_no_failure():
    send("command", CommandSettings(["true"]))
