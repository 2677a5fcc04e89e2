"""Promises under `always`: a definition is held to what it says of itself."""

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


def promising(promise: str) -> str:
    """Give a definition with one promise, in its line 14."""
    return f"{HEAD}{STAGES}always:\n  - It is so: {promise}\n"


KEPT = (
    "{stage: prospect, after: lead.hot}",
    "{stage: prospect, after: lead}",
    "{stage: prospect, after: [lead.cold, lead.hot]}",
    "{stage: lead.hot, after: lead.cold}",
    "{stage: lead, never_after: customer}",
    "{stage: lead.cold, never_after: [prospect, lead.hot]}",
    "{stage: lead.hot, inside: lead}",
    "{stage: lead, inside: lead}",
    "{stage: prospect, needs: contact.budget >= 5000}",
    "{stage: prospect, needs: contact.budget > 100}",
    "{stage: prospect, needs: contact.budget != 0}",
    "{stage: prospect, needs: has(contact.budget)}",
    "{stage: customer, needs: contact.budget > 5000 && has(contact.budget)}",
)


@pytest.mark.parametrize("promise", KEPT)
def test_a_promise_that_is_kept_is_no_problem(tmp_path, promise):
    assert read(tmp_path, promising(promise)).problems == ()


BROKEN = {
    "{stage: customer, after: prospect}": ("this way leads around prospect: lead.cold -> customer"),
    "{stage: lead, after: prospect}": "this way leads around prospect: lead.cold",
    "{stage: lead.hot, never_after: prospect}": "this way leads there: prospect -> lead.hot",
    "{stage: lead.hot, never_after: lead}": "this way leads there: lead.cold -> lead.hot",
    "{stage: prospect, inside: lead}": "'prospect' is not nested in 'lead'",
    "{stage: prospect, needs: contact.budget > 5000}": (
        "the transition in line 11 does not require it"
    ),
    "{stage: lead.hot, needs: contact.fits}": "the transition in line 12 does not require it",
    "{stage: lead, needs: contact.fits}": "contacts start in 'lead.cold'",
}


@pytest.mark.parametrize(("promise", "fault"), BROKEN.items())
def test_a_promise_that_is_broken_is_told_with_the_way(tmp_path, promise, fault):
    problem = only(read(tmp_path, promising(promise)))
    assert told(problem) == "15:5-13 F415"
    assert problem.severity == "warning"
    assert problem.message == f"'It is so' is promised, and {fault}"


def test_a_stage_that_nobody_was_in_breaks_no_promise(tmp_path):
    text = promising("{stage: prospect, never_after: island}")
    text = text.replace("  customer:", "  island: {}\n  customer:").replace(
        "  - {from: prospect,", "  - {from: island, to: prospect, on: form}\n  - {from: prospect,"
    )
    assert codes(read(tmp_path, text)) == ["F403"]


@pytest.mark.parametrize(
    ("promise", "code"),
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
def test_a_promise_that_makes_no_sense_is_told(tmp_path, promise, code):
    assert code in codes(read(tmp_path, promising(promise)))


@pytest.mark.parametrize("item", ["prospect", "[prospect]", "{a: {stage: lead}, b: {stage: lead}}"])
def test_what_is_no_promise_is_told(tmp_path, item):
    text = f"{HEAD}{STAGES}always: [{item}]\n"
    assert codes(read(tmp_path, text)) == ["F108"]


def test_a_promise_is_part_of_the_stored_definition(tmp_path):
    definition = read(tmp_path, promising("{stage: prospect, after: lead}")).definition
    assert definition.always == (Invariant("It is so", "prospect", after=("lead",)),)
    assert from_json(to_json(definition)) == definition


def test_a_definition_that_extends_another_is_held_to_its_promises(tmp_path):
    base = promising("{stage: prospect, after: lead.hot}").replace("small", "base", 1)
    (tmp_path / "base.yaml").write_text(base)
    shortcut = "  - {from: lead.cold, to: prospect, on: call}\n"
    reading = read(tmp_path, f"funnel: small\nextends: base\ntransitions:\n{shortcut}")
    assert codes(reading) == ["F415"]


def test_a_promise_about_a_stage_that_is_done_without_is_dropped(tmp_path):
    base = promising("{stage: prospect, after: lead.hot}").replace("small", "base", 1)
    base = base.replace("  prospect: {}", "  prospect: {optional: true}")
    (tmp_path / "base.yaml").write_text(base)
    reading = read(tmp_path, "funnel: small\nextends: base\nwithout: [prospect]\n")
    assert reading.definition.always == ()
