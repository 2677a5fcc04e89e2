"""One run of the command line: what the shared options said, and the workspace they mean.

Help must cost no more than importing click: what it does not need is imported within functions.
"""

import datetime as dt
import os
import shlex
import sys
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final

import click

import funnelflow  # whose names are loaded when they are used

COMPLETING: Final = "_FUNNELFLOW_COMPLETE"
"""The variable of the environment that is set while the shell completes a word."""


class Session:
    """One run of the command line.

    Attributes:
        workspace: The workspace's directory; None to look upwards from the current one.
        database: The database to use; None to go by the environment and the workspace.
        debug: Show tracebacks.
        json: The answer is wanted as JSON.
        no_plugins: The plugins not to import, with commas between; ``*`` for all.
        modules: Modules that are plugins too.
        has_shown_problems: What is wrong with plugins has been shown; it is not repeated on stderr.
    """

    workspace: str | None = None
    database: str | None = None
    debug: bool = False
    json: bool = False
    no_plugins: str | None = None
    modules: tuple[str, ...] = ()
    has_shown_problems: bool = False

    @cached_property
    def host(self) -> "funnelflow.PluginHost":
        """The plugins, loaded when they are first needed; their problems are written to stderr.

        While a word is being completed there are none: a key press is no occasion to run them.

        Raises:
            ConfigurationError: What the configuration says about plugins is not understood.
        """
        from funnelflow.cli.output import note  # noqa: PLC0415  # as all that help does not need
        from funnelflow.plugins import PluginHost, load_plugins  # noqa: PLC0415  # as above

        if COMPLETING in os.environ:
            return PluginHost()
        root = self.root_of_plugins()
        return load_plugins(
            root,
            no_plugins=self.no_plugins,
            modules=self.modules,
            on_problem=_quiet if self.has_shown_problems else _show_problem,
            trace=(lambda text: note(text.rstrip())) if self.debug else None,
        )

    def forget_plugins(self) -> None:
        """Load the plugins again when they are needed: it is another workspace."""
        self.__dict__.pop("host", None)

    def root_of_plugins(self) -> Path | None:
        """Return the workspace whose plugins are imported; None where there is none.

        None are of one that is not trusted, which is said on stderr.
        """
        from funnelflow.cli.output import hint, note  # noqa: PLC0415  # as above
        from funnelflow.workspace.settings import find_workspace  # noqa: PLC0415  # as above
        from funnelflow.workspace.trust import UntrustedError, require_trusted  # noqa: PLC0415  # too

        try:
            root = find_workspace(self.workspace)
            require_trusted(root)
        except UntrustedError as error:
            note(f"its plugins are not imported: {error.message}")
            hint(error.hint)
            return None
        except funnelflow.ConfigurationError:
            return None
        return root

    def open(self) -> "funnelflow.Workspace":
        """Open the workspace; use it in a ``with`` statement.

        Raises:
            ConfigurationError: There is none here, or its settings are not usable.
            StoreError: Its database cannot be used.
        """
        from funnelflow.workspace.settings import find_workspace  # noqa: PLC0415  # as above
        from funnelflow.workspace.trust import require_trusted  # noqa: PLC0415  # as above

        require_trusted(find_workspace(self.workspace))  # before the plugins are looked for
        workspace = funnelflow.open(self.workspace, database=self.database, plugins=self.host)
        if not self.json:
            _show_times_in(workspace.config.timezone)
        return workspace


def _show_times_in(zone: dt.tzinfo | None) -> None:
    """Show times in the zone of a workspace for as long as the command runs."""
    from funnelflow.criteria.times import SHOWN_IN  # noqa: PLC0415  # as above

    context = click.get_current_context(silent=True)
    if zone is not None and context is not None:
        context.call_on_close(partial(SHOWN_IN.reset, SHOWN_IN.set(zone)))


def current() -> Session:
    """Return the session of the command that is running."""
    context = click.get_current_context(silent=True)
    return Session() if context is None else of(context)


def of(context: click.Context) -> Session:
    """Return the session that belongs to a click context."""
    session: Any = context.ensure_object(Session)
    assert isinstance(session, Session)
    return session


def answer(data: Callable[[], Any], draw: Callable[[Any], Any]) -> bool:
    """Write a command's answer to stdout, as ``--json`` or for a person.

    Args:
        data: Returns it as data.
        draw: Draws it on a page, as lines.

    Returns:
        Whether a person was answered, who may want remarks and hints as well.
    """
    from funnelflow.cli import output  # noqa: PLC0415  # as above

    if current().json:
        output.write_json(data())
        return False
    output.say(draw(output.page_for(output.answers())))
    return True


def _show_problem(message: str, plugin: str, next_step: str) -> None:
    """Write what is wrong with a plugin, and how to go on without it."""
    from funnelflow.cli.output import hint, note  # noqa: PLC0415  # as above

    note(f"warning: {message}")
    hint(next_step or _without(plugin))


def _quiet(_message: str, _plugin: str, _next_step: str) -> None:
    """Write nothing: it has been shown."""


def _without(plugin: str) -> str:
    """Return how to go on without a plugin.

    A command that writes has gone on, or is about to: to give it again would write twice.
    """
    arguments = [a for a in sys.argv[1:] if not a.startswith("--no-plugins")]
    earlier = [a.partition("=")[2] for a in sys.argv[1:] if a.startswith("--no-plugins=")]
    names = ",".join([*earlier, plugin])
    context = click.get_current_context(silent=True)
    if context is not None and any(p.name == "dry_run" for p in context.command.params):
        return f"--no-plugins={names} turns it off for the next commands"
    return f"to go on without it: {shlex.join(['funnelflow', f'--no-plugins={names}', *arguments])}"
