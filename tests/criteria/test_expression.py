"""What can be asked of a compiled expression beside its value."""

import datetime as dt
import doctest
import pickle

import attrs
import pytest
from hypothesis import given

from funnelflow import criteria
from funnelflow.criteria import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    TEXT,
    CriterionError,
    Expression,
    Field,
    Scope,
    compile_expression,
    list_of,
)
from funnelflow.criteria.evaluate import Known
from funnelflow.criteria.tree import Quantified, walk

from .reference import walked
from .worlds import CONTACTS, EVENTS, NOW, NOWS, SCOPE, TYPED_SOURCES, heavy

LATER = NOW + dt.timedelta(days=1)


def test_the_names_are_the_fields_it_reads_or_asks_for():
    expression = compile_expression(
        "has(contact.email) && event.count > contact.count && contact.count > 1", SCOPE
    )
    assert expression.names == {("contact", "email"), ("event", "count"), ("contact", "count")}


def test_now_is_the_time_of_the_question():
    expression = compile_expression("contact.seen < now", SCOPE)
    assert expression.holds({"seen": NOW}, {}, LATER) is True
    assert expression.holds({"seen": NOW}, {}, NOW) is False


def test_a_fact_that_an_event_removes_is_not_known():
    assert compile_expression("has(event.note)", SCOPE).holds({}, {"note": None}, NOW) is False
    assert compile_expression("event.note == ''", SCOPE).value({}, {"note": None}, NOW) is None


def test_a_value_is_given_with_its_type():
    expression = compile_expression("contact.count + 1", SCOPE, INTEGER)
    assert expression.type == INTEGER
    assert expression.value({"count": 2}, {}, NOW) == 3
    assert expression.value({}, {}, NOW) is None


@pytest.mark.parametrize(
    ("source", "kind", "value"),
    [
        ("contact.count + 1", NUMBER, 3.0),
        ("[1, contact.count]", list_of(NUMBER), (1.0, 2.0)),
        ("[1, 2.5]", list_of(NUMBER), (1.0, 2.5)),
        ("[]", list_of(TEXT), ()),
    ],
)
def test_integers_become_numbers_where_numbers_are_wanted(source, kind, value):
    expression = compile_expression(source, SCOPE, kind)
    given_ = expression.value({"count": 2}, {}, NOW)
    assert expression.type == kind
    assert given_ == value
    assert repr(given_) == repr(value)


def test_what_is_unknown_stays_unknown_where_numbers_are_wanted():
    assert compile_expression("contact.count", SCOPE, NUMBER).value({}, {}, NOW) is None


@pytest.mark.parametrize("kind", [TEXT, INTEGER, list_of(INTEGER)], ids=str)
def test_numbers_do_not_become_anything_else(kind):
    with pytest.raises(CriterionError):
        compile_expression("contact.budget", SCOPE, kind)


def test_an_expression_that_is_no_condition_does_not_hold():
    assert compile_expression("contact.count", SCOPE, None).holds({"count": 1}, {}, NOW) is False


def test_expressions_are_equal_by_source_and_scope():
    one, other = (compile_expression("contact.flag", SCOPE) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one != compile_expression("contact.other_flag", SCOPE)


def test_an_expression_pickles_as_its_source():
    expression = compile_expression("contact.count + 1", SCOPE, NUMBER)
    again = pickle.loads(pickle.dumps(expression))
    assert again == expression
    assert again.value({"count": 2}, {}, NOW) == 3.0


def test_an_error_pickles_with_its_problems():
    with pytest.raises(CriterionError) as caught:
        compile_expression("contact.zzz", SCOPE)
    assert pickle.loads(pickle.dumps(caught.value)).problems == caught.value.problems


def test_an_expression_shows_its_source_only():
    assert repr(compile_expression("true", SCOPE)) == "Expression(source='true')"


def test_the_fields_of_a_scope_need_no_event():
    scope = Scope({"flag": Field("flag", BOOLEAN)})
    assert isinstance(compile_expression("contact.flag", scope), Expression)


def without_places(node):
    """Write a tree without where its nodes stand."""
    return attrs.asdict(node, filter=lambda attribute, _: attribute.name not in ("start", "end"))


@heavy
@given(TYPED_SOURCES, CONTACTS, EVENTS, NOWS)
def test_the_compiled_code_gives_what_the_tree_gives(typed, contact, event, now):
    kind, source = typed
    wanted = NUMBER if kind == INTEGER else kind
    expression = compile_expression(source, SCOPE, wanted)
    given_ = walked(expression.tree, Known(contact, event, now))
    assert repr(expression.value(contact, event, now)) == repr(given_)


@heavy
@given(TYPED_SOURCES)
def test_every_part_stands_where_it_says(typed):
    _, source = typed
    tree = compile_expression(source, SCOPE, None).tree
    inside = {id(part) for node in walk(tree) if isinstance(node, Quantified)
              for part in walk(node.test)}  # fmt: skip
    for node in walk(tree):
        part = source[node.start : node.end]
        if id(node) in inside:  # it means something in its macro only
            continue
        assert without_places(compile_expression(part, SCOPE, None).tree) == without_places(node)


@heavy
@given(TYPED_SOURCES, CONTACTS, EVENTS, NOWS)
def test_spaces_and_line_breaks_change_nothing(typed, contact, event, now):
    _, source = typed
    spread = f"\n\t {source}\f \n"
    one, other = (compile_expression(text, SCOPE, None) for text in (source, spread))
    assert repr(one.value(contact, event, now)) == repr(other.value(contact, event, now))


def test_the_example_of_the_package_is_true():
    assert doctest.testmod(criteria).failed == 0
