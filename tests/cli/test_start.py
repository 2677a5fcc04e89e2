"""A workspace begins: init, demo, doctor; and what it is: config, db."""

import csv
import datetime as dt
import io
import json
import shlex
import sqlite3
import time
from pathlib import Path

import pytest

import funnelflow
from funnelflow.cli.start import sample_events, unused
from funnelflow.ingest import IncomingRecord

from .support import run


@pytest.fixture
def empty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_init_makes_a_workspace_that_works(empty, call):
    done = call("init", "sales")
    assert done.exit_code == 0
    names = {p.relative_to(empty / "sales").as_posix() for p in (empty / "sales").rglob("*")}
    assert names >= {
        "funnelflow.toml",
        "funnelflow.db",
        ".gitignore",
        "definitions/standard.yaml",
        "definitions/vocabularies/standard.yaml",
    }
    assert call("-C", "sales", "add", "ada").exit_code == 0


def test_init_says_what_to_do_next_and_that_works(empty, call, monkeypatch):
    hints = call("init", "my sales").stderr
    monkeypatch.chdir(empty / "my sales")
    for line in hints.replace("hint: ", "").replace("then: ", "").strip().splitlines():
        *before, command = line.split("&& ")
        assert [shlex.split(one) for one in before] in ([["cd", "my sales"]], [])
        assert call(*shlex.split(command.strip())[1:]).exit_code == 0


def test_init_starts_from_another_definition(empty, call):
    call("init", "--funnel", "dialogue")
    assert call("add", "ada").exit_code == 0
    assert json.loads(call("why", "ada", "--json").stdout)["funnel"] == "dialogue"


def test_init_starts_from_a_file(empty, call):
    call("init", "one")
    source = empty / "one" / "definitions" / "standard.yaml"
    mine = empty / "mine.yaml"
    mine.write_text(source.read_text().replace("funnel: standard", "funnel: mine"))
    assert call("init", "two", "--funnel", "mine.yaml").exit_code == 0
    assert (empty / "two" / "definitions" / "mine.yaml").exists()
    assert call("-C", "two", "add", "ada").exit_code == 0


def test_init_writes_over_nothing(empty, call):
    call("init")
    before = {p: p.read_bytes() for p in empty.rglob("*") if p.is_file()}
    done = call("init")
    assert (done.exit_code, "already" in done.stderr) == (2, True)
    assert {p: p.read_bytes() for p in empty.rglob("*") if p.is_file()} == before


def test_init_refuses_to_put_a_copy_over_a_file(empty, call):
    call("init", "one")
    theirs = empty / "two" / "definitions" / "standard.yaml"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("funnel: standard\n")
    done = call("init", "two", "--funnel", "one/definitions/standard.yaml")
    assert done.exit_code == 2
    assert "nothing is written over" in done.stderr
    assert theirs.read_text() == "funnel: standard\n"
    assert not (empty / "two" / "funnelflow.toml").exists()


def test_init_uses_the_definition_that_is_there(empty, call):
    call("init", "one")
    (empty / "one" / "funnelflow.toml").unlink()
    (empty / "one" / "funnelflow.db").unlink()
    mine = empty / "one" / "definitions" / "standard.yaml"
    mine.write_text(mine.read_text() + "# mine\n")
    assert call("init", "one").exit_code == 0
    assert mine.read_text().endswith("# mine\n")


def test_init_leaves_a_gitignore_alone(empty, call):
    (empty / ".gitignore").write_text("mine\n")
    assert call("init").exit_code == 0
    assert (empty / ".gitignore").read_text() == "mine\n"


def test_init_cleans_up_when_the_database_cannot_be_made(empty, call):
    done = call("init", "--database", "missing/funnelflow.db")
    assert done.exit_code == 2
    assert [p for p in empty.rglob("*") if p.is_file()] == []


def test_init_names_the_nearest_definition(empty, call):
    assert "dialogue" in call("init", "--funnel", "dialog").stderr


def test_a_dry_run_of_init_writes_nothing(empty, call):
    done = call("init", "--dry-run")
    assert "would write" in done.stdout
    assert list(empty.iterdir()) == []


def test_a_dry_run_of_the_demo_names_every_file_and_writes_none(empty, call):
    done = call("demo", "--dry-run")
    assert list(empty.iterdir()) == []
    assert "dry run: nothing was written" in done.stderr
    planned = {Path(line.removeprefix("would write ")) for line in done.stdout.splitlines()}
    call("demo")
    databases = set(empty.rglob("*.db*"))
    assert planned == {p for p in empty.rglob("*") if p.is_file()} - databases


