"""An endpoint that cannot be used: it is named, and the others are served, by real receivers."""

import json
import os
import signal

import pytest
from click.testing import CliRunner

from funnelflow.cli.app import app
from funnelflow.workspace.workspace import Workspace

from .support import PIPELINE

POST = '''\
"""A notifier that posts, with a setting that is checked."""
import urllib.request
from attrs import field, frozen
from funnelflow.plugins import NotifierProvider, hookimpl, secret as hidden

@frozen
class Settings:
    url: str = field()
    secret: str = field(default="", metadata=hidden, repr=False)

    @url.validator
    def check(self, _, value):
        if not value.startswith("http"):
            raise ValueError("url is no http address")

def send(message, settings):
    urllib.request.urlopen(settings.url, message.subject.encode(), timeout=5).close()

@hookimpl
def funnelflow_notifiers():
    return [NotifierProvider("post", send, Settings, "Posts.")]
'''
BROKEN = """\
[[notify]]
name = "typo"
channel = "post"
[notify.settings]
url = "example"

[[notify]]
name = "keyless"
channel = "post"
[notify.settings]
url = "https://example.com/hook"
secret = "${NO_SUCH_SECRET}"
"""
GOOD = '[[notify]]\nname = "good"\nchannel = "post"\n[notify.settings]\nurl = "{}"\n'


@pytest.fixture
def call(tmp_path, monkeypatch, funnelflow_receiver):
    """Run a command line where two endpoints cannot be used and a third has a receiver."""
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "post.py").write_text(POST)
    Workspace.create(tmp_path, "pipeline").close()
    monkeypatch.chdir(tmp_path)
    with (tmp_path / "funnelflow.toml").open("a") as file:
        file.write(f"\n{BROKEN}\n{GOOD.format(funnelflow_receiver.url)}")

    def run(*arguments):
        return CliRunner().invoke(app, arguments, prog_name="funnelflow")

    run("add", "ada")
    run("record", "ada", "asked")
    return run


def test_the_good_one_is_served_and_each_other_is_named_once(call, funnelflow_receiver):
    done = call("deliver")
    assert [received.body for received in funnelflow_receiver.requests] == [b"ada"]
    assert (done.exit_code, done.stdout) == (2, "good  1 delivered\n")
    for name, why in (("typo", "url is no http"), ("keyless", "no variable of that name")):
        assert done.stderr.count(f"the endpoint {name!r} cannot be used: ") == 1
        assert why in done.stderr
    assert "secret names ${NO_SUCH_SECRET}, and the environment" in done.stderr
    assert "hint: export NO_SUCH_SECRET=…" in done.stderr


def test_as_json_each_is_an_error_of_its_own_and_the_answer_is_one_document(call):
    done = call("deliver", "--json")
    assert [answer["endpoint"] for answer in json.loads(done.stdout)] == ["good"]
    errors = [json.loads(line)["error"] for line in done.stderr.splitlines()]
    assert [error["endpoint"] for error in errors] == ["typo", "keyless"]
    assert done.exit_code == 2


def test_a_dry_run_names_them_too(call):
    done = call("deliver", "--dry-run")
    assert (done.exit_code, done.stdout) == (2, "good: 1 message due\n")
    assert "the endpoint 'typo' cannot be used" in done.stderr


def test_one_that_is_asked_for_alone_is_served_without_a_word_of_the_others(call):
    done = call("deliver", "--to", "good")
    assert (done.exit_code, done.stderr) == (0, "")
    alone = call("deliver", "--to", "typo")
    assert (alone.exit_code, alone.stdout) == (2, "")
    assert alone.stderr.endswith("nothing was sent\n")


def test_watching_goes_on_with_the_good_one(call, funnelflow_receiver, monkeypatch):
    def tell(_delivery):
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("funnelflow.cli.deliver._show", tell)
    done = call("deliver", "--watch")
    assert len(funnelflow_receiver.requests) == 1
    assert done.stderr.count("cannot be used") == 2
    assert done.exit_code == 2
