"""Rows of the outbox: the messages about a transition, made as it is decided.

Only a workspace with a ``[[notify]]`` has this; any other pays one comparison with None an
event. The rows are written in the transaction of the transition, so that there is a
message if it is stored, and never otherwise.
"""

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from attrs import frozen

from funnelflow.criteria import (
    BOOLEAN,
    TEXT,
    TIMESTAMP,
    CriterionError,
    Expression,
    Facts,
    Field,
    Fields,
    Scope,
    Value,
    compile_expression,
)
from funnelflow.criteria.times import duration_words
from funnelflow.engine import Event
from funnelflow.errors import StoreError
from funnelflow.storage.row_format import dump_facts
from funnelflow.storage.subscriptions import Subscription
from funnelflow.storage.tracked_contacts import (
    CONTACT_FACTS,
    FunnelPosition,
    LoadedDefinition,
    Row,
    TrackedContact,
)


class SubscriptionError(StoreError):
    """A ``when`` that does not compile: nothing can be stored before it does.

    It is about no row of a file, so that it ends a whole run and not one row of it.
    """

    code = "configuration"


EVENT_FACTS = {
    name: Field(name, kind, about=about)
    for name, kind, about in (
        ("name", TEXT, "What happened, such as form_submitted or move."),
        ("actor", TEXT, "Who recorded it."),
        ("before", TEXT, "The stage that was left, as a dotted name."),
        ("after", TEXT, "The stage that was entered, as a dotted name."),
        ("funnel", TEXT, "The funnel that decided."),
        ("forced", BOOLEAN, "Whether it went past criteria that are not met."),
        ("at", TIMESTAMP, "When it happened."),
    )
}
"""What ``when`` may ask of a transition: ``event.before``; the fields of a contact, and what
`CONTACT_FACTS` lists, are ``contact.x``, and ``now`` is the time of the event."""


@frozen(eq=False)
class _Matcher:
    """A subscription under one definition.

    Attributes:
        subscription: What it says.
        holds: Whether it is meant; None for every transition.
        asks_more: Whether that asks for more of the contact than its fields.
        source: The ``source`` of its messages.
    """

    subscription: Subscription
    holds: Callable[[Fields, Facts, dt.datetime], bool] | None
    asks_more: bool
    source: str


