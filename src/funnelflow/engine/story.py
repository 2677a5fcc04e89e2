"""The fold over a whole story: evidence in the order in which it happened, whenever it arrived.

`Funnel.step` takes one event onto a contact at hand, which is right while evidence arrives in
the order in which it happened. Here a contact is folded from all of its evidence: for evidence
that arrives late, for what is taken back, and to see how things stood at another time. The same
rows give the same story in whatever order they arrived; only rows of the same instant keep the
order of their arrival.
"""

import datetime as dt
from bisect import bisect_right, insort
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple, TypeAlias

from attrs import define, field, frozen

from funnelflow.criteria import Value
from funnelflow.criteria.custom import answering
from funnelflow.engine.answers import LAST, AnsweredRow, GivenAnswers
from funnelflow.engine.decide import decide
from funnelflow.engine.decisions import (
    MOVED_NOWHERE,
    Cause,
    Contact,
    Event,
    Outcome,
    Taken,
    Unmet,
)
from funnelflow.engine.funnel import Funnel

VOID = "void"
"""Evidence that takes earlier evidence back; it is about the story, and no part of it."""
MERGE, UNMERGE = "merge", "unmerge"
"""Evidence that puts another contact's story to this one, and that takes it away again."""
ENTER, LEAVE = "enter", "leave"
"""Evidence that a contact enters another funnel, and that it leaves one."""
SILENT = frozenset({VOID, MERGE, UNMERGE, ENTER, LEAVE})
"""Evidence about the story itself, which says nothing of the contact."""


Consult: TypeAlias = Callable[[Contact, Event], Event]
"""Returns the passing of time with what plugins have against the transitions that it opens."""


class StoryRow(NamedTuple):
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


_arrival, _at = attrgetter("arrival"), attrgetter("event.at")
_voids, _is_asserted = attrgetter("voids"), attrgetter("asserted")


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


class Retold(NamedTuple):
    """What becomes of a row when its story is told in the order in which it happened.

    Attributes:
        arrival: The arrival of the row; that of the last one for what time alone does after it.
        before: The stage before it.
        outcome: What becomes of it.
        after: The stage after it.
        unmet: For a move that is refused, the criteria in its way.
    """

    arrival: int
    before: str
    outcome: Outcome
    after: str
    unmet: Unmet = ()


def in_force(rows: Iterable[StoryRow]) -> list[StoryRow]:
    """List the rows that count, in the order in which they happened.

    A row that a void names does not count, unless that void is voided itself. That somebody
    looked how late it is, or took another version of the definition into use, is no evidence
    of the contact, unless a plugin objected or answered, or a rule said where the contact goes.
    Rows of the same instant keep the order of their arrival.
    """
    arrived = sorted(rows, key=_arrival)
    voided = taken_back(arrived) if any(map(_voids, arrived)) else ()
    counting = [
        row
        for row in arrived
        if (row.event.name not in _SELDOM_SAYS or _says_something(row.event))
        and row.arrival not in voided
    ]
    counting.sort(key=_at)
    return counting


def taken_back(rows: Iterable[StoryRow]) -> dict[int, int]:
    """Return the arrivals of the rows that do not count, each to that of the last void of it."""
    by: dict[int, int] = {}
    voids = sorted((row for row in rows if row.voids), key=lambda row: -row.arrival)
    for row in voids:
        if row.arrival not in by:
            by = dict.fromkeys((a for a in row.voids if a < row.arrival), row.arrival) | by
    return by


_SELDOM_SAYS = SILENT | {"tick", "adopt"}
_SAYS_WHEN = frozenset({"tick", ENTER})
"""Evidence with which time passes in a story, though it says nothing of the contact."""


def _says_something(event: Event) -> bool:
    """Whether a row of the history is evidence of the contact itself."""
    if event.name == "tick":
        return bool(event.vetoes or event.answers)
    return event.name not in SILENT and (event.name != "adopt" or bool(event.to))


def end_of(rows: Iterable[StoryRow]) -> dt.datetime | None:
    """Return the moment that a story is folded to; None where nothing of it is in force.

    It is that of the last row that counts, or that says how late it was. What was taken back
    says nothing, and neither does what takes it back.
    """
    voided = taken_back(rows)
    moments = [
        row.event.at for row in rows if row.arrival not in voided and row.event.name not in SILENT
    ]
    return max(moments, default=None)


