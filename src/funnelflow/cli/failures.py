"""From an exception to a message, a hint and an exit code; never a traceback unasked.

Exit codes: 0 yes; 1 the answer is no; 2 the request or the configuration is at fault;
70 a bug in funnelflow; 130 interrupted; 141 nobody reads the output any more.
"""

import os
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, NoReturn

import click

import funnelflow
from funnelflow.cli.session import COMPLETING, Session

USAGE = 2
BUG = 70
INTERRUPTED = 130
CLOSED = 141
_CLICKS = re.compile(r"is not a valid integer( range)?\b")
"""How click says that something is no number."""


class Failure(NamedTuple):
    """What a person reads about an exception; `data` is what a program reads."""

    code: str
    message: str
    hint: str
    exit_code: int
    data: Mapping[str, Any] = {}


def run_reporting(run: Callable[[], Any], session: Session) -> NoReturn:
    """Run a command line, tell the user about whatever goes wrong, and exit.

    Args:
        run: Gives the exit code, or None for 0.
        session: Says whether tracebacks and JSON are wanted.

    Raises:
        SystemExit: Always, with the exit code.
    """
    _carry_everything(sys.stdout)
    try:
        answer = run()
        _flush()
    except BrokenPipeError:
        _abandon(sys.stdout)
        raise SystemExit(CLOSED) from None
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001  # every failure ends here
        raise SystemExit(_report(error, session)) from None
    raise SystemExit(answer if isinstance(answer, int) else 0)


def describe(error: BaseException) -> Failure:
    """Return what an exception means to the person at the keyboard."""
    if isinstance(error, funnelflow.Error):
        return _of_ours(error)
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return Failure("interrupted", "interrupted", "", INTERRUPTED)
    if isinstance(error, click.ClickException):
        return _of_click(error)
    if isinstance(error, OSError):
        return _of_system(error)
    return _of_bug(error)


def _of_ours(error: "funnelflow.Error") -> Failure:
    """Return what one of our errors says; one about an expression shows it, with carets."""
    show = getattr(error, "show", None)
    message, hint = (show(), "") if show else (error.message, error.local_hint)
    return Failure(error.code, message, hint, error.exit_code, error.to_json())


def _of_click(error: click.ClickException) -> Failure:
    context = getattr(error, "ctx", None)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return Failure("help", error.format_message(), "", USAGE)
    likely = getattr(error, "possibilities", None)
    message = error.message if likely else error.format_message()
    return Failure("usage", _sentence(message), _usage_hint(error, likely, context), USAGE)


def _usage_hint(
    error: click.ClickException, likely: list[str] | None, context: click.Context | None
) -> str:
    """Return what was probably meant, or where it is explained."""
    if context is None:
        return ""
    meant = f"did you mean {' or '.join(likely)}?" if likely else ""
    takes_facts = any(parameter.name == "facts" for parameter in context.command.params)
    if isinstance(error, click.NoSuchOption) and takes_facts:
        fact = error.option_name.lstrip("-").replace("-", "_")
        return f"{meant} A fact is written without dashes: {fact}=…".strip()
    return meant or f"{context.command_path} --help shows how to use it"


def _of_system(error: OSError) -> Failure:
    where = f"{error.filename}: " if error.filename else ""
    return Failure("system", f"{where}{error.strerror or error}", "", USAGE)


def _of_bug(error: BaseException) -> Failure:
    """Name the kind and place of the error, not its text, which may hold people's data."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""  # noqa: PTH119
    return Failure(
        "bug",
        f"this is a bug in funnelflow: {type(error).__name__}{place}",
        "the same command with --debug shows where; please report it with that output",
        BUG,
    )


def _report(error: BaseException, session: Session) -> int:
    from funnelflow.cli.output import write_failure  # noqa: PLC0415  # only failures pay for it

    failure = describe(error)
    if COMPLETING in os.environ:  # a prompt is no place for an error; the command will tell it
        return failure.exit_code
    try:
        if session.debug:
            traceback.print_exception(error)
        write_failure(failure.code, failure.message, failure.hint, _data(failure, session))
        _flush()
    except OSError:  # neither output can be written: the exit code is all that is left to say
        _abandon(sys.stdout)
        _abandon(sys.stderr)
    return failure.exit_code


def _data(failure: Failure, session: Session) -> Mapping[str, Any] | None:
    """Return an error as a program reads it; None where a person does."""
    said = {"code": failure.code, "message": failure.message, "hint": failure.hint}
    return {**said, **failure.data} if session.json else None


def _sentence(message: str) -> str:
    """Return click's sentences the form of ours: no capital, no full stop."""
    message = _CLICKS.sub("is not a whole number", message.strip().removesuffix("."))
    return message[:1].lower() + message[1:]


def _carry_everything(stream: Any) -> None:
    """Let a stream write characters that its encoding lacks as escapes, not fail on them."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()


def _abandon(stream: Any) -> None:
    """Point a stream that nobody reads at nothing, so that Python's own exit is quiet."""
    try:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)
    except (AttributeError, OSError, ValueError):  # no file behind it: nothing will be flushed
        return
