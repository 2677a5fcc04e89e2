"""Blocks of criteria: where a file says ``use: name``, the criteria of that name are put.

A definition never holds the name alone. So it says by itself what it requires, the same as
one built in Python, and a stored one goes on saying it when the vocabulary has changed.
"""

from collections.abc import Mapping

from attrs import define, evolve

from funnelflow.definition.decoding.drafts import Use
from funnelflow.definition.places import locate
from funnelflow.definition.problems import Problems, did_you_mean
from funnelflow.definition.records import Criterion, Group, Requirement, Transition

__all__ = ["MOST_USED", "with_blocks"]

MOST_USED = 20_000
"""How many criteria all uses of a file may stand for; a short file could stand for millions."""


def with_blocks(
    transitions: tuple[Transition, ...], blocks: Mapping[str, Group], problems: Problems
) -> tuple[Transition, ...]:
    """Put the criteria of blocks in the places where transitions use them.

    Args:
        transitions: As they were read.
        blocks: The blocks of the vocabulary, by name.
        problems: Where blocks are reported that do not exist.
    """
    filler = _Filler(blocks, problems)
    return tuple(filler.transition(transition) for transition in transitions)


@define
class _Filler:
    """Fills in blocks, and counts the criteria that this makes."""

    blocks: Mapping[str, Group]
    problems: Problems
    used: int = 0

    def transition(self, transition: Transition) -> Transition:
        """Give a transition with the criteria of the blocks it uses."""
        if transition.require is None:
            return transition
        filled = self._filled(transition.require)
        same = filled is transition.require
        return transition if same else evolve(transition, require=filled)

    def _filled(self, item: Requirement) -> Requirement | None:
        """Give an item with its blocks filled in; None where they do not exist."""
        if isinstance(item, Use):
            return self._block(item)
        if isinstance(item, Criterion):
            return item
        found = tuple(self._filled(inner) for inner in item.items)
        if all(new is old for new, old in zip(found, item.items, strict=True)):
            return item
        kept = tuple(inner for inner in found if inner is not None)
        return evolve(item, items=kept) if kept else None

    def _block(self, use: Use) -> Group | None:
        """Give the criteria of a block, under the label of the use if it has one."""
        block = self.blocks.get(use.block)
        span = locate(use.position, "use")
        if block is None:
            message = f"there is no block of criteria {use.block!r}"
            known = did_you_mean(use.block, self.blocks, kind="block")
            self.problems.add("F214", span, message, known)
            return None
        self.used += _count(block)
        if self.used > MOST_USED:
            message = f"the blocks stand for more than {MOST_USED:,} criteria"
            self.problems.add("F003", span, message, "split the definition")
            return None
        return evolve(block, label=use.label) if use.label else block


def _count(item: Requirement) -> int:
    return 1 if isinstance(item, Criterion) else sum(map(_count, item.items))
