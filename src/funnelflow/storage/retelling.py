"""Evidence about a story itself: what it changes is folded again with it.

Rows are taken back and restored, contacts merged and given back, funnels entered and left.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from shlex import quote

from funnelflow.engine import Event, Outcome, retold
from funnelflow.engine.answers import GivenAnswers
from funnelflow.engine.story import ENTER, LEAVE, MERGE, UNMERGE, VOID, OpenStory, StoryRow
from funnelflow.errors import ConflictError, UnknownContactError, UsageError
from funnelflow.storage.change_parser import REGROUPING
from funnelflow.storage.changes import (
    FunnelAnswer,
    Restatement,
    already_in_funnel,
    require_membership,
)
from funnelflow.storage.deciding import answer, consult, stays, vetoes_of
from funnelflow.storage.known_stories import KnownStories
from funnelflow.storage.partition import FindHome, Observer, Partition
from funnelflow.storage.row_format import to_text
from funnelflow.storage.told import Told, as_row, as_story, memberships, require_voidable
from funnelflow.storage.tracked_contacts import FunnelPosition, Row, TrackedContact

_OF_FUNNELS = frozenset({ENTER, LEAVE})


class Retelling:
    """Decides evidence about stories themselves.

    Args:
        partition: Whom it is about.
        stories: What was told about them.
        observer: Who is asked about what follows; None for nobody.
        find_home: Finds the definition of a funnel that is entered.
    """

    def __init__(
        self,
        partition: Partition,
        stories: KnownStories,
        observer: Observer | None,
        find_home: FindHome,
    ) -> None:
        self._partition = partition
        self._contacts = partition.contacts
        self._stories = stories
        self._observer = observer
        self._find_home = find_home

    def decide(
        self, chain: TrackedContact, target: TrackedContact, event: Event, *, explain: bool
    ) -> tuple[list[FunnelAnswer], Event]:
        """Take evidence about the story of a contact, which then stands where it puts it.

        Whoever has collected it calls `settle`.

        Args:
            chain: To whom it is addressed.
            target: Whose story that is part of.
            event: The evidence.
            explain: Whether the whole decisions are asked for.

        Returns:
            The answers in all funnels, and the evidence with what plugins say to it.

        Raises:
            Error: It says nothing, or cannot be.
        """
        if event.name in _OF_FUNNELS and not target.is_in_force:
            raise UnknownContactError(chain.contact.id)
        other = self._other(chain, target, event)
        arrival = self._stories.next_arrival
        row = Told(chain.number, chain.sequence + 1, arrival, event, target.funnel)
        was, now = self._memberships(target, other, row)
        self._require(chain, target, event, is_change=was != now)
        known = {position.funnel: position for position in target.positions()}
        given = self._stories.answers_with(target, other, event)
        answers: list[FunnelAnswer] = []
        for funnel, joined in now.items():
            position = known.get(funnel)
            if position is None:
                found, event = self._enter(
                    target, other, row, funnel, joined, given, explain=explain
                )
            elif event.name in _OF_FUNNELS and joined is was.get(funnel):
                found = stays(position, event, explain=explain)
            else:
                found = self._fold_with(
                    target, other, position, row, joined, given, explain=explain
                )
            answers.append(found)
        left = [position.detached() for position in known.values() if position.funnel not in now]
        target.stand_in(found.position for found in answers)
        places = (*target.positions(), *left)
        for place, position in enumerate(places):
            position.place = place
        answers += [stays(position, event, explain=explain) for position in left]
        answers = [a._replace(position=p) for a, p in zip(answers, places, strict=True)]
        return answers, event._replace(answers=given.answers)

    def settle(
        self,
        chain: TrackedContact,
        target: TrackedContact,
        answers: Sequence[FunnelAnswer],
        event: Event,
    ) -> list[Row]:
        """Let the stories be as evidence that was collected says; see `decide`.

        Returns:
            The contact that was merged or given back: into whom, None for nobody, and who.
        """
        other = self.named(event)
        if other is not None:
            self._regroup(chain, target, other, event.name)
        if event.name in _OF_FUNNELS:
            for found in answers:
                self._stories.open.pop((target.number, found.position.funnel), None)
        else:
            self._begins(target)
        return [] if other is None else [(other.merged_into, other.number)]

    def _memberships(
        self, target: TrackedContact, other: TrackedContact | None, row: Told
    ) -> tuple[Mapping[str, Event | None], Mapping[str, Event | None]]:
        """Return the funnels of a contact before and after evidence about its story."""
        told = self._stories.told(target, target)
        theirs = [] if other is None else self._stories.told(other, target)
        whole = [*told, *theirs, row]
        if row.event.name == UNMERGE:
            parting = {one.arrival for one in theirs}
            whole = [*(one for one in told if one.arrival not in parting), row]
        return memberships(told, target.number), memberships(whole, target.number)

    def _require(
        self, chain: TrackedContact, target: TrackedContact, event: Event, *, is_change: bool
    ) -> None:
        """Refuse evidence about the story itself that says nothing, or cannot be."""
        if event.name == VOID:
            is_run = self._partition.run is not None
            require_voidable(self._stories.told(target, target), chain, event, is_run=is_run)
        elif event.name == ENTER and not is_change:
            raise already_in_funnel(target.contact.id, str(event.about[0]))
        elif event.name == LEAVE:
            then = memberships(self._stories.told(target, target), target.number, event.at)
            require_membership(target.contact.id, str(event.about[0]), then)

    def _enter(
        self,
        target: TrackedContact,
        other: TrackedContact | None,
        row: Told,
        funnel: str,
        joined: Event | None,
        given: GivenAnswers,
        *,
        explain: bool,
    ) -> tuple[FunnelAnswer, Event]:
        """Put a contact into another funnel, or into one that it left, and fold it there.

        Returns:
            The answer, and the event with what plugins have against it.
        """
        loaded, event = self._find_home(funnel), row.event
        position = FunnelPosition(loaded.funnel.new_contact(target.contact.id), loaded, funnel)
        joining, parting = self._moving(other, position, event.name)
        told = [one for one in self._stories.told(target, position) if one.arrival not in parting]
        rows, _ = as_story([*told, row], funnel)
        story = OpenStory(loaded.funnel, target.contact.id, [*rows, *joining], joined, given)
        if joined is not event:
            with given.asking():
                position.contact = story.stands()
            return stays(position, event, explain=explain), event
        position.contact = story.entering()
        given.turn_to(event.at)
        if self._observer is not None or loaded.funnel.asks:
            story.joined = joined = consult(self._observer, position, event, given)
            event = event._replace(vetoes=vetoes_of(target, position, joined))
        found = answer(position, joined, given, explain=explain)
        with given.asking():
            entered, now = position.contact, story.stands()
        position.contact = now
        if (entered.stage, entered.since) != (now.stage, now.since):
            late = (now.clock or event.at) - event.at
            restated = Restatement(late, entered.stage, entered.since, now.stage, now.since, 0)
            found = found._replace(restated=restated)
        return found, event

    def _fold_with(
        self,
        target: TrackedContact,
        other: TrackedContact | None,
        position: FunnelPosition,
        row: Told,
        joined: Event | None,
        given: GivenAnswers,
        *,
        explain: bool,
    ) -> FunnelAnswer:
        """Fold a position again, with evidence about the story itself."""
        stood, story = position.contact, self._stories.story(target, position)
        joining, parting = self._moving(other, position, row.event.name)
        as_told = as_row(row, self._stories.told(target, position))
        story.given = given
        with given.asking():
            now, others = story.retell(as_told, joined, joining, parting)
        position.contact = now
        restated = Restatement(
            dt.timedelta(0), stood.stage, stood.since, now.stage, now.since, others
        )
        outcome = Outcome("stayed" if stood.stage == now.stage else "moved")
        decision = retold(position.loaded.funnel, stood, row.event, now) if explain else None
        return FunnelAnswer(position, outcome, stood.stage, now.stage, (), restated, decision)

    def _begins(self, target: TrackedContact) -> None:
        """Find out when a story begins that is told otherwise now.

        Where nothing of it counts, that is the time of what was told first.
        """
        rows = self._stories.story(target, target).rows
        begun = rows[0] if rows else self._first_told(target)
        target.created_at = to_text(begun.event.at)

    def _first_told(self, chain: TrackedContact) -> Told:
        """Return the first evidence that was addressed to a contact."""
        told = self._stories.told(chain, chain)
        return next(one for one in told if (one.contact, one.sequence) == (chain.number, 1))

    def _other(
        self, chain: TrackedContact, target: TrackedContact, event: Event
    ) -> TrackedContact | None:
        """Return the contact that is merged, or given back; None where that is nobody.

        Raises:
            UsageError: It cannot be.
            ConflictError: It is part of another story, or of none.
        """
        other = self.named(event)
        if other is None:
            return None
        if event.name == MERGE:
            _require_mergeable(chain, target, other)
        elif other not in chain.merged:
            raise not_merged(other.contact.id, chain.contact.id)
        return other

    def named(self, event: Event) -> TrackedContact | None:
        """Return the contact that evidence merges, or gives back; None for any other."""
        if event.name not in REGROUPING:
            return None
        (number,) = event.about
        return next(one for one in self._contacts.values() if one.number == number)

    def _moving(
        self, other: TrackedContact | None, position: FunnelPosition, event: str
    ) -> tuple[list[StoryRow], set[int]]:
        """Return the rows that join the story of a position, and the arrivals of those that part.

        Args:
            other: Whose they are; None for nobody.
            position: The position, by whose definition they are read.
            event: Whether they join or part.
        """
        if other is None:
            return [], set()
        told = self._stories.told(other, position)
        if event == MERGE:
            return as_story(told, position.funnel)[0], set()
        return [], {one.arrival for one in told}

    def _regroup(
        self, chain: TrackedContact, target: TrackedContact, other: TrackedContact, event: str
    ) -> None:
        """Make a contact part of another one's story, or a story of its own again."""
        first = self._first_told(other)
        self._stories.regroup(target, other, event)
        if event == MERGE:
            self._put_into(chain, target, other, first)
        else:
            self._give_back(chain, target, other)
        other.changed = True

    def _put_into(
        self, chain: TrackedContact, target: TrackedContact, other: TrackedContact, first: Told
    ) -> None:
        """Let a contact stand nowhere by itself; its one position holds the end of its chain."""
        other.merged_into, chain.merged = chain.number, (*chain.merged, other)
        for one in other.united():
            one.root = target
        known = {position.funnel: position for position in other.positions()}
        home = known.get(first.funnel)
        loaded = self._find_home(first.funnel) if home is None else home.loaded
        position = home or FunnelPosition(other.contact, loaded, first.funnel)
        position.contact = loaded.funnel.new_contact(other.contact.id)
        other.stand_in([position])
        other.created_at = to_text(first.event.at)

    def _give_back(
        self, chain: TrackedContact, target: TrackedContact, other: TrackedContact
    ) -> None:
        """Let a contact stand where its own story puts it, by the definitions in force."""
        other.merged_into = None
        chain.merged = tuple(one for one in chain.merged if one is not other)
        other.stand_apart()
        current = {position.funnel: position.loaded for position in target.positions()}
        known = {position.funnel: position for position in other.positions()}
        positions: list[FunnelPosition] = []
        for funnel in memberships(self._stories.told(other, other), other.number):
            loaded = current.get(funnel) or self._find_home(funnel)
            position = known.get(funnel) or FunnelPosition(other.contact, loaded, funnel)
            position.loaded = loaded
            position.contact = self._stories.story(other, position).stands()
            positions.append(position)
        other.stand_in(positions)
        self._begins(other)


def _require_mergeable(
    chain: TrackedContact, target: TrackedContact, other: TrackedContact
) -> None:
    """Refuse to merge a contact that is part of a story already, or would be part of its own."""
    name, into = other.contact.id, chain.contact.id
    if other is chain:
        raise UsageError(f"{name} cannot be merged into itself", hint="name two contacts")
    if other.root is not None:
        raise ConflictError(
            f"{name} is merged into {other.root.contact.id} already",
            hint=f"to take it out again: funnelflow unmerge {quote(name)}",
        )
    if other is target:
        raise ConflictError(
            f"{into} is merged into {name}, so {name} cannot be merged into it",
            hint=f"to turn it round, begin with: funnelflow unmerge {quote(into)}",
        )


def not_merged(contact_id: str, into: str = "anybody") -> ConflictError:
    """Return the error that a contact is no part of a story, so that it cannot be given back."""
    return ConflictError(
        f"{contact_id} is not merged into {into}",
        hint=f"its own story: funnelflow history {quote(contact_id)}",
    )
