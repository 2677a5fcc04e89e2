"""Where a problem is: its place in a file, or words for it where there is no file.

A record from a file carries a `SourcePath`, a position that also remembers the YAML node it was
read from. So a problem with the second name under ``from:`` can be shown where it stands,
and no record has to carry a position for each of its parts. A `SourcePath` pickles and compares
as the bare `Position` it is.
"""

from typing import Any, TypeAlias

from attrs import field, frozen

from funnelflow.criteria import Position
from funnelflow.definition.model import EventType, Group, Invariant, Scenario, Stage, Transition
from funnelflow.definition.yaml.nodes import (
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    line_and_column,
)

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


NOWHERE = Span(None)
"""The span of what was built in Python."""


@frozen
class SourcePath(Position):
    """A position that remembers the node that stands there, and the key it stands under."""

    node: Node = field(eq=False, repr=False, kw_only=True)
    key: ScalarNode | None = field(default=None, eq=False, repr=False, kw_only=True)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a bare position: the file's nodes stay behind."""
        return (Position, (self.path, self.line, self.column))


def span_of(path: str, node: Node) -> Span:
    """Return the span that a node takes up in its first line."""
    if isinstance(node, MappingNode) and node.keys:
        first = next(iter(node.keys.values()))
        return span_of(path, first)
    end = node.end_column if node.end_line == node.line else None
    return Span(Position(path, node.line, node.column), end)


def locate(position: Position | None, *steps: Step) -> Span:
    """Return where a part of a record stands; without steps, the key it stands under.

    Where a step leads nowhere (the part was not written, or a lone item stands for a list of
    one), the span reached so far is returned.
    """
    if not isinstance(position, SourcePath):
        return Span(position)
    if not steps:
        return span_of(position.path, position.key or position.node)
    node = _follow(position.node, steps)
    if node is position.node:
        return span_of(position.path, position.key or node)
    return span_of(position.path, node)


def locate_key(position: Position | None, *steps: Step) -> Span:
    """Return where the key stands that the last of `steps` names; else the same as `locate`."""
    if isinstance(position, SourcePath) and steps:
        node = _follow(position.node, steps[:-1])
        if isinstance(node, MappingNode) and steps[-1] in node.keys:
            return span_of(position.path, node.keys[str(steps[-1])])
    return locate(position, *steps)


def locate_text(position: Position | None, start: int, end: int) -> Span:
    """Return the span of characters `start` to `end` of a text that begins at `position`."""
    if not isinstance(position, SourcePath) or not isinstance(position.node, ScalarNode):
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
        if isinstance(step, int) and isinstance(node, SequenceNode) and step < len(node.items):
            node = node.items[step]
        elif isinstance(step, str) and isinstance(node, MappingNode) and step in node.values:
            node = node.values[step]
        else:
            return node
    return node


@frozen
class SourceLocation:
    """A record, or a part of one.

    Attributes:
        position: Where the record was written; None if it was built in Python.
        about: What the record is, in words.
        steps: The path from the record to the part.
    """

    position: Position | None
    about: str
    steps: tuple[Step, ...] = ()

    def part(self, *steps: Step) -> "SourceLocation":
        """Return the location of a part."""
        return SourceLocation(self.position, self.about, (*self.steps, *steps))

    def span(self) -> Span:
        """Return the span in the file, or the words."""
        if self.position is None:
            return Span(None, about=self.about)
        return locate(self.position, *self.steps)

    def key(self) -> Span:
        """Return the span of the key under which the part stands, or the words."""
        if self.position is None:
            return Span(None, about=self.about)
        return locate_key(self.position, *self.steps)


def stage_location(dotted: str, stage: Stage) -> SourceLocation:
    """Return the location of a stage."""
    return SourceLocation(stage.position, f"stage {dotted!r}")


def block_location(name: str, block: Group) -> SourceLocation:
    """Return the location of a named block of criteria."""
    return SourceLocation(block.position, f"block of criteria {name!r}")


def transition_location(number: int, transition: Transition) -> SourceLocation:
    """Return the location of a transition, counted from 0."""
    about = f"transition {number + 1} ({', '.join(transition.sources)} to {transition.to})"
    return SourceLocation(transition.position, about)


def event_location(event: EventType, *steps: Step) -> SourceLocation:
    """Return the location of an event, or of a part of one."""
    return SourceLocation(event.position, f"event {event.name!r}", steps)


def scenario_location(number: int, scenario: Scenario) -> SourceLocation:
    """Return the location of a scenario, counted from 0."""
    return SourceLocation(scenario.position, f"scenario {number + 1} ({scenario.story})")


def invariant_location(number: int, invariant: Invariant) -> SourceLocation:
    """Return the location of an invariant, counted from 0."""
    return SourceLocation(invariant.position, f"invariant {number + 1} ({invariant.label})")
