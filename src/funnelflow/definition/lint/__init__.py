"""The rules a definition is held to, from a file or built in Python, by theme."""

from funnelflow.definition.linked import Linked
from funnelflow.definition.lint.guard_implication import (
    check_schedules,
    check_shadows,
    guard_conditions,
)
from funnelflow.definition.lint.invariants import check_invariants
from funnelflow.definition.lint.parts import (
    check_names,
    check_one_meaning,
    check_scenarios,
    check_sizes,
    check_used,
)
from funnelflow.definition.lint.reachability import (
    check_cycles,
    check_indistinguishable_stages,
    check_passages,
    check_reachability,
    check_terminal_stages,
    successors_of,
)
from funnelflow.definition.model import Definition, StageIndex
from funnelflow.definition.problems import Problems

__all__ = ["check_parts", "check_sizes", "check_whole"]


def check_parts(definition: Definition, index: StageIndex, problems: Problems) -> None:
    """Check what can be said before the whole is linked."""
    check_names(definition, index, problems)
    check_one_meaning(definition.vocabulary, problems)
    check_scenarios(definition, index, problems)


def check_whole(linked: Linked, problems: Problems) -> None:
    """Check what can only be said of stages and transitions together."""
    guards = [guard_conditions(transition.rule) for transition in linked.transitions]
    successors = successors_of(linked)
    check_used(linked.definition, problems)
    check_reachability(linked, successors, problems)
    check_passages(linked, problems)
    check_schedules(linked, problems)
    check_shadows(linked, guards, problems)
    check_cycles(linked, guards, problems)
    check_terminal_stages(linked, problems)
    check_indistinguishable_stages(linked, guards, problems)
    check_invariants(linked, successors, problems)
