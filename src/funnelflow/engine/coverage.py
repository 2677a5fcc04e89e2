"""Which transitions and criteria the scenarios of a definition exercise, and which none does."""

from collections.abc import Iterable, Iterator

from attrs import frozen

from funnelflow.criteria import AllOf, AnyOf, AtLeast, Custom, Leaf, Rule
from funnelflow.definition import Linked, LinkedTransition
from funnelflow.engine.scenarios import ScenarioResult

__all__ = ["Coverage", "coverage_of"]


@frozen
class Coverage:
    """What the scenarios of a definition exercise.

    Attributes:
        transitions: How many there are.
        untaken: Those that no scenario takes.
        criteria: How many there are.
        unseen: Those that no scenario looks at, with the transition that each belongs to.
    """

    transitions: int
    untaken: tuple[LinkedTransition, ...]
    criteria: int
    unseen: tuple[tuple[LinkedTransition, str], ...]


def coverage_of(linked: Linked, results: Iterable[ScenarioResult]) -> Coverage:
    """Find what no scenario exercises: transitions never taken, criteria never looked at."""
    decisions = [decision for result in results for decision in result.decisions]
    taken = {step.index for decision in decisions for step in decision.path}
    seen = {
        (way.index, leaf.label)
        for decision in decisions
        for way in decision.considered
        for leaf in way.leaves()
    }
    criteria = [(t, leaf.label) for t in linked.transitions for leaf in criteria_in(t.rule)]
    return Coverage(
        transitions=len(linked.transitions),
        untaken=tuple(t for t in linked.transitions if t.index not in taken),
        criteria=len(criteria),
        unseen=tuple((t, label) for t, label in criteria if (t.index, label) not in seen),
    )


def criteria_in(rule: Rule | None) -> Iterator[Leaf | Custom]:
    """Yield the criteria themselves, without the groups and roles around them."""
    if isinstance(rule, Leaf | Custom):
        yield rule
    elif isinstance(rule, AllOf | AnyOf | AtLeast):
        for inner in rule.rules:
            yield from criteria_in(inner)
