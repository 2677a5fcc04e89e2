"""The stories over which definitions are compared: the scenarios that people wrote for them."""

from collections.abc import Iterator, Sequence

from attrs import evolve, frozen

from funnelflow.compare.story_reading import read_story
from funnelflow.compare.words_in_common import is_within
from funnelflow.definition import Scenario
from funnelflow.engine import Funnel


@frozen
class StoryOfMany:
    """A story, as several definitions read it.

    Attributes:
        story: What happens.
        of: The definition whose scenario it is; empty where it was searched for.
        stages: After each moment, the beginning included, the stage of each definition.
    """

    story: Scenario
    of: str
    stages: tuple[tuple[str, ...], ...]

    @property
    def end(self) -> tuple[str, ...]:
        """Return where each definition puts the person at the end."""
        return self.stages[-1]

    def until(self, moment: int) -> "StoryOfMany":
        """Return the story up to a moment, 0 being the beginning."""
        story = evolve(self.story, when=self.story.when[:moment])
        return evolve(self, story=story, stages=self.stages[: moment + 1])


def read_scenarios(funnels: Sequence[Funnel]) -> tuple[StoryOfMany, ...]:
    """Read every scenario of some definitions by all of them; the same story counts once."""
    found: dict[object, StoryOfMany] = {}
    for funnel in funnels:
        for scenario in funnel.definition.scenarios:
            key = (sorted(scenario.given.items(), key=repr), scenario.when)
            if repr(key) not in found:
                found[repr(key)] = read_by_all(scenario, funnels, funnel.definition.name)
    return tuple(found.values())


def read_by_all(story: Scenario, funnels: Sequence[Funnel], of: str = "") -> StoryOfMany:
    """Read a story by several definitions."""
    readings = read_story(story, funnels)
    moments = zip(*([moment.stage for moment in r.moments] for r in readings), strict=True)
    return StoryOfMany(story, of, tuple(moments))


def story_of_side(
    stories: Sequence[StoryOfMany], places: tuple[int, int], stages: tuple[str, str]
) -> StoryOfMany | None:
    """Return the most natural story in which only one of two definitions uses a word.

    Stories in which the other has not used it either come before those in which it has used it
    already; of these the shortest comes first, and of these the one that was written first.

    Args:
        stories: The stories.
        places: Where the definition that uses the word stands among those that read, and where
            the other does.
        stages: The stages that they mean by the word.
    """
    found = [
        (has_been, moment, number, story)
        for number, story in enumerate(stories)
        for moment, has_been in _moments(story, places, stages)
    ]
    if not found:
        return None
    _, moment, _, story = min(found, key=lambda one: one[:3])
    return story.until(moment)


def _moments(
    story: StoryOfMany, places: tuple[int, int], stages: tuple[str, str]
) -> Iterator[tuple[int, bool]]:
    """Yield the moments at which only the first uses the word, and whether the other has before."""
    has_been = False
    for moment, at in enumerate(story.stages):
        is_other = is_within(at[places[1]], stages[1])
        has_been = has_been or is_other
        if is_within(at[places[0]], stages[0]) and not is_other:
            yield moment, has_been
