"""Quantiles and the curve of Kaplan and Meier, against numpy and scipy.

Lifelines would need pandas, matplotlib and more for the one function that scipy has as well.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import CensoredData, ecdf

from funnelflow.report.estimates import kaplan_meier, lengths

DAYS = st.floats(0, 400).map(lambda days: round(days, 1))


@given(st.lists(st.floats(-50, 400), min_size=1, max_size=40))
def test_quantiles_lie_where_numpy_has_them(days):
    found = lengths("x", days)
    own = (found.quartile_1_days, found.median_days, found.quartile_3_days, found.p90_days)
    assert own == pytest.approx(np.quantile(days, [0.25, 0.5, 0.75, 0.9]), abs=1e-9)
    assert (found.least_days, found.most_days) == (min(days), max(days))
    assert found.negative == sum(one < 0 for one in days)


@pytest.mark.filterwarnings("ignore:The confidence interval is undefined")
@given(st.lists(DAYS, min_size=1, max_size=40), st.lists(DAYS, max_size=40))
def test_the_curve_and_its_interval_are_those_of_scipy(reached, censored):
    curve = kaplan_meier("x", reached, censored)
    oracle = ecdf(CensoredData(uncensored=reached, right=censored)).sf
    with np.errstate(all="ignore"):
        interval = oracle.confidence_interval(method="log-log")
    for point in curve.points[1:]:
        assert 1 - point.share == pytest.approx(float(oracle.evaluate(point.days)), abs=1e-9)
        low, high = (float(one.evaluate(point.days)) for one in (interval.low, interval.high))
        if not math.isnan(low) and 0 < point.share < 1:
            assert (1 - point.high, 1 - point.low) == pytest.approx((low, high), abs=1e-9)


def test_who_is_watched_for_longer_than_anybody_was_won_lowers_the_share():
    curve = kaplan_meier("x", [10.0], [20.0, 20.0, 5.0])
    (_, point) = curve.points
    assert (point.at_risk, point.share) == (3, pytest.approx(1 / 3))
    assert (curve.median_days, curve.longest_days) == (None, 20.0)


def test_of_nobody_there_is_a_curve_of_nothing():
    assert kaplan_meier("x", [], []).points[0].at_risk == 0
    assert lengths("x", []).median_days is None


def test_a_long_curve_keeps_its_ends():
    curve = kaplan_meier("x", [float(day) for day in range(1000)], [])
    assert len(curve.points) == 200
    assert curve.points[-1].share == pytest.approx(1)
