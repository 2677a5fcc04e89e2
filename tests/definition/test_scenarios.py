"""Scenarios: read as they are written, and held to the vocabulary and the stages."""

import datetime as dt

import pytest

from funnelflow.definition import Scenario, ScenarioStep

from .support import HEAD, read, told

START = HEAD + "stages: {lead: {aliases: [lead person]}, prospect: {type: won}}\n"
START += "transitions: [{from: lead, to: prospect, on: [form, call, quiet]}]\nscenarios:\n"


def scenario(tmp_path, text):
    reading = read(tmp_path, START + f"  - {text}\n")
    assert reading.problems == ()
    return reading.definition.scenarios[0]


@pytest.mark.parametrize(
    ("when", "steps"),
    [
        ("form", (ScenarioStep("form"),)),
        ("[form, call]", (ScenarioStep("form"), ScenarioStep("call"))),
        ("[{form: {budget: 5}}]", (ScenarioStep("form", {"budget": 5}),)),
        ("[form: {budget: 5}]", (ScenarioStep("form", {"budget": 5}),)),
        ("[{form: , as: sales}]", (ScenarioStep("form", roles="sales"),)),
        (
            "[{move: prospect, as: [sales, boss]}]",
            (ScenarioStep(to="prospect", roles=("sales", "boss")),),
        ),
        ("[{wait: 1h30m}]", (ScenarioStep(wait=dt.timedelta(minutes=90)),)),
        ("[{set: {budget: , fits: true}}]", (ScenarioStep(facts={"budget": None, "fits": True}),)),
        (
            "{call: {way: in, tags: [a, b]}}",
            (ScenarioStep("call", {"way": "in", "tags": ["a", "b"]}),),
        ),
        ("[]", ()),
    ],
)
def test_steps_are_read(tmp_path, when, steps):
    read_ = scenario(tmp_path, f"{{story: S, when: {when}, then: lead}}")
    assert read_ == Scenario("S", "lead", steps)


@pytest.mark.parametrize(
    ("text", "place", "message", "help_text"),
    [
        ("{when: [form], then: lead}", "8:6-10 F102", "a scenario needs the key 'story'", ""),
        ("{story: S}", "8:6-11 F502", "a scenario has no end", "name a stage in `then`"),
        (
            "{story: S, then: leed}",
            "8:22-26 F203",
            "there is no stage 'leed'",
            "did you mean 'lead'?",
        ),
        (
            "{story: S, then: lead, whenn: x}",
            "8:28-33 F101",
            "a scenario has no key 'whenn'",
            "did you mean 'when'?",
        ),
        (
            "{story: S, then: lead, when: [frm]}",
            "8:35-38 F204",
            "there is no event 'frm'",
            "did you mean 'form'?",
        ),
        (
            "{story: S, then: lead, when: [{frm: {}}]}",
            "8:36-39 F204",
            "there is no event 'frm'",
            "did you mean 'form'?",
        ),
        (
            "{story: S, then: lead, when: [{move: prospct}]}",
            "8:42-49 F203",
            "there is no stage 'prospct'",
            "did you mean 'prospect'?",
        ),
        (
            "{story: S, then: lead, when: [{wait: 0s}]}",
            "8:42-44 F209",
            "a wait takes some time",
            "write 30d or 1h",
        ),
        (
            "{story: S, then: lead, when: [{wait: 3}]}",
            "8:42-43 F103",
            "'wait' must be a length of time, but this is the number 3",
            "say of what: 3d, 3h or 3m",
        ),
        (
            "{story: S, then: lead, when: [{form: {bugdet: 5}}]}",
            "8:43-49 F205",
            "there is no field 'bugdet'",
            "did you mean 'budget'?",
        ),
        (
            "{story: S, then: lead, when: [{form: {budget: much}}]}",
            "8:51-55 F210",
            "budget: 'much' is not a number",
            None,
        ),
        (
            "{story: S, then: lead, when: [{form: {way: in}}]}",
            "8:43-46 F205",
            "there is no field 'way'",
            None,
        ),
        ("{story: S, then: lead, when: [{set: {score: 1.5}}]}", "8:49-52 F210", None, None),
        ("{story: S, then: lead, given: {score: a}}", "8:43-44 F210", None, None),
        (
            "{story: S, then: lead, given: [a]}",
            "8:35-38 F103",
            "the facts of 'given' must be a mapping of keys, but this is a list",
            "",
        ),
        (
            "{story: S, then: lead, when: [{form: , call: }]}",
            "8:36-40 F106",
            "a step must be one thing that happens, but this is 2 things in one",
            None,
        ),
        (
            "{story: S, then: lead, when: [{form: , ass: x}]}",
            "8:36-40 F106",
            "a step has no key 'ass'",
            "did you mean 'as'?",
        ),
        (
            "{story: S, then: lead, when: [[form]]}",
            "8:35-41 F106",
            "a step must be one thing that happens, but this is a list",
            None,
        ),
        (
            "{story: S, then: lead, when: [{as: x}]}",
            "8:36-38 F106",
            "a step must be one thing that happens, but this is a mapping",
            None,
        ),
        (
            "{story: S, then: lead, when: [5]}",
            "8:35-36 F103",
            "a step must be text, but this is the number 5",
            None,
        ),
        (
            "{story: S, then: lead, when: [{form: , as: a b}]}",
            "8:48-51 F201",
            "'a b' is no name of a role",
            None,
        ),
    ],
)
def test_what_makes_no_sense_is_reported(tmp_path, text, place, message, help_text):
    reading = read(tmp_path, START + f"  - {text}\n")
    found = {told(p): p for p in reading.problems}
    assert place in found, found
    assert message is None or found[place].message == message
    assert help_text is None or found[place].help == help_text


def test_two_scenarios_of_one_story_are_reported(tmp_path):
    reading = read(tmp_path, START + "  - {story: S, then: lead}\n" * 2)
    assert [(told(p), p.severity) for p in reading.problems] == [("9:13-14 F501", "warning")]


def test_facts_are_kept_as_a_file_would_hold_them():
    at = dt.datetime(2026, 3, 1, 9, 30, tzinfo=dt.UTC)
    step = ScenarioStep("form", {"seen": at, "wait": dt.timedelta(hours=1), "tags": ("a",)})
    assert step.facts == {"seen": "2026-03-01T09:30:00+00:00", "wait": "3600s", "tags": ["a"]}
