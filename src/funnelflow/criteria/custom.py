"""Criteria that plugins write in Python: how they are asked, and what they answered.

An answer from outside is evidence. It names its question: the criterion, its arguments, and all
that it looked at while it was asked. So whoever folds a story again finds the answer that was
given to the same question, whatever the plugin would say today, and wherever it has gone. Who
does puts the answers in force (`answering`); where nobody has, the criterion is asked.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, Protocol, TypeAlias

from attrs import field, frozen

from funnelflow.criteria.fields import Field
from funnelflow.criteria.value_forms import Facts, Fields, dump_value, shown_text

_CONTACT: Final = "contact."
_EVENT: Final = "event."
_NOW: Final = "now"


@frozen
class CustomCall:
    """What a plugin's criterion is asked with; none of it can be changed.

    What it looks at becomes part of the question, under which its answer is kept.

    Attributes:
        fields: What is known about the contact, with the facts of the event, by the names of the
            vocabulary; a field that nobody knows is not there.
        facts: What the event itself brought; None for a field that it takes back. Empty where
            the criterion is asked about without an event, as by ``why``.
        now: The time of the evidence, in UTC.
        arguments: What the definition calls it with, as values of their types, the provider's
            defaults filled in.
    """

    fields: Fields
    facts: Facts
    _now: dt.datetime
    arguments: Mapping[str, Any]
    _looked: dict[str, Any] = field(factory=dict, eq=False, repr=False)

    @property
    def now(self) -> dt.datetime:
        """The time of the evidence."""
        self._looked[_NOW] = self._now
        return self._now


class Watched(Mapping[str, Any]):
    """Facts that note which of them are looked at.

    Args:
        facts: The facts.
        looked: Where each is noted with its value, None for one that is not there; the whole,
            where somebody goes through all of them, under the prefix alone.
        prefix: What stands before the names there.
    """

    __slots__ = ("_facts", "_looked", "_prefix")

    def __init__(self, facts: Mapping[str, Any], looked: dict[str, Any], prefix: str = "") -> None:
        self._facts = dict(facts)
        self._looked = looked
        self._prefix = prefix

    def __getitem__(self, name: str) -> Any:
        """Return the value of a fact."""
        self._looked[f"{self._prefix}{name}"] = self._facts.get(name)
        return self._facts[name]

    def __iter__(self) -> Iterator[str]:
        """Yield the names of all."""
        self._looked[self._prefix] = tuple(sorted(self._facts))
        return iter(self._facts)

    def __len__(self) -> int:
        """Return how many there are."""
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        """Return them as a dict is shown."""
        return repr(dict(self))


@frozen
class Custom:
    """A plugin's criterion: met where its function gives True, unknown where it gives None.

    A function that raises, exits or gives anything else fails closed: the criterion is
    unknown, for a reason that names the plugin. `reads` are the contact's fields that it says
    it looks at; they are shown, and asked for where they are unknown. `written` are the
    arguments as the definition writes them, where that is not as they are given: an answer is
    known by these, whatever the plugin's types and defaults have become.
    """

    label: str
    function: Callable[[CustomCall], bool | None]
    provider: str
    name: str
    arguments: Mapping[str, Any] = field(factory=dict)
    reads: tuple[Field, ...] = ()
    version: str = ""
    written: Mapping[str, Any] | None = field(default=None, eq=False)


class CannotTellError(Exception):
    """Raised by what stands in for a criterion: its text is all that there is to say."""


@frozen
class CustomAnswer:
    """What a plugin's criterion answered, with the question; a piece of evidence.

    Attributes:
        criterion: Its name.
        plugin: Who offers it; empty where nobody did.
        version: The plugin's version then; empty where it has none.
        arguments: What the definition calls it with, in storage form.
        looked: What it looked at, in storage form: fields of the contact as ``contact.budget``,
            facts of the event as ``event.amount``, the time as ``now``; None for what was not
            known. ``contact.`` and ``event.`` alone list the names where it went through all.
        met: True, False, or None for unknown.
        failure: What went wrong instead; empty where it did answer.
        at: The moment that it was asked about, where that is not the moment of the evidence that
            it was asked for: time opened something before it, or it was folded in.
    """

    criterion: str
    plugin: str
    version: str
    arguments: Mapping[str, Any]
    looked: Mapping[str, Any]
    met: bool | None
    failure: str = ""
    at: dt.datetime | None = None

    def failed(self) -> str:
        """Return what went wrong, in words."""
        who = f"{self.criterion} of plugin {self.plugin} " if self.plugin else ""
        return f"{who}{self.failure}"

    def to_json(self) -> dict[str, Any]:
        """Return the answer with its question as data."""
        return {
            "criterion": self.criterion,
            "plugin": self.plugin,
            "version": self.version,
            "arguments": dict(self.arguments),
            "looked": dict(self.looked),
            "answer": self.met,
            "failure": self.failure,
            "at": None if self.at is None else dump_value(self.at),
        }

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> "CustomAnswer":
        """Read what `to_json` returned."""
        at = said["at"]
        return cls(
            said["criterion"],
            said["plugin"],
            said["version"],
            said["arguments"],
            said["looked"],
            said["answer"],
            said["failure"],
            None if at is None else dt.datetime.fromisoformat(at),
        )

    def agrees(self, other: "CustomAnswer") -> bool:
        """Whether another answer says the same, however it may have failed."""
        return self.met is other.met and bool(self.failure) == bool(other.failure)


NOT_ASKED: Final = CustomAnswer("", "", "", {}, {}, None)
"""The answer to a question that nobody has asked, where nobody may."""


Question: TypeAlias = tuple[str, tuple[tuple[str, Any], ...]]
"""A criterion with its arguments, as a key."""


def question_of(name: str, arguments: Mapping[str, Any]) -> Question:
    """Return a criterion with its arguments, in storage form, as a key."""
    return name, tuple((key, _hashable(arguments[key])) for key in sorted(arguments))


def seen_by(answer: CustomAnswer, names: Iterable[str]) -> tuple[Any, ...]:
    """Return what a criterion saw when it answered, as a key."""
    return tuple(_hashable(answer.looked[name]) for name in names)


def seen_now(
    names: Iterable[str], fields: Fields, facts: Facts, now: dt.datetime
) -> tuple[Any, ...]:
    """Return what a criterion would see now that looks at the same, as a key.

    Args:
        names: What it looks at, as `CustomAnswer.looked` names it.
        fields: What is known about the contact.
        facts: What the event brought.
        now: The time.
    """
    return tuple(_hashable(_seen(name, fields, facts, now)) for name in names)


def _seen(name: str, fields: Fields, facts: Facts, now: dt.datetime) -> Any:
    """Return what a criterion sees, in storage form."""
    if name == _NOW:
        return dump_value(now)
    place, dot, key = name.partition(".")
    known: Mapping[str, Any] = fields if place + dot == _CONTACT else facts
    value = known.get(key) if key else tuple(sorted(known))
    return None if value is None else dump_value(value)


def _hashable(stored: Any) -> Any:
    return tuple(stored) if isinstance(stored, list) else stored


def stored_arguments(rule: Custom) -> dict[str, Any]:
    """Return what a definition calls a criterion with, in storage form."""
    arguments = rule.arguments if rule.written is None else rule.written
    return {name: dump_value(value) for name, value in arguments.items()}


def ask_custom(rule: Custom, fields: Fields, facts: Facts, now: dt.datetime) -> CustomAnswer:
    """Ask a plugin's criterion; it never raises."""
    looked: dict[str, Any] = {}
    plugin, version, met, failure = rule.provider, rule.version, None, ""
    watched = Watched(fields, looked, _CONTACT), Watched(facts, looked, _EVENT)
    try:
        answer: Any = rule.function(CustomCall(*watched, now, rule.arguments, looked))
    except CannotTellError as error:
        plugin, version, failure = "", "", str(error)
    except (Exception, SystemExit) as error:  # noqa: BLE001  # a plugin may raise anything
        failure = f"raised {type(error).__name__}: {shown_text(str(error))}"
    else:
        if answer is None or isinstance(answer, bool):
            met = answer
        else:
            failure = f"gave {type(answer).__name__}, not True, False or None"
    seen = {n: None if looked[n] is None else dump_value(looked[n]) for n in sorted(looked)}
    arguments = stored_arguments(rule)
    return CustomAnswer(rule.name, plugin, version, arguments, seen, met, failure)


