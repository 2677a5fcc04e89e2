"""What keeps a workspace in order: tick, verify, adopt."""

import json
import re
import sqlite3

import pytest

from funnelflow.definition import diff, load_definition
from funnelflow.workspace.workspace import Workspace

from .support import run_in_terminal

TABLES_OF_CONTACTS = [
    *((table, "contact") for table in ("positions", "decisions", "evidence")),
    ("contacts", "number"),
]

SUMMER = ("--at", "2026-07-01T00:00:00Z")


def test_nothing_due_says_so(ada, call):
    done = call("tick", "--at", "2026-03-03T00:00:00Z")
    assert (done.exit_code, done.stdout) == (0, "nothing is due at 2026-03-03 00:00 UTC\n")


def test_what_is_due_happens(ada, call):
    done = call("tick", *SUMMER)
    assert done.stdout == "1 contact moved at 2026-07-01 00:00 UTC\n"
    assert json.loads(call("why", "ada", "--json").stdout)["stage"] == "lead.recycled"


def last_stored(call):
    """Return the stage after the last evidence, whatever time has opened since."""
    return json.loads(call("history", "ada", "--json").stdout)["rows"][-1]["after"]


def test_a_dry_tick_stores_nothing(ada, call):
    done = call("tick", "--dry-run", *SUMMER)
    assert done.stdout == "1 contact would move at 2026-07-01 00:00 UTC\n"
    assert last_stored(call) == "lead.inquiry"


def test_a_tick_is_data_too(ada, call):
    answer = json.loads(call("tick", "--json", *SUMMER).stdout)
    assert (answer["due"], answer["moved"]) == (1, 1)
    assert answer["now"] == "2026-07-01T00:00:00.000000Z"


def test_a_sound_workspace_proves_itself(ada, call):
    done = call("verify")
    assert done.exit_code == 0
    assert done.stdout == "✓ 1 contact and 3 rows of history: everything agrees\n"


@pytest.fixture
def altered(ada, workspace):
    database = sqlite3.connect(workspace / "funnelflow.db")
    with database:
        database.execute("UPDATE positions SET stage = 'customer' WHERE contact = 1")
    database.close()


def test_an_altered_row_is_named(altered, call):
    done = call("verify")
    assert done.exit_code == 1
    assert "ada" in done.stdout
    assert "1 problem" in done.stderr


def test_a_proof_is_data_too(altered, call):
    done = call("verify", "--json")
    answer = json.loads(done.stdout)
    assert (done.exit_code, answer["sound"]) == (1, False)
    assert answer["findings"][0]["name"] == "ada"


@pytest.fixture
def newer(ada, workspace):
    path = workspace / "definitions" / "standard.yaml"
    text = (
        path.read_text()
        .replace("version: 1", "version: 2")
        .replace("funnel: standard\n", "funnel: standard\nversion: 2\n")
    )
    path.write_text(
        text.replace("contact.engagements > 0", "contact.engagements > 5").replace(
            "aliases: [qualified lead]", "aliases: [qualified lead, sales prospect]"
        )
    )
    return path


def test_adopting_first_says_what_changes_and_who_moves(newer, call):
    done = call("adopt", "standard")
    assert done.exit_code == 0
    before, effect, after = done.stdout.partition("By its effect\n")
    assert "target → lead: proved to let in fewer, and nobody else" in effect + after
    told, _, moves = after.partition("Who moves\n")
    assert "-1 (0/0/1)" in told
    assert f"{before}Who moves\n{moves}".splitlines() == [
        "standard, version 2 is not in use yet",
        "",
        "What changes",
        "  • target → lead: criterion changed: They turned to us (contact.engagements > 5, not",
        "    contact.engagements > 0)",
        "",
        "Who moves",
        "  1  lead.recycled → target  such as ada",
    ]
    assert done.stderr == "nothing was stored\nhint: funnelflow adopt standard --yes does it\n"
    assert last_stored(call) == "lead.inquiry"


def test_adopting_moves_contacts_as_evidence(newer, call):
    done = call("adopt", "standard", "--yes", "--actor", "grace")
    assert (done.exit_code, "standard, version 2, is in use" in done.stderr) == (0, True)
    row = json.loads(call("history", "ada", "--json").stdout)["rows"][-1]
    assert (row["event"], row["actor"], row["after"]) == ("adopt", "grace", "target")
    assert call("verify").exit_code == 0


