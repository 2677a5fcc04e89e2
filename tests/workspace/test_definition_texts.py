"""A text is read as a definition of a workspace, as its file would be."""

from pathlib import Path

import pytest

SOUND = """\
funnel: small
version: 1
vocabulary: standard
initial: lead
stages: {lead: {}, customer: {type: won}}
transitions:
  - {from: lead, to: customer, on: purchased, require: [Budget: contact.budget > 10]}
"""


def test_a_text_is_read_with_the_library_of_the_workspace(workspace):
    reading = workspace.read_definition(SOUND)
    assert reading.linked is not None
    assert reading.linked.leaves == ("lead", "customer")


def test_everything_wrong_with_a_text_has_its_place(workspace):
    reading = workspace.read_definition(SOUND.replace("budget", "bugdet"), "pasted")
    assert reading.linked is None
    (problem,) = [one for one in reading.problems if one.severity == "error"]
    assert (problem.position.path, problem.position.line) == ("pasted", 7)
    assert "budget" in problem.help


def test_a_text_finds_nothing_in_the_current_directory(workspace, tmp_path, monkeypatch):
    (tmp_path / "vocabularies").mkdir()
    (tmp_path / "vocabularies" / "elsewhere.yaml").write_text("vocabulary: elsewhere\n")
    monkeypatch.chdir(tmp_path)
    reading = workspace.read_definition(SOUND.replace("standard", "elsewhere"))
    assert "F207" in [problem.code for problem in reading.problems]


@pytest.mark.parametrize("text", ["", "\0", "\ud800", "[" * 100_000, "a: " + "x" * 2_000_000])
def test_a_hostile_text_has_problems_as_its_file_has(workspace, text):
    reading = workspace.read_definition(text)
    assert reading.linked is None
    assert reading.problems
    assert not Path("definition.yaml").exists()
