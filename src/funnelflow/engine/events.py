"""The event parser: names looked up, facts and times normalised, on one of two paths.

The slow path takes everything and says what is wrong; it is the law. A file has millions of
events of a few plain forms, which the fast path reads in a fraction of the time. It refuses
nothing: what is not of a plain form, or wrong, is left to the slow path. A property test holds
the two to the same answer.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from funnelflow.criteria import TEXT, TIMESTAMP, Facts, Field, Value
from funnelflow.criteria.times import timestamp_json
from funnelflow.criteria.value_forms import says_nothing
from funnelflow.definition import BUILT_IN_EVENTS, Linked
from funnelflow.engine.decisions import Event
from funnelflow.errors import FieldError, UnknownNameError, UsageError

_AT = Field("at", TIMESTAMP, title="the time")
_ACTOR = Field("actor", TEXT, title="the actor")
_REASON = Field("reason", TEXT, title="the reason")
_FACTLESS = frozenset({"tick", "adopt"})
_NO_FACTS: Facts = {}
_UNSAID = Event("", dt.datetime.min.replace(tzinfo=dt.UTC))[5:]
"""What events of the vocabulary do not say: all that stands behind the roles."""

_SAYING = frozenset({int, float, bool})
"""Types of which every value says something."""

_KEPT = 10_000
"""How many hours, actors and different facts are remembered: exports repeat them."""
_ACTOR_CAP = 1_000

_PLAIN = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(Z|[+-]\d\d:\d\d)?)?", re.ASCII
).fullmatch
_HOUR = len("2026-03-01T09")
_ZULU, _OFFSET = len("Z"), len("+01:00")
_ENDINGS = {len(":30:00"): ".000000Z", len(":30:00.123"): "000Z", len(":30:00.123456"): "Z"}


class TimestampCache:
    """Reads times of plain forms; those of an hour met before by what stands behind the hour.

    Args:
        timezone: The zone of times without an offset; None leaves them unread.

    Attributes:
        timezone: That zone.
        last: The time that was read last, in UTC and in its storage form; one tuple, so that
            threads that share it cannot meet the one with the other's text.
    """

    def __init__(self, timezone: dt.tzinfo | None) -> None:
        self.timezone = timezone
        self.last: tuple[dt.datetime | None, str] = (None, "")
        self._hours: dict[str, str] = {}

    def read(self, text: str) -> dt.datetime | None:
        """Read a time; None for one of no plain form, and for one that there is not."""
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
            at = dt.datetime.fromisoformat(stored)
        except ValueError:
            return None
        self.last = (at, stored)
        return at

    def _read_whole(self, text: str, end: int) -> dt.datetime | None:
        """Read a time, and remember what its hour is in UTC if its minutes are the same."""
        found = _PLAIN(text)
        if found is None:
            return None
        try:
            at = dt.datetime.fromisoformat(text)
            if found[1] is None:
                if self.timezone is None:
                    return None
                at = at.replace(tzinfo=self.timezone)
            at = at.astimezone(dt.UTC)
        except (ValueError, OverflowError):
            return None
        stored = timestamp_json(at)
        if found[1] is not None and stored[_HOUR:].startswith(text[_HOUR:end]):
            if len(self._hours) >= _KEPT:
                self._hours.clear()
            self._hours[text[:_HOUR] + text[end:]] = stored[:_HOUR]
        self.last = (at, stored)
        return at


class RawEvent(Protocol):
    """What somebody says has happened, before any of it is looked at."""

    event: str
    at: dt.datetime | str | None
    facts: Mapping[str, Any]
    actor: str
    to: str
    reason: str
    force: bool
    text: bool
    roles: tuple[str, ...] | None


def _no_roles(_actor: str) -> tuple[str, ...]:
    return ()


class EventParser:
    """Turns outside input into evidence that a definition understands.

    Args:
        linked: The definition whose vocabulary is spoken, and whose stages are named.
        times: Reads the times of raw events, in its zone; parsers may share it.
        roles_of: Returns the roles of an actor.
        others: More definitions whose vocabularies are spoken: those of a contact's other funnels.
    """

    def __init__(
        self,
        linked: Linked,
        times: TimestampCache | None = None,
        roles_of: Callable[[str], Iterable[str]] = _no_roles,
        others: Sequence[Linked] = (),
    ) -> None:
        self._linked = linked
        self._times = times or TimestampCache(None)
        self._roles_of = roles_of
        self._fields = linked.fields
        self._declared = _declared(linked)
        for other in others:
            self._fields = {**other.fields, **self._fields}
            self._declared = _joined(self._declared, _declared(other))
        if others:
            known = self._declared.items()
            self._declared = {called: (n, {**self._fields, **f}) for called, (n, f) in known}
        self._actors: dict[str, tuple[str, ...]] = {}
        self._facts: dict[int, tuple[Mapping[str, Any], str, Facts]] = {}

    def fields_of(self, event: str) -> Mapping[str, Field]:
        """Return the fields that facts of an event, by its name or an alias, can be about."""
        declared = self._declared.get(event)
        return self._fields if declared is None else declared[1]

    def parse(self, raw: RawEvent, now: dt.datetime) -> Event:
        """Make the event that is said to have happened.

        Args:
            raw: What is said.
            now: When it happened, where that is not said.

        Raises:
            Error: As `read`.
        """
        event = self.parse_plain(raw)
        if event is not None:
            return event
        return self.read(
            raw.event,
            now if raw.at is None else raw.at,
            raw.facts,
            actor=raw.actor,
            roles=self._roles_of(raw.actor) if raw.roles is None else raw.roles,
            to=raw.to,
            reason=raw.reason,
            force=raw.force,
            timezone=self._times.timezone,
            text=raw.text,
        )

    def read(  # noqa: PLR0913 - all that can be said about one event
        self,
        name: str,
        at: dt.datetime | str,
        facts: Mapping[str, Any],
        *,
        actor: str,
        roles: Iterable[str],
        to: str,
        reason: str,
        force: bool,
        timezone: dt.tzinfo | None,
        text: bool,
    ) -> Event:
        """Make a piece of evidence; see `Funnel.event`, which this serves."""
        stage = self._linked.resolve_stage(to) if to else ""
        if name in BUILT_IN_EVENTS:
            fields = self._fields
        elif name in self._declared:
            name, fields = self._declared[name]
        else:
            known = sorted({declared for declared, _ in self._declared.values()})
            raise UnknownNameError("event", name, known)
        _check_use(name, facts, stage, reason, force=force)
        moment = _AT.normalise(at, timezone)
        if not isinstance(moment, dt.datetime):
            raise UsageError(f"{name} has no time", hint="say when it happened")
        return Event(
            name=name,
            at=moment,
            facts=read_facts(facts, fields, timezone, text=text) if facts else {},
            actor=_text(_ACTOR, actor),
            roles=tuple(sorted(set(roles))),
            to=stage,
            reason=_text(_REASON, reason),
            force=force,
        )

    def parse_plain(self, raw: RawEvent) -> Event | None:
        """Make an event of the vocabulary that is of a plain form; None if this is not one."""
        at, facts, actor = raw.at, raw.facts, raw.actor
        declared = self._declared.get(raw.event)
        if declared is None or type(at) is not str or raw.roles is not None:
            return None
        if raw.text or raw.force or raw.to or raw.reason:
            return None
        moment = self._times.read(at)
        if moment is None:
            return None
        name, fields = declared
        if facts:
            try:
                facts = self._normalised(name, facts, fields)
            except (UnknownNameError, FieldError):
                return None
        else:
            facts = _NO_FACTS
        roles = self._actors.get(actor)
        if roles is None:
            roles = self._roles(actor)
        if roles is None:
            return None
        said = (name, moment, facts, actor, roles, *_UNSAID)
        return tuple.__new__(Event, said)  # in half the time that the class itself takes

    def _normalised(self, name: str, raw: Mapping[str, Any], fields: Mapping[str, Field]) -> Facts:
        """Normalise facts; those of one object, which many events may share, only once."""
        known = self._facts.get(id(raw))
        if known is not None and known[0] is raw and known[1] == name:
            return known[2]
        facts = read_facts(raw, fields, self._times.timezone, text=False)
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


_Declared: TypeAlias = dict[str, tuple[str, Mapping[str, Field]]]
"""Name or alias of an event to its name and the fields that it may bring."""


def _declared(linked: Linked) -> _Declared:
    fields = {
        name: {**linked.fields, **event.event.fields} for name, event in linked.events.items()
    }
    return {called: (name, fields[name]) for called, name in linked.events.names().items()}


def _joined(first: _Declared, other: _Declared) -> _Declared:
    """Put two vocabularies together; an event keeps a name that both know it by."""
    joined = {**other, **first}
    for called in first.keys() & other.keys():
        (name, fields), (_, more) = first[called], other[called]
        joined[called] = (name if name in other else called, {**more, **fields})
    return joined


def read_facts(
    facts: Mapping[str, Any],
    fields: Mapping[str, Field],
    timezone: dt.tzinfo | None,
    *,
    text: bool,
) -> dict[str, Value | None]:
    """Normalise facts by the fields they belong to.

    Args:
        facts: Field name to value; None (or blank text, when read as text) takes a fact back.
            Typed text that is blank says nothing.
        fields: The fields that may be named.
        timezone: The zone in which times without an offset are read; None refuses them.
        text: Whether values are text as a person types it, or typed values.

    Raises:
        UnknownNameError: A fact names no field.
        FieldError: A value is not one of its field's.
    """
    known: dict[str, Value | None] = {}
    for name, raw in facts.items():
        field = fields.get(name)
        if field is None:
            raise UnknownNameError("field", name, sorted(fields))
        if text:
            known[name] = field.parse(raw, timezone)
        elif type(raw) in _SAYING or not says_nothing(raw):
            known[name] = field.normalise(raw, timezone)
    return known


def _check_use(name: str, facts: Mapping[str, Any], to: str, reason: str, *, force: bool) -> None:
    """Refuse what does not go together, such as a stage for an event that is no move."""
    if (name == "move") != bool(to):
        raise UsageError(
            "a move needs the stage it asks for" if name == "move" else f"{name} asks for no stage",
            hint="name the stage" if name == "move" else "only a move names a stage",
        )
    if force and name != "move":
        raise UsageError(f"{name} cannot be forced", hint="only a move can")
    if force and says_nothing(reason):
        raise UsageError("a forced move needs a reason", hint="say why: it is kept as evidence")
    if facts and name in _FACTLESS:
        raise UsageError(f"{name} brings no facts", hint="use `set` for facts")


def _text(field: Field, raw: str) -> str:
    """Hold an actor or a reason to the rules of every text; empty is allowed."""
    return str(field.normalise(raw)) if raw else ""
