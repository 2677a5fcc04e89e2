"""What funnelflow finds of this package: its settings, and the command ``web``.

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
def funnelflow_commands(settings: Any) -> Iterable[CommandProvider]:
    """Offer the command."""
    return [CommandProvider("web", web_command(settings), "Serve this workspace on the web.")]


class WebGroup(click.Group):
    """``funnelflow web``: it serves, unless one of the commands below it is named.

    Args:
        settings: What ``[plugins.web]`` says.
    """

    def __init__(self, settings: WebSettings, **more: Any) -> None:
        super().__init__("web", invoke_without_command=True, **more)
        self._settings = settings
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

            self._loaded = {str(one.name): one for one in commands(self._settings)}
        return self._loaded


def web_command(settings: WebSettings | None) -> click.Group:
    """Return the command."""
    said = settings or WebSettings()

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

        with current().open() as workspace:
            serve(workspace, said, host, port, started=click.echo)
        return 0

    return WebGroup(said, callback=web.callback, params=web.params, help=web.help)
