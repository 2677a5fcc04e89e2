"""The fold over a whole story: evidence in the order in which it happened, whenever it arrived.

`Funnel.step` takes one event onto a contact at hand, which is right while evidence arrives in
the order in which it happened. Here a contact is folded from all of its evidence: for evidence
that arrives late, for what is taken back, and to see how things stood at another time. The same
rows give the same story in whatever order they arrived; only rows of the same instant keep the
order of their arrival.
"""

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from attrs import define, field, frozen

from funnelflow.criteria import Value
from funnelflow.engine.decisions import Cause, Contact, Event, Outcome
from funnelflow.engine.funnel import Funnel

VOID = "void"
"""Evidence that takes earlier evidence back; it is about the story, and no part of it."""


@frozen
class StoryRow:
    """One piece of evidence about a contact, with its place in the order of arrival.

    Attributes:
        arrival: When it arrived, as a number: later evidence has a higher one.
        event: What happened, and when.
        voids: The arrivals of the rows that it takes back; only evidence named `VOID` has any.
        asserted: Whether its facts are a snapshot: what was the case then, with nothing said of
            since when.
    """

    arrival: int
    event: Event
    voids: tuple[int, ...] = ()
    asserted: bool = False


@frozen
class Stay:
    """One time in one stage.

    Attributes:
        stage: The leaf stage.
        entered: When it was entered.
        left: When it was left; None while the contact is in it.
        arrival: The evidence that led into it.
        cause: What led into it; None for the stage in which the story begins.
    """

    stage: str
    entered: dt.datetime
    left: dt.datetime | None
    arrival: int
    cause: Cause | None


@frozen
class Story:
    """What a definition makes of a story.

    Attributes:
        contact: Where the contact is at the end; in the initial stage, with `since` None, if
            no evidence is in force.
        stays: Every stage that it was in, in order; the last is the one it is in.
        outcomes: What became of each row in force, by its arrival.
    """

    contact: Contact
    stays: tuple[Stay, ...]
    outcomes: dict[int, Outcome]


def in_force(rows: Iterable[StoryRow]) -> list[StoryRow]:
    """List the rows that count, in the order in which they happened.

    A row that a void names does not count, unless that void is voided itself. That somebody
    looked how late it is, or took another version of the definition into use, is no evidence
    of the contact, unless a plugin objected or a rule said where the contact goes. Rows of the
    same instant keep the order of their arrival.
    """
    arrived = sorted(rows, key=lambda row: row.arrival)
    voided: set[int] = set()
    for row in reversed(arrived):
        if row.arrival not in voided:
            voided.update(arrival for arrival in row.voids if arrival < row.arrival)
    counting = [r for r in arrived if r.arrival not in voided and _says_something(r.event)]
    counting.sort(key=lambda row: row.event.at)
    return counting


def _says_something(event: Event) -> bool:
    """Whether a row of the history is evidence of the contact itself."""
    if event.name == "tick":
        return bool(event.vetoes)
    return event.name != VOID and (event.name != "adopt" or bool(event.to))


def with_beginning(rows: Iterable[StoryRow]) -> list[StoryRow]:
    """Put what begins every stored story before its first evidence, in force and in order.

    Whoever something happened to is known from then on, so that somebody who was added later
    than their story begins stands where they would stand had they been added first.
    """
    story = in_force(rows)
    if story and story[0].event.name != "add":
        story.insert(0, StoryRow(0, Event("add", story[0].event.at)))
    return story


def fold_story(
    funnel: Funnel, contact_id: str, rows: Iterable[StoryRow], until: dt.datetime | None = None
) -> Story:
    """Fold a contact from its evidence, in the order in which it happened; pure.

    Args:
        funnel: The definition that decides.
        contact_id: Who it is about.
        rows: The evidence, in any order.
        until: The moment to fold to: what happened later is left out (but for what a snapshot
            says of the time before it), and what time opens by then is taken. None folds to the
            last evidence.

    Returns:
        The contact, its stays, and the outcome of each row.
    """
    whole = in_force(rows)
    story = [row for row in whole if until is None or row.event.at <= until]
    contact = funnel.new_contact(contact_id)
    if not story:
        return Story(contact, (), {})
    contact.fields.update(_known_from_the_start(funnel, whole))
    stays = [Stay(contact.stage, story[0].event.at, None, story[0].arrival, None)]
    outcomes: dict[int, Outcome] = {}
    for row in story:
        outcome = funnel.step(contact, row.event)
        outcomes[row.arrival] = outcome
        _follow(stays, row.arrival, row.event.at, outcome)
    if until is not None:
        evidence = story[-1]
        outcome = funnel.step(contact, Event("tick", until))
        _follow(stays, evidence.arrival, until, outcome)
    return Story(contact, tuple(stays), outcomes)


