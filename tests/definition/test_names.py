"""Names: what they may look like, what is reserved, and that none is used twice."""

import pytest
from attrs import evolve

from funnelflow.criteria import NUMBER, TEXT, Field
from funnelflow.definition import (
    Definition,
    EventType,
    Scenario,
    Stage,
    Transition,
    Vocabulary,
    check,
)

from .support import HEAD, read, told

VOCABULARY = Vocabulary(
    "v", fields={"budget": Field("budget", NUMBER)}, events={"e": EventType("e")}
)
SOUND = Definition(
    "small",
    VOCABULARY,
    "a",
    (Stage("a", aliases=("first", "the one")), Stage("b", type="won")),
    (Transition("a", "b", "e", by="sales"),),
)


def with_event(name, **about):
    return evolve(
        SOUND,
        vocabulary=Vocabulary("v", events={"e": EventType("e"), name: EventType(name, **about)}),
    )


def with_field(name):
    return evolve(SOUND, vocabulary=evolve(VOCABULARY, fields={name: Field(name, TEXT)}))


def with_stages(*stages):
    return evolve(SOUND, stages=(*SOUND.stages, *stages), transitions=())


def codes(definition):
    return {p.code for p in check(definition) if p.severity == "error"}


def test_a_sound_definition_has_no_problems():
    assert check(SOUND) == ()


@pytest.mark.parametrize(
    "name", ["", "a b", "1a", "a.b", "ä", "a" * 65, "a\n", "-a", "a/b", "../a"]
)
def test_a_name_that_cannot_be_is_refused_wherever_it_stands(name):
    assert "F201" in codes(with_stages(Stage(name)))
    assert "F201" in codes(with_event(name))
    assert "F201" in codes(with_field(name))
    assert "F201" in codes(evolve(SOUND, force=(name,)))
    assert "F201" in codes(evolve(SOUND, transitions=(Transition("a", "b", "e", by=(name,)),)))
    assert codes(evolve(SOUND, name=name)) & {"F201", "F102"}


@pytest.mark.parametrize("name", ["a", "_", "A_b-9", "a" * 64])
def test_letters_digits_underscores_and_hyphens_make_a_name(name):
    assert codes(with_stages(Stage(f"{name[:60]}_x"))) == set()
    assert codes(with_event(f"{name[:60]}_x")) == set()


@pytest.mark.parametrize(
    "text",
    ["stages: {a: , '': }", "stages: {a: }\nevents: {'': }", "stages: {a: }\nfields: {'': text}"],
)
def test_a_blank_name_in_a_file_is_refused_where_it_stands(tmp_path, text):
    reading = read(tmp_path, f"funnel: small\ninitial: a\n{text}\n")
    (problem,) = (p for p in reading.problems if p.code == "F201")
    line = text.split("\n")[problem.position.line - 3]
    assert line[problem.position.column - 1 : problem.end_column - 1] == "''"


def test_a_field_has_no_hyphen():
    assert "F201" in codes(with_field("a-b"))


@pytest.mark.parametrize("name", ["add", "set", "move", "tick", "adopt", "import", "wait", "as"])
def test_reserved_events_are_refused(name):
    assert "F202" in codes(with_event(name))


@pytest.mark.parametrize("name", ["in", "true", "null", "for", "return"])
def test_words_of_the_expression_language_are_no_fields(name):
    assert "F202" in codes(with_field(name))


def test_two_stages_of_one_level_have_two_names():
    assert "F208" in codes(with_stages(Stage("A")))
    assert "F208" in codes(with_stages(Stage("c", stages=(Stage("d"), Stage("d")))))


def test_the_same_name_may_stand_on_two_levels():
    assert codes(with_stages(Stage("c", stages=(Stage("a"),)))) == set()


@pytest.mark.parametrize("alias", ["b", "B", "first", "FIRST", "The One", "a"])
def test_an_alias_leads_to_one_stage(alias):
    assert codes(with_stages(Stage("c", aliases=(alias,)))) == {"F208"}


def test_an_alias_is_not_the_last_part_of_another_stage():
    assert codes(with_stages(Stage("c", stages=(Stage("d"),)), Stage("x", aliases=("d",)))) == {
        "F208"
    }


