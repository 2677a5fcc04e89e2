"""Records built in Python get the problems that a file would get, all at once."""

import datetime as dt

import pytest
from attrs import evolve, fields, has

from funnelflow.criteria import BOOLEAN, NUMBER, Field
from funnelflow.definition import (
    Criterion,
    Definition,
    DefinitionError,
    EventType,
    Group,
    Invariant,
    Library,
    Position,
    Scenario,
    ScenarioStep,
    Stage,
    Transition,
    Vocabulary,
    check,
    link,
    link_stored,
    render_problems,
)

from .support import codes, read

FITS = Criterion("Fits", "contact.fits")
VOCABULARY = Vocabulary(
    "small",
    fields={"budget": Field("budget", NUMBER), "fits": Field("fits", BOOLEAN)},
    events={"form": EventType("form")},
)
GO = Transition("lead", "prospect", "form")
SOUND = Definition(
    "small",
    VOCABULARY,
    "lead",
    (Stage("lead"), Stage("prospect", type="won")),
    (GO,),
)

FILE = """\
funnel: small
fields: {budget: number, fits: boolean}
events: {form: EVENT}
initial: lead
stages: {lead: STAGE, prospect: {type: won}}
transitions: [{from: lead, to: prospect, on: form}TRANSITION]
"""


def from_file(directory, *, event="{}", stage="{}", transition="", more=""):
    text = FILE.replace("EVENT", event).replace("STAGE", stage)
    reading = read(directory, text.replace("TRANSITION", transition) + more)
    return {problem.code for problem in reading.problems if problem.severity == "error"}


def built(**changes):
    return evolve(SOUND, **changes)


def stage(**changes):
    return built(stages=(Stage("lead", **changes), SOUND.stages[1]))


def more(**changes):
    return built(transitions=(GO, Transition(**{"sources": "lead", "to": "prospect", **changes})))


def requiring(require):
    return built(transitions=(evolve(GO, require=require),))


def required(text):
    return {"transition": f", {{from: lead, to: prospect, require: {text}}}"}


def scenario(*steps, **changes):
    return built(scenarios=(Scenario(**{"story": "S", "then": "lead", "when": steps, **changes}),))


def event(**changes):
    return built(vocabulary=evolve(VOCABULARY, events={"form": EventType("form", **changes)}))


MISFITS = {
    "type": (stage(type="wonn"), {"stage": "{type: wonn}"}),
    "owner": (stage(owner=5), {"stage": "{owner: 5}"}),
    "title": (stage(title=None), {"stage": "{title: }"}),
    "aliases": (stage(aliases=[5]), {"stage": "{aliases: [5]}"}),
    "playbook": (stage(playbook={"a": "b"}), {"stage": "{playbook: {a: b}}"}),
    "optional": (stage(optional="yes"), {"stage": "{optional: 'yes'}"}),
    "stages": (stage(stages=5), {"stage": "{stages: 5}"}),
    "a stage": (built(stages=(*SOUND.stages, 5)), {"stage": "5"}),
    "wait": (
        more(after=30),
        {"transition": ", {from: lead, to: prospect, after: 30}"},
    ),
    "since": (
        more(after=dt.timedelta(days=30), since="now"),
        {"transition": ", {from: lead, to: prospect, after: 30d, since: now}"},
    ),
    "from": (more(sources=5), {"transition": ", {from: 5, to: prospect}"}),
    "to": (more(to=["prospect"]), {"transition": ", {from: lead, to: [prospect]}"}),
    "on": (more(on={"form": 1}), {"transition": ", {from: lead, to: prospect, on: {form: 1}}"}),
    "by": (more(on="form", by=[5]), {"transition": ", {from: lead, to: prospect, by: [5]}"}),
    "require": (more(require="contact.fits"), required("contact.fits")),
    "kind of group": (more(require=Group("ALL", (FITS,))), required("{ALL: [Fits: contact.fits]}")),
    "kind of a nested group": (
        more(require=[Group("Any", (FITS,))]),
        required("[Any: [Fits: contact.fits]]"),
    ),
    "count": (
        more(require=Group("at_least", (FITS,), count="1")),
        required("{at_least: '1', of: [Fits: contact.fits]}"),
    ),
    "items": (more(require=Group("any", "contact.fits")), required("{any: contact.fits}")),
    "an item": (more(require=["contact.fits"]), required("[contact.fits]")),
    "force": (built(force=[5]), {"more": "force: [5]"}),
    "version": (built(version="2"), {"more": "version: '2'"}),
    "story": (scenario(story=5), {"more": "scenarios: [{story: 5, then: lead}]"}),
    "step": (scenario(["form"]), {"more": "scenarios: [{story: S, then: lead, when: [[form]]}]"}),
    "wait of a step": (
        scenario(ScenarioStep(wait=3)),
        {"more": "scenarios: [{story: S, then: lead, when: [{wait: 3}]}]"},
    ),
    "facts": (scenario(given=5), {"more": "scenarios: [{story: S, then: lead, given: 5}]"}),
    "sets": (event(sets=["budget"]), {"event": "{sets: [budget]}"}),
    "fields": (event(fields=["way"]), {"event": "{fields: [way]}"}),
    "type of a field": (
        event(fields={"way": Field("way", "number")}),
        {"event": "{fields: {way: [number]}}"},
    ),
    "no type of a field": (
        event(fields={"way": Field("way", None)}),
        {"event": "{fields: {way: {type: []}}}"},
    ),
    "invariant": (built(always=("always",)), {"more": "always: [always]"}),
    "after": (
        built(always=(Invariant("I", "prospect", after=[5]),)),
        {"more": "always: [{I: {stage: prospect, after: [5]}}]"},
    ),
}


