"""Evidence from files, made as `Funnel.event` makes it, in a fraction of the time.

A file has millions of rows of a few plain forms. What is of such a form is read here; for
whatever is not, nothing is given, and `Funnel.event` reads it, or says what is wrong with it.
So nothing is let in here that would not be let in there, and nobody is refused here: a test
holds the two to the same answer.
"""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

from funnelflow.criteria import Facts, Field
from funnelflow.engine.decisions import Event
from funnelflow.engine.funnel import Funnel
from funnelflow.errors import FieldError
from funnelflow.storage.row_format import to_text

_PLAIN = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(Z|[+-]\d\d:\d\d)?)?", re.ASCII
).fullmatch
_HOUR = len("2026-03-01T09")
_ZULU, _OFFSET = len("Z"), len("+01:00")
_ENDINGS = {len(":30:00"): ".000000Z", len(":30:00.123"): "000Z", len(":30:00.123456"): "Z"}
_TIMES_KEPT = 10_000


Timed: TypeAlias = tuple[dt.datetime, str]
"""A time in UTC, and the text that the database has for it."""


class TimestampCache:
    """Reads times; those of an hour that was met before by what stands behind the hour.

    Args:
        timezone: The zone of times without an offset; None refuses them.
    """

    def __init__(self, timezone: dt.tzinfo | None) -> None:
        self._timezone = timezone
        self._hours: dict[str, str] = {}

    def read(self, text: str) -> Timed | None:
        """Read a time; None for one of no usual form, and for one that there is not."""
        end = len(text) - (_ZULU if text[-1:] == "Z" else _OFFSET)
        hour = self._hours.get(text[:_HOUR] + text[end:])
        if hour is None:
            return self._read_whole(text, end)
        rest = text[_HOUR:end]
        ending = _ENDINGS.get(len(rest))
        if ending is None or "," in rest:
            return self._read_whole(text, end)
        stored = hour + rest + ending
        try:
            return dt.datetime.fromisoformat(stored), stored
        except ValueError:
            return None

    def _read_whole(self, text: str, end: int) -> Timed | None:
        """Read a time, and remember what its hour is in UTC if its minutes are the same."""
        found = _PLAIN(text)
        if found is None:
            return None
        try:
            at = dt.datetime.fromisoformat(text)
            if found[1] is None:
                if self._timezone is None:
                    return None
                at = at.replace(tzinfo=self._timezone)
            at = at.astimezone(dt.UTC)
        except (ValueError, OverflowError):
            return None
        stored = to_text(at)
        if found[1] is not None and stored[_HOUR:].startswith(text[_HOUR:end]):
            if len(self._hours) >= _TIMES_KEPT:
                self._hours.clear()
            self._hours[text[:_HOUR] + text[end:]] = stored[:_HOUR]
        return at, stored


_NOTHING: Facts = {}
_KEPT = 10_000
"""Different facts and actors that are remembered: exports repeat them."""
_ACTOR_CAP = 1_000


class EventText(Protocol):
    """What is read of a request."""

    event: str
    at: dt.datetime | str | None
    facts: Mapping[str, Any]
    actor: str
    to: str
    reason: str
    force: bool
    text: bool


class FastEventParser:
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
        self._times = TimestampCache(timezone)
        self._fields: dict[str, Mapping[str, Field]] = {}
        self._actors: dict[str, tuple[str, ...]] = {}
        self._facts: dict[int, tuple[Mapping[str, Any], str, Facts]] = {}

    def event(self, said: EventText) -> Event | None:
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
