"""The nodes of a YAML text, and where they and each character of a scalar stand in the file.

A record from a file carries a `SourcePath`, a position that also remembers the node it was read
from. So a problem with the second name under ``from:`` can be shown where it stands, and no
record has to carry a position for each of its parts.
"""

import math
import re
from bisect import bisect
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import define, field, frozen

from funnelflow.criteria import Position

if TYPE_CHECKING:
    from collections.abc import ItemsView


@define(eq=False)
class ScalarNode:
    """A piece of text; `style` is the quote or block mark it is written with, empty if plain.

    `raw` is what stands in the file, kept only where it differs from `text` in more than the
    quotes around it, so that a place inside `text` can be found in the file. `comment` is the
    column of a ``#`` that follows in the same line, 0 if none does.
    """

    text: str
    style: str
    line: int
    column: int
    end_line: int
    end_column: int
    raw: str = ""
    comment: int = 0

    @property
    def is_plain(self) -> bool:
        """Whether YAML's rules may read it as another kind of value than text."""
        return not self.style


@define(eq=False)
class SequenceNode:
    """A list of nodes."""

    line: int
    column: int
    items: "list[Node]" = field(factory=list)
    end_line: int = 0
    end_column: int = 0


@define(eq=False)
class MappingNode:
    """Keys with their nodes, in order; `keys` has the node of each key."""

    line: int
    column: int
    values: "dict[str, Node]" = field(factory=dict)
    keys: dict[str, ScalarNode] = field(factory=dict)
    end_line: int = 0
    end_column: int = 0

    def items(self) -> "ItemsView[str, Node]":
        """Return each key with its node."""
        return self.values.items()


Node: TypeAlias = ScalarNode | SequenceNode | MappingNode
Step: TypeAlias = str | int


@frozen
class Span:
    """A part of one line: a position and the column after its last character.

    `about` says in words where it is, for what stands in no file; `excerpt` is the text in
    which it is then, with where it begins and ends.
    """

    position: Position | None
    end_column: int | None = None
    about: str = ""
    excerpt: tuple[str, int, int] | None = None


def span_of(path: str, node: Node) -> Span:
    """Return the span that a node takes up in its first line."""
    if isinstance(node, MappingNode) and node.keys:
        return span_of(path, next(iter(node.keys.values())))
    end = node.end_column if node.end_line == node.line else None
    return Span(Position(path, node.line, node.column), end)


@frozen
class SourcePath(Position):
    """A position that remembers the node that stands there, and the key it stands under.

    It compares as the bare `Position` it is, and pickles as one: the nodes stay behind.
    """

    node: Node = field(eq=False, repr=False, kw_only=True)
    key: ScalarNode | None = field(default=None, eq=False, repr=False, kw_only=True)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a bare position."""
        return (Position, (self.path, self.line, self.column))

    def below(self, *steps: Step) -> Node:
        """Return the node to which some steps lead, or the last one that they reach."""
        node = self.node
        for step in steps:
            if isinstance(step, int) and isinstance(node, SequenceNode) and step < len(node.items):
                node = node.items[step]
            elif isinstance(step, str) and isinstance(node, MappingNode) and step in node.values:
                node = node.values[step]
            else:
                break
        return node

    def span(self, *steps: Step, is_key: bool = False) -> Span:
        """Return where a part stands, or its key; without steps, the key of the whole.

        Where a step leads nowhere (the part was not written, or a lone item stands for a list
        of one), the span reached so far is returned.
        """
        if is_key and steps:
            outer = self.below(*steps[:-1])
            if isinstance(outer, MappingNode) and steps[-1] in outer.keys:
                return span_of(self.path, outer.keys[str(steps[-1])])
        node = self.below(*steps)
        return span_of(self.path, self.key or node if node is self.node else node)

    def text_span(self, start: int, end: int, *steps: Step) -> Span:
        """Return the span of characters `start` to `end` of the text of a part."""
        node = self.below(*steps)
        if not isinstance(node, ScalarNode):
            return self.span(*steps)
        line, column = line_and_column(node, start)
        last_line, last_column = line_and_column(node, max(end - 1, start))
        until = last_column + 1 if last_line == line else None
        return Span(Position(self.path, line, column), until)


def position_of(path: str, node: Node, key: ScalarNode | None = None) -> SourcePath:
    """Return the position of what is read from a node, under a key."""
    at = key or node
    if isinstance(at, MappingNode) and at.keys:
        at = next(iter(at.keys.values()))
    return SourcePath(path, at.line, at.column, node=node, key=key)


Plain: TypeAlias = bool | int | float | str | None

_CONSTANTS: dict[str, Plain] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_LONGEST = 24
"""No 64-bit integer is written longer, in any base but with needless zeros."""


class TooLargeError(ValueError):
    """A number that does not fit into 64 bits."""


def resolve(node: ScalarNode) -> Plain:
    """Return the value of a scalar.

    Raises:
        TooLargeError: An integer beyond 64 bits, or a number beyond the range of a float.
    """
    if not node.is_plain:
        return node.text
    text = node.text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _INTEGER.fullmatch(text):
        return _integer(text)
    return _number(text) if _FLOAT.fullmatch(text) else text


def _integer(text: str) -> int:
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    if len(text) > _LONGEST:
        raise TooLargeError(text)
    value = int(text[2:] if base != 10 else text, base)  # noqa: PLR2004
    if not -(2**63) <= value < 2**63:
        raise TooLargeError(text)
    return value


def _number(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise TooLargeError(text)
    return value


def line_and_column(node: ScalarNode, offset: int) -> tuple[int, int]:
    """Return the line and column (from 1) of the character at `offset` of a scalar's text.

    An offset past the end gives the place just after the last character. Where quotes, escapes
    and line breaks make the text differ from what stands in the file, YAML itself is asked for
    the text of its beginnings: the shortest one that holds the character ends with it.
    """
    if not node.raw:
        return node.line, node.column + bool(node.style) + offset
    if offset >= len(node.text) > 0:
        line, column = line_and_column(node, len(node.text) - 1)
        return line, column + 1 + offset - len(node.text)
    quote = node.style if node.style in ("'", '"') else ""
    raw = node.raw.removesuffix(quote)
    if _whole(raw, quote)[1] != node.text.rstrip(_SPACE):
        return node.line, node.column
    end = bisect(range(len(raw)), offset, key=lambda end: len(_whole(raw[:end], quote)[1]))
    before, _ = _whole(raw[: max(end, 1) - 1], quote)
    line_start = before.rfind("\n") + 1
    column = len(before) - line_start + (1 if line_start else node.column)
    return node.line + before.count("\n"), column


_SPACE = " \t\n"


def _whole(raw: str, quote: str) -> tuple[str, str]:
    """Return the beginning of a scalar up to the last escape that is whole, and its text."""
    while raw:
        text = _text_of(raw, quote)
        if text is not None:
            return raw, text
        raw = raw[:-1]
    return "", ""


def _text_of(raw: str, quote: str) -> str | None:
    """Return the text of the beginning of a scalar, less space at its end; None if it has none."""
    import yaml  # noqa: PLC0415  # only where a problem is shown

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    for beginning in (raw.rstrip(_SPACE), raw):  # a line break may be escaped
        with suppress(yaml.YAMLError):
            found = yaml.load(beginning + quote, loader)  # noqa: S506  # it gives text alone
            return found.rstrip(_SPACE) if isinstance(found, str) else None
    return None