def test_an_alias_may_repeat_the_stages_own_name():
    assert codes(with_stages(Stage("c", aliases=("C", "c")))) == set()


def test_an_alias_has_text():
    assert codes(with_stages(Stage("c", aliases=(" ",)))) == {"F201"}


@pytest.mark.parametrize(
    ("alias", "code"), [("e", "F208"), ("before", "F208"), ("add", "F202"), ("a b", "F201")]
)
def test_an_alias_of_an_event_could_be_a_name_and_leads_to_it_alone(alias, code):
    events = {"e": EventType("e"), "f": EventType("f", aliases="before")}
    events["x"] = EventType("x", aliases=("once", "x", alias))
    definition = evolve(SOUND, vocabulary=Vocabulary("v", events=events))
    assert codes(definition) == {code}
    events["x"] = EventType("x", aliases=("once", "x"))
    assert codes(definition) == set()


def test_what_an_event_was_called_before_finds_it(tmp_path):
    events = "events: {met: {aliases: [meeting, meetup]}}"
    reading = read(
        tmp_path,
        f"""\
funnel: small
initial: a
{events}
stages: {{a: {{}}, b: {{type: won}}}}
transitions: [{{from: a, to: b, on: meetup}}]
scenarios: [{{story: They meet, when: [meeting], then: a}}]
""",
    )
    unknown = [p.help for p in reading.problems if p.code == "F204"]
    assert unknown == ["did you mean 'met'?", "did you mean 'met'?"]


@pytest.mark.parametrize("text", ["a\x1b[31mb", "a\x00", "a\u202eb", "a\ud800", "a\rb", "\u2028"])
@pytest.mark.parametrize("where", ["title", "about"])
def test_text_that_hides_something_is_refused_in_python_too(text, where):
    assert codes(evolve(SOUND, **{where: text})) == {"F212"}
    assert "F212" in codes(with_stages(Stage("c", **{where: text})))
    assert "F212" in codes(with_event("x", **{where: text}))


def test_every_other_text_is_looked_at_too():
    bad = "a\x07"
    for definition in (
        with_stages(Stage("c", owner=bad)),
        with_stages(Stage("c", playbook=(bad,))),
        with_stages(Stage("c", aliases=(bad,))),
        evolve(SOUND, transitions=(Transition("a", "b", "e", about=bad),)),
        evolve(SOUND, scenarios=(Scenario(bad, "a"),)),
        evolve(SOUND, vocabulary=evolve(VOCABULARY, fields={"x": Field("x", TEXT, ask=bad)})),
        with_event("x", fields={"y": Field("y", TEXT, unit=bad)}),
    ):
        assert "F212" in codes(definition)


def test_a_text_has_at_most_ten_thousand_characters():
    assert codes(evolve(SOUND, about="x" * 10_000)) == set()
    assert codes(evolve(SOUND, about="x" * 10_001)) == {"F212"}


def test_a_definition_from_python_is_named_where_there_is_no_file():
    broken = evolve(SOUND, transitions=(Transition(("a", "c"), "b", "e"),))
    (problem,) = check(broken)
    assert (problem.code, problem.name) == ("F203", "small, transition 1 (a, c to b)")
    assert problem.parameters["name"] == "c"


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        ("funnel: my funnel", "1:9-18 F201"),
        ("force: [x, a b]", "5:12-15 F201"),
        ("stages: {lead: {stages: {a b: }}}", "5:26-29 F201"),
        ("stages: {lead: {aliases: [x, lead]}, b: {aliases: [Y, X]}}", "5:55-56 F208"),
        ("events: {form: , move: }", "3:18-22 F202"),
        ("fields: {in: text}", "2:10-12 F202"),
    ],
)
def test_a_name_is_shown_where_it_stands(tmp_path, lines, place):
    key = lines.split(":", maxsplit=1)[0]
    head = "".join(f"{line}\n" for line in HEAD.splitlines() if not line.startswith(key))
    rows = head.splitlines() + ([] if key == "stages" else ["stages: {lead: {type: won}}"])
    number = int(place.split(":", maxsplit=1)[0])
    rows.insert(number - 1, lines)
    assert place in [told(p) for p in read(tmp_path, "\n".join(rows) + "\n").problems]
