"""``funnelflow deliver``: what the outbox holds is sent, to the endpoints of the workspace."""

import datetime as dt
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import click
from attrs import asdict

from funnelflow.cli.find import library_here
from funnelflow.cli.options import as_json, command, dry_run
from funnelflow.cli.output import counted, hint, note, note_dry_run, say, write_failure
from funnelflow.cli.session import Session, answer, current
from funnelflow.cli.text import Look, Text, TextSpan, line, moment_and_zone, strong
from funnelflow.criteria import duration_words
from funnelflow.definition import Linked, Problem, link
from funnelflow.errors import ConfigurationError, Error, StoreError, UnknownNameError
from funnelflow.notify import (
    Delivered,
    Deliverer,
    Delivery,
    Endpoint,
    Pace,
    check_subscriptions,
    open_endpoint,
)
from funnelflow.storage.definition_store import DefinitionStore
from funnelflow.storage.json_form import value_json
from funnelflow.storage.messages import Backlog, backlogs
from funnelflow.storage.outbox import Outbox
from funnelflow.storage.subscriptions import Subscription
from funnelflow.workspace.settings import Config
from funnelflow.workspace.workspace import Workspace

_SHORT: Final = dt.timedelta(minutes=2)
_SECOND: Final = dt.timedelta(seconds=1)
_MINUTE: Final = dt.timedelta(minutes=1)


def next_words(at: dt.datetime, now: dt.datetime) -> str:
    """Return when something comes: ``in 12 seconds``, ``in 2 hours 5 minutes``, ``now``."""
    left = at - now
    if left <= dt.timedelta(0):
        return "now"
    unit = _SECOND if left < _SHORT else _MINUTE
    return f"in {duration_words(-(-left // unit) * unit)}"


def backlog_words(backlog: Backlog, now: dt.datetime) -> str:
    """Return how many messages wait, and when the next of them is tried."""
    wait = _waiting(backlog)
    if backlog.next_at <= now:
        return wait
    return f"{wait}, next attempt {next_words(backlog.next_at, now)}"


def backlog_data(backlog: Backlog | None) -> dict[str, Any]:
    """Return the same for a program; nothing waits where there is no backlog."""
    if backlog is None:
        return {"waiting": 0, "waiting_since": None, "next_at": None}
    return {
        "waiting": backlog.waiting,
        "waiting_since": value_json(backlog.since),
        "next_at": value_json(backlog.next_at),
    }


def overdue_words(backlog: Backlog) -> str:
    """Return what is wrong where messages have waited through several attempts."""
    return (
        f"{_waiting(backlog)}, the oldest since {moment_and_zone(backlog.since)}, after "
        f"{counted(backlog.attempts, 'attempt')}: {backlog.problem}"
    )


def _waiting(backlog: Backlog) -> str:
    return f"{counted(backlog.waiting, 'message')} {'waits' if backlog.waiting == 1 else 'wait'}"


_UNUSABLE: Final = ConfigurationError.exit_code
_NOBODY: Final = "nobody is told: funnelflow.toml has no [[notify]]"


@command(
    "deliver",
    "funnelflow deliver",
    "funnelflow deliver --dry-run",
)
@click.option("--to", "only", metavar="NAME", multiple=True, help="Only to this endpoint.")
@click.option("--watch", is_flag=True, help="Go on until Ctrl-C, and send whatever comes.")
@click.option(
    "--senders",
    metavar="N",
    type=click.IntRange(1, 64),
    default=4,
    show_default=True,
    help="Messages on their way to one endpoint at a time.",
)
@dry_run
@as_json
def deliver(only: tuple[str, ...], senders: int, *, watch: bool, dry_run: bool) -> int:
    """Send what the outbox holds.

    Each transition that a [[notify]] of funnelflow.toml asks for is in the
    outbox from the moment it is stored. A message that does not arrive is
    tried again, at longer and longer intervals for about 28 hours. Several
    of these can run at the same time, on one machine or many. With --watch a
    database that cannot be used for a while is waited for. Exits 1 if
    anything did not arrive; an endpoint that cannot be used is named, the
    others are served, and it exits 2.
    """
    session = current()
    with session.open() as workspace:
        endpoints, faults = _endpoints(workspace, only)
        _write_faults(faults, as_json=session.json)
        outbox = Outbox(workspace.engine, workspace.clock)
        if dry_run:
            _write_plan(endpoints, workspace, is_all=not faults)
            return _UNUSABLE if faults else 0
        worker = Deliverer(
            endpoints,
            outbox,
            pace=Pace(senders=senders),
            on_delivery=_show if watch and not session.json else lambda _: None,
            on_outage=_write_outage,
            clock=workspace.clock,
        )
        with _ending(worker):
            done = worker.run(watch=watch)
        waits = backlogs(workspace.engine)
        now, off = workspace.clock(), {found.name for found in outbox.off()}
        rows = [_row(delivered, waits.get(delivered.endpoint), now) for delivered in done]
        if answer(
            lambda: [_data(delivered, waits.get(delivered.endpoint)) for delivered in done],
            lambda page: page.grid(rows),
        ):
            _conclude(done, off, is_all=not faults)
    if faults:
        return _UNUSABLE
    return 1 if any(d.dead or _still_waits(d, waits) for d in done) else 0


def _still_waits(done: Delivered, waits: Mapping[str, Backlog]) -> bool:
    """Whether something that did not arrive is still to arrive: not what was tried again since."""
    behind = waits.get(done.endpoint)
    return done.waiting > 0 and behind is not None and behind.attempts > 0