def test_adopting_what_is_in_use_does_nothing(newer, call):
    call("adopt", "standard", "--yes")
    done = call("adopt", "standard", "--yes")
    assert (done.exit_code, "is in use" in done.stdout) == (0, True)


def test_a_dry_run_wins_over_yes(newer, call):
    call("adopt", "standard", "--yes", "--dry-run")
    assert last_stored(call) == "lead.inquiry"


def test_an_adoption_is_data_too(newer, call):
    answer = json.loads(call("adopt", "standard", "--json").stdout)
    assert answer["shifts"] == [
        {"before": "lead.recycled", "after": "target", "count": 1, "examples": ["ada"]}
    ]
    assert answer["adopted"] is None


@pytest.fixture
def without_inquiry(ada, workspace, call):
    path = workspace / "definitions" / "standard.yaml"
    text = path.read_text().replace("lead.inquiry", "lead.fresh").replace("inquiry:", "fresh:")
    path.write_text(text)
    call("tick", "--quiet")
    call("move", "ada", "lead.inquiry", "--force", "--reason", "asked again", "--actor", "grace")
    return path


def test_contacts_in_a_stage_that_is_gone_need_a_rule(without_inquiry, call):
    done = call("adopt", "standard", "--yes")
    assert done.exit_code == 1
    assert "  1  in lead.inquiry, which is gone" in done.stdout
    assert "--map lead.inquiry=STAGE" in done.stderr


def test_with_a_rule_they_have_a_place_to_go(without_inquiry, call):
    done = call("adopt", "standard", "--map", "lead.inquiry=lead.fresh", "--yes")
    assert done.exit_code == 0
    assert json.loads(call("list", "--json").stdout)[0]["stage"] == "lead.fresh"


def test_a_rule_that_is_none_says_how_one_is_written(newer, call):
    assert call("adopt", "standard", "--map", "lead.inquiry").exit_code == 2


def test_a_definition_with_errors_is_not_adopted(newer, call):
    newer.write_text("funnel: standard\n")
    done = call("adopt", "standard", "--yes")
    assert (done.exit_code, "standard.yaml:1:" in done.stderr) == (2, True)


def test_adopting_shows_its_progress_on_a_terminal(newer, workspace):
    code, shown = run_in_terminal("adopt", "standard", "--yes", cwd=workspace)
    assert (code, "version 2" in shown, "adopting standard" in shown) == (0, True, True)


def changed(workspace, *replacements):
    """Return what the differences say after replacing pieces of text in the definition."""
    path = workspace / "definitions" / "standard.yaml"
    old = load_definition(path).definition
    text = path.read_text()
    for before, after in replacements:
        assert before in text, before
        text = text.replace(before, after)
    path.write_text(text)
    return tuple(change.words for change in diff(old, load_definition(path).definition))


def test_the_same_definition_differs_in_nothing(workspace):
    assert changed(workspace) == ()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("  customer: {type: won", "  won: {}\n  customer: {type: won", "stage won is added"),
        ("initial: target", "initial: prospect", "contacts start in prospect, not in target"),
        ("{type: lost}", "{}", "stage disqualified is open, not lost"),
        (
            "on: [assessed, call]",
            "on: [call]",
            "lead → prospect: taken on call, not on assessed or call",
        ),
        (
            "    to: prospect\n",
            "    to: prospect\n    by: [sales]\n",
            "lead → prospect: open to sales, not to everybody",
        ),
        (
            "at_least: 1",
            "at_least: 2",
            "lead, prospect → customer: how many of the criteria must be met has changed",
        ),
        (
            '      - Talks to the decider: contact.authority == "decides"\n',
            "",
            "lead → prospect: criterion removed: Talks to the decider",
        ),
        ("  need: {type: text}\n", "  need: {type: text}\n  size: number\n", "field size is added"),
        ("ask: What may it cost?", "ask: How much?", "field budget has changed"),
        ("  returned: {}\n", "  returned: {}\n  met: {}\n", "event met is added"),
    ],
)
def test_a_change_is_said_in_words(workspace, before, after, said):
    assert said in changed(workspace, (before, after))


