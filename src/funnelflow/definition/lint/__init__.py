"""The rules a definition is held to, from a file or built in Python, by theme."""

from funnelflow.definition.linked import Linked
from funnelflow.definition.lint.always import check_always
from funnelflow.definition.lint.circles import check_circles
from funnelflow.definition.lint.demands import demands_of
from funnelflow.definition.lint.ends import check_ends, check_twins
from funnelflow.definition.lint.names import check_names
from funnelflow.definition.lint.reach import check_reach
from funnelflow.definition.lint.scenarios import check_scenarios
from funnelflow.definition.lint.shadows import check_shadows
from funnelflow.definition.lint.texts import check_texts
from funnelflow.definition.lint.values import check_sizes, check_values
from funnelflow.definition.lint.vocabulary import check_used, check_vocabulary
from funnelflow.definition.problems import Problems
from funnelflow.definition.records import Definition
from funnelflow.definition.stages import StageIndex

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
    demands = [demands_of(transition.rule) for transition in linked.transitions]
    check_used(linked.definition, problems)
    check_reach(linked, problems)
    check_shadows(linked, demands, problems)
    check_circles(linked, demands, problems)
    check_ends(linked, problems)
    check_twins(linked, demands, problems)
    check_always(linked, demands, problems)
