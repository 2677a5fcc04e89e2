"""CEL's meaning, case by case, and the command that counts."""

import json
from pathlib import Path

import pytest

from funnelflow.testing.cel_conformance import main, run_case

CASES = json.loads(Path(__file__).with_name("cases.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_case_gives_what_cel_gives(case):
    outcome = run_case(case)
    wanted = ("accepted", "rejected") if "error" in case["expect"] else ("accepted",)
    assert outcome.verdict in wanted, outcome.words


@pytest.mark.parametrize(
    ("expr", "expect"),
    [
        ("1 + 1", {"int": 3}),
        ("1 + 1", {"double": "2.0"}),
        ("1 + 1", {"error": True}),
        ("1 / 0", {"int": 0}),
        ("0.0 / 0.0", {"double": "0.0"}),
        ("[1]", {"list": [{"int": 1}, {"int": 1}]}),
        ("1 + 1", {"uint": 2}),
        ("true", {"int": 1}),
    ],
)
def test_another_answer_is_wrong(expr, expect):
    assert run_case({"expr": expr, "expect": expect}).verdict == "wrong"


def test_what_the_language_leaves_out_is_rejected():
    assert run_case({"expr": "1u", "expect": {"uint": 1}}).verdict == "rejected"


def test_a_variable_is_read_as_a_field():
    case = {"expr": "x + size('x')", "bindings": {"x": {"int": 4}}, "expect": {"int": 5}}
    assert run_case(case).verdict == "accepted"


def test_a_variable_of_a_type_that_criteria_lack_is_rejected():
    case = {"expr": "x == null", "bindings": {"x": {"null": True}}, "expect": {"bool": True}}
    assert run_case(case).verdict == "rejected"


def write(directory, cases):
    directory.joinpath("some.json").write_text(json.dumps(cases), encoding="utf-8")
    return [str(directory)]


def test_the_command_counts_by_file_and_in_total(tmp_path, capsys):
    cases = [{"expr": "1", "expect": {"int": 1}}, {"expr": "1u", "expect": {"uint": 1}}]
    assert main(write(tmp_path, cases)) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["some.json", "1", "accepted", "1", "rejected", "0", "wrong"],
        ["total", "1", "accepted", "1", "rejected", "0", "wrong"],
    ]


def test_the_command_names_what_is_wrong_and_exits_1(tmp_path, capsys):
    assert main(write(tmp_path, [{"expr": "1", "expect": {"int": 2}}])) == 1
    assert "wrong: '1': gave 1, wanted 2" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["no such directory"]])
def test_the_command_says_how_it_is_used(arguments, capsys):
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith("usage: ")


def test_the_command_says_that_a_directory_holds_no_cases(tmp_path, capsys):
    assert main([str(tmp_path)]) == 2
    assert "holds no .json file" in capsys.readouterr().err
