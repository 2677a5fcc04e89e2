"""Plugins without which nothing may be written: ``required`` under ``[plugins]``.

A plugin that vetoes does so only while it is in use. Where its vetoes must not be lost to a
mistake in its settings or an option of the command line, the workspace says that it requires it.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from attrs import frozen

from funnelflow.errors import ConfigurationError
from funnelflow.plugins.configuring import PluginConfig, fold
from funnelflow.plugins.loading import Status

__all__ = ["Unmet", "require_plugins", "unmet"]


class Found(Protocol):
    """A plugin that was found, or the report on one."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def qualified(self) -> str:
        """Its name with its kind."""

    @property
    def status(self) -> Status:
        """Whether it is in use."""

    @property
    def blocked_by(self) -> str:
        """Who blocks it."""

    @property
    def problems(self) -> Sequence[str]:
        """What is wrong with it."""


@frozen
class Unmet:
    """A required plugin that is not in use.

    Attributes:
        name: The plugin; as the configuration calls it where there is none.
        why: What is the matter with it.
        hint: What to do.
        is_told: Whether what is the matter is a problem of the plugin, told as such.
    """

    name: str
    why: str
    hint: str
    is_told: bool = False


def unmet(config: PluginConfig, plugins: Iterable[Found]) -> tuple[Unmet, ...]:
    """List the required plugins that are not in use, as they are named."""
    found = tuple(plugins)
    named = ((name, _called(name, found)) for name in config.required)
    return tuple(
        _why(name, called[0] if called else None, config)
        for name, called in named
        if not any(plugin.status == "active" for plugin in called)
    )


def require_plugins(config: PluginConfig, plugins: Iterable[Found]) -> None:
    """Refuse to write while a required plugin is not in use.

    Raises:
        ConfigurationError: One is not; the first is said, with what to do.
    """
    for lacking in unmet(config, plugins):
        raise ConfigurationError(
            f"nothing is written: plugin {lacking.name} is required here, and {lacking.why}",
            hint=lacking.hint,
        )


def _called(name: str, plugins: tuple[Found, ...]) -> tuple[Found, ...]:
    names = {fold(name)}
    return tuple(p for p in plugins if {fold(p.name), fold(p.qualified)} & names)


def _why(name: str, plugin: Found | None, config: PluginConfig) -> Unmet:
    else_ = f"or take {name!r} from `required` ({config.where_all('required')})"
    if plugin is None:
        return Unmet(name, "is not there", f"install it, {else_}")
    name = plugin.name
    if plugin.status == "blocked":
        by = plugin.blocked_by
        return Unmet(name, f"is turned off ({by})", f"do without {by.split()[0]}, {else_}")
    problem = plugin.problems[0] if plugin.problems else "it is not in order"
    return Unmet(name, f"cannot be used: {problem}", f"correct that, {else_}", is_told=True)