def test_a_stage_with_its_old_name_as_alias_is_renamed(workspace):
    said = changed(
        workspace,
        (
            "prospect: {about: A qualified lead., aliases: [",
            "opportunity: {about: x, aliases: [prospect, ",
        ),
        ("to: prospect", "to: opportunity"),
        ("lead, prospect]", "lead, opportunity]"),
        ("[lead.inquiry, prospect]", "[lead.inquiry, opportunity]"),
        ("then: prospect", "then: opportunity"),
    )
    assert "stage prospect is renamed to opportunity" in said
    assert not any("removed" in one or "added" in one for one in said if one.startswith("stage"))


def test_heads_are_written_and_what_was_is_proved_to_be_there(ada, call):
    written = call("verify", "--heads", "heads.txt")
    assert (written.exit_code, written.stdout.splitlines()[-1]) == (
        0,
        "✓ heads written to heads.txt; keep it where nobody who writes to the database can",
    )
    call("record", "ada", "returned")
    done = call("verify", "--against", "heads.txt")
    assert done.exit_code == 0
    assert re.search(
        r"✓ all that was there on \S+ \d\d:\d\d UTC still is; since then 0 new contacts "
        r"and 1 new row\n",
        done.stdout,
    )


def test_heads_are_data_too(ada, call):
    call("verify", "--heads", "heads.txt")
    answer = json.loads(call("verify", "--against", "heads.txt", "--json").stdout)
    assert (answer["against"]["kept"], answer["heads"]) == (1, None)
    assert json.loads(call("verify", "--heads", "new.txt", "--json").stdout)["heads"] == "new.txt"


def test_a_deleted_contact_is_missed_by_verify_and_found_against_heads(ada, workspace, call):
    call("add", "bob")
    call("verify", "--heads", "heads.txt")
    database = sqlite3.connect(workspace / "funnelflow.db")
    with database:
        for table, column in TABLES_OF_CONTACTS:
            database.execute(f"DELETE FROM {table} WHERE {column} = 2")
    database.close()
    assert call("verify").exit_code == 0
    done = call("verify", "--against", "heads.txt")
    assert (done.exit_code, "is gone with its history" in done.stdout) == (1, True)
    assert "restore" not in done.stderr
    again = call("verify", "--heads", "heads.txt")
    assert (again.exit_code, "heads.txt was not written" in again.stderr) == (1, True)


def test_a_damaged_file_of_heads_is_an_error_with_its_line(ada, workspace, call):
    call("verify", "--heads", "heads.txt")
    path = workspace / "heads.txt"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    done = call("verify", "--against", "heads.txt")
    assert (done.exit_code, "heads.txt:6: the file ends before" in done.stderr) == (2, True)
    assert call("verify", "--force").exit_code == 2


def test_many_findings_of_a_sound_database_never_advise_to_restore_it(ada, workspace, call):
    with Workspace.open(workspace) as opened:
        for number in range(101):
            opened.add(f"c{number}")
    call("verify", "--heads", "heads.txt")
    database = sqlite3.connect(workspace / "funnelflow.db")
    with database:
        for table, column in TABLES_OF_CONTACTS:
            database.execute(f"DELETE FROM {table} WHERE {column} <> 1")
    database.close()
    done = call("verify", "--against", "heads.txt")
    assert "101 problems" in done.stderr
    assert (done.stderr.count("hint:"), "restore" in done.stderr) == (1, False)


def test_a_funnel_stands_for_its_definition_and_the_hint_runs_as_it_is_shown(newer, call):
    assert call("adopt").exit_code == 2
    assert call("adopt", "dialogue", "--funnel", "standard").exit_code == 2
    done = call("adopt", "--funnel", "standard", "--from-now", "--quiet")
    assert "Who moves" not in done.stdout
    assert done.stderr.endswith(
        "hint: funnelflow adopt standard --from-now --quiet --yes does it\n"
    )
    (stood,) = json.loads(call("list", "--json").stdout)
    assert call(*done.stderr.split("funnelflow ")[1].split(" does")[0].split()).exit_code == 0
    (stands,) = json.loads(call("list", "--json").stdout)
    assert stands["stage"] == stood["stage"] == "lead.recycled"
