"""A definition with every name looked up and every criterion compiled: what the engine runs."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final, TypeVar

from attrs import Factory, field, frozen

from funnelflow.criteria import Expression, Field, Rule, Value
from funnelflow.criteria.value_forms import shown
from funnelflow.definition.model import (
    Definition,
    EventType,
    Invariant,
    Stage,
    StageIndex,
    StageType,
    Transition,
)
from funnelflow.definition.problems import Place, Problems, place_of
from funnelflow.errors import UnknownNameError

T = TypeVar("T")

OWNER_FIELD: Final = "owner"
"""The field in which a contact says who looks after it."""


@frozen
class LinkedTransition:
    """A transition between leaves.

    Attributes:
        index: Its number in the definition, from 0.
        transition: As it was written.
        sources: The leaves it leaves, each with the depth of the written stage that names
            it (1 for an outermost one), innermost first.
        to: The leaf it enters; with `memory` that of a contact who was in none of `targets`.
        rule: What must be met; None when nothing must.
        label: What a person calls it.
        date: The moment at which time takes it, of the contact's fields; None without one.
        sets: The fields of the contact that taking it sets, in order.
        targets: The leaves that it may enter: `to` alone, but for one that resumes.
        memory: Under what a contact is remembered to have been in one of `targets` last; empty
            for a transition that does not resume.
    """

    index: int
    transition: Transition
    sources: tuple[tuple[str, int], ...]
    to: str
    rule: Rule | None
    label: str
    date: Expression | None = None
    sets: tuple[tuple[str, Expression], ...] = ()
    targets: tuple[str, ...] = field(default=Factory(lambda self: (self.to,), takes_self=True))
    memory: str = ""

    def place(self, problems: Problems) -> Place:
        """Return where it stands, for whoever reports problems with it."""
        return place_of(problems, self.transition, self.index)

    def waits_in(self, leaf: str, depth: int) -> str:
        """Return the stage whose entry its wait counts from, where it leaves a leaf.

        It is the stage that is left, so one with nested stages counts whichever of them a
        contact is in. A transition to a stage nested there leaves only the leaf, and so does one
        from every open stage.

        Args:
            leaf: The leaf.
            depth: The depth of the written stage that names it.
        """
        stage = ".".join(leaf.split(".")[:depth])
        return leaf if not stage or self.transition.to.startswith(f"{stage}.") else stage


@frozen
class LinkedEvent:
    """An event with its expressions.

    Attributes:
        event: As it was written.
        sets: The fields of the contact that it sets, in order.
        activity: Whether it counts as activity; None if it always does.
    """

    event: EventType
    sets: tuple[tuple[str, Expression], ...]
    activity: Expression | None = None


class EventIndex(Mapping[str, LinkedEvent]):
    """Events by name; an alias, which is not listed, finds what it is one of.

    Args:
        events: The events of a vocabulary by name.
    """

    def __init__(self, events: Mapping[str, LinkedEvent]) -> None:
        self._events = events
        self._found = {a: events[name] for name in events for a in events[name].event.aliases}
        self._found |= events

    def __getitem__(self, name: str) -> LinkedEvent:
        """Return the event of a name or an alias."""
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, without aliases."""
        return iter(self._events)

    def __len__(self) -> int:
        """Return how many events there are."""
        return len(self._events)

    def names(self) -> Mapping[str, str]:
        """Return every name and alias with the name of its event."""
        return {called: found.event.name for called, found in self._found.items()}


@frozen
class LinkedInvariant:
    """An invariant of a stage.

    Attributes:
        invariant: As it was written.
        needs: What holds on entry, and of `needs` while a contact stays; None when it says
            nothing of that.
    """

    invariant: Invariant
    needs: Expression | None


