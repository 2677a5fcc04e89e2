"""A change as it comes in, and what became of it."""

import datetime as dt
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from shlex import quote
from typing import Any, Literal, NamedTuple, TypeAlias, TypeGuard

from attrs import define, field, frozen

from funnelflow.criteria.times import timestamp_json
from funnelflow.criteria.value_forms import INVISIBLE
from funnelflow.engine import Decision, Outcome, Taken, Verb
from funnelflow.engine.decisions import Unmet
from funnelflow.errors import ConflictError, FieldError, UsageError
from funnelflow.storage.tracked_contacts import FunnelPosition

MAX_LENGTH = 200
_JOINING = r"\u200c\u200d\ufe00-\ufe0f"
"""Invisible characters that change how their neighbours look, in Persian or in emoji."""
_REFUSED = re.compile(rf"(?![{_JOINING}])[\0-\x1f\x7f-\x9f\ud800-\udfff{INVISIBLE}]")
"""Control characters, those that nobody sees or that turn the direction of text, and halves of
surrogate pairs."""
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def composed(text: Any) -> Any:
    """Return an id as it is stored: in Unicode's form NFC, for what looks the same is the same."""
    if isinstance(text, str) and not text.isascii():
        return unicodedata.normalize("NFC", text)
    return text


def plain_name(text: str) -> str:
    """Return a text that names somebody without what people write differently.

    Case, blanks and the form of Unicode do not count, as in ``Ada@Example.com``.
    """
    folded = " ".join(text.split()).casefold()
    return folded if folded.isascii() else unicodedata.normalize("NFC", folded)


def check_id(contact_id: str) -> str:
    """Return the id of a contact, as it is stored, if it can be one.

    Raises:
        UsageError: It is empty, too long, padded with blanks, or has characters that
            nobody sees.
    """
    return composed(_check("a contact's id", contact_id))  # type: ignore[no-any-return]


def is_id(text: object) -> TypeGuard[str]:
    """Whether a text can be the id of a contact."""
    return _is_plain(text) or (
        isinstance(text, str)
        and 0 < len(text) <= MAX_LENGTH
        and text == text.strip()
        and _REFUSED.search(text) is None
    )


def is_storable(text: str) -> bool:
    """Whether both databases can hold a text at all."""
    return _UNSTORABLE.search(text) is None


def check_key(key: str) -> str:
    """Return an idempotency key back if it can be one.

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
        raise UsageError(
            f"{what} must be text, but this is {type(text).__name__}", hint="put it in quotes"
        )
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
        future: Whether it may lie more than a day in the future.
        readmit: Whether somebody who was erased is known again by it, as somebody new.
        force: Whether a move goes past criteria that are not met.
        text: Whether facts and time are text as a person types it.
        expect: The length of the history that the contact must still have; None for any.
        roles: The roles of whoever records it; None for those that the settings give the actor.
        asserted: Whether its facts are a snapshot, with nothing said of since when.
        about: What evidence about the story itself is about; see `Event`.
    """

    contact_id: str = field(converter=composed)
    event: str
    at: dt.datetime | str | None = None
    facts: Mapping[str, Any] = field(factory=dict)
    actor: str = ""
    to: str = ""
    reason: str = ""
    key: str | None = None
    funnel: str = ""
    create: bool = False
    future: bool = False
    readmit: bool = False
    force: bool = False
    text: bool = False
    expect: int | None = None
    roles: tuple[str, ...] | None = None
    asserted: bool = False
    about: tuple[int | str, ...] = ()


