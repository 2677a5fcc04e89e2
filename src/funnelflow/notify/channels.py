"""Channels: the endpoints of a workspace with the notifiers and settings that serve them."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import attrs
from attrs import field, frozen

from funnelflow.errors import ConfigurationError, FunnelflowError, nearest
from funnelflow.notify.builtin import BUILT_IN
from funnelflow.notify.envelope import message_of
from funnelflow.plugins import NotifierProvider, PluginHost, Settings, read_settings
from funnelflow.plugins.guard import inside
from funnelflow.plugins.settings import MASK
from funnelflow.store import Letter, Notice, Workspace
from funnelflow.store.telling import compile_when

__all__ = ["Channel", "check_notices", "open_channel", "open_channels"]

_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@frozen
class _NoSettings:
    """The settings of a notifier that has none."""


@frozen(eq=False)
class Channel:
    """An endpoint that messages can be sent to.

    Attributes:
        notice: What the configuration says about it.
        provider: The notifier.
        settings: Its settings.
        secrets: The texts that must not be shown anywhere.
    """

    notice: Notice
    provider: NotifierProvider
    settings: Any = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)

    @property
    def name(self) -> str:
        """The endpoint."""
        return self.notice.name

    def send(self, letter: Letter) -> None:
        """Send a message.

        Raises:
            DeliveryError: It did not arrive.
            BaseException: Whatever else a plugin may raise.
        """
        message = message_of(letter)
        if not self.provider.provider:
            self.provider.send(message, self.settings)
            return
        with inside(self.provider.provider, f"notifier {self.provider.name}", watched=False):
            self.provider.send(message, self.settings)

    def masked(self, text: str) -> str:
        """Give a text in one line, without the channel's secrets."""
        for secret in self.secrets:
            text = text.replace(secret, MASK)
        return " ".join(text.split())


def open_channels(
    notices: tuple[Notice, ...], plugins: PluginHost, root: Path
) -> tuple[Channel, ...]:
    """Give the channel of every endpoint.

    Args:
        notices: What the configuration says.
        plugins: Who offers notifiers.
        root: Where relative paths start.

    Raises:
        ConfigurationError: A channel or its settings are not usable; all of it is said.
    """
    channels, problems = [], []
    for notice in notices:
        try:
            channels.append(open_channel(notice, plugins, root))
        except ConfigurationError as error:
            problems.append(error)
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise ConfigurationError("\n".join(p.message for p in problems), hint=problems[0].hint)
    return tuple(channels)


def open_channel(
    notice: Notice,
    plugins: PluginHost,
    root: Path,
    environment: Mapping[str, str] | None = None,
) -> Channel:
    """Give the channel of one endpoint.

    Raises:
        ConfigurationError: There is no such notifier, or its settings are not usable.
    """
    offered = {**plugins.notifiers, **BUILT_IN}
    provider = offered.get(notice.channel)
    if provider is None:
        guess = nearest(notice.channel, offered)
        raise ConfigurationError(
            f"{notice.where('channel')}: there is no notifier {notice.channel!r}",
            hint=f"did you mean {guess!r}?"
            if guess
            else f"known: {', '.join(sorted(offered))}; plugins bring more",
        )
    try:
        settings = read_settings(
            provider.settings or _NoSettings,
            notice.settings,
            notice.where_setting,
            environment=environment,
        )
    except ConfigurationError as error:
        raise ConfigurationError(
            error.message, hint=f"they are the settings of the notifier {provider.name!r}"
        ) from None
    secrets = {*settings.secrets, *_from_environment(notice.settings, environment)}
    longest_first = tuple(sorted(secrets, key=len, reverse=True))
    return Channel(notice, provider, _rooted(settings, root), longest_first)


def check_notices(workspace: Workspace) -> Iterator[tuple[Notice, FunnelflowError | None]]:
    """Yield every ``[[notify]]`` with what is wrong with it, or None.

    Its channel and settings are looked at, and its criterion, fields and funnels, for every
    funnel in use.
    """
    for notice in workspace.config.notices:
        try:
            open_channel(notice, workspace.plugins, workspace.config.directory)
            _check_meaning(notice, workspace)
        except FunnelflowError as error:
            yield notice, error
        else:
            yield notice, None


def _check_meaning(notice: Notice, workspace: Workspace) -> None:
    """Refuse names that no funnel in use has, and criteria that do not compile."""
    in_use = workspace.funnels() or (workspace.config.funnel,)
    meant = notice.funnels or in_use
    known: set[str] = set()
    for name in meant:
        fields = workspace.funnel(name).linked.fields
        known |= fields.keys()
        if notice.when:
            compile_when(notice, fields)
    for name in notice.fields:
        if name not in known:
            guess = nearest(name, known)
            raise ConfigurationError(
                f"{notice.where('fields')}: no funnel of the endpoint {notice.name!r} has a "
                f"field {name!r}",
                hint=f"did you mean {guess!r}?" if guess else "funnelflow show lists the fields",
            )


def _from_environment(value: Any, environment: Mapping[str, str] | None) -> set[str]:
    """Collect the values of the variables that settings name: none of them may be shown."""
    surroundings = os.environ if environment is None else environment
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        return set().union(*(_from_environment(item, environment) for item in value))
    names = _VARIABLE.findall(value) if isinstance(value, str) else []
    return {surroundings[name] for name in names if surroundings.get(name)}


def _rooted(settings: Settings, root: Path) -> Any:
    """Let relative paths in settings start in the workspace."""
    paths = {
        a.alias: root / value
        for a in attrs.fields(type(settings.value))
        if a.init and isinstance(value := getattr(settings.value, a.name), Path)
    }
    return attrs.evolve(settings.value, **paths) if paths else settings.value
