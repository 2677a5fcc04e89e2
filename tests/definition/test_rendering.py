"""Problems as people and programs read them."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from funnelflow.criteria import AS_WRITTEN, Position
from funnelflow.definition import (
    CODES,
    Criterion,
    Definition,
    Problem,
    Span,
    Stage,
    Transition,
    check,
)
from funnelflow.definition import render_problems as render
from funnelflow.definition.problem_formats import headline

from .strategies import VOCABULARY


def written(code, span, message, help_="", name=""):
    return Problem(code, span, {"message": message, "help": help_}, AS_WRITTEN, name=name)


TEXT = "funnel: small\nstages:\n  lead: {titel: x}\n  日本: {type: wun}\n"
SOURCES = {"a.yaml": TEXT}
UNKNOWN = written(
    "F101",
    Span(Position("a.yaml", 3, 10), 15),
    "the stage 'lead' has no key 'titel'",
    "did you mean 'title'?",
)
WARNING = written("F404", Span(Position("a.yaml", 4, 14), 17), "nothing leads out")
NOWHERE = written("F203", Span(None), "there is no stage 'x'", name="small, transition 1 (a to x)")


def test_full_shows_the_line_the_carets_and_the_help():
    assert render([UNKNOWN], SOURCES) == (
        "a.yaml:3:10: F101 the stage 'lead' has no key 'titel'\n"
        "    |\n"
        "  3 |   lead: {titel: x}\n"
        "    |          ^^^^^\n"
        "    help: did you mean 'title'?\n"
    )


def test_a_warning_says_so():
    assert render([WARNING], SOURCES, "concise") == (
        "a.yaml:4:14: F404 warning: nothing leads out\n"
    )


def test_carets_stand_right_under_wide_letters():
    _, _, line, carets = render([WARNING], SOURCES).splitlines()
    assert line == "  4 |   日本: {type: wun}"
    assert carets == "    |                ^^^"


def test_without_an_end_the_carets_go_to_the_end_of_the_line():
    problem = written("F004", Span(Position("a.yaml", 2, 3)), "m")
    assert render([problem], SOURCES).splitlines()[-1] == "    |   ^^^^^"


def test_an_empty_stretch_still_has_a_caret():
    problem = written("F103", Span(Position("a.yaml", 2, 8), 8), "m")
    assert render([problem], SOURCES).splitlines()[-1] == "    |        ^"


def test_a_place_whose_text_is_not_at_hand_is_reported_without_it():
    assert render([UNKNOWN], {}) == (
        "a.yaml:3:10: F101 the stage 'lead' has no key 'titel'\n    help: did you mean 'title'?\n"
    )


def test_a_definition_from_python_is_named():
    assert render([NOWHERE], {}, "concise") == (
        "small, transition 1 (a to x): F203 there is no stage 'x'\n"
    )


def test_the_expression_is_shown_where_there_is_no_file():
    definition = Definition(
        "small",
        VOCABULARY,
        "a",
        (Stage("a"), Stage("b", type="won")),
        (Transition("a", "b", "form", require=[Criterion("Rich", "contact.bugdet > 5")]),),
    )
    assert render(check(definition), {}) == (
        "small, transition 1 (a to b), criterion 'Rich': E130 there is no field contact.bugdet\n"
        "  |\n"
        "  | contact.bugdet > 5\n"
        "  |         ^^^^^^\n"
        "  help: did you mean contact.budget?\n"
    )


def test_problems_are_parted_by_an_empty_line():
    assert render([UNKNOWN, WARNING], SOURCES).count("\n\n") == 1


def test_nothing_wrong_is_nothing_said():
    assert render([], {}) == render([], {}, "concise") == render([], {}, "github") == ""
    assert json.loads(render([], {}, "json")) == []


def test_a_long_line_is_shown_around_the_place():
    text = "x" * 5000 + "HERE" + "y" * 5000
    problem = written("F004", Span(Position("a.yaml", 1, 5001), 5005), "m")
    _, _, line, carets = render([problem], {"a.yaml": text}).splitlines()
    assert len(line) < 200
    start = carets.index("^")
    assert line[start : start + carets.count("^")] == "HERE"


def test_a_line_that_just_fits_is_shown_whole():
    for size, dots in ((160, 0), (161, 1)):
        problem = written("F004", Span(Position("a.yaml", 1, 1), 2), "m")
        _, _, line, _ = render([problem], {"a.yaml": "x" * size}).splitlines()
        assert (line.count("x"), line.count("…")) == (160, dots)


texts = st.text(st.characters(codec="utf-8"), max_size=40)


@given(texts, texts, texts, st.integers(1, 50), st.integers(0, 50))
@pytest.mark.parametrize("form", ["full", "concise", "json", "github", "sarif"])
def test_nothing_that_steers_a_terminal_is_ever_written(form, text, message, path, column, size):
    problem = written("F004", Span(Position(path, 1, column), column + size), message, text)
    shown = render([problem], {path: text}, form)
    unsafe = {unicodedata.category(c) for c in shown if c != "\n"}
    assert not unsafe & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    if form in ("json", "sarif"):
        json.loads(shown)


def test_json_has_an_object_for_each_problem():
    first, last = json.loads(render([UNKNOWN, NOWHERE], SOURCES, "json"))
    assert first == {
        "code": "F101",
        "severity": "error",
        "message": "the stage 'lead' has no key 'titel'",
        "path": "a.yaml",
        "line": 3,
        "column": 10,
        "end_column": 15,
        "help": "did you mean 'title'?",
    }
    assert (last["path"], last["line"]) == ("small, transition 1 (a to x)", None)


def test_github_gets_a_command_for_each_problem():
    assert render([UNKNOWN, NOWHERE], SOURCES, "github") == (
        "::error file=a.yaml,line=3,col=10,endColumn=15,title=F101::"
        "the stage 'lead' has no key 'titel' (did you mean 'title'?)\n"
        "::error title=F203::small, transition 1 (a to x): there is no stage 'x'\n"
    )


def test_a_note_is_a_notice_to_github():
    note = Problem("F416", name="small", parameters={"stage": "work"})
    assert render([note], {}, "github").startswith("::notice title=F416::small: this wait")
    assert headline(note).startswith("small: F416 note: this wait")


def test_what_has_a_meaning_to_github_is_escaped():
    problem = written("F004", Span(Position("a,b:c.yaml", 1, 1)), "50% of\nit")
    assert render([problem], {}, "github") == (
        "::error file=a%2Cb%3Ac.yaml,line=1,col=1,title=F004::50%25 of\\nit\n"
    )


def test_sarif_has_a_run_with_rules_and_results():
    log = json.loads(render([UNKNOWN, WARNING, NOWHERE], SOURCES, "sarif"))
    (run,) = log["runs"]
    assert log["version"] == "2.1.0"
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["F101", "F203", "F404"]
    assert [result["ruleId"] for result in run["results"]] == ["F101", "F404", "F203"]
    assert [result["ruleIndex"] for result in run["results"]] == [0, 2, 1]
    assert [result["level"] for result in run["results"]] == ["error", "warning", "error"]
    region = run["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 3, "startColumn": 10, "endColumn": 15}
    named = run["results"][2]["locations"][0]["logicalLocations"][0]
    assert named == {"fullyQualifiedName": "small, transition 1 (a to x)"}


# What SARIF 2.1.0 requires of the parts that are written here, from its specification:
# sections 3.13 (log), 3.14 (run), 3.19 (tool component), 3.27 (result), 3.29 and 3.30
# (locations and regions), 3.49 (rules).
MESSAGE = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
WHOLE = {"type": "integer", "minimum": 1}
LOCATION = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation"],
            "additionalProperties": False,
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "required": ["uri"],
                    "properties": {"uri": {"type": "string", "pattern": r"^[!-~]+$"}},
                },
                "region": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["startLine"],
                    "properties": {"startLine": WHOLE, "startColumn": WHOLE, "endColumn": WHOLE},
                },
            },
        },
        "logicalLocations": {
            "type": "array",
            "items": {"required": ["fullyQualifiedName"], "type": "object"},
        },
    },
}
RULE = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "string"},
        "shortDescription": MESSAGE,
        "fullDescription": MESSAGE,
        "defaultConfiguration": {
            "properties": {"level": {"enum": ["none", "note", "warning", "error"]}}
        },
    },
}
RESULT = {
    "type": "object",
    "required": ["message"],
    "properties": {
        "message": MESSAGE,
        "ruleId": {"type": "string"},
        "ruleIndex": {"type": "integer", "minimum": -1},
        "level": {"enum": ["none", "note", "warning", "error"]},
        "locations": {"type": "array", "items": LOCATION},
    },
}
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "$schema": {"type": "string", "format": "uri"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool"],
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name"],
                                "properties": {"rules": {"type": "array", "items": RULE}},
                            }
                        },
                    },
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "results": {"type": "array", "items": RESULT},
                },
            },
        },
    },
}

problems = st.builds(
    written,
    st.sampled_from(sorted(CODES)),
    st.builds(
        Span,
        st.none() | st.builds(Position, texts.filter(bool), st.integers(1, 99), st.integers(1, 99)),
        st.none() | st.integers(1, 99),
    ),
    texts,
    texts,
    name=texts,
)


@given(st.lists(problems, max_size=4))
def test_sarif_is_what_its_specification_asks_for(listed):
    log = json.loads(render(listed, {}, "sarif"))
    assert [error.message for error in Draft7Validator(SARIF).iter_errors(log)] == []
    for result in log["runs"][0]["results"]:
        rules = log["runs"][0]["tool"]["driver"]["rules"]
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
