"""Kinds of value in a definition: how each is read, checked and described, in one place.

A kind knows three things about the values that stand under a key: how they are read from the
nodes of a file, whether an attribute of a record built in Python has one, and the JSON Schema
that tells editors. Both ways of checking state the same rule under the same code. What does not
fit is reported and replaced by the kind's `empty`, so that the rest can still be looked at.
"""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from types import NoneType
from typing import Any, TypeAlias

from attrs import define, evolve, field, frozen

from funnelflow.criteria import Position, Type, parse_duration, parse_type
from funnelflow.criteria.parser import LENGTH_CAP
from funnelflow.criteria.types import SCALARS
from funnelflow.definition.problems import Problems, Suggestion, suggest
from funnelflow.definition.source_locations import SourcePath, Span, Step, locate, span_of
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

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
"""What the names of funnels, stages, events, roles and blocks look like."""
FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
"""What the names of fields look like: expressions use them."""
LONGEST = 10_000
"""How many characters a text may have."""

Json: TypeAlias = dict[str, Any]
Steps: TypeAlias = tuple[Step, ...]
Describe: TypeAlias = Callable[["ValueKind"], Json]


@frozen
class NodeReader:
    """What reading one file needs to know, and where it reports.

    Attributes:
        path: The file, for positions.
        problems: Where everything wrong is reported.
        doubtful: Gathers the fields whose declaration could not be read as it was meant.
    """

    path: str
    problems: Problems
    doubtful: set[str] = field(factory=set)

    def problem(
        self,
        code: str,
        at: Node,
        variant: str = "",
        /,
        suggestion: Suggestion | None = None,
        **parameters: object,
    ) -> None:
        """Report a problem at a node; see `Problems.report`."""
        self.problems.report(code, span_of(self.path, at), variant, suggestion, **parameters)

    def position(self, node: Node, key: ScalarNode | None = None) -> SourcePath:
        """Return the position of a record that is read from a node, under a key."""
        at = key or node
        if isinstance(at, MappingNode) and at.keys:
            at = next(iter(at.keys.values()))
        return SourcePath(self.path, at.line, at.column, node=node, key=key)

    def text_position(self, node: Node | None) -> SourcePath | None:
        """Return where the text of a scalar begins, inside its quotes; None for other nodes."""
        if not isinstance(node, ScalarNode):
            return None
        shift = 1 if node.style in ("'", '"') else 0
        return SourcePath(self.path, node.line, node.column + shift, node=node)

    def plain(self, node: Node) -> Any:
        """Return a node as plain data: text, numbers, truth values, None, lists and dicts."""
        if isinstance(node, SequenceNode):
            return [self.plain(item) for item in node.items]
        if isinstance(node, MappingNode):
            return {key: self.plain(value) for key, value in node.items()}
        try:
            return resolve(node)
        except TooLargeError:
            self.problem("F008", node)
            return None

    def mapping(self, node: Node | None, what: str) -> MappingNode:
        """Return a node as a mapping: an empty one for nothing, and for what is reported."""
        if isinstance(node, MappingNode):
            return node
        if node is not None and not is_nothing(node):
            misfit(self, node, node, what, "a mapping of keys")
        return MappingNode(node.line if node else 1, node.column if node else 1)


@define
class RecordChecker:
    """Where one record was built, and where what does not fit into it is reported.

    Attributes:
        problems: Where everything wrong is reported.
        position: Where the record was written; None if it was built in Python.
        noun: What kind of record it is.
        name: What it is called; a number for an item of a list.
        outer: The checker of the record that it is a part of.
    """

    problems: Problems
    position: Position | None
    noun: str = ""
    name: str | int = ""
    outer: "RecordChecker | None" = None

    def problem(
        self,
        code: str,
        at: Steps,
        variant: str = "",
        /,
        suggestion: Suggestion | None = None,
        **parameters: object,
    ) -> None:
        """Report a problem with a part of the record; see `Problems.report`."""
        span = locate(self.position, *at) if self.position else Span(None, about=self.about())
        self.problems.report(code, span, variant, suggestion, **parameters)

    def about(self) -> str:
        """Return what the record is, and inside which others, in words."""
        whole = f"{self.noun} {self.name!r}" if self.name else self.noun
        outer = self.outer.about() if self.outer else ""
        return f"{outer}, {whole}" if outer else whole

    def inside(self, record: Any, noun: str, name: str | int) -> "RecordChecker":
        """Return the checker of a record that is a part of this one."""
        position = getattr(record, "position", None)
        return RecordChecker(self.problems, position, noun, name, self)


