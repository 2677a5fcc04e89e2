"""Kinds of value in a definition: how each is taken from a file or from Python, and described.

A kind knows two things about the values that stand under a key: what they must be, and the JSON
Schema that tells editors. What it takes is a node of a file, or what stands in a record that was
built in Python: one rule under one code for both. What does not fit is reported and replaced by
the kind's `empty`, so that the rest can still be looked at.
"""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from types import NoneType
from typing import Any, TypeAlias

from attrs import evolve, field, frozen

from funnelflow.criteria import Type, parse_duration, parse_type
from funnelflow.criteria.parser import LENGTH_CAP
from funnelflow.criteria.value_forms import SCALARS
from funnelflow.definition.model import NAME, is_date
from funnelflow.definition.problems import Place, suggest
from funnelflow.definition.yaml.compose import UNSAFE, character_words
from funnelflow.definition.yaml.nodes import (
    MappingNode,
    Node,
    Plain,
    ScalarNode,
    SequenceNode,
    TooLargeError,
    resolve,
)
from funnelflow.errors import nearest

FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
"""What the names of fields look like: expressions use them."""
LONGEST = 10_000
"""How many characters a text may have."""

Json: TypeAlias = dict[str, Any]
Describe: TypeAlias = Callable[["ValueKind"], Json]
Further: TypeAlias = Callable[[Place, Any], object]
"""Reports what else may be wrong with a value that is of its kind."""


def plain(here: Place, value: Any) -> Any:
    """Return a node as plain data: text, numbers, truth values, None, lists and dicts."""
    if isinstance(value, SequenceNode):
        return [plain(here.part(number), item) for number, item in enumerate(value.items)]
    if isinstance(value, MappingNode):
        return {key: plain(here.part(key), item) for key, item in value.items()}
    if not isinstance(value, ScalarNode):
        return value
    try:
        return resolve(value)
    except TooLargeError:
        here.report("F008")
        return None


def items_of(value: Any) -> list[Any] | tuple[Any, ...] | None:
    """Return the items of a list, from a file or not; None for other values."""
    if isinstance(value, SequenceNode):
        return value.items
    return value if isinstance(value, list | tuple) else None


def entries_of(value: Any) -> Mapping[Any, Any] | None:
    """Return the values of a mapping, from a file or not; None for other values."""
    if isinstance(value, MappingNode):
        return value.values
    return value if isinstance(value, Mapping) else None


def misfit(here: Place, value: Any, what: str, rule: str, *, code: str = "F103") -> None:
    """Report a value, a node or what stands in a record, that breaks a rule."""
    here.report(code, "kind", what=what, rule=rule, found=words_for(value))


def words_for(value: Any) -> str:
    """Return what kind of thing a node or a value is, for a message."""
    bare = _resolved(value) if isinstance(value, ScalarNode) else value
    if isinstance(bare, int | float) and not isinstance(bare, bool):
        return f"the number {text_of(value)[:20]}"
    if bare == "":
        return "empty"
    found = next((words for kind, words in _WORDS.items() if isinstance(bare, kind)), None)
    return found or f"of type {type(bare).__name__}"


_WORDS: dict[type, str] = {
    **dict.fromkeys((SequenceNode, list, tuple), "a list"),
    **dict.fromkeys((MappingNode, Mapping), "a mapping"),
    NoneType: "nothing",
    bool: "a truth value",
    str: "text",
}


def text_of(value: Any) -> str:
    """Return the text of a node or of a single value, for a message; empty for other values."""
    if isinstance(value, ScalarNode):
        return value.text
    return str(value) if isinstance(value, str | bool | int | float) else ""


def is_nothing(node: Node | None) -> bool:
    """Whether a key was written with no value after it."""
    return isinstance(node, ScalarNode) and _resolved(node) is None


def _resolved(node: ScalarNode) -> Plain:
    try:
        return resolve(node)
    except TooLargeError:
        return 0


