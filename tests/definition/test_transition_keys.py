"""What transitions can say: any stage, coming back, dates, facts that they set, replacing."""

import pytest

from funnelflow.definition import check, diff, from_json, to_json
from funnelflow.definition.model import ANY

from .support import codes, only, read, told

HEAD = """\
funnel: small
fields: {budget: number, next_at: timestamp, tries: {type: integer, default: 0}}
events: {form: {}, call: {fields: {way: text}}, quiet: {}, back: {}}
initial: lead
stages:
  lead: {stages: {new: {}, warm: {}}}
  prospect:
  parked:
  sold: {type: won}
  gone: {type: lost}
transitions:
  - {from: lead.new, to: lead.warm, on: call}
  - {from: lead, to: prospect, on: form}
  - {from: prospect, to: sold, on: form}
  - {from: "*", to: gone, on: quiet}
  - {from: "*", to: parked, on: call}
"""
BACK = '  - {from: parked, to: "*", resume: true, on: back}\n'


def small(tmp_path, *lines):
    return read(tmp_path, HEAD + "".join(f"  - {line}\n" for line in lines) + BACK)


def test_any_stage_is_every_open_leaf_but_the_one_that_is_entered(tmp_path):
    reading = small(tmp_path)
    assert reading.problems == ()
    _, _, _, gone, parked, back = reading.linked.transitions
    assert gone.sources == tuple(
        (leaf, 0) for leaf in ("lead.new", "lead.warm", "prospect", "parked")
    )
    assert parked.sources == (("lead.new", 0), ("lead.warm", 0), ("prospect", 0))
    assert (back.to, back.targets) == ("lead.new", ("lead.new", "lead.warm", "prospect"))


def test_an_unquoted_star_is_told_to_be_put_in_quotes(tmp_path):
    problems = read(tmp_path, HEAD.replace('"*"', "*", 1)).problems
    assert [p.help for p in problems if p.code == "F005"] == ["write '*'"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{from: parked, to: lead, resume: true, on: form}", []),
        ("{from: parked, to: lead, after: contact.next_at}", []),
        ("{from: parked, to: lead, after: 'contact.next_at + duration(\"48h\")'}", []),
        ("{from: parked, to: lead, on: form, sets: {tries: contact.tries + 1}}", []),
        ("{from: parked, to: lead, on: call, sets: {tries: size(event.way)}}", []),
        ('{from: parked, to: "*", on: form}', ["F419"]),
        ('{from: "*", to: "*", resume: true, on: form}', ["F419"]),
        ("{from: parked, to: lead, after: contact.next_at, since: activity}", ["F412"]),
        ("{from: parked, to: lead, after: contact.budget}", ["E147"]),
        ("{from: parked, to: lead, after: 'contact.nxt_at'}", ["E130"]),
        ("{from: parked, to: lead, after: 'contact.next_at + (now - contact.next_at)'}", ["F418"]),
        (
            "{from: parked, to: lead, after: 'has(event.way) ? contact.next_at : contact.next_at'}",
            ["E161"],
        ),
        ("{from: parked, to: lead, after: 9d, sets: {tries: size(event.way)}}", ["E161"]),
        ("{from: parked, to: lead, on: form, sets: {trys: '1'}}", ["F205"]),
        ("{from: parked, to: lead, on: form, sets: {tries: '\"one\"'}}", ["E147"]),
        ("{from: parked, to: parked, after: contact.next_at}", ["F414", "F417"]),
        ('{from: "*", to: parked, after: 90d}', ["F416"]),
    ],
)
def test_what_a_transition_says_is_checked(tmp_path, line, expected):
    found = small(tmp_path, line)
    assert sorted(set(codes(found))) == sorted(set(expected))


def test_dates_that_go_round_are_an_error_and_those_that_exclude_each_other_are_none(tmp_path):
    rich, poor = "contact.budget >= 9", "contact.budget < 9"
    lines = [
        "{{from: parked, to: prospect, after: contact.next_at, require: [Rich: {}]}}",
        "{{from: prospect, to: parked, after: contact.next_at, require: [Poor: {}]}}",
    ]
    assert codes(small(tmp_path, lines[0].format(rich), lines[1].format(poor))) == []
    assert codes(small(tmp_path, lines[0].format(rich), lines[1].format(rich)))[0] == "F417"
    sets = lines[0].replace(", require", ", sets: {{budget: '1'}}, require").format(rich)
    assert "F417" in codes(small(tmp_path, sets, lines[1].format(poor)))


