"""The report of a workspace: everybody's journeys, counted for each funnel in one pass."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator

from attrs import evolve, field, frozen
from sqlalchemy import Connection, func, select

from funnelflow.definition import digest
from funnelflow.engine import Funnel
from funnelflow.errors import UnknownNameError, UsageError
from funnelflow.plugins import NumberProvider, PluginHost
from funnelflow.plugins.isolation import Fault, describe_error
from funnelflow.report import (
    CountedContact,
    Frame,
    Journey,
    Report,
    Tally,
    build_report,
    counted_in,
    limits_of,
)
from funnelflow.report.explaining import definition_of
from funnelflow.report.frame import ExtraNumber, rotting_limits
from funnelflow.report.periods import Calendar, PeriodKind
from funnelflow.report.todo import StayTimes, TodoItem, in_order, todo_of
from funnelflow.storage.connect import reading
from funnelflow.storage.context import Context
from funnelflow.storage.queries import AsOf, Present, funnel_names
from funnelflow.storage.stays import JourneyReader
from funnelflow.storage.tables import contacts
from funnelflow.storage.tracked_contacts import LoadedDefinition


@frozen
class ReportRequest:
    """What a report is asked about.

    Attributes:
        funnel: The only funnel; None for every one that is in use.
        at: As it was at this time, as it is known today; None for now.
        known_at: As it was known at this time, or when the row with this number arrived.
        period: How long the periods are.
        by: A field by whose values conversion is split as well; empty for none.
        value: The field that says what a contact is worth; empty for none.
    """

    funnel: str | None = None
    at: dt.datetime | None = None
    known_at: dt.datetime | int | None = None
    period: PeriodKind = "month"
    by: str = ""
    value: str = ""


@frozen(eq=False)
class ReportPass:
    """One pass over everybody.

    Attributes:
        context: The workspace.
        connection: A reading transaction.
        request: What is asked.
        present: The moment of the look.
        frames: What is asked of each funnel, as far as it has been met.
        others: The definitions that read everybody's evidence; none for those of the funnels.
        extras: The numbers of plugins.
    """

    context: Context
    connection: Connection
    request: ReportRequest
    present: Present
    frames: dict[str, Frame] = field(factory=dict)
    others: tuple[LoadedDefinition, ...] = ()
    extras: tuple[ExtraNumber, ...] = field(init=False)

    @extras.default
    def _find_extras(self) -> tuple[ExtraNumber, ...]:
        plugins = self.context.plugins
        return tuple(_extra(plugins, number) for number in plugins.numbers.values())

    @property
    def calendar(self) -> Calendar:
        """The periods, in the workspace's zone; in UTC where it has none."""
        return Calendar(self.request.period, self.context.timezone or dt.UTC)

    def reader(self) -> JourneyReader:
        """Return what reads the journeys."""
        request = self.request
        return JourneyReader(
            self.connection,
            self.context.definitions,
            self.present,
            AsOf(request.at, request.known_at),
            self.calendar.start(self.present.now),
            request.funnel,
            self.others,
        )

    def frame(self, loaded: LoadedDefinition) -> Frame:
        """Return what is asked of a funnel; a field that it does not have is left out."""
        if loaded.name not in self.frames:
            request, known = self.request, loaded.funnel.linked.fields
            self.frames[loaded.name] = Frame(
                loaded.funnel.linked,
                self.present.now,
                self.calendar,
                by=request.by if request.by in known else "",
                value=request.value if request.value in known else "",
                known_at=request.known_at,
                limits=rotting_limits(loaded.funnel.linked),
                extras=self.extras,
            )
        return self.frames[loaded.name]

    def used(self, reader: JourneyReader) -> tuple[LoadedDefinition, ...]:
        """Return the definitions whose funnels are reported of.

        Raises:
            UnknownNameError: None of them has a field that was named.
        """
        names = [self.request.funnel] if self.request.funnel else funnel_names(self.connection)
        found = (reader.loaded(name) for name in names)
        used = self.others or tuple(one for one in found if one is not None)
        known = {name for one in used for name in one.funnel.linked.fields}
        for name in filter(None, (self.request.by, self.request.value)):
            if name not in known and used:
                raise UnknownNameError("field", name, sorted(known))
        return used

    def tallies(self) -> dict[str, Tally]:
        """Count everybody, for each funnel."""
        reader = self.reader()
        tallies = {loaded.name: Tally(self.frame(loaded)) for loaded in self.used(reader)}
        for loaded, journey in reader.journeys():
            if loaded.name not in tallies:
                tallies[loaded.name] = Tally(self.frame(loaded))
            tallies[loaded.name].add(journey)
        return tallies


