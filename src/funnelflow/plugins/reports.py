"""What is known of a plugin, as data: for ``funnelflow plugins`` and ``doctor``."""

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import asdict, field, frozen

from funnelflow.plugins.finding import Kind
from funnelflow.plugins.hookspecs import HOOKS, OFFERS
from funnelflow.plugins.host import PluginHost
from funnelflow.plugins.loading import Plugin, Status
from funnelflow.plugins.settings import SettingShown, shown_settings

__all__ = ["PluginReport", "read_report", "report_on"]


@frozen
class PluginReport:
    """A plugin, what it offers, and what is wrong with it.

    Attributes:
        name: What it is called.
        kind: How it was found.
        source: The package, file or module it is.
        version: The version of its package.
        status: Whether it is in use.
        blocked_by: Who blocks it.
        problems: Everything that is wrong with it.
        hooks: The hooks that it implements.
        offers: What it offers, by kind: the names.
        settings: Its settings, secrets masked.
        seconds: How long its import took.
        about: What it says of itself.
        turn_off: The option that goes on without it.
    """

    name: str
    kind: Kind
    source: str
    version: str
    status: Status
    blocked_by: str = ""
    problems: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    offers: Mapping[str, tuple[str, ...]] = field(factory=dict)
    settings: tuple[SettingShown, ...] = ()
    seconds: float = 0.0
    about: str = ""
    turn_off: str = ""

    @property
    def qualified(self) -> str:
        """Its name with its kind."""
        return f"{self.kind}:{self.name}"

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return asdict(self)


def report_on(host: PluginHost) -> tuple[PluginReport, ...]:
    """Ask every plugin for what it offers, and report on each."""
    offers: dict[str, dict[str, list[str]]] = {}
    for kind in OFFERS:
        for name, offer in host.offered(kind).items():
            offers.setdefault(offer.plugin.candidate.qualified, {}).setdefault(kind, []).append(
                name
            )
    names = [plugin.name for plugin in host.plugins]
    return tuple(
        _report(p, offers.get(p.candidate.qualified, {}), is_alone=names.count(p.name) == 1)
        for p in host.plugins
    )


def read_report(said: Mapping[str, Any]) -> PluginReport:
    """Read what `PluginReport.to_json` gave."""
    lists = {"problems": tuple(said["problems"]), "hooks": tuple(said["hooks"])}
    offers = {kind: tuple(names) for kind, names in said["offers"].items()}
    settings = tuple(SettingShown(**setting) for setting in said["settings"])
    return PluginReport(**{**said, **lists, "offers": offers, "settings": settings})


def _report(plugin: Plugin, offers: Mapping[str, Iterable[str]], *, is_alone: bool) -> PluginReport:
    candidate = plugin.candidate
    return PluginReport(
        name=plugin.name,
        kind=candidate.kind,
        source=candidate.source,
        version=candidate.version,
        status=plugin.status,
        blocked_by=plugin.blocked_by,
        problems=tuple(plugin.problems),
        hooks=tuple(name for name in HOOKS if name in plugin.hooks),
        offers={kind: tuple(names) for kind, names in offers.items()},
        settings=shown_settings(plugin.settings) if plugin.settings else (),
        seconds=round(plugin.seconds, 3),
        about=plugin.about,
        turn_off=f"--no-plugins={plugin.name if is_alone else candidate.qualified}",
    )
