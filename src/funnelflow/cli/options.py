"""What commands share: examples in their help, options said once, and what the shell completes.

Completion runs at every key press, so it looks at no more than it must, and whatever is
wrong with a workspace is no reason to print into somebody's prompt. What help does not need is
imported within functions.
"""

import datetime as dt
import functools
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, Final, TypeAlias, TypeVar

import click

import funnelflow
from funnelflow.cli.session import Session, of

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


def together(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Make one decorator of several options; what stands first comes last in the help."""

    def decorate(command: F) -> F:
        return functools.reduce(lambda made, option: option(made), options, command)

    return decorate


def _kept(*names: str, **more: Any) -> Callable[[F], F]:
    """Make an option whose value the session keeps, so that no command has to take it."""
    return click.option(*names, expose_value=False, **{"callback": _remember, **more})


def as_json(command: F) -> F:
    """Add ``--json``."""
    return _kept("--json", is_flag=True, help="Answer as JSON.")(command)


dry_run = click.option("--dry-run", is_flag=True, help="Say what would happen, store nothing.")
"""Add ``--dry-run``, given to the command as `dry_run`."""


acting = click.option(
    "--actor",
    metavar="NAME",
    envvar="FUNNELFLOW_ACTOR",
    callback=lambda _context, _option, value: value or _system_user(),
    help="Who does this, if not you. [env: FUNNELFLOW_ACTOR]",
)
"""Add ``--actor``, given to the command as `actor`: who is to be named in the history."""


future = click.option(
    "--future", is_flag=True, help="Take times more than a day in the future too."
)
"""Add ``--future``, given to the command as `future`."""

quiet = click.option("--quiet", is_flag=True, help="Send nobody a message of what this brings.")
"""Add ``--quiet``, given to the command as `quiet`."""


readmitting = click.option(
    "--readmit", is_flag=True, help="Take contacts that were erased, as somebody new."
)
"""Add ``--readmit``, given to the command as `readmit`."""


once = click.option("--key", metavar="TEXT", help="Do this once, however often it is repeated.")
"""Add ``--key``, given to the command as `key`."""

when = click.option("--at", metavar="TIME", help="When it happened, if not now.")
"""Add ``--at``, given to the command as `at`: text, which `moment_of` reads."""


writing: Callable[[Any], Any] = together(dry_run, once, future, when, acting)
"""Adds the options that `change_contact` takes: who, when, in the future, once, as a dry run."""


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Keep a shared option's value in the session; a later one (the command's own) wins."""
    if value:
        setattr(of(context), str(parameter.name), value)


def _remember_workspace(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Keep which workspace it is: behind a plugin's command it may be another than before it."""
    if value and value != of(context).workspace:
        of(context).forget_plugins()
    _remember(context, parameter, value)


def _gather(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Keep what was said about plugins, before the command and behind it."""
    session, name = of(context), str(parameter.name)
    if value and name == "modules":
        session.modules += value
    elif value:
        session.no_plugins = ",".join(filter(None, (session.no_plugins, value)))


shared: Callable[[Any], Any] = together(
    _kept(
        "--no-plugins",
        metavar="[=NAME,…]",
        callback=_gather,
        help="Import no plugins, or all but these. [env: FUNNELFLOW_NO_PLUGINS]",
    ),
    _kept(
        "-p",
        "modules",
        metavar="MODULE",
        multiple=True,
        callback=_gather,
        help="Use this Python module as a plugin; repeat it.",
    ),
    _kept("--debug", is_flag=True, help="Show tracebacks."),
    _kept("--database", metavar="URL", help="Use this database: a file or a postgresql:// URL."),
    _kept(
        *("-C", "--workspace"),
        metavar="DIR",
        type=click.Path(),
        callback=_remember_workspace,
        help="Work in this directory's workspace.",
    ),
)
"""Adds the options of every command: workspace, database, plugins and debug."""


def _system_user() -> str:
    """Name the system's user; "unknown" where the system does not say."""
    import getpass  # noqa: PLC0415  # only writing commands pay for it

    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "unknown"


MOST_OFFERED: Final = 50
"""How many names are offered at once."""

Completer: TypeAlias = Callable[[click.Context, click.Parameter, str], list[Any]]


def offering(names: Callable[[Session, str], Iterable[str]]) -> Completer:
    """Make a completer of a function that names everything; it gets the incomplete word too."""

    def complete(context: click.Context, _parameter: click.Parameter, word: str) -> list[Any]:
        from click.shell_completion import CompletionItem  # noqa: PLC0415  # see above

        from funnelflow.cli.text import printable  # noqa: PLC0415  # see above

        try:
            fitting = (n for n in names(of(context), word) if n.startswith(word))
            clean = (n for n in fitting if printable(n) == n)
            return [CompletionItem(name) for name in islice(clean, MOST_OFFERED)]
        except Exception:  # noqa: BLE001  # a prompt is no place for an error; the command tells it
            return []

    return complete


def complete_definition(context: click.Context, parameter: click.Parameter, word: str) -> list[Any]:
    """Offer names of definitions, and files."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415  # see above

    return [
        *_definition_names(context, parameter, word),
        CompletionItem(word, type="file"),
    ]


def _names(session: Session, _word: str) -> Iterable[str]:
    from funnelflow.cli.find import library_here  # noqa: PLC0415  # completing an option needs none of it

    return sorted(library_here(session).names())


def _definitions(session: Session) -> "Iterable[funnelflow.Definition]":
    """Read the definitions that the workspace works with, without opening its database."""
    from funnelflow.cli.find import library_here, workspace_funnels  # noqa: PLC0415  # see above
    from funnelflow.definition import read_definition  # noqa: PLC0415  # see above

    library = library_here(session)
    readings = (read_definition(path, library) for path in workspace_funnels(session, library))
    return (reading.definition for reading in readings if reading.definition is not None)


def _stages(session: Session, _word: str) -> Iterable[str]:
    names = (name for d in _definitions(session) for name, _ in d.walk())
    return dict.fromkeys(names)


def _events(session: Session, _word: str) -> Iterable[str]:
    return dict.fromkeys(name for d in _definitions(session) for name in d.vocabulary.events)


def _facts(session: Session, word: str) -> Iterable[str]:
    """Offer ``name=``, and behind that the values that a field may have."""
    if "=" not in word:
        return dict.fromkeys(f"{n}=" for d in _definitions(session) for n in d.vocabulary.fields)
    name = word.partition("=")[0]
    fields = (d.vocabulary.fields.get(name) for d in _definitions(session))
    return dict.fromkeys(f"{name}={c}" for f in fields if f is not None for c in f.choices)


def _contacts(session: Session, word: str) -> Iterable[str]:
    """Ask the database for no more than is offered; both halves of the filter can use its index."""
    import json  # noqa: PLC0415  # see above

    start = json.dumps(word)
    where = f"contact.id >= {start} && contact.id.startsWith({start})"
    with session.open() as workspace:
        return [stored.id for stored in workspace.list(where, limit=MOST_OFFERED)]


def _codes(_session: Session, _word: str) -> Iterable[str]:
    from funnelflow.definition import CODES  # noqa: PLC0415  # see above

    return CODES


def _mappings(session: Session, _word: str) -> Iterable[str]:
    from funnelflow.ingest.mapping import mapping_names  # noqa: PLC0415  # see above
    from funnelflow.workspace.settings import find_workspace  # noqa: PLC0415  # see above

    return mapping_names(find_workspace(session.workspace))


def _views(session: Session, _word: str) -> Iterable[str]:
    from funnelflow.workspace.settings import find_workspace, read_config  # noqa: PLC0415  # see above

    return (f"@{name}" for name in read_config(find_workspace(session.workspace)).views)


_definition_names = offering(_names)
complete_view = offering(_views)
complete_stage = offering(_stages)
complete_event = offering(_events)
complete_fact = offering(_facts)
complete_contact = offering(_contacts)
complete_mapping = offering(_mappings)
complete_code = offering(_codes)


def funnel_of(help: str) -> Callable[[F], F]:  # noqa: A002  # as click calls it
    """Make the option that names a funnel, given to the command as `funnel`."""
    return click.option("--funnel", metavar="NAME", shell_complete=complete_definition, help=help)


CONTACT = click.argument("contact", shell_complete=complete_contact)
CONTACT_OR_WHERE = click.argument("contact", required=False, shell_complete=complete_contact)
"""The contact of a command that takes `WHERE` instead of one."""
WHERE = click.option(
    "--where",
    metavar="EXPRESSION",
    help="Instead of CONTACT: everybody for whom it is true; @VIEW for a saved list.",
)
AT = click.option(
    "--at", metavar="TIME", help="As it was at this time, as it is known today; now if not given."
)
KNOWN_AT = click.option(
    "--known-at",
    metavar="TIME|ID",
    help="As it was known at this time, or when the row of the history with this id arrived.",
)


def moment_of(
    text: str | None, workspace: "funnelflow.Workspace", option: str = "--at"
) -> dt.datetime | None:
    """Read the time of an option; a time without offset is read in the workspace's zone.

    Raises:
        FieldError: It is no time, or blank, as where a script has set no variable.
    """
    from funnelflow.criteria import TIMESTAMP, Field  # noqa: PLC0415  # see above

    if text is None:
        return None
    moment = Field(option, TIMESTAMP).parse(text, workspace.config.timezone)
    if not isinstance(moment, dt.datetime):
        raise funnelflow.FieldError(
            f"{option} is blank", hint=f"say a time, or leave {option} out", field=option
        )
    return moment


def since_of(
    text: str | None, workspace: "funnelflow.Workspace", option: str
) -> dt.datetime | None:
    """Read where a span of time begins or ends: a time, a day, a word, or how long ago.

    ``today`` and ``yesterday`` begin at midnight in the workspace's zone, or in UTC where it says
    none; ``7d`` is seven days ago.

    Raises:
        FieldError: It is none of these.
    """
    from funnelflow.criteria import parse_duration  # noqa: PLC0415  # see above
    from funnelflow.criteria.times import parse_timestamp  # noqa: PLC0415  # see above

    said, zone = (text or "").strip().lower(), workspace.config.timezone or dt.UTC
    now = workspace.clock()
    if said in _DAYS_AGO:
        day = now.astimezone(zone).date() - dt.timedelta(days=_DAYS_AGO[said])
        return dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)
    if said[:1].isdecimal() and said[-1:].isalpha() and "-" not in said:
        return now - parse_duration(said)
    if text is None or not said:
        return moment_of(text, workspace, option)
    try:
        return parse_timestamp(text.strip(), zone)
    except ValueError:
        raise funnelflow.FieldError(
            f"{option}: {text.strip()!r} is no time",
            hint=f"write {option} like 2026-11-25, yesterday, 7d or 2026-11-25T09:30:00Z",
            field=option,
        ) from None


_DAYS_AGO: Final = {"today": 0, "yesterday": 1}


def known_at_of(text: str | None, workspace: "funnelflow.Workspace") -> dt.datetime | int | None:
    """Read what `KNOWN_AT` takes: a time, or the number of a row of the history."""
    if text is not None and text.isdecimal():
        return int(text)
    return moment_of(text, workspace, "--known-at")
