"""What funnelflow finds of this package: its settings, and the commands ``web`` and ``mcp``.

Nothing of the server is imported before it is started.
"""

from collections.abc import Iterable
from typing import Any

import click

from funnelflow.cli import command, current
from funnelflow.plugins import CommandProvider, hookimpl
from funnelflow_web.settings import WebSettings


@hookimpl
def funnelflow_settings() -> type:
    """Return what ``[plugins.web]`` may say."""
    return WebSettings


@hookimpl
def funnelflow_commands() -> Iterable[CommandProvider]:
    """Offer the commands."""
    return [
        CommandProvider("web", web_command(), "Serve this workspace on the web."),
        CommandProvider("mcp", mcp_command(), "Serve tools for an assistant."),
    ]


class WebGroup(click.Group):
    """``funnelflow web``: it serves, unless one of the commands below it is named."""

    def __init__(self, **more: Any) -> None:
        super().__init__("web", invoke_without_command=True, **more)
        self._loaded: dict[str, click.Command] = {}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's
        """Return the names of the commands."""
        return sorted(self._below())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's
        """Return a command; None for one that there is not."""
        return self._below().get(cmd_name)

    def _below(self) -> dict[str, click.Command]:
        if not self._loaded:
            from funnelflow_web.commands import commands  # noqa: PLC0415  # only they need it

            self._loaded = {str(one.name): one for one in commands()}
        return self._loaded


def web_command() -> click.Group:
    """Return the command ``web``."""

    @command("web", "funnelflow web", "funnelflow web --port 8080", "funnelflow web rejects")
    @click.option("--host", default="127.0.0.1", show_default=True, help="Where it listens.")
    @click.option(
        "--port",
        type=click.IntRange(0, 65535),
        default=8765,
        show_default=True,
        help="0 takes any that is free.",
    )
    @click.pass_context
    def web(context: click.Context, host: str, port: int) -> int:
        """Serve this workspace on the web.

        Prints its address, and serves until it is stopped (Ctrl-C).
        """
        if context.invoked_subcommand is not None:
            return 0
        from funnelflow_web.server import serve  # noqa: PLC0415  # the server is slow to import
        from funnelflow_web.site import settings_in  # noqa: PLC0415  # as above

        with current().open() as workspace:
            serve(workspace, settings_in(workspace), host, port, started=click.echo)
        return 0

    return WebGroup(callback=web.callback, params=web.params, help=web.help)


def mcp_command() -> click.Command:
    """Return the command ``mcp``."""

    @command("mcp", "funnelflow mcp", "funnelflow mcp -C shop")
    def mcp() -> int:
        """Serve tools for an assistant.

        Speaks the Model Context Protocol on standard input and output, until
        the input ends. The assistant has the roles of `assistant_roles` under
        [plugins.web], writes nothing unless it says dry_run=false, and can
        force nothing.
        """
        from funnelflow_web.assistants import serve_stdio  # noqa: PLC0415  # slow to import
        from funnelflow_web.site import Caller, settings_in  # noqa: PLC0415  # as above

        with current().open() as workspace:
            said = settings_in(workspace)
            serve_stdio(workspace, Caller(said.assistant, tuple(said.assistant_roles)))
        return 0

    return mcp
