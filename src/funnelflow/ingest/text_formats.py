"""Numbers and times as the files of other people have them, where somebody says how to read them.

Nothing is guessed: ``1.234`` is a number of thousands to one half of the world and of units to
the other, and 04/05/2025 a day in April or in May. So the reader of a file says it, and the
answer to what cannot be read names what would. What is written as funnelflow itself writes it is
read in any case.

Patterns of dates are those of the standard library's `strptime`, or CLDR's, as spreadsheets and
CRM systems show them (``dd.MM.yyyy HH:mm``); CLDR's are turned into the former. A library that
knows the calendars of the world (Babel) reads dates by the order of their parts alone, which is a
guess, so none is used; names of months are read in English.
"""

import datetime as dt
import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from typing import Final, TypeAlias

from funnelflow.criteria.fields import readings
from funnelflow.criteria.times import TimeTextError, parse_timestamp
from funnelflow.errors import FieldError, UsageError

Plain: TypeAlias = Callable[[str], str]
"""Writes a text as funnelflow reads it."""

DECIMALS: Final = {",": "comma", ".": "point"}
EPOCHS: Final = {"epoch-s": 1, "epoch-ms": 1_000, "epoch-us": 1_000_000}
"""Times as a number since 1970: what it is called, and how many of them are a second."""

_EXAMPLES: Final = (
    "dd.MM.yyyy", "dd.MM.yy", "MM/dd/yyyy", "dd/MM/yyyy", "MM/dd/yy", "dd/MM/yy", "yyyy/MM/dd",
    "dd-MM-yyyy", "MM-dd-yyyy", "yy-MM-dd", "dd-MM-yy", "d MMM yyyy", "d MMM, yyyy", "MMM d, yyyy",
    "d-MMM-yyyy", "d-MMM-yy", "d MMMM yyyy", "MMMM d, yyyy", "yyyyMMdd",
)  # fmt: skip
_CLOCKS: Final = ("", "HH:mm", "HH:mm:ss", "h:mm a", "h:mm:ss a", "HH:mm:ss.S", "HH:mm Z")
_JOINTS: Final = (" ", ", ")
_MOST_SUGGESTED = 3

_CLDR: Final = {
    "y": "%Y", "yyyy": "%Y", "yy": "%y", "M": "%m", "MM": "%m", "MMM": "%b", "MMMM": "%B",
    "L": "%m", "LL": "%m", "d": "%d", "dd": "%d", "E": "%a", "EE": "%a", "EEE": "%a",
    "EEEE": "%A", "a": "%p", "h": "%I", "hh": "%I", "H": "%H", "HH": "%H", "m": "%M", "mm": "%M",
    "s": "%S", "ss": "%S", "Z": "%z", "ZZZZZ": "%z",
    **{letter * times: "%z" for letter in "Xx" for times in (1, 2, 3)},
}  # fmt: skip
"""The fields of CLDR's patterns, by https://unicode.org/reports/tr35/tr35-dates.html."""
_CLDR_PART: Final = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|%|.", re.DOTALL)
_STRPTIME: Final = frozenset("aAbBdHIjmMpSfyYz%")
_SAMPLE: Final = dt.datetime(2031, 11, 23, 17, 45, 58, tzinfo=dt.UTC)


def check_decimal(mark: str) -> str:
    """Return what separates decimals back if it is one that can be said.

    Raises:
        UsageError: It is none.
    """
    if mark and mark not in DECIMALS:
        raise UsageError(f"{mark!r} does not separate decimals", hint="say --decimal , or .")
    return mark


def check_date_format(pattern: str) -> str:
    """Return a pattern of times back if there is such a one.

    Raises:
        UsageError: It says no year, month and day, or has a field that nobody reads.
    """
    if pattern not in EPOCHS:
        _strptime_of(pattern)
    return pattern


