"""What the configuration says about plugins: which are blocked, which are required, their tables.

A plugin that is blocked is not imported. While one that is required is not in use, nothing is
written.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeAlias

from attrs import field, frozen

from funnelflow.errors import ConfigurationError
from funnelflow.toml_source import FilePlace, TomlSource, load_toml

Status: TypeAlias = Literal["active", "blocked", "broken"]

NO_PLUGINS_VARIABLE: Final = "FUNNELFLOW_NO_PLUGINS"
CONFIG_FILE: Final = "funnelflow.toml"

LISTS: Final = ("disabled", "required")
"""What is said of all plugins; no plugin can have such a name."""

_ALL: Final = {"*", "1", "all", "true", "yes"}
_NONE: Final = {"", "0", "false", "no", "none"}


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
        """Return who blocks a plugin that has these names; empty when nobody does."""
        if self.everything:
            return self.said_by
        folded = {canonical_name(name): by for name, by in self.names.items()}
        return next((folded[canonical_name(n)] for n in names if canonical_name(n) in folded), "")


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
        """Return the settings of a plugin as they are written."""
        return next((t for name, t in self.tables.items() if same_name(name, plugin)), {})

    def where(self, plugin: str, name: str = "") -> FilePlace | str:
        """Return where a plugin's settings, or one of them, stand in the file."""
        if self.source is None:
            return f"[plugins.{plugin}]"
        written = next((t for t in self.tables if same_name(t, plugin)), None)
        if written is None:
            return f"{self.source.path}: [plugins.{plugin}]"
        return self.source.where("plugins", written, *([name] if name else []))

    def requires(self, plugin: str) -> bool:
        """Whether a plugin is required, as its name or with its kind."""
        required = {canonical_name(name).rpartition(":")[2] for name in self.required}
        return canonical_name(plugin) in required

    def where_all(self, name: str) -> str:
        """Return where something that is about all plugins stands in the file."""
        line = self.source.line("plugins", name) if self.source else None
        return f"{CONFIG_FILE}:{line or 1}"


def canonical_name(name: str) -> str:
    """Return the form in which names of plugins are compared: ``my_rules`` is ``my-rules``."""
    return name.strip().lower().replace("_", "-")


def same_name(one: str, other: str) -> bool:
    """Whether two names are those of one plugin."""
    return canonical_name(one) == canonical_name(other)


def variable_prefix(plugin: str) -> str:
    """Return how the variables of a plugin's settings begin: ``FUNNELFLOW_MY_RULES_``."""
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
        raise source.error("`plugins` must be a table", "plugins", hint="write it as [plugins]")
    disabled, required = (_names(source, table, name) for name in LISTS)
    tables = {name: inner for name, inner in table.items() if name not in LISTS}
    for name, inner in tables.items():
        if not isinstance(inner, dict):
            raise source.error(
                f"there is no setting {name!r} of all plugins",
                "plugins",
                name,
                hint="one plugin's settings stand under [plugins.NAME]; known here: "
                + ", ".join(LISTS),
            )
    return PluginConfig(source, disabled, tables, required=required)


def _names(source: TomlSource, table: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Read a list of plugins."""
    names = table.get(name, [])
    if not isinstance(names, list) or not all(isinstance(plugin, str) for plugin in names):
        reason, hint = f"`{name}` must be a list of plugins", f'write {name} = ["name"]'
        raise source.error(reason, "plugins", name, hint=hint)
    return tuple(names)


def _split(text: str) -> Iterable[str]:
    return (name.strip() for name in text.split(",") if name.strip())


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
        is_reported: Whether what is the matter is reported as a problem of the plugin itself.
    """

    name: str
    why: str
    hint: str
    is_reported: bool = False


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
    names = {canonical_name(name)}
    return tuple(
        p for p in plugins if {canonical_name(p.name), canonical_name(p.qualified)} & names
    )


def _why(name: str, plugin: Found | None, config: PluginConfig) -> Unmet:
    else_ = f"or take {name!r} from `required` ({config.where_all('required')})"
    if plugin is None:
        return Unmet(name, "is not there", f"install it, {else_}")
    name = plugin.name
    if plugin.status == "blocked":
        by = plugin.blocked_by
        return Unmet(name, f"is turned off ({by})", f"do without {by.split()[0]}, {else_}")
    problem = plugin.problems[0] if plugin.problems else "it is not in order"
    return Unmet(name, f"cannot be used: {problem}", f"correct that, {else_}", is_reported=True)