@frozen
class Restatement:
    """What late evidence changed: it happened before what was known already.

    Attributes:
        late: How long before; zero for what changes the story otherwise.
        before: The stage in which the contact stood until then.
        since: Since when it did; None where nothing was in force.
        stage: The stage in which it stands now.
        entered: Since when it does; None where nothing is in force.
        others: How many later answers would have been others.
    """

    late: dt.timedelta
    before: str
    since: dt.datetime | None
    stage: str
    entered: dt.datetime | None
    others: int

    @property
    def is_change(self) -> bool:
        """Whether anything that was said before is said otherwise now."""
        return bool(self.others) or (self.before, self.since) != (self.stage, self.entered)

    def to_json(self) -> dict[str, Any]:
        """Return what was changed as data: times in UTC, the delay in seconds."""
        return {
            "late": self.late.total_seconds(),
            "before": {"stage": self.before, "since": _optional_json(self.since)},
            "after": {"stage": self.stage, "since": _optional_json(self.entered)},
            "others": self.others,
        }

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> "Restatement":
        """Read what `to_json` returned."""
        was, now = said["before"], said["after"]
        return cls(
            dt.timedelta(seconds=said["late"]),
            was["stage"],
            _optional_time(was["since"]),
            now["stage"],
            _optional_time(now["since"]),
            said["others"],
        )


def _optional_json(at: dt.datetime | None) -> str | None:
    return None if at is None else timestamp_json(at)


def _optional_time(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)


class FunnelAnswer(NamedTuple):
    """What was decided on a piece of evidence in one funnel.

    Attributes:
        position: Where the contact is there.
        outcome: What became of it.
        before: The stage before it.
        after: The stage after it.
        unmet: What was in the way of a refused move.
        restated: What it changed of what was said before; None for what came in order.
        decision: The reasons, where they were asked for.
    """

    position: FunnelPosition
    outcome: Outcome
    before: str
    after: str
    unmet: Unmet = ()
    restated: Restatement | None = None
    decision: Decision | None = None


@define
class ChangeResult:
    """What became of a change.

    Attributes:
        contact_id: Who it happened to.
        sequence: The place of the evidence in the contact's history.
        outcome: ``moved``, ``stayed`` or ``refused``.
        before: The stage before.
        after: The stage after.
        path: The transitions that were taken: also those that time took before a move was refused.
        unmet: For a refused move, what was in its way: label and verdict.
        duplicate: It was recorded before, under the same key; nothing was added.
        created: The contact was added for it.
        restated: What it changed, where it happened before what was known already.
        decision: The reasons, where they were asked for and it is no duplicate.
        others: What was decided in the contact's other funnels.
    """

    contact_id: str
    sequence: int
    outcome: Verb
    before: str
    after: str
    path: tuple[Taken, ...] = ()
    unmet: tuple[tuple[str, str], ...] = ()
    duplicate: bool = False
    created: bool = False
    restated: Restatement | None = None
    decision: Decision | None = None
    others: tuple[FunnelAnswer, ...] = ()


@define(eq=False)
class IdempotencyRecord:
    """What was recorded under an idempotency key, and by which definition, as columns hold it."""

    contact_id: str
    sequence: int
    event: str
    at: str
    actor: str
    facts: str
    to_stage: str
    reason: str
    force: int
    about: str
    definition: int


KnownBy: TypeAlias = Literal["id", "key", "value"]
Name: TypeAlias = tuple[KnownBy, str]
"""An id, an idempotency key, or a value of an identifying field as `plain_name` has it."""


class Erasure(NamedTuple):
    """What is known of somebody who was erased.

    Attributes:
        contact: The number that the contact has in the database.
        at: When, as the database has it.
    """

    contact: int
    at: str


class ErasedContactError(ConflictError):
    """Something is about somebody who was erased, and is not taken.

    Args:
        kind: What it was known again by.
        name: The id or the key.
        at: When the contact was erased, as the database has it.
    """

    code = "erased"
    http_status = 410

    def __init__(self, kind: KnownBy, name: str, at: str) -> None:
        self.kind = kind
        self.erased_at = at
        of_another = {"key": "the contact of the key", "value": "somebody named by"}
        what = repr(name) if kind == "id" else f"{of_another[kind]} {name!r}"
        again = f"funnelflow add {quote(name)} --readmit" if kind == "id" else "--readmit takes it"
        super().__init__(
            f"{what} was erased on {at[:10]}",
            hint=f"if it is to be known again, as somebody new: {again}",
        )


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


