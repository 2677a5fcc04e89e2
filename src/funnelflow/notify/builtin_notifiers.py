"""The notifiers that come with funnelflow: a log, and a command."""

import contextlib
import datetime as dt
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from funnelflow.plugins import DeliveryError, Message, NotifierProvider
from funnelflow.storage.messages import OutboxMessage

MOVED: Final = "funnelflow.contact.moved"
"""The type of a message about a transition."""

CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"
"""What `Message.text` returns, for HTTP: the structured mode of CloudEvents."""


def message_of(message: OutboxMessage) -> Message:
    """Return what a notifier sends for a row of the outbox."""
    return Message(
        id=message.message,
        type=MOVED,
        source=message.source,
        subject=message.contact_id,
        time=message.at,
        data=message.data,
    )


_SHOWN: Final = 300
"""Characters of what a command says that are kept."""
_CAPTURED: Final = 64 * 1024


@frozen
class LogSettings:
    """Where messages are written.

    Attributes:
        path: A file, to whose end each message is added as a line; None for stderr.
    """

    path: Path | None = None


@frozen
class CommandSettings:
    """What is run for each message.

    Attributes:
        command: The program and its arguments; no shell reads them.
        timeout: How long it may take.
    """

    command: list[str] = field()
    timeout: dt.timedelta = dt.timedelta(seconds=15)

    @command.validator
    def _check_command(self, _: Any, value: list[str]) -> None:
        if not value:
            raise ValueError('command is empty; write command = ["program", "argument"]')


def _send_to_log(message: Message, settings: LogSettings) -> None:
    """Add a message to a file, whole: one write of one line."""
    line = f"{message.text()}\n"
    if settings.path is None:
        sys.stderr.write(line)
        return
    try:
        descriptor = os.open(settings.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            _write_whole(descriptor, line.encode("ascii"))
        finally:
            os.close(descriptor)
    except OSError as error:
        raise DeliveryError(f"{settings.path}: {error.strerror}") from None


def _write_whole(descriptor: int, data: bytes) -> None:
    """Write a line, or nothing of it: a disk that is full takes a part.

    Raises:
        OSError: It cannot be written whole; what was written of it is cut off again.
    """
    end = os.fstat(descriptor).st_size
    written = os.write(descriptor, data)
    if written == len(data):
        return
    try:
        while written < len(data):
            written += os.write(descriptor, data[written:])
    except OSError:
        with contextlib.suppress(OSError):
            if os.fstat(descriptor).st_size == end + written:  # nobody else has written behind it
                os.ftruncate(descriptor, end)
        raise


def _send_to_command(message: Message, settings: CommandSettings) -> None:
    """Run a program with a message on its standard input; exit code 0 says that it arrived."""
    program = Path(settings.command[0]).name
    try:
        process = subprocess.Popen(  # noqa: S603  # who may write the settings chooses the program
            settings.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise DeliveryError(f"{program} cannot be run: {error.strerror}") from None
    with process:
        try:
            _, said = process.communicate(
                message.text().encode("ascii"), settings.timeout.total_seconds()
            )
        except subprocess.TimeoutExpired:
            _end(process)
            seconds = settings.timeout.total_seconds()
            raise DeliveryError(f"{program} did not end within {seconds:g} seconds") from None
    if process.returncode:
        raise DeliveryError(f"{program} exited with {process.returncode}{_last_line(said)}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and whatever it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for pipe in (process.stdin, process.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def _last_line(said: bytes) -> str:
    lines = said[-_CAPTURED:].decode("utf-8", "replace").split("\n")
    last = next((text.strip() for text in reversed(lines) if text.strip()), "")
    return f": {last[:_SHOWN]}" if last else ""


BUILT_IN: Final = {
    provider.name: provider
    for provider in (
        NotifierProvider(
            "log", _send_to_log, LogSettings, "Writes each message as a line of JSON."
        ),
        NotifierProvider(
            "command",
            _send_to_command,
            CommandSettings,
            "Runs a program with the message as JSON on its standard input.",
        ),
    )
}
"""The notifiers of funnelflow itself, by name; a plugin cannot offer these names."""
