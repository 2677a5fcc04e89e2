"""Who needs somebody today, and why: read off each contact's journey."""

import datetime as dt
from array import array
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, Final, Literal, TypeAlias, get_args

from attrs import define, field, frozen

from funnelflow.criteria.custom import answering
from funnelflow.engine.answers import GivenAnswers
from funnelflow.report.building import usual_limit
from funnelflow.report.frame import Frame, rotting_limits
from funnelflow.report.journey import Journey
from funnelflow.report.records import ReportPart
from funnelflow.report.tally import days_between

TodoReason: TypeAlias = Literal["due", "rotting", "answered", "question"]
TODO_REASONS: Final[tuple[TodoReason, ...]] = get_args(TodoReason)
"""The reasons, the most urgent first."""
_DAY: Final = dt.timedelta(days=1)


@frozen
class TodoItem(ReportPart):
    """A contact that needs somebody today.

    Attributes:
        contact: Who it is.
        funnel: In which funnel.
        stage: The stage it is in.
        since: Since when.
        owner: Who looks after it: its field `owner`, or else who looks after the stage.
        reason: The most urgent reason: ``due``, time moves it on before the day is over;
            ``rotting``, it is in the stage for longer than that says, or than 90 % of those who
            went on were; ``answered``, they spoke last; ``question``, one answer could open the
            way to a later stage.
        reasons: All of them, the most urgent first.
        due_at: When time moves it on; None if it does not today.
        over_days: For how many days it has been in the stage for too long; None if it is not.
        answered_at: When they spoke last; None where we did.
        question: The field that is unknown; empty for none.
        ask: The question that finds it out; empty where the vocabulary has none.
        opens: The stage to which its answer could open the way; empty for none.
        playbook: What the stage says is to be done first; empty where it says nothing.
    """

    contact: str
    funnel: str
    stage: str
    since: dt.datetime
    owner: str
    reason: TodoReason
    reasons: tuple[TodoReason, ...]
    due_at: dt.datetime | None
    over_days: float | None
    answered_at: dt.datetime | None
    question: str
    ask: str
    opens: str
    playbook: str


@define(eq=False)
class StayTimes:
    """How long contacts were in each stage before they went on, by funnel."""

    _forward: dict[tuple[str, str], "array[float]"] = field(factory=dict)

    def add(self, frame: Frame, journey: Journey) -> None:
        """Note the times of a contact."""
        funnel = frame.linked.definition.name
        for stay, after in pairwise(journey.stays):
            if frame.is_forward(stay.stage, after.stage):
                found = self._forward.setdefault((funnel, stay.stage), array("d"))
                found.append(days_between(stay.entered, after.entered))

    def limits(self, frame: Frame) -> dict[str, float]:
        """Return from how many days on contacts are in a leaf stage of a funnel for too long."""
        own = {
            leaf: usual_limit(times)
            for (funnel, leaf), times in self._forward.items()
            if funnel == frame.linked.definition.name
        }
        usual = {leaf: limit for leaf, limit in own.items() if limit is not None}
        return {**usual, **rotting_limits(frame.linked)}


def todo_of(frame: Frame, limits: Mapping[str, float], journey: Journey) -> TodoItem | None:
    """Return what somebody should do about a contact today; None where nobody has to.

    Args:
        frame: The definition, and the moment.
        limits: What `StayTimes.limits` returned.
        journey: The contact's journey.
    """
    stage = journey.stage
    if frame.types[stage] != "open":
        return None
    since, linked = journey.stays[-1].entered, frame.linked
    over = days_between(since, frame.now) - limits.get(stage, float("inf"))
    due = journey.due_at if _is_today(frame, journey.due_at) else None
    answered = _answered_at(journey)
    question, opens = _question(frame, journey)
    found: dict[TodoReason, bool] = {
        "due": due is not None,
        "rotting": over > 0,
        "answered": answered is not None,
        "question": bool(question),
    }
    reasons = tuple(reason for reason in TODO_REASONS if found[reason])
    if not reasons:
        return None
    return TodoItem(
        journey.contact,
        linked.definition.name,
        stage,
        since,
        linked.owner_of(stage, journey.position.fields),
        reasons[0],
        reasons,
        due,
        over if over > 0 else None,
        answered,
        question,
        linked.fields[question].ask if question else "",
        opens,
        next(iter(linked.said_of(stage, "playbook")), ""),
    )


def in_order(items: Iterable[TodoItem]) -> list[TodoItem]:
    """Sort what is to be done: the most urgent reason first, then who has waited for longest."""
    return sorted(items, key=lambda one: (TODO_REASONS.index(one.reason), *_urgency(one)))


def _urgency(item: TodoItem) -> tuple[Any, ...]:
    waits = {
        "due": item.due_at,
        "rotting": -(item.over_days or 0),
        "answered": item.answered_at,
        "question": item.since,
    }
    return waits[item.reason], item.contact


def _is_today(frame: Frame, due: dt.datetime | None) -> bool:
    """Whether something is due before the day of the workspace's zone is over."""
    if due is None:
        return False
    zone = frame.calendar.zone
    day = frame.now.astimezone(zone).date() + _DAY
    return due < dt.datetime.combine(day, dt.time(), zone)


def _answered_at(journey: Journey) -> dt.datetime | None:
    """Return when they spoke last: the last event with a direction came from them."""
    for decision in reversed(journey.decisions):
        facts = decision.event.facts
        if "direction" in facts and not facts.get("automated"):
            return decision.event.at if facts["direction"] == "inbound" else None
    return None


def _question(frame: Frame, journey: Journey) -> tuple[str, str]:
    """Return the one field whose answer could open the way to a later stage, and which."""
    with answering(journey.given or GivenAnswers()):
        for way in frame.ways_from.get(journey.stage, ()):
            if frame.is_forward(journey.stage, way.linked.to):
                _, options = way.answers(journey.position.fields, frame.now)
                alone = [one for one in options if len(one) == 1]
                if alone:
                    return next(iter(alone[0])), way.linked.to
    return "", ""
