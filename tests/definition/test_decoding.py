"""The shape of a definition file: every key and kind of value is checked, and told in words."""

import datetime as dt

import pytest

from funnelflow.criteria import BOOLEAN, INTEGER, NUMBER, TEXT, Field, list_of
from funnelflow.definition import Criterion, Group, Scenario, ScenarioStep, Stage, Transition

from .support import HEAD, codes, read, told

SMALL = HEAD + "stages: {lead: , prospect: {type: won}}\n"
GO = SMALL + "transitions:\n  - {from: lead, to: prospect, on: form}\n"


def faults(reading):
    return [(told(p), p.message, p.help) for p in reading.problems if p.severity == "error"]


def transition_of(tmp_path, text):
    return read(tmp_path, SMALL + "transitions:\n" + text).definition.transitions[0]


def test_a_whole_definition_is_read(tmp_path):
    reading = read(
        tmp_path,
        """\
        funnel: small
        version: 3
        title: A title
        about: What it is about
        fields:
          budget: number
          size: {type: integer, title: size, about: How many, unit: people, ask: Many?, default: 2}
          tags: {type: list of text, values: [hot, cold]}
        events:
          form: {title: left their details, about: A form, sets: {size: contact.size + 1}}
          call: {fields: {way: {type: text, values: [one, two], default: one}}}
        initial: lead
        stages:
          lead:
            title: Lead
            about: Somebody
            aliases: [sales lead]
            owner: marketing
            playbook: [Call them]
            stages:
              cold:
              warm: {optional: true}
          customer: {type: won}
        transitions:
          - from: lead
            to: customer
            on: [form, call]
            after: 30d
            since: activity
            about: They buy
            require:
              - Enough: contact.budget > 5
        scenarios:
          - story: They buy
            given: {size: 3}
            when: [form]
            then: lead.cold
        force: boss
        """,
    )
    assert codes(reading) == ["F403"]
    definition = reading.definition
    assert (definition.name, definition.version, definition.title) == ("small", 3, "A title")
    assert definition.force == ("boss",)
    assert definition.vocabulary.fields == {
        "budget": Field("budget", NUMBER),
        "size": Field("size", INTEGER, "size", "How many", "people", ask="Many?", default=2),
        "tags": Field("tags", list_of(TEXT), choices=("hot", "cold")),
    }
    assert definition.vocabulary.events["form"].sets == {"size": "contact.size + 1"}
    assert definition.vocabulary.events["call"].fields["way"].default == "one"
    assert definition.stages == (
        Stage(
            "lead",
            "Lead",
            "Somebody",
            aliases=("sales lead",),
            owner="marketing",
            playbook=("Call them",),
            stages=(Stage("cold"), Stage("warm", optional=True)),
        ),
        Stage("customer", type="won"),
    )
    assert definition.transitions == (
        Transition(
            ("lead",),
            "customer",
            ("form", "call"),
            after=dt.timedelta(days=30),
            since="activity",
            require=Group("all", (Criterion("Enough", "contact.budget > 5"),)),
            about="They buy",
        ),
    )
    assert definition.scenarios == (
        Scenario("They buy", "lead.cold", (ScenarioStep("form"),), {"size": 3}),
    )


@pytest.mark.parametrize(
    ("line", "place", "message", "help_text"),
    [
        ("titel: x", "6:1-6 F101", "a definition has no key 'titel'", "did you mean 'title'?"),
        (
            "title: 2026",
            "6:8-12 F103",
            "'title' must be text, but this is the number 2026",
            "put it in quotes: '2026'",
        ),
        (
            "title: true",
            "6:8-12 F103",
            "'title' must be text, but this is a truth value",
            "put it in quotes: 'true'",
        ),
        (
            "title:",
            "6:7-7 F103",
            "'title' must be text, but this is nothing",
            "write text after the colon, or remove the key",
        ),
        ("title: [x]", "6:8-11 F103", "'title' must be text, but this is a list", ""),
        ("about: {x: y}", "6:9-10 F103", "'about' must be text, but this is a mapping", ""),
        ("version: '2'", "6:10-13 F103", "'version' must be a whole number, but this is text", ""),
        (
            "version: 2.0",
            "6:10-13 F103",
            "'version' must be a whole number, but this is the number 2.0",
            "",
        ),
        (
            "version: true",
            "6:10-14 F103",
            "'version' must be a whole number, but this is a truth value",
            "",
        ),
        (
            "force: [boss, 5]",
            "6:15-16 F103",
            "each item of 'force' must be text, but this is the number 5",
            "put it in quotes: '5'",
        ),
        (
            "transitions: {}",
            "6:14-16 F103",
            "'transitions' must be a list, but this is a mapping",
            "",
        ),
        ("scenarios: x", "6:12-13 F103", "'scenarios' must be a list, but this is text", ""),
        (
            "version: 99999999999999999999",
            "6:10-30 F008",
            "this number is too large",
            "put it in quotes if it is text",
        ),
    ],
)
def test_a_key_that_does_not_fit_is_reported(tmp_path, line, place, message, help_text):
    reading = read(tmp_path, SMALL + line + "\n")
    assert (place, message, help_text) in faults(reading)


