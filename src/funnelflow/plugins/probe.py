"""The process that `probing` starts: imports plugins, and says at each step what it calls."""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import asdict, field, frozen

from funnelflow.errors import ConfigurationError
from funnelflow.plugins import isolation as guard
from funnelflow.plugins.discovery import Kind
from funnelflow.plugins.hookspecs import HOOKS, OFFERS
from funnelflow.plugins.host import PluginHost, load_plugins
from funnelflow.plugins.loading import Plugin, Status
from funnelflow.plugins.plugin_settings import SettingShown, shown_settings


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


class _Saying:
    """Says on a stream what begins and what comes back."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def say(self, **what: Any) -> None:
        """Write one line, at once."""
        os.write(self._descriptor, json.dumps(what).encode() + b"\n")

    def enter(self, call: guard.Call) -> int:
        """Say that a call begins."""
        self.say(enter=call)
        return 0

    def leave(self, _ticket: int) -> None:
        """Say that it has come back."""
        self.say(leave=True)


def main() -> None:
    """Look at the plugins that the only argument asks about."""
    asked = json.loads(sys.argv[1])
    saying = _Saying(os.dup(1))
    os.dup2(2, 1)  # whatever plugins write, and the processes they start, is not the answer
    guard.WATCH = saying  # type: ignore[assignment]  # the same two methods
    try:
        host = load_plugins(
            Path(asked["root"]) if asked["root"] else None,
            no_plugins=asked["no"],
            modules=asked["p"],
            tell=lambda *_: None,
        )
        saying.say(reports=[report.to_json() for report in report_on(host)])
    except ConfigurationError as error:
        saying.say(error=error.message, hint=error.hint)
    sys.stderr.flush()
    os._exit(0)  # a thread that a plugin left running must not keep anybody waiting


if __name__ == "__main__":
    main()
