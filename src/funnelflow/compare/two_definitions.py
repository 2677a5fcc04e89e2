"""Two definitions beside each other: what is proved, what stories show, and how far they agree."""

from collections import Counter
from collections.abc import Sequence
from functools import partial

from attrs import frozen

from funnelflow.compare.agreement import Agreement, Pairs, agreement_of, with_decisive
from funnelflow.compare.made_stories import StoryMaker
from funnelflow.compare.population import StoryOfMany, read_by_all, read_scenarios, story_of_side
from funnelflow.compare.stages_at_once import JointStages, joint_stages
from funnelflow.compare.words_in_common import SharedWord, shared_words
from funnelflow.engine import Funnel


@frozen
class Side:
    """Whether a definition says a word of somebody of whom the other does not say it.

    Attributes:
        user: The definition that uses the word.
        other: The one that does not.
        is_never: Whether it is proved that this never is so.
        story: The most natural story that shows it, up to the moment at which it does; None
            where it never is so, or no story was found.
    """

    user: str
    other: str
    is_never: bool
    story: StoryOfMany | None

    def stage(self, names: Sequence[str]) -> str:
        """Return where the other puts the person at the end of the story."""
        return "" if self.story is None else self.story.end[names.index(self.other)]


@frozen
class WordPair:
    """A word that two definitions share: who uses it without the other, and how far they agree.

    Attributes:
        word: The word, with the stages that they mean.
        sides: What the first says alone, and what the second does.
        agreement: How far they agree over the scenarios of both.
    """

    word: SharedWord
    sides: tuple[Side, Side]
    agreement: Agreement

    @property
    def is_same(self) -> bool:
        """Whether it is proved that both use the word of the same contacts."""
        return all(side.is_never for side in self.sides)


@frozen(eq=False)
class Crosswalk:
    """Two definitions, word by word and stage by stage.

    Attributes:
        names: Their names.
        stories: The scenarios of both, as each reads them.
        seen: In how many of them somebody is in a stage of the first and one of the second at
            once, at any moment.
        joint: What is proved about that.
        words: The words that both use.
    """

    names: tuple[str, str]
    stories: tuple[StoryOfMany, ...]
    seen: Pairs
    joint: JointStages
    words: tuple[WordPair, ...]

    @property
    def rows(self) -> tuple[str, ...]:
        """Return the stages of the first, in its order."""
        return self.joint.first.leaves

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the stages of the second, in its order."""
        return self.joint.second.leaves

    def reached(self, row: str) -> int:
        """Return how many stories put somebody into a stage of the first."""
        return sum(any(at[0] == row for at in story.stages) for story in self.stories)


def crosswalk(first: Funnel, second: Funnel) -> Crosswalk:
    """Compare two definitions by what is proved, and by the scenarios of both.

    Args:
        first: The definition whose words are looked up.
        second: The definition in which they are looked up.
    """
    funnels = (first, second)
    stories = read_scenarios(funnels)
    seen: Pairs = Counter(pair for story in stories for pair in _pairs_in(story))
    joint = joint_stages(first.linked, second.linked, seen)
    names = (first.definition.name, second.definition.name)
    words = shared_words([first.linked, second.linked])
    ends: Pairs = Counter((story.end[0], story.end[1]) for story in stories)
    plain = [agreement_of(word, names, ends) for word in words]
    found = with_decisive(plain, words, funnels, partial(_ends, stories))
    maker = StoryMaker(funnels, stories)
    pairs = tuple(
        WordPair(word, _sides(word, names, stories, joint, maker), agreement)
        for word, agreement in zip(words, found, strict=True)
    )
    return Crosswalk(names, stories, seen, joint, pairs)


def _pairs_in(story: StoryOfMany) -> set[tuple[str, str]]:
    return {(at[0], at[1]) for at in story.stages}


def _ends(stories: Sequence[StoryOfMany], first: Funnel, second: Funnel) -> Pairs:
    """Count where two changed definitions put the people of stories at the end."""
    read = (read_by_all(story.story, (first, second)) for story in stories)
    return Counter((story.end[0], story.end[1]) for story in read)


def _sides(
    word: SharedWord,
    names: tuple[str, str],
    stories: Sequence[StoryOfMany],
    joint: JointStages,
    maker: StoryMaker,
) -> tuple[Side, Side]:
    """Return what either says alone, by a scenario or else by a story that is made up."""
    one, other = (word.stages[name] for name in names)
    is_within = joint.is_contained(one, other)
    is_around = joint.is_contained(one, other, swapped=True)

    def shown(places: tuple[int, int], stages: tuple[str, str]) -> StoryOfMany | None:
        found = story_of_side(stories, places, stages)
        return maker.story_of_side(places, stages) if found is None else found

    first = None if is_within else shown((0, 1), (one, other))
    second = None if is_around else shown((1, 0), (other, one))
    return (
        Side(names[0], names[1], is_within, first),
        Side(names[1], names[0], is_around, second),
    )
