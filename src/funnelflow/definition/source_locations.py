"""Where a problem is: its place in a file, or words for it where there is no file."""

from attrs import frozen

from funnelflow.criteria import Position
from funnelflow.definition.model import EventType, Group, Invariant, Scenario, Stage, Transition
from funnelflow.definition.problems import Span, Step, locate, locate_key


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
