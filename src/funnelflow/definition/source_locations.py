"""Where a fault is: its place in the file, or words for it where there is no file."""

from attrs import frozen

from funnelflow.criteria import Position
from funnelflow.definition.model import EventType, Invariant, Scenario, Transition
from funnelflow.definition.problems import Span, Step, locate, locate_key


@frozen
class SourceLocation:
    """A record, or a part of one.

    Attributes:
        position: Where the record was written; None if it was built in Python.
        about: What the record is, in words.
        steps: The way from the record to the part.
    """

    position: Position | None
    about: str
    steps: tuple[Step, ...] = ()

    def part(self, *steps: Step) -> "SourceLocation":
        """Give the site of a part."""
        return SourceLocation(self.position, self.about, (*self.steps, *steps))

    def span(self) -> Span:
        """Give the stretch of the file, or the words."""
        if self.position is None:
            return Span(None, about=self.about)
        return locate(self.position, *self.steps)

    def key(self) -> Span:
        """Give the stretch of the key under which the part stands, or the words."""
        if self.position is None:
            return Span(None, about=self.about)
        return locate_key(self.position, *self.steps)


def transition_site(number: int, transition: Transition) -> SourceLocation:
    """Give the site of a transition, counted from 0."""
    about = f"transition {number + 1} ({', '.join(transition.sources)} to {transition.to})"
    return SourceLocation(transition.position, about)


def event_site(event: EventType, *steps: Step) -> SourceLocation:
    """Give the site of an event, or of a part of one."""
    return SourceLocation(event.position, f"event {event.name!r}", steps)


def scenario_site(number: int, scenario: Scenario) -> SourceLocation:
    """Give the site of a scenario, counted from 0."""
    return SourceLocation(scenario.position, f"scenario {number + 1} ({scenario.story})")


def invariant_site(number: int, promise: Invariant) -> SourceLocation:
    """Give the site of a promise, counted from 0."""
    return SourceLocation(promise.position, f"promise {number + 1} ({promise.label})")
