"""Calling what a plugin wrote: whatever it does, funnelflow goes on.

pluggy calls hooks and isolates nothing. Here one function of one plugin is called at a time:

* an exception, `sys.exit`, or any other way out is caught and given back, except Ctrl-C;
* what it prints in its own thread goes to stderr, because stdout is for the answer; what other
  threads print meanwhile goes where it always goes;
* it cannot change the workspace from within (`refuse_inside`), which would call it again, and
  within a transaction wait for ever for the lock that its own caller holds;
* one that takes long is named on stderr, with what turns it off (`watching`).

Nothing here can stop an endless loop or `os._exit` within this process. Ctrl-C ends the loop,
and the message says which plugin to turn off; `funnelflow plugins` and `doctor` look at
plugins in a process of their own (`probing`), with a deadline.

No plugin is asked while a transaction holds its lock. A change is decided twice: once without a
lock, where plugins are asked, and once within the writing transaction, where the same questions
find their answers (`Answers`). A question that was not asked before ends the transaction, because
the contact is not what it was then.
"""

import importlib
import itertools
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final, NamedTuple, TextIO, TypeVar, cast

from attrs import define, field

from funnelflow.errors import UsageError

_OURS: Final = (Path(__file__).parents[1], Path(importlib.__file__).parent)
PATIENCE: Final = 10.0
"""Seconds after which a plugin that has not come back is named."""
_TICK: Final = 0.5


class Call(NamedTuple):
    """Something of a plugin that runs."""

    plugin: str
    what: str


@define(eq=False)
class Fault(Exception):  # noqa: N818  # it is what came of a call, caught at once
    """What went wrong in a plugin.

    Attributes:
        call: What was called.
        error: The way out that it took.
    """

    call: Call
    error: BaseException


_running: ContextVar[Call | None] = ContextVar("funnelflow_plugin", default=None)