Reporter: TypeAlias = NodeReader | RecordChecker


def misfit(to: Reporter, at: Any, value: Any, what: str, rule: str, *, code: str = "F103") -> None:
    """Report a value, a node or what stands in a record, that breaks a rule."""
    to.problem(code, at, "kind", what=what, rule=rule, found=words_for(value))


def words_for(value: Any) -> str:
    """Return what kind of thing a node or a value is, for a message."""
    plain = _resolved(value) if isinstance(value, ScalarNode) else value
    if isinstance(plain, int | float) and not isinstance(plain, bool):
        return f"the number {text_of(value)[:20]}"
    if plain == "":
        return "empty"
    found = next((words for kind, words in _WORDS.items() if isinstance(plain, kind)), None)
    return found or f"of type {type(plain).__name__}"


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

    Its methods report what does not fit, with `what` the value is for as the subject of the
    sentence, and return `empty` instead.

    Attributes:
        defined_as: The name under which JSON Schemas define it; empty where it stands inline.
        about: What it is, for editors.
        empty: What an attribute has that says nothing, and what counts for what does not fit.
    """

    defined_as: str = ""
    about: str = ""
    empty: Any = field(default=None, kw_only=True)

    def read(self, reader: NodeReader, node: Node, what: str) -> Any:  # noqa: ARG002
        """Return the value of a node."""
        return reader.plain(node)

    def check(self, checker: RecordChecker, value: Any, at: Steps, what: str) -> Any:  # noqa: ARG002
        """Return the value of a record's attribute; `at` leads from the record to it."""
        return value

    def schema(self, describe: Describe) -> Json:  # noqa: ARG002
        """Return its JSON Schema; `describe` gives that of another kind, perhaps by reference."""
        scalars = ["string", "number", "boolean"]
        return {"anyOf": [{"type": scalars}, {"type": "array", "items": {"type": scalars}}]}


@frozen(kw_only=True)
class ScalarKind(ValueKind):
    """A kind of single value.

    Attributes:
        rule: What a value must be, in words.
        fits: Whether a plain value is of this kind.
        described: Its JSON Schema.
        help: Parameters that say what to do about a node or a value that does not fit.
        shows_text: Whether a message shows the text that does not fit.
    """

    rule: str
    fits: Callable[[Any], bool]
    described: Json
    help: Callable[[Any], Mapping[str, Any]] = lambda _: {}
    shows_text: bool = False

    def read(self, reader: NodeReader, node: Node, what: str) -> Any:
        """Return the value of a node; `empty`, after a report, when it is of another kind."""
        value = reader.plain(node) if isinstance(node, ScalarNode) else node
        if self.fits(value):
            return value
        self.report(reader, node, node, what)
        return self.empty

    def check(self, checker: RecordChecker, value: Any, at: Steps, what: str) -> Any:
        """Return the value of a record's attribute; `empty`, after a report, if it is another."""
        if self.fits(value) or (value == self.empty and type(value) is type(self.empty)):
            return value
        self.report(checker, at, value, what)
        return self.empty

    def report(self, to: Reporter, at: Any, value: Any, what: str) -> None:
        """Report a node or a value that does not fit."""
        found = words_for(value)
        if found == "empty":
            to.problem("F103", at, "empty", what=what)
            return
        if found == "text" and self.shows_text:
            found = repr(text_of(value))
        to.problem(
            "F103", at, "kind", lambda: self.help(value), what=what, rule=self.rule, found=found
        )

    def schema(self, describe: Describe) -> Json:  # noqa: ARG002
        """Return the JSON Schema of the kind."""
        return self.described


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


