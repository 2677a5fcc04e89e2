"""``funnelflow outbox``: what waits to be sent, and what could not be."""

import datetime as dt
import sys
from typing import Any

import click
from attrs import asdict

from funnelflow.cli.facts import moment, value_data
from funnelflow.cli.layout import grid
from funnelflow.cli.options import as_json, command, dry_run
from funnelflow.cli.output import (
    counted,
    hint,
    json_text,
    note,
    page_for,
    say,
    say_text,
    write_json,
)
from funnelflow.cli.session import current
from funnelflow.cli.text import Line, Look, Span, line
from funnelflow.criteria import parse_duration
from funnelflow.errors import UsageError
from funnelflow.store import LETTER_STATES, Letter, LetterState, Outbox

__all__ = ["outbox"]

_LOOKS: dict[LetterState, Look] = {"delivered": "good", "dead": "bad", "waiting": "unknown"}

to = click.option("--to", "endpoint", metavar="NAME", help="Only those for this endpoint.")


@click.group()
def outbox() -> None:
    """Show, retry, discard and remove messages."""


@command("list", "funnelflow outbox list", "funnelflow outbox list --state dead")
@click.option("--state", type=click.Choice(LETTER_STATES), help="Only those in this state.")
@to
@click.option("--contact", metavar="ID", help="Only those about this contact.")
@click.option(
    "--limit", metavar="N", type=click.IntRange(1), default=50, show_default=True, help="At most."
)
@click.option("--after", metavar="N", type=int, default=0, help="Only those behind this number.")
@as_json
def list_(
    state: LetterState | None, endpoint: str | None, contact: str | None, limit: int, after: int
) -> int:
    """List messages, the oldest first."""
    session = current()
    with session.open() as workspace:
        box = Outbox(workspace.engine, workspace.clock)
        letters = box.letters(
            state=state, endpoint=endpoint, contact_id=contact, limit=limit, after=after
        )
        off = box.off()
    if session.json:
        write_json([_data(letter) for letter in letters])
        return 0
    say(grid([_row(letter) for letter in letters], page_for(sys.stdout)))
    if not letters:
        note("no messages")
    elif len(letters) == limit:
        hint(f"there may be more: --after {letters[-1].id}")
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
    session = current()
    with session.open() as workspace:
        letter = Outbox(workspace.engine, workspace.clock).letter(number)
    if session.json:
        write_json(_data(letter))
        return 0
    say(_lines(letter))
    say_text(json_text(dict(letter.data), indent=2))
    return 0


@command("retry", "funnelflow outbox retry 1", "funnelflow outbox retry --to log --dry-run")
@click.argument("numbers", type=int, nargs=-1)
@to
@dry_run
@as_json
def retry(numbers: tuple[int, ...], endpoint: str | None, *, dry_run: bool) -> int:
    """Let messages be tried again at the next delivery.

    Takes the dead and the waiting ones, by number, or all of an endpoint,
    which is turned on again if it was off.
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
    outbox as discarded, until `prune` removes it.
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
    session = current()
    older_than = _age(age)
    with session.open() as workspace:
        box = Outbox(workspace.engine, workspace.clock)
        count = box.prune(older_than, endpoint=endpoint, dry_run=dry_run)
    if session.json:
        write_json({"messages": count, "dry_run": dry_run})
        return 0
    say([line(Span(counted(count, "message"), "strong"), " removed")])
    if dry_run:
        note("dry run: nothing was removed")
    return 0


def _age(text: str) -> dt.timedelta:
    """Read how old a message has to be."""
    try:
        age = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--older-than: {error}", hint="write 30d, 2w or 12h") from None
    if age < dt.timedelta(0):
        raise UsageError("--older-than is not negative", hint="write 30d, 2w or 12h")
    return age


def _change(what: str, numbers: tuple[int, ...], endpoint: str | None, *, dry_run: bool) -> int:
    """Retry or discard messages, and say how many."""
    if not numbers and endpoint is None:
        raise UsageError(
            f"say which messages to {what}: numbers, or an endpoint with --to",
            hint="funnelflow outbox list",
        )
    session = current()
    with session.open() as workspace:
        box = Outbox(workspace.engine, workspace.clock)
        change = box.retry if what == "retry" else box.discard
        count = change(numbers, endpoint=endpoint, dry_run=dry_run)
    if session.json:
        write_json({"messages": count, "dry_run": dry_run})
        return 0
    done = "will be tried again" if what == "retry" else "discarded"
    say([line(Span(counted(count, "message"), "strong"), f" {done}")])
    if dry_run:
        note("dry run: nothing was changed")
    elif what == "retry" and count:
        hint("funnelflow deliver sends them")
    return 0


def _row(letter: Letter) -> list[Span]:
    return [
        Span(str(letter.id)),
        Span(letter.endpoint, "strong"),
        Span(letter.contact_id),
        Span(f"{letter.data.get('before')} → {letter.data.get('after')}"),
        Span(letter.state, _LOOKS.get(letter.state, "")),
        Span(_more(letter), "dim"),
    ]


def _more(letter: Letter) -> str:
    """Say what has become of a message so far."""
    if letter.settled_at is not None and not letter.problem:
        return moment(letter.settled_at)
    if not letter.attempts:
        return ""
    again = f", again at {moment(letter.due_at)}" if letter.state == "waiting" else ""
    return f"{counted(letter.attempts, 'attempt')}{again}: {letter.problem}"


def _lines(letter: Letter) -> list[Line]:
    """Say what a message is, above what it tells."""
    more = _more(letter)
    return [
        line(Span(f"{letter.id}", "strong"), f" to {letter.endpoint}, message {letter.message}"),
        line(Span(letter.state, _LOOKS.get(letter.state, "")), f": {more}" if more else ""),
    ]


def _data(letter: Letter) -> dict[str, Any]:
    return {
        name: value_data(value) if hasattr(value, "isoformat") else value
        for name, value in asdict(letter, recurse=False).items()
    }


for _command in (list_, show, retry, discard, prune):
    outbox.add_command(_command)
