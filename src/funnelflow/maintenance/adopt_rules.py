"""Bringing one contact under a new definition: its evidence is folded anew.

Where that gives something else than what is stored, a row in the history says so; where it
gives the same, only the contact's definition is brought forward. A contact in a stage that
the new definition does not have needs a rule that says where to; the rule is kept in the
row, as evidence that every later fold honours.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from attrs import define, field
from sqlalchemy import Connection, select

from funnelflow.criteria.custom import answering, ask_custom
from funnelflow.definition import Linked
from funnelflow.engine import Contact, Event, Outcome
from funnelflow.engine.answers import Ask, asking
from funnelflow.engine.story import OpenStory
from funnelflow.errors import UnknownNameError, UsageError
from funnelflow.storage.definition_store import DefinitionStore
from funnelflow.storage.replay import ADOPT, EvidenceReader, answers_in, read_told, stands
from funnelflow.storage.tables import definitions
from funnelflow.storage.told import as_story, memberships
from funnelflow.storage.tracked_contacts import LoadedDefinition


class UnmappedStageError(UsageError):
    """A contact is in a stage that the new definition does not have."""

    def __init__(self, stage: str) -> None:
        self.stage = stage
        super().__init__(
            f"the new definition has no stage {stage!r}, and contacts are in it",
            hint=f"say where they go: --map {stage}=STAGE, or make {stage!r} an alias",
        )


EXAMPLES = 3


class Dropped(NamedTuple):
    """Facts that are no values of a field any more.

    Attributes:
        facts: How many they are.
        examples: The first few contacts of whom they are.
    """

    facts: int
    examples: tuple[str, ...]


class Placed(NamedTuple):
    """A contact as it becomes under a new definition.

    Attributes:
        contact: The contact.
        event: The evidence of the adoption; None where the contact stays just as it is.
        outcome: What came of that.
        stood: The stage in which it stood at the adoption, as time had moved it.
    """

    contact: Contact
    event: Event | None
    outcome: Outcome
    stood: str


@define(eq=False)
class Mover:
    """Brings contacts under a new definition.

    Attributes:
        loaded: The new definition.
        rules: Stage that it does not have to a leaf that it has.
        at: When the adoption takes place; for a contact whose evidence goes further, behind that.
        actor: Who adopts.
        dropped: Field to the contacts of whom a fact is no value of it: how many facts, and the
            first few contacts.
        instead_of: Another funnel whose contacts come over, by translation; empty for none.
        undoes: The run whose rows do not count, as an adoption is taken back; then everybody
            stands where the rest leads, and needs no rule. None for none.
        ask: Asks a plugin's criterion what nobody has answered.
        from_now: Whether everybody is placed where they stand, and nobody is judged again for
            what happened before.
    """

    loaded: LoadedDefinition
    rules: Mapping[str, str]
    at: dt.datetime
    actor: str = ""
    dropped: dict[str, Dropped] = field(factory=dict)
    instead_of: str = ""
    undoes: int | None = None
    ask: Ask = ask_custom
    from_now: bool = False

    @property
    def funnels(self) -> tuple[str, ...]:
        """Name the funnels whose contacts are brought under the new definition."""
        return (self.loaded.name, self.instead_of)

    def place(
        self,
        connection: Connection,
        store: DefinitionStore,
        contact: Contact,
        home: tuple[LoadedDefinition, int],
        rows: Iterable[Any],
    ) -> Placed:
        """Fold a contact's evidence by the new definition.

        A contact of another funnel is translated: its stage there needs no rule.

        Args:
            connection: The database.
            store: The definition store.
            contact: The contact as it is.
            home: The definition that it is under, and the place of its funnel among the
                contact's funnels.
            rows: The contact's history.

        Raises:
            UnmappedStageError: It is in a stage that the new definition does not have, and no
                rule leads out of it.
        """
        (was, place), name = home, self.loaded.name
        funnel, is_translated = was.name, was.name != name
        undoes, found = self.undoes, list(rows)
        stood = self._stage_now(was, contact, found)
        to = "" if is_translated or undoes is not None else self.way_out(stood)
        counting = found if undoes is None else [row for row in found if row.run != undoes]
        reader = EvidenceReader(self.loaded)
        told = read_told(connection, store, reader, counting)
        story, _ = as_story(told, name)
        joined = memberships(told).get(funnel)
        at = self.at if contact.clock is None else max(self.at, contact.clock)
        about = (name, funnel) if is_translated else (name,) if place else ()
        event = Event(ADOPT, at, actor=self.actor, to=to, about=about)
        given = answers_in(self.loaded, found, self.ask)
        if given is not None:
            given.decide(event)
        with asking(given):
            folded = stands(OpenStory(self.loaded.funnel, contact.id, story, joined, given))
        for field_name, count in reader.dropped.items():
            before = self.dropped.get(field_name, Dropped(0, ()))
            examples = (*before.examples, contact.id)[:EXAMPLES]
            self.dropped[field_name] = Dropped(before.facts + count, examples)
        is_news = bool(given and given.answers)
        if not (to or is_translated or is_news) and folded == contact:
            return Placed(folded, None, Outcome("stayed"), folded.stage)  # time moves both alike
        with answering(given), asking(given):  # to take a version into use says how late it is
            self.loaded.funnel.step(folded, event if to else Event("tick", at))
        if given is not None:
            event = event._replace(answers=given.answers)
        outcome = Outcome("stayed" if folded.stage == contact.stage else "moved")
        return Placed(folded, event, outcome, stood)

    def _stage_now(self, was: LoadedDefinition, contact: Contact, rows: Iterable[Any]) -> str:
        """Return where a contact stands at the adoption: time may have moved it since."""
        due_at = was.funnel.due_at(contact)
        if due_at is None or due_at > self.at:
            return contact.stage
        stands, event, given = contact.copy(), Event("tick", self.at), answers_in(was, rows)
        if given is not None:
            given.turn_to(self.at)
        with answering(given):
            was.funnel.step(stands, event)
        return stands.stage

    def way_out(self, stage: str) -> str:
        """Return where a contact goes from its stage; empty for where its evidence leads."""
        same = _resolved(self.loaded.funnel.linked, stage)
        if same:
            return same if self.from_now else ""
        name = stage
        while name and name not in self.rules:
            name = name.rpartition(".")[0]
        if not name:
            raise UnmappedStageError(stage)
        return self.rules[name]


def read_rules(
    connection: Connection, store: DefinitionStore, new: Linked, rules: Mapping[str, str]
) -> dict[str, str]:
    """Look up the stages that rules name, by name or alias.

    Returns:
        Stage of an earlier version, as its dotted name, to a leaf of the new one.

    Raises:
        UnknownNameError: A rule leads from or to a stage that there is not.
    """
    if not rules:
        return {}
    earlier = _versions(connection, store, new.definition.name)
    known = sorted({stage for linked in earlier for stage in linked.stages})
    found: dict[str, str] = {}
    for before, after in rules.items():
        stages = [name for linked in earlier if (name := _resolved(linked, before))]
        if not stages:
            raise UnknownNameError("stage", before, known)
        leaf = new.leaf_of(new.resolve_stage(after))
        found.update(dict.fromkeys(stages, leaf))
    return found


def _versions(connection: Connection, store: DefinitionStore, funnel: str) -> list[Linked]:
    """Return every stored version of a funnel."""
    numbers = connection.execute(
        select(definitions.c.id).where(definitions.c.name == funnel).order_by(definitions.c.id)
    ).scalars()
    return [store.by_id(connection, number).funnel.linked for number in numbers.all()]


def _resolved(linked: Linked, name: str) -> str:
    """Return the dotted name of a stage by its name or an alias; empty if there is none."""
    try:
        return linked.resolve_stage(name)
    except UnknownNameError:
        return ""
