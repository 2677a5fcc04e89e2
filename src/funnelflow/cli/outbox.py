"""``funnelflow outbox``: what waits to be sent, and what could not be."""

import datetime as dt
from typing import Any, Final

import click
from attrs import asdict

from funnelflow.cli.deliver import next_words
from funnelflow.cli.options import as_json, command, dry_run
from funnelflow.cli.output import counted, hint, json_text, note, note_dry_run
from funnelflow.cli.session import answer, current
from funnelflow.cli.text import Line, Look, Text, TextSpan, dim, line, moment, strong
from funnelflow.criteria import parse_duration
from funnelflow.errors import UnknownNameError, UsageError
from funnelflow.storage.json_form import value_json
from funnelflow.storage.messages import MESSAGE_STATES, MessageState, OutboxMessage
from funnelflow.storage.outbox import Outbox
from funnelflow.workspace.workspace import Workspace

_LOOKS: dict[MessageState, Look] = {"delivered": "good", "dead": "bad", "waiting": "unknown"}

_HEADS: Final = ("number", "endpoint", "contact", "moved", "state", "since then")
_NO_ENDPOINTS: Final = "funnelflow.toml has no [[notify]]"

to = click.option("--to", "endpoint", metavar="NAME", help="Only those for this endpoint.")


@click.group()
def outbox() -> None:
    """Show, retry, discard and remove messages."""


@command("list", "funnelflow outbox list", "funnelflow outbox list --state dead")
@click.option("--state", type=click.Choice(MESSAGE_STATES), help="Only those in this state.")
@to
@click.option("--contact", metavar="ID", help="Only those about this contact.")
@click.option(
    "--limit", metavar="N", type=click.IntRange(1), default=50, show_default=True, help="At most."
)
@click.option("--after", metavar="N", type=int, default=0, help="Only those behind this number.")
@as_json
def list_(
    state: MessageState | None, endpoint: str | None, contact: str | None, limit: int, after: int
) -> int:
    """List messages, the oldest first."""
    with current().open() as workspace:
        box = _box(workspace, endpoint)
        now = workspace.clock()
        messages = box.messages(
            state=state, endpoint=endpoint, contact_id=contact, limit=limit, after=after
        )
        off = box.off()
    if not answer(
        lambda: [_data(message) for message in messages],
        lambda page: page.grid((_row(message, now) for message in messages), heads=_HEADS),
    ):
        return 0
    if not messages:
        note("no messages")
    elif len(messages) == limit:
        hint(f"there may be more: --after {messages[-1].id}")
    for endpoint_off in off:
        note(
            f"{endpoint_off.name} is off since {moment(endpoint_off.since)}: {endpoint_off.reason}"
        )
        hint(f"funnelflow outbox retry --to {endpoint_off.name} turns it on again")
    return 0


@command("show", "funnelflow outbox show 1", "funnelflow outbox show 1 --json")
@click.argument("number", type=int)
@as_json
def show(number: int) -> int:
    """Show a message, and what became of it."""
    with current().open() as workspace:
        message = Outbox(workspace.engine, workspace.clock).message(number)
        now = workspace.clock()
    answer(lambda: _data(message), lambda _: _lines(message, now))
    return 0


@command("retry", "funnelflow outbox retry 1", "funnelflow outbox retry --to log --dry-run")
@click.argument("numbers", type=int, nargs=-1)
@to
@dry_run
@as_json
def retry(numbers: tuple[int, ...], endpoint: str | None, *, dry_run: bool) -> int:
    """Let messages be tried again at the next delivery.

    Takes the dead and the waiting ones, by number, or all of an endpoint,
    which is turned on again if it was off. Exits 1 if one that is named
    cannot be, such as one that was delivered.
    """
    return _change("retry", numbers, endpoint, dry_run=dry_run)


@command("discard", "funnelflow outbox discard 1", "funnelflow outbox discard --to log --dry-run")
@click.argument("numbers", type=int, nargs=-1)
@to
@dry_run
@as_json
def discard(numbers: tuple[int, ...], endpoint: str | None, *, dry_run: bool) -> int:
    """Give messages up that are dead or wait.

    Takes them by number, or all of an endpoint. The message stays in the
    outbox as discarded, until `prune` removes it. Exits 1 if one that is
    named cannot be, such as one that was delivered.
    """
    return _change("discard", numbers, endpoint, dry_run=dry_run)


