"""Definitions from the command line: check, test, show."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from .support import run

BROKEN = """\
funnel: broken
title: Broken
initial: target
fields: {budget: number}
stages: {target: {}, customer: {type: won}}
transitions:
  - from: target
    to: customer
    require: [Rich: contact.bugdet > 5]
scenarios:
  - {story: Nothing happens, then: customer}
"""
MINE = BROKEN.replace("bugdet", "budget").replace("then: customer", "then: target")


@pytest.fixture
def broken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "broken.yaml"
    path.write_text(BROKEN)
    return path


def test_a_sound_definition_is_exit_0_and_says_so(workspace, call):
    done = call("check")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "1 definition checked: nothing is wrong\n"


def test_a_problem_has_its_place_its_code_and_its_help(broken, call):
    done = call("check", "broken.yaml")
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert any(line.startswith("broken.yaml:9:29: E") for line in lines)
    assert any(line.strip().endswith("^^^^^^") for line in lines)
    assert any("help: " in line and "budget" in line for line in lines)
    assert done.stderr.startswith("1 definition checked: 1 error")


def test_a_note_is_shown_and_is_nothing_wrong(tmp_path, call):
    path = tmp_path / "noted.yaml"
    nested = "target: {stages: {new: {}}}"
    wait = "  - {from: target, to: customer, after: 3d}\nscenarios"
    path.write_text(MINE.replace("target: {}", nested).replace("scenarios", wait))
    done = call("check", str(path), "--strict")
    assert "F416 note: " in done.stdout
    assert (done.exit_code, done.stderr) == (0, "1 definition checked: nothing is wrong\n")


def test_a_field_has_one_type_in_the_files_of_a_workspace_and_in_those_in_use(
    tmp_path, call, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert call("init", ".", "--funnel", "standard").exit_code == 0
    for name, kind in (("other", "integer"), ("third", "text")):
        theirs = MINE.replace("broken", name).replace("budget: number", f"ours: {kind}")
        theirs = theirs.replace("contact.budget > 5", "has(contact.ours)")
        Path("definitions", f"{name}.yaml").write_text(theirs)
    done = call("check", "other", "third")
    assert (done.exit_code, done.stdout.count("F709 warning: the field 'ours' is text")) == (0, 1)
    assert call("add", "ada").exit_code == 0
    third = Path("definitions", "third.yaml")
    third.write_text(third.read_text().replace("ours", "budget"))
    done = call("check", "third")
    assert (done.exit_code, done.stdout.count("F710 the field 'budget' is text")) == (1, 1)
    assert call("adopt", str(third)).exit_code == 2


@pytest.mark.parametrize("form", ["full", "concise", "json", "github", "sarif"])
def test_every_format_is_written_to_stdout(broken, call, form):
    done = call("check", "broken.yaml", "--format", form)
    assert done.exit_code == 1
    assert "broken.yaml" in done.stdout


def test_json_is_the_json_format(broken, call):
    assert (
        call("check", "broken.yaml", "--json").stdout
        == call("check", "broken.yaml", "--format", "json").stdout
    )


def test_a_definition_that_ships_is_found_by_name(tmp_path, call, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call("check", "dialogue").exit_code == 0


def test_a_name_that_is_none_names_the_nearest(tmp_path, call, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = call("check", "dialog")
    assert (done.exit_code, "dialogue" in done.stderr) == (2, True)


def test_a_file_that_is_not_there_is_a_problem_like_others(tmp_path, call, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = call("check", "nothing.yaml")
    assert (done.exit_code, "nothing.yaml" in done.stdout) == (1, True)


def test_nothing_named_outside_of_a_workspace_is_a_usage_error(tmp_path, call, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call("check").exit_code == 2
    assert call("test").exit_code == 2
    assert call("show").exit_code == 2


def test_warnings_are_exit_0_unless_strict(broken, call):
    broken.write_text(MINE.replace("stages: {", "stages: {nowhere: {}, "))
    assert call("check", "broken.yaml").exit_code == 0
    assert call("check", "broken.yaml", "--strict").exit_code == 1


def test_a_code_is_explained(call):
    done = call("check", "--explain", "f405")
    assert done.exit_code == 0
    assert done.stdout.startswith("F405 (warning): a transition that is never taken\n")


def test_a_code_of_expressions_is_explained(call):
    from funnelflow.criteria import EXPRESSION_CODES  # noqa: PLC0415  # one test needs it

    code, explained = next(iter(EXPRESSION_CODES.items()))
    assert explained.title in " ".join(call("check", "--explain", code).stdout.split())


def test_a_code_that_is_none_is_an_error(call):
    assert call("check", "--explain", "F999").exit_code == 2


def test_control_characters_of_a_file_do_not_reach_the_terminal(broken, call):
    broken.write_text(BROKEN.replace("Rich", '"R\\x1b[31mich"'))
    shown = call("check", "broken.yaml").stdout
    assert "\x1b" not in shown


def test_a_binary_file_is_an_error_without_a_traceback(broken, call):
    broken.write_bytes(bytes(range(256)) * 50)
    done = call("check", "broken.yaml")
    assert (done.exit_code, "broken.yaml" in done.stdout) == (1, True)


def test_scenarios_that_hold_are_ticked_off(workspace, call):
    done = call("test")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[:3] == [
        "standard",
        "  ✓ A form makes a lead",
        "  ✓ Four good answers make a prospect",
    ]
    assert done.stderr == "2 scenarios: 2 passed, 0 failed\n"


def test_what_no_scenario_exercises_is_named(workspace, call):
    lines = call("test").stdout.splitlines()
    assert lines[3] == "  no scenario exercises 4 of 6 transitions, 3 of 9 criteria"
    assert "    never taken: lead.inquiry → lead.recycled, after 90 days without activity" in lines
    assert any(line.startswith("    never looked at: A reason is given (") for line in lines)


def test_a_scenario_that_fails_tells_where_the_story_went(broken, call):
    broken.write_text(BROKEN.replace("bugdet", "budget"))
    done = call("test", "broken.yaml")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[:4] == [
        "broken",
        "  ✗ Nothing happens",
        "      ended in target, not in customer (broken.yaml:11)",
        "      · add: stays target (the criterion for customer is unknown)",
    ]
    assert done.stderr == "1 scenario: 0 passed, 1 failed\n"


def test_scenarios_as_json_carry_the_coverage(workspace, call):
    answer = json.loads(call("test", "--json").stdout)[0]
    assert [scenario["passed"] for scenario in answer["scenarios"]] == [True, True]
    assert (answer["coverage"]["transitions"], answer["coverage"]["criteria"]) == (6, 9)
    assert answer["coverage"]["unseen"][-1]["criterion"] == "A reason is given"


def test_a_definition_with_errors_is_not_tested(broken, call):
    done = call("test", "broken.yaml")
    assert (done.exit_code, "broken.yaml:9:" in done.stderr) == (2, True)


def test_show_is_a_glossary(workspace, call):
    shown = call("show").stdout
    for expected in (
        "standard, version 1",
        "A prospect is a lead with money, a decider and a date",
        "  target  (contacts start here)",
        "  lead  (entered at lead.inquiry)",
        "    also called: sales lead",
        "      • Answer within one working day, by name",
        "  customer  (won)",
        "  lead → prospect  on assessed or call",
        "    • We can reach them: email is known or phone is known",
        "    • Buys within three months: buying horizon is at most 90 days",
        "    • at least 1 of these 2",
        "      • They have bought: purchases is more than 0",
        "                decides, influences or none",
    ):
        assert expected in shown.splitlines(), expected


def test_a_label_that_says_what_its_expression_says_stands_alone(workspace, call):
    assert "    • budget is at least 5,000" in call("show").stdout.splitlines()


def test_show_as_json_is_the_definition(workspace, call):
    from funnelflow.definition import from_json  # noqa: PLC0415  # one test needs it

    assert from_json(json.loads(call("show", "--json").stdout)).name == "standard"


@pytest.mark.parametrize(("form", "first"), [("mermaid", "stateDiagram-v2"), ("dot", "digraph")])
def test_show_draws_diagrams(workspace, call, form, first):
    assert first in call("show", "standard", "--diagram", form).stdout


def test_show_draws_a_definition_as_a_picture(workspace, call):
    root = ET.fromstring(call("show", "standard", "--diagram", "svg").stdout)
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"prospect", "✓ customer", "✗ disqualified", "to customer: on purchased"} <= {*texts}
    assert not any(text.endswith(" now") for text in texts if text)


def test_a_picture_of_a_definition_has_counts_and_shares_at_its_arrows(ada, call):
    for name in ("bob", "cy"):
        call("add", name, f"email={name}@example.com", "--at", "2026-03-01T09:00:00Z")
    call("record", "bob", "form_submitted", "--at", "2026-03-02T09:00:00Z")
    done = call("show", "standard", "--diagram", "svg", "--with-counts")
    texts = [e.text for e in ET.fromstring(done.stdout).iter("{http://www.w3.org/2000/svg}text")]
    assert {"1 now", "2 now", "2 of 2", "not taken"} <= {*texts}


@pytest.mark.parametrize("more", [(), ("--diagram", "mermaid")])
def test_counts_stand_in_a_picture_only(workspace, call, more):
    done = call("show", "standard", "--with-counts", *more)
    assert done.exit_code == 2
    assert "hint: funnelflow show --diagram svg --with-counts" in done.stderr


def test_counts_are_those_of_a_funnel_in_use(workspace, call):
    done = call("show", "dialogue", "--diagram", "svg", "--with-counts")
    assert done.exit_code == 2
    assert "dialogue" in done.stderr


def test_a_dot_diagram_is_indented_by_blanks_that_no_cleaning_spells_out(workspace, call):
    second = call("show", "standard", "--diagram", "dot").stdout.splitlines()[1]
    assert second.startswith("  graph [")


def test_definitions_are_looked_at_without_a_database(workspace, call):
    (workspace / "funnelflow.db").unlink()
    assert [call(name).exit_code for name in ("check", "test", "show")] == [0, 0, 0]


def test_a_file_of_anywhere_is_shown(broken, call):
    broken.write_text(MINE)
    assert call("show", "broken.yaml").stdout.startswith("broken, version 1\n")


def test_show_into_a_pipe_that_closes_is_quiet(workspace):
    done = run("show", "standard", cwd=workspace)
    assert (done.code, done.err) == (0, "")
