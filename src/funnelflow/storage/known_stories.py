"""The stories of a partition's contacts: what is stored, and what was collected since."""

from collections.abc import Iterable
from itertools import chain as chained
from itertools import islice
from typing import TypeAlias

from funnelflow.engine import Event
from funnelflow.engine.answers import AnsweredRow, Ask, GivenAnswers
from funnelflow.engine.story import MERGE, OpenStory
from funnelflow.storage.partition import Partition, ReadStory
from funnelflow.storage.told import PENDING, Fitter, Told, answered, as_story
from funnelflow.storage.tracked_contacts import FunnelPosition, LoadedDefinition, TrackedContact

Collected: TypeAlias = tuple[int, int, Event, LoadedDefinition, str]
"""Evidence that was decided and is not written yet: the number of the contact to whom it was
addressed, its place there, what it says, and the definition and the funnel that decided it first.
A plain tuple, as there is one for each row of a file, and mostly nobody asks for it."""


class KnownStories:
    """What was told about the contacts of a partition, while changes about them are decided.

    Args:
        partition: The partition.
        read: Reads the stored evidence about a contact whose story the partition lacks.
        ask: Asks a plugin's criterion.

    Attributes:
        collected: What was decided since all was written, in the order of arrival.
        open: The stories that evidence was put into, by contact and funnel.
    """

    def __init__(self, partition: Partition, read: ReadStory | None, ask: Ask) -> None:
        self.open: dict[tuple[int, str], OpenStory] = {}
        self.collected: list[Collected] = []
        self._partition = partition
        self._read = read
        self._ask = ask
        self._fitters: dict[str, Fitter] = {}
        self._given: dict[int, GivenAnswers] = {}
        self._recent: dict[int, list[tuple[Told, LoadedDefinition]]] = {}
        self._indexed = 0

    def begin_anew(self) -> None:
        """Forget what was collected: it is written."""
        self.collected, self._indexed = [], 0
        self.open, self._given, self._recent = {}, {}, {}

    @property
    def next_arrival(self) -> int:
        """The arrival of the evidence that is collected next."""
        return PENDING + len(self.collected)

    def add_answers(self, target: TrackedContact, event: Event) -> None:
        """Note what plugins' criteria answered to the evidence that was collected last."""
        given = self._given.get(target.number)
        if event.answers and given is not None:
            given.add(AnsweredRow(event.at, self.next_arrival - 1, event.answers))

    def note(self, target: TrackedContact, event: Event) -> None:
        """Let the open stories of a contact know of evidence that came in order."""
        for position in target.positions():
            story = self.open.get((target.number, position.funnel))
            if story is not None:
                own = self.said(target, position, event)
                story.append(self.next_arrival - 1, own)

    def told(self, target: TrackedContact, position: FunnelPosition) -> list[Told]:
        """Return what was told about a contact: what is stored, and what was collected here."""
        self._index()
        place, stories = (target.number, position.funnel), self._partition.stories
        if place not in stories and self._read is not None:
            stories[place] = self._read(target, position)
        recent: Iterable[tuple[Told, LoadedDefinition]] = self._recent.get(target.number, ())
        if target.merged:
            several = (self._recent.get(one.number, ()) for one in target.united())
            recent = sorted(chained.from_iterable(several), key=lambda one: one[0].arrival)
        said = (
            one._replace(event=self.said(target, position, one.event, decided))
            for one, decided in recent
        )
        return [*stories.get(place, ()), *said]

    def _index(self) -> None:
        """Put what was collected since the last time with the contacts that it is about."""
        news = islice(self.collected, self._indexed, None)
        for place, (number, sequence, event, loaded, funnel) in enumerate(news, self._indexed):
            told = Told(number, sequence, PENDING + place, event, funnel)
            self._recent.setdefault(number, []).append((told, loaded))
        self._indexed = len(self.collected)

    def said(
        self,
        target: TrackedContact,
        position: FunnelPosition,
        event: Event,
        decided: LoadedDefinition | None = None,
    ) -> Event:
        """Return what evidence says in a funnel; None for what the first of them decides now."""
        decided = decided or target.loaded
        own = event.said_to(position.funnel, decided.name)
        if decided is position.loaded:
            return own
        fitter = self._fitters.get(position.loaded.digest)
        if fitter is None:
            fitter = self._fitters[position.loaded.digest] = Fitter(position.loaded)
        return fitter.fit(decided, own, position.loaded)

    def story(self, target: TrackedContact, position: FunnelPosition) -> OpenStory:
        """Return the story of a contact so far, as a position of it reads it."""
        place = (target.number, position.funnel)
        story = self.open.get(place)
        if story is None:
            rows, joined = as_story(self.told(target, position), position.funnel)
            given = self._answers_about(target) if target.asks else None
            story = OpenStory(position.loaded.funnel, target.contact.id, rows, joined, given)
            self.open[place] = story
        return story

    def _answers_about(self, target: TrackedContact) -> GivenAnswers:
        """Return what plugins' criteria answered about a contact, read when it is looked for."""
        given = self._given.get(target.number)
        if given is None:
            given = GivenAnswers(lambda: answered(self.told(target, target)), self._ask)
            self._given[target.number] = given
        return given

    def answers_for(
        self, target: TrackedContact, event: Event, *, again: bool = False
    ) -> GivenAnswers:
        """Return what plugins' criteria answered about a contact, turned to new evidence.

        Args:
            target: The contact.
            event: The evidence.
            again: Ask about the evidence itself also what was answered before: it is the latest.
        """
        given = self._answers_about(target)
        given.decide(event, again=again)
        return given

    def answers_with(
        self, target: TrackedContact, other: TrackedContact | None, event: Event
    ) -> GivenAnswers:
        """Return what plugins' criteria answered in the story that evidence about it makes.

        Args:
            target: Whose story it is.
            other: Who is merged into it, or given back; None for nobody.
            event: The evidence.
        """
        if other is not None:
            told, theirs = self.told(target, target), self.told(other, target)
            gone = set() if event.name == MERGE else {one.arrival for one in theirs}
            rows = [one for one in (*told, *theirs) if one.arrival not in gone]
            self._given.pop(other.number, None)
            self._given[target.number] = GivenAnswers(lambda: answered(rows), self._ask)
        return self.answers_for(target, event)

    def regroup(self, target: TrackedContact, other: TrackedContact, event: str) -> None:
        """Put the story of another contact to one, or take it away again.

        Args:
            target: Whose story it is.
            other: Who is merged into it, or given back.
            event: Which of the two.
        """
        stories = self._partition.stories
        for position in target.positions():
            own, place = (other.number, position.funnel), (target.number, position.funnel)
            theirs, all_of_it = stories.get(own, []), stories.get(place, [])
            if event == MERGE:
                stories[place] = all_of_it + stories.pop(own, [])
            else:
                arrivals = {one.arrival for one in theirs}
                stories[place] = [one for one in all_of_it if one.arrival not in arrivals]
            self.open.pop(own, None)
        funnels = {position.funnel for position in target.positions()}
        for left in [*stories, *self.open]:
            if left[0] == target.number and left[1] not in funnels:
                stories.pop(left, None)
                self.open.pop(left, None)
