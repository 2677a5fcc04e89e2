"""A definition file as it was read, before what it extends and speaks of is looked up."""

from collections.abc import Mapping

from attrs import field, frozen

from funnelflow.criteria import Field, Position
from funnelflow.definition.records import (
    Criterion,
    EventType,
    Group,
    Invariant,
    Scenario,
    Stage,
    Transition,
)

__all__ = ["Draft", "Use"]


@frozen
class Use(Criterion):
    """Stands where the criteria of a named block go, until the vocabulary is known."""

    block: str = ""


@frozen
class Draft:
    """What one definition file says; None and empty for what it does not say.

    Attributes:
        name: The funnel's name.
        vocabulary: The name of the vocabulary it shares.
        fields: Fields of its own.
        events: Events of its own.
        criteria: Blocks of criteria of its own.
        extends: The name of the definition it builds on.
        without: The stages of that definition which it removes.
        is_partial: Whether a stage or transition could not be read, so that checks of
            the whole would find faults that are none.
    """

    name: str
    path: str
    position: Position
    version: int | None = None
    title: str = ""
    about: str = ""
    vocabulary: str = ""
    fields: Mapping[str, Field] = field(factory=dict)
    events: Mapping[str, EventType] = field(factory=dict)
    criteria: Mapping[str, Group] = field(factory=dict)
    initial: str = ""
    extends: str = ""
    without: tuple[str, ...] = ()
    stages: tuple[Stage, ...] = ()
    transitions: tuple[Transition, ...] = ()
    always: tuple[Invariant, ...] = ()
    scenarios: tuple[Scenario, ...] = ()
    force: tuple[str, ...] = ()
    is_partial: bool = False