def test_a_key_like_no_other_is_reported_with_all_there_are(tmp_path):
    ((_, _, help_text),) = faults(read(tmp_path, GO + "  # deeper\nxyzzy: 1\n"))
    assert help_text.startswith("it may have: funnel, version, title")


@pytest.mark.parametrize(
    ("stages", "place", "message"),
    [
        (
            "{lead: x}",
            "5:16-17 F103",
            "the stage 'lead' must be a mapping of keys, but this is text",
        ),
        (
            "{lead: [x]}",
            "5:16-19 F103",
            "the stage 'lead' must be a mapping of keys, but this is a list",
        ),
        ("{lead: {typ: won}}", "5:17-20 F101", "the stage 'lead' has no key 'typ'"),
        (
            "{lead: {type: lost_}}",
            "5:23-28 F103",
            "'type' must be one of open, won, lost, but this is 'lost_'",
        ),
        ("{lead: {type: ''}}", "5:23-25 F103", "'type' is empty"),
        (
            "{lead: {optional: maybe}}",
            "5:27-32 F103",
            "'optional' must be true or false, but this is text",
        ),
        (
            "{lead: {stages: [a]}}",
            "5:25-28 F103",
            "'stages' must be a mapping of keys, but this is a list",
        ),
        ("[lead]", "5:9-15 F103", "'stages' must be a mapping of keys, but this is a list"),
        (
            "{lead: {aliases: {a: b}}}",
            "5:27-28 F103",
            "'aliases' must be text, but this is a mapping",
        ),
    ],
)
def test_a_stage_that_does_not_fit_is_reported(tmp_path, stages, place, message):
    reading = read(tmp_path, HEAD + f"stages: {stages}\n")
    assert (place, message) in [fault[:2] for fault in faults(reading)]


@pytest.mark.parametrize(
    ("transition", "place", "message", "help_text"),
    [
        (
            "{form: lead, to: prospect}",
            "7:6-10 F101",
            "a transition has no key 'form'",
            "did you mean 'from'?",
        ),
        ("{to: prospect}", "7:6-8 F102", "a transition needs the key 'from'", ""),
        (
            "{from: [], to: prospect}",
            "7:12-14 F102",
            "a transition leaves no stage",
            "name one in `from`",
        ),
        (
            "{from: [''], to: prospect}",
            "7:13-15 F103",
            "each item of 'from' is empty",
            "write a name, or remove the key",
        ),
        (
            "{from: lead, to: ''}",
            "7:22-24 F103",
            "'to' is empty",
            "write a name, or remove the key",
        ),
        ("{from: lead}", "7:6-10 F102", "a transition needs the key 'to'", ""),
        ("{}", "7:5-7 F102", "a transition needs the key 'from'", ""),
        ("x", "7:5-6 F103", "a transition must be a mapping of keys, but this is text", ""),
        (
            "{from: lead, to: [prospect]}",
            "7:22-32 F103",
            "'to' must be text, but this is a list",
            "",
        ),
        (
            "{from: lead, to: prospect, on: {form: 1}}",
            "7:37-41 F103",
            "'on' must be text, but this is a mapping",
            "",
        ),
        (
            "{from: lead, to: prospect, after: 30}",
            "7:39-41 F103",
            (
                "'after' must be a length of time, or a date such as contact.close_date, "
                "but this is the number 30"
            ),
            "say of what: 30d, 30h or 30m",
        ),
        (
            "{from: lead, to: prospect, after: soon}",
            "7:39-43 F209",
            "'after': 'soon' is no duration",
            "write it as 30d, 36h or 1h30m",
        ),
        (
            "{from: lead, to: prospect, after: 1h, since: now}",
            "7:50-53 F103",
            "'since' must be one of stage, activity, but this is 'now'",
            "known names: stage, activity",
        ),
    ],
)
def test_a_transition_that_does_not_fit_is_reported(
    tmp_path, transition, place, message, help_text
):
    reading = read(tmp_path, SMALL + f"transitions:\n  - {transition}\n")
    assert (place, message, help_text) in faults(reading)


@pytest.mark.parametrize(
    ("text", "record"),
    [
        ("- {from: lead, to: prospect}", Transition("lead", "prospect")),
        ("- {from: [lead], to: prospect, by: sales}", Transition("lead", "prospect", by="sales")),
        ("- {from: lead, to: prospect, on: no}", Transition("lead", "prospect", "no")),
        (
            "- {from: lead, to: prospect, after: 1h30m}",
            Transition("lead", "prospect", after=dt.timedelta(hours=1.5)),
        ),
    ],
)
def test_a_lone_name_is_a_list_of_one(tmp_path, text, record):
    assert transition_of(tmp_path, text + "\n") == record


def test_a_definition_built_in_python_equals_the_one_from_a_file(tmp_path):
    built = Transition(
        "lead", "prospect", "form", require=[Criterion("Enough", "contact.budget > 5")]
    )
    text = "- from: lead\n  to: prospect\n  on: form\n  require: [{Enough: contact.budget > 5}]\n"
    assert transition_of(tmp_path, text) == built


