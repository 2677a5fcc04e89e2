"""The rules a definition is held to, from a file or built in Python, by theme."""

from funnelflow.definition.linked import Linked
from funnelflow.definition.lint.declarations import check_scenarios, check_used, check_vocabulary
from funnelflow.definition.lint.invariants import check_always
from funnelflow.definition.lint.names import check_names, check_texts
from funnelflow.definition.lint.reachability import (
    check_circles,
    check_ends,
    check_reach,
    check_twins,
)
from funnelflow.definition.lint.shadowing import check_shadows, guard_conditions
from funnelflow.definition.lint.values import check_sizes, check_values
from funnelflow.definition.model import Definition, StageIndex
from funnelflow.definition.problems import Problems

__all__ = ["check_sizes", "check_sound", "check_whole"]


def check_sound(definition: Definition, index: StageIndex, problems: Problems) -> None:
    """Check what can be said of each part by itself."""
    check_names(definition, index, problems)
    check_texts(definition, problems)
    check_vocabulary(definition, problems)
    check_values(definition, index, problems)
    check_scenarios(definition, index, problems)


def check_whole(linked: Linked, problems: Problems) -> None:
    """Check what can only be said of stages and transitions together."""
    demands = [guard_conditions(transition.rule) for transition in linked.transitions]
    check_used(linked.definition, problems)
    check_reach(linked, problems)
    check_shadows(linked, demands, problems)
    check_circles(linked, demands, problems)
    check_ends(linked, problems)
    check_twins(linked, demands, problems)
    check_always(linked, demands, problems)
