"""Where plugins are found, and in which order.

1. Installed packages that have an entry point in the group ``funnelflow.v1``, by its name.
2. Files ``plugins/*.py`` of the workspace, by file name; those that begin with ``_`` are not
   plugins.
3. Modules named with ``-p``, in the order in which they are named.

That is the order in which their hooks are called. A plugin's name is that of its entry point,
of its file without ``.py``, or of its module. Nothing is imported here.
"""

import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint, entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from attrs import field, frozen

from funnelflow.errors import ConfigurationError
from funnelflow.plugins.hookspecs import ENTRY_POINTS
from funnelflow.toml_source import TomlSource, load_toml

NO_PLUGINS_VARIABLE: Final = "FUNNELFLOW_NO_PLUGINS"
CONFIG_FILE: Final = "funnelflow.toml"

LISTS: Final = ("disabled", "required")
"""What is said of all plugins; no plugin can have such a name."""

_ALL: Final = {"*", "1", "all", "true", "yes"}
_NONE: Final = {"", "0", "false", "no", "none"}
_REQUIRED: Final = re.compile(r"funnelflow\b(?!-)[^;]*")
_BOUND: Final = re.compile(r"(~=|==|!=|<=|>=|<|>)\s*(\d+(?:\.\d+)*)\s*(?=,|\)|$)")


@frozen
class Blocking:
    """Which plugins are not to be imported.

    Attributes:
        everything: None is.
        names: The plugins that are not, with who says so.
        said_by: Who says that none is.
    """

    everything: bool = False
    names: Mapping[str, str] = field(factory=dict)
    said_by: str = ""

    def reason(self, *names: str) -> str:
        """Say who blocks a plugin that has these names; empty when nobody does."""
        if self.everything:
            return self.said_by
        folded = {fold(name): by for name, by in self.names.items()}
        return next((folded[fold(n)] for n in names if fold(n) in folded), "")


@frozen
class PluginConfig:
    """What the configuration says about plugins.

    Attributes:
        source: The file; None where there is no workspace.
        disabled: The plugins that it turns off.
        required: The plugins without which nothing may be written.
        tables: The settings of each plugin, by its name.
        environment: Where settings are read from too; None for that of this process.
    """

    source: TomlSource | None = None
    disabled: tuple[str, ...] = ()
    tables: Mapping[str, Mapping[str, Any]] = field(factory=dict)
    environment: Mapping[str, str] | None = field(default=None, repr=False)
    required: tuple[str, ...] = ()

    @property
    def root(self) -> Path | None:
        """The directory of the workspace, where relative paths start."""
        return None if self.source is None else self.source.path.parent

    def table(self, plugin: str) -> Mapping[str, Any]:
        """Give the settings of a plugin as they are written."""
        wanted = fold(plugin)
        return next((t for name, t in self.tables.items() if fold(name) == wanted), {})

    def where(self, plugin: str, name: str = "") -> str:
        """Say where a plugin's settings, or one of them, stand in the file."""
        if self.source is None:
            return f"[plugins.{plugin}]"
        written = next((t for t in self.tables if fold(t) == fold(plugin)), None)
        if written is None:
            return f"{self.source.path}: [plugins.{plugin}]"
        return self.source.where("plugins", written, *([name] if name else []))

    def where_all(self, name: str) -> str:
        """Say where something that is about all plugins stands in the file."""
        line = self.source.line("plugins", name) if self.source else None
        return f"{CONFIG_FILE}:{line or 1}"


def fold(name: str) -> str:
    """Give the form in which names of plugins are compared: ``my_rules`` is ``my-rules``."""
    return name.strip().lower().replace("_", "-")


def variable_prefix(plugin: str) -> str:
    """Give how the variables of a plugin's settings begin: ``FUNNELFLOW_MY_RULES_``."""
    return f"FUNNELFLOW_{re.sub('[^A-Za-z0-9]', '_', plugin).upper()}_"


def blocking_from(
    flag: str | None = None,
    config: PluginConfig | None = None,
    environment: Mapping[str, str] | None = None,
) -> Blocking:
    """Put together what the command line, the environment and the configuration block.

    Args:
        flag: What ``--no-plugins`` said: names with commas between, ``*`` for all; None if
            it was not given.
        config: What the configuration says.
        environment: The environment; None for that of this process.
    """
    said = (os.environ if environment is None else environment).get(NO_PLUGINS_VARIABLE, "")
    names: dict[str, str] = {}
    for text, by in ((flag or "", "--no-plugins"), (said, NO_PLUGINS_VARIABLE)):
        if text.strip().lower() in _ALL:
            return Blocking(everything=True, said_by=by)
        if text.strip().lower() not in _NONE:
            names |= dict.fromkeys(_split(text), by)
    in_file = config.disabled if config else ()
    return Blocking(names={**dict.fromkeys(in_file, "disabled in funnelflow.toml"), **names})


def read_plugin_config(root: Path | None) -> PluginConfig:
    """Read what a workspace's file says about plugins.

    Args:
        root: The workspace; None where there is none.

    Raises:
        ConfigurationError: The file says something about plugins that is not understood.
            One that cannot be read at all says nothing; who reads the settings tells it.
    """
    if root is None:
        return PluginConfig()
    try:
        content, source = load_toml(root / CONFIG_FILE)
    except ConfigurationError:
        return PluginConfig()
    return plugin_config(source, content)


