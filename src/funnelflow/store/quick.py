"""Evidence from files, made as `Funnel.event` makes it, in a fraction of the time.

A file has millions of rows of a few plain forms. What is of such a form is read here; for
whatever is not, nothing is given, and `Funnel.event` reads it, or says what is wrong with it.
So nothing is let in here that would not be let in there, and nobody is refused here: a test
holds the two to the same answer.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from funnelflow.criteria import Facts, Field
from funnelflow.engine import Event, Funnel
from funnelflow.errors import FieldError
from funnelflow.store.quick_times import QuickTimes

__all__ = ["QuickDoor"]

_NOTHING: Facts = {}
_KEPT = 10_000
"""Different facts and actors that are remembered: exports repeat them."""
_ACTOR_CAP = 1_000


class Said(Protocol):
    """What is read of a request."""

    event: str
    at: dt.datetime | str | None
    facts: Mapping[str, Any]
    actor: str
    to: str
    reason: str
    force: bool
    text: bool


class QuickDoor:
    """Makes events for one definition.

    Args:
        funnel: The definition.
        roles_of: Gives the roles of an actor.
        timezone: The zone of times without an offset; None refuses them.

    Attributes:
        at_text: The time of the last event as the database writes it.
    """

    def __init__(
        self,
        funnel: Funnel,
        roles_of: Callable[[str], tuple[str, ...]],
        timezone: dt.tzinfo | None,
    ) -> None:
        self.at_text = ""
        self._linked = funnel.linked
        self._roles_of = roles_of
        self._timezone = timezone
        self._times = QuickTimes(timezone)
        self._fields: dict[str, Mapping[str, Field]] = {}
        self._actors: dict[str, tuple[str, ...]] = {}
        self._facts: dict[int, tuple[Mapping[str, Any], str, Facts]] = {}

    def event(self, said: Said) -> Event | None:
        """Make the event that a request says; None where that takes the long way."""
        at, name, facts = said.at, said.event, _NOTHING
        if said.text or said.force or said.to or said.reason or type(at) is not str:
            return None
        if name not in self._fields and not self._knows(name):
            return None
        timed = self._times.read(at)
        if timed is None:
            return None
        moment, self.at_text = timed
        if said.facts:
            try:
                facts = self._normal(name, said.facts)
            except (KeyError, FieldError):
                return None
        roles = self._actors.get(said.actor)
        if roles is None:
            roles = self._roles(said.actor)
        return None if roles is None else Event(name, moment, facts, said.actor, roles)

    def _knows(self, name: str) -> bool:
        """Tell whether an event is one of the vocabulary, and note its fields."""
        linked = self._linked
        event = linked.events.get(name)
        if event is not None:
            self._fields[name] = {**linked.fields, **event.event.fields}
        return event is not None

    def _normal(self, name: str, raw: Mapping[str, Any]) -> Facts:
        """Normalise facts; those of one object, which many rows may share, only once."""
        known = self._facts.get(id(raw))
        if known is not None and known[0] is raw and known[1] == name:
            return known[2]
        fields, timezone = self._fields[name], self._timezone
        facts = {key: fields[key].normalise(value, timezone) for key, value in raw.items()}
        if len(self._facts) >= _KEPT:
            self._facts.clear()
        self._facts[id(raw)] = (raw, name, facts)
        return facts

    def _roles(self, actor: str) -> tuple[str, ...] | None:
        """Look up an actor's roles and remember them; None for a name of no plain form."""
        if not actor.isprintable() or len(actor) > _ACTOR_CAP:
            return None
        if len(self._actors) >= _KEPT:
            self._actors.clear()
        roles = self._actors[actor] = tuple(sorted(set(self._roles_of(actor))))
        return roles
