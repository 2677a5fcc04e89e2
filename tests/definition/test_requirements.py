"""What a transition requires: criteria with labels, groups of them, and plugins' criteria."""

import pytest

from funnelflow.criteria import INTEGER, TEXT, AllOf, AnyOf, AtLeast, Custom, Leaf, Roles
from funnelflow.definition import Criterion, CriterionProvider, Group, Library

from .support import HEAD, read, told

START = HEAD + "stages: {lead: , prospect: {type: won}}\ntransitions:\n"
ROUND = CriterionProvider(
    "round",
    lambda _: True,
    "The number is round",
    {"field": TEXT, "digits": INTEGER},
    provider="numbers",
    defaults={"digits": 2},
)
PLUGINS = Library(criteria={"round": ROUND})


def requiring(tmp_path, require, library=None):
    text = START + "  - from: lead\n    to: prospect\n    on: form\n    require: " + require + "\n"
    return read(tmp_path, text, library)


def required(tmp_path, require, library=None):
    reading = requiring(tmp_path, require, library)
    assert [p for p in reading.problems if p.severity == "error"] == []
    return reading.definition.transitions[0].require


A, B = Criterion("A", "contact.fits"), Criterion("B", "contact.score > 1")


@pytest.mark.parametrize(
    ("require", "record"),
    [
        ("[A: contact.fits]", Group("all", (A,))),
        ("\n      - A: contact.fits\n      - B: contact.score > 1", Group("all", (A, B))),
        ("{all: [A: contact.fits]}", Group("all", (A,))),
        ("{any: [A: contact.fits, B: contact.score > 1]}", Group("any", (A, B))),
        (
            "{at_least: 1, of: [A: contact.fits, B: contact.score > 1], label: One}",
            Group("at_least", (A, B), 1, "One"),
        ),
        (
            "[{any: [A: contact.fits, {all: [B: contact.score > 1]}]}]",
            Group("all", (Group("any", (A, Group("all", (B,)))),)),
        ),
        ("['Is it: so': contact.fits]", Group("all", (Criterion("Is it: so", "contact.fits"),))),
        ('["no": contact.fits]', Group("all", (Criterion("no", "contact.fits"),))),
        ("[2 of 3: contact.fits]", Group("all", (Criterion("2 of 3", "contact.fits"),))),
        ("[A: >-\n        contact.fits\n        ]", Group("all", (A,))),
    ],
)
def test_criteria_and_groups_are_read(tmp_path, require, record):
    if ">-" in require:
        require = "\n      - A: >-\n          contact.fits"
    assert required(tmp_path, require) == record


@pytest.mark.parametrize(
    ("require", "place", "message", "help_text"),
    [
        (
            "[contact.fits]",
            "10:15-27 F104",
            "this criterion has no label",
            "give it a label: `- What must be true: contact.fits`",
        ),
        (
            "contact.fits",
            "10:14-26 F105",
            "`require` must be a list, but this is text",
            "write a list of criteria, or one of all:, any:, at_least: N with of:",
        ),
        (
            "{A: contact.fits}",
            "10:15-16 F105",
            "`require` must be a list, but this is a mapping",
            "write it as a list: `- A: contact.fits`",
        ),
        ("5", "10:14-15 F105", "`require` must be a list, but this is the number 5", None),
        (
            "[{A: contact.fits, B: contact.fits}]",
            "10:33-34 F105",
            "each item holds one criterion",
            "begin a new item with '- '",
        ),
        (
            "[[A: contact.fits]]",
            "10:15-32 F105",
            "a criterion must be written `Label: expression`, but this is a list",
            None,
        ),
        (
            "[A: [contact.fits]]",
            "10:18-32 F005",
            "the criterion 'A' is an expression: put it in quotes",
            None,
        ),
        (
            "[A: {contact.fits: 1}]",
            "10:19-31 F005",
            "the criterion 'A' is an expression: put it in quotes",
            None,
        ),
        (
            "[A: ]",
            "10:18-18 F103",
            "the criterion 'A' must be an expression, but this is nothing",
            "",
        ),
        ("[{}]", "10:15-17 F105", "this criterion is empty", "write `Label: expression`"),
        ("['': contact.fits]", "10:15-17 F104", "this criterion has no label", ""),
        (
            "{any: [A: contact.fits], all: [A: contact.fits]}",
            "10:15-18 F105",
            "all and any is not a group of criteria",
            None,
        ),
        ("{of: [A: contact.fits]}", "10:15-17 F105", "'of' alone is not a group of criteria", None),
        ("{at_least: 2}", "10:15-23 F102", "a group of criteria needs the key 'of'", ""),
        (
            "{at_least: many, of: [A: contact.fits]}",
            "10:25-29 F103",
            "'at_least' must be a whole number, but this is text",
            "",
        ),
        (
            "{at_least: 2, of: [A: contact.fits]}",
            "10:25-26 F209",
            "at least 2 of 1 criteria makes no sense",
            "choose 1 to 1",
        ),
        (
            "{at_least: 0, of: [A: contact.fits]}",
            "10:25-26 F209",
            "at least 0 of 1 criteria makes no sense",
            "choose 1 to 1",
        ),
        (
            "[{atleast: 2, of: [A: contact.fits]}]",
            "10:16-23 F101",
            "a group of criteria has no key 'atleast'",
            "did you mean 'at_least'?",
        ),
        (
            "[{at_leest: 2, A: contact.fits}]",
            "10:16-24 F101",
            "a group of criteria has no key 'at_leest'",
            "did you mean 'at_least'?",
        ),
        ("{any: []}", "10:15-18 F105", "a group of criteria is empty", "add one, or remove it"),
        ("[]", "10:14-16 F105", "a group of criteria is empty", "add one, or remove it"),
        ("{any: contact.fits}", "10:20-32 F103", "'any' must be a list, but this is text", ""),
    ],
)
def test_what_is_no_criterion_is_reported(tmp_path, require, place, message, help_text):
    reading = requiring(tmp_path, require)
    found = {told(p): p for p in reading.problems if p.severity == "error"}
    assert list(found) == [place], found
    problem = found[place]
    assert message is None or problem.message == message
    assert help_text is None or problem.help == help_text