def make_reports(
    context: Context, request: ReportRequest, funnels: Iterable[Funnel] = ()
) -> tuple[Report, ...]:
    """Count everybody, and return the report of each funnel; see `Workspace.report`.

    Args:
        context: The workspace.
        request: What is asked.
        funnels: The definitions that read everybody's evidence; none for those in use.

    Raises:
        UsageError: Two of the definitions have one name.
    """
    others = tuple(LoadedDefinition(0, digest(one.definition), one) for one in funnels)
    if len({one.name for one in others}) < len(others):
        raise UsageError("the definitions have one name", hint="give one of them another `funnel:`")
    with reading(context.engine) as connection:
        whole = evolve(begin_pass(context, connection, request), others=others)
        gone = select(func.count()).select_from(contacts).where(contacts.c.id.is_(None))
        erased = connection.execute(gone).scalar_one()
        tallies = whole.tallies()
    return tuple(build_report(tally, erased=erased) for tally in tallies.values())


def list_counted(context: Context, request: ReportRequest, number: str) -> Iterator[CountedContact]:
    """Yield the contacts that a number counts; see `Workspace.counted`."""
    definition_of(number)
    if number == "velocity":
        reason = "velocity is worked out from other numbers, and counts nobody itself"
        raise UsageError(reason, hint="report --who now/open, now/won or survival/won")
    names = {"survival/won", "survival/open"} if number == "survival" else {number}
    is_anybody = False
    with reading(context.engine) as connection:
        whole = begin_pass(context, connection, request)
        if number.startswith("ageing/"):
            for name, tally in whole.tallies().items():
                limits = {leaf: limit for leaf, (limit, _) in limits_of(tally).items()}
                whole.frames[name] = evolve(whole.frames[name], limits=limits)
        counting: dict[str, Callable[[Journey], int]] = {}
        whole.used(reader := whole.reader())
        for loaded, journey in reader.journeys():
            if loaded.name not in counting:
                counting[loaded.name] = counted_in(whole.frame(loaded), names)
            times = counting[loaded.name](journey)
            if times:
                is_anybody, stay = True, journey.stays[-1]
                yield CountedContact(journey.contact, loaded.name, stay.stage, stay.entered, times)
    if not is_anybody:
        _require_number(context, request, number)


def _require_number(context: Context, request: ReportRequest, number: str) -> None:
    """Refuse the name of a number that counts nobody and is in none of the reports.

    Raises:
        UnknownNameError: It is none.
    """
    reports = make_reports(context, request)
    known = {one.name for report in reports for one in report.numbers()}
    if number not in known and number not in {"survival", "survival/open"}:
        raise UnknownNameError("number", number, sorted(known))


def list_todo(context: Context, funnel: str | None = None) -> list[TodoItem]:
    """Return who needs somebody today, the most urgent first; see `Workspace.todo`."""
    with reading(context.engine) as connection:
        whole = begin_pass(context, connection, ReportRequest(funnel))
        times = StayTimes()
        for loaded, journey in whole.reader().journeys():
            times.add(whole.frame(loaded), journey)
        limits = {name: times.limits(frame) for name, frame in whole.frames.items()}
        items = (
            todo_of(whole.frame(loaded), limits[loaded.name], journey)
            for loaded, journey in whole.reader().journeys()
        )
        return in_order(item for item in items if item is not None)


def begin_pass(context: Context, connection: Connection, request: ReportRequest) -> ReportPass:
    """Begin a pass over everybody.

    Args:
        context: The workspace.
        connection: A reading transaction.
        request: What is asked.

    Raises:
        UnknownNameError: There is no such funnel in use.
    """
    known = funnel_names(connection)
    if request.funnel is not None and request.funnel not in known and request.known_at is None:
        raise UnknownNameError("funnel in use", request.funnel, known)
    moment = AsOf(request.at, request.known_at).moment
    return ReportPass(context, connection, request, context.present(connection, moment))


def _extra(plugins: PluginHost, number: NumberProvider) -> ExtraNumber:
    """Return a plugin's number, which is asked no more once it has failed."""
    problems: list[str] = []

    def measure(journey: Journey) -> float | None:
        if problems:
            return None
        try:
            return plugins.measure(number, journey.stays, journey.decisions)
        except Fault as fault:
            problems.append(f"it failed: {describe_error(fault.error)}")
            return None

    return ExtraNumber(
        number.name,
        number.title or number.name,
        number.definition,
        number.unit,
        number.summary,
        number.provider,
        measure,
        lambda: "".join(problems[:1]),
    )
