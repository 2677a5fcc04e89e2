"""One story, read by several definitions: after each event, where each puts the person."""

from collections.abc import Sequence

from attrs import frozen

from funnelflow.definition import Scenario
from funnelflow.engine import Funnel, scenario_events
from funnelflow.errors import FunnelflowError

__all__ = ["Moment", "Reading", "read_story"]


@frozen
class Moment:
    """One definition's view after one event.

    Attributes:
        stage: The leaf stage.
        has_moved: Whether the event changed it.
    """

    stage: str
    has_moved: bool


@frozen
class Reading:
    """One definition's reading of a whole story.

    Attributes:
        name: The definition.
        moments: Its view after each event of the story, the beginning included.
        unread: What of the story its vocabulary does not know, as messages.
    """

    name: str
    moments: tuple[Moment, ...]
    unread: tuple[str, ...]


def read_story(story: Scenario, funnels: Sequence[Funnel]) -> tuple[Reading, ...]:
    """Let every definition read a story.

    Args:
        story: What happened; its ``then`` is not looked at.
        funnels: The definitions.

    Returns:
        A reading for each definition, all with as many moments as the story has steps, and one
        for the beginning.
    """
    return tuple(_reading(story, funnel) for funnel in funnels)


def _reading(story: Scenario, funnel: Funnel) -> Reading:
    """Fold the story, and note where the contact is after each step."""
    contact = funnel.new_contact("story")
    moments: list[Moment] = []
    unread: list[str] = []
    for make in scenario_events(funnel, story):
        before = contact.stage
        try:
            funnel.step(contact, make())
        except FunnelflowError as problem:
            unread.append(problem.message)
        moments.append(Moment(contact.stage, contact.stage != before))
    return Reading(funnel.definition.name, tuple(moments), tuple(unread))
