"""Temporary workspaces, with the plugins of one test."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from funnelflow.definition import Definition, Library
from funnelflow.plugins import Plugin, PluginHost, load_plugins
from funnelflow.store import Workspace
from funnelflow.testing.clock import FrozenClock

__all__ = ["WorkspaceMaker"]


class WorkspaceMaker:
    """Makes workspaces in a directory of the test, and closes them in the end.

    Args:
        directory: Where.
        clock: The clock of all of them.

    Attributes:
        host: The plugins of the test; `register` adds one.
        clock: The clock of all of them.
    """

    def __init__(self, directory: Path, clock: FrozenClock) -> None:
        self.host = PluginHost()
        self.clock = clock
        self._directory = directory
        self._open: list[Workspace] = []

    def __call__(
        self,
        funnel: str | Definition = "standard",
        *,
        files: Mapping[str, str] | None = None,
        database: str = "funnelflow.db",
    ) -> Workspace:
        """Give a new workspace with the plugins that are registered.

        Args:
            funnel: A definition, or the name of one: shipped, a plugin's, or among `files`.
            files: Files of the workspace: path to text. Those in ``plugins/`` are plugins of
                it, beside the registered ones.
            database: Its database.
        """
        directory = self._directory / f"workspace{len(self._open) + 1}"
        for path, text in (files or {}).items():
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_text(text, encoding="utf-8")
        host = self._host_of(directory)
        library = Library((directory, directory / "definitions"))
        name = funnel
        if isinstance(funnel, Definition):
            library = Library(library.directories, definitions={funnel.name: funnel})
            name = funnel.name
        made = Workspace.create(
            directory, str(name), database=database, library=library, clock=self.clock, plugins=host
        )
        self._open.append(made)
        return made

    def register(self, thing: Any, name: str = "") -> Plugin:
        """Use a plugin for the rest of the test.

        Args:
            thing: A module, or any object with hooks.
            name: What to call it; its own name when empty.

        Raises:
            ConfigurationError: It cannot be used.
        """
        return self.host.register(thing, name)

    def close(self) -> None:
        """Close the workspaces and let go of the plugins."""
        for workspace in self._open:
            workspace.close()
        for plugin in self.host.plugins:
            self.host.unregister(plugin.name)

    def _host_of(self, directory: Path) -> PluginHost:
        """Give the registered plugins, and those in the directory; installed ones are left out."""
        if not (directory / "plugins").is_dir():
            return self.host
        found = load_plugins(directory).plugins
        own = [plugin for plugin in found if plugin.candidate.kind == "workspace"]
        return PluginHost([*self.host.plugins, *own])
