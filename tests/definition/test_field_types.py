"""A field has one type in a workspace."""

from hypothesis import given
from hypothesis import strategies as st

from funnelflow.criteria import Field
from funnelflow.definition import Definition, EventType, Stage, Vocabulary
from funnelflow.definition.field_types import type_conflicts

TYPES = ("integer", "number", "text", "boolean")


def funnel(name, fields=(), events=None):
    """Return a definition with these fields, and with events that bring fields of their own."""
    events = {
        event: EventType(event, fields={f: Field(f, kind) for f, kind in own.items()})
        for event, own in (events or {}).items()
    }
    vocabulary = Vocabulary(
        name, fields={f: Field(f, kind) for f, kind in dict(fields).items()}, events=events
    )
    return Definition(name, vocabulary=vocabulary, initial="new", stages=(Stage("new"),))


def told(problems):
    return [(p.code, p.name, p.parameters["name"], p.parameters["funnel"]) for p in problems]


FIELDS = st.dictionaries(st.sampled_from("abc"), st.sampled_from(TYPES))


@given(st.lists(FIELDS, max_size=4))
def test_each_pair_of_types_is_told_once_where_it_comes_second(vocabularies):
    checked = [funnel(f"f{n}", fields) for n, fields in enumerate(vocabularies)]
    expected = {
        ("F709", f"f{second}", name, f"f{first}")
        for second, theirs in enumerate(vocabularies)
        for first, ours in enumerate(vocabularies[:second])
        for name in theirs.keys() & ours.keys()
        if theirs[name] != ours[name]
    }
    found = told(type_conflicts(checked))
    assert len(found) == len(set(found))
    assert set(found) == expected


def test_a_type_that_is_another_in_use_is_an_error_and_the_funnel_itself_may_change():
    old, other = funnel("sales", {"a": "text"}), funnel("upsell", {"a": "text", "b": "text"})
    new = funnel("sales", {"a": "integer", "b": "text"})
    found = list(type_conflicts([new], [old, other]))
    assert told(found) == [("F710", "sales", "a", "upsell")]
    assert found[0].severity == "error"
    assert list(type_conflicts([old], [other])) == []


def test_what_an_event_brings_of_its_own_is_held_to_fields_and_to_the_same_event():
    fields, other = funnel("fields", {"amount": "text"}), {"amount": "number"}
    paid = funnel("paid", events={"paid": other})
    assert told(type_conflicts([fields, paid])) == [("F709", "paid", "amount", "fields")]
    assert told(type_conflicts([paid, fields])) == [("F709", "fields", "amount", "paid")]
    same = funnel("same", events={"paid": {"amount": "text"}})
    assert told(type_conflicts([paid, same])) == [("F709", "same", "amount", "paid")]
    elsewhere = funnel("elsewhere", events={"sent": {"amount": "text"}})
    assert list(type_conflicts([paid, elsewhere])) == []