def not_in_funnel(name: str, funnel: str, funnels: Iterable[str]) -> UsageError:
    """Refuse what is asked of a funnel in which a contact is not.

    Args:
        name: The contact.
        funnel: The funnel.
        funnels: Those that it is in.
    """
    enter = f"funnelflow enter {quote(name)} {quote(funnel)}"
    return UsageError(
        f"{name} is not in the funnel {funnel!r}",
        hint=f"it is in {', '.join(funnels)}; to let it enter: {enter}",
    )


def already_in_funnel(name: str, funnel: str) -> ConflictError:
    """Refuse to let a contact enter a funnel twice."""
    why = f"funnelflow why {quote(name)} --funnel {quote(funnel)}"
    return ConflictError(f"{name} is in the funnel {funnel!r} already", hint=why)


def require_membership(name: str, funnel: str, funnels: Collection[str]) -> None:
    """Refuse to let a contact leave a funnel that it is not in, or the only one that it is in.

    Raises:
        UsageError: It is not in the funnel.
        ConflictError: It is in no other.
    """
    if funnel not in funnels:
        raise not_in_funnel(name, funnel, funnels)
    if len(funnels) == 1:
        raise ConflictError(
            f"{funnel!r} is the only funnel of {name}, which no contact can leave",
            hint=f"let it enter another one before: funnelflow enter {quote(name)} FUNNEL",
        )


def in_the_future(
    at: dt.datetime, now: dt.datetime, hint: str = "--future records it all the same"
) -> FieldError:
    """Refuse a time that lies in the future; of most of them the year is mistyped.

    Args:
        at: The time.
        now: The time it is.
        hint: How to have it all the same.
    """
    guess = _of_this_year(at, now)
    asked = f"did you mean {guess}" if guess else "is the year mistyped"
    return FieldError(
        f"{_minute(at)} lies more than a day in the future", hint=f"{asked}? {hint}", field="at"
    )


def _of_this_year(at: dt.datetime, now: dt.datetime) -> str:
    """Return a time in the latest year in which its date has been; empty for 29 February."""
    try:
        this_year = at.replace(year=now.year)
        return _minute(this_year if this_year <= now else at.replace(year=now.year - 1))
    except ValueError:
        return ""


def _minute(at: dt.datetime) -> str:
    return f"{at.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"


def other_content(
    key: str | None, earlier: IdempotencyRecord, differing: Sequence[str]
) -> ConflictError:
    """Refuse a key under which something else was recorded, and say what differs.

    Whom a key of another contact stands for is said to nobody but who sits at the machine.
    """
    hint, earlier_one = "a key stands for one event; use a new one for another", "something else"
    local = f"it stands for {earlier.event} of {earlier.contact_id} at {earlier.at}\n{hint}"
    if "contact" not in differing:
        earlier_one = f"{earlier.event} of {earlier.contact_id} at {earlier.at}"
        local = ""
    return ConflictError(
        f"the key {key!r} was used before, for {earlier_one}; "
        f"now it differs in: {', '.join(differing)}",
        hint=hint,
        local_hint=local,
    )


class ChangedMeanwhileError(ConflictError):
    """A contact no longer has the history that a change expects.

    Attributes:
        contact_id: Who.
        expected: How many rows it expects.
        sequence: How many there are.
    """

    def __init__(
        self, contact_id: str, expected: int, sequence: int, news: Sequence[str] = ()
    ) -> None:
        self.contact_id = contact_id
        self.expected = expected
        self.sequence = sequence
        more = sequence - expected - len(news)
        if news and more > 0:
            news = [*news, f"and {more} more"]
        super().__init__(
            f"{contact_id} has changed meanwhile: {', '.join(news) or _length(expected, sequence)}",
            hint=f"look again, then decide: funnelflow history {quote(contact_id)}",
        )


def _length(expected: int, sequence: int) -> str:
    """Say how a history differs from what is expected."""
    if sequence < expected:
        return "its history is shorter"
    return f"{sequence - expected} pieces of evidence came in"