def answered_rows(rows: Iterable[StoryRow]) -> list[AnsweredRow]:
    """List what plugins' criteria answered in a story; rows taken back were answered as well."""
    found = (AnsweredRow(row.event.at, row.arrival, row.event.answers) for row in rows)
    return [row for row in found if row.answers]


def fold_story(
    funnel: Funnel,
    contact_id: str,
    rows: Iterable[StoryRow],
    until: dt.datetime | None = None,
    joined: Event | None = None,
    given: GivenAnswers | None = None,
    consult: Consult | None = None,
) -> Story:
    """Fold a contact from its evidence, in the order in which it happened; pure.

    A story that does not begin with ``add`` is taken as if its first evidence added the contact.

    Args:
        funnel: The definition that decides.
        contact_id: Who it is about.
        rows: The evidence, in any order.
        until: The moment to fold to: what happened later is left out (but for what a snapshot
            says of the time before it), and what time opens by then is taken. None folds to the
            last evidence.
        joined: The evidence that the contact entered the funnel, before which no transition is
            taken and no stay begins; None where the story begins there.
        given: What plugins' criteria answered; None for what the rows say.
        consult: Puts to the passing of time up to `until` what plugins have against it.

    Returns:
        The contact, its stays, and the outcome of each row.
    """
    told = list(rows)
    whole = in_force(told)
    contact = funnel.new_contact(contact_id)
    if given is None and funnel.asks:
        given = GivenAnswers(lambda: answered_rows(told))
    trail = _Trail(funnel, contact, joined, given)
    story = [row for row in whole if until is None or row.event.at <= until]
    if not story:
        return Story(contact, (), {})
    contact.fields.update(_known_from_the_start(funnel, whole))
    with answering(given):
        trail.fold(story)
        if until is not None:
            trail.end(story, until, consult)
    return Story(contact, tuple(trail.stays), trail.outcomes)


@define(eq=False)
class _Trail:
    """A contact while its story is folded, and the stages that it has been in."""

    funnel: Funnel
    contact: Contact
    joined: Event | None
    given: GivenAnswers | None
    stays: list[Stay] = field(factory=list)
    outcomes: dict[int, Outcome] = field(factory=dict)

    def fold(self, story: Iterable[StoryRow]) -> None:
        """Take evidence in its order."""
        contact, given, joined, outcomes = self.contact, self.given, self.joined, self.outcomes
        step = self.funnel.step
        for arrival, event, _, _ in story:
            if given is not None:
                given.turn_to(event.at, arrival)
            if joined is not None and event.at < joined.at:
                self.funnel.learn(contact, event)
                outcomes[arrival] = MOVED_NOWHERE
                continue
            if not self.stays:
                self._begin(arrival, event)
            outcome = outcomes[arrival] = step(contact, event)
            if outcome.path:
                self._follow(arrival, event.at, outcome)

    def end(self, story: Sequence[StoryRow], until: dt.datetime, consult: Consult | None) -> None:
        """Let time pass, by which the contact may have entered the funnel."""
        if self.given is not None:
            self.given.turn_to(until)
        arrival = story[-1].arrival
        if self.stays or (self.joined is not None and self.joined.at <= until):
            tick = Event("tick", until)
            if not self.stays:
                self._begin(arrival, tick)
            due = None if consult is None else self.funnel.due_at(self.contact)
            if consult is not None and due is not None and due <= until:
                tick = consult(self.contact, tick)
            self._follow(arrival, until, self.funnel.step(self.contact, tick))

    def _begin(self, arrival: int, event: Event) -> None:
        """Take what begins the story: that the contact was added, or entered the funnel."""
        first = Event("add", event.at) if self.joined is None else self.joined
        if self.joined is not None and not self.outcomes:  # nothing happened before
            first = first._replace(at=event.at)
        self.stays.append(Stay(self.contact.stage, first.at, None, arrival, None))
        if self.joined is not None or event.name != "add":
            self._follow(arrival, first.at, self.funnel.step(self.contact, first))

    def _follow(self, arrival: int, at: dt.datetime, outcome: Outcome) -> None:
        """End the last stay and begin the next for every transition that was taken."""
        stays = self.stays
        for taken in outcome.path:
            moment = at if taken.at is None else taken.at
            last = stays[-1]
            stays[-1] = Stay(last.stage, last.entered, moment, last.arrival, last.cause)
            stays.append(Stay(taken.to, moment, None, arrival, taken.cause))