def plugin_config(source: TomlSource, content: Mapping[str, Any]) -> PluginConfig:
    """Read the table ``[plugins]`` of a file of settings.

    Args:
        source: The file.
        content: What it says.

    Raises:
        ConfigurationError: It says something about plugins that is not understood.
    """
    table = content.get("plugins", {})
    if not isinstance(table, dict):
        raise ConfigurationError(
            f"{source.where('plugins')}: plugins is not a table", hint="write it as [plugins]"
        )
    disabled, required = (_names(source, table, name) for name in LISTS)
    tables = {name: inner for name, inner in table.items() if name not in LISTS}
    for name, inner in tables.items():
        if not isinstance(inner, dict):
            raise ConfigurationError(
                f"{source.where('plugins', name)}: there is no setting {name!r} of all plugins",
                hint="one plugin's settings stand under [plugins.NAME]; known here: "
                + ", ".join(LISTS),
            )
    return PluginConfig(source, disabled, tables, required=required)


def _names(source: TomlSource, table: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Read a list of plugins."""
    names = table.get(name, [])
    if not isinstance(names, list) or not all(isinstance(plugin, str) for plugin in names):
        raise ConfigurationError(
            f"{source.where('plugins', name)}: {name} is not a list of plugins",
            hint=f'write {name} = ["name"]',
        )
    return tuple(names)


def _split(text: str) -> Iterable[str]:
    return (name.strip() for name in text.split(",") if name.strip())


Kind: TypeAlias = Literal["installed", "workspace", "module", "registered"]

FOLDER: Final = "plugins"


@frozen
class Candidate:
    """A plugin that was found and is not imported.

    Attributes:
        name: What it is called.
        kind: How it was found.
        source: Where it is: a package, a file or a module.
        version: The version of its package; empty where there is none.
        requires: The bounds that its package sets to the version of funnelflow, such as
            ``(">=", "0.2")``.
        load: Imports it.
    """

    name: str
    kind: Kind
    source: str
    version: str = ""
    requires: tuple[tuple[str, str], ...] = ()
    load: Callable[[], Any] = field(repr=False, eq=False, kw_only=True)

    @property
    def qualified(self) -> str:
        """The name with its kind, which tells two of one name apart: ``workspace:rules``."""
        return f"{self.kind}:{self.name}"


def find_plugins(root: Path | None, modules: Iterable[str] = ()) -> tuple[Candidate, ...]:
    """Find every plugin, in order; import none.

    Args:
        root: The workspace; None where there is none.
        modules: The modules named with ``-p``. One that is an installed plugin, or is named
            twice, is taken once.
    """
    installed = sorted(entry_points(group=ENTRY_POINTS), key=lambda p: (p.name, p.value))
    found = [_from_entry_point(point) for point in installed]
    found += _in_workspace(root)
    known = {point.module for point in installed}
    found += [_from_module(m, root) for m in dict.fromkeys(modules) if m not in known]
    return tuple(found)


def _from_entry_point(point: EntryPoint) -> Candidate:
    """Take an installed plugin; the package says which version it has."""
    if point.dist is None:
        return Candidate(point.name, "installed", point.value, load=point.load)
    bounds = tuple(_bounds(point.dist.requires or ()))
    source, version = point.dist.name, point.dist.version
    return Candidate(point.name, "installed", source, version, bounds, load=point.load)


def _bounds(requirements: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the bounds that a package's requirements set to the version of funnelflow."""
    for requirement in requirements:
        found = _REQUIRED.match(requirement)
        if found is not None:
            yield from _BOUND.findall(found[0].strip())


def _in_workspace(root: Path | None) -> Iterator[Candidate]:
    """Yield the plugin files of a workspace, by name."""
    folder = None if root is None else root / FOLDER
    if folder is None or not folder.is_dir():
        return
    for path in sorted(folder.glob("*.py")):
        if not path.name.startswith("_"):
            source = f"{FOLDER}/{path.name}"
            yield Candidate(path.stem, "workspace", source, load=_file_loader(path))


def _file_loader(path: Path) -> Callable[[], Any]:
    """Give what imports a file under a name of its own, so that two workspaces can have one."""
    mark = hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:8]
    name = f"funnelflow_plugin_{path.stem}_{mark}"

    def load() -> Any:
        spec = spec_from_file_location(name, path)
        assert isinstance(spec, ModuleSpec)
        assert spec.loader is not None
        module = module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            sys.modules.pop(name, None)
            raise
        return module

    return load


def _from_module(name: str, root: Path | None) -> Candidate:
    """Take a module, which may stand in the current directory or in the workspace."""

    def load() -> Any:
        places = [str(place) for place in (Path.cwd(), root) if place is not None]
        added = [place for place in places if place not in sys.path]
        sys.path.extend(added)
        try:
            return import_module(name)
        finally:
            for place in added:
                sys.path.remove(place)

    return Candidate(name, "module", name, load=load)
