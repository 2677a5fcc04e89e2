"""The command line as a whole: its name, its shared options and its way out."""

import atexit
import gc
from typing import NoReturn

import click

from funnelflow.cli.commands import COMMANDS, SECTIONS
from funnelflow.cli.lazy import LazyGroup
from funnelflow.cli.options import shared

__all__ = ["app", "main"]

_COLLECT_AFTER = 100_000
"""New objects after which Python looks for cycles; its own 700 suit what runs for long."""

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
    # A command lives for a moment: a fifth of it went into looking for cycles in what it loads,
    # while it begins and once more when it ends.
    gc.set_threshold(_COLLECT_AFTER)
    atexit.register(gc.freeze)
    app.main(prog_name="funnelflow")
    raise AssertionError  # `app.main` does not return
