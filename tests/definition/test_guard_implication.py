"""Comparing what transitions demand: what is said to follow, or to exclude, really does."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from funnelflow.criteria import AllOf, Leaf, Scope, compile_expression
from funnelflow.definition.lint.guard_implication import exclude_each_other, guard_conditions

from .strategies import VOCABULARY

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
SCOPE = Scope(VOCABULARY.fields)

numbers = st.integers(-2, 3)
conditions = st.one_of(
    st.builds(
        "contact.score {} {}".format, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), numbers
    ),
    st.builds("contact.budget {} {}".format, st.sampled_from(["<", "<=", ">", ">="]), numbers),
    st.sampled_from(
        [
            "contact.fits",
            "!contact.fits",
            "!(contact.fits)",
            "contact.fits == true",
            "has(contact.score)",
            "!has(contact.score)",
            "!(has(contact.score))",
            'contact.authority == "none"',
            'contact.authority != "none"',
            "contact.authority == 'decides'",
        ]
    ),
)
sources = st.lists(conditions, min_size=1, max_size=3).map(" && ".join)
rules = st.lists(sources, min_size=1, max_size=2)
contacts = st.fixed_dictionaries(
    {},
    optional={
        "score": numbers,
        "budget": numbers.map(float),
        "fits": st.booleans(),
        "authority": st.sampled_from(["none", "decides"]),
    },
)


def rule_of(written):
    leaves = tuple(Leaf(source, compile_expression(source, SCOPE)) for source in written)
    return AllOf("", leaves)


def met(rule, contact):
    return all(leaf.expression.holds(contact, {}, NOW) for leaf in rule.rules)


@given(rules, rules, st.lists(contacts, min_size=1, max_size=8))
def test_what_is_told_to_exclude_never_holds_together(first, second, drawn):
    one, other = rule_of(first), rule_of(second)
    if exclude_each_other(guard_conditions(one), guard_conditions(other)):
        assert not any(met(one, contact) and met(other, contact) for contact in drawn)


@given(rules, rules, st.lists(contacts, min_size=1, max_size=8))
def test_what_is_told_to_be_weaker_holds_wherever_the_other_does(first, second, drawn):
    one, other = rule_of(first), rule_of(second)
    if guard_conditions(one).are_weaker_than(guard_conditions(other)):
        assert all(met(one, contact) for contact in drawn if met(other, contact))