@pytest.mark.parametrize(("definition", "text"), MISFITS.values(), ids=MISFITS)
def test_what_does_not_fit_gets_the_code_that_a_file_gets(definition, text, tmp_path):
    found = {problem.code for problem in check(definition) if problem.severity == "error"}
    assert found
    assert found == from_file(tmp_path, **text)


@pytest.mark.parametrize(("definition", "text"), MISFITS.values(), ids=MISFITS)
def test_what_does_not_fit_is_never_linked(definition, text):
    with pytest.raises(DefinitionError):
        link(definition)


def test_the_sound_definition_they_are_made_of_is_sound(tmp_path):
    assert check(SOUND) == ()
    assert from_file(tmp_path) == set()


def test_everything_that_does_not_fit_is_reported_at_once_with_what_it_is():
    lead = Stage("lead", type="wonn", owner=5, stages=(Stage("new", title=5), Stage("old")))
    gate = Transition("lead", "prospect", after="30d", require=Group("ALL", (FITS,)))
    found = check(built(stages=(lead, SOUND.stages[1]), transitions=(GO, gate)))
    assert [(p.path, p.code, p.message) for p in found if p.severity == "error"] == [
        ("small, stage 'lead'", "F103", "'owner' must be text, but this is the number 5"),
        (
            "small, stage 'lead'",
            "F103",
            "'type' must be one of open, won, lost, but this is 'wonn'",
        ),
        (
            "small, stage 'lead', stage 'new'",
            "F103",
            "'title' must be text, but this is the number 5",
        ),
        (
            "small, transition 2",
            "F103",
            (
                "'after' must be a length of time, or a date such as contact.close_date, "
                "but this is text"
            ),
        ),
        ("small, transition 2, criterion", "F101", "a group of criteria has no key 'ALL'"),
    ]


def test_names_are_checked_as_well_where_something_else_does_not_fit():
    found = check(built(initial="leed", force=5))
    assert [problem.code for problem in found] == ["F103", "F402"]


