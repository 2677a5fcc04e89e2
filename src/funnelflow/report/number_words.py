"""Numbers of a report as people read them."""

from typing import Final

from funnelflow.report.records import Number

_SPACE: Final = "\N{NO-BREAK SPACE}"
_NEAR_NONE: Final = 0.0995
_NEAR_ALL: Final = 0.995
"""Below and above these a share is written with a tenth: none and all are said of nobody else."""
_LEAST: Final = 0.0005
_MOST: Final = 0.9995
"""Below and above these a tenth would say none and all."""
_UNITS: Final = ((10.0, 1, "d", 0), (1.0, 1, "d", 1), (1 / 24, 24, "h", 1), (0.0, 1440, "min", 0))
"""From how many days on, how many of a unit are a day, its name, and to how many places."""


def count_words(number: Number) -> str:
    """Return a number with its share; of few without one: ``529 (44 %)``, ``3 of 7``."""
    if number.of is None or number.share is None:
        return f"{number.value:,}"
    if number.is_small:
        return f"{number.value:,} of {number.of:,}"
    return f"{number.value:,} ({percent(number.share)})"


def share_words(number: Number) -> str:
    """Return the share alone; of few how many they are: ``44 %``, ``3 of 7``; ``-`` of nobody."""
    if number.share is None:
        return "-"
    return f"{number.value:,} of {number.of:,}" if number.is_small else percent(number.share)


def percent(share: float) -> str:
    """Return a share in per cent, with a tenth where it is near to none or to all.

    Nothing but none is written as 0 %, and nothing but all as 100 %.
    """
    if 0 < share <= _LEAST:
        return f"<{_SPACE}0.1{_SPACE}%"
    if _MOST <= share < 1:
        return f">{_SPACE}99.9{_SPACE}%"
    is_near = 0 < share < _NEAR_NONE or _NEAR_ALL <= share < 1
    return f"{share * 100:.{1 if is_near else 0}f}{_SPACE}%"


def short_title(stage: str, title: str) -> str:
    """Return what people read for a stage: its title, else its name without what is around it."""
    return title if title != stage else stage.rpartition(".")[2]


def days_words(days: float | None) -> str:
    """Return a length of time in the unit that suits it; ``-`` for None."""
    if days is None:
        return "-"
    _, factor, unit, places = next(one for one in _UNITS if abs(days) >= one[0])
    return f"{days * factor:,.{places}f}{_SPACE}{unit}"
