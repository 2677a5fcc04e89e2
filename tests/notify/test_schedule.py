"""When a message is tried again."""

import datetime as dt

import pytest

from funnelflow.notify import next_attempt

NOW = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)


def wait(attempts, **more):
    return (next_attempt(attempts, NOW, **more) - NOW).total_seconds()


@pytest.mark.parametrize(
    ("attempts", "seconds"),
    [(0, 0), (1, 5), (2, 300), (3, 1800), (4, 7200), (5, 18000), (6, 36000), (7, 36000)],
)
def test_the_delays_are_those_that_svix_publishes(attempts, seconds):
    assert wait(attempts, chance=0) == seconds
    assert wait(attempts, chance=1) == pytest.approx(seconds * 1.2)


def test_after_the_eighth_attempt_there_is_none():
    assert next_attempt(8, NOW) is None


def test_what_failed_together_is_not_tried_together():
    assert len({wait(3) for _ in range(20)}) > 1


def test_a_receiver_makes_a_delay_longer_and_never_shorter():
    assert wait(1, chance=0, retry_after=60) == 60
    assert wait(2, chance=0, retry_after=60) == 300


def test_no_receiver_makes_anybody_wait_for_more_than_a_day():
    assert wait(1, chance=0, retry_after=1e12) == 86400


@pytest.mark.parametrize("odd", [-5.0, 0.0, None])
def test_an_odd_wish_changes_nothing(odd):
    assert wait(1, chance=0, retry_after=odd) == 5
