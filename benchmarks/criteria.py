"""One compiled three-clause criterion, beside the same Python lambda over a dictionary.

The budget: at most 2 times the lambda, which looks nothing up that may be missing. All are
timed in turns on the same contacts, and the median of the rounds counts. Beside it stands
what is paid once (compiling) and what is paid for a refusal (explaining).
"""

import datetime as dt
import statistics
import time
import timeit
from collections.abc import Callable
from typing import Any

from funnelflow.criteria import (
    INTEGER,
    NUMBER,
    TEXT,
    Expression,
    Field,
    Leaf,
    Scope,
    check_rule,
    compile_expression,
    compile_rule,
)

SOURCE = 'contact.budget >= 5000 && contact.authority == "decides" && contact.horizon_days <= 90'
SCOPE = Scope(
    {
        field.name: field
        for field in (
            Field("budget", NUMBER),
            Field("authority", TEXT),
            Field("horizon_days", INTEGER),
        )
    }
)
NOW = dt.datetime(2026, 4, 4, tzinfo=dt.UTC)
MET: dict[str, Any] = {"budget": 6000.0, "authority": "decides", "horizon_days": 60}
CONTACTS = {
    "all three met": MET,
    "the last not met": {**MET, "horizon_days": 120},
    "the first not met": {**MET, "budget": 100.0},
}
UNKNOWN: dict[str, Any] = {"budget": 6000.0, "horizon_days": 60}
ROUNDS = 31
CALLS = 20_000


def run() -> None:
    """Print what one evaluation costs, and how many lambdas that is."""
    expression = compile_expression(SOURCE, SCOPE)
    rule = compile_rule(Leaf("BANT", expression))
    calls: dict[str, tuple[Callable[..., Any], str]] = {
        "lambda": (_lambda(), "call(fields, facts, now)"),
        "expression": (expression.holds, "call(fields, facts, now)"),
        "rule": (rule, "call(fields, facts, now, ())"),
    }
    print(f"{'':20}" + "".join(f"{name:>14}" for name in calls) + f"{'ratio':>8}")
    for name, fields in CONTACTS.items():
        times = _medians([_timer(call, text, fields) for call, text in calls.values()], CALLS)
        shown = "".join(f"{seconds * 1e9:11.0f} ns" for seconds in times)
        print(f"{name:20}{shown}{times[1] / times[0]:8.2f}")
    print()
    _print_once(expression, rule)


def _lambda() -> Callable[..., Any]:
    """Return the peer: the same three clauses over a dictionary in which nothing is missing."""
    return lambda fields, facts, now: (  # noqa: ARG005  # called like the others
        fields["budget"] >= 5000
        and fields["authority"] == "decides"
        and fields["horizon_days"] <= 90
    )


def _print_once(expression: Expression, rule: Callable[..., bool]) -> None:
    """Print what is paid once, or for a refusal."""
    leaf = Leaf("BANT", expression)
    once: dict[str, Callable[[], Any]] = {
        "a fact is unknown": lambda: rule(UNKNOWN, {}, NOW, ()),
        "explained, met": lambda: check_rule(leaf, MET, {}, NOW, ()),
        "explained, unknown": lambda: check_rule(leaf, UNKNOWN, {}, NOW, ()),
        "parsed and checked": lambda: compile_expression(SOURCE, SCOPE),
        "made a function": lambda: compile_rule(leaf),
    }
    for name, action in once.items():
        (seconds,) = _medians([timeit.Timer(action, timer=time.process_time)], 200)
        print(f"{name:20}{seconds * 1e6:11.2f} µs")


def _timer(call: Callable[..., Any], text: str, fields: dict[str, Any]) -> timeit.Timer:
    """Time a call by the processor's time, so that other processes count less."""
    names = {"call": call, "fields": fields, "facts": {}, "now": NOW}
    return timeit.Timer(text, timer=time.process_time, globals=names)


def _medians(timers: list[timeit.Timer], calls: int) -> list[float]:
    """Run timers in turns; give the median seconds of one call of each."""
    rounds = [[timer.timeit(calls) / calls for timer in timers] for _ in range(ROUNDS)]
    return [statistics.median(times) for times in zip(*rounds, strict=True)]
