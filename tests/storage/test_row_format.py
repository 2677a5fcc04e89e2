"""Canonical JSON and checksums of rows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelflow.storage.row_format import checksum, checksum_ending, decode, encode

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)  # fmt: skip


@given(VALUES)
def test_canonical_json_is_read_back_as_it_was_written(value):
    assert decode(encode(value)) == value


@pytest.mark.parametrize("text", ['{"a":1} ', "", " {}", "{", "nope", "{}{}"])
def test_what_is_no_canonical_json_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        decode(text)


@given(st.text(), st.lists(st.text() | st.integers() | st.none(), max_size=3))
def test_a_checksum_may_be_taken_of_the_first_column_last(first, others):
    assert checksum_ending(*others)(first) == checksum(first, *others)
