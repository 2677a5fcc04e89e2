"""Values as people read them: ``3,000 EUR``, ``yes``, ``2026-03-01 09:30 UTC``."""

import datetime as dt
import math
from collections.abc import Sequence
from typing import Final

from funnelflow.criteria.times import duration_words, timestamp_words
from funnelflow.criteria.types import Scalar, Value

_SHOWN_CAP: Final = 60
_LIST_CAP: Final = 10
_WHOLE: Final = 1e16


def shown(value: Value, unit: str = "") -> str:
    """Show a value as a person writes it: ``3,000 EUR``, ``yes``, ``2026-03-01 09:30 UTC``."""
    if isinstance(value, tuple):
        return listed([shown(item, unit) for item in value]) if value else "an empty list"
    text = _scalar(value)
    return f"{text} {unit}" if unit and not isinstance(value, (bool, str)) else text


def shown_text(value: str) -> str:
    """Show a text: as it is, quoted where it is empty or ends in spaces, cut where it is long."""
    text = "".join(char if char.isprintable() else "·" for char in value[: _SHOWN_CAP + 1])
    if len(value) > _SHOWN_CAP:
        return text[: _SHOWN_CAP - 1] + "…"
    return text if text and text == text.strip() else f'"{text}"'


def listed(words: Sequence[str]) -> str:
    """Put words in a row with commas, cut where there are many."""
    more = "" if len(words) <= _LIST_CAP else f", … ({len(words)} in all)"
    return ", ".join(words[:_LIST_CAP]) + more


def _scalar(value: Scalar) -> str:
    """Show a single value without its unit."""
    match value:
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return _number(value)
        case str():
            return shown_text(value)
        case dt.datetime():
            return timestamp_words(value)
        case dt.timedelta():
            return duration_words(value)


def _number(value: float) -> str:
    """Show a number with thousands separators, a whole one without decimals."""
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "infinity" if value > 0 else "minus infinity"
    if value.is_integer() and abs(value) < _WHOLE:
        return f"{int(value):,}"
    return f"{value:,}"
