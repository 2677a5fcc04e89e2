"""Tokens: what is written becomes words with values and exact places."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelflow.criteria.lexer import SyntaxProblem, read_numeral, tokenize

from .worlds import NUMBERS, TEXTS, text_literal


def tokens_of(source):
    """Return the tokens of a source without problems, the end left out."""
    problems = []
    tokens = tokenize(source, problems)
    assert problems == []
    assert (tokens[-1].kind, tokens[-1].start, tokens[-1].end) == ("end", len(source), len(source))
    return tokens[:-1]


def stop_of(source):
    """Return the problem at which reading stops."""
    with pytest.raises(SyntaxProblem) as caught:
        tokenize(source, [])
    return caught.value.problem


def test_words_signs_numbers_and_texts_are_told_apart():
    kinds = [(token.kind, token.text) for token in tokens_of("has(contact.x) && 5 in ['a', 1.5]")]
    assert kinds == [
        ("name", "has"), ("operator", "("), ("name", "contact"), ("operator", "."), ("name", "x"),
        ("operator", ")"), ("operator", "&&"), ("number", "5"), ("operator", "in"),
        ("operator", "["), ("text", "'a'"), ("operator", ","), ("number", "1.5"), ("operator", "]"),
    ]  # fmt: skip


def test_every_token_stands_where_it_says():
    source = "contact.budget>=5000  &&\n !has( event.x )||'ä🐱'.size()==0x2"
    for token in tokens_of(source):
        assert source[token.start : token.end] == token.text


@pytest.mark.parametrize(
    "signs", ["<=", ">=", "==", "!=", "&&", "||", "<", ">", "!", "-", "+", "*", "/", "%", "?", ":"]
)
def test_a_sign_is_read_as_long_as_it_is(signs):
    assert [token.text for token in tokens_of(f"a{signs}b")] == ["a", signs, "b"]


def test_signs_side_by_side_are_read_from_the_left():
    assert [token.text for token in tokens_of("a<-b")] == ["a", "<", "-", "b"]
    assert [token.text for token in tokens_of("a==!b")] == ["a", "==", "!", "b"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("''", ""),
        ('""', ""),
        ("'a\"b'", 'a"b'),
        ('"a\'b"', "a'b"),
        ("'''a'b''c'''", "a'b''c"),
        ('"""a\n"b"\n"""', 'a\n"b"\n'),
        (r"r'\n'", r"\n"),
        (r'R"\\"', "\\\\"),
        (r"'\\'", "\\"),
        (r"'\"'", '"'),
        (r"'\x41\u0042\U00000043\104'", "ABCD"),
        (r"'\000'", "\0"),
        (r"'\U0010FFFF'", "\U0010ffff"),
        ("'\t'", "\t"),
        ("'// no comment'", "// no comment"),
    ],
)
def test_a_text_has_its_value(text, value):
    (token,) = tokens_of(text)
    assert (token.kind, token.value) == ("text", value)


@pytest.mark.parametrize(
    "text",
    [r"'\8'", r"'\x4'", r"'\u00g0'", r"'\U00110000'", r"'\U0000D800'", r"'\400'", "'\\\n'"],
)
def test_an_escape_that_means_nothing_is_reported(text):
    problems = []
    try:
        tokenize(text, problems)
    except SyntaxProblem as stop:
        problems.append(stop.problem)
    assert {problem.code for problem in problems} <= {"E106", "E107"}
    assert problems


@pytest.mark.parametrize("text", ["'", '"a', "'a\n'", "'''a''", 'r"', r"'\'", '"""'])
def test_a_text_that_does_not_end_stops_the_reading(text):
    problem = stop_of(text)
    assert (problem.code, problem.start) == ("E106", 0)


def test_one_r_is_enough():
    problems = []
    tokenize("rR'a'", problems)
    assert [problem.code for problem in problems] == ["E107"]


@given(TEXTS, st.sampled_from(["'", '"']))
def test_a_text_is_read_as_it_was_written(value, quote):
    (token,) = tokens_of(text_literal(value, quote))
    assert token.value == value


@given(st.integers(0, 2**63 - 1))
def test_an_integer_is_read_as_it_was_written(value):
    assert tokens_of(str(value))[0].value == value
    assert tokens_of(f"0x{value:X}")[0].value == value


@given(NUMBERS.map(abs))
def test_a_number_is_read_as_it_was_written(value):
    (token,) = tokens_of(repr(value))
    assert token.value == value
    assert isinstance(token.value, float)


@pytest.mark.parametrize(
    ("text", "value"), [("1e3", 1000.0), ("1E+3", 1000.0), (".5", 0.5), ("1.5e-1", 0.15)]
)
def test_a_number_may_have_an_exponent_or_no_whole_part(text, value):
    assert read_numeral(text) == (value, None)
    assert math.isfinite(value)


@pytest.mark.parametrize(
    ("text", "code", "parameters"),
    [
        ("5u", "E118", {"number": "5"}),
        ("0xFFu", "E118", {"number": "0xFF"}),
        ("5_000", "E116", {"number": "5000"}),
        ("5k", "E116", {"written": "5k", "number": "5000"}),
        ("2.5K", "E116", {"written": "2.5K", "number": "2500"}),
        ("3M", "E116", {"written": "3M", "number": "3000000"}),
        ("30d", "E116", {"written": "30d", "duration": "720h"}),
        ("2weeks", "E116", {"written": "2weeks", "duration": "336h"}),
        ("90s", "E116", {"written": "90s", "duration": "90s"}),
        ("5min", "E116", {"written": "5min", "duration": "300s"}),
        ("0xZ", "E116", {"written": "0xZ"}),
        ("9223372036854775809", "E117", {}),
        ("0x8000000000000001", "E117", {}),
        ("1e999", "E117", {}),
        ("9" * 2000, "E117", {}),
    ],
)
def test_what_is_no_number_has_no_value_but_what_was_meant(text, code, parameters):
    value, mistake = read_numeral(text)
    assert value is None
    assert (mistake.code, mistake.parameters) == (code, parameters)


def test_the_dot_of_a_selection_is_not_the_one_of_a_number():
    problems = []
    tokens = tokenize("contact.5", problems)
    assert [token.text for token in tokens] == ["contact", ".", "5", ""]


@pytest.mark.parametrize("name", ["and", "or", "not", "in"])
def test_a_word_behind_a_dot_is_a_name_unless_it_is_a_keyword(name):
    last = tokenize(f"contact.{name}", [])[2]
    assert last.kind == ("operator" if name == "in" else "name")