def stages_around(
    stays: Sequence[Stay], paths: Iterable[tuple[int, Sequence[Taken]]]
) -> Iterator[tuple[str, str]]:
    """Yield the stages before and after each piece of evidence of a story.

    Args:
        stays: The stays of the story.
        paths: The arrival of each, in the order in which they happened, with the transitions that
            were taken.
    """
    first, stage = stays[0].arrival, stays[0].stage
    at_once = [s.stage for s in stays if (s.arrival, s.entered) == (first, stays[0].entered)]
    for arrival, path in paths:
        before = stage
        if path:
            stage = path[-1].to
        elif arrival == first:
            stage = at_once[-1]
        yield before, stage


def _known_from_the_start(funnel: Funnel, story: Sequence[StoryRow]) -> dict[str, Value]:
    """Collect the facts of the first snapshot that hold back to the story's beginning.

    A snapshot says what is the case, and nothing of since when. What it says of a field of
    which there was no evidence before holds from the beginning, so that it makes no difference
    whether contacts come first and their history second or the other way round. A later
    snapshot is held against the one before it: what it says otherwise holds from its own time.
    One that says nothing but whom it is about is none.
    Fields that events set are counted from the evidence itself and never reach back.
    """
    if not any(map(_is_asserted, story)):
        return {}
    known: set[str] = set()
    for row in story:
        if row.asserted and row.event.facts:
            known |= funnel.derived
            return {
                name: value
                for name, value in row.event.facts.items()
                if value is not None and name in funnel.linked.fields and name not in known
            }
        known.update(row.event.facts)
    return {}


