"""Blocks of criteria: named once, used in many places, and part of each."""

from funnelflow.definition import (
    Criterion,
    Group,
    from_json,
    link,
    load_definition,
    shipped_definitions,
    to_json,
)

from .support import HEAD, codes, only, read, told

BLOCK = """\
criteria:
  bant:
    label: Three of four
    at_least: 2
    of:
      - Has a budget: contact.budget > 0
      - Decides: contact.authority == "decides"
      - Fits: contact.fits
stages: {lead: {}, prospect: {}, gone: {type: lost}}
"""


def with_transitions(text: str) -> str:
    """Return a definition with the block and these transitions."""
    ends = "  - {from: prospect, to: lead, on: form}\n  - {from: prospect, to: gone, on: quiet}\n"
    return f"{HEAD}{BLOCK}transitions:\n{text}{ends}"


USED = "  - {from: lead, to: prospect, on: call, require: [{use: bant}]}\n"
ALONE = "  - {from: lead, to: prospect, on: call, require: {use: bant}}\n"


def test_a_use_stands_for_the_criteria_of_its_block(tmp_path):
    reading = read(tmp_path, with_transitions(USED))
    assert reading.problems == ()
    (group,) = reading.definition.transitions[0].require.items
    assert (group.kind, group.count, group.label) == ("at_least", 2, "Three of four")
    assert [item.label for item in group.items] == ["Has a budget", "Decides", "Fits"]


def test_a_block_may_be_all_that_a_transition_requires(tmp_path):
    reading = read(tmp_path, with_transitions(ALONE))
    assert reading.problems == ()
    assert reading.definition.transitions[0].require.label == "Three of four"


def test_a_use_may_have_a_label_of_its_own(tmp_path):
    text = with_transitions(USED.replace("use: bant", "use: bant, label: BANT"))
    (group,) = read(tmp_path, text).definition.transitions[0].require.items
    assert group.label == "BANT"


def test_a_use_stands_among_other_criteria_and_inside_groups(tmp_path):
    require = "[{Known: has(contact.fits)}, {any: [{use: bant}, {Scored: contact.score > 9}]}]"
    text = with_transitions(USED.replace("[{use: bant}]", require))
    reading = read(tmp_path, text)
    assert reading.problems == ()
    _, either = reading.definition.transitions[0].require.items
    assert [type(item) for item in either.items] == [Group, Criterion]


def test_a_block_of_the_vocabulary_can_be_used_by_every_definition(tmp_path):
    (tmp_path / "vocabularies").mkdir()
    shared = "vocabulary: shared\nfields: {budget: number}\nevents: {call: {}, quiet: {}}\n"
    block = "criteria:\n  rich:\n    - Has a budget: contact.budget > 0\n"
    (tmp_path / "vocabularies" / "shared.yaml").write_text(shared + block)
    reading = read(
        tmp_path,
        "funnel: small\nvocabulary: shared\ninitial: lead\n"
        "stages: {lead: {}, prospect: {type: won}}\n"
        "transitions:\n  - {from: lead, to: prospect, on: call, require: [{use: rich}]}\n",
    )
    assert reading.problems == ()
    assert reading.linked.transitions[0].rule.rules[0].rules[0].label == "Has a budget"


def test_a_definition_that_extends_another_may_use_its_blocks(tmp_path):
    (tmp_path / "base.yaml").write_text(with_transitions(USED).replace("small", "base", 1))
    more = "  - {from: prospect, to: lead, on: form, require: [{use: bant}], replaces: false}\n"
    reading = read(tmp_path, f"funnel: small\nextends: base\ntransitions:\n{more}")
    assert reading.problems == ()
    assert reading.definition.transitions[0].require.items[0].label == "Three of four"


def test_an_unknown_block_is_reported_where_it_is_used_with_the_nearest_name(tmp_path):
    problem = only(read(tmp_path, with_transitions(USED.replace("use: bant", "use: bent"))))
    assert told(problem) == "15:58-62 F214"
    assert problem.parameters["guess"] == "bant"


def test_an_unknown_block_has_no_echo_about_the_whole(tmp_path):
    automatic = "  - {from: lead, to: prospect, require: [{use: bent}]}\n"
    text = with_transitions(automatic + "  - {from: prospect, to: lead, on: call}\n")
    assert codes(read(tmp_path, text)) == ["F214"]


def test_a_block_uses_no_other(tmp_path):
    text = with_transitions(USED).replace("- Fits: contact.fits", "- use: other")
    problem = only(read(tmp_path, text))
    assert (problem.code, problem.variant) == ("F105", "nested_block")


def test_an_empty_block_is_reported(tmp_path):
    text = with_transitions(USED).replace("criteria:\n", "criteria:\n  none: {}\n")
    assert codes(read(tmp_path, text)) == ["F105"]


def test_a_fault_in_a_block_is_reported_once_where_it_stands(tmp_path):
    text = with_transitions(USED + USED.replace("call", "form"))
    problem = only(read(tmp_path, text.replace("contact.fits", "contact.fitz")))
    assert (problem.position.line, problem.code) == (12, "E130")


def test_a_fault_in_a_block_that_nothing_uses_is_told_too(tmp_path):
    text = with_transitions("  - {from: lead, to: prospect, on: call}\n")
    problem = only(read(tmp_path, text.replace("contact.fits", "contact.fitz")))
    assert problem.code == "E130"


def test_a_group_of_a_block_must_make_sense_even_if_nothing_uses_it(tmp_path):
    text = with_transitions("  - {from: lead, to: prospect, on: call}\n")
    assert codes(read(tmp_path, text.replace("at_least: 2", "at_least: 9"))) == ["F209"]


def test_the_same_block_declared_otherwise_is_reported(tmp_path):
    (tmp_path / "base.yaml").write_text(with_transitions(USED).replace("small", "base", 1))
    own = "criteria: {bant: [{Fits: contact.fits}]}\n"
    problem = only(read(tmp_path, f"funnel: small\nextends: base\n{own}"))
    assert problem.code == "F302"


def test_few_lines_cannot_stand_for_millions_of_criteria(tmp_path):
    block = "".join(f"    - C{n}: contact.score > {n}\n" for n in range(1_000))
    uses = "".join("  - {from: lead, to: gone, on: quiet, require: [{use: many}]}\n" * 30)
    text = f"{HEAD}criteria:\n  many:\n{block}stages: {{lead: {{}}, gone: {{type: lost}}}}\n"
    assert "F003" in codes(read(tmp_path, f"{text}transitions:\n{uses}"))


def test_a_stored_definition_says_what_it_requires_without_its_file(tmp_path):
    definition = read(tmp_path, with_transitions(USED)).definition
    again = from_json(to_json(definition))
    assert again == definition
    assert link(again).transitions[0].rule == link(definition).transitions[0].rule


def test_bant_ships_as_at_least_three_of_four():
    linked = load_definition(shipped_definitions() / "demand-waterfall.yaml")
    block = linked.definition.vocabulary.criteria["bant"]
    assert (block.kind, block.count, len(block.items)) == ("at_least", 3, 4)
