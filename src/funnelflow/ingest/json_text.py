"""JSON as others send it, read strictly: each member once, no NaN, and never a traceback."""

import json
from collections import Counter
from typing import Any, NoReturn

from funnelflow.ingest.file_errors import RowError

WHITE = " \t\r\n"
"""What may stand around a value."""


def read_object(text: str) -> dict[str, Any]:
    """Read one line as a JSON object.

    Raises:
        RowError: When it is something else, with the character where it goes wrong.
    """
    value = _read(text)
    if type(value) is not dict:
        raise RowError("1", "a line must be one JSON object: {…}")
    found: dict[str, Any] = value
    return found


def read_objects(text: str) -> list[dict[str, Any]]:
    """Read a text as one JSON object, or a list of them.

    Raises:
        RowError: When it is something else, with the character where it goes wrong.
    """
    value = _read(text)
    found = value if type(value) is list else [value]
    if not all(type(one) is dict for one in found):
        raise RowError("1", "this must be a JSON object, or a list of them: [{…}, {…}]")
    return found


def _read(text: str) -> Any:
    line = text.strip(WHITE)
    try:
        value, end = _scan(line, 0)
    except StopIteration as stop:
        raise _no_json(text, line, stop.value, "a value should stand here") from None
    except json.JSONDecodeError as error:
        raise _no_json(text, line, error.pos, error.msg[0].lower() + error.msg[1:]) from None
    except RecursionError:
        raise RowError("", "the object is nested too deeply") from None
    except ValueError:
        raise RowError("", "a number in it is far too long") from None
    if end != len(line):
        raise _no_json(text, line, end, "something stands behind the object")
    return value


def _no_json(text: str, line: str, position: int, why: str) -> RowError:
    column = text.index(line) + position + 1
    return RowError(str(column), f"this is no JSON, from character {column} on: {why}")


def _members_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object, refusing a member that comes twice: which one would count?"""
    built = dict(pairs)
    if len(built) != len(pairs):
        twice = next(name for name, many in Counter(n for n, _ in pairs).items() if many > 1)
        raise RowError(twice, f"the member {twice!r} comes twice")
    return built


def _no_constant(name: str) -> NoReturn:
    raise RowError("", f"{name} is no JSON value; leave the member out, or write null")


_decoder: Any = json.JSONDecoder(object_pairs_hook=_members_once, parse_constant=_no_constant)
_scan = _decoder.scan_once
