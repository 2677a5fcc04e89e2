"""The route to a stage that no transition leads to from here: each step and what it needs."""

import datetime as dt
from collections import deque
from collections.abc import Collection, Mapping

from funnelflow.criteria import Fields, Verdict, check_rule
from funnelflow.engine.decisions import Cause, Considered
from funnelflow.engine.funnel import Funnel
from funnelflow.engine.machine import GuardedTransition


def route_to(
    funnel: Funnel,
    stage: str,
    goals: Collection[str],
    fields: Fields,
    now: dt.datetime,
    roles: tuple[str, ...] = (),
) -> tuple[Considered, ...]:
    """Return the steps that lead from a stage to one of others, as few as there are; pure.

    Of several routes as short it is the one on which the fewest criteria are not met. It goes
    through no stage that is an end.

    Args:
        funnel: The definition.
        stage: The leaf that the route begins in.
        goals: The leaves that it may end in.
        fields: What is known of the contact.
        now: The time at which the criteria are looked at.
        roles: The roles of whoever would take the steps.

    Returns:
        The steps; none where there is no way, or the stage is one of the goals. What an event
        would bring, or what a step would set, is not known beforehand.
    """
    distances = _distances(funnel, goals)
    if stage not in distances or stage in goals:
        return ()
    best: dict[str, tuple[int, tuple[Considered, ...]]] = dict.fromkeys(goals, (0, ()))
    for leaf in sorted(distances, key=lambda one: distances[one]):
        if leaf in best or distances[leaf] > distances[stage]:
            continue
        ways = [
            (lacking + best[way.to][0], (way, *best[way.to][1]))
            for transition in funnel.leaving(leaf)
            if distances.get(transition.dest, leaf) == distances[leaf] - 1
            for way in (_step(funnel, transition, fields, now, roles),)
            for lacking in (_lacking(way),)
        ]
        best[leaf] = min(ways, key=lambda way: way[0])
    return best[stage][1]


def _distances(funnel: Funnel, goals: Collection[str]) -> Mapping[str, int]:
    """Return how many steps each leaf is away from one of the goals."""
    linked = funnel.linked
    before: dict[str, list[str]] = {}
    for leaf in linked.leaves:
        if linked.type_of(leaf) == "open" or leaf in goals:
            for transition in funnel.leaving(leaf):
                before.setdefault(transition.dest, []).append(leaf)
    found = dict.fromkeys(goals, 0)
    pending = deque(goals)
    while pending:
        leaf = pending.popleft()
        for other in before.get(leaf, ()):
            if other not in found:
                found[other] = found[leaf] + 1
                pending.append(other)
    return found


def _step(
    funnel: Funnel,
    transition: GuardedTransition,
    fields: Fields,
    now: dt.datetime,
    roles: tuple[str, ...],
) -> Considered:
    """Check the criteria of one step on what is known now."""
    rule = funnel.linked.transitions[transition.index].rule
    check = None if rule is None else check_rule(rule, fields, {}, now, roles)
    cause: Cause = "timed" if transition.waits else "event" if transition.on else "automatic"
    verdict = Verdict.MET if check is None else check.verdict
    return Considered(transition.index, transition.source, transition.dest, cause, verdict, check)


def _lacking(way: Considered) -> int:
    """Count the criteria of a step that are not met; one for each group that is met anyway."""
    if way.verdict is Verdict.MET:
        return 0
    return sum(leaf.verdict is not Verdict.MET for leaf in way.leaves())
