"""Problems inside expressions are shown where they stand, whatever the expression is written in."""

import pytest

from .support import HEAD, read, told

START = HEAD + "stages: {lead: , prospect: {type: won}}\ntransitions:\n"


def transition(on, criterion):
    return START + f"  - from: lead\n    to: prospect\n{on}    require:\n      - A: {criterion}\n"


def errors(reading):
    return [p for p in reading.problems if p.severity == "error"]


FORMS = {
    "plain": "contact.fits && contact.bugdet > 5",
    "single": "'contact.authority == ''x'' && contact.bugdet > 5'",
    "double": r'"contact.authority == \"x\" && contact.bugdet > 5"',
    "literal": "|-\n          contact.fits &&\n          contact.bugdet > 5",
    "folded": ">-\n          contact.fits &&\n          contact.bugdet > 5",
    "two lines": "contact.fits &&\n          contact.bugdet > 5",
    "two lines in quotes": "'contact.fits\n\n          && contact.bugdet > 5'",
    "unquoted": "!contact.fits && contact.bugdet > 5",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_the_carets_stand_under_the_name_that_is_wrong(tmp_path, form):
    text = transition("    on: form\n", form)
    (problem,) = [p for p in errors(read(tmp_path, text)) if p.code == "E130"]
    line = text.split("\n")[problem.position.line - 1]
    assert line[problem.position.column - 1 : problem.end_column - 1] == "bugdet"
    assert problem.parameters["guess"] == "contact.budget"


def test_an_expression_with_several_mistakes_shows_each(tmp_path):
    text = transition(
        "    on: form\n", "contact.bugdet > 5 && contact.scoer > 3 && contact.fits == 3"
    )
    assert [p.code for p in errors(read(tmp_path, text))] == ["E130", "E130", "E140"]


def test_a_comment_that_cuts_an_expression_off_is_reported(tmp_path):
    reading = read(tmp_path, transition("    on: form\n", 'contact.authority == "a #b"'))
    (problem,) = errors(reading)
    assert (told(problem), problem.variant) == ("11:36-37 F005", "comment")


def test_a_comment_behind_a_sound_expression_is_a_comment(tmp_path):
    assert errors(read(tmp_path, transition("    on: form\n", "contact.fits  # they do"))) == []


def test_a_mistake_before_a_comment_is_reported_as_what_it_is(tmp_path):
    reading = read(tmp_path, transition("    on: form\n", "contact.fts && contact.fits # so"))
    assert [told(p) for p in errors(reading)] == ["11:20-23 E130"]


def test_an_event_brings_its_own_facts_and_those_of_the_contact(tmp_path):
    text = transition("    on: call\n", 'event.way == "in" && event.budget > 3')
    assert errors(read(tmp_path, text)) == []


def test_another_events_facts_are_not_known(tmp_path):
    reading = read(tmp_path, transition("    on: form\n", 'event.way == "in"'))
    assert [told(p) for p in errors(reading)] == ["11:18-21 E130"]


def test_without_an_event_the_facts_of_all_are_known(tmp_path):
    assert errors(read(tmp_path, transition("", 'event.way == "in"'))) == []


def test_events_share_a_field_with_the_choices_of_both(tmp_path):
    text = (
        HEAD.replace("quiet: {}", "quiet: {fields: {way: {type: text, values: [b]}}}").replace(
            "way: text", "way: {type: text, values: [a]}"
        )
        + "stages: {lead: , prospect: {type: won}}\ntransitions:\n"
        "  - {from: lead, to: prospect, on: [call, quiet],"
        ' require: [{A: \'event.way in ["a", "b"]\'}]}\n'
    )
    assert errors(read(tmp_path, text)) == []


def test_an_event_without_choices_lets_any_value_be(tmp_path):
    text = (
        HEAD.replace("quiet: {}", "quiet: {fields: {way: text}}").replace(
            "way: text", "way: {type: text, values: [a]}", 1
        )
        + "stages: {lead: , prospect: {type: won}}\ntransitions:\n"
        "  - {from: lead, to: prospect, on: [call, quiet], require: [{A: 'event.way == \"z\"'}]}\n"
        "  - {from: lead, to: prospect, on: [quiet, call], require: [{B: 'event.way == \"y\"'}]}\n"
    )
    assert errors(read(tmp_path, text)) == []


def test_the_same_mistake_twice_is_shown_twice(tmp_path):
    text = transition("    on: form\n", "contact.x\n      - B: contact.x")
    assert [told(p) for p in errors(read(tmp_path, text))] == ["11:20-21 E130", "12:20-21 E130"]


def test_what_an_event_sets_is_checked(tmp_path):
    text = HEAD.replace(
        "form: {}", "form: {sets: {score: contact.scor + 1, sore: 'now', fits: now}}"
    )
    reading = read(tmp_path, text + "stages: {lead: {type: won}}\n")
    found = [(told(p), p.parameters.get("guess")) for p in errors(reading)]
    assert ("3:39-43 E130", "contact.score") in found
    assert ("3:49-53 F205", "score") in found
    assert "E143" in [p.code for p in errors(reading)]


def test_a_missing_vocabulary_is_reported_once_and_not_again_at_every_expression(tmp_path):
    reading = read(
        tmp_path, "vocabulary: standrad\n" + transition("    on: gone\n", "contact.gone > 3")
    )
    (problem,) = errors(reading)
    assert (told(problem), problem.parameters["guess"]) == ("1:13-21 F207", "standard")