class OutboxWriter:
    """Makes the outbox rows of a workspace.

    Args:
        subscriptions: Every ``[[notify]]``.
    """

    def __init__(self, subscriptions: tuple[Subscription, ...]) -> None:
        self._subscriptions = subscriptions
        self._matchers: dict[str, tuple[_Matcher, ...]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without what was compiled."""
        return OutboxWriter, (self._subscriptions,)

    def rows(
        self,
        chain: TrackedContact,
        target: TrackedContact,
        position: FunnelPosition,
        event: Event,
        before: str,
        recorded_at: str,
        news_from: dt.datetime | None = None,
    ) -> list[Row]:
        """Return the rows for a contact that has just moved.

        Of a message they hold the fields, as they are now; all else is in the row of the
        history, from which a message is made when it is sent.

        Args:
            chain: To whom the evidence was addressed, with its row chained.
            target: The contact that moved.
            position: Where it is in the funnel in which it moved.
            event: What made it move.
            before: The stage that it left.
            recorded_at: When that is recorded.
            news_from: The time it is, where what is older than a subscription's `fresh` is no
                news: it is kept as discarded. None where everything is.

        Raises:
            SubscriptionError: A ``when`` does not compile under this definition.
        """
        loaded = position.loaded
        matchers = self._matchers.get(loaded.digest)
        if matchers is None:
            matchers = self._matchers[loaded.digest] = self._ready(loaded)
        meant = [
            matcher
            for matcher in matchers
            if matcher.holds is None
            or _is_meant(matcher, matcher.holds, target, position, event, before)
        ]
        if not meant:
            return []
        message, contact_id = _message_id(chain, position), target.contact.id
        at = target.text_of(event.at)
        return [
            (
                m.subscription.name, message, contact_id, chain.number, chain.sequence,
                position.place, m.source, at,
                _fields(m.subscription, position) if m.subscription.fields else "{}",
                *_state(m.subscription, event, recorded_at, news_from),
            )
            for m in meant
        ]  # fmt: skip

    def _ready(self, loaded: LoadedDefinition) -> tuple[_Matcher, ...]:
        """Compile what is meant for a definition."""
        return tuple(
            _matcher(subscription, loaded)
            for subscription in self._subscriptions
            if not subscription.funnels or loaded.name in subscription.funnels
        )


def when_scope(fields: Mapping[str, Field]) -> Scope:
    """Return what ``when`` may name under a definition with these fields."""
    return Scope({**CONTACT_FACTS, **fields}, EVENT_FACTS)


def _compile(subscription: Subscription, fields: Mapping[str, Field]) -> Expression:
    """Compile the criterion of a subscription for a definition with these fields.

    Raises:
        SubscriptionError: It does not compile. Evidence is kept out then rather than sent to
            everybody: a ``when`` may be what keeps somebody from hearing of a contact,
            and the same command, once more, loses nothing. That it names a field which this
            definition lacks is refused too: who meant another funnel has to say so, for
            nobody would notice a message that is never sent.
    """
    try:
        return compile_expression(subscription.when, when_scope(fields), BOOLEAN)
    except CriterionError as error:
        raise SubscriptionError(
            f"{subscription.location.where('when')}: `when` of the endpoint "
            f"{subscription.name!r} does not compile, so this was not recorded\n{error.show()}",
            hint='correct it, or name the funnels it is for: funnels = ["…"]; '
            "`funnelflow check` shows where, then do the same again",
        ) from None


def _matcher(subscription: Subscription, loaded: LoadedDefinition) -> _Matcher:
    source = subscription.source or f"/funnelflow/{quote(loaded.name, safe='')}"
    if not subscription.when:
        return _Matcher(subscription, None, asks_more=False, source=source)
    fields = loaded.funnel.linked.fields
    expression = _compile(subscription, fields)
    asked = {name for root, name in expression.names if root == "contact"}
    asks_more = bool(asked & CONTACT_FACTS.keys() - fields.keys())
    return _Matcher(subscription, expression.holds, asks_more=asks_more, source=source)


def _is_meant(
    matcher: _Matcher,
    holds: Callable[[Fields, Facts, dt.datetime], bool],
    target: TrackedContact,
    position: FunnelPosition,
    event: Event,
    before: str,
) -> bool:
    """Whether a subscription wants a message; what it cannot know is no yes."""
    contact = position.contact
    fields: Fields = contact.fields
    if matcher.asks_more:
        fields = {**target.facts(position), **fields}
    facts: dict[str, Value | None] = {
        "name": event.name,
        "actor": event.actor,
        "before": before,
        "after": contact.stage,
        "funnel": position.loaded.name,
        "forced": event.force,
        "at": event.at,
    }
    return holds(fields, facts, event.at)


STATE = 9
"""Where the state of a message stands in its row."""


def _state(
    subscription: Subscription, event: Event, now: str, news_from: dt.datetime | None
) -> Row:
    """Return the columns of a message from its state on: one that is no news is never sent."""
    if news_from is None or event.at >= news_from - subscription.fresh:
        return ("waiting", 0, now, "", "", "", now, None)
    why = f"older than {duration_words(subscription.fresh)} when a file brought it"
    return ("discarded", 0, now, "", "", why, now, now)


def _message_id(chain: TrackedContact, position: FunnelPosition) -> str:
    """Return what receivers know a message by: the evidence, and the funnel if it is not the first.

    A digest is salted, so nobody finds out by trying what a message was about.
    """
    if not position.place:
        return chain.digest[:32]
    return hashlib.sha256(f"{chain.digest}{position.place}".encode()).hexdigest()[:32]


def _fields(subscription: Subscription, position: FunnelPosition) -> str:
    """Return the fields that may be sent, as far as they are known, in canonical JSON."""
    known = position.contact.fields
    return dump_facts({name: known[name] for name in subscription.fields if name in known})
