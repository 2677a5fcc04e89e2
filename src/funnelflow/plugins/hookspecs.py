"""The hooks: everything that a plugin can do.

A plugin is a module (or any object) with functions of these names, each marked with
`hookimpl`. A function takes the arguments of its hook that it needs, and may leave out the
others. Hooks are called plugin by plugin, in the order in which plugins are found (see
`loading`), those marked ``tryfirst`` before and ``trylast`` after the others; whatever one of
them does, the next is called.

Registration hooks return records of what the plugin offers. Two plugins that offer the same
name are a conflict: both are named, and neither is used. Event hooks are given what happens
as a frozen record.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Literal

import pluggy

from funnelflow.definition import CriterionProvider, Definition, Vocabulary
from funnelflow.plugins.providers import (
    BeforeTransition,
    CommandProvider,
    Committed,
    ContactCreated,
    FormatProvider,
    NotifierProvider,
    NumberProvider,
)

PROJECT: Final = "funnelflow"
ENTRY_POINTS: Final = "funnelflow.v1"
"""The group of entry points in which installed plugins are found."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Put before a function of a plugin: it is an implementation of the hook of its name."""

secret: Final[dict[str, Any]] = {"funnelflow_secret": True}
"""Marks a setting that nobody may see: ``token: str = field(metadata=secret, repr=False)``."""


@hookspec
def funnelflow_settings() -> type:  # type: ignore[empty-body]
    """Return the attrs class of the plugin's settings.

    They are read from ``[plugins.NAME]`` in ``funnelflow.toml`` and from the environment as
    ``FUNNELFLOW_NAME_OPTION``, checked before anything else of the plugin is called, and
    given to the hooks that take `settings`. A setting marked `secret` is never shown.

    Added in: 0.1

    Example:
        >>> from attrs import field, frozen
        >>> from funnelflow.plugins import hookimpl, secret
        >>> @frozen
        ... class Settings:
        ...     window_days: int = 90
        ...     token: str = field(default="", metadata=secret, repr=False)
        >>> @hookimpl
        ... def funnelflow_settings():
        ...     return Settings
    """


@hookspec
def funnelflow_definitions(  # type: ignore[empty-body]
    settings: Any, directory: Path | None
) -> Iterable[Definition | Path]:
    """Offer definitions: records, YAML files, or directories of them.

    They are found by name behind the workspace's own, and before those that ship. A path that
    is relative begins in the directory of the workspace.

    Args:
        settings: The plugin's settings; None if it has no class for them.
        directory: The directory of the workspace; None where there is none.

    Added in: 0.1

    Example:
        >>> from pathlib import Path
        >>> from funnelflow.plugins import hookimpl
        >>> @hookimpl
        ... def funnelflow_definitions():
        ...     return [Path("definitions/renewals.yaml")]
    """


@hookspec
def funnelflow_vocabularies(  # type: ignore[empty-body]
    settings: Any, directory: Path | None
) -> Iterable[Vocabulary | Path]:
    """Offer vocabularies: records, YAML files, or directories of them.

    Args:
        settings: The plugin's settings; None if it has no class for them.
        directory: The directory of the workspace; None where there is none.

    Added in: 0.1

    Example:
        >>> from funnelflow.definition import EventType, Field, Vocabulary
        >>> from funnelflow.criteria import INTEGER
        >>> from funnelflow.plugins import hookimpl
        >>> @hookimpl
        ... def funnelflow_vocabularies():
        ...     seats = Field("seats", INTEGER, ask="How many of you will use it?")
        ...     trial = EventType("trial_started", about="They began a trial.")
        ...     facts, events = {"seats": seats}, {"trial_started": trial}
        ...     return [Vocabulary("saas", fields=facts, events=events)]
    """