def test_what_a_transition_says_is_stored_and_told_apart(tmp_path):
    lines = (
        "{from: parked, to: lead, resume: true, on: form, sets: {tries: contact.tries + 1}}",
        "{from: parked, to: prospect, after: contact.next_at}",
    )
    old, new = small(tmp_path).definition, small(tmp_path, *lines).definition
    assert from_json(to_json(new)) == new
    assert not [p for p in check(new) if p.severity == "error"]
    said = [change.words for change in diff(old, new)]
    assert "transition parked → lead (where it was last) is added (on form)" in said
    assert "transition parked → prospect is added (at contact.next_at)" in said
    plain = small(tmp_path, "{from: parked, to: lead, on: form}").definition
    said = [change.words for change in diff(new, plain) if change.kind == "changed"]
    assert "parked → lead: sets nothing, not tries to contact.tries + 1" in said
    assert "parked → lead: begins at the first stage" in said


BASE = """\
funnel: base
fields: {budget: number}
events: {form: {}, call: {}}
initial: lead
stages: {lead: , prospect: , sold: {type: won}}
transitions:
  - {from: lead, to: prospect, on: form, require: [Any: contact.budget > 0]}
  - {from: lead, to: prospect, on: call}
  - {from: prospect, to: sold, on: form}
"""


def extended(tmp_path, *lines):
    (tmp_path / "base.yaml").write_text(BASE)
    body = "".join(f"  - {line}\n" for line in lines)
    return read(tmp_path, f"funnel: small\nextends: base\ntransitions:\n{body}")


STRICT = "from: lead, to: prospect, on: form, require: [Much: contact.budget >= 5000]"


def test_a_transition_takes_the_place_of_the_one_that_it_replaces(tmp_path):
    reading = extended(tmp_path, f"{{{STRICT}, replaces: true}}")
    assert reading.problems == ()
    written = [
        (t.to, t.on, t.require and t.require.items[0].label) for t in reading.definition.transitions
    ]
    assert written == [
        ("prospect", ("form",), "Much"),
        ("prospect", ("call",), None),
        ("sold", ("form",), None),
    ]
    assert from_json(to_json(reading.definition)) == reading.definition


def test_one_that_stands_beside_another_is_told_unless_it_says_so(tmp_path):
    problem = only(extended(tmp_path, f"{{{STRICT}}}"))
    assert (problem.code, problem.severity) == ("F608", "warning")
    assert "base.yaml" in problem.message
    reading = extended(tmp_path, f"{{{STRICT}, replaces: false}}")
    assert reading.problems == ()
    assert len(reading.definition.transitions) == 4


def test_which_one_is_replaced_can_be_said(tmp_path):
    line = "{from: lead, to: sold, on: call, replaces: {to: prospect, on: call}}"
    reading = extended(tmp_path, line)
    assert reading.problems == ()
    assert [(t.to, t.on) for t in reading.definition.transitions] == [
        ("prospect", ("form",)),
        ("sold", ("call",)),
        ("sold", ("form",)),
    ]


@pytest.mark.parametrize(
    ("line", "variant"),
    [
        ("{from: lead, to: sold, on: call, replaces: true}", "none"),
        ("{from: lead, to: prospect, on: [form, call], replaces: true}", "several"),
    ],
)
def test_what_is_replaced_must_be_one(tmp_path, line, variant):
    problem = extended(tmp_path, line).problems[0]
    assert (problem.code, problem.variant) == ("F607", variant)


def test_there_is_nothing_to_replace_without_another_definition(tmp_path):
    problem = only(small(tmp_path, "{from: parked, to: lead, on: form, replaces: true}"))
    assert (problem.code, problem.variant) == ("F607", "alone")
    assert told(problem).endswith("F607")


def test_the_star_is_what_stands_in_a_file():
    assert ANY == "*"
