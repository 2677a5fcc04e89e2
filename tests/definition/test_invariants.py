"""Invariants under `always`: a definition is held to what it says of itself."""

import pytest

from funnelflow.definition import Invariant, from_json, to_json

from .support import HEAD, codes, only, read, told

STAGES = """\
stages:
  lead: {stages: {cold: {}, hot: {}}}
  prospect: {}
  customer: {type: won}
transitions:
  - {from: lead.cold, to: lead.hot, on: form, require: [{Fits: contact.fits}]}
  - {from: lead.hot, to: prospect, on: call, require: [{Rich: contact.budget >= 5000}]}
  - {from: prospect, to: lead.hot, on: quiet}
  - {from: [lead, prospect], to: customer, on: quiet, require: [{Rich: contact.budget > 9000}]}
"""


def stating(invariant: str) -> str:
    """Return a definition with one invariant, in its line 15."""
    return f"{HEAD}{STAGES}always:\n  - It is so: {invariant}\n"


KEPT = (
    "{stage: prospect, after: lead.hot}",
    "{stage: prospect, after: lead}",
    "{stage: prospect, after: [lead.cold, lead.hot]}",
    "{stage: lead.hot, after: lead.cold}",
    "{stage: lead, never_after: customer}",
    "{stage: lead.cold, never_after: [prospect, lead.hot]}",
    "{stage: lead.hot, inside: lead}",
    "{stage: lead, inside: lead}",
    "{stage: prospect, on_entry: contact.budget >= 5000}",
    "{stage: prospect, on_entry: contact.budget > 100}",
    "{stage: prospect, on_entry: contact.budget != 0}",
    "{stage: prospect, on_entry: has(contact.budget)}",
    "{stage: customer, on_entry: contact.budget > 5000 && has(contact.budget)}",
)


@pytest.mark.parametrize("invariant", KEPT)
def test_an_invariant_that_holds_is_no_problem(tmp_path, invariant):
    assert read(tmp_path, stating(invariant)).problems == ()


BROKEN = {
    "{stage: customer, after: prospect}": (
        "after",
        {"after": ("prospect",), "path": ("lead.cold", "customer")},
    ),
    "{stage: lead, after: prospect}": ("after", {"after": ("prospect",), "path": ("lead.cold",)}),
    "{stage: lead.hot, never_after: prospect}": (
        "never_after",
        {"path": ("prospect", "lead.hot")},
    ),
    "{stage: lead.hot, never_after: lead}": ("never_after", {"path": ("lead.cold", "lead.hot")}),
    "{stage: prospect, inside: lead}": ("inside", {"stage": "prospect", "inside": "lead"}),
    "{stage: prospect, needs: contact.budget > 5000}": (
        "placed",
        {"line": 11, "facts": "budget=5000"},
    ),
    "{stage: lead.hot, needs: contact.fits}": ("placed", {"line": 12, "facts": "fits=no"}),
    "{stage: lead, needs: contact.fits}": ("initial", {"stage": "lead.cold"}),
}


@pytest.mark.parametrize(("invariant", "broken"), BROKEN.items())
def test_a_broken_invariant_is_reported_with_the_path(tmp_path, invariant, broken):
    problem = only(read(tmp_path, stating(invariant)))
    assert told(problem) == "15:5-13 F415"
    assert problem.severity == "warning"
    variant, parameters = broken
    assert (problem.variant, problem.parameters) == (variant, {"label": "It is so", **parameters})


def test_a_stage_that_nobody_was_in_breaks_no_invariant(tmp_path):
    text = stating("{stage: prospect, never_after: island}")
    text = text.replace("  customer:", "  island: {}\n  customer:").replace(
        "  - {from: prospect,", "  - {from: island, to: prospect, on: form}\n  - {from: prospect,"
    )
    assert codes(read(tmp_path, text)) == ["F403"]


@pytest.mark.parametrize(
    ("invariant", "code"),
    [
        ("{stage: prospects, after: lead}", "F203"),
        ("{stage: prospect, after: [lead, leed]}", "F203"),
        ("{stage: prospect, inside: leed}", "F203"),
        ("{stage: prospect, needs: contact.budgt > 0}", "E130"),
        ("{stage: prospect, needs: contact.budget}", "E143"),
        ("{stage: prospect, after: lead, inside: lead}", "F108"),
        ("{stage: prospect}", "F108"),
        ("{after: lead}", "F102"),
        ("{stage: prospect, befor: lead}", "F101"),
        ("prospect", "F103"),
    ],
)
def test_an_invariant_that_makes_no_sense_is_reported(tmp_path, invariant, code):
    assert code in codes(read(tmp_path, stating(invariant)))