def _follow(stays: list[Stay], arrival: int, at: dt.datetime, outcome: Outcome) -> None:
    """End the last stay and begin the next for every transition that was taken."""
    for taken in outcome.path:
        moment = at if taken.at is None else taken.at
        last = stays[-1]
        stays[-1] = Stay(last.stage, last.entered, moment, last.arrival, last.cause)
        stays.append(Stay(taken.to, moment, None, arrival, taken.cause))


def _known_from_the_start(funnel: Funnel, story: Sequence[StoryRow]) -> dict[str, Value]:
    """Collect the facts of the first snapshot that hold back to the story's beginning.

    A snapshot says what is the case, and nothing of since when. What it says of a field of
    which there was no evidence before holds from the beginning, so that it makes no difference
    whether contacts come first and their history second or the other way round. A later
    snapshot is held against the one before it: what it says otherwise holds from its own time.
    Fields that events set are counted from the evidence itself and never reach back.
    """
    known: set[str] = set()
    for row in story:
        if row.asserted:
            events = funnel.linked.events.values()
            known.update(target for event in events for target, _ in event.sets)
            return {
                name: value
                for name, value in row.event.facts.items()
                if value is not None and name in funnel.linked.fields and name not in known
            }
        known.update(row.event.facts)
    return {}


@define(eq=False)
class OpenStory:
    """The stored story of a contact while evidence comes into it, in any order.

    It folds what stands before late evidence once, and what stands behind it once for each
    piece of late evidence.

    Attributes:
        funnel: The definition that decides.
        contact_id: Who it is about.
        rows: The evidence in force, in the order in which it happened.
        until: The moment that the contact has been folded to.
    """

    funnel: Funnel
    contact_id: str
    rows: list[StoryRow]
    until: dt.datetime
    _outcomes: list[Outcome] = field(factory=list)
    _reached: int = 0
    _contact: Contact | None = None

    def before(self, event: Event) -> Contact:
        """Return the contact as it was just before late evidence, as a copy."""
        place = bisect_right(self.rows, event.at, key=lambda row: row.event.at)
        contact = self._contact
        if contact is None or self._reached > place:
            contact, self._reached = self.funnel.new_contact(self.contact_id), 0
        for row in self.rows[self._reached : place]:
            self._take(contact, row.event)
        self._contact, self._reached = contact, place
        then = contact.copy()
        self._begin(then, event)
        return then

    def insert(self, arrival: int, event: Event, outcome: Outcome, contact: Contact) -> int:
        """Put late evidence in its place, and fold what stands behind it again.

        Args:
            arrival: Its arrival.
            event: The evidence, which `before` was asked about last.
            outcome: What became of it.
            contact: The contact just after it; brought to where it stands now.

        Returns:
            How many later answers would have been others.
        """
        place = self._reached
        if len(self._outcomes) != len(self.rows):
            fresh = self.funnel.new_contact(self.contact_id)
            self._outcomes = [self._take(fresh, row.event) for row in self.rows]
        later = self._outcomes[place:]
        again = [self.funnel.step(contact, row.event) for row in self.rows[place:]]
        if contact.clock is None or contact.clock < self.until:
            self.funnel.step(contact, Event("tick", self.until))
        if _says_something(event):
            self.rows.insert(place, StoryRow(arrival, event))
            self._outcomes[place:] = [outcome, *again]
        return sum(
            (was.outcome, was.path) != (now.outcome, now.path)
            for was, now in zip(later, again, strict=True)
        )

    def append(self, arrival: int, event: Event) -> None:
        """Note evidence that came in order and was decided."""
        self.until = max(self.until, event.at)
        if _says_something(event):
            self.rows.append(StoryRow(arrival, event))

    def _take(self, contact: Contact, event: Event) -> Outcome:
        self._begin(contact, event)
        return self.funnel.step(contact, event)

    def _begin(self, contact: Contact, first: Event) -> None:
        """Take what begins a story before its first evidence; see `with_beginning`."""
        if contact.since is None and first.name != "add":
            self.funnel.step(contact, Event("add", first.at))
