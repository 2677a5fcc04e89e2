"""Deciding evidence in all funnels of a contact: plugins asked, in order of time or late."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

from funnelflow.engine import Event, Veto
from funnelflow.engine.answers import GivenAnswers, asking
from funnelflow.storage.changes import FunnelAnswer, Restatement
from funnelflow.storage.deciding import answer, consult, is_past, learnt, stays, vetoes_of
from funnelflow.storage.known_stories import KnownStories
from funnelflow.storage.partition import Observer
from funnelflow.storage.row_format import UNREADABLE
from funnelflow.storage.tracked_contacts import FunnelPosition, TrackedContact


class Decider:
    """Decides evidence that may concern several funnels, or plugins, or comes late.

    Args:
        stories: What was told about the contacts.
        observer: Who is asked; None for nobody.
    """

    def __init__(self, stories: KnownStories, observer: Observer | None) -> None:
        self._stories = stories
        self._observer = observer

    def decide(
        self, target: TrackedContact, event: Event, given: GivenAnswers | None, *, explain: bool
    ) -> tuple[tuple[FunnelAnswer, ...], Event]:
        """Let the engine answer in every funnel of a contact, and ask plugins before.

        Returns:
            The answers, and the event with what plugins say to it in all of them.
        """
        if given is None and target.asks:
            given = self._stories.answers_for(target, event, again=True)
        answers: list[FunnelAnswer] = []
        vetoes: tuple[Veto, ...] = ()
        with _all_or_nothing(target):
            for position in target.positions():
                if is_past(position, event):
                    answers.append(stays(position, event, explain=explain))
                    continue
                own = self._stories.said(target, position, event)
                if given is not None or self._observer is not None:
                    own = consult(self._observer, position, own, given)
                    vetoes += vetoes_of(target, position, own)
                answers.append(answer(position, own, given, explain=explain))
        event = event._replace(vetoes=vetoes) if vetoes else event
        return tuple(answers), event if given is None else event._replace(answers=given.answers)

    def decide_late(
        self, target: TrackedContact, event: Event, *, explain: bool
    ) -> tuple[list[FunnelAnswer], Event]:
        """Decide evidence of before what is known: at its own time, and what it changes since.

        The contact is folded again from its story in the order in which it happened.

        Returns:
            The answers, and the event with what plugins say to it in all funnels.
        """
        answers: list[FunnelAnswer] = []
        vetoes: tuple[Veto, ...] = ()
        given = self._stories.answers_for(target, event) if target.asks else None
        try:
            with _all_or_nothing(target):
                for position in target.positions():
                    own = self._stories.said(target, position, event)
                    found, own = self._fold_again(target, position, own, given, explain=explain)
                    answers.append(found)
                    vetoes += vetoes_of(target, position, own)
        except BaseException:
            self._stories.open.clear()
            raise
        event = event._replace(vetoes=vetoes) if vetoes else event
        return answers, event if given is None else event._replace(answers=given.answers)

    def _fold_again(
        self,
        target: TrackedContact,
        position: FunnelPosition,
        event: Event,
        given: GivenAnswers | None,
        *,
        explain: bool,
    ) -> tuple[FunnelAnswer, Event]:
        """Put evidence into the story of a position, and give the answer of its own time."""
        stood, story = position.contact, self._stories.story(target, position)
        clock = stood.clock
        late = dt.timedelta(0) if clock is None else max(clock - event.at, dt.timedelta(0))
        try:
            with asking(given):
                position.contact = story.before(event)
            if story.joined is not None and event.at < story.joined.at:
                found = learnt(position, event, explain=explain)
            else:
                if given is not None or self._observer is not None:
                    event = consult(self._observer, position, event, given)
                found = answer(position, event, given, explain=explain)
        except UNREADABLE:
            position.loaded.require_readable(stood)
            raise
        now = position.contact.copy()
        with asking(given):
            others = story.insert(self._stories.next_arrival, event, found.outcome, now)
        position.contact = now
        if late or others:
            restated = Restatement(late, stood.stage, stood.since, now.stage, now.since, others)
            found = found._replace(restated=restated)
        return found, event


@contextmanager
def _all_or_nothing(target: TrackedContact) -> Iterator[None]:
    """Put a contact back where it stood, in all of its funnels, if it cannot go on in one."""
    stood = [(position, position.contact) for position in target.positions()]
    for position in target.others:
        position.contact = position.contact.copy()
    first = target.contact
    target.contact = first.copy() if target.others else first
    try:
        yield
    except BaseException:
        for position, contact in stood:
            position.contact = contact
        raise