def _endpoints(
    workspace: Workspace, only: tuple[str, ...]
) -> tuple[tuple[Endpoint, ...], dict[str, ConfigurationError]]:
    """Open the endpoints that are asked for, all of them if none is.

    Returns:
        Those that can be used, and why the others cannot, by endpoint.
    """
    subscriptions = workspace.config.subscriptions
    known = [subscription.name for subscription in subscriptions]
    for name in only:
        if name not in known:
            raise UnknownNameError("endpoint", name, known)
    endpoints, faults = [], {}
    for subscription in subscriptions:
        if only and subscription.name not in only:
            continue
        try:
            endpoints.append(
                open_endpoint(subscription, workspace.plugins, workspace.config.directory)
            )
        except ConfigurationError as error:
            faults[subscription.name] = error
    return tuple(endpoints), faults


def _write_faults(faults: Mapping[str, ConfigurationError], *, as_json: bool) -> None:
    """Name the endpoints that cannot be used, each once."""
    for name, error in faults.items():
        data = {**error.to_json(), "endpoint": name} if as_json else None
        said = f"the endpoint {name!r} cannot be used: {error.message}"
        write_failure(error.code, said, error.hint, data)


def _write_plan(endpoints: tuple[Endpoint, ...], workspace: Workspace, *, is_all: bool) -> None:
    """Write what would be sent, and what waits for its time."""
    outbox = Outbox(workspace.engine, workspace.clock)
    waits, now = backlogs(workspace.engine), workspace.clock()
    names = [endpoint.name for endpoint in endpoints]
    late = {name for name in names if name in waits and waits[name].next_at > now}
    due = {name: 0 if name in late else outbox.due(name) for name in names}
    later = {name: f"; {backlog_words(waits[name], now)}" for name in late}
    is_shown = answer(
        lambda: due,
        lambda _: [
            line(strong(n), f": {counted(count, 'message')} due{later.get(n, '')}")
            for n, count in due.items()
        ],
    )
    if is_shown and due:
        note_dry_run("sent")
    elif is_shown and is_all:
        note(_NOBODY)


def _conclude(done: tuple[Delivered, ...], off: set[str], *, is_all: bool) -> None:
    """Write why messages did not arrive, and what to do."""
    if not done:
        note(_NOBODY if is_all else "nothing was sent")
    for delivered in done:
        if delivered.problem:
            note(f"{delivered.endpoint}: {delivered.problem}")
        if delivered.endpoint in off:
            hint(
                f"{delivered.endpoint} wants no more messages and is turned off; "
                f"funnelflow outbox retry --to {delivered.endpoint} turns it on again"
            )
    if any(delivered.dead for delivered in done):
        hint("funnelflow outbox list --state dead")


def _row(delivered: Delivered, waits: Backlog | None, now: dt.datetime) -> tuple[Text, ...]:
    parts = [f"{delivered.delivered:,} delivered"]
    if delivered.waiting:
        parts.append(f"{counted(delivered.waiting, 'attempt')} to be repeated")
    if delivered.dead:
        parts.append(f"{delivered.dead:,} given up")
    if waits is not None:
        parts.append(backlog_words(waits, now))
    return strong(delivered.endpoint), ", ".join(parts)


def _data(delivered: Delivered, waits: Backlog | None) -> dict[str, Any]:
    """Return what was done for an endpoint, and what still waits, for a program."""
    done = asdict(delivered)
    return {**done, "failed": done["waiting"], **backlog_data(waits)}


def _show(delivery: Delivery) -> None:
    """Write what became of a message, while watching."""
    message, outcome = delivery.message, delivery.outcome
    state = "will be tried again" if outcome.state == "waiting" else outcome.state
    look: Look = "good" if outcome.state == "delivered" else "bad"
    why = f": {outcome.problem}" if outcome.problem else ""
    endpoint = strong(message.endpoint)
    say([line(f"{message.id} ", endpoint, f" {message.contact_id} ", TextSpan(state, look), why)])


def _write_outage(error: StoreError | None) -> None:
    """Write that the database cannot be used, or that it can again, while watching."""
    if error is None:
        note("the database can be used again")
    else:
        note(f"{error.message}; waiting until it can be used again")


@contextmanager
def _ending(worker: Deliverer) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the work in good order, and at once when they come again."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _frame: object) -> None:
        worker.stop()
        signal.signal(number, signal.default_int_handler)

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def endpoints_in_use(workspace: Workspace) -> list[tuple[Subscription, tuple[Problem, ...]]]:
    """Check every endpoint against the definitions that decide now."""
    config, in_use = workspace.config, workspace.funnels() or (workspace.config.funnel,)
    checked = check_subscriptions(
        config.subscriptions, config.directory, workspace.plugins, in_use, workspace.linked
    )
    return list(checked)


def problems_of(config: Config, session: Session) -> tuple[Problem, ...]:
    """Check every endpoint against the files of the definitions that are in use."""
    library = library_here(session)
    with opened_if_usable(session) as workspace:
        in_use = workspace.funnels() if workspace is not None else ()

        def find(name: str) -> Linked:
            """Find a definition in its file, or in the database where that cannot be used."""
            try:
                return link(DefinitionStore(library).file(name), library)
            except Error:
                if workspace is None:
                    raise
                return workspace.linked(name)

        checked = check_subscriptions(
            config.subscriptions,
            config.directory,
            session.host,
            in_use or (config.funnel,),
            find,
        )
        return tuple(problem for _, problems in checked for problem in problems)


@contextmanager
def opened_if_usable(session: Session) -> Iterator[Workspace | None]:
    """Open the workspace if its database can be used; give None where it cannot."""
    try:
        workspace = session.open()
    except Error:
        yield None
        return
    with workspace:
        yield workspace
