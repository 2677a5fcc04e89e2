"""What commands share: examples in their help, and options said once."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import click

from funnelflow.cli.session import of

F = TypeVar("F", bound=Callable[..., Any])


class Command(click.Command):
    """A command whose help ends in examples.

    Args:
        examples: Command lines that work in a workspace of the demo.
    """

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples as they are typed."""
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{example}\n")
        super().format_epilog(ctx, formatter)


def command(name: str, *examples: str) -> Callable[[Callable[..., Any]], Command]:
    """Make a function a command with examples and the shared options.

    Args:
        name: What it is called.
        examples: Command lines that show how it is used.
    """

    def decorate(function: Callable[..., Any]) -> Command:
        made = click.command(name, cls=Command, examples=examples)(function)
        before = len(made.params)
        shared(made)
        # Click lists what is added to a command in the order of adding, and what decorates
        # a function in reverse; and a command's own options come first.
        made.params[before:] = reversed(made.params[before:])
        return made

    return decorate


def shared(command: F) -> F:
    """Add the options of every command: workspace, database, plugins and debug."""
    for option in (
        click.option(
            "--no-plugins",
            metavar="[=NAME,…]",
            expose_value=False,
            callback=_gather,
            help="Import no plugins, or all but these. [env: FUNNELFLOW_NO_PLUGINS]",
        ),
        click.option(
            "-p",
            "modules",
            metavar="MODULE",
            multiple=True,
            expose_value=False,
            callback=_gather,
            help="Use this Python module as a plugin; repeat it.",
        ),
        click.option(
            "--debug", is_flag=True, expose_value=False, callback=_remember, help="Show tracebacks."
        ),
        click.option(
            "--database",
            metavar="URL",
            expose_value=False,
            callback=_remember,
            help="Use this database: a file or a postgresql:// URL.",
        ),
        click.option(
            "-C",
            "--workspace",
            metavar="DIR",
            type=click.Path(),
            expose_value=False,
            callback=_remember,
            help="Work in this directory's workspace.",
        ),
    ):
        command = option(command)
    return command


def as_json(command: F) -> F:
    """Add ``--json``."""
    option = click.option(
        "--json", is_flag=True, expose_value=False, callback=_remember, help="Answer as JSON."
    )
    return option(command)


def dry_run(command: F) -> F:
    """Add ``--dry-run``, given to the command as `dry_run`."""
    return click.option("--dry-run", is_flag=True, help="Say what would happen, store nothing.")(
        command
    )


class Writing(NamedTuple):
    """What a change is known by: who does it, when it happened, and whether to store it.

    Attributes:
        actor: Who is named in the history.
        at: When it happened, as it was typed; None for now.
        key: The idempotency key; None for none.
        dry_run: Store nothing.
    """

    actor: str
    at: str | None
    key: str | None
    dry_run: bool


def writing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add actor, time, key and dry run, given to the command as `how`, a `Writing`."""

    @functools.wraps(command)
    def gathered(
        *, actor: str, at: str | None, key: str | None, dry_run: bool, **others: Any
    ) -> Any:
        return command(how=Writing(actor, at, key, dry_run), **others)

    for option in (
        dry_run,
        click.option("--key", metavar="TEXT", help="Do this once, however often it is repeated."),
        click.option("--at", metavar="TIME", help="When it happened, if not now."),
        acting,
    ):
        gathered = option(gathered)
    return gathered


def acting(command: F) -> F:
    """Add ``--actor``, given to the command as `actor`: who is to be named in the history."""
    return click.option(
        "--actor",
        metavar="NAME",
        envvar="FUNNELFLOW_ACTOR",
        callback=lambda _context, _option, value: value or _system_user(),
        help="Who does this, if not you. [env: FUNNELFLOW_ACTOR]",
    )(command)


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Keep a shared option's value in the session; a later one (the command's own) wins."""
    if value:
        setattr(of(context), str(parameter.name), value)


def _gather(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Keep what was said about plugins, before the command and behind it."""
    session, name = of(context), str(parameter.name)
    if value and name == "modules":
        session.modules += value
    elif value:
        session.no_plugins = ",".join(filter(None, (session.no_plugins, value)))


def _system_user() -> str:
    """Name the system's user; "unknown" where the system does not say."""
    import getpass  # noqa: PLC0415  # only writing commands pay for it

    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "unknown"