@hookspec
def funnelflow_criteria(  # type: ignore[empty-body]
    settings: Any, directory: Path | None
) -> Iterable[CriterionProvider]:
    """Offer criteria written in Python, used as ``{criterion: name, …arguments}``.

    The function is asked with the contact's fields, the facts of the event, the time and the
    arguments. It gives True, False, or None when it cannot tell, and only that opens a
    transition which is True. The answer is kept with the question, which is all that the
    function looks at, and a replay uses it; new evidence asks again. One that raises or exits
    is unknown and asked again, and its plugin is named.

    Args:
        settings: The plugin's settings; None if it has no class for them.
        directory: The directory of the workspace; None where there is none.

    Added in: 0.1

    Example:
        >>> from funnelflow.criteria import INTEGER
        >>> from funnelflow.plugins import CriterionProvider, hookimpl
        >>> def answers_quickly(call):
        ...     replies, asked = call.fields.get("replies"), call.fields.get("outreaches")
        ...     if not asked:
        ...         return None
        ...     return replies * 100 // asked >= call.arguments["percent"]
        >>> @hookimpl
        ... def funnelflow_criteria():
        ...     return [
        ...         CriterionProvider(
        ...             "answers",
        ...             answers_quickly,
        ...             "Answers us",
        ...             {"percent": INTEGER},
        ...             reads=("replies", "outreaches"),
        ...         )
        ...     ]
    """


@hookspec
def funnelflow_notifiers(  # type: ignore[empty-body]
    settings: Any, directory: Path | None
) -> Iterable[NotifierProvider]:
    r"""Offer notifiers, used as ``channel = "name"`` in ``[[notify]]``.

    A notifier is given a `Message` and the settings of its endpoint. ``message.data`` is plain
    data that ``json.dumps`` writes, ``message.to_json()`` the whole as a CloudEvent, and
    ``message.text()`` that in one line of JSON. It raises `DeliveryError` when the message
    does not arrive. Anything else that it raises counts as an error of its own: the
    message is tried again too, and the plugin is named.

    Args:
        settings: The plugin's settings; None if it has no class for them.
        directory: The directory of the workspace; None where there is none.

    Added in: 0.1

    Example:
        >>> from attrs import frozen
        >>> from funnelflow.plugins import DeliveryError, NotifierProvider, hookimpl
        >>> @frozen
        ... class Channel:
        ...     path: str
        >>> def append(message, channel):
        ...     try:
        ...         with open(channel.path, "a", encoding="utf-8") as file:
        ...             file.write(f"{message.text()}\n")
        ...     except OSError as error:
        ...         raise DeliveryError(f"{channel.path}: {error.strerror}") from None
        >>> @hookimpl
        ... def funnelflow_notifiers():
        ...     return [NotifierProvider("file", append, Channel, "Appends a line to a file.")]
    """


@hookspec
def funnelflow_commands(  # type: ignore[empty-body]
    settings: Any, directory: Path | None
) -> Iterable[CommandProvider]:
    """Offer commands of the command line. They run in the same process as funnelflow's own.

    Made with `command` they have the options that all commands share (`-C`, `--database`,
    `--no-plugins`, `--debug`), and with `as_json` they have `--json`. `current().open()` gives the
    workspace that these options mean, with `workspace.plugins.settings_of(NAME)` the plugin's
    settings there (`-C` may name it behind the command), `current().json` whether JSON is wanted.
    What a command returns is its exit code. It may change the workspace: it is no hook.

    Args:
        settings: The plugin's settings; None if it has no class for them.
        directory: The directory of the workspace; None where there is none.

    Added in: 0.1

    Example:
        >>> import json
        >>> import click
        >>> from funnelflow.cli import as_json, command, current
        >>> from funnelflow.plugins import CommandProvider, hookimpl
        >>> @command("total", "funnelflow total --json")
        ... @as_json
        ... def total():
        ...     with current().open() as workspace:
        ...         total = sum(workspace.counts().values())
        ...     click.echo(json.dumps({"contacts": total}) if current().json else total)
        ...     return 0
        >>> @hookimpl
        ... def funnelflow_commands():
        ...     return [CommandProvider("total", total, "Count the contacts.")]
    """


@hookspec
def funnelflow_formats(  # type: ignore[empty-body]
    settings: Any, directory: Path | None
) -> Iterable[FormatProvider]:
    """Offer file formats for ``apply``, ``import`` and ``export``.

    Args:
        settings: The plugin's settings; None if it has no class for them.
        directory: The directory of the workspace; None where there is none.

    Added in: 0.1

    Example:
        >>> from funnelflow.plugins import FormatProvider, hookimpl
        >>> def read(path):
        ...     for line in path.read_text(encoding="utf-8").splitlines():
        ...         contact, event, at = line.split("|")
        ...         yield {"contact": contact, "event": event, "at": at}
        >>> @hookimpl
        ... def funnelflow_formats():
        ...     return [FormatProvider("pipes", (".pipes",), read, "Lines of contact|event|at.")]
    """


