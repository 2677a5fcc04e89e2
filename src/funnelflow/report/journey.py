"""What a report counts: one contact's way through a funnel, as a definition folded it."""

import datetime as dt
from typing import Any, NamedTuple

from attrs import define

from funnelflow.criteria.custom import AnswerSource
from funnelflow.criteria.times import timestamp_json
from funnelflow.engine import Contact, Event, Taken, Verb
from funnelflow.engine.decisions import Unmet
from funnelflow.engine.story import Stay


class JourneyDecision(NamedTuple):
    """What became of one piece of evidence that is in force.

    Attributes:
        event: What happened, or was asked for.
        outcome: ``moved``, ``stayed`` or ``refused``, as the whole story is known.
        path: The transitions that were taken.
        unmet: Of a move that was refused, what was in its way when it was asked for: the label
            and the verdict of each criterion.
        before: The stage in which it was asked for; only of a refused move.
        arrival: Its place among all evidence.
    """

    event: Event
    outcome: Verb
    path: tuple[Taken, ...] = ()
    unmet: Unmet = ()
    before: str = ""
    arrival: int = 0


class LateRow(NamedTuple):
    """Evidence that came late.

    Attributes:
        recorded_at: When it became known.
        late: How long before what was known already it happened.
        is_change: Whether anything that was said before is said otherwise since.
    """

    recorded_at: dt.datetime
    late: dt.timedelta
    is_change: bool


@define(eq=False)
class Journey:
    """One contact's way through one funnel.

    Attributes:
        contact: Who it is.
        stays: Every stage that it was in, in order; the last is the one it is in. At least one.
        decisions: What became of each piece of evidence in force, in the order in which it
            happened.
        position: Where it stands, with its fields.
        late_rows: The evidence that came late, in the order in which it arrived.
        stood: The stage that it was said to be in when the period began, by what was known
            then; None where nothing was known of it.
        due_at: When time may move it next; None if it does not.
        given: What plugins' criteria answered up to now; None where none was asked.
    """

    contact: str
    stays: tuple[Stay, ...]
    decisions: tuple[JourneyDecision, ...]
    position: Contact
    late_rows: tuple[LateRow, ...] = ()
    stood: str | None = None
    due_at: dt.datetime | None = None
    given: AnswerSource | None = None

    @property
    def entered(self) -> dt.datetime:
        """When it entered the funnel."""
        return self.stays[0].entered

    @property
    def stage(self) -> str:
        """The leaf stage that it is in."""
        return self.stays[-1].stage


class CountedContact(NamedTuple):
    """A contact that a number counts.

    Attributes:
        contact: Who it is.
        funnel: In which funnel.
        stage: The stage it is in.
        since: Since when.
        times: How often the number counts it.
    """

    contact: str
    funnel: str
    stage: str
    since: dt.datetime
    times: int

    def to_json(self) -> dict[str, Any]:
        """Return the contact as data."""
        return {**self._asdict(), "since": timestamp_json(self.since)}
