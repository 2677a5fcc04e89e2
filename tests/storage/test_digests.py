"""Digests: what they cover, and that nothing else looks the same."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from funnelflow.storage.row_format import checksum, commitment, encode, row_digest

texts = st.text(st.characters(exclude_categories=["Cs"]))
columns = st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x1f")),
                   min_size=19, max_size=19)  # fmt: skip


@given(row=columns)
def test_a_commitment_is_the_sha256_of_salt_and_columns_between_unit_separators(row):
    said = "\x1f".join(["salt", *row])
    assert commitment("salt", *row) == hashlib.sha256(said.encode()).hexdigest()


def test_a_digest_chains_a_commitment_to_the_row_before():
    said = "before\x1f7\x1f2\x1fcommitted"
    assert row_digest("before", 7, 2, "committed") == hashlib.sha256(said.encode()).hexdigest()


@given(one=columns, other=columns)
def test_rows_have_one_commitment_only_if_they_are_the_same(one, other):
    assert (commitment("", *one) == commitment("", *other)) == (one == other)


@given(row=columns, place=st.integers(0, 17), cut=st.integers(0, 5))
def test_no_row_takes_the_place_of_another_by_moving_text_between_its_columns(row, place, cut):
    """Nor does one with separators in it, which nothing that was let in has."""
    joined = "\x1f".join(row[place : place + 2])
    other = [*row[:place], joined[:cut], joined[cut:], *row[place + 2 :]]
    if other != row:
        assert commitment("", *other) != commitment("", *row)


def test_json_has_one_canonical_form():
    assert encode({"b": "é", "a": [1, 2.0, True, None]}) == '{"a":[1,2.0,true,null],"b":"é"}'


@given(one=texts, other=texts)
def test_a_checksum_tells_columns_apart_from_their_concatenation(one, other):
    if other:
        assert checksum(one, other) != checksum(one + other, "")
