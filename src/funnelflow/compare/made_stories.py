"""Stories made up where no scenario shows a side: a small search along what opens transitions."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import evolve

from funnelflow.compare.population import StoryOfMany, read_by_all
from funnelflow.compare.words_in_common import is_within
from funnelflow.criteria import TEXT, Field
from funnelflow.criteria.implication import find_case
from funnelflow.definition import Scenario, ScenarioStep
from funnelflow.engine import Funnel

MOST_READ: Final = 400
"""How many made-up stories are read for one side before the search gives up."""
MOST_STEPS: Final = 5


class StoryMaker:
    """Makes up stories in which one definition uses a word and another does not.

    Args:
        funnels: The two definitions.
        scenarios: Their scenarios, which stories may go on from.
    """

    def __init__(self, funnels: Sequence[Funnel], scenarios: Sequence[StoryOfMany]) -> None:
        self._funnels = list(funnels)
        self._written = _written_texts(funnels)
        self._starts = _starts(funnels, scenarios)
        self._known: dict[tuple[int, int], ScenarioStep | None] = {}

    def story_of_side(self, places: tuple[int, int], stages: tuple[str, str]) -> StoryOfMany | None:
        """Return the first story found in which only one uses the word, fewest added steps first.

        Args:
            places: Where the definition that uses the word stands, and where the other does.
            stages: The stages that they mean by the word.
        """
        layer, read = self._starts, 0
        seen = {story.end for story in layer}
        for _ in range(MOST_STEPS):
            following = []
            for story in layer:
                for step in self._steps(story, places):
                    if read >= MOST_READ:
                        return None
                    read += 1
                    longer = self._longer(story, step)
                    at = longer.end
                    if is_within(at[places[0]], stages[0]) and not is_within(
                        at[places[1]], stages[1]
                    ):
                        return longer
                    if at not in seen:
                        seen.add(at)
                        following.append(longer)
            layer = following
        return None

    def _longer(self, story: StoryOfMany, step: ScenarioStep) -> StoryOfMany:
        told = evolve(story.story, when=(*story.story.when, step))
        return read_by_all(told, self._funnels)

    def _steps(self, story: StoryOfMany, places: tuple[int, int]) -> Iterator[ScenarioStep]:
        """Yield what opens a transition of the one that uses the word, then of the other."""
        for place in places:
            linked = self._funnels[place].linked
            for found in linked.transitions:
                if story.end[place] in {leaf for leaf, _ in found.sources}:
                    key = (place, found.index)
                    if key not in self._known:
                        self._known[key] = self._opening(place, found.index)
                    step = self._known[key]
                    if step is not None:
                        yield step

    def _opening(self, place: int, index: int) -> ScenarioStep | None:
        """Return a step that may open a transition; None where no facts are known that do."""
        linked = self._funnels[place].linked
        found = linked.transitions[index]
        case = find_case([] if found.rule is None else [found.rule], solver=False)
        if not case:
            return None
        on, after = found.transition.on, found.transition.after
        own = linked.events[on[0]].event.fields if on and on[0] in linked.events else {}
        facts = self._natural({**case.contact, **case.event}, {**linked.fields, **own})
        if facts is None:
            return None
        if isinstance(after, dt.timedelta) and not on:
            return ScenarioStep("", facts, wait=after)
        return ScenarioStep(on[0] if on else "", facts, roles=found.transition.by)

    def _natural(
        self, facts: Mapping[str, Any], fields: Mapping[str, Field]
    ) -> dict[str, Any] | None:
        """Put texts that people wrote in scenarios for those that the search takes for any text.

        That the criteria still hold is not taken for granted: the engine reads the story.
        """
        natural = {}
        for name, value in facts.items():
            is_any = name in fields and fields[name].type == TEXT and not fields[name].choices
            natural[name] = self._written.get(name) if is_any else value
        return None if None in natural.values() else natural


def _starts(funnels: Sequence[Funnel], scenarios: Sequence[StoryOfMany]) -> list[StoryOfMany]:
    """Return nothing at all, and for each pair of stages the shortest scenario that ends there."""
    nothing = read_by_all(Scenario("made up", "", ()), funnels)
    found = {nothing.end: nothing}
    begun = (story.until(n) for story in scenarios for n in range(1, len(story.stages)))
    for story in sorted(begun, key=lambda one: len(one.stages)):
        told = evolve(story.story, story=nothing.story.story, then="")
        found.setdefault(story.end, evolve(story, story=told, of=""))
    return list(found.values())


def _written_texts(funnels: Sequence[Funnel]) -> dict[str, Any]:
    """Return for each field the first value that a scenario gives it."""
    written: dict[str, Any] = {}
    for funnel in funnels:
        for scenario in funnel.definition.scenarios:
            for facts in (scenario.given, *(step.facts for step in scenario.when)):
                for name, value in facts.items():
                    if value is not None:
                        written.setdefault(name, value)
    return {**_EXAMPLES, **written}


_EXAMPLES: Final = {"email": "somebody@example.com", "phone": "+44 20 7946 0958"}
"""An address of RFC 2606 and a number that Ofcom keeps for drama, where no scenario has any."""
