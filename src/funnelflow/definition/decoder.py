"""The source of an expression, from its node."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from attrs import field, frozen

from funnelflow.criteria import Field, Position, parse_duration
from funnelflow.definition.model import (
    Criterion,
    EventType,
    Group,
    Invariant,
    Scenario,
    Stage,
    Transition,
)
from funnelflow.definition.problems import Help, Problems, SourcePath, Span, did_you_mean, span_of
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


@frozen
class Use(Criterion):
    """Stands where the criteria of a named block go, until the vocabulary is known."""

    block: str = ""


@frozen
class Draft:
    """What one definition file says; None and empty for what it does not say.

    Attributes:
        name: The funnel's name.
        vocabulary: The name of the vocabulary it shares.
        fields: Fields of its own.
        events: Events of its own.
        criteria: Blocks of criteria of its own.
        extends: The name of the definition it builds on.
        without: The stages of that definition which it removes.
        is_partial: Whether a stage or transition could not be read, so that checks of
            the whole would find faults that are none.
    """

    name: str
    path: str
    position: Position
    version: int | None = None
    title: str = ""
    about: str = ""
    vocabulary: str = ""
    fields: Mapping[str, Field] = field(factory=dict)
    events: Mapping[str, EventType] = field(factory=dict)
    criteria: Mapping[str, Group] = field(factory=dict)
    initial: str = ""
    extends: str = ""
    without: tuple[str, ...] = ()
    stages: tuple[Stage, ...] = ()
    transitions: tuple[Transition, ...] = ()
    always: tuple[Invariant, ...] = ()
    scenarios: tuple[Scenario, ...] = ()
    force: tuple[str, ...] = ()
    is_partial: bool = False


T = TypeVar("T")


@frozen
class Shape:
    """Reads the values of one file; what does not fit is reported and left out.

    Attributes:
        path: The file, for positions.
        problems: Where faults are reported.
        doubtful: Gathers the fields whose declaration could not be read as it was meant.
    """

    path: str
    problems: Problems
    doubtful: set[str] = field(factory=set)

    def problem(self, code: str, node: Node, message: str, help: Help = "") -> None:  # noqa: A002
        """Report a fault at a node."""
        self.problems.add(code, span_of(self.path, node), message, help)

    def place(self, node: Node, key: ScalarNode | None = None) -> SourcePath:
        """Give the place of a record that is read from a node, under a key."""
        at = key or node
        if isinstance(at, MappingNode) and at.keys:
            at = next(iter(at.keys.values()))
        return SourcePath(self.path, at.line, at.column, node=node, key=key)

    def text_place(self, node: ScalarNode) -> SourcePath:
        """Give the place where the text of a scalar begins, inside its quotes."""
        shift = 1 if node.style in ("'", '"') else 0
        return SourcePath(self.path, node.line, node.column + shift, node=node)

    def mapping(
        self, node: Node | None, what: str, known: Iterable[str], required: Iterable[str] = ()
    ) -> dict[str, Node]:
        """Give the keys of a mapping with their nodes, after checking which keys there are.

        Args:
            node: What was found; None and nothing count as a mapping without keys.
            what: What the mapping describes, with its article, for messages.
            known: The keys it may have.
            required: The keys it must have.
        """
        found = self.anything(node, what)
        names = tuple(known)
        unknown = [name for name in found.keys if name not in names]
        for name in unknown:
            message = f"{what} has no key {name!r}"
            self.problem("F101", found.keys[name], message, _key_help(name, names))
        missing = [name for name in required if name not in found.values]
        if missing and not unknown and (isinstance(node, MappingNode) or _is_nothing(node)):
            self.problem("F102", node or found, f"{what} needs the key {missing[0]!r}")
        return {name: node for name, node in found.items() if name in names}

    def anything(self, node: Node | None, what: str) -> MappingNode:
        """Give a node as a mapping with any keys; an empty one if it is none."""
        if isinstance(node, MappingNode):
            return node
        if node is not None and not _is_nothing(node):
            self.problem("F103", node, f"{what} is a mapping of keys, not {words_for(node)}")
        return MappingNode(node.line if node else 1, node.column if node else 1)

    def items(self, node: Node | None, what: str) -> list[Node]:
        """Give the items of a list; none if it is not one."""
        if node is None:
            return []
        if isinstance(node, SequenceNode):
            return node.items
        self.problem("F103", node, f"{what} is a list, not {words_for(node)}")
        return []

    def text(self, node: Node | None, what: str) -> str:
        """Give a text; empty if it is none."""
        if node is None:
            return ""
        value = self.plain(node) if isinstance(node, ScalarNode) else None
        if isinstance(value, str):
            return value
        self.problem("F103", node, f"{what} is text, not {words_for(node)}", _quotes_help(node))
        return ""

    def name(self, node: Node | None, what: str) -> str:
        """Give a text that says something; empty if it is none."""
        text = self.text(node, what)
        if isinstance(node, ScalarNode) and not node.text and not node.is_plain:
            self.problem("F103", node, f"{what} is empty", "write a name, or remove the key")
        return text

    def texts(self, node: Node | None, what: str) -> tuple[str, ...]:
        """Give a list of texts that say something; a lone text is a list of one."""
        if node is None:
            return ()
        if isinstance(node, SequenceNode):
            found = (self.name(item, f"each item of {what}") for item in node.items)
            return tuple(text for text in found if text)
        return tuple(text for text in (self.name(node, what),) if text)

    def whole(self, node: Node, what: str, otherwise: int) -> int:
        """Give a whole number, or `otherwise` if it is none."""
        value = self.plain(node) if isinstance(node, ScalarNode) else None
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        self.problem("F103", node, f"{what} is a whole number, not {words_for(node)}")
        return otherwise

    def flag(self, node: Node | None, what: str) -> bool:
        """Give true or false; false if it is neither."""
        value = self.plain(node) if isinstance(node, ScalarNode) else False
        if isinstance(value, bool):
            return value
        message = f"{what} is true or false, not {words_for(node)}"
        self.problem("F103", node, message) if node else None
        return False

    def choice(self, node: Node | None, what: str, choices: tuple[str, ...]) -> str:
        """Give one of several words; the first if it is none of them."""
        if node is None:
            return choices[0]
        word = self.name(node, what)
        if word in choices:
            return word
        if word:
            message = f"{what} is one of {', '.join(choices)}, not {word!r}"
            self.problem("F103", node, message, did_you_mean(word, choices))
        return choices[0]

    def duration(self, node: Node | None, what: str) -> dt.timedelta | None:
        """Give a length of time such as ``30d``; None if it is none."""
        if isinstance(node, ScalarNode) and isinstance(self.plain(node), int | float):
            help_text = f"say of what: {node.text}d, {node.text}h or {node.text}m"
            self.problem("F103", node, f"{what} is a length of time, not a number", help_text)
            return None
        text = self.name(node, what)
        if not text or node is None:
            return None
        try:
            return parse_duration(text)
        except ValueError as error:
            self.problem("F209", node, f"{what}: {error}", "write it as 30d, 36h or 1h30m")
            return None

    def plain(self, node: Node) -> Any:
        """Give a node as plain data: text, numbers, truth values, None, lists and dicts."""
        if isinstance(node, SequenceNode):
            return [self.plain(item) for item in node.items]
        if isinstance(node, MappingNode):
            return {key: self.plain(value) for key, value in node.items()}
        try:
            return resolve(node)
        except TooLargeError:
            self.problem("F008", node, "this number is too large", "put it in quotes if it is text")
            return None

    def each(
        self, node: Node | None, what: str, read: Callable[[str, Node, ScalarNode], T]
    ) -> list[T]:
        """Read every pair of a mapping of names."""
        found = self.anything(node, what)
        return [read(name, value, found.keys[name]) for name, value in found.items()]

    def span(self, node: Node) -> Span:
        """Give the stretch a node takes up in its first line."""
        return span_of(self.path, node)

    def beginning(self) -> Position:
        """Give the place where the file begins."""
        return Position(self.path, 1, 1)


def words_for(node: Node | None) -> str:
    """Say what kind of thing a node is, for a message."""
    if isinstance(node, SequenceNode):
        return "a list"
    if isinstance(node, MappingNode):
        return "a mapping"
    value = _resolved(node) if node is not None else None
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "a truth value"
    return "text" if isinstance(value, str) else f"the number {node.text[:20]}" if node else ""


def _resolved(node: ScalarNode) -> Plain:
    try:
        return resolve(node)
    except TooLargeError:
        return 0


def _is_nothing(node: Node | None) -> bool:
    """Tell whether a key was written with no value after it."""
    return isinstance(node, ScalarNode) and _resolved(node) is None


def _quotes_help(node: Node) -> str:
    if not isinstance(node, ScalarNode):
        return ""
    if _is_nothing(node):
        return "write text after the colon, or remove the key"
    return f"put it in quotes: '{node.text[:40]}'"


def _key_help(name: str, known: tuple[str, ...]) -> Callable[[], str]:
    def find() -> str:
        guess = nearest(name, known)
        return f"did you mean {guess!r}?" if guess else f"it may have: {', '.join(known)}"

    return find


def expression(shape: Shape, node: Node, what: str) -> str:
    """Read the source of an expression: the text as it stands, whatever YAML makes of it."""
    if isinstance(node, ScalarNode) and (node.text or not node.is_plain):
        return node.text
    if isinstance(node, SequenceNode | MappingNode):
        message = f"{what} is an expression: put it in quotes"
        shape.problem("F005", node, message, "YAML reads [ and { in its own way")
    else:
        shape.problem("F103", node, f"{what} is an expression, and there is none")
    return ""
