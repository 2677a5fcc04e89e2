"""The answers that plugins' criteria gave about one contact, in force while its story is folded.

An answer is evidence and counts from the moment that it was asked about: mostly that of its row. A
question has the last answer that was given to it up to a moment, in order of time. So folding again
gives what was decided, whatever the plugins would say today. Only who decides new evidence asks:
again what the evidence itself raises, and what nobody has answered in all that is folded again for
it. An answer that was given for a later moment only is taken over, rather than asked for again.
"""

import datetime as dt
from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeAlias

from attrs import evolve

from funnelflow.criteria import Custom, CustomAnswer, Facts, Fields
from funnelflow.criteria.custom import (
    NOT_ASKED,
    Question,
    answering,
    ask_custom,
    question_of,
    seen_by,
    seen_now,
    stored_arguments,
)
from funnelflow.engine.decide import decide
from funnelflow.engine.decisions import Contact, Event
from funnelflow.engine.funnel import Funnel

LAST: Final = 1 << 63
"""The arrival of evidence that is not recorded yet: it is behind all that is."""

Ask: TypeAlias = Callable[[Custom, Fields, Facts, dt.datetime], CustomAnswer]
Used: TypeAlias = Callable[[CustomAnswer, Custom, Fields, Facts, dt.datetime], None]
"""Called with an answer that decides again, and the question."""
Place: TypeAlias = tuple[dt.datetime, int, int]
"""A moment; the arrival of the row at that moment, -1 where it is none; when it was answered."""
_Given: TypeAlias = tuple[Place, CustomAnswer]
_place_of: Callable[[_Given], Place] = itemgetter(0)


class AnsweredRow(NamedTuple):
    """The answers that were given when a row of evidence was decided."""

    at: dt.datetime
    arrival: int
    answers: tuple[CustomAnswer, ...]


