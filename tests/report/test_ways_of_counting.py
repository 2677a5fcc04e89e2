"""How far a contact came, by each way of counting; the laws that hold between them."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from funnelflow.report.ways_of_counting import Visit, first_passages, progress_of

T0 = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
STEPS = 4


def visits(*said):
    """Return visits, each as its step and its day; each ends when the next begins."""
    moments = [T0 + day * DAY for _, day in said]
    ends = [*moments[1:], None]
    return [
        Visit(step, entered, left)
        for (step, _), entered, left in zip(said, moments, ends, strict=True)
    ]


def test_a_step_that_was_skipped_is_passed_and_not_touched():
    progress = progress_of(visits((0, 0), (2, 1)), STEPS)
    assert progress.passed == 3
    assert (progress.any_order, progress.in_order, progress.by_arrival) == (1, 1, 1)


def test_steps_in_the_other_order_count_in_any_order_only():
    progress = progress_of(visits((1, 0), (0, 1)), STEPS)
    assert (progress.any_order, progress.in_order, progress.by_arrival) == (2, 1, 1)


def test_steps_of_one_instant_count_in_either_order_and_by_arrival_in_theirs():
    progress = progress_of(visits((0, 0), (2, 1), (1, 1)), STEPS)
    assert progress.in_order == 3
    assert progress.by_arrival == 2


def test_a_step_that_is_entered_again_later_counts_in_order():
    progress = progress_of(visits((1, 0), (0, 1), (1, 2)), STEPS)
    assert (progress.in_order, progress.by_arrival) == (2, 2)


def test_a_step_is_passed_when_a_later_one_is_entered_first():
    found = first_passages(visits((0, 0), (2, 1), (1, 2)), 3)
    assert found == [T0, T0 + DAY, T0 + DAY]


WALKS = st.lists(
    st.tuples(st.integers(0, STEPS - 1), st.integers(0, 2)), min_size=1, max_size=7
).map(lambda said: visits(*_timed(said)))


def _timed(said):
    """Add up the waits, so that time never goes back."""
    day, found = 0, []
    for step, wait in said:
        day += wait
        found.append((step, day))
    return found


@given(WALKS)
def test_who_counts_by_a_stricter_way_counts_by_every_looser_one(walk):
    progress = progress_of(walk, STEPS)
    touched = {visit.step for visit in walk}
    assert progress.by_arrival <= progress.in_order <= progress.any_order <= progress.passed
    assert set(range(progress.any_order)) <= touched <= set(range(progress.passed))


@given(WALKS)
def test_what_is_passed_first_is_never_later_than_what_comes_after_it(walk):
    found = first_passages(walk, progress_of(walk, STEPS).passed)
    assert found == sorted(found)
