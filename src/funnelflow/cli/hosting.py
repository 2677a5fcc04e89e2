"""The plugins of one run of the command line: loaded when they are first needed."""

import copy
import os
import shlex
import sys
from collections.abc import Mapping
from typing import Any

import click

from funnelflow.cli.failures import COMPLETING
from funnelflow.cli.output import hint, note
from funnelflow.cli.session import Session
from funnelflow.errors import ConfigurationError, Error
from funnelflow.plugins import CommandProvider, PluginHost, load_plugins
from funnelflow.plugins.isolation import describe_error
from funnelflow.workspace.settings import find_workspace

WRITING = {"add", "adopt", "apply", "deliver", "import", "move", "record", "set", "tick"}
PASSES = (Error, click.ClickException, click.exceptions.Exit, click.Abort)


class PluginCommandError(Error):
    """A command of a plugin that failed in a way that it did not foresee."""

    code = "plugin"


def host_of(session: Session) -> PluginHost:
    """Return the plugins of this run; what is wrong with them is written to stderr, once.

    While a word is being completed there are none: a key press is no occasion to run them.

    Raises:
        ConfigurationError: What the configuration says about plugins is not understood.
    """
    if session.host is None and COMPLETING in os.environ:
        session.host = PluginHost()
    if session.host is None:
        session.host = load_plugins(
            _root(session),
            no_plugins=session.no_plugins,
            modules=session.modules,
            on_problem=_quiet if session.has_shown_problems else _show_problem,
            trace=_show_trace if session.debug else None,
        )
    return session.host


def plugin_command_names(session: Session) -> tuple[str, ...]:
    """Name the commands that plugins offer."""
    return tuple(_offered(session))


def plugin_command(session: Session, name: str) -> click.Command | None:
    """Return a plugin's command by its name; None when there is none."""
    provider = _offered(session).get(name)
    return None if provider is None else _guarded(provider)


def _offered(session: Session) -> Mapping[str, CommandProvider]:
    """Return the commands of plugins; none has the name of one of funnelflow's own."""
    return host_of(session).commands


def _guarded(provider: CommandProvider) -> click.Command:
    """Report a command's unforeseen failure as its plugin's."""
    command = copy.copy(provider.command)
    run = command.invoke

    def invoke(context: click.Context) -> Any:
        try:
            return run(context)
        except (*PASSES, BrokenPipeError):
            raise
        except Exception as error:
            raise PluginCommandError(
                f"plugin {provider.provider} failed in its command {provider.name}: "
                f"{describe_error(error)}",
                hint="the same command with --debug shows where",
            ) from error

    setattr(command, "invoke", invoke)  # noqa: B010  # a copy of our own, which mypy cannot know
    return command


def _root(session: Session) -> Any:
    try:
        return find_workspace(session.workspace)
    except ConfigurationError:
        return None


def _show_problem(message: str, plugin: str, next_step: str) -> None:
    """Write what is wrong with a plugin, and how to go on without it."""
    note(f"warning: {message}")
    hint(next_step or _without(plugin))


def _quiet(_message: str, _plugin: str, _next_step: str) -> None:
    """Write nothing: it has been shown."""


def _show_trace(text: str) -> None:
    """Show on stderr where in a plugin something was raised."""
    note(text.rstrip())


def _without(plugin: str) -> str:
    """Return how to go on without a plugin.

    A command that writes has gone on, or is about to: to give it again would write twice.
    """
    arguments = [a for a in sys.argv[1:] if not a.startswith("--no-plugins")]
    earlier = [a.partition("=")[2] for a in sys.argv[1:] if a.startswith("--no-plugins=")]
    names = ",".join([*earlier, plugin])
    context = click.get_current_context(silent=True)
    if context is not None and context.info_name in WRITING:
        return f"--no-plugins={names} turns it off for the next commands"
    return f"to go on without it: {shlex.join(['funnelflow', f'--no-plugins={names}', *arguments])}"