@frozen
class ValueKind:
    """A kind of value; this one is any plain value: text, a number, a truth value, or a list.

    Attributes:
        defined_as: The name under which JSON Schemas define it; empty where it stands inline.
        about: What it is, for editors.
        described: Its JSON Schema, or what makes it of those of others.
        empty: What an attribute has that says nothing, and what counts for what does not fit.
        is_vital: Whether nothing can be said of the whole where a value cannot be read.
    """

    defined_as: str = field(default="", kw_only=True)
    about: str = field(default="", kw_only=True)
    described: Json | Callable[[Describe], Json] = field(factory=dict, kw_only=True)
    empty: Any = field(default=None, kw_only=True)
    is_vital: bool = field(default=False, kw_only=True)

    def take(self, here: Place, value: Any, what: str) -> Any:  # noqa: ARG002
        """Return what a value says.

        Args:
            here: Where it stands, and where it is reported if it does not fit.
            value: A node of a file, or what stands in a record that was built in Python.
            what: What the value is for, the subject of the sentence in a message.
        """
        return plain(here, value)

    def is_unsaid(self, value: Any) -> bool:
        """Whether an attribute of a record says nothing."""
        return type(value) is type(self.empty) and value == self.empty

    def schema(self, describe: Describe) -> Json:
        """Return its JSON Schema; `describe` gives that of another kind, perhaps by reference."""
        return self.described(describe) if callable(self.described) else self.described