def attempt(plugin: str, what: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call something of a plugin.

    Args:
        plugin: Whose it is.
        what: What is called, for messages: a hook, or "import".
        function: It.
        args: What it is called with.
        kwargs: The same, by name.

    Raises:
        Fault: It raised or left in any other way than by giving an answer.
    """
    with inside(plugin, what) as call:
        try:
            return function(*args, **kwargs)
        except (KeyboardInterrupt, Fault):
            raise
        except BaseException as error:  # sys.exit and everything else that gets out
            raise Fault(call, error) from error


def describe_error(error: BaseException) -> str:
    """Name an exception in one line; a mistake of syntax with its place."""
    said = " ".join(str(error).split())
    if isinstance(error, SystemExit):
        return f"it called sys.exit({'' if error.code is None else repr(error.code)})"
    if isinstance(error, SyntaxError) and error.filename:
        return f"{type(error).__name__}: {error.msg} ({error.filename}, line {error.lineno})"
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def place_of(error: BaseException) -> str:
    """Return in brackets where in the plugin something was raised; empty if not known."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if _is_of_plugin(f.filename)]
    own = [frame for frame in frames if frame.filename == frames[0].filename]
    return f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""


def _is_of_plugin(filename: str) -> bool:
    """Whether a frame's file is neither funnelflow's nor what imports modules."""
    return not filename.startswith("<") and not any(
        Path(filename).is_relative_to(place) for place in _OURS
    )


@contextmanager
def inside(plugin: str, what: str, *, watched: bool = True) -> Iterator[Call]:
    """Run a block as a plugin's: named while it runs, what it prints written to stderr.

    Args:
        plugin: Whose it is.
        what: What is called.
        watched: Report when it does not come back; False where the caller sees to that.
    """
    call = Call(plugin, what)
    token = _running.set(call)
    _STDOUT.divert()
    try:
        with watching(call) if watched else nullcontext():
            yield call
    finally:
        _STDOUT.restore()
        _running.reset(token)


def came_back() -> None:
    """Wait anew for the plugin that runs in this context: it has given a row, or the like."""
    call = _running.get()
    if call is not None:
        WATCH.renew(call)


def refuse_inside(what: str) -> None:
    """Refuse something that a plugin asks for while it is being called.

    Raises:
        UsageError: A plugin's function is running in this context.
    """
    call = _running.get()
    if call is not None:
        raise UsageError(
            f"plugin {call.plugin} tried to {what} from within {call.what}",
            hint="give an answer and return; a command or a notifier can do it afterwards",
        )


class _PluginStdout:
    """Stands in for stdout while plugins run: what they print goes to stderr.

    What any other thread prints meanwhile goes to stdout itself, as does what is printed once
    the plugin is back.

    Args:
        real: Stdout itself; None where there is none.
    """

    def __init__(self, real: TextIO | None) -> None:
        self.real = real

    def write(self, text: str) -> int:
        """Write to stderr for a plugin and to stdout for everybody else, if there is one."""
        stream = self._stream()
        return len(text) if stream is None else stream.write(text)

    def flush(self) -> None:
        """Flush the stream that is written to."""
        stream = self._stream()
        if stream is not None:
            stream.flush()

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the stream that is written to."""
        return getattr(self._stream(), name)

    def _stream(self) -> TextIO | None:
        return self.real if _running.get() is None else sys.stderr


class _Stdout:
    """Puts the stand-in in the place of stdout for as long as any plugin runs, in any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._stand_in = _PluginStdout(None)

    def divert(self) -> None:
        """Begin with the first call."""
        with self._lock:
            self._count += 1
            if self._count == 1 and not isinstance(sys.stdout, _PluginStdout):
                self._stand_in = _PluginStdout(sys.stdout)
                sys.stdout = cast("TextIO", self._stand_in)

    def restore(self) -> None:
        """End with the last call, unless somebody has replaced stdout meanwhile."""
        with self._lock:
            self._count -= 1
            if self._count == 0 and sys.stdout is self._stand_in:
                sys.stdout = cast("TextIO", self._stand_in.real)


class _Watch:
    """Notices calls that do not come back; one thread for all of them, started by the first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._calls: dict[int, tuple[float, Call]] = {}
        self._tickets = itertools.count()
        self.patience = PATIENCE

    def enter(self, call: Call) -> int:
        """Begin to watch a call; gives what `leave` ends it with."""
        if self._thread is None or not self._thread.is_alive():
            with self._lock:
                self._thread = threading.Thread(
                    target=self._look, name="funnelflow-plugins", daemon=True
                )
                self._thread.start()
        ticket = next(self._tickets)
        self._calls[ticket] = (time.monotonic(), call)
        return ticket

    def renew(self, call: Call) -> None:
        """Wait for a call anew, which has just given something."""
        for ticket, (_, other) in list(self._calls.items()):
            if other is call:
                self._calls[ticket] = (time.monotonic(), call)

    def leave(self, ticket: int) -> None:
        """End watching a call."""
        self._calls.pop(ticket, None)

    def _look(self) -> None:
        while True:
            time.sleep(min(_TICK, self.patience))
            late = time.monotonic() - self.patience
            for ticket, (began, call) in list(self._calls.items()):
                if began < late and self._calls.pop(ticket, None) is not None:
                    _report_late(call, self.patience)


def _report_late(call: Call, patience: float) -> None:
    """Write which plugin keeps everybody waiting; stderr may be gone by then."""
    try:
        sys.stderr.write(
            f"warning: plugin {call.plugin} has not come back from {call.what} "
            f"for {patience:.0f} seconds\n"
            f"hint: Ctrl-C ends it; --no-plugins={call.plugin} goes on without it\n"
        )
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        return


_STDOUT = _Stdout()
WATCH = _Watch()


@contextmanager
def watching(call: Call) -> Iterator[None]:
    """Name a call on stderr if it does not come back for a long time."""
    ticket = WATCH.enter(call)
    try:
        yield
    finally:
        WATCH.leave(ticket)


Answer = TypeVar("Answer")


class AskAgain(BaseException):
    """A plugin would have to be asked something new while a lock is held.

    It is no `Exception`, so that nobody takes it for the failure of a criterion.
    """


@define
class Answers:
    """What plugins answered to the questions about one change."""

    _given: list[tuple[Any, Any]] = field(factory=list, init=False)
    _is_closed: bool = field(default=False, init=False)

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Keep the answers to what is asked within the block, each question asked once."""
        self._given.clear()
        self._is_closed = False
        with _answering(self):
            yield

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Answer what is asked within the block from what was collected.

        Raises:
            AskAgain: Something else was asked.
        """
        self._is_closed = True
        with _answering(self):
            yield

    def answer(self, question: Any, ask: Callable[[], Answer]) -> Answer:
        """Return the answer that was given before, or ask for it."""
        for asked, answer in self._given:
            if asked == question:
                return answer  # type: ignore[no-any-return]  # a question has answers of one type
        if self._is_closed:
            raise AskAgain
        answer = ask()
        self._given.append((question, answer))
        return answer


_answers: ContextVar[Answers | None] = ContextVar("funnelflow_answers", default=None)


def ask_once(question: Callable[[], Any], ask: Callable[[], Answer]) -> Answer:
    """Ask a plugin, unless it is known what it answers.

    Args:
        question: Returns what stands for the question: it is compared, and must not change.
        ask: Asks it.

    Raises:
        AskAgain: Plugins may only be asked what they were asked before.
    """
    answers = _answers.get()
    return ask() if answers is None else answers.answer(question(), ask)


@contextmanager
def _answering(answers: Answers) -> Iterator[None]:
    token = _answers.set(answers)
    try:
        yield
    finally:
        _answers.reset(token)
