"""The vocabulary: one name means one thing, and what a file adds is used."""

import pytest
from attrs import evolve

from funnelflow.criteria import INTEGER, NUMBER, TEXT, Field, list_of
from funnelflow.definition import Definition, EventType, Library, Stage, Vocabulary, check

from .support import codes, read, told

BUDGET = Field("budget", NUMBER)
A_STAGE = Stage("a", type="won")


def found(**events):
    vocabulary = Vocabulary(
        "v",
        fields={"budget": BUDGET},
        events={
            name: EventType(name, fields={f.name: f for f in fields})
            for name, fields in events.items()
        },
    )
    definition = Definition("small", vocabulary, "a", (Stage("a", type="won"),))
    return [(p.code, p.variant, p.name) for p in check(definition)]


def test_an_event_has_no_field_of_the_contacts_name():
    assert found(form=[BUDGET]) == [("F303", "contact", "small, event 'form', field 'budget'")]


def test_events_give_a_field_of_one_name_one_type():
    assert found(form=[Field("way", TEXT)], call=[Field("way", INTEGER)]) == [
        ("F303", "type", "small, event 'call', field 'way'")
    ]


def test_events_may_share_a_field_of_one_type():
    assert found(form=[Field("way", TEXT, choices=("a",))], call=[Field("way", TEXT)]) == []


@pytest.mark.parametrize(
    ("field", "variant"),
    [
        (Field("f", INTEGER, default="many"), "value"),
        (Field("f", NUMBER, default=5), "form"),
        (Field("f", TEXT, choices=("a", 5)), "value"),
        (Field("f", TEXT, choices=("a", "b"), default="c"), "value"),
        (Field("f", list_of(TEXT), choices=("a",), default=("b",)), "value"),
        (Field("f", list_of(TEXT), default=["a"]), "form"),
    ],
)
def test_values_that_are_none_are_reported_in_python_too(field, variant):
    definition = Definition("small", Vocabulary("v", fields={"f": field}), "a", (A_STAGE,))
    assert [(p.code, p.variant) for p in check(definition)] == [("F210", variant)]
    in_event = Vocabulary("v", events={"e": EventType("e", fields={"f": field})})
    assert [p.variant for p in check(evolve(definition, vocabulary=in_event))] == [variant]


def test_values_that_are_some_are_no_problem():
    fields = (
        Field("a", NUMBER, choices=(1.0, 2.5), default=2.5),
        Field("b", list_of(INTEGER), choices=(1, 2), default=(2, 1)),
        Field("c", TEXT, default=""),
    )
    vocabulary = Vocabulary("v", fields={field.name: field for field in fields})
    assert check(Definition("small", vocabulary, "a", (A_STAGE,))) == ()


def test_what_is_filed_under_another_name_is_reported():
    vocabulary = Vocabulary("v", fields={"a": BUDGET}, events={"e": EventType("f")})
    definition = Definition("small", vocabulary, "a", (A_STAGE,))
    assert [(p.code, p.parameters) for p in check(definition)] == [
        ("F201", {"name": "f", "key": "e"}),
        ("F201", {"name": "budget", "key": "a"}),
    ]


START = "funnel: small\nfields: {budget: number}\ninitial: a\n"
STAGES = "stages: {a: , b: {type: won}}\n"


@pytest.mark.parametrize(
    "use",
    [
        "transitions: [{from: a, to: b, on: form}]",
        "scenarios: [{story: S, when: form, then: a}]",
        "events: {form: {sets: {budget: '5.0'}}}",
    ],
)
def test_an_event_that_something_uses_is_no_problem(tmp_path, use):
    text = START + STAGES + (use if use.startswith("events") else "events: {form: }\n" + use)
    assert "F304" not in codes(read(tmp_path, text + "\n"))


def test_an_event_of_the_file_that_nothing_uses_is_reported(tmp_path):
    text = START + "events: {form: , call: }\n" + STAGES
    text += "transitions: [{from: a, to: b, on: call}]\n"
    (problem,) = read(tmp_path, text).problems
    assert (told(problem), problem.severity) == ("4:10-14 F304", "warning")


def test_the_events_of_a_shared_vocabulary_need_not_be_used(tmp_path):
    text = "funnel: small\nvocabulary: standard\ninitial: a\nstages: {a: {type: won}}\n"
    assert codes(read(tmp_path, text)) == []


def test_a_vocabulary_is_read_from_beside_the_file(tmp_path):
    (tmp_path / "vocabularies").mkdir()
    (tmp_path / "vocabularies" / "ours.yaml").write_text(
        "vocabulary: ours\nfields: {a: integr}\nevents: {e: {sets: {a: contact.b}}}\n"
    )
    reading = read(
        tmp_path, "funnel: small\nvocabulary: ours\ninitial: a\nstages: {a: {type: won}}\n"
    )
    found_in = [(p.position.path.rpartition("/")[2], told(p)) for p in reading.problems]
    assert found_in == [("ours.yaml", "2:13-19 F301"), ("ours.yaml", "3:32-33 E130")]
    assert any(path.endswith("ours.yaml") for path in reading.sources)


def test_a_vocabulary_may_come_from_a_plugin(tmp_path):
    offered = Vocabulary("offered", fields={"budget": BUDGET}, events={"sold": EventType("sold")})
    text = "funnel: small\nvocabulary: offered\ninitial: a\nstages: {a: , b: {type: won}}\n"
    text += "transitions: [{from: a, to: b, on: sold, require: [{Rich: contact.budget > 5}]}]\n"
    library = Library(vocabularies={"offered": offered})
    reading = read(tmp_path, text, library)
    assert codes(reading) == []
    assert reading.definition.vocabulary == offered


def test_a_file_that_is_no_vocabulary_is_reported_as_such(tmp_path):
    (tmp_path / "vocabularies").mkdir()
    (tmp_path / "vocabularies" / "ours.yaml").write_text("funnel: ours\nstages: {a: }\n")
    reading = read(
        tmp_path, "funnel: small\nvocabulary: ours\ninitial: a\nstages: {a: {type: won}}\n"
    )
    assert codes(reading) == ["F101", "F101"]
