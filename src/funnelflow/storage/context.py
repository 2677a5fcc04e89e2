"""What the use cases of a workspace share; how one is opened stands in `workspace`."""

import datetime as dt
import random
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

from attrs import evolve, field, frozen
from sqlalchemy import Connection, Engine

from funnelflow.definition import Library
from funnelflow.engine import Funnel
from funnelflow.errors import Error, UnknownContactError
from funnelflow.plugins import PluginHost, WorkspaceHandle
from funnelflow.plugins.configuration import PluginConfig, require_plugins
from funnelflow.plugins.isolation import Answers, AskAgain
from funnelflow.storage.changes import Change, ErasedContactError, Name
from funnelflow.storage.connect import Database, reading, rehearsing, writing
from funnelflow.storage.contacts import Known, Recorded, find_positions
from funnelflow.storage.database_errors import RetryError
from funnelflow.storage.definition_store import DefinitionStore
from funnelflow.storage.dialects import bulk_for
from funnelflow.storage.erased import ErasedNames
from funnelflow.storage.observers import Observers, asker
from funnelflow.storage.outbox_writer import OutboxWriter
from funnelflow.storage.partition import FoldSettings
from funnelflow.storage.queries import Present
from funnelflow.storage.row_format import Clock, utc_now
from funnelflow.storage.subscriptions import Subscription
from funnelflow.storage.unit_of_work import Store, UnitOfWork, record_one

Result = TypeVar("Result")

_ATTEMPTS = 12
_REHEARSALS = 3
"""How often plugins are asked ahead of a transaction before they are asked within it."""


