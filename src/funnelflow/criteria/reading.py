"""Reading facts from text: what a person types or a CSV cell holds, by the declared type."""

import csv
import json
import re
from typing import Any, Final

from funnelflow.criteria.normal import refuse
from funnelflow.criteria.types import BOOLEAN, INTEGER, NUMBER, TEXT, Type
from funnelflow.criteria.written import advice
from funnelflow.errors import FieldError

__all__ = ["read_text"]

_INTEGER: Final = re.compile(r"[+-]?\d{1,40}", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_NUMBER_CAP = 400
_HINT: Final = "write it like 5000 or 12.5"
_TRUTH: Final = {"yes": True, "true": True, "no": False, "false": False}


def read_text(kind: Type, text: str) -> Any:
    """Read a text as a raw value of a type, still to be normalised; None for a blank one.

    Raises:
        FieldError: The text cannot be meant as a value of that type.
    """
    if not text or (kind != TEXT and not text.strip()):
        return None
    if kind.item is not None:
        return [_read(kind.item, part) for part in _parts(text.strip())]
    return _read(kind, text)


def _read(kind: Type, text: str) -> Any:
    """Read a single value; timestamps and durations are read by the normaliser."""
    if kind == TEXT:
        return text
    text = text.strip()
    if kind == BOOLEAN:
        return _boolean(text)
    if kind == INTEGER:
        return _whole(text)
    return _number(text) if kind == NUMBER else text


def _boolean(text: str) -> bool:
    """Read yes or no."""
    truth = _TRUTH.get(text.lower())
    if truth is None:
        raise refuse(text, "yes or no", "write yes or no")
    return truth


def _whole(text: str) -> int | float:
    """Read a whole number; decimals are kept for the normaliser to judge."""
    return int(text) if _INTEGER.fullmatch(text) else _number(text, whole=True)


def _number(text: str, *, whole: bool = False) -> float:
    """Read a number."""
    if len(text) <= _NUMBER_CAP and _NUMBER.fullmatch(text):
        return float(text)
    wanted = "a whole number" if whole else "a number"
    raise refuse(text, wanted, advice(text, whole=whole) or _HINT)


def _parts(text: str) -> list[Any]:
    """Split the text of a list: a JSON array, or items with commas between, quotes allowed."""
    try:
        if text.startswith("["):
            parts = json.loads(text)
            return [part if isinstance(part, str) else json.dumps(part) for part in parts]
        return [
            part.strip() for part in next(csv.reader([text], strict=True, skipinitialspace=True))
        ]
    except (ValueError, RecursionError, csv.Error, StopIteration):
        raise FieldError(f"{text[:60]!r} is not a list", hint="write a, b, c") from None