@cache
def _strptime_of(pattern: str) -> str:
    """Return a pattern as one of `strptime`."""
    form = pattern if "%" in pattern else _from_cldr(pattern)
    parts = re.findall(r"%(.)?", form.replace("%%", ""))
    strange = next((part for part in parts if part not in _STRPTIME), None)
    if strange is not None:
        raise _no_pattern(pattern, f"%{strange} is nothing that is read")
    if not {"y", "Y"} & {*parts} or not {"j", "d"} & {*parts}:
        raise _no_pattern(pattern, "it must say the year, the month and the day")
    if "d" in parts and not {"m", "b", "B"} & {*parts}:
        raise _no_pattern(pattern, "it says no month (MM; mm are minutes)")
    try:
        dt.datetime.strptime(_SAMPLE.strftime(form), form)  # noqa: DTZ007
    except (ValueError, re.error) as error:
        raise _no_pattern(pattern, str(error)) from None
    return form


def _from_cldr(pattern: str) -> str:
    """Return a pattern of CLDR as one of `strptime`."""
    parts = []
    for found in _CLDR_PART.finditer(pattern):
        part = found[0]
        if found[2] is None:
            text = (
                "'" if part == "''" else part if found[1] is None else found[1].replace("''", "'")
            )
            parts.append(text.replace("%", "%%"))
        elif set(part) == {"S"}:
            parts.append("%f")
        elif part in _CLDR:
            parts.append(_CLDR[part])
        else:
            raise _no_pattern(pattern, f"{part!r} is nothing that is read")
    return "".join(parts)


def _no_pattern(pattern: str, why: str) -> UsageError:
    return UsageError(
        f"{pattern!r} is no pattern of dates: {why}",
        hint="write it like dd.MM.yyyy, MM/dd/yyyy h:mm a, %d-%b-%Y, epoch-s or epoch-ms",
    )


def number_reader(decimal: str) -> Plain | None:
    """Return what writes numbers with a point for their decimals; None where nobody said how.

    Args:
        decimal: What separates the decimals; empty for nothing said.
    """
    if not check_decimal(decimal):
        return None

    def read(text: str) -> str:
        number = _number_by(text.strip(), decimal)
        if number is not None:
            return number
        raise FieldError(
            f"{text[:60]!r} is no number with a decimal {DECIMALS[decimal]}",
            hint=number_advice(text) or "write it like 5000 or 12.5",
        )

    return read


_WHOLE = r"([+-]?)(\d+|[1-9]\d{0,2}(?:([%s\s'\u2019_])\d{3})(?:\3\d{3})*)"
_REST = r"(?:%s(\d*))?([eE][+-]?\d{1,4})?"
_NUMBERS: Final = {
    ",": re.compile(_WHOLE % "." + _REST % ",", re.ASCII),
    ".": re.compile(_WHOLE % "," + _REST % r"\.", re.ASCII),
}


def _number_by(text: str, decimal: str) -> str | None:
    """Return a number with a point for its decimals; None for what is none by that mark."""
    found = _NUMBERS[decimal].fullmatch(text)
    if found is not None:
        whole = found[2].replace(found[3], "") if found[3] else found[2]
        fraction = f".{found[4]}" if found[4] else ""
        return f"{found[1]}{whole}{fraction}{found[5] or ''}"
    in_parentheses = text[:1] == "(" and text[-1:] == ")"  # as accountants write what is owed
    sign, body = ("-", text[1:-1]) if in_parentheses else ("", text)
    wanted = decimal if decimal in body else ""
    return next((sign + number for mark, number in readings(body) if mark == wanted), None)


def number_advice(text: str) -> str:
    """Return which options would read a number; empty if none would."""
    marks = [mark for mark in DECIMALS if _number_by(text.strip(), mark) is not None]
    return f"{' or '.join(f'--decimal {mark}' for mark in marks)} reads it" if marks else ""