@frozen(eq=False)
class Linked:
    """What the engine runs.

    Attributes:
        definition: What was linked.
        leaves: The stages a contact can be in, dotted, in file order.
        initial: The leaf in which a contact starts.
        stages: Every stage by its dotted name, outermost first.
        aliases: Aliases as they were written, to dotted names.
        transitions: In the order in which they are tried, one for each written one.
        events: Every event of the vocabulary; one that was renamed is found by its aliases too.
        fields: Every field of a contact.
        always: What holds of its stages.
    """

    definition: Definition
    leaves: tuple[str, ...]
    initial: str
    stages: Mapping[str, Stage]
    aliases: Mapping[str, str]
    transitions: tuple[LinkedTransition, ...]
    events: EventIndex
    fields: Mapping[str, Field]
    index: StageIndex = field(repr=False)
    always: tuple[LinkedInvariant, ...] = ()

    @cached_property
    def derived(self) -> frozenset[str]:
        """The fields that events and transitions set: what is counted from the evidence itself."""
        sets = [event.sets for event in self.events.values()]
        sets += [transition.sets for transition in self.transitions]
        return frozenset(target for derived in sets for target, _ in derived)

    @cached_property
    def _spoken(self) -> dict[str, str]:
        return _spoken_names(self.stages, self.aliases)

    @cached_property
    def _aliased(self) -> dict[str, str]:
        return _folded(self.aliases)

    def leaf_of(self, name: str) -> str:
        """Return the leaf in which a contact lands that enters a stage.

        Raises:
            UnknownNameError: There is no stage of this dotted name.
        """
        return self.leaves_of(name)[0]

    def leaves_of(self, name: str) -> tuple[str, ...]:
        """Return the leaves that a stage stands for; a leaf stands for itself.

        Raises:
            UnknownNameError: There is no stage of this dotted name.
        """
        return self._found(self.index.inside, name)

    def type_of(self, name: str) -> StageType:
        """Return the type of a stage, which an outer stage may decide.

        Raises:
            UnknownNameError: There is no stage of this dotted name.
        """
        return self._found(self.index.types, name)

    def said_of(self, stage: str, what: str) -> Any:
        """Return what a stage, or else the nearest one around it, says of its `owner` or the like.

        Args:
            stage: The dotted name of a stage.
            what: An attribute of a stage: ``owner``, ``about``, ``playbook``.

        Returns:
            The first that is not empty; empty text for none.
        """
        parts = stage.split(".")
        around = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
        said = (getattr(self.stages[name], what) for name in around if name in self.stages)
        return next(filter(None, said), "")

    def owner_of(self, stage: str, fields: Mapping[str, Value]) -> str:
        """Return who looks after a contact: its field `owner`, or else its stage's; empty for none.

        Args:
            stage: The stage it is in.
            fields: What is known of it.
        """
        own = fields.get(OWNER_FIELD)
        return str(self.said_of(stage, "owner")) if own is None else shown(own)

    def _found(self, named: Mapping[str, T], name: str) -> T:
        if name not in named:
            raise UnknownNameError("stage", name, self.stages)
        return named[name]

    def resolve_stage(self, text: str) -> str:
        """Return the dotted name of the stage that a person means.

        Args:
            text: A dotted name, an alias, or the last part of a dotted name if only one
                stage has it; case does not matter. A part of a dotted name may be an alias
                too, so that a nested stage is found by what it was called before it, or the
                stage around it, was renamed.

        Raises:
            UnknownNameError: No stage is called that; the nearest name is the hint.
        """
        if text in self.stages:
            return text
        found = self._meant(text.strip().casefold())
        if found is None:
            raise UnknownNameError("stage", text, (*self.stages, *self.aliases))
        return found

    def _meant(self, spoken: str) -> str | None:
        """Look a name up, and a dotted one part by part."""
        found = self._spoken.get(spoken)
        outer, dot, last = spoken.rpartition(".")
        if found is not None or not dot:
            return found
        around = self._meant(outer)
        inside = self._spoken.get(f"{around}.{last}".casefold()) if around else None
        return inside or self._aliased.get(last)


def _spoken_names(stages: Mapping[str, Stage], aliases: Mapping[str, str]) -> dict[str, str]:
    """Map what people call stages, in lower case, to dotted names; what is ambiguous is out."""
    last: dict[str, set[str]] = {}
    for name in stages:
        last.setdefault(name.rpartition(".")[2].casefold(), set()).add(name)
    alone = {short: next(iter(names)) for short, names in last.items() if len(names) == 1}
    return {**alone, **_folded(aliases), **{name.casefold(): name for name in stages}}


def _folded(aliases: Mapping[str, str]) -> dict[str, str]:
    """Map aliases in lower case to dotted names."""
    return {alias.casefold(): name for alias, name in aliases.items()}
