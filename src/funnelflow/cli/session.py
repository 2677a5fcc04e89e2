"""What the options that every command shares have said, for one run of the command line."""

from typing import Any

import click

import funnelflow  # whose names are loaded when they are used


class Session:
    """The shared options of one run.

    Attributes:
        workspace: The workspace's directory; None to look upwards from the current one.
        database: The database to use; None to go by the environment and the workspace.
        debug: Show tracebacks.
        json: The answer is wanted as JSON.
        no_plugins: The plugins not to import, with commas between; ``*`` for all.
        modules: Modules that are plugins too.
        has_shown_problems: What is wrong with plugins has been shown; it is not repeated on stderr.
        host: The plugins, once they are loaded; `hosting` loads them.
    """

    workspace: str | None = None
    database: str | None = None
    debug: bool = False
    json: bool = False
    no_plugins: str | None = None
    modules: tuple[str, ...] = ()
    has_shown_problems: bool = False
    host: "funnelflow.PluginHost | None" = None

    def open(self) -> "funnelflow.Workspace":
        """Open the workspace; use it in a ``with`` statement.

        Raises:
            ConfigurationError: There is none here, or its settings are not usable.
            StoreError: Its database cannot be used.
        """
        from funnelflow.cli.hosting import host_of  # noqa: PLC0415  # loads the plugins

        return funnelflow.open(self.workspace, database=self.database, plugins=host_of(self))


def current() -> Session:
    """Return the session of the command that is running."""
    context = click.get_current_context(silent=True)
    return Session() if context is None else of(context)


def of(context: click.Context) -> Session:
    """Return the session that belongs to a click context."""
    session: Any = context.ensure_object(Session)
    assert isinstance(session, Session)
    return session
