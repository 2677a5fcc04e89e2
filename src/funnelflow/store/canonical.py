"""What makes a row provable: one way to write its content, and the digests over it."""

import hashlib
import json
import zlib
from collections.abc import Callable
from json import encoder as _json
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any

__all__ = ["checksum", "checksum_ending", "decode", "encode", "encoder", "row_digest"]


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


def row_digest(  # noqa: D417, PLR0913, PLR0917  # the columns of a row, which the table explains
    previous: str,
    contact_id: str,
    sequence: int,
    key: str | None,
    event: str,
    at: str,
    actor: str,
    roles: str,
    facts: str,
    to_stage: str,
    reason: str,
    force: int,
    outcome: str,
    before: str,
    after: str,
    path: str,
    unmet: str,
    vetoes: str,
    definition: str,
) -> str:
    """Give the digest of a row of the history, chained to the contact's row before it.

    It is the SHA-256 over the compact JSON array of the arguments in their order, as the
    columns hold them (so `facts` is a JSON text within a JSON array). The same evidence has
    the same digest in every database: when a row was recorded, and its number, are left to
    `checksum`. The array is put together by hand because a generic encoder takes three
    times as long, and every event pays for it.

    Args:
        previous: The digest of the contact's row before; empty for the first.
        definition: The digest of the definition that decided.

    Returns:
        64 hexadecimal characters.
    """
    q = _quoted
    text = (
        f'["{previous}",{q(contact_id)},{sequence},{"null" if key is None else q(key)},{q(event)},'
        f"{q(at)},{q(actor)},{q(roles)},{q(facts)},{q(to_stage)},{q(reason)},{force},{q(outcome)},"
        f"{q(before)},{q(after)},{q(path)},{q(unmet)},{q(vetoes)},"
        f'"{definition}"]'
    )
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def checksum(*columns: str | int | None) -> int:
    """Guard columns that no digest covers against altered bytes.

    Returns:
        The CRC-32 over the columns, 0 to 4294967295.
    """
    return zlib.crc32("\x1f".join(map(str, columns)).encode("utf-8", "surrogateescape"))


def checksum_ending(*columns: str | int | None) -> Callable[[str], int]:
    """Give `checksum` as a function of its first column, for rows that share the others."""
    ending = "".join(f"\x1f{column}" for column in columns).encode("utf-8", "surrogateescape")
    return lambda first: zlib.crc32(ending, zlib.crc32(first.encode("utf-8", "surrogateescape")))
