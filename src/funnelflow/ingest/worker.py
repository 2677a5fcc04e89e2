"""The worker of a run over a file: ``python -m funnelflow.ingest.worker``, see `deciding`.

Its input is an `Order`, and then rows as they were told; its output what comes of them. It
has no plugins and writes nothing, to the database or elsewhere. What it cannot do ends it,
and the run that started it goes on without it.
"""

import datetime as dt
import marshal
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from sqlalchemy import Connection

from funnelflow.definition import Library
from funnelflow.errors import Error, StoreError
from funnelflow.ingest import deciding
from funnelflow.ingest.deciding import GREETING, Order, read_message, write_message
from funnelflow.ingest.row_handler import Decided, RowHandler
from funnelflow.ingest.row_parser import ParsedRow
from funnelflow.ingest.run import gc_seldom
from funnelflow.storage.changes import Store, TrustedContacts
from funnelflow.storage.connect import connect, reading
from funnelflow.storage.definition_store import DefinitionStore, LoadedDefinition
from funnelflow.storage.dialects import bulk_for
from funnelflow.storage.outbox_writer import OutboxWriter
from funnelflow.storage.row_format import utc_now
from funnelflow.storage.unit_of_work import UnitOfWork


class _Shelf(DefinitionStore):
    """The definitions as they are: none is taken into use, and none is locked."""

    def home(self, connection: Connection, name: str, now: dt.datetime) -> LoadedDefinition:  # noqa: ARG002
        running = self.current(connection, name)
        if running is None:
            raise StoreError(f"the funnel {name!r} is not in use yet")
        return running


class Decider:
    """Decides chunk after chunk, each on what the ones before will have made of the contacts.

    Args:
        order: What it needs to know.

    Raises:
        StoreError: The order comes from another code.
    """

    def __init__(self, order: Order) -> None:
        if order.code != deciding.__file__:
            raise StoreError("the worker would run another code than who asks")
        config = order.config
        self._engine = connect(order.database)
        self._store = Store(
            bulk=bulk_for(self._engine, locks=False),
            shelf=_Shelf(Library(()), is_strict=True),
            roles_of=config.roles_of,
            funnel=config.funnel,
            timezone=order.timezone,
            clock=utc_now,
            telling=OutboxWriter(config.notices) if config.notices else None,
        )
        self._funnel = order.funnel
        self._taker = RowHandler(order.task, order.mapping)
        self._remembered = TrustedContacts()

    def forget(self) -> None:
        """Read everything anew: somebody else has written, and it was not as was decided."""
        self._remembered = TrustedContacts()

    def decide(self, rows: Sequence[ParsedRow]) -> Decided:
        """Decide the rows of a chunk.

        Contacts are read in a transaction that is short: one that stayed open would keep
        SQLite from clearing its log.

        Raises:
            Error: They cannot be decided here.
        """
        with reading(self._engine) as connection:
            chunk = UnitOfWork(connection, self._store, self._remembered)
            chunk.home(self._funnel)
            self._taker.load(chunk, rows)
        decided = self._taker.decide(chunk, rows)
        chunk.remember()
        return decided


def main() -> None:
    """Read an order, then rows; give what comes of them, until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run that started it sees to that
    asked, answer = sys.stdin.buffer, _private_output()
    with suppress(EOFError, BrokenPipeError):  # the run has ended
        try:
            _serve(asked, answer)
        except Error as error:
            write_message(answer, type(error).__name__)


def _serve(asked: IO[bytes], answer: IO[bytes]) -> None:
    """Answer until it cannot go on."""
    decider = Decider(read_message(asked))
    answer.write(GREETING)
    answer.flush()
    with gc_seldom():
        while True:
            forgets, packed = read_message(asked)
            if forgets:
                decider.forget()
            rows = [ParsedRow._make(row) for row in marshal.loads(packed)]  # noqa: S302  # from our own
            writes, *others = decider.decide(rows)
            write_message(answer, (marshal.dumps(tuple(writes)), *others))


def _private_output() -> IO[bytes]:
    """Take the standard output for the answers alone: what else is printed goes nowhere."""
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    return answer


if __name__ == "__main__":
    main()