FIELDS = "funnel: small\ninitial: a\nstages: {a: {type: won}}\nfields:\n"


@pytest.mark.parametrize(
    ("field", "place", "message", "help_text"),
    [
        ("budget: nummber", "5:11-18 F301", "there is no type 'nummber'", "did you mean 'number'?"),
        (
            "budget: {type: list of lists}",
            "5:18-31 F301",
            "there is no type 'list of lists'",
            "did you mean 'list of text'?",
        ),
        (
            "budget: {type: colour}",
            "5:18-24 F301",
            "there is no type 'colour'",
            "one of: boolean, integer, number, text, timestamp, duration, list of text",
        ),
        ("budget: {title: x}", "5:12-17 F102", "the field 'budget' needs the key 'type'", ""),
        (
            "budget:",
            "5:10-10 F103",
            "the type of 'budget' must be text, but this is nothing",
            "write text after the colon, or remove the key",
        ),
        (
            "budget: {type: number, choices: [1]}",
            "5:26-33 F101",
            "the field 'budget' has no key 'choices'",
            "it may have: type, title, about, unit, values, ask, default, identifying",
        ),
        (
            "budget: {type: number, values: 5}",
            "5:34-35 F103",
            "'values' must be a list, but this is the number 5",
            "",
        ),
        (
            "budget: {type: number, default: much}",
            "5:35-39 F210",
            "budget: 'much' is not a number",
            "give a number like 5000 or 12.5",
        ),
        (
            "grade: {type: text, values: [A, 5]}",
            "5:35-36 F210",
            "grade: 5 is not text",
            "put it in quotes",
        ),
        (
            "grade: {type: text, values: [A, B], default: C}",
            "5:48-49 F210",
            "grade: C is none of its values",
            "known values: A, B",
        ),
        ("seen: {type: timestamp, default: 2026-03-01}", "5:36-46 F210", None, None),
    ],
)
def test_a_field_that_does_not_fit_is_reported(tmp_path, field, place, message, help_text):
    found = faults(read(tmp_path, FIELDS + f"  {field}\n"))
    assert place in [fault[0] for fault in found]
    if message is not None:
        assert (place, message, help_text) in found


def test_a_field_with_a_misspelt_type_is_taken_for_the_nearest(tmp_path):
    reading = read(
        tmp_path,
        FIELDS + "  budget: nummber\n"
        "events: {e: {}}\n"
        "transitions: [{from: a, to: a, on: e, require: [{B: contact.budget > 5}]}]\n",
    )
    assert codes(reading) == ["F301"]


def test_what_a_doubtful_field_makes_of_an_expression_is_no_news(tmp_path):
    reading = read(
        tmp_path,
        FIELDS + "  fits: colour\n"
        "events: {e: {}}\ntransitions: [{from: a, to: a, on: e, require: [{B: contact.fits}]}]\n",
    )
    assert codes(reading) == ["F301"]


def test_an_unknown_field_beside_a_doubtful_one_is_still_reported(tmp_path):
    reading = read(
        tmp_path,
        FIELDS + "  fits: colour\n"
        "events: {e: {}}\n"
        "transitions: [{from: a, to: a, on: e, require: [{B: contact.fits && contact.x}]}]\n",
    )
    assert codes(reading) == ["F301", "E130"]


@pytest.mark.parametrize(
    ("event", "place", "message"),
    [
        (
            "form: [x]",
            "6:9-12 F103",
            "the event 'form' must be a mapping of keys, but this is a list",
        ),
        ("form: {set: {a: b}}", "6:10-13 F101", "the event 'form' has no key 'set'"),
        (
            "form: {sets: [x]}",
            "6:16-19 F103",
            "'sets' must be a mapping of keys, but this is a list",
        ),
        (
            "form: {sets: {budget: [1]}}",
            "6:25-28 F005",
            "what 'budget' is set to is an expression: put it in quotes",
        ),
        (
            "form: {sets: {budget: }}",
            "6:25-25 F103",
            "what 'budget' is set to must be an expression, but this is nothing",
        ),
    ],
)
def test_an_event_that_does_not_fit_is_reported(tmp_path, event, place, message):
    reading = read(tmp_path, FIELDS + f"  budget: number\nevents:\n  {event}\n")
    assert (place.replace("6:", "7:"), message) in [fault[:2] for fault in faults(reading)]


def test_a_value_that_was_set_may_be_a_constant(tmp_path):
    reading = read(tmp_path, FIELDS + "  fits: boolean\nevents: {yes_said: {sets: {fits: true}}}\n")
    assert codes(reading) == []
    assert reading.linked.events["yes_said"].sets[0][1].type == BOOLEAN


def test_a_file_that_holds_a_vocabulary_is_checked_as_one(tmp_path):
    reading = read(
        tmp_path, "vocabulary: v\nfields: {a: integer}\nevents: {e: {sets: {a: contact.b}}}\n"
    )
    assert [(told(p), p.message) for p in reading.problems] == [
        ("3:32-33 E130", "there is no field contact.b")
    ]
