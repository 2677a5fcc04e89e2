"""The command group: commands load when they are used, and help is grouped by section."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click

from funnelflow.cli.commands import Entry
from funnelflow.cli.failures import CLOSED, run_reporting
from funnelflow.cli.session import Session, of

__all__ = ["LazyGroup"]


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one when it is asked for.

    Args:
        table: The commands by name, in the order of the overview.
        sections: The sections of the overview, each with a word on what is in it.
    """

    def __init__(
        self,
        *args: Any,
        table: Mapping[str, Entry],
        sections: Mapping[str, str],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.table = table
        self.sections = sections

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Name the commands in the order of the table."""
        return list(self.table)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options before the command; ``--no-plugins`` alone stands for all of them."""
        return super().parse_args(ctx, list(map(_all_plugins, args)))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of that name, funnelflow's own or a plugin's; None without one."""
        entry = self.table.get(cmd_name)
        if entry is None:
            return _plugin_command(ctx, cmd_name)
        module, _, attribute = entry.target.partition(":")
        command: click.Command = getattr(import_module(f"funnelflow.cli.{module}"), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments start with, or say which was meant."""
        if args[0] not in self.table and not args[0].startswith("-") and not ctx.resilient_parsing:
            command = _plugin_command(ctx, args[0])
            if command is None:
                raise _no_such_command(ctx, args[0], self.table)
            return args[0], command, args[1:]
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands, section by section, without importing one of them."""
        width = max(map(len, self.table), default=0)
        for section, about in self.sections.items():
            rows = [
                (name.ljust(width), e.help)
                for name, e in self.table.items()
                if e.section == section
            ]
            with formatter.section(f"{section} ({about})"):
                formatter.write_dl(rows)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse the command line; a reader that has gone away ends it in its own exit code."""
        with _reader_may_leave():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a reader that has gone away ends it in its own exit code."""
        with _reader_may_leave():
            return super().invoke(ctx)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line; every failure ends in a message and an exit code."""
        session = Session()
        # A command that cannot even be imported has no options that say so.
        session.debug = "--debug" in (kwargs.get("args") or (args[0] if args else sys.argv) or ())
        kwargs.update(standalone_mode=False, obj=session)
        run_reporting(lambda: super(LazyGroup, self).main(*args, **kwargs), session)


@contextmanager
def _reader_may_leave() -> Iterator[None]:
    """Notice a broken pipe before click does, to whom it is the same as "the answer is no"."""
    try:
        yield
    except BrokenPipeError:
        raise click.exceptions.Exit(CLOSED) from None


def _all_plugins(argument: str) -> str:
    """Give the option without a value the value that click cannot leave out."""
    return "--no-plugins=*" if argument == "--no-plugins" else argument


def _plugin_command(ctx: click.Context, name: str) -> click.Command | None:
    """Look for a command among the plugins, which are loaded only for that."""
    from funnelflow.cli.hosting import plugin_command  # noqa: PLC0415  # loads the plugins

    return plugin_command(of(ctx), name)


def _no_such_command(ctx: click.Context, name: str, table: Mapping[str, Entry]) -> Exception:
    """Say which command was meant, a plugin's too."""
    from funnelflow.cli.hosting import plugin_command_names  # noqa: PLC0415  # loads the plugins
    from funnelflow.errors import UnknownNameError, nearest  # noqa: PLC0415  # loads difflib

    known = (*table, *plugin_command_names(of(ctx)))
    guess = nearest(name, known)
    hint = f"did you mean `funnelflow {guess}`?" if guess else "funnelflow --help lists them"
    return UnknownNameError("command", name, known, hint=hint)
