"""A canary: a secret of the environment is nowhere but on the wire."""

import os

import pytest

from funnelflow.workspace.workspace import Workspace

from .support import PIPELINE

CANARY = "c4n4ry-0123456789abcdef"
IN_PATH = "p4th-fedcba9876543210"
NOTIFIER = '''\
"""A notifier that says its secrets in every way it can."""
import logging, sys
from attrs import field, frozen
from funnelflow.plugins import DeliveryError, NotifierProvider, hookimpl, secret

@frozen
class Settings:
    url: str
    token: str = field(default="", metadata=secret, repr=False)
    literal: str = field(default="", metadata=secret, repr=False)
    number: int = field(default=0, metadata=secret, repr=False)

def send(message, settings):
    if message.subject == "ada":
        raise DeliveryError(f"no luck with {settings.token} at {settings.url}")
    raise ValueError(settings.token, settings.url)

@hookimpl
def funnelflow_notifiers():
    return [NotifierProvider("leaky", send, Settings, "Leaks.")]
'''
TOML = """\
[[notify]]
channel = "leaky"
[notify.settings]
url = "https://example.com/${HOOK_PATH}"
token = "${HOOK_TOKEN}"
literal = "l1t3r4l-0123456789"
"""


@pytest.fixture
def directory(tmp_path):
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "leaky.py").write_text(NOTIFIER)
    with Workspace.create(tmp_path, "pipeline"):
        pass
    with (tmp_path / "funnelflow.toml").open("a") as settings:
        settings.write(TOML)
    return tmp_path


@pytest.fixture
def run(directory, run_forked):
    """Return what runs a command and gives everything that it says."""

    def say(*arguments):
        secrets = {"HOOK_TOKEN": CANARY, "HOOK_PATH": IN_PATH}
        return run_forked(arguments, directory, {**os.environ, **secrets})

    return say


def test_no_command_says_a_secret_and_no_file_holds_one(directory, run):
    said = [
        run(*arguments)
        for arguments in (
            ("add", "ada"),
            ("record", "ada", "asked"),
            ("add", "bob"),
            ("record", "bob", "asked", "--debug"),
            ("doctor",),
            ("doctor", "--json"),
            ("check",),
            ("check", "--json"),
            ("config", "show"),
            ("config", "show", "--json"),
            ("plugins", "show", "leaky"),
            ("deliver", "--dry-run"),
            ("deliver", "--debug"),
            ("deliver", "--json"),
            ("outbox", "list"),
            ("outbox", "show", "1"),
            ("outbox", "show", "2", "--json"),
            ("outbox", "prune", "--older-than", "1d", "--debug"),
            ("history", "ada", "--json"),
        )
    ]
    together = "\n".join(said)
    assert "no luck with *** at https://example.com/***" in together
    assert "ValueError" in together
    for hidden in (CANARY, IN_PATH, "l1t3r4l"):
        assert hidden not in together
    for path in directory.iterdir():
        if path.is_file() and path.name != "funnelflow.toml":
            content = path.read_bytes()
            assert not any(hidden.encode() in content for hidden in (CANARY, IN_PATH)), path


@pytest.mark.parametrize(
    "wrong",
    [
        "token = 3\n",
        'nosuch = "${HOOK_TOKEN}"\n',
        'nosuch = "l1t3r4l-0123456789"  # l1t3r4l\n',
        'literal = "l1t3r4l-9876543210"\n',
        'token = "l1t3r4l\n',
        'number = "l1t3r4l"\n',
    ],
)
def test_a_setting_that_is_wrong_is_reported_without_its_value(directory, run, wrong):
    path = directory / "funnelflow.toml"
    text = path.read_text().replace('token = "${HOOK_TOKEN}"\n', "")
    path.write_text(text + wrong)
    for command in ("deliver", "doctor", "check"):
        said = run(command, "--debug")
        assert "funnelflow.toml:" in said
        assert CANARY not in said
        assert "l1t3r4l" not in said