@frozen(eq=False)
class Context:
    """What every use case needs. It is never changed: other settings make another one.

    Attributes:
        directory: The workspace; relative paths start there.
        database: Which database it uses.
        engine: What reaches the database.
        definitions: The definitions that have decided here.
        default_funnel: The funnel of contacts for whom none is named.
        timezone: The zone of times without an offset; None refuses them.
        roles_of: Returns the roles of an actor, sorted.
        file_roles: Whose roles count for the rows of a file: ``recorder``, who applies it, or
            ``actor``, whom a row names.
        subscriptions: Who is notified of transitions.
        plugins: The plugins in use.
        plugin_config: What the settings say about plugins.
        clock: Returns the time it is.
        reopen: Returns the façade over a context, for plugins.
    """

    directory: Path
    database: Database
    engine: Engine
    definitions: DefinitionStore
    default_funnel: str
    timezone: dt.tzinfo | None = None
    roles_of: Callable[[str], tuple[str, ...]] = field(default=lambda _: ())
    file_roles: str = "recorder"
    subscriptions: tuple[Subscription, ...] = ()
    plugins: PluginHost = field(factory=PluginHost)
    plugin_config: PluginConfig = field(factory=PluginConfig)
    clock: Clock = utc_now
    reopen: Callable[["Context"], Any] = lambda context: context

    @property
    def library(self) -> Library:
        """Where definitions are looked up by name."""
        return self.definitions.library

    @cached_property
    def store(self) -> Store:
        """What units of work share.

        Raises:
            ConfigurationError: A plugin that is required here is not in use.
        """
        self.require_plugins()
        return Store(
            bulk=bulk_for(self.engine),
            definitions=self.definitions,
            settings=FoldSettings(
                roles_of=self.roles_of,
                funnel=self.default_funnel,
                timezone=self.timezone,
                outbox=OutboxWriter(self.subscriptions) if self.subscriptions else None,
            ),
            clock=self.clock,
            workspace=self._handle(),
            plugins=self.plugins,
            ask=asker(self.plugins, self.plugin_config),
        )

    def _handle(self) -> WorkspaceHandle:
        """Return the workspace as plugins are given it."""
        return WorkspaceHandle(
            self.directory, str(self.database), self.default_funnel, partial(self.reopen, self)
        )

    def find_positions(
        self,
        connection: Connection,
        contact_id: str,
        funnel: str | None = None,
        *,
        of_then: bool = False,
    ) -> list[Known]:
        """Read a contact in every funnel that it is in; see `find_positions` of the storage.

        Raises:
            UnknownContactError: There is none by that id.
            ErasedContactError: It was erased.
            UsageError: It can be nobody's id, or the contact is not in the funnel.
        """
        try:
            return find_positions(connection, self.definitions, contact_id, funnel, of_then=of_then)
        except UnknownContactError:
            name: Name = ("id", contact_id)
            found = ErasedNames(self.directory).find(connection, [name])
            if name in found:
                raise ErasedContactError(*name, found[name].at) from None
            raise

    def present(self, connection: Connection, now: dt.datetime | None = None) -> Present:
        """Return the moment of a look, to which those who are due are folded on.

        Args:
            connection: The reading transaction.
            now: The moment; None for that of the clock.
        """
        ask = None
        if self.plugins.watches_transitions:
            ask = Observers(self.plugins, self._handle(), connection).with_vetoes
        return Present(connection, now or self.clock(), ask)

    def funnel(self, name: str | None = None, *, dry_run: bool = False) -> Funnel:
        """Return a funnel as it is in use; its first use takes its file into use.

        Args:
            name: Its name; None for the default one.
            dry_run: Return what its first use would take into use, and store nothing.

        Raises:
            UnknownNameError: There is no such funnel.
            DefinitionError: Its file has errors.
            ConfigurationError: It is not in use, and a plugin that is required here is not
                either.
        """
        name = name or self.default_funnel
        with reading(self.engine) as connection:
            loaded = self.definitions.current(connection, name)
        if loaded is None:
            self.require_plugins()
            with writing(self.engine, dry_run=dry_run) as connection:
                loaded = self.definitions.ensure_in_use(connection, name, self.clock())
        return loaded.funnel

    def quiet(self) -> "Context":
        """Return the workspace as it is where nobody is sent a message."""
        return evolve(self, subscriptions=())

    def require_plugins(self) -> None:
        """Refuse to write while a plugin that the workspace requires is not in use.

        Whatever plugins it was opened with: without one that may veto nothing is decided.

        Raises:
            ConfigurationError: One is not; it says which, why and what to do.
        """
        require_plugins(self.plugin_config, self.plugins.plugins)

    def retrying(self, attempt: Callable[[], Result]) -> Result:
        """Run a transaction again when another writer was first, a few times.

        Raises:
            RetryError: Others were first every time.
        """
        for number in range(_ATTEMPTS - 1):
            try:
                return attempt()
            except RetryError:
                time.sleep(random.uniform(0, 0.005 * 2**number))  # noqa: S311
        return attempt()

    def record(self, change: Change, *, dry_run: bool = False) -> Recorded:
        """Record one change.

        Plugins are asked before the transaction, so that no other writer waits for them. If the
        contact has changed when the transaction begins they are asked again, and at last, when
        others were first every time, within it.

        Args:
            change: What is to be recorded.
            dry_run: Undo everything at the end.

        Raises:
            Error: It cannot be recorded.
            RetryError: Others were first every time.
            StoreError: The database cannot store it; nothing is stored.
        """
        store = self.store
        asks = self.plugins.watches_transitions or bool(self.library.criteria)
        for _ in range(_REHEARSALS if asks else 0):
            at_once = evolve(store, clock=partial(_identity, store.clock()))
            answers, sequence = self._ask_plugins(at_once, change)
            with answers.in_force(), suppress(AskAgain):
                record = partial(_record_unchanged, change, sequence, dry_run=dry_run)
                return self._transact(at_once, record, dry_run=dry_run)
        return self._transact(
            store, lambda work: record_one(work, change, dry_run=dry_run), dry_run=dry_run
        )

    def _ask_plugins(self, store: Store, change: Change) -> tuple[Answers, int]:
        """Decide a change and undo it, for the answers of plugins.

        Returns:
            The answers, and the length of the contact's history; 0 where nobody is known.
        """
        answers, sequence = Answers(), 0
        bulk = bulk_for(self.engine, locks=False)
        with suppress(Error), answers.collecting(), rehearsing(self.engine) as connection:
            work = UnitOfWork(connection, evolve(store, bulk=bulk))
            work.load([change.contact_id], [change.key])
            tracked = work.chain(change.contact_id)
            funnel = change.funnel or self.default_funnel
            if tracked is not None or self.definitions.current(connection, funnel) is not None:
                sequence = tracked.sequence if tracked is not None else 0
                work.take(change, explain=True)
        return answers, sequence

    def transact(
        self,
        work: Callable[[UnitOfWork], Result],
        *,
        dry_run: bool = False,
    ) -> Result:
        """Run some work as one transaction, again when another writer was first.

        Args:
            work: Decides changes in a unit of work, and writes it.
            dry_run: Undo everything at the end.

        Raises:
            RetryError: Others were first every time.
            StoreError: The database cannot store it; nothing is stored.
        """
        return self._transact(self.store, work, dry_run=dry_run)

    def _transact(
        self, store: Store, work: Callable[[UnitOfWork], Result], *, dry_run: bool
    ) -> Result:
        def attempt() -> Result:
            with writing(self.engine, dry_run=dry_run) as connection:
                return work(UnitOfWork(connection, store))

        return self.retrying(attempt)


def _identity(now: dt.datetime) -> dt.datetime:
    return now


def _record_unchanged(
    change: Change, sequence: int, work: UnitOfWork, *, dry_run: bool
) -> Recorded:
    """Record a change of a contact whose history is as long as it was.

    Raises:
        AskAgain: It is not.
    """
    work.load([change.contact_id], [change.key])
    tracked = work.chain(change.contact_id)
    if (tracked.sequence if tracked is not None else 0) != sequence:
        raise AskAgain
    return record_one(work, change, dry_run=dry_run)