def text_kind(pattern: str = "", defined_as: str = "", about: str = "") -> ScalarKind:
    """Return the kind of a text that says something, perhaps a name.

    What a name looks like is for editors: lint reports one that looks otherwise.
    """
    limits: Json = {"pattern": f"^{pattern}$"} if pattern else {"minLength": 1, **_SHORT}
    return ScalarKind(
        defined_as,
        about,
        rule="text",
        fits=_says_something,
        described={"type": "string", **limits},
        help=_text_help,
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


def whole_number(least: int, most: int | None = None, empty: int | None = None) -> ScalarKind:
    """Return the kind of a whole number; its range is for editors, and checked elsewhere."""
    maximum = {} if most is None else {"maximum": most}
    return ScalarKind(
        rule="a whole number",
        fits=lambda value: isinstance(value, int) and not isinstance(value, bool),
        described={"type": "integer", "minimum": least, **maximum},
        empty=empty,
    )


@frozen(kw_only=True)
class DurationKind(ScalarKind):
    """A length of time: ``30d`` in a file, a `datetime.timedelta` in Python."""

    def read(self, reader: NodeReader, node: Node, what: str) -> dt.timedelta | None:
        """Return the length of time that a node says; None, after a report, if it says none."""
        value = reader.plain(node) if isinstance(node, ScalarNode) else None
        if not isinstance(value, str) or not value:
            self.report(reader, node, node, what)
            return None
        try:
            return parse_duration(value)
        except ValueError as error:
            reader.problem("F209", node, "duration", what=what, reason=str(error))
            return None


def _duration_help(value: Any) -> Mapping[str, Any]:
    if isinstance(value, ScalarNode) and words_for(value).startswith("the number"):
        return {"help": f"say of what: {value.text}d, {value.text}h or {value.text}m"}
    if isinstance(value, ScalarNode | SequenceNode | MappingNode):
        return {"help": "write it as 30d, 36h or 1h30m"}
    return {"help": "write it as datetime.timedelta(…)"}


@frozen(kw_only=True)
class FieldTypeKind(ScalarKind):
    """The type of a field."""

    def read(self, reader: NodeReader, node: Node, what: str) -> Type:
        """Return the type that a node names; after a report the one that it nearly names."""
        text = TEXT.read(reader, node, what)
        found = parse_type(text)
        if found is not None or not text:
            return found or self.empty
        known = (*SCALARS, "list of text")
        guess = nearest(text, known)
        meant = {"guess": guess} if guess else {"known": known}
        reader.problem("F301", node, "unknown", lambda: meant, name=text)
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

    def read(self, reader: NodeReader, node: Node, what: str) -> str:
        """Return the source that a node holds; empty, after a report, when it holds none."""
        if isinstance(node, ScalarNode) and (node.text or not node.is_plain):
            return node.text
        if isinstance(node, ScalarNode):
            misfit(reader, node, node, what, self.rule)
        else:
            reader.problem("F005", node, "collection", what=what)
        return ""


@frozen
class FactKind(ValueKind):
    """A plain value, or nothing, which takes a fact back."""

    def schema(self, describe: Describe) -> Json:
        """Return the JSON Schema of the kind."""
        return {"anyOf": [describe(PLAIN), {"type": "null"}]}


_SHORT: Json = {"maxLength": LONGEST}

PLAIN = ValueKind("plain", "A value: text, a number, true or false, or a list of these.")
SINGLE = ScalarKind(
    rule="text, a number, or true or false",
    fits=lambda value: not isinstance(value, SequenceNode | MappingNode | None),
    described={"type": ["string", "number", "boolean"]},
)
FACT = FactKind(empty=object())
TEXT = ScalarKind(
    rule="text", fits=_is_text, described={"type": "string", **_SHORT}, help=_text_help, empty=""
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
    "duration",
    "A length of time: 30d, 2w, 36h, 1h30m.",
    rule="a length of time",
    fits=lambda value: value is None or isinstance(value, dt.timedelta),
    described={"type": "string", "pattern": r"^\s*-?([0-9]+(\.[0-9]+)?\s*[a-z]+\s*)+$"},
    help=_duration_help,
)
FIELD_TYPE = FieldTypeKind(
    "type",
    "What kind of value it is.",
    rule="the type of a field",
    fits=lambda value: isinstance(value, Type),
    described={"enum": [*SCALARS, *(f"list of {name}" for name in SCALARS)]},
    help=_type_help,
    empty=SCALARS["text"],
)
EXPRESSION = ExpressionKind(
    "expression",
    "An expression over contact.x, event.x and now, such as contact.budget >= 5000 or "
    "has(contact.email). One that begins with ! [ { or a quote, or holds ': ' or ' #', stands in "
    "single quotes.",
    rule="an expression",
    fits=_is_text,
    described={"type": ["string", "boolean", "number"], "maxLength": LENGTH_CAP},
    empty="",
)
