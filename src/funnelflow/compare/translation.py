"""The same evidence in another definition's words, and what is not certain about it."""

import datetime as dt
from collections.abc import Iterable, Sequence

from attrs import frozen

from funnelflow.criteria import Field, Verdict
from funnelflow.criteria.custom import NOT_ASKED, answering
from funnelflow.engine import (
    Considered,
    Contact,
    Event,
    Funnel,
    GuardedTransition,
    Taken,
    why,
)
from funnelflow.engine.answers import AnsweredRow, GivenAnswers


@frozen
class Translation:
    """What a definition makes of somebody else's contact.

    Attributes:
        contact: The contact as this definition sees it.
        undecided: The transitions that only an unknown fact keeps closed, now or when the
            event came that takes them.
        moves: How many moves by hand were left out: they speak of the other's stages.
        came_by: The evidence that took the contact where it is; None where it began there.
        path: The transitions that this took, the last of which led there.
    """

    contact: Contact
    undecided: tuple[Considered, ...]
    moves: int
    came_by: Event | None = None
    path: tuple[Taken, ...] = ()

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

    Criteria of plugins have the answers that were given to the same question; no other is asked.

    Args:
        funnel: The definition that reads.
        contact_id: Whose evidence it is.
        evidence: What happened, its facts held to this definition's fields.
        now: The time it is, up to which time opens transitions; None for the last evidence's.

    Returns:
        The stage with its reasons. Moves by hand count as the facts they brought: what one
        company's people decided about its own stages says nothing about another's.
    """
    told = list(evidence)
    given = _given(told)
    with answering(given if funnel.asks else None):
        return _translate(funnel, contact_id, told, now, given)


def _given(told: Sequence[Event]) -> GivenAnswers:
    """Return what plugins' criteria answered, who are asked no more."""
    rows = (AnsweredRow(event.at, place, event.answers) for place, event in enumerate(told))
    return GivenAnswers(lambda: rows, lambda *_: NOT_ASKED)


def _translate(
    funnel: Funnel,
    contact_id: str,
    told: Sequence[Event],
    now: dt.datetime | None,
    given: GivenAnswers,
) -> Translation:
    """Fold evidence, and note what stays closed for want of facts."""
    contact = funnel.new_contact(contact_id)
    waiting: set[str] = set()
    moves = 0
    came_by: Event | None = None
    path: tuple[Taken, ...] = ()
    for place, event in enumerate(told):
        given.turn_to(event.at, place)
        if event.name == "move":
            moves += 1
        outcome = funnel.step(contact, event.without_move())
        if outcome.path:
            waiting.clear()
            came_by, path = event, outcome.path
        else:
            waiting.add(event.name)
    last = contact.clock
    if last is not None:
        given.turn_to(max(last, now or last))
    if now is None or last is None or now <= last:
        now = last
    else:
        passed = Event("tick", now)
        found = funnel.step(contact, passed).path
        if found:
            waiting.clear()
            came_by, path = passed, found
    contact.clock = last
    undecided = _undecided(funnel, contact, waiting, now)
    return Translation(contact, undecided, moves, came_by, path)


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
    """Whether answers could open a closed transition: of people, or of a plugin never asked.

    What only asks *whether* a fact is known is not unknown, but an answer would open it too.
    """
    check = considered.check
    if check is None or check.verdict is Verdict.MET:
        return False
    return bool(check.missing) or (
        check.verdict is Verdict.UNKNOWN and any(leaf.is_unasked for leaf in considered.leaves())
    )
