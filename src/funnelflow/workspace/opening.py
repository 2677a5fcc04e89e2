"""Opening and creating a workspace, and its settings as the file says them now."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from attrs import evolve
from sqlalchemy import Engine

from funnelflow.definition import Library
from funnelflow.plugins import PluginHost, load_plugins
from funnelflow.plugins.configuration import CONFIG_FILE
from funnelflow.storage import schema
from funnelflow.storage.connect import Database, connect, locate
from funnelflow.storage.context import Context
from funnelflow.storage.definition_store import DefinitionStore
from funnelflow.storage.row_format import Clock, utc_now
from funnelflow.toml_source import file_signature
from funnelflow.workspace.settings import (
    DATABASE_FILE,
    Config,
    find_workspace,
    library_of,
    read_config,
    write_config,
)
from funnelflow.workspace.trust import require_trusted


class OpenWorkspace:
    """A workspace that is open; `Workspace` adds what can be done with it.

    Attributes:
        config: The settings as they were read last.
    """

    def __init__(
        self, config: Config, context: Context, signature: object, *, owns_engine: bool = True
    ) -> None:
        self.config = config
        self._context = context
        self._signature = signature
        self._owns_engine = owns_engine

    @classmethod
    def create(
        cls,
        directory: Path | str,
        funnel: str = "standard",
        *,
        database: str | None = None,
        engine: Engine | None = None,
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
            engine: An engine of SQLAlchemy to reach that database with, as in `open`.
            library: Where definitions are looked up; None for the directory and what is shipped.
            clock: Returns the time it is; tests give one that stands still.
            plugins: The plugins to use; None for those that are found, `PluginHost()` for none.

        Raises:
            ConfigurationError: There is a workspace already, or it cannot be made.
            StoreError: The database is in use for something else, or cannot be made.
            UnknownNameError: There is no such funnel.
            DefinitionError: Its file has errors.
        """
        directory = Path(directory).absolute()
        host = load_plugins(directory) if plugins is None else plugins
        definitions = DefinitionStore(host.library(library or library_of(directory)))
        definitions.file(funnel)
        path = write_config(directory, funnel=funnel, database=database or DATABASE_FILE)
        with ExitStack() as undo:
            undo.callback(path.unlink, missing_ok=True)
            signature = _signature(directory)
            config = read_config(directory, flags={"database": database})
            workspace = cls._opened(config, signature, definitions, clock, host, engine)
            undo.callback(workspace.close)
            schema.create_tables(workspace.database)
            workspace.context.funnel(funnel)
            undo.pop_all()
        return workspace

    @classmethod
    def open(
        cls,
        directory: Path | str | None = None,
        *,
        database: str | None = None,
        engine: Engine | None = None,
        library: Library | None = None,
        clock: Clock = utc_now,
        plugins: PluginHost | None = None,
    ) -> Self:
        """Open the workspace that a directory belongs to.

        Args:
            directory: Where to begin looking upwards; None for the current directory.
            database: The database to use instead of the configured one.
            engine: An engine of SQLAlchemy to reach that database with. Pool, durability and
                logging are as it says, and it stays the caller's to dispose of; None for one
                that belongs to the workspace.
            library: Where definitions are looked up; None for the directory and what is shipped.
            clock: Returns the time it is.
            plugins: The plugins to use; None for those that are found, `PluginHost()` for none.

        Raises:
            ConfigurationError: There is no workspace, or its settings are not usable.
            UntrustedError: It is somebody else's, or others can write to it, and is not trusted.
            StoreError: Its database is missing, or of another version.
        """
        root = find_workspace(directory)
        require_trusted(root)
        signature = _signature(root)
        config = read_config(root, flags={"database": database})
        host = load_plugins(root) if plugins is None else plugins
        definitions = DefinitionStore(host.library(library or library_of(root)))
        workspace = cls._opened(config, signature, definitions, clock, host, engine)
        try:
            schema.require_current(workspace.engine, workspace.database)
        except BaseException:
            workspace.close()
            raise
        return workspace

    @classmethod
    def _opened(
        cls,
        config: Config,
        signature: object,
        definitions: DefinitionStore,
        clock: Clock,
        plugins: PluginHost,
        engine: Engine | None,
    ) -> Self:
        database = locate(config.database, config.directory)
        context = Context(
            config.directory,
            database,
            connect(database, engine=engine),
            definitions,
            plugins=plugins,
            clock=clock,
            reopen=lambda context: cls(config, context, signature, owns_engine=False),
            **_settings(config),
        )
        return cls(config, context, signature, owns_engine=engine is None)

    def close(self) -> None:
        """Let go of the database, unless the engine is the caller's own."""
        if self._owns_engine:
            self._context.engine.dispose()

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

    @property
    def context(self) -> Context:
        """What the use cases need, by the settings as the file says them now.

        Raises:
            ConfigurationError: The file has changed, and cannot be used.
        """
        signature = _signature(self.config.directory)
        if signature != self._signature:
            require_trusted(self.config.directory)
            flags = {
                name: setting.value
                for name, setting in self.config.settings.items()
                if setting.origin == "flag"
            }
            config = read_config(self.config.directory, flags=flags)
            self._context = evolve(self._context, **_settings(config))
            self.config, self._signature = config, signature
        return self._context

    @property
    def engine(self) -> Engine:
        """What reaches the database."""
        return self._context.engine

    @property
    def database(self) -> Database:
        """Which database is in use."""
        return self._context.database

    @property
    def library(self) -> Library:
        """Where definitions are looked up by name."""
        return self._context.library

    @property
    def plugins(self) -> PluginHost:
        """The plugins in use."""
        return self._context.plugins

    @property
    def clock(self) -> Clock:
        """What returns the time it is."""
        return self._context.clock


def _settings(config: Config) -> dict[str, Any]:
    """Return what a context takes over from the settings."""
    return {
        "default_funnel": config.funnel,
        "timezone": config.timezone,
        "roles_of": config.roles_of,
        "file_roles": config.settings["file_roles"].value,
        "subscriptions": config.subscriptions,
        "plugin_config": config.plugins,
    }


def _signature(directory: Path) -> object:
    """Return what changes when the settings of a workspace are written; None without a file."""
    try:
        return file_signature(directory / CONFIG_FILE)
    except OSError:
        return None