@frozen(kw_only=True)
class ScalarKind(ValueKind):
    """A kind of single value.

    Attributes:
        rule: What a value must be, in words.
        fits: Whether a plain value is of this kind.
        help: Parameters that say what to do about a node or a value that does not fit.
        shows_text: Whether a message shows the text that does not fit.
        further: Reports what else may be wrong with a value that fits.
    """

    rule: str
    fits: Callable[[Any], bool]
    help: Callable[[Any], Mapping[str, Any]] = lambda _: {}
    shows_text: bool = False
    further: Further | None = None

    def take(self, here: Place, value: Any, what: str) -> Any:
        """Return the single value; `empty`, after a report, for one of another kind."""
        found = plain(here, value) if isinstance(value, ScalarNode) else value
        if not (self.fits(found) or self.is_unsaid(value)):
            return self.refuse(here, value, what)
        if self.further is not None:
            self.further(here, found)
        return found

    def refuse(self, here: Place, value: Any, what: str) -> Any:
        """Report a node or a value that does not fit, and return what counts instead."""
        found = words_for(value)
        if found == "empty":
            here.report("F103", "empty", what=what)
            return self.empty
        if found == "text" and self.shows_text:
            found = repr(text_of(value))
        here.report(
            "F103", "kind", lambda: self.help(value), what=what, rule=self.rule, found=found
        )
        return self.empty


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _says_something(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _text_help(value: Any) -> Mapping[str, Any]:
    """Return how a number or a truth value is written as text, or what to do about nothing."""
    if is_nothing(value):
        return {"help": "write text after the colon, or remove the key"}
    shown = text_of(value)
    return {"help": f"put it in quotes: '{shown[:40]}'"} if shown else {}


def check_text(here: Place, text: str) -> None:
    """Report a text that is too long, or has characters that steer or hide.

    A file cannot hold such characters; a record that was built in Python is held to the same.
    """
    if len(text) > LONGEST:
        here.report("F212", "length", most=LONGEST)
    elif not (text.isascii() and text.isprintable()) and (unsafe := UNSAFE.search(text)):
        here.report("F212", "unsafe", character=character_words(unsafe[0]))


def name_check(noun: str, reserved: Mapping[str, str] | None = None) -> Further:
    """Return what reports a name that something of a kind cannot have, by what that is called."""

    def check(here: Place, name: str) -> None:
        if not NAME.fullmatch(name):
            here.report("F201", "name" if name else "empty", name=name, kind=noun)
        elif name in (reserved or ()):
            here.report("F202", "event", name=name, meaning=(reserved or {})[name])

    return check


def text_kind(pattern: str = "", defined_as: str = "", about: str = "") -> ScalarKind:
    """Return the kind of a text that says something, perhaps a name.

    What a name looks like is for editors; `name_check` reports one that looks otherwise.
    """
    limits: Json = {"pattern": f"^{pattern}$"} if pattern else {"minLength": 1, **_SHORT}
    return ScalarKind(
        defined_as=defined_as,
        about=about,
        rule="text",
        fits=_says_something,
        described={"type": "string", **limits},
        help=_text_help,
        further=None if pattern else check_text,
        empty="",
    )


def one_of(*words: str) -> ScalarKind:
    """Return the kind of one of several words; the first is meant where none stands."""

    def _help(value: Any) -> Mapping[str, Any]:
        is_word = words_for(value) == "text"
        return suggest(text_of(value), words)() if is_word else _text_help(value)

    return ScalarKind(
        rule=f"one of {', '.join(words)}",
        fits=lambda value: isinstance(value, str) and value in words,
        described={"enum": list(words)},
        help=_help,
        shows_text=True,
        empty=words[0],
    )


def whole_number(least: int, further: Further | None = None, **limits: int) -> ScalarKind:
    """Return the kind of a whole number; its limits are for editors, `further` checks them."""
    return ScalarKind(
        rule="a whole number",
        fits=lambda value: isinstance(value, int) and not isinstance(value, bool),
        described={"type": "integer", "minimum": least, **limits},
        further=further,
        empty=least,
    )


@frozen(kw_only=True)
class DurationKind(ScalarKind):
    """A length of time: ``30d`` in a file, a `datetime.timedelta` in Python."""

    def take(self, here: Place, value: Any, what: str) -> Any:
        """Return the length of time; None, after a report, if there is none."""
        if not isinstance(value, Node):
            return ScalarKind.take(self, here, value, what)
        text = plain(here, value) if isinstance(value, ScalarNode) else None
        if not isinstance(text, str) or not text:
            self.refuse(here, value, what)
            return None
        return self.read(here, text, what)

    def read(self, here: Place, text: str, what: str) -> Any:
        """Return the length of time that a text of a file says; None, after a report, for none."""
        try:
            return parse_duration(text)
        except ValueError as error:
            here.report("F209", "duration", what=what, reason=str(error))
            return None


@frozen(kw_only=True)
class WaitKind(DurationKind):
    """What a transition waits for: a length of time, or an expression that gives a moment."""

    def read(self, here: Place, text: str, what: str) -> Any:
        """Return the length of time, or the source of the expression."""
        return text if is_date(text) else DurationKind.read(self, here, text, what)


def _duration_help(value: Any) -> Mapping[str, Any]:
    if isinstance(value, ScalarNode) and words_for(value).startswith("the number"):
        return {"help": f"say of what: {value.text}d, {value.text}h or {value.text}m"}
    if isinstance(value, Node):
        return {"help": "write it as 30d, 36h or 1h30m"}
    return {"help": "write it as datetime.timedelta(…)"}


@frozen(kw_only=True)
class FieldTypeKind(ScalarKind):
    """The type of a field: its name in a file, a `Type` in Python."""

    def take(self, here: Place, value: Any, what: str) -> Any:
        """Return the type; after a report the one that is nearly named, or `empty`."""
        if not isinstance(value, Node):
            return ScalarKind.take(self, here, value, what)
        text = TEXT.take(here, value, what)
        found = parse_type(text)
        if found is not None or not text:
            return found or self.empty
        known = (*SCALARS, "list of text")
        guess = nearest(text, known)
        meant = {"guess": guess} if guess else {"known": known}
        here.report("F301", "unknown", lambda: meant, name=text)
        return parse_type(guess or "") or self.empty


def _type_help(value: Any) -> Mapping[str, Any]:
    """Return how a type that is named in Python is written there."""
    found = parse_type(value) if isinstance(value, str) else None
    if found is None:
        return {}
    of = found.item or found
    written = f"list_of({of.name.upper()})" if found.item else of.name.upper()
    return {"help": f"write {written} of funnelflow.criteria"}


@frozen(kw_only=True)
class ExpressionKind(ScalarKind):
    """The source of an expression: the text as it stands, whatever YAML makes of it."""

    def take(self, here: Place, value: Any, what: str) -> Any:
        """Return the source; empty, after a report, when there is none."""
        if isinstance(value, ScalarNode) and (value.text or not value.is_plain):
            return value.text
        if isinstance(value, SequenceNode | MappingNode):
            here.report("F005", "collection", what=what)
            return ""
        return ScalarKind.take(self, here, value, what)


_SHORT: Json = {"maxLength": LONGEST}

_SINGLE: Json = {"type": ["string", "number", "boolean"]}

PLAIN = ValueKind(
    defined_as="plain",
    about="A value: text, a number, true or false, or a list of these.",
    described={"anyOf": [_SINGLE, {"type": "array", "items": _SINGLE}]},
)
SINGLE = ScalarKind(
    rule="text, a number, or true or false",
    fits=lambda value: not isinstance(value, SequenceNode | MappingNode | None),
    described=_SINGLE,
)
FACT = ValueKind(
    described=lambda describe: {"anyOf": [describe(PLAIN), {"type": "null"}]}, empty=object()
)
"""A plain value, or nothing, which takes a fact back."""
TEXT = ScalarKind(
    rule="text",
    fits=_is_text,
    described={"type": "string", **_SHORT},
    help=_text_help,
    further=check_text,
    empty="",
)
LABEL = evolve(TEXT, defined_as="label", about="What people read.")
WORDS = text_kind()
NAME_TEXT = text_kind(NAME.pattern, "name", "Letters, digits, _ and -, a letter first.")
STAGE_NAME = text_kind(
    rf"{NAME.pattern}(\.{NAME.pattern})*",
    "dotted",
    "A stage; nested ones with their outer stage, as in lead.inquiry.",
)
TRUTH = ScalarKind(
    rule="true or false",
    fits=lambda value: isinstance(value, bool),
    described={"type": "boolean"},
    empty=False,
)
DURATION = DurationKind(
    defined_as="duration",
    about="A length of time: 30d, 2w, 36h, 1h30m.",
    rule="a length of time",
    fits=lambda value: value is None or isinstance(value, dt.timedelta),
    described={"type": "string", "pattern": r"^\s*-?([0-9]+(\.[0-9]+)?\s*[a-z]+\s*)+$"},
    help=_duration_help,
)
WAIT = WaitKind(
    defined_as="wait",
    about="A length of time, such as 30d or 36h, or an expression that gives a moment, such as "
    "contact.next_contact_at.",
    rule="a length of time, or a date such as contact.close_date",
    fits=lambda value: (
        isinstance(value, dt.timedelta | None) or (isinstance(value, str) and is_date(value))
    ),
    described=lambda describe: {
        "anyOf": [
            describe(DURATION),
            {"type": "string", "pattern": "contact[.]", "maxLength": LENGTH_CAP},
        ]
    },
    help=_duration_help,
)
FIELD_TYPE = FieldTypeKind(
    defined_as="type",
    about="What kind of value it is.",
    rule="the type of a field",
    fits=lambda value: isinstance(value, Type),
    described={"enum": [*SCALARS, *(f"list of {name}" for name in SCALARS)]},
    help=_type_help,
    empty=SCALARS["text"],
)
EXPRESSION = ExpressionKind(
    defined_as="expression",
    about="An expression over contact.x, event.x and now, such as contact.budget >= 5000 or "
    "has(contact.email). One that begins with ! [ { or a quote, or holds ': ' or ' #', stands in "
    "single quotes.",
    rule="an expression",
    fits=_is_text,
    described={"type": ["string", "boolean", "number"], "maxLength": LENGTH_CAP},
    empty="",
)
