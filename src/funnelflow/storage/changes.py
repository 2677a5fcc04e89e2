"""A change as it comes in, and what became of it."""

import datetime as dt
import re
from collections.abc import Mapping
from shlex import quote
from typing import Any, TypeGuard

from attrs import define, field

from funnelflow.engine import Decision, Verb
from funnelflow.errors import ConflictError, UsageError

MAX_LENGTH = 200
_REFUSED = re.compile("[\0-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""Control characters, those that turn the direction of text, and halves of surrogate pairs."""
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def check_id(contact_id: str) -> str:
    """Give the id of a contact back if it can be one.

    Raises:
        UsageError: It is empty, too long, padded with blanks, or has characters that
            nobody sees.
    """
    return _check("a contact's id", contact_id)


def is_id(text: object) -> TypeGuard[str]:
    """Tell whether a text can be the id of a contact."""
    return _is_plain(text) or (
        isinstance(text, str)
        and 0 < len(text) <= MAX_LENGTH
        and text == text.strip()
        and _REFUSED.search(text) is None
    )


def is_storable(text: str) -> bool:
    """Tell whether both databases can hold a text at all."""
    return _UNSTORABLE.search(text) is None


def check_key(key: str) -> str:
    """Give an idempotency key back if it can be one.

    Raises:
        UsageError: It cannot, for the reasons of `check_id`.
    """
    return _check("a key", key)


def _is_plain(text: object) -> TypeGuard[str]:
    """Find out at once that a text is as nearly every id is: short, ASCII, without blanks."""
    return (
        type(text) is str
        and 0 < len(text) <= MAX_LENGTH
        and text.isascii()
        and text.isprintable()
        and " " not in text
    )


def _check(what: str, text: str) -> str:
    """Hold a name to the rules."""
    if _is_plain(text):
        return text
    if not isinstance(text, str):
        raise UsageError(f"{what} is text, not {type(text).__name__}", hint="put it in quotes")
    if not text:
        raise UsageError(f"{what} is empty", hint="name it")
    if len(text) > MAX_LENGTH:
        raise UsageError(
            f"{what} has {len(text):,} characters; at most {MAX_LENGTH} are allowed",
            hint="use something shorter, such as the number the contact has elsewhere",
        )
    if text != text.strip():
        raise UsageError(f"{what} begins or ends with a blank: {text!r}", hint="take it away")
    found = _REFUSED.search(text)
    if found:
        raise UsageError(
            f"{what} contains a character that cannot be seen, U+{ord(found[0]):04X}: {text!r}",
            hint="take it away",
        )
    return text


@define
class Change:
    """Something to be recorded, as it came in: nothing is validated yet.

    Attributes:
        contact_id: Who it happened to.
        event: An event of the vocabulary, or ``add``, ``set``, ``move``, ``tick``.
        at: When; None for now.
        facts: The facts it brings.
        actor: Who records it.
        to: The stage a move asks for.
        reason: Why a move is forced.
        key: Makes it happen once, however often it is asked for.
        funnel: The home of a contact that is added; empty for the workspace's own.
        create: Add the contact first, at the same time, if nobody knows it.
        force: Whether a move goes past criteria that are not met.
        text: Whether facts and time are text as a person types it.
        expect: The length of the history that the contact must still have; None for any.
        roles: The roles of whoever records it; None for those that the settings give the actor.
    """

    contact_id: str
    event: str
    at: dt.datetime | str | None = None
    facts: Mapping[str, Any] = field(factory=dict)
    actor: str = ""
    to: str = ""
    reason: str = ""
    key: str | None = None
    funnel: str = ""
    create: bool = False
    force: bool = False
    text: bool = False
    expect: int | None = None
    roles: tuple[str, ...] | None = None


@define
class ChangeResult:
    """What became of a change.

    Attributes:
        contact_id: Who it happened to.
        sequence: The place of the evidence in the contact's history.
        outcome: ``moved``, ``stayed`` or ``refused``.
        before: The stage before.
        after: The stage after.
        unmet: For a refused move, what was in its way: label and verdict.
        duplicate: It was recorded before, under the same key; nothing was added.
        created: The contact was added for it.
        decision: The reasons, where they were asked for and it is no duplicate.
    """

    contact_id: str
    sequence: int
    outcome: Verb
    before: str
    after: str
    unmet: tuple[tuple[str, str], ...] = ()
    duplicate: bool = False
    created: bool = False
    decision: Decision | None = None


def known_already(change: Change) -> ConflictError:
    """Refuse to add a contact that somebody knows, and say where its facts can go."""
    name = change.contact_id
    facts = " ".join(quote(f"{fact}={value}") for fact, value in change.facts.items())
    if change.text and facts:
        hint = f"give what is known about it: funnelflow set {quote(name)} {facts}"
    elif facts:
        hint = "give its facts with the event `set`, or choose another id"
    else:
        hint = "record what happened to it, or choose another id"
    return ConflictError(f"there is a contact {name!r} already", hint=hint)
