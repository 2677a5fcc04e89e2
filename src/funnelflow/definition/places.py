"""Where things stand in a file, exactly: the place of a record knows the places of its parts.

A record from a file carries a `Place`, a position that also remembers the YAML node it was
read from. So a problem with the second name under ``from:`` can be shown where it stands,
and no record has to carry a position for each of its parts. A place pickles and compares as
the bare `Position` it is.
"""

from typing import Any, TypeAlias

from attrs import field, frozen

from funnelflow.criteria import Position
from funnelflow.definition.written.nodes import Mapping, Node, Scalar, Sequence
from funnelflow.definition.written.offsets import line_and_column

__all__ = ["NOWHERE", "Place", "Span", "locate", "locate_key", "locate_text", "span_of"]

Step: TypeAlias = str | int


@frozen
class Span:
    """A stretch of one line: a position and the column after its last character.

    `about` says in words where it is, for what stands in no file; `excerpt` is the text in
    which it is then, with where it begins and ends.
    """

    position: Position | None
    end_column: int | None = None
    about: str = ""
    excerpt: tuple[str, int, int] | None = None


NOWHERE = Span(None)
"""The span of what was built in Python."""


@frozen
class Place(Position):
    """A position that remembers the node that stands there, and the key it stands under."""

    node: Node = field(eq=False, repr=False, kw_only=True)
    key: Scalar | None = field(default=None, eq=False, repr=False, kw_only=True)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a bare position: the file's nodes stay behind."""
        return (Position, (self.path, self.line, self.column))


def span_of(path: str, node: Node) -> Span:
    """Give the stretch that a node takes up in its first line."""
    if isinstance(node, Mapping) and node.keys:
        first = next(iter(node.keys.values()))
        return span_of(path, first)
    end = node.end_column if node.end_line == node.line else None
    return Span(Position(path, node.line, node.column), end)


def locate(position: Position | None, *steps: Step) -> Span:
    """Give where a part of a record stands.

    Args:
        position: The record's own.
        steps: The way to the part: keys, and the numbers of items. Where a step leads
            nowhere (the part was not written, or a lone item stands for a list of one),
            the place reached so far is given.

    Returns:
        The span of the part, of the key the record stands under when there are no steps, or
        `NOWHERE`.
    """
    if not isinstance(position, Place):
        return Span(position)
    if not steps:
        return span_of(position.path, position.key or position.node)
    node = _follow(position.node, steps)
    if node is position.node:
        return span_of(position.path, position.key or node)
    return span_of(position.path, node)


def locate_key(position: Position | None, *steps: Step) -> Span:
    """Give where the key stands that the last of `steps` names; else the same as `locate`."""
    if isinstance(position, Place) and steps:
        node = _follow(position.node, steps[:-1])
        if isinstance(node, Mapping) and steps[-1] in node.keys:
            return span_of(position.path, node.keys[str(steps[-1])])
    return locate(position, *steps)


def locate_text(position: Position | None, start: int, end: int) -> Span:
    """Give where characters `start` to `end` of a text stand, of which `position` is the place."""
    if not isinstance(position, Place) or not isinstance(position.node, Scalar):
        if position is None:
            return NOWHERE
        first = position.column + start
        return Span(Position(position.path, position.line, first), position.column + end)
    node = position.node
    line, column = line_and_column(node, start)
    last_line, last_column = line_and_column(node, max(end - 1, start))
    until = last_column + 1 if last_line == line else None
    return Span(Position(position.path, line, column), until)


def _follow(node: Node, steps: tuple[Step, ...]) -> Node:
    """Go down from a node as far as the steps lead."""
    for step in steps:
        if isinstance(step, int) and isinstance(node, Sequence) and step < len(node.items):
            node = node.items[step]
        elif isinstance(step, str) and isinstance(node, Mapping) and step in node.values:
            node = node.values[step]
        else:
            return node
    return node