def time_reader(patterns: Sequence[str]) -> Plain | None:
    """Return what writes times in RFC 3339, those without an offset without one; None for nothing.

    Args:
        patterns: Those of the times; where several read a text, they must agree.
    """
    if not patterns:
        return None
    readers = [_pattern_reader(pattern) for pattern in patterns]
    is_ours = not any(_strptime_of(p).startswith("%Y-%d") for p in patterns if p not in EPOCHS)
    known: dict[str, str] = {}

    def read(text: str) -> str:
        found = known.get(text)
        if found is None:
            if len(known) >= _KEPT:
                known.clear()
            found = known[text] = _read_time(text, patterns, readers, is_ours=is_ours)
        return found

    return read


_KEPT = 4096
"""Times that are remembered: exports repeat them."""


def _read_time(
    text: str, patterns: Sequence[str], readers: Sequence[Plain], *, is_ours: bool
) -> str:
    """Read a time by the patterns, else as funnelflow writes it."""
    found: dict[str, str] = {}
    for pattern, reader in zip(patterns, readers, strict=True):
        try:
            found.setdefault(reader(text), pattern)
        except (ValueError, OverflowError, InvalidOperation):
            continue
    if len(found) > 1:
        (one, first), (other, second), *_ = found.items()
        why = f"{text!r} is {one} by {first}, and {other} by {second}"
        raise FieldError(why, hint="say one of the two patterns only")
    if found:
        return next(iter(found))
    if is_ours and (text == "now" or _is_ours(text)):
        return text
    raise FieldError(
        f"{text[:60]!r} is no time by the pattern {' or '.join(patterns)}",
        hint=time_advice(text),
    )


def _is_ours(text: str) -> bool:
    try:
        parse_timestamp(text, dt.UTC)
    except TimeTextError:
        return False
    return True


def _pattern_reader(pattern: str) -> Plain:
    """Return what reads times by one pattern; it raises ValueError."""
    if pattern in EPOCHS:
        scale = EPOCHS[pattern]
        return lambda text: _from_epoch(text, scale)
    form = _strptime_of(pattern)

    def read(text: str) -> str:
        plain = text.replace("\u202f", " ").replace("\u00a0", " ").strip()  # ICU puts them there
        return dt.datetime.strptime(plain, form).isoformat()  # noqa: DTZ007  # may have none

    return read


_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_EPOCH_TEXT: Final = re.compile(r"-?\d{1,20}(?:\.\d{1,9})?", re.ASCII)


def _from_epoch(text: str, scale: int) -> str:
    """Read a number of seconds, or parts of one, since 1970."""
    if not _EPOCH_TEXT.fullmatch(text):
        raise ValueError(text)
    micros = int(Decimal(text) * 1_000_000 / scale)
    return (_EPOCH + dt.timedelta(microseconds=micros)).isoformat()


def time_advice(text: str) -> str:
    """Return which options would read a time; empty if none that is known would."""
    plain = text.strip()
    shape = re.sub(r"\d", "1", plain, flags=re.ASCII)  # the 11th of November, whatever the order
    found = [p for p in _patterns_like(shape) if _reads(_pattern_reader(p), plain)]
    if not found:
        return ""
    options = " or ".join(f"--date-format '{pattern}'" for pattern in found[:_MOST_SUGGESTED])
    return f"{options} reads it"


@lru_cache(maxsize=256)
def _patterns_like(shape: str) -> Sequence[str]:
    """Return the well-known patterns that read a text."""
    if shape.isascii() and shape.replace(".", "", 1).isdigit():
        digits = len(shape.partition(".")[0])
        epochs = {10: ["epoch-s"], 13: ["epoch-ms"], 16: ["epoch-us"]}.get(digits, [])
        return epochs or ["yyyyMMdd"]
    known = [
        f"{date}{joint if clock else ''}{clock}"
        for date in _EXAMPLES
        for clock in _CLOCKS
        for joint in (_JOINTS if clock else _JOINTS[:1])
    ]
    return [pattern for pattern in known if _reads(_pattern_reader(pattern), shape)]


def _reads(reader: Plain | None, text: str) -> bool:
    """Whether something reads a text."""
    try:
        return reader is not None and bool(reader(text))
    except (ValueError, OverflowError, FieldError, InvalidOperation):
        return False
