"""Tokens of the API are shown once, hashed, owner-only, and end."""

import datetime as dt
import json
import stat
import subprocess
import sys

import pytest
from funnelflow_web.tokens import TokenStore

import funnelflow
from funnelflow import UnknownNameError

NOW = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def test_a_token_stands_for_its_actor_until_it_ends(tmp_path):
    store = TokenStore(tmp_path)
    token, text = store.add("crm", ("sales",), DAY, NOW)
    assert store.find(text, NOW) == token
    assert store.find(text, NOW + DAY - dt.timedelta(microseconds=1)) == token
    assert store.find(text, NOW + DAY) is None


def test_what_is_stored_is_no_secret_and_the_owners_alone(tmp_path):
    store = TokenStore(tmp_path)
    _, text = store.add("crm", (), DAY, NOW)
    (file,) = store.path.iterdir()
    assert text.rpartition("_")[2] not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o700


def test_a_revoked_token_counts_no_more(tmp_path):
    store = TokenStore(tmp_path)
    token, text = store.add("crm", (), DAY, NOW)
    kept, other = store.add("erp", (), DAY, NOW)
    store.revoke(token.id)
    assert store.find(text, NOW) is None
    assert store.find(other, NOW) == kept
    assert list(store.all()) == [kept]
    with pytest.raises(UnknownNameError):
        store.revoke(token.id)
    with pytest.raises(UnknownNameError):
        store.revoke("../../funnelflow")


def test_what_is_no_token_is_nobodys(tmp_path):
    store = TokenStore(tmp_path)
    token, text = store.add("crm", (), DAY, NOW)
    wrong = [
        "",
        text[:-1],
        text + "x",
        text.replace(token.id, "0" * 12),
        text[:-1] + ("A" if text[-1] != "A" else "B"),
        text.replace(token.id, "../../../../x"),
        "fft_" + "é" * 12 + "_" + "x" * 43,
        "\0",
    ]
    assert [store.find(one, NOW) for one in wrong] == [None] * len(wrong)
    (store.path / f"{token.id}.json").write_text("{")
    assert store.find(text, NOW) is None


def test_the_commands_make_list_and_revoke(tmp_path, python_path, monkeypatch):
    funnelflow.create(tmp_path, "standard").close()
    if python_path:
        monkeypatch.setenv("PYTHONPATH", python_path)

    def call(*arguments):
        command = [sys.executable, "-m", "funnelflow", "web", "token", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )

    made = call("add", "crm", "--role", "sales", "--days", "7", "--json")
    said = json.loads(made.stdout)
    assert said["roles"] == ["sales"]
    listed = call("list")
    assert said["id"] in listed.stdout
    assert said["token"] not in listed.stdout + listed.stderr
    assert call("revoke", said["id"]).returncode == 0
    again = call("revoke", said["id"])
    assert (again.returncode, "there is no token" in again.stderr) == (2, True)
    assert call("add", "\x1b[31mred").returncode == 2
