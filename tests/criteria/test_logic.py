"""Three-valued logic, exhaustively: every small condition with every truth value."""

from itertools import product

import pytest

from funnelflow.criteria import BOOLEAN, Field, Scope, Verdict, compile_expression

from .worlds import NOW

NAMES = ("a", "b", "c")
SCOPE = Scope({name: Field(name, BOOLEAN) for name in NAMES})
VERDICTS = {True: Verdict.MET, False: Verdict.NOT_MET, None: Verdict.UNKNOWN}


def negation(one):
    return None if one is None else not one


def conjunction(one, other):
    return False if False in (one, other) else None if None in (one, other) else True


def disjunction(one, other):
    return True if True in (one, other) else None if None in (one, other) else False


def choice(test, then, other):
    return None if test is None else then if test else other


def equality(one, other):
    return None if None in (one, other) else one == other


def difference(one, other):
    return negation(equality(one, other))


FORMS = {
    "!({})": (negation, 1),
    "({}) && ({})": (conjunction, 2),
    "({}) || ({})": (disjunction, 2),
    "({}) == ({})": (equality, 2),
    "({}) != ({})": (difference, 2),
    "({}) ? ({}) : ({})": (choice, 3),
}


def fields():
    """Return the fields themselves, each with what it is for some truth values."""
    return [(f"contact.{name}", lambda facts, name=name: facts.get(name)) for name in NAMES]


def made(form, operands):
    """Make a condition of a form from operands: its text, and its truth by the tables."""
    function, count = FORMS[form]
    used = operands[:count]
    text = form.format(*[text for text, _ in used])
    return text, lambda facts: function(*[truth(facts) for _, truth in used])


def small():
    """Return a field, and every form over the fields in their order."""
    return [fields()[2], *[made(form, fields()) for form in FORMS]]


def above(form):
    """Return every condition of a form whose operands are small conditions."""
    return [made(form, operands) for operands in product(small(), repeat=FORMS[form][1])]


WORLDS = [
    {name: truth for name, truth in zip(NAMES, truths, strict=True) if truth is not None}
    for truths in product((True, False, None), repeat=3)
]


@pytest.mark.parametrize("form", FORMS)
def test_every_condition_two_deep_is_as_the_tables_say(form):
    for source, truth in above(form):
        expression = compile_expression(source, SCOPE)
        for facts in WORLDS:
            wanted = truth(facts)
            assert expression.value(facts, {}, NOW) is wanted, (source, facts)
            assert expression.holds(facts, {}, NOW) is (wanted is True), (source, facts)
            verdict = expression.explain(facts, {}, NOW).verdict
            assert verdict is VERDICTS[wanted], (source, facts)