@define(eq=False)
class OpenStory:
    """The story of a contact while evidence comes into it, in any order.

    It folds what stands before late evidence once, and what stands behind it once for each
    piece of late evidence.

    Attributes:
        funnel: The definition that decides.
        contact_id: Who it is about.
        told: All that was told, in the order of arrival.
        rows: The evidence in force, in the order in which it happened.
        until: The moment that the contact is folded to; None where nothing is in force.
        joined: The evidence that the contact entered the funnel; what happened before says what
            is known, and takes no transition. None where the story begins there.
        given: What plugins' criteria answered; None for what was told. Where it may ask, it asks
            what nobody has answered.
        later: Evidence of after the moment that is looked at: of it only what a snapshot holds
            back counts.
    """

    funnel: Funnel
    contact_id: str
    told: list[StoryRow]
    joined: Event | None = None
    given: GivenAnswers | None = None
    later: list[StoryRow] = field(factory=list)
    rows: list[StoryRow] = field(init=False)
    until: dt.datetime | None = field(init=False)
    _outcomes: dict[int, Outcome] | None = None
    _known: dict[str, Value] = field(init=False)
    _reached: int = 0
    _contact: Contact | None = None
    _is_retold: bool = False

    def __attrs_post_init__(self) -> None:
        """Find out what counts."""
        if self.given is None and self.funnel.asks:
            self.given = GivenAnswers(lambda: answered_rows(self.told))
        self._count()

    def before(self, event: Event) -> Contact:
        """Return the contact as it was just before evidence that is to be put in, as a copy."""
        with answering(self.given):
            self._hold_back(event)
            place = bisect_right(self.rows, event.at, key=lambda row: row.event.at)
            contact = self._contact
            if contact is None or self._reached > place:
                contact, self._reached = self._begin(), 0
            self._take_all(contact, self.rows[self._reached : place])
            self._contact, self._reached = contact, place
            then = contact.copy()
            self._turn_to(event.at)
            self._add(then, event)
        return then

    def insert(self, arrival: int, event: Event, outcome: Outcome, contact: Contact) -> int:
        """Put evidence in its place, and fold what stands behind it again.

        Args:
            arrival: Its arrival.
            event: The evidence, which `before` was asked about last.
            outcome: What became of it.
            contact: The contact just after it; brought to where it stands now.

        Returns:
            How many other answers would have been others.
        """
        with answering(self.given):
            place, was = self._reached, self._answers()
            now = {**was, **self._fold(self.rows[:place])[1]} if self._is_retold else dict(was)
            row = StoryRow(arrival, event, asserted=event.asserted)
            self.told.append(row)
            behind = self.rows[place:]
            if _says_something(event):  # before what stands behind it: a story may begin with it
                self.rows.insert(place, row)
                now[arrival] = outcome
            now.update(self._take_all(contact, behind))
            self.until = event.at if self.until is None else max(self.until, event.at)
            self._tick(contact)
        others = _differing(was, now)
        self._outcomes, self._is_retold = now, False
        return others

    def retell(
        self,
        row: StoryRow,
        joined: Event | None = None,
        joining: Iterable[StoryRow] = (),
        parting: Collection[int] = (),
    ) -> tuple[Contact, int]:
        """Tell what changes which evidence counts, and fold everything again.

        Args:
            row: Says what changes.
            joined: The evidence that the contact entered the funnel, as it is with that.
            joining: The story of somebody else that becomes part of this one.
            parting: The arrivals of the evidence that is no part of it any more.

        Returns:
            Where the contact stands now, and how many answers would have been others.
        """
        with answering(self.given):
            was = self._answers()
            self.told = [*(one for one in self.told if one.arrival not in parting), *joining, row]
            self.joined = joined
            self._count()
            contact, self._outcomes = self._fold(self.rows)
            self._tick(contact)
        return contact, _differing(was, self._outcomes)

    def append(self, arrival: int, event: Event) -> None:
        """Note evidence that came in order and was decided."""
        row = StoryRow(arrival, event, asserted=event.asserted)
        self.told.append(row)
        self.until = event.at if self.until is None else max(self.until, event.at)
        if _says_something(event):
            self.rows.append(row)
            self._outcomes = None

    def entering(self) -> Contact:
        """Return the contact just before it entered the funnel."""
        contact = self._begin()
        for row in self.rows:
            if self.joined is None or row.event.at >= self.joined.at:
                break
            self._take(contact, row)
        return contact

    def stands(self, until: dt.datetime | None = None) -> Contact:
        """Return where the contact stands at a moment; None for the one that it is folded to.

        Returns:
            The contact; its `since` is None where nothing had happened by then.
        """
        end, contact = until or self.until, self._begin()
        with answering(self.given):
            for row in self.rows:
                if end is not None and row.event.at > end:
                    break
                self._take(contact, row)
            self._pass_time(contact, end)
        return contact

    def retold(self, until: dt.datetime) -> list[Retold]:
        """Return what becomes of every row up to a moment, and of the contact by then.

        Args:
            until: The moment; the last one returned is what time alone does up to it.
        """
        voided, counting = taken_back(self.told), {row.arrival for row in self.rows}
        rows = sorted(self.told, key=lambda row: (row.event.at, row.arrival))
        contact, told = self._begin(), []
        with answering(self.given):
            for row in rows:
                if row.event.at > until:
                    break
                if row.arrival in counting:
                    told.append(self._retell_one(contact, row))
                    continue
                says_when = row.event.name in _SAYS_WHEN and row.arrival not in voided
                moment = row.event.at if says_when else None
                told.append(self._let_pass(contact, row.arrival, moment))
            told.append(self._let_pass(contact, rows[-1].arrival if rows else 0, until))
        return told

    def _retell_one(self, contact: Contact, row: StoryRow) -> Retold:
        """Take a row that counts, and say why where it is refused."""
        self._turn_to(row.event.at, row.arrival)
        self._add(contact, row.event)
        stood = contact.copy()
        outcome = self._take(contact, row)
        unmet = (
            decide(self.funnel, stood, row.event).unmet() if outcome.outcome == "refused" else ()
        )
        return Retold(row.arrival, stood.stage, outcome, contact.stage, unmet)

    def _let_pass(self, contact: Contact, arrival: int, moment: dt.datetime | None) -> Retold:
        """Let time pass up to a moment, if it does; a contact whom nobody knows yet stays so."""
        before, path = contact.stage, Outcome("stayed")
        if moment is not None:
            path = self._pass_time(contact, moment) or path
        return Retold(arrival, before, path, contact.stage)

    def _count(self) -> None:
        """Find out what counts."""
        self.rows, self.until = in_force(self.told), end_of(self.told)
        if self.until is not None and self.joined is not None:
            self.until = max(self.until, self.joined.at)
        whole = in_force([*self.told, *self.later]) if self.later else self.rows
        self._known = _known_from_the_start(self.funnel, whole)
        self._contact, self._reached = None, 0

    def _hold_back(self, event: Event) -> None:
        """Let what the first snapshot says hold back as it does with more evidence."""
        if not (self._known or event.asserted):
            return
        rows = [*self.rows]
        insort(rows, StoryRow(LAST, event, asserted=event.asserted), key=_at)
        known = _known_from_the_start(self.funnel, rows)
        if known != self._known:
            self._outcomes, self._is_retold = self._answers(), True
            self._known, self._contact, self._reached = known, None, 0

    def _answers(self) -> dict[int, Outcome]:
        """Return what became of each row in force."""
        if self._outcomes is None:
            self._outcomes = self._fold(self.rows)[1]
        return self._outcomes

    def _fold(self, rows: Iterable[StoryRow]) -> tuple[Contact, dict[int, Outcome]]:
        """Fold rows from the beginning."""
        contact = self._begin()
        return contact, self._take_all(contact, rows)

    def _begin(self) -> Contact:
        contact = self.funnel.new_contact(self.contact_id)
        contact.fields.update(self._known)
        return contact

    def _tick(self, contact: Contact) -> None:
        """Let time pass up to the moment that the contact is folded to."""
        self._pass_time(contact, self.until)

    def _pass_time(self, contact: Contact, end: dt.datetime | None) -> Outcome | None:
        """Let time pass up to a moment, by which the contact may have entered the funnel.

        Returns:
            What became of that; None where nothing could.
        """
        if end is None:
            return None
        entered = passed = None
        self._turn_to(end)
        if contact.since is None and self.joined is not None and self.rows:
            start = max(self.joined.at, self.rows[0].event.at)
            if start <= end:
                entered = self.funnel.step(contact, self.joined._replace(at=start))
        if contact.clock is not None and contact.clock < end:
            passed = self.funnel.step(contact, Event("tick", end))
        if entered is not None and passed is not None and passed.path:
            return Outcome("moved", entered.path + passed.path)
        return passed or entered

    def _turn_to(self, at: dt.datetime, arrival: int = LAST) -> None:
        if self.given is not None:
            self.given.turn_to(at, arrival)

    def _take_all(self, contact: Contact, rows: Iterable[StoryRow]) -> dict[int, Outcome]:
        """Take rows that follow each other, and return what became of them."""
        left, found = iter(rows), dict[int, Outcome]()
        while self.given is not None or self.joined is not None or contact.since is None:
            row = next(left, None)
            if row is None:
                return found
            found[row.arrival] = self._take(contact, row)
        step = self.funnel.step  # of a story that has begun there is nothing else to look after
        found.update((arrival, step(contact, event)) for arrival, event, _, _ in left)
        return found

    def _take(self, contact: Contact, row: StoryRow) -> Outcome:
        event = row.event
        self._turn_to(event.at, row.arrival)
        self._add(contact, event)
        if self.joined is not None and event.at < self.joined.at:
            self.funnel.learn(contact, event)
            return MOVED_NOWHERE
        return self.funnel.step(contact, event)

    def _add(self, contact: Contact, first: Event) -> None:
        """Take what begins a story before its first evidence: whoever it is about is known.

        So somebody who was added later than their story begins stands where they would stand
        had they been added first. In a funnel that was entered later, entering it begins the story.
        """
        if contact.since is not None:
            return
        if self.joined is None:
            if first.name != "add":
                self.funnel.step(contact, Event("add", first.at))
        elif first.at >= self.joined.at:
            start = min([first.at, *(row.event.at for row in self.rows[:1])])
            entered = self.joined._replace(at=max(start, self.joined.at))
            self.funnel.step(contact, entered)


def _differing(before: Mapping[int, Outcome], after: Mapping[int, Outcome]) -> int:
    """Count the rows of both of which something else has become."""
    return sum(
        (was.outcome, was.path) != (after[arrival].outcome, after[arrival].path)
        for arrival, was in before.items()
        if arrival in after
    )
