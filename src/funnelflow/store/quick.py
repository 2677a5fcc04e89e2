"""Evidence from files, made as `Funnel.event` makes it, in a fraction of the time.

A file has millions of rows of a few plain forms. What is of such a form is read here; for
whatever is not, nothing is given, and `Funnel.event` reads it, or says what is wrong with it.
So nothing is let in here that would not be let in there, and nobody is refused here: a test
holds the two to the same answer.
"""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from funnelflow.criteria import Facts, Field
from funnelflow.engine import Event, Funnel
from funnelflow.errors import FieldError

__all__ = ["QuickDoor", "quick_time"]

_PLAIN = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(Z|[+-]\d\d:\d\d)?)?", re.ASCII
).fullmatch
_NOTHING: Facts = {}
_KEPT = 10_000
"""Different facts and actors that are remembered: exports repeat them."""
_ACTOR_CAP = 1_000
_DAYS = tuple(f"{day:02}" for day in range(32))
_WHOLE, _OFFSET = len("2026-03-01T09:30:00Z"), len("2026-03-01T09:30:00+01:00")


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
        at_text: The time of the last event as the database writes it, where that is seen
            from how it was read; else empty.
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
        moment = quick_time(at, self._timezone)
        if moment is None:
            return None
        self.at_text = _seen(at, moment)
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


def quick_time(text: str, timezone: dt.tzinfo | None) -> dt.datetime | None:
    """Read a timestamp of the usual form and give it in UTC; None for any other."""
    found = _PLAIN(text)
    if found is None:
        return None
    try:
        at = dt.datetime.fromisoformat(text)
        if found[1] == "Z":
            return at
        if found[1] is None:
            if timezone is None:
                return None
            at = at.replace(tzinfo=timezone)
        return at.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None


def _seen(text: str, moment: dt.datetime) -> str:
    """Give a time as the database writes it, if that is seen from how it was said; else empty.

    Args:
        text: How it was said, in a form that `quick_time` reads.
        moment: What `quick_time` made of it.
    """
    if len(text) == _WHOLE and text[-1] == "Z":
        return f"{text[:10]}T{text[11:19]}.000000Z"
    is_same_day = len(text) == _OFFSET and text[-2:] == "00" and text[8:10] == _DAYS[moment.day]
    return f"{text[:10]}T{moment.hour:02}{text[13:19]}.000000Z" if is_same_day else ""