@pytest.mark.parametrize("item", ["prospect", "[prospect]", "{a: {stage: lead}, b: {stage: lead}}"])
def test_what_is_no_invariant_is_reported(tmp_path, item):
    text = f"{HEAD}{STAGES}always: [{item}]\n"
    assert codes(read(tmp_path, text)) == ["F108"]


def test_an_invariant_is_part_of_the_stored_definition(tmp_path):
    definition = read(tmp_path, stating("{stage: prospect, after: lead}")).definition
    assert definition.always == (Invariant("It is so", "prospect", after=("lead",)),)
    assert from_json(to_json(definition)) == definition


def test_a_definition_that_extends_another_is_held_to_its_invariants(tmp_path):
    base = stating("{stage: prospect, after: lead.hot}").replace("small", "base", 1)
    (tmp_path / "base.yaml").write_text(base)
    shortcut = "  - {from: lead.cold, to: prospect, on: call}\n"
    reading = read(tmp_path, f"funnel: small\nextends: base\ntransitions:\n{shortcut}")
    assert codes(reading) == ["F415"]


def test_an_invariant_about_a_stage_that_is_done_without_is_dropped(tmp_path):
    base = stating("{stage: prospect, after: lead.hot}").replace("small", "base", 1)
    base = base.replace("  prospect: {}", "  prospect: {optional: true}")
    (tmp_path / "base.yaml").write_text(base)
    reading = read(tmp_path, "funnel: small\nextends: base\nwithout: [prospect]\n")
    assert reading.definition.always == ()


KEEPING = """\
stages:
  lead: {stages: {cold: {}, hot: {}}}
  prospect: {}
  customer: {type: won}
transitions:
  - {from: lead.cold, to: lead.hot, on: form}
  - {from: lead, to: prospect, on: call, require: [{Rich: contact.budget >= 5000}]}
  - {from: prospect, to: lead, require: [{Poor: '!(has(contact.budget) && contact.budget > 4000)'}]}
  - {from: prospect, to: customer, on: form}
"""


def kept(tmp_path, invariant, stages=KEEPING):
    """Return the variants of what is said of an invariant, with their facts."""
    text = f"{HEAD}{stages}always:\n  - It is so: {invariant}\n"
    found = [p for p in read(tmp_path, text).problems if p.code == "F415"]
    return [(p.variant, p.parameters.get("facts", "")) for p in found]


@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        ("contact.budget > 4000", []),
        ("has(contact.budget)", []),
        ("contact.budget >= 4001", [("lost", "budget=4000.5")]),
        ("contact.budget >= 5000", [("lost", "budget=4001")]),
        ("contact.fits", [("placed", "fits=no")]),
    ],
)
def test_what_a_stage_needs_must_be_kept_while_a_contact_is_in_it(tmp_path, needs, expected):
    assert kept(tmp_path, f"{{stage: prospect, needs: {needs}}}") == expected


def test_a_transition_that_leads_back_by_itself_keeps_nothing(tmp_path):
    back = "  - {from: lead.cold, to: prospect, require: [{Rich: contact.budget > 4000}]}\n"
    found = kept(tmp_path, "{stage: prospect, needs: contact.budget > 4000}", KEEPING + back)
    assert found[0][0] == "lost"


def test_what_an_event_takes_out_is_not_kept(tmp_path):
    stages = KEEPING.replace("to: lead, require", "to: lead, on: quiet, require")
    found = kept(tmp_path, "{stage: prospect, needs: contact.budget > 4000}", stages)
    assert [variant for variant, _ in found] == ["lost"]


def test_what_a_transition_sets_is_not_taken_for_what_it_required(tmp_path):
    stages = KEEPING.replace("on: call, require", "on: call, sets: {budget: '1'}, require")
    found = kept(tmp_path, "{stage: prospect, on_entry: contact.budget >= 5000}", stages)
    assert found == [("placed", "")]


def test_the_story_that_leads_there_is_named(tmp_path):
    story = "story: A rich one, given: {budget: 6000}, when: [call], then: prospect"
    promise = "always:\n  - So: {stage: prospect, needs: contact.budget >= 5000}\n"
    text = f"{HEAD}{KEEPING}scenarios:\n  - {{{story}}}\n{promise}"
    (problem,) = [p for p in read(tmp_path, text).problems if p.code == "F415"]
    assert problem.help.startswith("after the story 'A rich one' set budget=4001")
