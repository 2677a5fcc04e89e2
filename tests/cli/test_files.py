"""Files from the command line: apply and import, what they say and how they end."""

import json
import os
import shlex
import threading
from pathlib import Path

import pytest

from .support import run, run_in_terminal

EVENTS = """\
contact,event,at,facts
ada,form_submitted,2026-03-01T09:00:00Z,"{""email"": ""ada@example.com""}"
bob,form_submitted,2026-03-01T09:00:00Z,"{""email"": ""bob@example.com"", ""budget"": 9000}"
ada,move,2026-03-02T09:00:00Z,
"""
MOVED = """\
contact,event,at,to
ada,form_submitted,2026-03-01T09:00:00Z,
ada,move,2026-03-02T09:00:00Z,prospect
"""


@pytest.fixture
def events(workspace):
    path = workspace / "events.csv"
    path.write_text(EVENTS.rsplit("ada,move", 1)[0])
    return path


@pytest.fixture
def bad(events):
    events.write_text(events.read_text() + "eve,form_submited,2026-03-03T09:00:00Z,\n")
    return events


def test_a_file_is_applied_and_counted(events, call):
    done = call("apply", "events.csv")
    assert done.exit_code == 0
    head, *counts = done.stdout.splitlines()
    assert head.startswith("events.csv: 2 rows read in ")
    assert dict(line.rsplit(None, 1) for line in counts) == {
        "  moved": "2",
        "  stayed": "0",
        "  rejected": "0",
        "  contacts added": "2",
    }


def test_what_the_columns_were_taken_for_is_shown_on_stderr(events, call):
    err = call("apply", "events.csv").stderr
    assert "events.csv: CSV separated by ',' in utf-8" in err
    assert "columns taken by their names: contact, event, at, facts" in err


