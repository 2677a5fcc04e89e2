"""Channels: the endpoints of a workspace with the notifiers and settings that serve them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import field, frozen

from funnelflow.definition import Problem
from funnelflow.errors import nearest
from funnelflow.notify.builtin import BUILT_IN
from funnelflow.notify.envelope import message_of
from funnelflow.plugins import NotifierProvider, PluginHost, Settings, read_settings
from funnelflow.plugins.guard import inside
from funnelflow.plugins.settings import MASK, SettingFault, SettingsError, environment_texts
from funnelflow.store import Letter, Notice
from funnelflow.store.notices import NoticesError

__all__ = ["Channel", "open_channel", "open_channels"]


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
        NoticesError: A channel or its settings are not usable; all of it is said.
    """
    channels: list[Channel] = []
    problems: list[Problem] = []
    for notice in notices:
        try:
            channels.append(open_channel(notice, plugins, root))
        except NoticesError as error:
            problems += error.problems
    if problems:
        raise NoticesError(problems)
    return tuple(channels)


def open_channel(
    notice: Notice,
    plugins: PluginHost,
    root: Path,
    environment: Mapping[str, str] | None = None,
) -> Channel:
    """Give the channel of one endpoint.

    Raises:
        NoticesError: There is no such notifier, or its settings are not usable.
    """
    provider = _provider(notice, plugins)
    try:
        settings = read_settings(
            provider.settings or _NoSettings,
            notice.settings,
            lambda name: notice.site.where("settings", *([name] if name else [])),
            environment=environment,
        )
    except SettingsError as error:
        raise NoticesError([_problem(notice, fault) for fault in error.faults]) from None
    secrets = {*settings.secrets, *environment_texts(notice.settings, environment)}
    longest_first = tuple(sorted(secrets, key=len, reverse=True))
    return Channel(notice, provider, _rooted(settings, root), longest_first)


def _provider(notice: Notice, plugins: PluginHost) -> NotifierProvider:
    """Give the notifier that an endpoint names."""
    offered = {**plugins.notifiers, **BUILT_IN}
    if notice.channel not in offered:
        guess = nearest(notice.channel, offered)
        known = f"known: {', '.join(sorted(offered))}; plugins bring more"
        help_ = f"did you mean {guess!r}?" if guess else known
        said = f"there is no notifier {notice.channel!r}"
        raise NoticesError([notice.site.problem("F702", ("channel",), said, help_)])
    return offered[notice.channel]


def _problem(notice: Notice, fault: SettingFault) -> Problem:
    """Say what is wrong with a setting, where it stands."""
    way = ("settings", fault.name) if fault.name else ("settings",)
    if fault.variable:
        return notice.site.problem("F707", way, fault.message, f"export {fault.variable}=…")
    help_ = f"they are the settings of the notifier {notice.channel!r}"
    return notice.site.problem("F703", way, fault.message, help_)


def _rooted(settings: Settings, root: Path) -> Any:
    """Let relative paths in settings start in the workspace."""
    paths = {
        a.alias: root / value
        for a in attrs.fields(type(settings.value))
        if a.init and isinstance(value := getattr(settings.value, a.name), Path)
    }
    return attrs.evolve(settings.value, **paths) if paths else settings.value
