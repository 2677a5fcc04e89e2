"""Digests: what they cover, and that nothing else looks the same."""

import hashlib
import json

from hypothesis import given
from hypothesis import strategies as st

from funnelflow.store.canonical import checksum, encode, row_digest

texts = st.text(st.characters(exclude_categories=["Cs"]))
rows = st.tuples(
    texts, st.integers(1, 9), st.none() | texts, *[texts] * 7, st.integers(0, 1), *[texts] * 6
)


@given(row=rows)
def test_a_digest_is_the_sha256_of_the_compact_json_array_of_the_columns(row):
    text = json.dumps(["", *row, "d"], separators=(",", ":"))
    assert row_digest("", *row, "d") == hashlib.sha256(text.encode()).hexdigest()


@given(one=rows, other=rows)
def test_rows_have_one_digest_only_if_they_are_the_same(one, other):
    assert (row_digest("", *one, "d") == row_digest("", *other, "d")) == (one == other)


def test_a_digest_depends_on_the_row_before():
    row = ("ada", 1, None, *["x"] * 7, 0, *["y"] * 6)
    assert row_digest("a" * 64, *row, "d") != row_digest("b" * 64, *row, "d")


def test_json_has_one_canonical_form():
    assert encode({"b": "é", "a": [1, 2.0, True, None]}) == '{"a":[1,2.0,true,null],"b":"\\u00e9"}'


@given(one=texts, other=texts)
def test_a_checksum_tells_columns_apart_from_their_concatenation(one, other):
    if other:
        assert checksum(one, other) != checksum(one + other, "")
