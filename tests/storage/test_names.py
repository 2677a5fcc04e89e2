"""What a contact's id may look like."""

import pytest

from funnelflow.errors import UsageError
from funnelflow.storage.changes import check_id, check_key


@pytest.mark.parametrize(
    "name", ["ada", "ada@example.com", "0042", "Ada Lovelace", "Åsa", "客户", "a" * 200, "👩‍💻"]
)
def test_any_plain_text_is_an_id(name):
    assert check_id(name) == name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "is empty"),
        (" ada", "begins or ends with a blank"),
        ("ada\t", "begins or ends with a blank"),
        ("\u00a0ada", "begins or ends with a blank"),
        ("a\0b", "U+0000"),
        ("a\x1b[2Jb", "U+001B"),
        ("a\ud800b", "U+D800"),
        ("a\u202eb", "U+202E"),
        ("a\ufeffb", "U+FEFF"),
        ("a\u200bb", "U+200B"),
        ("a\u00adb", "U+00AD"),
        ("a\u2060b", "U+2060"),
        ("a\u061cb", "U+061C"),
        ("a\u3164b", "U+3164"),
        ("a" * 201, "201 characters"),
        (42, "must be text, but this is int"),
    ],
)
def test_what_nobody_can_see_or_type_is_no_id(name, message):
    with pytest.raises(UsageError) as caught:
        check_id(name)
    assert message in caught.value.message
    assert caught.value.hint
    caught.value.message.encode()  # the message itself can be printed


def test_a_key_follows_the_same_rules():
    with pytest.raises(UsageError, match="a key is empty"):
        check_key("")
