"""What makes a row provable: one way to write its content, and the digests over it."""

import hashlib
import json
import zlib
from collections.abc import Callable, Iterable
from json import encoder as _json
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any

__all__ = ["SEPARATOR", "checksum", "checksum_ending", "decode", "encode", "encoder", "row_digest"]


SEPARATOR = "\x1f"
"""What stands between the columns of a row in what its digest is over."""


def encoder(default: Callable[[Any], Any] | None = None) -> Callable[[Any], str]:
    """Give what writes a JSON value in its one canonical form: sorted, compact, ASCII.

    `json.JSONEncoder.encode` makes its C encoder anew for every value, which takes longer
    than to encode the few facts of an event; so that is made once here, where there is one.

    Args:
        default: Gives the JSON form of what JSON has no type for.
    """
    plain = json.JSONEncoder(
        sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False, default=default
    )
    make: Any = getattr(_json, "c_make_encoder", None)
    if make is None:
        return plain.encode
    pieces = make(None, plain.default, _quoted, None, ":", ",", True, False, False)  # noqa: FBT003

    def encode_value(value: Any) -> str:
        return "".join(pieces(value, 0))

    return encode_value


encode = encoder()
"""Write a JSON value in its one canonical form."""

_scan: Any = getattr(json.JSONDecoder(), "scan_once")  # noqa: B009  # not in the stubs


def decode(text: str) -> Any:
    """Read what `encode` wrote, which has no blanks around it; faster than `json.loads`.

    Raises:
        ValueError: It is no JSON.
    """
    try:
        value, end = _scan(text, 0)
    except StopIteration:
        end = -1
    if end != len(text):
        raise ValueError("no canonical JSON")
    return value


def row_digest(columns: Iterable[str]) -> str:
    """Give the digest of a row of the history, chained to the contact's row before it.

    It is the SHA-256 over the texts of the columns, joined by the unit separator (U+001F).
    Nothing that is let in contains that, so two rows have the same digest only if they are
    the same: one with the separator within a column has one more of them than any that was
    written. The same evidence has the same digest in every database: when a row was
    recorded, and its number, are left to `checksum`.

    Args:
        columns: The digest of the contact's row before, empty for the first; the columns
            from `contact_id` to `vetoes` but `recorded_at`, numbers in decimal, a missing
            key empty; the digest of the definition that decided. Several may be given as
            one text, joined.

    Returns:
        64 hexadecimal characters.
    """
    return hashlib.sha256(SEPARATOR.join(columns).encode()).hexdigest()


def checksum(*columns: str | int | None) -> int:
    """Guard columns that no digest covers against altered bytes.

    Returns:
        The CRC-32 over the columns, 0 to 4294967295.
    """
    return zlib.crc32("\x1f".join(map(str, columns)).encode("utf-8", "surrogateescape"))


def checksum_ending(*columns: str | int | None) -> Callable[[str], int]:
    """Give `checksum` as a function of its first column, for rows that share the others."""
    ending = "".join(f"\x1f{column}" for column in columns).encode("utf-8", "surrogateescape")
    return lambda first: zlib.crc32(ending, zlib.crc32(first.encode()))
