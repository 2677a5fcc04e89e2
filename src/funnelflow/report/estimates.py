"""Quantiles of lengths of time, and the share that has come to something by a time."""

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final

from attrs import frozen

from funnelflow.report.records import Lengths, Survival, SurvivalPoint

_Z: Final = 1.959963984540054
"""The 97.5 % quantile of the normal distribution, for intervals of 95 %."""
_HALF: Final = 0.5
_POINTS: Final = 200
"""How many points of a curve are kept; of more, evenly many between."""


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile of values in order.

    Between two values it lies proportionally: type 7 of Hyndman and Fan, Sample Quantiles in
    Statistical Packages (1996), as in NumPy, pandas and ``quantile_cont`` of DuckDB.

    Args:
        ordered: The values, at least one, from the least on.
        share: The share of them that lies below, from 0 to 1.
    """
    place = (len(ordered) - 1) * share
    low = math.floor(place)
    if low + 1 >= len(ordered):
        return ordered[-1]
    return ordered[low] + (ordered[low + 1] - ordered[low]) * (place - low)


def lengths(name: str, days: Sequence[float]) -> Lengths:
    """Summarise lengths of time.

    Args:
        name: The name of the number.
        days: The lengths in days, in any order.
    """
    if not days:
        return Lengths(name, 0)
    ordered = sorted(days)
    return Lengths(
        name,
        len(ordered),
        quantile(ordered, 0.25),
        quantile(ordered, 0.5),
        quantile(ordered, 0.75),
        quantile(ordered, 0.9),
        least_days=ordered[0],
        most_days=ordered[-1],
        negative=bisect_left(ordered, 0),
    )


@frozen
class _Step:
    days: float
    at_risk: int
    events: int


def kaplan_meier(name: str, reached: Sequence[float], censored: Sequence[float]) -> Survival:
    """Estimate the share that has come to something by a time.

    The estimator is that of Kaplan and Meier (1958), its variance that of Greenwood (1926), and
    the interval of 95 % lies on the scale of log(-log S), as Kalbfleisch and Prentice have it, so
    that it stays between 0 and 1.

    Args:
        name: The name of the number.
        reached: The days that it took those who have come there.
        censored: The days for which the others have been watched.
    """
    won, watched = array("d", sorted(reached)), array("d", sorted(censored))
    kept = _kept(len(set(won)))
    points = [SurvivalPoint(0.0, len(won) + len(watched), 0, 0.0, 0.0, 0.0)]
    survival, variance, median = 1.0, 0.0, None
    for place, step in enumerate(_steps(won, watched)):
        survival *= 1 - step.events / step.at_risk
        left = step.at_risk - step.events
        variance += step.events / (step.at_risk * left) if left else 0.0
        if median is None and survival <= _HALF:
            median = step.days
        if place in kept:
            low, high = _interval(survival, variance)
            points.append(
                SurvivalPoint(step.days, step.at_risk, step.events, 1 - survival, 1 - high, 1 - low)
            )
    longest = max([*won[-1:], *watched[-1:]], default=0.0)
    return Survival(name, len(won), len(watched), median, longest, tuple(points))


def _kept(count: int) -> range | set[int]:
    """Return the places of the points that are kept of so many: the first, the last, evenly."""
    most = _POINTS - 1
    if count <= most:
        return range(count)
    return {round(place * (count - 1) / (most - 1)) for place in range(most)}


def _steps(reached: Sequence[float], censored: Sequence[float]) -> Iterator[_Step]:
    """Yield each time at which somebody came there, with how many could have."""
    total, place = len(reached) + len(censored), 0
    while place < len(reached):
        days = reached[place]
        end = place
        while end < len(reached) and reached[end] == days:
            end += 1
        yield _Step(days, total - place - bisect_left(censored, days), end - place)
        place = end


def _interval(survival: float, variance: float) -> tuple[float, float]:
    """Return the interval of 95 % around a share that has not come there."""
    if not 0 < survival < 1:
        return survival, survival
    log = math.log(survival)
    spread = _Z * math.sqrt(variance) / abs(log)
    return survival ** math.exp(spread), survival ** math.exp(-spread)
