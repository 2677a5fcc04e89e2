"""What one definition's stages are called in another, worked out from the definitions alone."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from attrs import frozen

from funnelflow.compare.exploring import MOST_STATES, Place, explore
from funnelflow.criteria import Verdict
from funnelflow.engine import Considered, Event, Funnel, decide, why

Often: TypeAlias = Literal["always", "sometimes", "never"]


@frozen
class Cell:
    """What a stage of the first definition is in the second.

    Attributes:
        stage: The leaf stage of the first.
        other: The leaf stage of the second.
        often: ``always`` when whoever is in `stage` is in `other`, ``never`` when nobody is.
        story: The shortest story found in which somebody is in both; empty for ``never``.
    """

    stage: str
    other: str
    often: Often
    story: tuple[Event, ...]


@frozen
class Difference:
    """A word that both definitions use and do not mean the same by.

    Attributes:
        word: The word.
        first: Which definition uses it for the contact of the story.
        second: Which one does not yet.
        stage: Where the second puts the contact instead.
        story: The shortest story that shows it.
        waits_for: The labels of the criteria that are not met in the second.
    """

    word: str
    first: str
    second: str
    stage: str
    story: tuple[Event, ...]
    waits_for: tuple[str, ...]


@frozen
class Crosswalk:
    """Two definitions, stage by stage.

    Attributes:
        first: The name of the first definition.
        second: The name of the second.
        rows: The leaf stages of the first, in its order.
        columns: The leaf stages of the second, in its order.
        cells: Every pair of stages.
        differences: The words that they share and use differently, both ways.
        is_complete: Whether every story was looked at that criteria can tell apart; where it
            is not, ``always`` and ``never`` mean as far as the search went.
        states: How many states of stories were looked at.
    """

    first: str
    second: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: Mapping[tuple[str, str], Cell]
    differences: tuple[Difference, ...]
    is_complete: bool
    states: int


def crosswalk(first: Funnel, second: Funnel, *, limit: int = MOST_STATES) -> Crosswalk:
    """Compare two definitions by exploring the stories that they can tell apart.

    Args:
        first: The definition whose words are looked up.
        second: The definition in which they are looked up.
        limit: How many states of stories are looked at, at most.
    """
    found = explore((first, second), limit=limit)
    rows, columns = first.linked.leaves, second.linked.leaves
    return Crosswalk(
        first=first.definition.name,
        second=second.definition.name,
        rows=rows,
        columns=columns,
        cells={(a, b): _cell(a, b, found.stories) for a in rows for b in columns},
        differences=(
            *_differences(first, second, found.stories, swapped=False),
            *_differences(second, first, found.stories, swapped=True),
        ),
        is_complete=found.is_complete,
        states=found.states,
    )


def _cell(stage: str, other: str, stories: Mapping[Place, tuple[Event, ...]]) -> Cell:
    """Return how often a stage of the first is a certain stage of the second."""
    story = stories.get((stage, other))
    if story is None:
        return Cell(stage, other, "never", ())
    alone = sum(1 for place in stories if place[0] == stage) == 1
    return Cell(stage, other, "always" if alone else "sometimes", story)


def _differences(
    user: Funnel, other: Funnel, stories: Mapping[Place, tuple[Event, ...]], *, swapped: bool
) -> Sequence[Difference]:
    """Find, for each word both use, the first story in which only `user` uses it."""
    differences = []
    for word in sorted(_words(user).keys() & _words(other).keys()):
        mine, theirs = _words(user)[word], _words(other)[word]
        shortest: tuple[str, tuple[Event, ...]] | None = None
        for place, story in stories.items():
            here, there = (place[1], place[0]) if swapped else place
            is_only_mine = _inside(here, mine) and not _inside(there, theirs)
            if is_only_mine and (shortest is None or len(story) < len(shortest[1])):
                shortest = there, story
        if shortest is not None:
            differences.append(_difference(word, user, other, theirs, shortest))
    return differences


def _difference(
    word: str, user: Funnel, other: Funnel, theirs: str, shortest: tuple[str, tuple[Event, ...]]
) -> Difference:
    stage, story = shortest
    return Difference(
        word=word,
        first=user.definition.name,
        second=other.definition.name,
        stage=stage,
        story=story,
        waits_for=_waits_for(other, theirs, story),
    )


def _waits_for(funnel: Funnel, wanted: str, story: tuple[Event, ...]) -> tuple[str, ...]:
    """Name what keeps a contact out of a stage at the end of a story.

    Where no transition leads straight there, it is what keeps the contact from going on.
    """
    contact = funnel.new_contact("story")
    for event in story:
        contact = decide(funnel, contact, event).contact_after
    if contact.clock is None:
        return ()
    roles = tuple({role for t in funnel.definition.transitions for role in t.by})
    closed = [
        c
        for c in why(funnel, contact, contact.clock, roles)
        if c.verdict is not Verdict.MET and funnel.linked.type_of(c.to) != "lost"
    ]
    leading = [c for c in closed if _inside(c.to, wanted)] or closed
    return tuple(dict.fromkeys(label for c in leading for label in _unmet(c)))


def _unmet(considered: Considered) -> list[str]:
    return [leaf.label for leaf in considered.leaves() if leaf.verdict is not Verdict.MET]


def _words(funnel: Funnel) -> dict[str, str]:
    """Map every word for a stage, aliases included, to the dotted name of the stage."""
    words: dict[str, str] = {}
    for name, stage in funnel.linked.stages.items():
        for word in (stage.name.replace("_", " "), *stage.aliases):
            words.setdefault(word.casefold(), name)
    return words


def _inside(leaf: str, stage: str) -> bool:
    """Whether a leaf is a stage or nested in it."""
    return leaf == stage or leaf.startswith(f"{stage}.")
