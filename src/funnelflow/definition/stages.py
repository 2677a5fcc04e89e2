"""Which stages there are: nested ones by dotted names, leaves, and where each is entered."""

from collections.abc import Iterable, Mapping

from attrs import frozen

from funnelflow.definition.records import Stage, StageType

__all__ = ["StageIndex", "index_stages", "parent_of"]


@frozen
class StageIndex:
    """The stages of a definition, found by dotted name.

    Attributes:
        stages: Every stage, outermost first, in file order.
        leaves: The stages that nothing is nested in; contacts are in these.
        inside: The leaves of each stage; a leaf's own is itself. The first is its entry.
        types: What each stage is, where an outer stage's type holds for those in it.
    """

    stages: Mapping[str, Stage]
    leaves: tuple[str, ...]
    inside: Mapping[str, tuple[str, ...]]
    types: Mapping[str, StageType]

    def leaf_of(self, name: str) -> str:
        """Give the leaf in which a contact lands that enters the stage `name`."""
        return self.inside[name][0]


def index_stages(stages: Iterable[Stage]) -> StageIndex:
    """Index stages by dotted name; of two with one name the first counts."""
    found: dict[str, Stage] = {}
    inside: dict[str, tuple[str, ...]] = {}
    types: dict[str, StageType] = {}
    for stage in stages:
        _index(stage, "", "open", found, inside, types)
    ordered = {name: inside[name] for name in found}
    leaves = tuple(name for name, below in ordered.items() if below == (name,))
    return StageIndex(found, leaves, ordered, types)


def parent_of(name: str) -> str:
    """Give the name of the stage that a stage is nested in; empty for an outermost one."""
    return name.rpartition(".")[0]


def _index(
    stage: Stage,
    parent: str,
    outer: StageType,
    found: dict[str, Stage],
    inside: dict[str, tuple[str, ...]],
    types: dict[str, StageType],
) -> tuple[str, ...]:
    """Index one stage and those in it; give its leaves."""
    name = f"{parent}.{stage.name}" if parent else stage.name
    if name in found:
        return ()
    found[name] = stage
    types[name] = stage.type if stage.type != "open" else outer
    below: list[str] = []
    for nested in stage.stages:
        below += _index(nested, name, types[name], found, inside, types)
    inside[name] = tuple(below) or (name,)
    return inside[name]
