"""Days, weeks, months and quarters of a zone's calendar."""

import datetime as dt
from collections.abc import Iterator
from typing import Final, Literal, TypeAlias, TypedDict, get_args

from attrs import field, frozen

PeriodKind: TypeAlias = Literal["day", "week", "month", "quarter"]
PERIOD_KINDS: Final[tuple[PeriodKind, ...]] = get_args(PeriodKind)

_MONTHS: Final = {"month": 1, "quarter": 3}
_DAYS: Final = {"day": 1, "week": 7}


@frozen
class Calendar:
    """The periods of one kind in one zone.

    Periods begin at midnight there; weeks on Monday, as in ISO 8601.

    Attributes:
        kind: How long they are.
        zone: Whose midnight counts.
    """

    kind: PeriodKind = "month"
    zone: dt.tzinfo = dt.UTC
    _labels: dict[dt.date, str] = field(factory=dict, init=False, eq=False, repr=False)

    def label(self, at: dt.datetime) -> str:
        """Return the name of the period that a moment lies in.

        It is ``2026-03-09``, ``2026-W11``, ``2026-03`` or ``2026-Q1``.
        """
        day = at.astimezone(self.zone).date()
        found = self._labels.get(day)
        if found is None:
            found = self._labels[day] = self.name(self.first_day(day))
        return found

    def first_day(self, day: dt.date) -> dt.date:
        """Return the first day of the period that a day lies in."""
        if self.kind == "day":
            return day
        if self.kind == "week":
            return day - dt.timedelta(days=day.weekday())
        size = _MONTHS[self.kind]
        return day.replace(month=(day.month - 1) // size * size + 1, day=1)

    def name(self, first: dt.date) -> str:
        """Return the name of the period that begins with a day."""
        if self.kind == "day":
            return first.isoformat()
        if self.kind == "week":
            year, week, _ = first.isocalendar()
            return f"{year}-W{week:02}"
        if self.kind == "month":
            return f"{first:%Y-%m}"
        return f"{first.year}-Q{(first.month + 2) // 3}"

    def start(self, at: dt.datetime) -> dt.datetime:
        """Return the moment at which the period of a moment begins."""
        return self._midnight(self.first_day(at.astimezone(self.zone).date()))

    def start_before(self, at: dt.datetime) -> dt.datetime:
        """Return the moment at which the period before that of a moment begins."""
        first = self.first_day(at.astimezone(self.zone).date())
        return self._midnight(self.first_day(first - dt.timedelta(days=1)))

    def between(self, first: dt.datetime, last: dt.datetime) -> Iterator[str]:
        """Yield the names of all periods from that of one moment to that of another."""
        day = self.first_day(first.astimezone(self.zone).date())
        end = last.astimezone(self.zone).date()
        while day <= end:
            yield self.name(day)
            day = self._next(day)

    def distance(self, first: dt.datetime, last: dt.datetime) -> int:
        """Count the periods from that of one moment to that of another; 0 in the same one."""
        one, other = (self.first_day(at.astimezone(self.zone).date()) for at in (first, last))
        if self.kind in _DAYS:
            return (other - one).days // _DAYS[self.kind]
        months = (other.year - one.year) * 12 + other.month - one.month
        return months // _MONTHS[self.kind]

    def _next(self, first: dt.date) -> dt.date:
        if self.kind in _DAYS:
            return first + dt.timedelta(days=_DAYS[self.kind])
        return self.first_day(first + dt.timedelta(days=31 * _MONTHS[self.kind]))

    def _midnight(self, day: dt.date) -> dt.datetime:
        return dt.datetime.combine(day, dt.time(), self.zone).astimezone(dt.UTC)


class ReportOptions(TypedDict, total=False):
    """What a report may be asked about.

    Attributes:
        at: As it was at this time, as it is known today; None, or left out, for now.
        known_at: As it was known at this time, or when the row of the history with this number
            arrived; None, or left out, for what is known today.
        period: ``day``, ``week``, ``month`` or ``quarter``; months where it is left out.
        by: A field by whose values conversion is split as well.
        value: The field that says what a contact is worth.
    """

    at: dt.datetime | None
    known_at: dt.datetime | int | None
    period: PeriodKind
    by: str
    value: str
