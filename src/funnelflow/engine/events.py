"""The one door through which evidence comes in: names looked up, facts normalised."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from funnelflow.criteria import TEXT, TIMESTAMP, Field, Value
from funnelflow.definition import Linked
from funnelflow.engine.decisions import RESERVED_EVENTS, Event
from funnelflow.errors import UnknownNameError, UsageError

_AT = Field("at", TIMESTAMP, title="the time")
_ACTOR = Field("actor", TEXT, title="the actor")
_REASON = Field("reason", TEXT, title="the reason")
_FACTLESS = frozenset({"tick", "adopt"})


class EventParser:
    """Turns outside input into evidence that a definition understands.

    Args:
        linked: The definition whose vocabulary is spoken.
    """

    def __init__(self, linked: Linked) -> None:
        self._contact_fields = dict(linked.fields)
        self._fields = {
            name: {**linked.fields, **event.event.fields} for name, event in linked.events.items()
        } | dict.fromkeys(RESERVED_EVENTS, self._contact_fields)

    def event(  # noqa: PLR0913 - all that can be said about one event
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
        fields = self._fields.get(name)
        if fields is None:
            raise UnknownNameError("event", name, sorted(self._fields.keys() - RESERVED_EVENTS))
        _check_use(name, facts, to, reason, force=force)
        moment = _AT.normalise(at, timezone)
        if not isinstance(moment, dt.datetime):
            raise UsageError(f"{name} has no time", hint="say when it happened")
        return Event(
            name=name,
            at=moment,
            facts=read_facts(facts, fields, timezone, text=text) if facts else {},
            actor=_text(_ACTOR, actor),
            roles=tuple(sorted(set(roles))),
            to=to,
            reason=_text(_REASON, reason),
            force=force,
        )


def read_facts(
    facts: Mapping[str, Any],
    fields: Mapping[str, Field],
    timezone: dt.tzinfo | None,
    *,
    text: bool,
) -> dict[str, Value | None]:
    """Normalise facts by the fields they belong to.

    Args:
        facts: Field name to value; None (or empty text, when read as text) takes a fact back.
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
        known[name] = field.parse(raw, timezone) if text else field.normalise(raw, timezone)
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
    if force and not reason.strip():
        raise UsageError("a forced move needs a reason", hint="say why: it is kept as evidence")
    if facts and name in _FACTLESS:
        raise UsageError(f"{name} brings no facts", hint="use `set` for facts")


def _text(field: Field, raw: str) -> str:
    """Hold an actor or a reason to the rules of every text; empty is allowed."""
    return str(field.normalise(raw)) if raw else ""
