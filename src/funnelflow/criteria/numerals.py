"""Numbers as they are written in an expression."""

import math
import re
from typing import Final

from attrs import frozen

__all__ = ["NumeralProblem", "read_numeral"]

_INTEGER: Final = re.compile(r"0x[0-9a-fA-F]+|[0-9]+")
_DOUBLE: Final = re.compile(r"[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+")
_UNSIGNED: Final = re.compile(r"(0x[0-9a-fA-F]+|[0-9]+)[uU]")
_DURATION: Final = re.compile(r"([0-9]+)(d|h|w|min|s|days?|hours?|weeks?)")
_SCALED: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)([kKmM])")
_GROUPED: Final = re.compile(r"[0-9]+(?:_[0-9]+)+")
_SECONDS: Final = {"d": 86_400, "h": 3600, "w": 604_800, "m": 60, "s": 1}
_SCALES: Final = {"k": 1000, "m": 1_000_000}
_LARGEST: Final = 2**63
"""One more than the largest integer: it is valid after a minus sign, which the parser sees."""


@frozen
class NumeralProblem:
    """What is wrong with a number, and what to write instead."""

    code: str
    message: str
    help: str


def read_numeral(text: str) -> tuple[int | float | None, NumeralProblem | None]:
    """Give the value of a number, or what is wrong with it."""
    if _INTEGER.fullmatch(text):
        value = int(text, 0) if text.startswith("0x") else int(text)
        return (value, None) if value <= _LARGEST else (None, _too_large())
    if _DOUBLE.fullmatch(text):
        number = float(text)
        return (number, None) if math.isfinite(number) else (None, _too_large())
    return _slip(text)


def _too_large() -> NumeralProblem:
    return NumeralProblem("E117", "the number is too large", "integers have 64 bits")


def _slip(text: str) -> tuple[None, NumeralProblem]:
    """Say what was meant by a number with letters in it."""
    if found := _UNSIGNED.fullmatch(text):
        return None, NumeralProblem("E118", "unsigned numbers are not used", f"write {found[1]}")
    if found := _GROUPED.fullmatch(text):
        return None, NumeralProblem(
            "E116", "_ is no part of a number", f"write {text.replace('_', '')}"
        )
    if found := _DURATION.fullmatch(text):
        seconds = int(found[1]) * _SECONDS[found[2][0]]
        written = f"{seconds // 3600}h" if seconds % 3600 == 0 else f"{seconds}s"
        return None, NumeralProblem(
            "E116", f"{text} is no duration", f'write duration("{written}")'
        )
    if found := _SCALED.fullmatch(text):
        scaled = float(found[1]) * _SCALES[found[2].lower()]
        return None, NumeralProblem("E116", f"{text} is no number", f"write {scaled:.15g}")
    return None, NumeralProblem("E116", f"{text} is no number", "write digits, like 5000 or 12.5")