def test_the_help_says_how_it_is_written_in_python():
    (problem,) = (p for p in check(more(after="30d")) if p.code == "F103")
    assert problem.help == "write it as datetime.timedelta(…)"
    (problem,) = check(event(fields={"way": Field("way", "list of number")}))
    assert problem.message == "'type' must be the type of a field, but this is text"
    assert problem.help == "write list_of(NUMBER) of funnelflow.criteria"
    (problem,) = (p for p in check(stage(type="wonn")) if p.code == "F103")
    assert problem.help == "did you mean 'won'?"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"vocabulary": "standard"}, "F103"),
        ({"vocabulary": evolve(VOCABULARY, fields={"budget": 5})}, "F103"),
        ({"vocabulary": evolve(VOCABULARY, fields={5: Field("budget", NUMBER)})}, "F103"),
        ({"vocabulary": evolve(VOCABULARY, criteria={"bant": [FITS]})}, "F105"),
        ({"name": 5}, "F103"),
        ({"stages": None}, "F103"),
        ({"transitions": {"a": GO}}, "F103"),
    ],
)
def test_a_part_of_another_type_is_a_problem_and_no_type_error(changes, code):
    assert code in [problem.code for problem in check(built(**changes))]


def test_a_group_of_an_unknown_kind_opens_nothing_even_where_nothing_is_checked():
    linked = link_stored(requiring(Group("ALL", (FITS,))))
    (rule,) = linked.transitions[0].rule.rules
    assert rule.rules == link_stored(requiring(FITS)).transitions[0].rule.rules


def test_a_stage_far_inside_others_is_refused_whatever_else_is_wrong():
    stage = Stage("a", stages=5)
    for _ in range(30):
        stage = Stage("a", stages=(stage,))
    assert [problem.code for problem in check(built(stages=(stage,)))] == ["F003"]


def test_what_a_plugin_offers_to_build_on_is_checked_before_it_is_built_on(tmp_path):
    library = Library(definitions={"base": stage(aliases=[5])}, shipped=None)
    reading = read(
        tmp_path, "funnel: mine\nextends: base\nstages: {lead: {aliases: [x]}}\n", library
    )
    assert "F103" in codes(reading)
    library = Library(vocabularies={"words": evolve(VOCABULARY, fields=5)}, shipped=None)
    reading = read(
        tmp_path, "funnel: mine\nvocabulary: words\ninitial: a\nstages: {a: }\n", library
    )
    assert "F103" in codes(reading)


WRONG = (5, -1.5, None, True, "x y", b"x", (), [5], ("x",), {"x": 1}, {5: 5}, object(), Stage)
EVERYTHING = evolve(
    SOUND,
    vocabulary=evolve(
        VOCABULARY,
        events={"form": EventType("form", sets={"fits": "true"}, fields={"w": Field("w", NUMBER)})},
        criteria={"bant": Group("all", (FITS,))},
    ),
    stages=(Stage("lead", stages=(Stage("new"),)), SOUND.stages[1]),
    transitions=(evolve(GO, require=Group("at_least", (FITS, Group("any", (FITS,))), 1)),),
    scenarios=(Scenario("S", "lead.new", (ScenarioStep("form"), ScenarioStep(to="lead"))),),
    always=(Invariant("I", "prospect", after="lead"),),
)


def variants(record):
    """Yield a record with each of its attributes, and each of theirs, replaced by what is wrong."""
    for attribute in fields(type(record)):
        if not attribute.init or (attribute.name == "type" and isinstance(record, Field)):
            continue
        name, value = attribute.alias, getattr(record, attribute.name)
        for wrong in () if name.endswith(("position", "positions")) else WRONG:
            yield evolve(record, **{name: wrong})
        yield from (evolve(record, **{name: each}) for each in parts(value))


def parts(value):
    if isinstance(value, tuple):
        for number, item in enumerate(value):
            for each in parts(item):
                yield (*value[:number], each, *value[number + 1 :])
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from ({**value, key: each} for each in parts(item))
    elif has(type(value)) and not isinstance(value, Position):
        yield from variants(value)


def test_no_value_anywhere_in_a_record_is_more_than_a_problem():
    assert not [p for p in check(EVERYTHING) if p.severity == "error"]
    tried = 0
    for definition in variants(EVERYTHING):
        tried += 1
        found = check(definition)
        render_problems(found, {}, "full")
    assert tried > 1_000
