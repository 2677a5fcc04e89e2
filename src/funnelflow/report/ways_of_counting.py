"""How far a contact came along the steps of a funnel, by each way of counting that people know.

Every way counts a contact for all steps up to one, so a number is enough to say what it counts:

- *passed*: up to the last step that it was in. A stage that was skipped is no loss.
- *any order*: up to the first step that it was never in.
- *in order*: up to the first step that it was not in after the one before. What happened at one
  instant counts in either order (the rule for ties), or by arrival, in the order in which it
  became known.

*Touched* counts exactly the steps that it was in. So whoever counts in order counts in any order,
whoever does that touched, and whoever touched passed.
"""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from funnelflow.engine.story import Stay
from funnelflow.report.frame import Frame


class Visit(NamedTuple):
    """One time in a step: stays in stages that are nested in it follow each other.

    Attributes:
        step: The place of the step.
        entered: When it was entered.
        left: When it was left; None while the contact is in it.
    """

    step: int
    entered: dt.datetime
    left: dt.datetime | None


class StepsReached(NamedTuple):
    """How many steps count, by each way of counting but *touched*."""

    passed: int
    any_order: int
    in_order: int
    by_arrival: int


def visits_of(frame: Frame, stays: Sequence[Stay]) -> list[Visit]:
    """List the visits of a contact to steps; time in lost stages belongs to none."""
    visits: list[Visit] = []
    last, step_of = -1, frame.step_of
    for stay in stays:
        step = step_of.get(stay.stage, -1)
        if step >= 0:
            if step == last:
                visits[-1] = Visit(step, visits[-1].entered, stay.left)
            else:
                visits.append(Visit(step, stay.entered, stay.left))
        last = step
    return visits


def progress_of(visits: Sequence[Visit], count: int) -> StepsReached:
    """Return how many of the steps count for a contact.

    Args:
        visits: Its visits, in order.
        count: How many steps there are.
    """
    touched = {visit.step for visit in visits}
    passed = max(touched, default=-1) + 1
    any_order = next((step for step in range(count) if step not in touched), count)
    by_arrival = 0
    for visit in visits:
        by_arrival += visit.step == by_arrival
    return StepsReached(passed, any_order, _in_order(visits, any_order), by_arrival)


def _in_order(visits: Sequence[Visit], most: int) -> int:
    """Count the steps that were entered one after the other, at one instant in either order."""
    reached: dt.datetime | None = None
    for step in range(most):
        moments = (v.entered for v in visits if v.step == step)
        found = min((m for m in moments if reached is None or m >= reached), default=None)
        if found is None:
            return step
        reached = found
    return most


def first_passages(visits: Sequence[Visit], passed: int) -> list[dt.datetime]:
    """Return when each step that counts as passed was first passed: it, or a later one, entered."""
    moments: list[dt.datetime | None] = [None] * passed
    for visit in visits:
        known = moments[visit.step]
        if known is None or visit.entered < known:
            moments[visit.step] = visit.entered
    earliest: dt.datetime | None = None
    for step in reversed(range(passed)):
        moment = moments[step]
        if earliest is None or (moment is not None and moment < earliest):
            earliest = moment
        moments[step] = earliest
    return [moment for moment in moments if moment is not None]
