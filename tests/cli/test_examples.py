"""Every example in a command's help is a command that works as it stands."""

import gzip
import json
import shlex
import subprocess

import click
import pytest

from funnelflow.cli.app import COMMANDS, app
from funnelflow.cli.options import Command

ELSEWHERE = {"init", "demo"}
"""Commands whose examples are typed where there is no workspace yet."""

NO = {"funnelflow move ada prospect", "funnelflow move ada prospect --dry-run"}
"""Examples whose answer is no."""

FILES = {
    "events.csv": "contact,event,at\nbob,form_submitted,2026-03-01T09:00:00Z\n",
    "export.csv": "entity_id,event,Event time\nbob,form_submitted,2026-03-01 09:00\n",
    "contacts.csv": "Id,E-mail\nbob,bob@example.com\n",
    "hubspot.csv": "Record ID,Email\n7,eve@example.com\n",
    "planned.csv": "contact,event,at\nbob,form_submitted,2099-01-01T09:00:00Z\n",
    "planned_contacts.csv": "contact,at,email\nbob,2099-01-01T09:00:00Z,bob@example.com\n",
    "cold-call.yaml": "story: A call\nwhen: [call: {direction: outbound, way: two_way}]\n",
    "stricter.yaml": "funnel: standard\nversion: 2\nextends: standard\n",
    "kunden.csv": "contact;at;email;budget\nbob;31.12.2025;bob@example.com;1.234,56\n",
    "calls.csv": "Email,Activity type,Activity date\nada@example.com,Note,2026-03-01T09:00:00Z\n",
    "plugins/ours.py": '"""Ours."""\n',
    "hubspot.toml": '[columns]\ncontact = "Record ID"\n[fields]\nemail = "Email"\n',
}
"""Every file that an example names."""

FIRST = {
    "funnelflow verify --against heads.txt": "funnelflow verify --heads heads.txt",
    "funnelflow leave ada dialogue": "funnelflow enter ada dialogue",
    "funnelflow merge bob --into ada": "funnelflow add bob",
    "funnelflow unmerge bob": "funnelflow add bob && funnelflow merge bob --into ada --yes",
    "funnelflow db restore monday": "funnelflow db backup monday.backup",
    "funnelflow db load copy/": "funnelflow export all copy/",
    **dict.fromkeys(
        (
            "funnelflow undo 1 --reason 'the wrong file' --dry-run",
            "funnelflow undo 1 --reason 'the wrong file' --yes",
        ),
        "funnelflow apply events.csv",
    ),
}
"""Examples that need what another one writes."""

TOLD = {"deliver", "outbox discard", "outbox retry", "outbox show"}
"""Commands whose examples are about what a contact has brought into the outbox."""

NOTIFY = '[[notify]]\nchannel = "log"\n[notify.settings]\npath = "messages.jsonl"\n'
"""The endpoint that an example names; it gets a message about a contact that the examples have."""


def commands():
    """Yield every command with its path, those within groups too."""
    context = click.Context(app)
    for name in COMMANDS:
        command = app.get_command(context, name)
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", found) for inner, found in command.commands.items())
        else:
            yield name, command


EXAMPLES = [(name, example) for name, command in commands() for example in command.examples]


@pytest.fixture
def place(name, request, tmp_path_factory):
    """The directory in which the examples of a command are typed."""
    if name in ELSEWHERE:
        return tmp_path_factory.mktemp("empty")
    workspace = request.getfixturevalue("workspace")
    with (workspace / "funnelflow.toml").open("a") as settings:
        settings.write(NOTIFY)
    if name not in {"add", "db load"}:
        request.getfixturevalue("ada_typed_in" if name in TOLD else "ada")
    row = {"contact": "bob", "event": "form_submitted", "at": "2026-03-01T09:00:00Z"}
    with gzip.open(workspace / "events.jsonl.gz", "wt") as file:
        file.write(json.dumps(row) + "\n")
    for path, text in FILES.items():
        (workspace / path).parent.mkdir(exist_ok=True)
        (workspace / path).write_text(text)
    return workspace


def test_every_command_has_examples():
    assert all(isinstance(command, Command) and command.examples for _, command in commands())


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_an_example_is_of_its_own_command(name, example):
    assert f"funnelflow {name}" in example


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_an_example_works(name, example, place, call, monkeypatch):
    monkeypatch.chdir(place)
    monkeypatch.setenv("FUNNELFLOW_ACTOR", "grace")
    before = [first for start, first in FIRST.items() if example.startswith(start)]
    for line in " && ".join(before).split(" && ") if before else ():
        assert call(*shlex.split(line)[1:]).exit_code == 0
    *producer, line = example.split(" | ")
    given = _output(producer[0]) if producer else None
    done = call(*shlex.split(line)[1:], given=given)
    assert done.exit_code == (1 if example in NO else 0), done.stderr


def _output(command):
    """Return what another program writes into the pipe."""
    return subprocess.run(shlex.split(command), capture_output=True, check=True).stdout