def test_a_broken_criterion_does_not_hide_the_others(tmp_path):
    reading = requiring(tmp_path, "[contact.fits, {A: contact.fts}, {B: contact.budget = 3}, [x]]")
    assert [p.code for p in reading.problems if p.severity == "error"] == [
        "F104",
        "E130",
        "E110",
        "F105",
    ]


def test_a_count_is_held_to_what_was_written_not_to_what_could_be_read(tmp_path):
    reading = requiring(tmp_path, "{at_least: 2, of: [{A: contact.fits}, contact.score > 1]}")
    assert [p.code for p in reading.problems if p.severity == "error"] == ["F104"]
    reading = requiring(tmp_path, "{at_least: 3, of: [{A: contact.fits}, contact.score > 1]}")
    assert [p.code for p in reading.problems if p.severity == "error"] == ["F209", "F104"]


def test_a_rule_is_put_together_as_it_was_written(tmp_path):
    text = START + (
        "  - from: lead\n    to: prospect\n    on: form\n    by: [sales, boss]\n    require:\n"
        "      - A: contact.fits\n      - any: [{B: contact.score > 1}]\n"
        "      - {at_least: 1, of: [{A: contact.fits}], label: One}\n"
    )
    rule = read(tmp_path, text).linked.transitions[0].rule
    assert isinstance(rule, AllOf)
    roles, leaf, any_of, at_least = rule.rules
    assert roles == Roles(("sales", "boss"))
    assert isinstance(leaf, Leaf)
    assert (leaf.label, leaf.expression.source) == ("A", "contact.fits")
    assert isinstance(any_of, AnyOf)
    assert isinstance(at_least, AtLeast)
    assert (at_least.count, at_least.label) == (1, "One")


def test_a_transition_that_requires_nothing_has_no_rule(tmp_path):
    reading = read(tmp_path, START + "  - {from: lead, to: prospect, on: form}\n")
    assert reading.linked.transitions[0].rule is None


def test_a_plugins_criterion_is_called_with_values_of_its_types(tmp_path):
    reading = requiring(tmp_path, "[{criterion: round, field: budget}]", PLUGINS)
    (custom,) = reading.linked.transitions[0].rule.rules
    assert custom == Custom(
        "The number is round", ROUND.function, "numbers", "round", {"digits": 2, "field": "budget"}
    )


def test_a_plugins_criterion_takes_the_label_that_is_given(tmp_path):
    require = "[{criterion: round, label: Nice, field: budget, digits: 3}]"
    (custom,) = requiring(tmp_path, require, PLUGINS).linked.transitions[0].rule.rules
    assert (custom.label, custom.arguments["digits"]) == ("Nice", 3)


@pytest.mark.parametrize(
    ("require", "place", "message", "help_text"),
    [
        (
            "[{criterion: rund, field: x}]",
            "10:27-31 F206",
            "no plugin offers a criterion 'rund'",
            "did you mean 'round'?",
        ),
        ("[{criterion: round}]", "10:16-25 F211", "'round' needs the argument 'field'", ""),
        (
            "[{criterion: round, field: x, digit: 3}]",
            "10:44-49 F211",
            "'round' takes no argument 'digit'",
            "did you mean 'digits'?",
        ),
        (
            "[{criterion: round, field: x, digits: many}]",
            "10:52-56 F211",
            "digits: 'many' is not a whole number",
            None,
        ),
        ("[{criterion: round, field: [x]}]", "10:41-44 F211", None, None),
    ],
)
def test_a_plugins_criterion_that_is_called_wrongly_is_reported(
    tmp_path, require, place, message, help_text
):
    reading = requiring(tmp_path, require, PLUGINS)
    found = {told(p): p for p in reading.problems}
    assert place in found
    assert message is None or found[place].message == message
    assert help_text is None or found[place].help == help_text


def test_without_plugins_the_help_says_what_to_do(tmp_path):
    (problem,) = [
        p for p in requiring(tmp_path, "[{criterion: round}]").problems if p.code == "F206"
    ]
    assert problem.help == "install the plugin that offers it, or write an expression"
