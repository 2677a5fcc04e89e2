"""What the use cases of a workspace share; how one is opened stands in `workspace`."""

import datetime as dt
import random
import time
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

from attrs import evolve, field, frozen
from sqlalchemy import Engine

from funnelflow.definition import Library
from funnelflow.engine import Funnel
from funnelflow.plugins import PluginHost, WorkspaceHandle
from funnelflow.plugins.discovery import PluginConfig
from funnelflow.plugins.host import require_plugins
from funnelflow.storage.changes import Store
from funnelflow.storage.connect import Database, reading, writing
from funnelflow.storage.database_errors import RetryError
from funnelflow.storage.definition_store import DefinitionStore
from funnelflow.storage.dialects import bulk_for
from funnelflow.storage.outbox_writer import OutboxWriter
from funnelflow.storage.row_format import Clock, utc_now
from funnelflow.storage.subscriptions import Subscription
from funnelflow.storage.unit_of_work import UnitOfWork

Result = TypeVar("Result")

_ATTEMPTS = 12


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
            shelf=self.definitions,
            roles_of=self.roles_of,
            funnel=self.default_funnel,
            timezone=self.timezone,
            clock=self.clock,
            workspace=WorkspaceHandle(
                self.directory, str(self.database), self.default_funnel, partial(self.reopen, self)
            ),
            plugins=self.plugins,
            telling=OutboxWriter(self.subscriptions) if self.subscriptions else None,
        )

    def funnel(self, name: str | None = None) -> Funnel:
        """Return a funnel as it is in use; its first use takes its file into use.

        Args:
            name: Its name; None for the default one.

        Raises:
            UnknownNameError: There is no such funnel.
            DefinitionError: Its file has errors.
            ConfigurationError: It is not in use, and a plugin that is required here is not
                either.
        """
        name = name or self.default_funnel
        with reading(self.engine) as connection:
            running = self.definitions.current(connection, name)
        if running is None:
            self.require_plugins()
            with writing(self.engine) as connection:
                running = self.definitions.home(connection, name, self.clock())
        return running.funnel

    def require_plugins(self) -> None:
        """Refuse to write while a plugin that the workspace requires is not in use.

        Whatever plugins it was opened with: without one that may veto nothing is decided.

        Raises:
            ConfigurationError: One is not; it says which, why and what to do.
        """
        require_plugins(self.plugin_config, self.plugins.plugins)

    def retrying(self, change: Callable[[], Result]) -> Result:
        """Run a transaction again when another writer was first, a few times.

        Raises:
            RetryError: Others were first every time.
        """
        for attempt in range(_ATTEMPTS - 1):
            try:
                return change()
            except RetryError:
                time.sleep(random.uniform(0, 0.005 * 2**attempt))  # noqa: S311
        return change()

    def transact(
        self,
        work: Callable[[UnitOfWork], Result],
        *,
        dry_run: bool = False,
        roles: tuple[str, ...] | None = None,
    ) -> Result:
        """Run some work as one transaction, again when another writer was first.

        Args:
            work: Decides changes in a unit of work, and writes it.
            dry_run: Undo everything at the end.
            roles: The roles of whoever asks; None for those that the settings give an actor.

        Raises:
            RetryError: Others were first every time.
            StoreError: The database cannot store it; nothing is stored.
        """
        store = self.store
        if roles is not None:
            store = evolve(store, roles_of=lambda _: roles)

        def change() -> Result:
            with writing(self.engine, dry_run=dry_run) as connection:
                return work(UnitOfWork(connection, store))

        return self.retrying(change)
