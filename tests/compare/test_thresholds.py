"""One literal of a definition is changed, and what follows from it."""

import datetime as dt

import pytest
from attrs import evolve

from funnelflow.compare.effects import effects_of
from funnelflow.compare.thresholds import (
    the_threshold,
    thresholds,
    value_words,
    values_around,
    with_threshold,
)
from funnelflow.criteria import DURATION, INTEGER, NUMBER, TEXT, TIMESTAMP, Field
from funnelflow.definition import (
    Criterion,
    Definition,
    EventType,
    Group,
    Invariant,
    Stage,
    Transition,
    Vocabulary,
    link,
)
from funnelflow.errors import FieldError, UnknownNameError, UsageError

FIELDS = {
    "budget": NUMBER,
    "replies": INTEGER,
    "grade": TEXT,
    "seen_at": TIMESTAMP,
    "pause": DURATION,
    "email": TEXT,
}
VOCABULARY = Vocabulary(
    "v",
    fields={name: Field(name, kind) for name, kind in FIELDS.items()},
    events={"form": EventType("form"), "call": EventType("call")},
)
RICH = Criterion("Rich enough", "contact.budget >= 5000 && has(contact.email)")
GRADE = Criterion("A", 'contact.grade == "A"')
TWICE = Criterion("Twice", "2 <= contact.replies")
TRANSITIONS = (
    Transition(
        "lead", "prospect", on="form", require=[RICH, Criterion("A", 'contact.grade == "A"')]
    ),
    Transition(
        "lead",
        "parked",
        require=[Group("any", (Criterion("Quiet", 'now - contact.seen_at >= duration("720h")'),))],
    ),
    Transition(
        "prospect", "won", on="call", require=[RICH, Criterion("Twice", "2 <= contact.replies")]
    ),
    Transition("parked", "won", on="call", require=[Criterion("Very", "contact.replies > 9")]),
)
STAGES = (Stage("lead"), Stage("prospect"), Stage("parked"), Stage("won", type="won"))
PROMISE = Invariant("Rich", "prospect", on_entry=RICH.expression)
DEFINITION = Definition("f", VOCABULARY, "lead", STAGES, TRANSITIONS, always=(PROMISE,))
LINKED = link(DEFINITION)


def expressions(definition):
    return [c.expression for t in definition.transitions for c in flat(t.require)]


def flat(item):
    return [item] if isinstance(item, Criterion) else [c for one in item.items for c in flat(one)]


def test_the_literal_of_every_use_changes_and_the_promise_in_the_same_words_follows():
    threshold = the_threshold(LINKED, "budget")
    assert (threshold.label, threshold.operator, threshold.value) == ("Rich enough", ">=", 5000)
    assert threshold.stages == ("prospect", "won")
    changed = with_threshold(DEFINITION, threshold, threshold.read("3000"))
    rich = "contact.budget >= 3000 && has(contact.email)"
    assert expressions(changed)[0] == expressions(changed)[3] == rich
    assert changed.always[0].on_entry == rich
    assert expressions(changed)[1] == 'contact.grade == "A"'
    assert with_threshold(DEFINITION, threshold, 5000) == DEFINITION


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        ("grade", 'B"', 'contact.grade == "B\\""'),
        ("budget", "3000.5", "contact.budget >= 3000.5 && has(contact.email)"),
        ("seen_at", "24h", 'now - contact.seen_at >= duration("86400000000us")'),
    ],
)
def test_a_literal_is_written_so_that_it_compiles_to_its_value(field, text, expected):
    threshold = the_threshold(LINKED, field)
    value = threshold.read(text)
    changed = with_threshold(DEFINITION, threshold, value)
    assert expected in expressions(changed)
    assert the_threshold(link(changed), field).value == value


def test_where_several_literals_are_compared_the_label_says_which():
    with pytest.raises(UsageError, match=r"'Twice'.*'Very'") as caught:
        the_threshold(LINKED, "replies")
    assert caught.value.hint == 'say which: --label "Twice"'
    threshold = the_threshold(LINKED, "replies", "very")
    assert (threshold.value, threshold.operator) == (9, ">")
    assert [t.operator for t in thresholds(LINKED, "replies")] == [">=", ">"]


def test_what_is_no_threshold_is_refused():
    with pytest.raises(UsageError, match="no criterion of f compares email"):
        the_threshold(LINKED, "email")
    with pytest.raises(UnknownNameError):
        the_threshold(LINKED, "bugdet")
    with pytest.raises(UsageError, match="has a label like 'x'"):
        the_threshold(LINKED, "replies", "x")
    with pytest.raises(FieldError):
        the_threshold(LINKED, "budget").read("much")
    with pytest.raises(FieldError):
        the_threshold(LINKED, "budget").read(" ")


def test_values_around_are_quarters_of_it():
    assert values_around(the_threshold(LINKED, "budget")) == (
        *(1250, 2500, 3750, 5000, 6250, 7500),
        10000,
    )
    assert values_around(the_threshold(LINKED, "seen_at"))[0] == dt.timedelta(hours=180)
    assert values_around(the_threshold(LINKED, "grade")) == ()
    assert value_words(dt.timedelta(days=2)) == "2 days"
    assert value_words(1250.5) == "1,250.5"


def effect_of(require):
    """Return the effect of other criteria of the first transition."""
    changed = evolve(TRANSITIONS[0], require=require)
    new = link(evolve(DEFINITION, transitions=(changed, *TRANSITIONS[1:]), always=()))
    (effect,) = effects_of(link(evolve(DEFINITION, always=())), new)
    return effect.kind, effect.let_in, effect.kept_out


@pytest.mark.parametrize(
    ("require", "expected"),
    [
        ([Criterion("Rich", RICH.expression), GRADE], ("same", "", "")),
        (
            [Criterion("R", "has(contact.email) && !(contact.budget < 5000)"), GRADE],
            ("same", "", ""),
        ),
        ([GRADE], ("looser", "budget=", "")),
        ([RICH, GRADE, Criterion("Twice", "contact.replies >= 2")], ("stricter", "", "replies")),
        ([RICH, Criterion("A", 'contact.grade == "B"')], ("other", "grade=B", "grade=A")),
    ],
)
def test_an_effect_is_proved_with_facts_that_show_it(require, expected):
    kind, let_in, kept_out = effect_of(require)
    assert kind == expected[0]
    assert let_in.startswith(expected[1])
    assert bool(let_in) is bool(expected[1])
    assert kept_out.startswith(expected[2])


def test_what_is_no_criterion_is_told_and_not_proved():
    changed = evolve(TRANSITIONS[3], on=("form",))
    new = link(evolve(DEFINITION, transitions=(*TRANSITIONS[:3], changed)))
    (effect,) = effects_of(LINKED, new)
    assert (effect.kind, effect.is_proved) == ("changed", False)
    assert "taken on form, not on call" in effect.words
    assert effect.to_json()["proved"] is False