def test_members_that_only_later_lines_have_are_named_when_nothing_is_read_from_them(
    workspace, call
):
    row = {"contact": "ada", "event": "call", "at": "2026-03-01T09:00:00Z"}
    lines = [{**row, "first": 1}, {**row, "budgt": 7000}]
    (workspace / "late.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = call("apply", "late.jsonl")
    assert "columns not used: first" in done.stderr
    assert "columns not used in later lines: budgt" in done.stdout


def test_one_row_is_not_counted_in_the_plural(events, call):
    events.write_text("".join(EVENTS.splitlines(keepends=True)[:2]))
    assert call("apply", "events.csv").stdout.startswith("events.csv: 1 row read in ")


def test_a_guess_by_another_name_is_shown_as_one(events, call):
    events.write_text(EVENTS.rsplit("ada,move", 1)[0].replace("contact,event", "entity_id,what", 1))
    done = call("apply", "events.csv", "--map", "event=what")
    rows = [" ".join(row.split()) for row in done.stderr.splitlines()]
    assert "contact column entity_id a guess; --map says otherwise" in rows
    assert "event column what" in rows


def test_a_file_that_was_applied_changes_nothing_when_repeated(events, call):
    call("apply", "events.csv")
    done = call("apply", "events.csv")
    assert done.exit_code == 0
    assert done.stdout.startswith("events.csv was applied before; nothing was changed\n")


def test_a_dry_run_says_the_same_and_stores_nothing(events, call):
    dry = call("apply", "events.csv", "--dry-run", "--json")
    assert call("list", "--json").stdout == "[]\n"
    real = call("apply", "events.csv", "--json")
    answers = [json.loads(done.stdout) for done in (dry, real)]
    for answer in answers:
        for name in ("seconds", "dry_run"):
            del answer[name]
    assert answers[0] == answers[1]


def test_a_dry_run_is_called_one(events, call):
    head = call("apply", "events.csv", "--dry-run").stdout.splitlines()[0]
    assert head.startswith("events.csv: 2 rows read in ")
    assert head.endswith(" (dry run)")


def test_a_rejected_row_is_among_the_rows_that_were_read(bad, call):
    done = call("apply", "events.csv")
    assert done.stdout.startswith("events.csv: 3 rows read in ")
    assert "  rejected        1\n" in done.stdout


def test_refused_moves_are_counted_with_their_reasons(workspace, call):
    (workspace / "moves.csv").write_text(MOVED)
    call("add", "ada", "email=ada@example.com", "--at", "2026-02-01T00:00:00Z")
    done = call("apply", "moves.csv")
    assert done.exit_code == 0
    assert "  refused   1" in done.stdout
    assert "    1  Budget is at least 5,000" in done.stdout


def test_a_row_that_cannot_be_used_is_exit_1_and_named(bad, call):
    done = call("apply", "events.csv")
    assert done.exit_code == 1
    assert "form_submited" in done.stdout
    assert "line 4" in done.stdout
    assert "rejects" in done.stderr


def test_corrected_rejects_are_applied(bad, call, workspace):
    answer = json.loads(call("apply", "events.csv", "--json").stdout)
    rejects = workspace / answer["rejects"]
    rejects.write_text(rejects.read_text().replace("submited", "submitted"))
    done = call("apply", str(rejects), "--json")
    assert (done.exit_code, json.loads(done.stdout)["stayed"]) == (0, 1)


def test_a_rejects_file_is_named_by_an_option(bad, call, workspace):
    call("apply", "events.csv", "--rejects", "bad.csv")
    assert "form_submited" in (workspace / "bad.csv").read_text()


def test_standard_input_is_read(workspace, call):
    done = call("apply", "-", given=EVENTS.rsplit("ada,move", 1)[0].encode())
    assert done.exit_code == 0
    assert "2 rows read" in done.stdout


def test_json_lines_are_read(workspace, call):
    row = {"contact": "ada", "event": "form_submitted", "at": "2026-03-01T09:00:00Z"}
    (workspace / "events.jsonl").write_text(json.dumps(row) + "\n")
    assert call("apply", "events.jsonl").exit_code == 0


def test_times_without_offset_need_a_zone(events, call):
    events.write_text(events.read_text().replace("Z,", ","))
    assert call("apply", "events.csv", "--dry-run").exit_code == 1
    assert call("apply", "events.csv", "--timezone", "Europe/Paris").exit_code == 0
    row = json.loads(call("history", "ada", "--json").stdout)["rows"][0]
    assert row["at"] == "2026-03-01T08:00:00.000000Z"


def test_a_mapping_is_kept_and_used_again(events, call, workspace):
    events.write_text(events.read_text().replace("contact,event", "Who,event", 1))
    kept = call("apply", "events.csv", "--map", "contact=Who", "--save-mapping", "mine.toml")
    assert kept.exit_code == 0
    events.write_text(events.read_text().replace("T09:", "T10:"))
    assert call("apply", "events.csv", "--mapping", "mine.toml", "--restart").exit_code == 0


def test_a_mapping_is_not_written_over_another_file(events, call):
    done = call("apply", "events.csv", "--save-mapping", "funnelflow.toml")
    assert done.exit_code == 2
    assert call("list", "--json").stdout == "[]\n"


def test_a_file_that_has_changed_is_refused_unless_told(events, call):
    call("apply", "events.csv")
    events.write_text(events.read_text() + "cat,form_submitted,2026-03-05T09:00:00Z,\n")
    refused = call("apply", "events.csv")
    assert (refused.exit_code, "--continue" in refused.stderr) == (2, True)
    done = call("apply", "events.csv", "--continue")
    assert (done.exit_code, "an earlier run had done the first 2 rows" in done.stdout) == (0, True)


def test_continue_and_restart_exclude_each_other(events, call):
    assert call("apply", "events.csv", "--continue", "--restart").exit_code == 2


def test_contacts_that_nobody_knows_are_rejected_where_that_is_asked_for(events, call):
    done = call("apply", "events.csv", "--no-create")
    assert (done.exit_code, call("list", "--json").stdout) == (1, "[]\n")


def test_a_file_that_is_not_there_is_an_error_with_its_name(workspace, call):
    done = call("apply", "nothing.csv")
    assert (done.exit_code, "nothing.csv" in done.stderr) == (2, True)


def test_an_error_in_the_middle_says_what_was_done_before_it(events, call):
    events.write_text(events.read_text() + 'cat,"unclosed\n')
    done = call("apply", "events.csv")
    assert done.exit_code == 2
    assert "events.csv:4:" in done.stderr


def test_the_actor_of_rows_that_name_none_is_the_user_s(events, call):
    call("apply", "events.csv", "--actor", "importer")
    assert json.loads(call("history", "ada", "--json").stdout)["rows"][0]["actor"] == "importer"


def test_progress_is_shown_on_a_terminal_only(events, workspace):
    assert "··· 0% 0 rows" in run_in_terminal("apply", "events.csv", cwd=workspace)[1]
    assert "··· 0% 0 rows" not in run("apply", "events.csv", "--restart", cwd=workspace).err


def test_markup_in_a_file_s_name_means_nothing(workspace):
    name = "[bold]x[/nothing].csv"
    (workspace / name.replace("/", "_")).write_text(EVENTS.rsplit("ada,move", 1)[0])
    code, shown = run_in_terminal("apply", name.replace("/", "_"), cwd=workspace)
    assert code == 0
    assert "[bold]" in shown


@pytest.fixture
def people(workspace):
    (workspace / "people.csv").write_text("contact,email,Budget\nada,ada@example.com,5000\nbob,,\n")


def test_contacts_are_imported(people, call):
    done = call("import", "people.csv")
    assert (done.exit_code, "  contacts added  2" in done.stdout) == (0, True)
    fields = {c["contact"]: c["fields"] for c in json.loads(call("list", "--json").stdout)}
    assert fields["ada"]["budget"] == 5000
    assert "budget" not in fields["bob"]


def test_importing_the_same_again_after_a_change_updates_only_that(people, call, workspace):
    call("import", "people.csv")
    (workspace / "people.csv").write_text("contact,email,Budget\nada,ada@example.com,6000\nbob,,\n")
    answer = json.loads(call("import", "people.csv", "--json").stdout)
    assert (answer["unchanged"], answer["stayed"], answer["created"]) == (1, 1, 0)


def test_an_import_that_only_updates_rejects_strangers(people, call):
    assert call("import", "people.csv", "--mode", "update").exit_code == 1


def test_an_import_that_only_creates_rejects_those_who_are_known(people, call):
    call("add", "ada")
    done = call("import", "people.csv", "--mode", "create", "--json")
    assert (done.exit_code, json.loads(done.stdout)["rejected"]) == (1, 1)


def test_a_dry_run_of_an_import_stores_nobody(people, call):
    assert call("import", "people.csv", "--dry-run").exit_code == 0
    assert call("list", "--json").stdout == "[]\n"


def test_what_list_writes_is_read_by_import(ada, call, workspace):
    """Her first snapshot is evidence though all of it was known; the second says nothing new."""
    written = call("list", "--csv").stdout
    (workspace / "out.csv").write_text(written)
    first, again = (json.loads(call("import", "out.csv", "--json").stdout) for _ in range(2))
    assert (first["rejected"], again["rejected"], again["unchanged"]) == (0, 0, 1)
    assert call("list", "--csv").stdout == written


def test_rows_without_a_time_zone_are_helped_by_one_option(call, workspace):
    (workspace / "naive.csv").write_text("contact,event,at\nbob,form_submitted,2026-03-01 09:00\n")
    done = call("apply", "naive.csv")
    assert done.exit_code == 1
    assert " --timezone ZONE (such as Europe/Berlin)" in done.stderr
    (rejects,) = (workspace / "rejects").glob("naive.*.rejects.csv")
    again = call("apply", str(rejects), "--timezone", "Europe/Berlin")
    assert (again.exit_code, "rejected        0" in again.stdout) == (0, True)


def test_rows_from_the_future_are_reported(workspace, call):
    (workspace / "f.csv").write_text("contact,event,at\nada,call,2126-01-01T00:00:00Z\n")
    done = call("apply", "f.csv")
    assert done.exit_code == 1
    assert "--future records it all the same" in " ".join(done.stdout.split())
    done = call("apply", "f.csv", "--future")
    assert "  1 row with a time in the future" in done.stdout


def test_an_id_that_comes_twice_is_reported(workspace, call):
    (workspace / "p.csv").write_text("contact,email\nada,a@example.com\nada,b@example.com\n")
    done = call("import", "p.csv")
    assert "  1 row about a contact that an earlier row was about" in done.stdout


def test_the_rejected_rows_of_an_import_are_for_import(people, call, workspace):
    done = call("import", "people.csv", "--mode", "update")
    (rejects,) = (workspace / "rejects").glob("people.*.rejects.csv")
    assert f"then: funnelflow import {rejects}" in done.stderr
    applied = call("apply", str(rejects))
    assert applied.exit_code == 2
    assert "funnelflow import reads files of contacts" in applied.stderr


def test_a_wrong_time_zone_is_corrected_by_another(call, workspace):
    (workspace / "naive.csv").write_text("contact,event,at\nbob,form_submitted,2026-03-01 09:00\n")
    assert call("apply", "naive.csv").exit_code == 1
    again = call("apply", "naive.csv", "--timezone", "Europe/Berlin")
    assert (again.exit_code, "rejected        0" in again.stdout) == (0, True)


def test_what_would_be_read_is_shown_as_a_table(workspace, call):
    (workspace / "k.csv").write_text("id;budget;x\nada;1.234,5;1\nbob;much;2\n")
    done = call("import", "k.csv", "--decimal", ",", "--explain")
    assert done.exit_code == 1
    heads, ada, budget, *_ = done.stdout.splitlines()
    assert heads.split() == ["line", "what", "column", "read", "as", "why"]
    assert ada.split() == ["2", "contact", "id", "ada", "by", "its", "name"]
    assert budget.split() == ["budget", "budget", "1234.5", "by", "its", "name"]
    assert "line 3: 'much' is no number with a decimal comma" in done.stdout
    assert "columns not used: x" in done.stdout
    data = json.loads(call("import", "k.csv", "--decimal", ",", "--explain", "--json").stdout)
    assert data["rows"][0]["cells"][1]["value"] == 1234.5
    assert json.loads(call("list", "--json").stdout) == []


MAIL = "mail,event,at\nA@x,form_submitted,2026-01-02T00:00:00Z\nA@x,nope,2026-01-03T00:00:00Z\n"
MINE = """
[columns]
contact = "Who"
event = "What"
at = "When"
[events]
Form = "form_submitted"
"""
WHO = "Who,What,When\nada,Form,2026-01-02T00:00:00Z\nada,Fax,2026-01-03T00:00:00Z\n"
DOTTED = "contact,event,at\nada,form_submitted,31.12.2025\nada,nope,31.12.2025\n"
HINTED = [
    ("import --decimal ,", "id;budget\nada;1,5\nbob;much\n", ("much", "2,5")),
    ("import --map contact=Nr --mode create", "Nr;budget\nada;1\nbob;x\n", ("x", "2")),
    (
        "apply --date-format dd.MM.yyyy --timezone UTC --actor me",
        DOTTED,
        ("nope", "form_submitted"),
    ),
    ("apply --mapping mine.toml", WHO, ("Fax", "Form")),
    ("apply --match email --map contact=mail", MAIL, ("nope", "form_submitted")),
]


@pytest.mark.parametrize(("said", "content", "correction"), HINTED)
def test_the_hint_behind_rejected_rows_runs_as_it_is_printed(
    workspace, call, said, content, correction
):
    (workspace / "in.csv").write_text(content)
    (workspace / "mine.toml").write_text(MINE)
    command, *options = said.split()
    done = call("-C", str(workspace), command, "in.csv", *options)
    assert done.exit_code == 1, done.output
    (hint,) = [line for line in done.stderr.splitlines() if "then: funnelflow" in line]
    typed = shlex.split(hint.partition("then: funnelflow ")[2])
    rejects = Path(typed[typed.index(command) + 1])
    rejects.write_text(rejects.read_text().replace(*correction, 1))
    again = call(*typed)
    assert again.exit_code == 0, again.output


def test_what_was_said_is_all_kept_in_a_saved_mapping(workspace, call):
    (workspace / "k.csv").write_bytes("Nr;Budget;Büro\nada;1.234,5;x\n".encode("cp1252"))
    said = [
        "--map",
        "contact=Nr",
        "--decimal",
        ",",
        "--date-format",
        "dd.MM.yyyy",
        "--timezone",
        "Europe/Berlin",
        "--match",
        "email",
        "--encoding",
        "cp1252",
        "--delimiter",
        ";",
    ]
    assert call("import", "k.csv", *said, "--save-mapping", "kept.toml").exit_code == 0
    (workspace / "l.csv").write_bytes("Nr;Budget;Büro\nbob;1.234,5;x\n".encode("cp1252"))
    assert call("import", "l.csv", "--mapping", "kept.toml").exit_code == 0
    kept = (workspace / "kept.toml").read_text()
    for name in ("decimal", "date_formats", "timezone", "match", "encoding", "delimiter"):
        assert f"{name} = " in kept


def test_a_pipe_that_nobody_writes_to_ends_with_a_word(workspace, call, monkeypatch):
    os.mkfifo(workspace / "pipe.csv")
    monkeypatch.setattr("funnelflow.ingest.source.PATIENCE", 1)
    done = call("import", "pipe.csv")
    assert done.exit_code == 2
    assert "nothing has come from it for 1 seconds" in done.stderr


def test_a_pipe_is_read_once_somebody_writes_to_it(workspace, call):
    os.mkfifo(workspace / "pipe.csv")
    writer = threading.Thread(target=(workspace / "pipe.csv").write_text, args=["id\nada\nbob\n"])
    writer.start()
    done = call("import", "pipe.csv")
    writer.join()
    assert "contacts added  2" in done.stdout
