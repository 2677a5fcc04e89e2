"""Looking at plugins in a process of its own, so that nothing they do can stop the looking.

A plugin that loops for ever at import, or ends the process, would take ``plugins list`` and
``doctor`` with it. So another process imports the plugins and says at each step what it calls.
When it falls silent or ends, the plugin it was calling is the one: the process is killed, and
another one looks at the rest without it.
"""

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final

from attrs import evolve

from funnelflow.errors import ConfigurationError
from funnelflow.plugins.discovery import read_plugin_config
from funnelflow.plugins.probe import PluginReport, read_report

DEADLINE: Final = 20.0
"""Seconds that one call of a plugin may take."""
_TRIES: Final = 20


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
    """Say of a plugin that was stopped that it is broken, not blocked."""
    why = stopped.get(report.name)
    if why is None:
        return report
    return evolve(report, status="broken", blocked_by="", problems=(why,))


class _Probe:
    """One process that looks at plugins, and what it says."""

    def __init__(self, root: Path | None, no_plugins: str, modules: Sequence[str]) -> None:
        asked = {"root": str(root) if root else None, "no": no_plugins or None, "p": list(modules)}
        self._process = subprocess.Popen(  # noqa: S603  # this module's own
            [sys.executable, "-m", "funnelflow.plugins.probe", json.dumps(asked)],
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
        """Give the reports; else the plugin that stopped it and why, as a list of two."""
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
