"""Having a worker decide what a file says, while what it decided before is written here.

Most of the time of a run goes into deciding, and one process uses one processor. So a
worker, a process of its own, decides chunk after chunk, optimistically and without a lock,
and here each chunk is compared with the database as it is written, and refused if anybody
else has written meanwhile. Nothing depends on the worker: whatever ends it, and whatever it
meets that is out of the ordinary, the run goes on without it, and meets the same itself.
"""

import datetime as dt
import logging
import marshal
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import IO, TYPE_CHECKING, Any, Self

from attrs import frozen

from funnelflow.ingest.mapping import FileMapping
from funnelflow.ingest.row_handler import Decided, Task
from funnelflow.ingest.row_parser import ParsedRow
from funnelflow.ingest.summary import FileOptions
from funnelflow.storage.connect import Database
from funnelflow.storage.evidence_rows import Writes
from funnelflow.storage.row_format import utc_now
from funnelflow.storage.settings import Config

if TYPE_CHECKING:
    from funnelflow.storage.context import Context


_LOG = logging.getLogger("funnelflow.store")
_COMMAND = (sys.executable, "-P", "-m", "funnelflow.ingest.worker")

GREETING = b"funnelflow: ready\n"
"""What a worker begins with: whatever else comes is not from one."""

WORTH_IT = 4 << 20
"""Bytes of a file from which a worker saves more time than it takes to start."""


@frozen
class Order:
    """What a worker needs to know; it is pickled.

    Attributes:
        database: Where the contacts are.
        config: The settings of the workspace.
        timezone: The zone of times without an offset; None refuses them.
        task: What the rows are taken for; it is prepared.
        mapping: What the columns are.
        funnel: The home of contacts that are added; empty for the workspace's own.
        code: Where the code is that gives it; that of the worker must be the same.
    """

    database: Database
    config: Config
    timezone: dt.tzinfo | None
    task: Task
    mapping: FileMapping
    funnel: str
    code: str = __file__


class Worker:
    """A process that decides; a context that ends it.

    Args:
        order: What it needs to know.

    Raises:
        OSError: There can be no other process.
        RuntimeError: There can be no other thread.
    """

    def __init__(self, order: Order) -> None:
        self._is_gone = False
        self._forgets = False
        self._started = threading.Event()
        self._answers: SimpleQueue[Any] = SimpleQueue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._process = subprocess.Popen(  # noqa: S603  # our own module
            _COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # where people's data could be told
        )
        try:
            self._listener.start()
            self._write(order)
        except BaseException:
            self._end()
            raise

    def __enter__(self) -> Self:
        """Give the worker itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self._end()

    @property
    def is_ready(self) -> bool:
        """Whether it has started, and can be given something to do."""
        return self._started.is_set() and not self._is_gone

    def wait(self) -> None:
        """Wait until it has started, or is gone."""
        self._started.wait()

    def send(self, rows: Sequence[ParsedRow]) -> None:
        """Have rows decided, behind those that were sent before."""
        try:
            packed = marshal.dumps([tuple(told) for told in rows])
        except ValueError:  # an object in it is nested too deeply
            self.give_up()
        else:
            self._write((self._forgets, packed))
            self._forgets = False

    def receive(self) -> Decided | None:
        """Wait for what came of the rows that were sent first; None if it is gone."""
        answer = self._answers.get()
        if answer is None:
            self._answers.put(None)  # for whoever asks again
            return None
        writes, *others = answer
        return Decided(Writes(*marshal.loads(writes)), *others)  # noqa: S302  # from our own

    def forget(self) -> None:
        """Have it read everything anew before the rows that are sent next."""
        self._forgets = True

    def give_up(self) -> None:
        """End it: what it still has is done by others."""
        self._is_gone = True
        self._process.kill()

    def _end(self) -> None:
        self.give_up()
        if self._listener.is_alive():
            self._listener.join()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(OSError):  # of what it has not taken any more
                pipe.close()
        self._process.wait()

    def _write(self, message: object) -> None:
        assert self._process.stdin is not None
        try:
            write_message(self._process.stdin, message)
        except OSError:  # it is gone
            self.give_up()

    def _listen(self) -> None:
        """Take its answers as they come, so that it never waits; None when there are no more."""
        pipe = self._process.stdout
        assert pipe is not None
        try:
            if pipe.readline() == GREETING:
                self._started.set()
                while not isinstance(answer := read_message(pipe), str):
                    self._answers.put(answer)
                _LOG.debug("the worker has stopped: %s", answer)
        except Exception as error:  # noqa: BLE001  # what is cut off can raise anything
            _LOG.debug("the worker is gone: %s", type(error).__name__)
        finally:
            self._is_gone = True
            self._answers.put(None)
            self._started.set()


def is_worth_it(workspace: "Context", options: FileOptions, left: int | None) -> bool:
    """Tell whether to have a worker.

    Not where plugins are asked or told: what they keep in memory is in this process. Not in a
    dry run, whose chunks nobody else can see.

    Args:
        workspace: Whose contacts are decided on.
        options: How; `worker` of them says whether there is one where there can be.
        left: The bytes of the file that are left; None for a stream, which comes when it comes.
    """
    plugins = workspace.plugins
    if (
        left is None
        or options.dry_run
        or plugins.watches_transitions
        or plugins.watches_commits
        or workspace.clock is not utc_now
        or not Path(sys.executable or "").name.lower().startswith(("python", "pypy"))
    ):
        return False
    if options.worker is not None:
        return options.worker
    return left >= WORTH_IT and _processors() > 1


def write_message(pipe: IO[bytes], message: object) -> None:
    """Send something to the other process.

    Raises:
        BrokenPipeError: It is gone.
    """
    pickle.dump(message, pipe, pickle.HIGHEST_PROTOCOL)
    pipe.flush()


def read_message(pipe: IO[bytes]) -> Any:
    """Wait for the next message of the other process, which is one of our own.

    Raises:
        EOFError: It is gone.
    """
    return pickle.load(pipe)  # noqa: S301


def _processors() -> int:
    """Count the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
