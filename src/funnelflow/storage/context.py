"""A workspace that is open: its settings, its database, and the definitions in use."""

import random
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import Engine

from funnelflow.definition import Library
from funnelflow.engine import Funnel
from funnelflow.plugins import PluginHost, load_plugins, read_plugin_config
from funnelflow.plugins.host import require_plugins
from funnelflow.storage import schema
from funnelflow.storage.changes import Store
from funnelflow.storage.connect import Database, connect, locate, reading, writing
from funnelflow.storage.database_errors import RetryError
from funnelflow.storage.definition_store import DefinitionStore
from funnelflow.storage.dialects import bulk_for
from funnelflow.storage.outbox_writer import OutboxWriter
from funnelflow.storage.row_format import Clock, utc_now
from funnelflow.storage.settings import Config, find_workspace, read_config, write_config
from funnelflow.storage.unit_of_work import UnitOfWork

Result = TypeVar("Result")

DATABASE = "funnelflow.db"
"""Where a workspace keeps its contacts when nothing else is said."""

_ATTEMPTS = 12


class Context:
    """What every operation on a workspace needs; `Workspace` adds the operations.

    Attributes:
        config: The settings in force.
        database: The database in use.
        library: Where definitions are looked up by name.
        clock: Gives the time it is.
        shelf: The definitions that have decided here.
        plugins: The plugins in use.
    """

    def __init__(
        self,
        config: Config,
        database: Database,
        library: Library,
        *,
        clock: Clock = utc_now,
        plugins: PluginHost | None = None,
    ) -> None:
        self.plugins = plugins or PluginHost()
        self.config = config
        self.database = database
        self.library = library
        self.clock = clock
        self.shelf = DefinitionStore(library)

    @classmethod
    def create(
        cls,
        directory: Path | str,
        funnel: str = "standard",
        *,
        database: str | None = None,
        library: Library | None = None,
        clock: Clock = utc_now,
        plugins: PluginHost | None = None,
    ) -> Self:
        """Start a workspace: its settings, its database, its first funnel in use.

        Args:
            directory: Where; made when it is not there.
            funnel: The funnel of contacts for whom none is named.
            database: A path, or the URL of a PostgreSQL database; None for the one that the
                environment names, or else a file in the directory.
            library: Where definitions are looked up; None for the directory and what is shipped.
            clock: Gives the time it is; tests give one that stands still.
            plugins: The plugins to use; None for those that are found, `PluginHost()` for none.

        Raises:
            ConfigurationError: There is a workspace already, or it cannot be made.
            StoreError: The database is in use for something else, or cannot be made.
            UnknownNameError: There is no such funnel.
            DefinitionError: Its file has errors.
        """
        directory = Path(directory).absolute()
        host = load_plugins(directory) if plugins is None else plugins
        books = host.library(library or _library(directory))
        DefinitionStore(books).file(funnel)
        path = write_config(directory, funnel=funnel, database=database or DATABASE)
        try:
            config = read_config(directory, flags={"database": database})
            where = locate(config.database, directory)
            schema.create_tables(where)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        workspace = cls(config, where, books, clock=clock, plugins=host)
        workspace.funnel(funnel)
        return workspace

    @classmethod
    def open(
        cls,
        directory: Path | str | None = None,
        *,
        database: str | None = None,
        library: Library | None = None,
        clock: Clock = utc_now,
        plugins: PluginHost | None = None,
    ) -> Self:
        """Open the workspace that a directory belongs to.

        Args:
            directory: Where to begin looking upwards; None for the current directory.
            database: The database to use instead of the configured one.
            library: Where definitions are looked up; None for the directory and what is shipped.
            clock: Gives the time it is.
            plugins: The plugins to use; None for those that are found, `PluginHost()` for none.

        Raises:
            ConfigurationError: There is no workspace, or its settings are not usable.
            StoreError: Its database is missing, or of another version.
        """
        root = find_workspace(directory)
        config = read_config(root, flags={"database": database})
        where = locate(config.database, root)
        host = load_plugins(root) if plugins is None else plugins
        books = host.library(library or _library(root))
        workspace = cls(config, where, books, clock=clock, plugins=host)
        try:
            schema.require_current(workspace.engine, where)
        except BaseException:
            workspace.close()
            raise
        return workspace

    def close(self) -> None:
        """Let go of the database."""
        engine = self.__dict__.pop("engine", None)
        if engine is not None:
            engine.dispose()

    def __enter__(self) -> Self:
        """Enter the ``with`` statement."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close at the end of the ``with`` statement."""
        self.close()

    @cached_property
    def engine(self) -> Engine:
        """What reaches the database."""
        return connect(self.database)

    @cached_property
    def store(self) -> Store:
        """What every chunk of changes shares.

        Raises:
            ConfigurationError: A plugin that is required here is not in use.
        """
        self.require_plugins()
        return Store(
            bulk=bulk_for(self.engine),
            shelf=self.shelf,
            roles_of=self.config.roles_of,
            funnel=self.config.funnel,
            timezone=self.config.timezone,
            clock=self.clock,
            plugins=self.plugins,
            telling=OutboxWriter(self.config.notices) if self.config.notices else None,
        )

    def require_plugins(self) -> None:
        """Refuse to write while a plugin that the workspace requires is not in use.

        Whatever plugins it was opened with: without one that may veto nothing is decided.

        Raises:
            ConfigurationError: One is not; it says which, why and what to do.
        """
        require_plugins(read_plugin_config(self.config.directory), self.plugins.plugins)

    def funnel(self, name: str | None = None) -> Funnel:
        """Give the funnel as it is in use here; its first use takes its file into use.

        Raises:
            UnknownNameError: There is no such funnel.
            DefinitionError: Its file has errors.
            ConfigurationError: It is not in use, and a plugin that is required here is not
                either.
        """
        name = name or self.config.funnel
        with reading(self.engine) as connection:
            running = self.shelf.current(connection, name)
        if running is None:
            self.require_plugins()
            with writing(self.engine) as connection:
                running = self.shelf.home(connection, name, self.clock())
        return running.funnel

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

    def in_chunk(self, work: Callable[[UnitOfWork], Result], *, dry_run: bool = False) -> Result:
        """Run some work as one transaction on a chunk, again when another writer was first.

        Args:
            work: Takes requests and writes the chunk.
            dry_run: Undo everything at the end.

        Raises:
            RetryError: Others were first every time.
            StoreError: The database cannot store it; nothing is stored.
        """

        def change() -> Result:
            with writing(self.engine, dry_run=dry_run) as connection:
                return work(UnitOfWork(connection, self.store))

        return self.retrying(change)


def _library(directory: Path) -> Library:
    """Give the library of a workspace: its own definitions come before the shipped ones."""
    return Library((directory, directory / "definitions"))
