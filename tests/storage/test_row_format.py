"""Canonical JSON and checksums of rows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelflow.storage.row_format import checksum, checksum_beginning, decode, encode

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
)


@given(VALUES)
def test_canonical_json_is_read_back_as_it_was_written(value):
    assert decode(encode(value)) == value


def test_an_integer_beyond_64_bits_is_refused():
    with pytest.raises(TypeError):
        encode(2**64)


@pytest.mark.parametrize("text", ["", "{", "nope", "NaN", "{}{}"])
def test_what_is_no_json_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        decode(text)


@given(TEXTS, st.lists(TEXTS | st.integers() | st.none(), max_size=3))
def test_a_checksum_may_be_taken_of_what_many_rows_share_first(last, others):
    assert checksum_beginning(*others)(last) == checksum(*others, last)
