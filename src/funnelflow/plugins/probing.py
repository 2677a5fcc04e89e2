"""Looking at plugins in a process of its own, so that nothing they do can stop the looking.

A plugin that loops for ever at import, or ends the process, would take ``plugins list`` and
``doctor`` with it. So another process (`main`) imports the plugins and writes at each step what
it calls. When it falls silent or ends, the plugin it was calling is the one: the process is
killed, and another one looks at the rest without it.
"""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

from attrs import asdict, evolve, field, frozen

from funnelflow.errors import ConfigurationError
from funnelflow.plugins import isolation
from funnelflow.plugins.configuration import Status, read_plugin_config
from funnelflow.plugins.hookspecs import HOOKS, OFFERS
from funnelflow.plugins.host import PluginHost, load_plugins
from funnelflow.plugins.loading import Kind, Plugin
from funnelflow.plugins.plugin_settings import SettingShown, shown_settings

DEADLINE: Final = 20.0
"""Seconds that one call of a plugin may take."""
_TRIES: Final = 20


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
        """Return it as JSON values."""
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


def probe_plugins(
    root: Path | None,
    *,
    no_plugins: str | None = None,
    modules: Sequence[str] = (),
    deadline: float = DEADLINE,
) -> tuple[PluginReport, ...]:
    """Report on every plugin, whatever the plugins do.

    Args:
        root: The workspace; None where there is none.
        no_plugins: The plugins not to import, with commas between; ``*`` for all.
        modules: Modules that are plugins too.
        deadline: Seconds that one call of a plugin may take.

    Raises:
        ConfigurationError: The configuration says something about plugins that is not
            understood, or plugins cannot be looked at at all.
    """
    read_plugin_config(root)
    stopped: dict[str, str] = {}
    for _ in range(_TRIES):
        without = ",".join(filter(None, (no_plugins, *stopped)))
        found = _Probe(root, without, modules).run(deadline)
        if isinstance(found, tuple):
            return tuple(_with_stopped(report, stopped) for report in found)
        name, why = found
        if not name or name in stopped:
            break
        stopped[name] = why
    raise ConfigurationError(
        "plugins cannot be looked at: " + (next(iter(stopped.values()), "") or why),
        hint="funnelflow plugins list --no-plugins",
    )


def _with_stopped(report: PluginReport, stopped: dict[str, str]) -> PluginReport:
    """Mark a plugin that was stopped as broken, not blocked."""
    why = stopped.get(report.name)
    if why is None:
        return report
    return evolve(report, status="broken", blocked_by="", problems=(why,))


class _Probe:
    """One process that looks at plugins, and what it says."""

    def __init__(self, root: Path | None, no_plugins: str, modules: Sequence[str]) -> None:
        asked = {"root": str(root) if root else None, "no": no_plugins or None, "p": list(modules)}
        self._process = subprocess.Popen(  # noqa: S603  # this module's own
            [sys.executable, "-m", "funnelflow.plugins.probing", json.dumps(asked)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        assert self._process.stdout is not None
        reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        reader.start()

    def run(self, deadline: float) -> tuple[PluginReport, ...] | list[str]:
        """Return the reports; else the plugin that stopped it and why, as a list of two."""
        calls: list[tuple[str, str]] = [("", "starting")]
        try:
            for said in self._said(deadline):
                if "reports" in said:
                    return tuple(map(read_report, said["reports"]))
                if "error" in said:
                    raise ConfigurationError(said["error"], hint=said["hint"])
                if "enter" in said:
                    calls.append(tuple(said["enter"]))
                else:
                    calls.pop()
        except TimeoutError:
            plugin, what = calls[-1]
            return [plugin, f"{what} did not come back within {deadline:g} seconds"]
        finally:
            self._process.kill()
            self._process.wait()
        plugin, what = calls[-1]
        return [plugin, f"{what} ended the process (exit code {self._process.returncode})"]

    def _said(self, deadline: float) -> Iterator[dict[str, Any]]:
        """Yield what the process says, until it says no more."""
        while True:
            try:
                line = self._lines.get(timeout=deadline)
            except queue.Empty:
                raise TimeoutError from None
            if line is None:
                self._process.wait()
                return
            yield json.loads(line)

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self._lines.put(line)
        self._lines.put(None)
        stream.close()


class _Progress:
    """Writes to a stream what begins and what comes back."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def say(self, **what: Any) -> None:
        """Write one line, at once."""
        os.write(self._descriptor, json.dumps(what).encode() + b"\n")

    def enter(self, call: isolation.Call) -> int:
        """Write that a call begins."""
        self.say(enter=call)
        return 0

    def leave(self, _ticket: int) -> None:
        """Write that it has come back."""
        self.say(leave=True)


def main() -> None:
    """Look at the plugins that the only argument asks about."""
    asked = json.loads(sys.argv[1])
    progress = _Progress(os.dup(1))
    os.dup2(2, 1)  # whatever plugins write, and the processes they start, is not the answer
    isolation.WATCH = progress  # type: ignore[assignment]  # the same two methods
    try:
        host = load_plugins(
            Path(asked["root"]) if asked["root"] else None,
            no_plugins=asked["no"],
            modules=asked["p"],
            on_problem=lambda *_: None,
        )
        progress.say(reports=[report.to_json() for report in report_on(host)])
    except ConfigurationError as error:
        progress.say(error=error.message, hint=error.hint)
    sys.stderr.flush()
    os._exit(0)  # a thread that a plugin left running must not keep anybody waiting


if __name__ == "__main__":
    main()
