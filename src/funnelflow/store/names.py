"""What a contact's id and an idempotency key may look like."""

import re
from typing import TypeGuard

from funnelflow.errors import UsageError

__all__ = ["MAX_LENGTH", "check_id", "check_key", "is_id", "is_storable"]

MAX_LENGTH = 200
_REFUSED = re.compile("[\0-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""Control characters, those that turn the direction of text, and halves of surrogate pairs."""
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def check_id(contact_id: str) -> str:
    """Give the id of a contact back if it can be one.

    Raises:
        UsageError: It is empty, too long, padded with blanks, or has characters that
            nobody sees.
    """
    return _check("a contact's id", contact_id)


def is_id(text: object) -> TypeGuard[str]:
    """Tell whether a text can be the id of a contact."""
    return _is_plain(text) or (
        isinstance(text, str)
        and 0 < len(text) <= MAX_LENGTH
        and text == text.strip()
        and _REFUSED.search(text) is None
    )


def is_storable(text: str) -> bool:
    """Tell whether both databases can hold a text at all."""
    return _UNSTORABLE.search(text) is None


def check_key(key: str) -> str:
    """Give an idempotency key back if it can be one.

    Raises:
        UsageError: It cannot, for the reasons of `check_id`.
    """
    return _check("a key", key)


def _is_plain(text: object) -> TypeGuard[str]:
    """Find out at once that a text is as nearly every id is: short, ASCII, without blanks."""
    return (
        type(text) is str
        and 0 < len(text) <= MAX_LENGTH
        and text.isascii()
        and text.isprintable()
        and " " not in text
    )


def _check(what: str, text: str) -> str:
    """Hold a name to the rules."""
    if _is_plain(text):
        return text
    if not isinstance(text, str):
        raise UsageError(f"{what} is text, not {type(text).__name__}", hint="put it in quotes")
    if not text:
        raise UsageError(f"{what} is empty", hint="name it")
    if len(text) > MAX_LENGTH:
        raise UsageError(
            f"{what} has {len(text):,} characters; at most {MAX_LENGTH} are allowed",
            hint="use something shorter, such as the number the contact has elsewhere",
        )
    if text != text.strip():
        raise UsageError(f"{what} begins or ends with a blank: {text!r}", hint="take it away")
    found = _REFUSED.search(text)
    if found:
        raise UsageError(
            f"{what} contains a character that cannot be seen, U+{ord(found[0]):04X}: {text!r}",
            hint="take it away",
        )
    return text