class GivenAnswers:
    """The answers given about one contact.

    Args:
        read: Reads the rows with answers, in any order; called when one is looked for. None for
            those alone that are added.
        ask: Asks a criterion, where that is allowed.

    Attributes:
        ask: The same.
        used: Called with each answer that decides again; None for nobody.
        is_lacking: As `AnswerSource` has it.
    """

    def __init__(
        self, read: Callable[[], Iterable[AnsweredRow]] | None = None, ask: Ask = ask_custom
    ) -> None:
        self.ask = ask
        self.used: Used | None = None
        self.is_lacking = False
        self._read = read
        self._known: _Index | None = _Index() if read is None else None
        self._new = _Index()
        self._here: Place = (dt.datetime.min.replace(tzinfo=dt.UTC), LAST, LAST)
        self._decided = self._here
        self._asks = self._asks_again = False

    @property
    def answers(self) -> tuple[CustomAnswer, ...]:
        """What was asked for the evidence that is decided."""
        return tuple(self._new.answers)

    def turn_to(self, at: dt.datetime, arrival: int = LAST) -> None:
        """Go on to a piece of evidence that is known, or to a moment."""
        self._here = at, arrival, LAST
        self._asks_again = False

    def decide(self, event: Event, *, again: bool = False) -> None:
        """Go on to new evidence, for which criteria are asked within `asking`.

        Args:
            event: The evidence.
            again: Ask at its own moment also what was answered before: it is the latest.
        """
        self._here = self._decided = event.at, LAST, LAST
        self._new = _Index()
        self._asks_again = again

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask within the block what nobody has answered."""
        self._asks = True
        try:
            yield
        finally:
            self._asks = False

    def add(self, row: AnsweredRow) -> None:
        """Note the answers of a row that was recorded."""
        self._new = _Index()
        if self._known is not None:
            self._known.add(row)

    def has_news(self) -> bool:
        """Whether something was answered to new evidence that was not the last answer before."""
        return any(not self._stored.repeats(answer) for answer in self._new.answers)

    def answer(self, rule: Custom, fields: Fields, facts: Facts, now: dt.datetime) -> CustomAnswer:
        """Return the answer that decides; `NOT_ASKED` where there is none and nobody may ask."""
        here = self._here if now >= self._here[0] else (now, LAST, LAST)
        new = self._new.find(rule, fields, facts, now)
        stored: list[list[_Given]] = []
        if not (self._asks_again and here is self._here):
            stored = self._stored.find(rule, fields, facts, now)
        place, given = _nearest([*stored, *new], here)
        if given is not None and place <= here:
            if self.used is not None:
                self.used(given, rule, fields, facts, now)
            return given
        if not self._asks:
            return NOT_ASKED
        if given is None or given.failure:
            given = self.ask(rule, fields, facts, now)
        given = evolve(given, at=None if here == self._decided else now)
        self._new.add(AnsweredRow(self._decided[0], LAST, (given,)))
        return given

    @property
    def _stored(self) -> "_Index":
        """The answers of all rows."""
        if self._known is None:
            self._known = _Index()
            for row in () if self._read is None else self._read():
                self._known.add(row)
        return self._known


class _Index:
    """Answers by their question: what was asked, what it looked at, and what it saw there.

    Attributes:
        answers: All of them, as they came.
    """

    def __init__(self) -> None:
        self.answers: list[CustomAnswer] = []
        self._given: dict[Question, dict[tuple[str, ...], dict[Any, list[_Given]]]] = {}

    def add(self, row: AnsweredRow) -> None:
        """Note the answers of a row."""
        for answer in row.answers:
            names = tuple(answer.looked)
            alike = self._given.setdefault(question_of(answer.criterion, answer.arguments), {})
            given = alike.setdefault(names, {}).setdefault(seen_by(answer, names), [])
            place = (row.at, row.arrival) if answer.at is None else (answer.at, -1)
            insort(given, ((*place, row.arrival), answer), key=_place_of)
            self.answers.append(answer)

    def find(
        self, rule: Custom, fields: Fields, facts: Facts, now: dt.datetime
    ) -> list[list[_Given]]:
        """Return the answers to a question, in order of time for each choice of what to look at."""
        if not self._given:
            return []
        alike = self._given.get(question_of(rule.name, stored_arguments(rule)), {})
        found = (
            by_values.get(seen_now(names, fields, facts, now)) for names, by_values in alike.items()
        )
        return [given for given in found if given]

    def repeats(self, answer: CustomAnswer) -> bool:
        """Whether the last answer to the same question was the same."""
        names = tuple(answer.looked)
        alike = self._given.get(question_of(answer.criterion, answer.arguments), {})
        given = alike.get(names, {}).get(seen_by(answer, names))
        return given is not None and given[-1][1].agrees(answer)


_NOBODY: Final[AbstractContextManager[None]] = nullcontext()


def asking(given: GivenAnswers | None) -> AbstractContextManager[None]:
    """Ask within a block what nobody has answered; nothing where no plugin is asked."""
    return _NOBODY if given is None else given.asking()


def ask_about(
    funnel: Funnel,
    contact: Contact,
    event: Event,
    given: GivenAnswers,
    consult: Callable[[Event], Event] = lambda event: event,
) -> tuple[Event, bool]:
    """Ask plugins' criteria all that new evidence raises; `given` has the answers then.

    Args:
        funnel: The definition that decides.
        contact: Who it happened to; left as it is.
        event: The evidence, to which `given` has been turned.
        given: What was answered before.
        consult: Asks plugins about the transitions that an event would take.

    Returns:
        The evidence with what `consult` says, and whether it takes a transition. Of a tick that
        takes none somebody has to know only if it was answered something new.
    """
    with answering(given), given.asking():
        event = consult(event)
        outcome = funnel.step(contact.copy(), event)
        if event.name == "tick":  # which settles nothing unless it brings answers
            funnel.step(contact.copy(), event._replace(answers=(NOT_ASKED,)))
        if outcome.outcome == "refused":  # whose every reason is kept
            decide(funnel, contact, event)
    return event, bool(outcome.path)


def _nearest(found: Iterable[list[_Given]], here: Place) -> tuple[Place, CustomAnswer | None]:
    """Return the last answer given up to a place; where there is none, the first one behind it."""
    before: list[_Given] = []
    behind: list[_Given] = []
    for given in found:
        place = bisect_right(given, here, key=_place_of)
        before += given[place - 1 : place] if place else ()
        behind += given[place : place + 1]
    if before:
        return max(before, key=_place_of)
    return min(behind, key=_place_of, default=(here, None))
