"""Nothing that an expression contains can crash, hang or exhaust the process."""

import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelflow.criteria import (
    EXPRESSION_CODES,
    CriterionError,
    Explanation,
    Expression,
    compile_expression,
)

from .worlds import CONTACTS, EVENTS, NOW, SCOPE, heavy, sources

WORDS = [
    *"()[]{}.,?:;!<>=&|+-*/%'\"\\`~@#$^€\u201c\u201d\u2018\u2019«» \t\n\r\f\0\u00a0\u200b\u202e",
    "&&", "||", "==", "!=", "<=", ">=", "=>", "<>", "//", "/*", "**", "'''", '"""',
    "contact", "event", "now", ".", "contact.", "event.", "contact.budget", "contact.name",
    "contact.seen", "contact.tags", "contact.flag", "contact.zzz", "has(", "size(",
    "timestamp(", "duration(", ".startsWith(", ".contains(", ".matches(", ".exists(",
    "true", "false", "null", "in", "and", "or", "not", "0", "1", "1.5", "0x", "0xff", "1e9",
    "9" * 30,
    "5k", "5u", "1_000", "5,000", "50%", "r'", 'b"', "'a'", '"b"', "\\u", "'\\ud800'", "\ud800",
    "'2026-01-01'", "'30d'", "1" * 400, "(" * 60, "!" * 60, "-" * 60, "é", "🐱",
]  # fmt: skip
SOUP = st.lists(st.sampled_from(WORDS), max_size=25).map("".join)
ANYTHING = st.one_of(st.text(max_size=80), SOUP)


def compiled(source):
    """Compile a source: an expression, or an error that is in order."""
    try:
        return compile_expression(source, SCOPE, None)
    except CriterionError as error:
        look_at(error)
        return None


def look_at(error):
    """Hold an error to what every error must have."""
    assert error.problems
    assert error.show()
    for problem in error.problems:
        assert 0 <= problem.start <= problem.end <= len(error.source)
        assert problem.code in EXPRESSION_CODES
        assert problem.message.isprintable()
        assert problem.help.isprintable()


@heavy
@given(ANYTHING)
def test_any_text_is_an_expression_or_a_clear_error(source):
    assert isinstance(compiled(source), Expression | None)


@heavy
@given(sources(), st.data())
def test_a_damaged_expression_is_an_expression_or_a_clear_error(source, data):
    place = data.draw(st.integers(0, len(source)))
    length = data.draw(st.integers(0, 5))
    insert = data.draw(st.sampled_from(["", *WORDS]))
    damaged = source[:place] + insert + source[place + length :]
    assert isinstance(compiled(damaged), Expression | None)


@heavy
@given(SOUP, CONTACTS, EVENTS)
def test_whatever_compiles_can_be_asked_everything(source, contact, event):
    expression = compiled(source)
    if expression is None:
        return
    value = expression.value(contact, event, NOW)
    assert expression.holds(contact, event, NOW) is (value is True)
    assert expression.words()
    if expression.type.name == "boolean":
        assert isinstance(expression.explain(contact, event, NOW), Explanation)


DEEP = [
    "contact.flag ? ({0}) : contact.other_flag",
    "contact.flag ? contact.other_flag : {0}",
    "({0} ? contact.flag : contact.other_flag)",
    "({0}) == contact.flag",
    "contact.flag == ({0})",
    "!({0})",
    "({0} && contact.flag || contact.other_flag)",
    "({0}) in contact.marks",
    "({0}) in [contact.flag, contact.other_flag]",
    "contact.flag in [{0}]",
    "[{0}] == contact.marks",
    "size([{0}]) > contact.count",
]


@pytest.mark.parametrize("form", DEEP)
def test_the_deepest_expression_of_a_kind_compiles_and_runs(form):
    source = deepest = "contact.flag"
    while (source := form.format(source)) and len(source) <= 2000:
        if compiled(source) is None:
            break
        deepest = source
    assert len(deepest) > 150
    expression = compile_expression(deepest, SCOPE)
    contact = {"flag": True, "other_flag": False, "marks": (True,), "count": 1}
    for facts in (contact, {}):
        value = expression.value(facts, {}, NOW)
        assert expression.holds(facts, {}, NOW) is (value is True)
        assert expression.explain(facts, {}, NOW).words


@pytest.mark.parametrize(
    "form", ["contact.count + {0}", "-({0})", "contact.count - ({0})", "({0}) * contact.count"]
)
def test_the_deepest_calculation_compiles_and_runs(form):
    source = deepest = "contact.count"
    while (source := form.format(source)) and compiled(source) is not None:
        deepest = source
    expression = compile_expression(deepest, SCOPE, None)
    assert expression.value({}, {}, NOW) is None
    assert expression.value({"count": 1}, {}, NOW) is not None


@pytest.mark.parametrize(
    "hostile",
    [
        "(" * 2000,
        "9" * 2000,
        "'" + "\\x41" * 490 + "'",
        "contact.flag && " * 120 + "contact.flag",
        "contact.flag != contact.other_flag || " * 50 + "contact.flag",
        " && ".join(f"contact.count != {number}" for number in range(75)),
        " || ".join(f"contact.name == '{number}'" for number in range(75)),
        "contact.name in [" + ", ".join(f"'{number}'" for number in range(250)) + "]",
        "contact.name + " * 45 + "contact.name == ''",
        "contact.tags + " * 45 + "contact.tags == []",
    ],
)
def test_a_hostile_expression_is_answered_at_once(hostile):
    began = time.perf_counter()
    expression = compiled(hostile)
    if expression is not None:
        contact = {"flag": True, "count": 1, "name": "a" * 10_000, "tags": ("a" * 10_000,) * 100}
        expression.holds(contact, {}, NOW)
        expression.explain(contact, {}, NOW)
    assert time.perf_counter() - began < 2


def nested(levels):
    """Nest a form whose parts are asked for in every polarity."""
    source = "contact.flag"
    for _ in range(levels):
        source = f"({source} ? contact.flag : contact.other_flag) == !contact.flag"
    return source


def test_generated_code_grows_with_the_expression_only():
    sizes = [
        len(compile_expression(nested(levels), SCOPE).holds.__code__.co_code)
        for levels in (4, 8, 12)
    ]
    assert sizes[2] - sizes[1] <= 1.2 * (sizes[1] - sizes[0])


def test_an_expression_compiles_far_down_a_stack():
    def down(levels):
        return compile_expression("contact.budget > 5", SCOPE) if not levels else down(levels - 1)

    assert down(sys.getrecursionlimit() // 2)
