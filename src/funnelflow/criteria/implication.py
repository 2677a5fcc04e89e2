"""Whether conditions can hold together, and whether one follows from another: proved, or shown.

A condition is true, false or unknown; a rule is met or not. What is asked becomes a formula
without negation over atoms: comparisons, presence, roles, what plugins answer. An atom about one
field that is only compared picks some of that field's classes of values (`value_classes`), so
finitely many cases stand for all, and a search over them decides. Fields compared with each other
get several values between two points. Any other atom is first taken to come out as it likes:
where even so nothing is found, nothing there is; what is found counts only when the conditions
themselves say so for its facts.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Final, Literal

from attrs import frozen

from funnelflow.criteria.case_search import CaseSearch
from funnelflow.criteria.cases import Case, Condition, trees_of
from funnelflow.criteria.tree import Apply, Constant, Now, Quantified, walk

CASE_NOW: Final = dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC)
"""The time at which cases are tried where none other matters: when scenarios begin."""


@frozen
class Implication:
    """Whether a condition holds wherever others do.

    Attributes:
        proved: True where it always does, False where it does not, None where neither is known.
        counterexample: Where it is false: facts for which the others hold, and it does not.
    """

    proved: bool | None
    counterexample: Case | None = None


def implies(
    given: Condition | Sequence[Condition], then: Condition, *, solver: bool = True
) -> Implication:
    """Decide whether a condition is met wherever others are, over the three truth values.

    Args:
        given: A rule, an expression or a node of one, or several, of which all are met.
        then: What is met as well, or is not.
        solver: Whether to ask z3 where the classes of values do not decide.
    """
    found = find_case([given] if isinstance(given, Condition) else given, [then], solver=solver)
    return Implication(True if found is False else None if found is None else False, found or None)


def exclude(*conditions: Condition) -> bool | None:
    """Return whether conditions are never met together; None where that is not known."""
    found = find_case(conditions)
    return None if found is None else found is False


def find_case(
    met: Sequence[Condition], not_met: Sequence[Condition] = (), *, solver: bool = True
) -> Case | Literal[False] | None:
    """Find facts for which some conditions are met, and others are not.

    Args:
        met: The conditions that are met.
        not_met: The conditions that are false or unknown.
        solver: Whether to ask z3 where the classes of values do not decide.

    Returns:
        Such facts, for which the conditions themselves have been asked; False where it is
        proved that there are none; None where neither is known.
    """
    unknown = _reads_the_calendar(met, not_met)
    for now in _times(met, not_met):
        found = CaseSearch(now, met, not_met).solve()
        if found:
            return found
        unknown = unknown or found is None
    if not unknown:
        return False
    if not solver:
        return None
    from funnelflow.criteria.smt import find_case_by_solver  # noqa: PLC0415  # for few questions

    return find_case_by_solver(met, not_met)


def _reads_the_calendar(*conditions: Sequence[Condition]) -> bool:
    """Whether a function or macro of ``now`` decides, which may turn at times not asked at."""
    parts = (p for many in conditions for one in many for t in trees_of(one) for p in walk(t))
    decides = (p for p in parts if isinstance(p, Apply | Quantified))
    return any(isinstance(part, Now) for one in decides for part in walk(one))


def _times(*conditions: Sequence[Condition]) -> Sequence[dt.datetime]:
    """Return the times to ask at: several where ``now`` meets times that are written down."""
    parts = [p for many in conditions for one in many for t in trees_of(one) for p in walk(t)]
    if not any(isinstance(part, Now) for part in parts):
        return (CASE_NOW,)
    constants = [part.value for part in parts if isinstance(part, Constant)]
    dates = {v for v in constants if isinstance(v, dt.datetime)}
    lengths = {v for v in constants if isinstance(v, dt.timedelta)}
    shifts = {dt.timedelta(0), *lengths, *(-length for length in lengths)}
    turns = {_later(day, a, b) for day in dates for a in shifts for b in shifts} - {None}
    step = dt.timedelta(microseconds=1)
    zero = dt.timedelta(0)
    around = {_later(turn, by, zero) for turn in turns if turn for by in (-step, zero, step)}
    return (CASE_NOW, *sorted(time for time in around if time is not None))


def _later(day: dt.datetime, *lengths: dt.timedelta) -> dt.datetime | None:
    """Return a time moved by some lengths; None beyond the years that there are."""
    try:
        for length in lengths:
            day += length
    except OverflowError:
        return None
    return day
