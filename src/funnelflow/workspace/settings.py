"""The settings of a workspace: what `funnelflow.toml` says, and where each value came from."""

import datetime as dt
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias
from zoneinfo import ZoneInfo

from attrs import field, frozen

from funnelflow.definition import Library
from funnelflow.errors import (
    ConfigurationError,
    UnknownNameError,
    nearest,
    without_passwords,
)
from funnelflow.plugins.configuration import CONFIG_FILE, PluginConfig, plugin_config
from funnelflow.storage.subscriptions import Subscription, read_subscriptions
from funnelflow.toml_source import TomlSource, load_toml

DATABASE_VARIABLE = "FUNNELFLOW_DATABASE"
DATABASE_FILE = "funnelflow.db"
"""Where a workspace keeps its contacts when nothing else is said."""

Origin: TypeAlias = Literal["flag", "environment", "file", "default"]

_DEFAULTS = {
    "funnel": "standard",
    "database": DATABASE_FILE,
    "timezone": "",
    "file_roles": "recorder",
}
_FILE_ROLES = ("recorder", "actor")
_TABLES = ("workspace", "roles", "plugins", "notify", "views")


@frozen
class Setting:
    """One setting, and where its value came from."""

    name: str
    value: str
    origin: Origin

    @property
    def shown(self) -> str:
        """The value as it may be shown: without a password."""
        return without_passwords(self.value)


@frozen
class SavedView:
    """A list of contacts that is looked at often, under a name: `@hot`.

    Attributes:
        where: A criterion that they meet; None for everybody. The others are as `Workspace.list`
            has them.
        stage: The stage they are in.
        funnel: The funnel that is their home.
        sort: By what they are sorted.
        limit: How many at most.
        fields: What is shown of each.
    """

    where: str | None = None
    stage: str | None = None
    funnel: str | None = None
    sort: tuple[str, ...] = ()
    limit: int | None = None
    fields: tuple[str, ...] = ()


@frozen
class Config:
    """The settings of a workspace.

    Attributes:
        directory: The directory that holds the workspace; relative paths start there.
        settings: Every setting by its name.
        roles: Role to the actors who have it.
        subscriptions: Who is notified of transitions.
        plugins: What is said of plugins.
        views: Lists that are looked at often, by name.
    """

    directory: Path
    settings: Mapping[str, Setting]
    roles: Mapping[str, tuple[str, ...]] = field(factory=dict)
    subscriptions: tuple[Subscription, ...] = ()
    plugins: PluginConfig = PluginConfig()  # noqa: RUF009  # frozen
    views: Mapping[str, SavedView] = field(factory=dict)

    @property
    def funnel(self) -> str:
        """The funnel of contacts for whom none is named."""
        return self.settings["funnel"].value

    @property
    def database(self) -> str:
        """Where the data is: a path, or the URL of a PostgreSQL database."""
        return self.settings["database"].value

    @property
    def timezone(self) -> dt.tzinfo | None:
        """The zone in which times without an offset are read; None refuses them."""
        name = self.settings["timezone"].value
        return _zone(name, TomlSource(self.directory / CONFIG_FILE)) if name else None

    def view(self, name: str) -> SavedView:
        """Return a saved view.

        Raises:
            UnknownNameError: There is none of that name.
        """
        if name in self.views:
            return self.views[name]
        hint = "" if self.views else f"[views.{name}] in {CONFIG_FILE} saves one"
        raise UnknownNameError("view", name, self.views, hint=hint)

    def roles_of(self, actor: str) -> tuple[str, ...]:
        """Return the roles of an actor, sorted; nobody has none."""
        return tuple(sorted(role for role, actors in self.roles.items() if actor in actors))


def find_workspace(start: Path | str | None = None) -> Path:
    """Find the workspace that a directory belongs to: the nearest one with settings in it.

    Args:
        start: Where to begin looking upwards; None for the current directory.

    Raises:
        ConfigurationError: There is none.
    """
    begin = Path(start or ".").absolute()
    for directory in (begin, *begin.parents):
        if (directory / CONFIG_FILE).is_file():
            return directory
    raise ConfigurationError(
        f"there is no workspace here: no {CONFIG_FILE} in {begin} or above it",
        hint="start one with `funnelflow init`",
    )


def library_of(directory: Path) -> Library:
    """Return the library of a workspace: its own definitions come before the shipped ones."""
    return Library((directory, directory / "definitions"))


