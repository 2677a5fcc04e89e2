"""What another definition calls a contact: the same evidence, folded by other words.

A translation never invents a fact. Where the other definition's answer hangs on something
that nobody has said, the translation is *flagged*, with the questions that would settle it.
"""

from collections.abc import Iterable

from attrs import evolve, frozen

from funnelflow.criteria import Field, Verdict
from funnelflow.engine import Considered, Contact, Event, Funnel, why

__all__ = ["Translation", "translate"]


@frozen
class Translation:
    """What a definition makes of somebody else's contact.

    Attributes:
        contact: The contact as this definition sees it.
        undecided: The transitions that only an unknown fact keeps closed, now or when the
            event came that takes them.
        considered: Every transition out of the stage, with its criteria.
        moves: How many moves by hand were left out: they speak of the other's stages.
    """

    contact: Contact
    undecided: tuple[Considered, ...]
    considered: tuple[Considered, ...]
    moves: int

    @property
    def stage(self) -> str:
        """Name the stage, as far as the evidence goes."""
        return self.contact.stage

    @property
    def is_flagged(self) -> bool:
        """Tell whether an answer that nobody has could change the stage."""
        return bool(self.undecided)

    def questions(self) -> tuple[Field, ...]:
        """Give the unknown fields that would settle it, each once."""
        return tuple(dict.fromkeys(f for c in self.undecided for f in c.missing()))


def translate(funnel: Funnel, contact_id: str, evidence: Iterable[Event]) -> Translation:
    """Read somebody else's evidence by this definition.

    Args:
        funnel: The definition that reads.
        contact_id: Whose evidence it is.
        evidence: What happened, its facts held to this definition's fields.

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
        outcome = funnel.step(contact, _without_move(event))
        if outcome.path:
            waiting.clear()
        else:
            waiting.add(event.name)
    considered = _ways_out(funnel, contact)
    undecided = tuple(c for c in considered if _is_undecided(funnel, c, waiting))
    return Translation(contact, undecided, considered, moves)


def _without_move(event: Event) -> Event:
    """Keep of a move what it says about the contact."""
    if event.name != "move" and not event.vetoes:
        return event
    name = "set" if event.name == "move" else event.name
    return evolve(event, name=name, to="", reason="", force=False, vetoes=())


def _ways_out(funnel: Funnel, contact: Contact) -> tuple[Considered, ...]:
    """Explain the stage, as to somebody who may do everything: it is not about who asks."""
    if contact.clock is None:
        return ()
    return why(funnel, contact, contact.clock, _all_roles(funnel))


def _all_roles(funnel: Funnel) -> tuple[str, ...]:
    return tuple({role for t in funnel.definition.transitions for role in t.by})


def _is_undecided(funnel: Funnel, considered: Considered, waiting: set[str]) -> bool:
    """Tell whether a transition stays closed for want of a fact alone."""
    if considered.verdict is not Verdict.UNKNOWN:
        return False
    transition = funnel.definition.transitions[considered.index]
    return transition.is_automatic or not waiting.isdisjoint(transition.on)