class AnswerSource(Protocol):
    """Who answers for the criteria of plugins.

    Attributes:
        is_lacking: Whether somebody has had no answer, because the criterion failed or was not
            asked; set back by whoever wants to know.
    """

    is_lacking: bool

    def answer(self, rule: Custom, fields: Fields, facts: Facts, now: dt.datetime) -> CustomAnswer:
        """Return the answer that decides; `NOT_ASKED` where there is none."""

    def ask(self, rule: Custom, fields: Fields, facts: Facts, now: dt.datetime) -> CustomAnswer:
        """Ask for an answer that decides nothing."""


_source: ContextVar[AnswerSource | None] = ContextVar("funnelflow_answers", default=None)


@contextmanager
def answering(source: AnswerSource | None) -> Iterator[None]:
    """Let somebody answer for the criteria of plugins within a block; None to ask each."""
    token = _source.set(source)
    try:
        yield
    finally:
        _source.reset(token)


def answer_source() -> AnswerSource | None:
    """Return who answers for the criteria of plugins; None where each is asked."""
    return _source.get()


def custom_answer(rule: Custom, fields: Fields, facts: Facts, now: dt.datetime) -> CustomAnswer:
    """Return the answer of a plugin's criterion that decides."""
    source = _source.get()
    if source is None:
        return ask_custom(rule, fields, facts, now)
    answer = source.answer(rule, fields, facts, now)
    if answer.failure or answer is NOT_ASKED:
        source.is_lacking = True
    return answer


def shown_answer(rule: Custom, fields: Fields, facts: Facts, now: dt.datetime) -> CustomAnswer:
    """Return the answer of a plugin's criterion to be shown: the one that decides, or would."""
    source = _source.get()
    if source is None:
        return ask_custom(rule, fields, facts, now)
    answer = source.answer(rule, fields, facts, now)
    return source.ask(rule, fields, facts, now) if answer is NOT_ASKED else answer