@command(
    "prune",
    "funnelflow outbox prune --older-than 30d",
    "funnelflow outbox prune --older-than 30d --dry-run",
)
@click.option(
    "--older-than",
    "age",
    metavar="DURATION",
    required=True,
    help="How long ago they were settled, such as 30d or 12h.",
)
@to
@dry_run
@as_json
def prune(age: str, endpoint: str | None, *, dry_run: bool) -> int:
    """Remove messages that were delivered or discarded long ago.

    What waits or is dead stays, whatever its age, and so does the newest
    message of all.
    """
    older_than = _age(age)
    with current().open() as workspace:
        count = _box(workspace, endpoint).prune(older_than, endpoint=endpoint, dry_run=dry_run)
    data = {"messages": count, "dry_run": dry_run}
    if answer(lambda: data, lambda _: [_counted(count, "removed")]) and dry_run:
        note_dry_run("removed")
    return 0


def _counted(count: int, done: str) -> Line:
    return line(strong(counted(count, "message")), f" {done}")


def _age(text: str) -> dt.timedelta:
    """Read how old a message has to be."""
    try:
        age = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--older-than: {error}", hint="write 30d, 2w or 12h") from None
    if age < dt.timedelta(0):
        raise UsageError("--older-than is not negative", hint="write 30d, 2w or 12h")
    return age


def _box(workspace: Workspace, endpoint: str | None) -> Outbox:
    """Return the outbox, if there is an endpoint of that name, or a message for one that was.

    Raises:
        UnknownNameError: There is not.
    """
    box = Outbox(workspace.engine, workspace.clock)
    if endpoint is not None:
        known = dict.fromkeys(subscription.name for subscription in workspace.config.subscriptions)
        known |= dict.fromkeys(off.name for off in box.off())
        if endpoint not in known and not box.messages(endpoint=endpoint, limit=1):
            raise UnknownNameError("endpoint", endpoint, known, hint="" if known else _NO_ENDPOINTS)
    return box


def _change(what: str, numbers: tuple[int, ...], endpoint: str | None, *, dry_run: bool) -> int:
    """Retry or discard messages, and say how many, and why others are left as they are."""
    if not numbers and endpoint is None:
        raise UsageError(
            f"say which messages to {what}: numbers, or an endpoint with --to",
            hint="funnelflow outbox list",
        )
    with current().open() as workspace:
        box = _box(workspace, endpoint)
        messages = [box.message(number) for number in dict.fromkeys(numbers)]
        now = workspace.clock()
        found = {message.id: _reason(message, endpoint, now) for message in messages}
        reasons = {number: reason for number, reason in found.items() if reason}
        change = box.retry if what == "retry" else box.discard
        count = change(numbers, endpoint=endpoint, dry_run=dry_run)
    done = "will be tried again" if what == "retry" else "discarded"
    data = {"messages": count, "left": reasons, "dry_run": dry_run}
    if answer(lambda: data, lambda _: [_counted(count, done)]):
        for number, reason in reasons.items():
            note(f"message {number} is left as it is: {reason}")
        if dry_run:
            note_dry_run("changed")
        elif what == "retry" and count:
            hint("funnelflow deliver sends them")
    return 1 if reasons else 0


def _reason(message: OutboxMessage, endpoint: str | None, now: dt.datetime) -> str:
    """Return why a message cannot be retried or discarded; empty if it can be."""
    if endpoint is not None and message.endpoint != endpoint:
        return f"it is for {message.endpoint}"
    if message.state in ("delivered", "discarded"):
        return f"it was {message.state} at {moment(message.settled_at)}"
    if message.leased_until is not None and message.leased_until > now:
        return f"it is being delivered; free again {next_words(message.leased_until, now)} at most"
    return ""


def _row(message: OutboxMessage, now: dt.datetime) -> tuple[Text, ...]:
    moved = f"{message.data.get('before')} → {message.data.get('after')}"
    state, more = _state(message), dim(_more(message, now))
    return str(message.id), strong(message.endpoint), message.contact_id, moved, state, more


def _state(message: OutboxMessage) -> Text:
    return TextSpan(message.state, _LOOKS.get(message.state, ""))


def _more(message: OutboxMessage, now: dt.datetime) -> str:
    """Return what has become of a message so far."""
    if message.settled_at is not None and not message.problem:
        return moment(message.settled_at)
    if not message.attempts:
        return ""
    again = f", again {next_words(message.due_at, now)}" if message.state == "waiting" else ""
    return f"{counted(message.attempts, 'attempt')}{again}: {message.problem}"


def _lines(message: OutboxMessage, now: dt.datetime) -> list[Line]:
    """Draw a message: what became of it, and its data."""
    more = _more(message, now)
    return [
        line(
            strong(f"{message.id}"),
            f" to {message.endpoint}, message {message.message}",
        ),
        line(_state(message), f": {more}" if more else ""),
        *map(line, json_text(dict(message.data), indent=2).split("\n")),
    ]


def _data(message: OutboxMessage) -> dict[str, Any]:
    return {
        name: value_json(value) if hasattr(value, "isoformat") else value
        for name, value in asdict(message, recurse=False).items()
    }


for _command in (list_, show, retry, discard, prune):
    outbox.add_command(_command)
