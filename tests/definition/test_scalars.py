"""Plain scalars are read by YAML 1.2's core rules, not by those of YAML 1.1."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelflow.definition.yaml.nodes import ScalarNode, TooLargeError, resolve


def plain(text: str, style: str = "") -> ScalarNode:
    return ScalarNode(text, style, 1, 1, 1, 1 + len(text))


@pytest.mark.parametrize("text", ["no", "on", "off", "yes", "y", "1:30", "1:30:00", "0b1", "1_000"])
def test_what_only_yaml_1_1_gives_a_meaning_is_text(text):
    assert resolve(plain(text)) == text


@pytest.mark.parametrize(
    "text", ["2026-03-01", "1e", "+", "-", ".", "0x", "1.2.3", "12 days", "=", "<<"]
)
def test_what_only_looks_like_a_number_is_text(text):
    assert resolve(plain(text)) == text


@pytest.mark.parametrize("text", ["", "~", "null", "Null", "NULL"])
def test_nothing_is_nothing(text):
    assert resolve(plain(text)) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("010", 10),
        ("-7", -7),
        ("+7", 7),
        ("0o17", 15),
        ("0x1F", 31),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("5.", 5.0),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
    ],
)
def test_truth_values_and_numbers_are_read(text, value):
    resolved = resolve(plain(text))
    assert resolved == value
    assert type(resolved) is type(value)


def test_not_a_number_is_read():
    assert math.isnan(resolve(plain(".nan")))


@pytest.mark.parametrize("style", ["'", '"', "|", ">"])
@pytest.mark.parametrize("text", ["true", "5", "", "null"])
def test_text_in_quotes_is_text(text, style):
    assert resolve(plain(text, style)) == text


@pytest.mark.parametrize(
    "text", ["9223372036854775808", "-9223372036854775809", "9" * 5000, "0x" + "f" * 5000, "1e999"]
)
def test_a_number_beyond_64_bits_is_refused(text):
    with pytest.raises(TooLargeError):
        resolve(plain(text))


def test_needless_zeros_are_read_up_to_a_point():
    assert resolve(plain("0" * 23 + "7")) == 7
    with pytest.raises(TooLargeError):
        resolve(plain("0" * 24 + "7"))


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_integer_of_64_bits_is_read_exactly(value):
    assert resolve(plain(str(value))) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_is_read_as_python_writes_it(value):
    assert resolve(plain(repr(value))) == value


@given(st.text(min_size=1))
def test_any_text_is_read_or_refused_without_another_error(text):
    try:
        resolve(plain(text))
    except TooLargeError:
        assert any(digit in text for digit in "0123456789")