@hookspec
def funnelflow_numbers(  # type: ignore[empty-body]
    settings: Any, directory: Path | None
) -> Iterable[NumberProvider]:
    """Offer numbers of the report.

    A number has a definition, and a function that is called for each contact with its stays
    (`stage`, `entered`, `left`, which is None for where it is now) and its decisions (`event`,
    `outcome`, `path`). The report shows the summary of what the function gives in all outputs, and
    lists whom it counts. One that raises is shown as failed, and its plugin is named.

    Args:
        settings: The plugin's settings; None if it has no class for them.
        directory: The directory of the workspace; None where there is none.

    Added in: 0.1

    Example:
        >>> from funnelflow.plugins import NumberProvider, hookimpl
        >>> def calls(stays, decisions):
        ...     made = sum(one.event.name == "call" for one in decisions)
        ...     return made if stays[-1].stage == "customer" else None
        >>> @hookimpl
        ... def funnelflow_numbers():
        ...     what = "Calls with contacts who are customers now, on average."
        ...     return [NumberProvider("calls", what, calls, "mean", "Calls a customer")]
    """


@hookspec
def funnelflow_before_transition(context: BeforeTransition, settings: Any) -> str | None:
    """Veto a transition by giving the reason; None lets it be.

    Asked for every transition whose criteria are met, whatever path the change comes on; a
    forced move is not asked about. About a single change it is asked before the transaction,
    and again if the contact has changed meanwhile; what changes many contacts (``apply``,
    ``import``, ``tick``, ``adopt``) asks within its transactions, while other writers wait. The
    veto is kept in the history as
    evidence, so a replay agrees without the plugin. An implementation that raises or exits
    vetoes, and so does one that gives anything but None or a reason, False too: it fails
    closed, and the reason says so.

    Args:
        context: What is about to happen.
        settings: The plugin's settings; None if it has no class for them.

    Added in: 0.1

    Example:
        >>> from funnelflow.plugins import hookimpl
        >>> @hookimpl
        ... def funnelflow_before_transition(context):
        ...     if context.to == "customer" and context.at.weekday() > 4:
        ...         return "contracts are not signed at weekends"
    """


@hookspec
def funnelflow_after_commit(context: Committed, settings: Any) -> None:
    """Take note of evidence that has been stored, whatever became of it.

    Nothing that happens here can change it any more. A process that ends right after the
    commit tells nobody: what must arrive is the work of a notifier. `context.workspace.open()`
    gives the workspace, to be read and not changed; it is the one that the evidence was stored
    in, wherever the process stands.

    Args:
        context: What was stored.
        settings: The plugin's settings; None if it has no class for them.

    Added in: 0.1

    Example:
        >>> from funnelflow.plugins import hookimpl
        >>> @hookimpl
        ... def funnelflow_after_commit(context):
        ...     if context.path:
        ...         print(f"{context.contact}: {context.before} to {context.after}")
    """


@hookspec
def funnelflow_contact_created(context: ContactCreated, settings: Any) -> None:
    """Take note of a contact that has been added and stored.

    Args:
        context: Who it is.
        settings: The plugin's settings; None if it has no class for them.

    Added in: 0.1

    Example:
        >>> from funnelflow.plugins import hookimpl
        >>> @hookimpl
        ... def funnelflow_contact_created(context):
        ...     print(f"welcome, {context.contact}")
    """


OfferKind = Literal[
    "definitions", "vocabularies", "criteria", "notifiers", "commands", "formats", "numbers"
]

OFFERS: Final[dict[OfferKind, tuple[type, ...]]] = {
    "definitions": (Definition, Path),
    "vocabularies": (Vocabulary, Path),
    "criteria": (CriterionProvider,),
    "notifiers": (NotifierProvider,),
    "commands": (CommandProvider,),
    "formats": (FormatProvider,),
    "numbers": (NumberProvider,),
}
"""What plugins can offer, with the records that a hook of that kind gives."""

REGISTRATION_HOOKS: Final = tuple(f"funnelflow_{kind}" for kind in OFFERS)
EVENT_HOOKS: Final = (
    "funnelflow_before_transition",
    "funnelflow_after_commit",
    "funnelflow_contact_created",
)
HOOKS: Final = ("funnelflow_settings", *REGISTRATION_HOOKS, *EVENT_HOOKS)
"""Every hook by name, in the order of the documentation."""