def test_the_demo_shows_stages_reasons_and_a_story(empty, call):
    began = time.monotonic()
    done = call("demo")
    assert time.monotonic() - began < 30
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    where = lines.index("Where they are now")
    stages = dict(line.split()[:2] for line in lines[where + 1 : lines.index("", where)])
    assert sum(map(int, stages.values())) == 640
    why = lines.index("Why moves were refused")
    assert lines[why + 4] == ""
    assert "refused: " in done.stdout[done.stdout.index("The story of ") :]


def test_the_demo_draws_its_numbers_and_says_where(empty, call):
    shown = call("demo").stderr
    path = empty / "funnelflow-demo" / "report.html"
    assert f"for a browser: {path.relative_to(empty)}" in shown
    assert path.stat().st_size < 300_000
    assert "640 contacts, as of" in path.read_text(encoding="utf-8")


def test_what_the_demo_says_to_try_works(empty, call, monkeypatch):
    shown = run("demo", cwd=empty).err.splitlines()
    commands = [line.strip() for line in shown[shown.index("hint: to try next:") + 1 :]]
    monkeypatch.chdir(empty / shlex.split(commands[0])[1])
    assert len(commands) > 4
    for command in commands[1:]:
        done = call(*shlex.split(command)[1:])
        assert done.exit_code == (1 if " move " in command else 0), command
        assert done.stdout, command


def test_a_second_demo_takes_another_directory_and_says_so(empty, call):
    call("demo")
    done = call("demo")
    assert done.exit_code == 0
    assert "funnelflow-demo-2" in done.stderr
    assert (empty / "funnelflow-demo-2" / "funnelflow.toml").exists()


def test_a_demo_in_a_directory_that_is_empty_uses_it(empty, call):
    (empty / "here").mkdir()
    call("demo", "here")
    assert (empty / "here" / "funnelflow.toml").exists()


def test_the_demo_refuses_the_workspace_one_is_in(workspace, call):
    done = call("demo", ".")
    assert done.exit_code == 2
    assert done.stderr.startswith(f"error: there is a workspace already: {workspace}\nhint: ")
    assert not workspace.with_name(f"{workspace.name}-2").exists()


def test_a_name_that_is_taken_counts_up(empty):
    for name in ("x", "x-2"):
        (empty / name).mkdir()
        (empty / name / "file").touch()
    assert unused(empty / "x") == empty / "x-3"


def test_sample_events_are_moved_so_that_the_last_one_is_from_now():
    now = dt.datetime(2031, 5, 7, 12, 0, 30, tzinfo=dt.UTC)
    rows = list(csv.DictReader(io.StringIO(sample_events(now))))
    other = list(csv.DictReader(io.StringIO(sample_events(now + dt.timedelta(hours=3)))))
    times = [dt.datetime.fromisoformat(row["at"]) for row in rows]
    assert dt.timedelta(0) <= now - max(times) < dt.timedelta(minutes=1)
    shifts = {dt.datetime.fromisoformat(b["at"]) - a for a, b in zip(times, other, strict=True)}
    assert shifts == {dt.timedelta(hours=3)}


def test_the_doctor_finds_a_new_workspace_well(workspace, call):
    done = call("doctor")
    assert (done.exit_code, done.stderr) == (0, "everything is well\n")
    assert "✗" not in done.stdout


def test_the_doctor_says_what_to_do_without_a_workspace(empty, call):
    done = call("doctor")
    assert done.exit_code == 1
    assert "✗ workspace" in done.stdout
    assert "hint: start one with `funnelflow init`" in done.stdout


def test_the_doctor_finds_a_definition_with_errors(workspace, call):
    (workspace / "definitions" / "mine.yaml").write_text("funnel: mine\n")
    done = call("doctor")
    assert done.exit_code == 1
    assert "hint: funnelflow check definitions/mine.yaml" in done.stdout


def test_the_doctor_counts_one_error_in_the_singular(workspace, call):
    file = workspace / "definitions" / "standard.yaml"
    file.write_text(file.read_text() + "colour: blue\n")
    assert "1 error, 0 warnings" in call("doctor").stdout


def test_the_doctor_names_who_breaks_what_a_definition_promises(workspace, call):
    file = workspace / "definitions" / "standard.yaml"
    promise = "{stage: prospect, needs: contact.budget >= 5000}"
    file.write_text(file.read_text() + f"always: [{{Every prospect has the budget: {promise}}}]\n")
    assert call("adopt", "standard", "--yes").exit_code == 0
    call("add", "ada")
    done = call("move", "ada", "prospect", "--force", "--reason", "known", "--actor", "grace")
    assert done.exit_code == 0
    done = call("doctor")
    assert done.exit_code == 1
    assert (
        "✗ promises: standard, 'Every prospect has the budget': broken by 1 contact" in done.stdout
    )
    assert "hint: funnelflow why ada" in done.stdout


