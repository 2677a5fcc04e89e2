"""The command line as a whole: its name, its shared options and its way out."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final, NamedTuple, NoReturn

import click

from funnelflow.cli.failures import CLOSED, run_reporting
from funnelflow.cli.options import shared
from funnelflow.cli.session import Session, of
from funnelflow.gc_pause import collect_rarely


class CommandEntry(NamedTuple):
    """A command of the overview: its section, the module that has it, and what it does."""

    section: str
    module: str
    help: str


SECTIONS: Final = {
    "Start": "new workspaces, and whether this one is well",
    "Definitions": "a funnel as a file",
    "Contacts": "who is in the funnel, and what is known about them",
    "Work": "what happened, and what should",
    "Look": "the numbers of the funnel",
    "Notify": "telling the outside world of transitions",
    "System": "plugins, settings and the database",
}

COMMANDS: Final = {
    name: CommandEntry(section, module, about)
    for section, commands in {
        "Start": {
            "init": ("start", "Make a workspace in a directory."),
            "demo": ("start", "Fill a workspace with sample events and show it."),
            "doctor": ("doctor", "Say whether everything is well here."),
        },
        "Definitions": {
            "check": ("check", "Find everything wrong with definitions."),
            "test": ("scenarios", "Run the scenarios of definitions."),
            "show": ("show", "Explain a definition, or draw it."),
            "compare": ("compare", "Compare what definitions mean."),
            "whatif": ("whatif", "Try a changed definition on the evidence."),
            "story": ("scenarios", "Read one story by several definitions."),
            "glossary": ("glossary", "Put definitions' words side by side."),
            "adopt": ("adopt", "Take a new version of a definition into use."),
        },
        "Contacts": {
            "add": ("contacts", "Add a contact."),
            "import": ("files", "Add or update contacts from a file."),
            "list": ("listing", "List contacts, filtered by an expression."),
            "enter": ("contacts", "Let a contact enter another funnel."),
            "leave": ("contacts", "Let a contact leave a funnel."),
            "export": ("export", "Write a table to a file."),
            "history": ("history", "Show what happened and was decided."),
            "why": ("why", "Explain where a contact stands and what is missing."),
            "merge": ("merge", "Make one contact of two records of one person."),
            "unmerge": ("merge", "Give a contact that was merged its own story back."),
            "erase": ("erase", "Erase a contact for good."),
            "translate": ("translate", "Say what others call a contact."),
        },
        "Work": {
            "record": ("contacts", "Record that something happened."),
            "move": ("contacts", "Ask for a stage, and be told why not."),
            "set": ("contacts", "Set or remove facts about a contact."),
            "apply": ("files", "Record the events of a file."),
            "void": ("void", "Take back what was recorded by mistake."),
            "undo": ("void", "Take back all that a file or another run has brought."),
            "runs": ("void", "List what files and other runs have brought."),
            "tick": ("maintenance", "Take the timed transitions that are due."),
        },
        "Look": {
            "report": ("report", "Count the funnel, and say what is in the way."),
            "todo": ("todo", "Say who needs somebody today, and why."),
        },
        "Notify": {
            "deliver": ("deliver", "Send what the outbox holds."),
            "outbox": ("outbox", "Show, retry, discard and remove messages."),
        },
        "System": {
            "verify": ("maintenance", "Prove the stored answers from the evidence."),
            "trust": ("trusting", "Trust a workspace that is not one's own."),
            "plugins": ("configuration", "List, show and begin plugins."),
            "config": ("configuration", "Show the settings and where they come from."),
            "db": ("maintenance", "Back up, restore, upgrade or fill the database."),
        },
    }.items()
    for name, (module, about) in commands.items()
}
"""The commands by name, which is that of their function, with a `_` where Python has the name.

A new one is a line here, its name in `RESERVED` of the plugins' registry, and a function with
`command`, its options and a docstring: it opens the workspace with ``current().open()``, writes its
`answer` as data or drawn on a page, and returns the exit code. One that changes a contact
takes `writing` and ends in `change_contact`; one that reads a file takes `reading_a_file`.
"""


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one when it is asked for.

    Args:
        table: The commands by name, in the order of the overview.
        sections: The sections of the overview, each with a word on what is in it.
    """

    def __init__(
        self,
        *args: Any,
        table: Mapping[str, CommandEntry],
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
        module = import_module(f"funnelflow.cli.{entry.module}")
        names = (cmd_name, f"{cmd_name}_")
        return next(c for n in names if isinstance(c := getattr(module, n, None), click.Command))

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
    """Return an argument; the option without a value gets the one that click cannot leave out."""
    return "--no-plugins=*" if argument == "--no-plugins" else argument


def _plugin_command(ctx: click.Context, name: str) -> click.Command | None:
    """Look for a command among the plugins, which are loaded only for that."""
    provider = of(ctx).host.commands.get(name)
    return None if provider is None else provider.command


_INSTEAD: Final = dict.fromkeys(("delete", "remove", "rm", "revert"), ("void", "undo", "erase"))
"""What is looked for under names that no command has."""


def _no_such_command(ctx: click.Context, name: str, table: Mapping[str, CommandEntry]) -> Exception:
    """Return the error that names the command that was meant, a plugin's too."""
    from funnelflow.errors import UnknownNameError, nearest  # noqa: PLC0415  # only this needs them

    known = (*table, *of(ctx).host.commands)
    if meant := [name for name in _INSTEAD.get(name, ()) if name in table]:
        ways = ", ".join(f"`funnelflow {one} --help`" for one in meant)
        return UnknownNameError("command", name, known, hint=f"nothing is deleted: {ways}")
    guess = nearest(name, known)
    hint = f"did you mean `funnelflow {guess}`?" if guess else "funnelflow --help lists them"
    return UnknownNameError("command", name, known, hint=hint)


EPILOG = """\b
Exit codes: 0 yes; 1 the answer is no (refused, a check failed); 2 usage or
configuration; 70 a bug in funnelflow; 130 interrupted.

\b
Completion: eval "$(_FUNNELFLOW_COMPLETE=bash_source funnelflow)" in ~/.bashrc
(zsh_source and fish_source for those shells).

Plugins may bring more commands: `funnelflow plugins list` names them.

Start with `funnelflow demo`.
"""


def _show_version(context: click.Context, _option: click.Parameter, wanted: bool) -> None:  # noqa: FBT001  # click calls it so
    if wanted and not context.resilient_parsing:
        from importlib.metadata import version  # noqa: PLC0415  # as slow as click itself

        click.echo(f"funnelflow {version('funnelflow')}")
        context.exit()


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    sections=SECTIONS,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@shared
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
def app() -> None:
    """Your sales funnel as a file, and a machine that moves contacts through it.

    Every contact has a stage; every transition has criteria; and whenever the answer
    is no, funnelflow says every reason.
    """


def main() -> NoReturn:
    """Run the command line on the process's arguments.

    Raises:
        SystemExit: Always; the code is 0 for yes, 1 for no, 2 for a request at fault.
    """
    collect_rarely()
    app.main(prog_name="funnelflow")
    raise AssertionError  # `app.main` does not return
