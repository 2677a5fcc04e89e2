"""One story, read by several definitions: after each event, where each puts the person."""

import datetime as dt
from collections.abc import Iterable, Sequence

from attrs import frozen

from funnelflow.criteria import Field, Verdict
from funnelflow.definition import Scenario
from funnelflow.engine import (
    Considered,
    Contact,
    Event,
    Funnel,
    GuardedTransition,
    scenario_events,
    why,
)
from funnelflow.errors import Error


@frozen
class Translation:
    """What a definition makes of somebody else's contact.

    Attributes:
        contact: The contact as this definition sees it.
        undecided: The transitions that only an unknown fact keeps closed, now or when the
            event came that takes them.
        moves: How many moves by hand were left out: they speak of the other's stages.
    """

    contact: Contact
    undecided: tuple[Considered, ...]
    moves: int

    @property
    def stage(self) -> str:
        """Name the stage, as far as the evidence goes."""
        return self.contact.stage

    @property
    def is_flagged(self) -> bool:
        """Whether an answer that nobody has could change the stage."""
        return bool(self.undecided)

    def questions(self) -> tuple[Field, ...]:
        """Return the unknown fields that would settle it, each once."""
        checks = [c.check for c in self.undecided if c.check is not None]
        return tuple(dict.fromkeys(field for check in checks for field in check.missing))


def translate(
    funnel: Funnel, contact_id: str, evidence: Iterable[Event], now: dt.datetime | None = None
) -> Translation:
    """Read somebody else's evidence by this definition.

    Args:
        funnel: The definition that reads.
        contact_id: Whose evidence it is.
        evidence: What happened, its facts held to this definition's fields.
        now: The time it is, up to which time opens transitions; None for the last evidence's.

    Returns:
        The stage with its reasons. Moves by hand count as the facts they brought: what one
        company's people decided about its own stages says nothing about another's.
    """
    contact = funnel.new_contact(contact_id)
    waiting: set[str] = set()
    moves = 0
    for event in evidence:
        if event.name == "move":
            moves += 1
        outcome = funnel.step(contact, event.without_move())
        if outcome.path:
            waiting.clear()
        else:
            waiting.add(event.name)
    last = contact.clock
    if now is None or last is None or now <= last:
        now = last
    elif funnel.step(contact, Event("tick", now)).path:
        waiting.clear()
    contact.clock = last
    return Translation(contact, _undecided(funnel, contact, waiting, now), moves)


def _undecided(
    funnel: Funnel, contact: Contact, waiting: set[str], now: dt.datetime | None
) -> tuple[Considered, ...]:
    """Explain the transitions that stay closed for want of facts alone.

    Only those count that nothing else is missing for: automatic ones, and those whose event
    has come since the stage was entered. It is not about who asks, so every role may.
    """

    def is_called_for(transition: GuardedTransition) -> bool:
        if transition.rule is None or transition.waits:
            return False
        return not transition.on or not waiting.isdisjoint(transition.on)

    if now is None:
        return ()
    roles = tuple({role for t in funnel.leaving(contact.stage) for role in t.by})
    found = why(funnel, contact, now, roles, only=is_called_for)
    return tuple(c for c in found if _could_be_met(c))


def _could_be_met(considered: Considered) -> bool:
    """Whether answers could open a closed transition.

    What only asks *whether* a fact is known is not unknown, but an answer would open it too.
    """
    check = considered.check
    return check is not None and check.verdict is not Verdict.MET and bool(check.missing)


@frozen
class Moment:
    """One definition's view after one event.

    Attributes:
        stage: The leaf stage.
        has_moved: Whether the event changed it.
    """

    stage: str
    has_moved: bool


@frozen
class StoryReading:
    """One definition's reading of a whole story.

    Attributes:
        name: The definition.
        moments: Its view after each event of the story, the beginning included.
        unread: What of the story its vocabulary does not know, as messages.
    """

    name: str
    moments: tuple[Moment, ...]
    unread: tuple[str, ...]


def read_story(story: Scenario, funnels: Sequence[Funnel]) -> tuple[StoryReading, ...]:
    """Let every definition read a story.

    Args:
        story: What happened; its ``then`` is not looked at.
        funnels: The definitions.

    Returns:
        A reading for each definition, all with as many moments as the story has steps, and one
        for the beginning.
    """
    return tuple(_reading(story, funnel) for funnel in funnels)


def _reading(story: Scenario, funnel: Funnel) -> StoryReading:
    """Fold the story, and note where the contact is after each step."""
    contact = funnel.new_contact("story")
    moments: list[Moment] = []
    unread: list[str] = []
    for make in scenario_events(funnel, story):
        before = contact.stage
        try:
            funnel.step(contact, make())
        except Error as problem:
            unread.append(problem.message)
        moments.append(Moment(contact.stage, contact.stage != before))
    return StoryReading(funnel.definition.name, tuple(moments), tuple(unread))