def test_the_doctor_notices_a_definition_that_is_not_in_use_yet(workspace, call):
    path = workspace / "definitions" / "standard.yaml"
    path.write_text(path.read_text().replace("For tests alone", "For tests only"))
    done = call("doctor")
    assert done.exit_code == 1
    assert "hint: funnelflow adopt standard" in done.stdout


def test_the_doctor_names_who_sent_what_could_not_be_used(workspace, call):
    with funnelflow.open(workspace) as opened:
        opened.set_aside([IncomingRecord({"who": "ada"})], "no mapping", source="crm")
    done = call("doctor")
    assert done.exit_code == 1
    assert "✗ source crm: 1 record could not be used" in done.stdout
    assert "hint: funnelflow web rejects" in done.stdout


def test_the_doctor_finds_a_missing_database(workspace, call):
    (workspace / "funnelflow.db").unlink()
    assert "✗ database" in call("doctor").stdout


def test_the_doctor_s_findings_are_data_too(workspace, call):
    findings = json.loads(call("doctor", "--json").stdout)
    assert all(finding["well"] for finding in findings)


def test_settings_say_where_they_come_from(workspace, call, monkeypatch):
    monkeypatch.setenv("FUNNELFLOW_DATABASE", "other.db")
    settings = json.loads(call("config", "show", "--json").stdout)["settings"]
    assert settings["funnel"]["origin"] == "file"
    assert settings["database"] == {"value": "other.db", "origin": "environment"}
    assert settings["timezone"]["origin"] == "default"
    by_flag = json.loads(call("config", "show", "--json", "--database", "x.db").stdout)
    assert by_flag["settings"]["database"] == {"value": "x.db", "origin": "flag"}


def test_passwords_are_not_shown(workspace, call):
    url = "postgresql://ada:secret@localhost/sales?password=other"
    for done in (call("config", "show", "--database", url), call("doctor", "--database", url)):
        assert "secret" not in done.stdout + done.stderr
        assert "other" not in done.stdout.replace("another", "") + done.stderr


def test_roles_are_shown(workspace, call):
    assert "sales_manager  grace" in call("config", "show").stdout


def test_a_setting_that_does_not_exist_is_named_with_its_line(workspace, call):
    path = workspace / "funnelflow.toml"
    path.write_text(path.read_text().replace("timezone", "timezon"))
    done = call("config", "show")
    assert (done.exit_code, "timezone" in done.stderr) == (2, True)


def test_the_status_of_the_database_is_current(workspace, call):
    done = call("db", "status", "--json")
    answer = json.loads(done.stdout)
    assert (done.exit_code, answer["state"]) == (0, "current")
    assert answer["revision"] == answer["head"]


def test_a_newer_database_is_exit_1_and_is_not_upgraded(workspace, call):
    with sqlite3.connect(workspace / "funnelflow.db") as database:
        database.execute("UPDATE funnelflow_version SET version_num = '9999'")
    database.close()
    assert call("db", "status").exit_code == 1
    assert call("db", "upgrade").exit_code == 2
    assert call("db", "upgrade", "--dry-run").exit_code == 2


def test_an_upgrade_of_a_current_database_changes_nothing(workspace, call):
    done = call("db", "upgrade")
    assert (done.exit_code, "already" in done.stdout) == (0, True)


def test_an_empty_database_is_upgraded(workspace, call):
    (workspace / "funnelflow.db").unlink()
    sqlite3.connect(workspace / "funnelflow.db").close()
    assert call("db", "upgrade", "--dry-run").stdout.startswith("the database would be upgraded")
    assert call("db", "status").exit_code == 1
    assert call("db", "upgrade").exit_code == 0
    assert call("db", "status").exit_code == 0


def test_settings_are_shown_with_their_origin_in_words(workspace, call):
    rows = [" ".join(row.split()) for row in call("config", "show").stdout.splitlines()]
    assert rows[1:4] == [
        "funnel standard from funnelflow.toml",
        "database funnelflow.db from funnelflow.toml",
        "timezone (none) by default",
    ]


def test_the_doctor_names_contacts_with_evidence_from_the_future(workspace, call):
    call("add", "ada", "--at", "2126-01-01T00:00:00Z", "--future")
    done = call("doctor")
    assert done.exit_code == 1
    assert "1 contact with evidence from the future: ada (2126-01-01 00:00 UTC)" in done.stdout
    assert "1 of " in done.stderr
    assert "needs attention" in done.stderr


def test_the_demo_has_a_database_of_its_own_whatever_the_environment_says(
    tmp_path, monkeypatch, call
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FUNNELFLOW_DATABASE", str(tmp_path / "real.db"))
    assert call("demo").exit_code == 0
    assert (tmp_path / "funnelflow-demo" / "funnelflow.db").is_file()
    assert not (tmp_path / "real.db").exists()