def read_config(
    directory: Path,
    *,
    flags: Mapping[str, str | None] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Config:
    """Read the settings of a workspace; a flag wins over the environment, that over the file.

    Args:
        directory: The workspace.
        flags: Setting to the value said on the command line; None where nothing was said.
        environment: The environment; None for that of this process.

    Raises:
        ConfigurationError: The file cannot be read or says something that is not understood.
    """
    content, source = _load(directory / CONFIG_FILE)
    _refuse_unknown(source, content, _TABLES, "table")
    workspace = _table(source, content, "workspace")
    _refuse_unknown(source.table("workspace"), workspace, tuple(_DEFAULTS), "setting")
    said = {name: value for name, value in (flags or {}).items() if value is not None}
    surroundings = os.environ if environment is None else environment
    settings = {name: _setting(source, name, said, surroundings, workspace) for name in _DEFAULTS}
    if settings["timezone"].value:
        _zone(settings["timezone"].value, source)
    if (said_roles := settings["file_roles"].value) not in _FILE_ROLES:
        raise source.error(
            f'`file_roles` must be "recorder" or "actor", but this is {said_roles!r}',
            "workspace",
            "file_roles",
            hint="whose roles count for the rows of a file: who applies it, or whom they name",
        )
    return Config(
        directory,
        settings,
        _roles(source.table("roles"), _table(source, content, "roles")),
        read_subscriptions(source, content),
        plugin_config(source, content),
        _views(source.table("views"), _table(source, content, "views")),
    )


def write_config(directory: Path, *, funnel: str, database: str) -> Path:
    """Write the settings of a new workspace, with a word on each.

    Raises:
        ConfigurationError: There is a workspace already, or the file cannot be written.
    """
    path = directory / CONFIG_FILE
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(_TEMPLATE.format(funnel=_quoted(funnel), database=_quoted(database)))
    except FileExistsError:
        raise ConfigurationError(
            f"there is a workspace already: {path}", hint="use it, or choose another directory"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from None
    return path


_TEMPLATE = """\
# The settings of this workspace; `funnelflow config show` says what is in force and why.

[workspace]
# The funnel of contacts for whom no other is named.
funnel = {funnel}
# A file beside this one, or postgresql://user@host/name; FUNNELFLOW_DATABASE wins over it.
database = {database}
# The zone of times without an offset, such as "Europe/Paris"; empty refuses them.
timezone = ""
# Whose roles count for rows of a file that name an actor: "recorder", who applies the file, or
# "actor", for files whose word on who did something is to be taken.
# file_roles = "recorder"

[roles]
# Who may take the transitions that say `by:`. A local command line is no login: whoever
# can write to the database can claim to be anybody.
# sales = ["ada", "grace"]

# Lists that are looked at often: `funnelflow list @hot`.
# [views.hot]
# where = "contact.engagements >= 3"
# sort = "-engagements"
# fields = "email,engagements"

# Who is notified of transitions, by `funnelflow deliver`; each endpoint has a [[notify]].
# [[notify]]
# channel = "log"
# when = "event.after == 'customer'"
# fields = ["email"]
"""


def _quoted(text: str) -> str:
    """Write a text as a TOML string."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _load(path: Path) -> tuple[dict[str, Any], TomlSource]:
    """Read the file of settings."""
    if not path.is_file():
        raise ConfigurationError(
            f"there is no workspace in {path.parent}: {path.name} is missing",
            hint="start one with `funnelflow init`",
        )
    return load_toml(path)


def _table(source: TomlSource, content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a table of the file; empty when it is not there."""
    table = content.get(name, {})
    if not isinstance(table, dict):
        raise source.error(f"`{name}` must be a table", name, hint=f"write it as [{name}]")
    return table


def _setting(
    source: TomlSource,
    name: str,
    flags: Mapping[str, str],
    environment: Mapping[str, str],
    workspace: Mapping[str, Any],
) -> Setting:
    """Decide one setting by precedence."""
    if name in flags:
        return Setting(name, flags[name], "flag")
    variable = f"FUNNELFLOW_{name.upper()}"
    if environment.get(variable):
        return Setting(name, environment[variable], "environment")
    value = workspace.get(name, "")
    if not isinstance(value, str):
        reason, hint = f"`{name}` must be text", f'write {name} = "…"'
        raise source.error(reason, "workspace", name, hint=hint)
    return Setting(name, value, "file") if value else Setting(name, _DEFAULTS[name], "default")


def _roles(source: TomlSource, table: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Read who has which role."""
    for role, actors in table.items():
        if not isinstance(actors, list) or not all(isinstance(actor, str) for actor in actors):
            reason, hint = (
                f"role `{role}` must be a list of actors",
                f'write {role} = ["ada", "grace"]',
            )
            raise source.error(reason, role, hint=hint)
    return {role: tuple(actors) for role, actors in table.items()}


_VIEW = ("where", "stage", "funnel", "sort", "limit", "fields")


def _views(source: TomlSource, tables: Mapping[str, Any]) -> dict[str, SavedView]:
    """Read the saved views."""
    views: dict[str, SavedView] = {}
    for name in tables:
        table, place = _table(source, tables, name), source.table(name)
        _refuse_unknown(place, table, _VIEW, "setting")
        said: dict[str, Any] = {}
        for key, value in table.items():
            is_limit = key == "limit"
            texts = value if isinstance(value, list) and key in {"sort", "fields"} else [value]
            if is_limit and not (isinstance(value, int) and value > 0):
                raise place.error("`limit` must be a number above 0", key)
            if not is_limit and not all(isinstance(text, str) for text in texts):
                raise place.error(f"`{key}` must be text", key, hint=f'write {key} = "…"')
            is_list = key in {"sort", "fields"}
            said[key] = tuple(n for text in texts for n in names_in(text)) if is_list else value
        views[name] = SavedView(**said)
    return views


def names_in(text: str) -> tuple[str, ...]:
    """Return the names of a list with commas between them."""
    return tuple(name for part in text.split(",") if (name := part.strip()))


def _refuse_unknown(
    source: TomlSource, table: Mapping[str, Any], known: tuple[str, ...], kind: str
) -> None:
    """Refuse a name that means nothing here, naming the nearest that does."""
    for name in table:
        if name not in known:
            guess = nearest(name, known)
            hint = f"did you mean {guess!r}?" if guess else f"known: {', '.join(known)}"
            raise source.error(f"there is no {kind} {name!r}", name, hint=hint)


def _zone(name: str, source: TomlSource) -> ZoneInfo:
    """Return a time zone by its name."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise source.error(
            f"there is no time zone {name!r}",
            "workspace",
            "timezone",
            hint='write a name such as "Europe/Paris" or "UTC"; '
            "where the system knows no zones, `pip install tzdata` brings them",
        ) from None
