"""Plugins found, imported, and checked when they come in, so that a mistake is reported early.

They are found in this order, which is the order in which their hooks are called:

1. Installed packages that have an entry point in the group ``funnelflow.v1``, by its name.
2. Files ``plugins/*.py`` of the workspace, by file name; those that begin with ``_`` are not
   plugins.
3. Modules named with ``-p``, in the order in which they are named.

A plugin's name is that of its entry point, of its file without ``.py``, or of its module.
`find_plugins` imports nothing.
"""

import functools
import hashlib
import inspect
import operator
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint, entry_points, version
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Literal, TypeAlias

import attrs
import pluggy
from attrs import define, evolve, field, frozen

from funnelflow.errors import ConfigurationError, nearest
from funnelflow.plugins import hookspecs
from funnelflow.plugins.configuration import PluginConfig, Status, variable_prefix
from funnelflow.plugins.hookspecs import ENTRY_POINTS, PROJECT
from funnelflow.plugins.isolation import Fault, attempt, describe_error, place_of
from funnelflow.plugins.plugin_settings import (
    MASK,
    SettingFault,
    Settings,
    SettingsError,
    read_settings,
)

Kind: TypeAlias = Literal["installed", "workspace", "module", "registered"]

FOLDER: Final = "plugins"
_REQUIRED: Final = re.compile(r"funnelflow\b(?!-)[^;]*")
_BOUND: Final = re.compile(r"(~=|==|!=|<=|>=|<|>)\s*(\d+(?:\.\d+)*)\s*(?=,|\)|$)")


@frozen
class Candidate:
    """A plugin that was found and is not imported.

    Attributes:
        name: What it is called.
        kind: How it was found.
        source: Where it is: a package, a file or a module.
        version: The version of its package, or else its own ``__version__``; empty where there
            is none.
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
    """Return what imports a file under a name of its own, so that two workspaces can have one."""
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


_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}

SLOW: Final = 2.0
"""Seconds that an import may take before it is reported as slow."""


@define(eq=False)
class Hook:
    """A plugin's implementation of a hook.

    Attributes:
        plugin: Whose it is.
        name: The hook.
        function: The implementation.
        arguments: The arguments of the hook that it takes.
        rank: -1 for ``tryfirst``, 1 for ``trylast``, 0 for neither.
    """

    plugin: "Plugin"
    name: str
    function: Any
    arguments: tuple[str, ...]
    rank: int

    def call(self, **given: Any) -> Any:
        """Call it with what it takes.

        Raises:
            Fault: It left in another way than by giving an answer.
        """
        settings = self.plugin.settings
        given["settings"] = settings.value if settings else None
        given["directory"] = self.plugin.directory
        taken = {name: given[name] for name in self.arguments}
        return attempt(self.plugin.name, self.name, self.function, **taken)


@define(eq=False)
class Plugin:
    """A plugin and what became of it.

    Attributes:
        candidate: Where it was found.
        status: Whether it is in use.
        blocked_by: Who blocks it.
        problems: Everything that is wrong with it.
        faults: What of that is wrong with its settings.
        hooks: Its implementations by hook.
        settings: Its settings; None when it has none.
        directory: The directory of the workspace that it is loaded for; None where there is none.
        seconds: How long its import took.
        about: The first line of its documentation.
        error: What it raised when it was loaded; None where that says no more than `problems`.
    """

    candidate: Candidate
    status: Status = "active"
    blocked_by: str = ""
    problems: list[str] = field(factory=list)
    faults: tuple[SettingFault, ...] = ()
    hooks: dict[str, Hook] = field(factory=dict)
    settings: Settings | None = None
    directory: Path | None = None
    seconds: float = 0.0
    about: str = ""
    error: BaseException | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        return self.candidate.name

    @property
    def qualified(self) -> str:
        """Its name with its kind."""
        return self.candidate.qualified

    @property
    def title(self) -> str:
        """Its name with its version, as messages call it."""
        return f"{self.name} {self.candidate.version}".strip()

    def masked(self, text: str) -> str:
        """Return a text without the plugin's secrets."""
        for hidden in self.settings.secrets if self.settings else ():
            text = text.replace(hidden, MASK)
        return text


class _Misfit(Exception):  # noqa: N818  # it says what is wrong with a plugin, to its loader
    """A plugin that cannot be taken in; its text says why."""


def load(candidate: Candidate, config: PluginConfig) -> Plugin:
    """Import a plugin, check its hooks and read its settings.

    Args:
        candidate: The plugin.
        config: What the configuration says.

    Returns:
        It; one that cannot be used has the status "broken" and says why.
    """
    plugin = Plugin(candidate, directory=config.root)
    began = time.monotonic()
    try:
        _require_version(candidate)
        thing = attempt(candidate.name, "its import", candidate.load)
        plugin.seconds = time.monotonic() - began
        plugin.candidate = _versioned(candidate, thing)
        plugin.about = (inspect.getdoc(thing) or "").partition("\n")[0]
        plugin.hooks = {hook.name: hook for hook in _hooks_of(plugin, thing)}
        plugin.settings = _settings_of(plugin, config)
    except (Fault, _Misfit, ConfigurationError) as error:
        plugin.seconds = plugin.seconds or time.monotonic() - began
        plugin.status = "broken"
        plugin.problems += _why(plugin, error)
        if isinstance(error, Fault) and not isinstance(error.error, ConfigurationError):
            plugin.error = error.error
        plugin.hooks = {}
    if plugin.seconds > SLOW:
        plugin.problems.append(f"its import took {plugin.seconds:.1f} seconds")
    return plugin


def _versioned(candidate: Candidate, thing: Any) -> Candidate:
    """Return a candidate with the version that the plugin says, where no package says one."""
    said = inspect.getattr_static(thing, "__version__", "")
    is_said = isinstance(said, str) and not candidate.version
    return evolve(candidate, version=said) if is_said else candidate


def _require_version(candidate: Candidate) -> None:
    """Refuse a plugin whose package requires another version of funnelflow.

    pip holds that when it installs it; later, or with ``--no-deps``, nobody else does.
    """
    here = version(PROJECT) if candidate.requires else ""
    for bound, wanted in candidate.requires:
        if not _holds(here, bound, wanted):
            raise _Misfit(f"it requires {PROJECT}{bound}{wanted}, and this is {PROJECT} {here}")


def _holds(here: str, bound: str, wanted: str) -> bool:
    """Whether a version is within a bound; one before a release counts as that release."""
    own, limit = (
        [int(number) for number in re.findall(r"\d+", release)]
        for release in (re.match(r"[\d.]*", here)[0], wanted)  # type: ignore[index]  # matches all
    )
    length = max(len(own), len(limit))
    filled, least = (numbers + [0] * (length - len(numbers)) for numbers in (own, limit))
    if bound == "~=":
        return filled >= least and filled[: len(limit) - 1] == limit[:-1]
    return _COMPARE[bound](filled, least)


def _why(plugin: Plugin, error: Exception) -> list[str]:
    """Return why a plugin cannot be used, each thing by itself."""
    inner = error.error if isinstance(error, Fault) else error
    if isinstance(inner, SettingsError):
        plugin.faults = inner.faults
        return [f"{fault.place}: {fault.advice}" for fault in inner.faults]
    if isinstance(error, Fault) and not isinstance(inner, ConfigurationError):
        what = error.call.what
        said = plugin.masked(f"{describe_error(inner)}{_place(inner)}")
        return [said if what == "its import" else f"{what}: {said}"]
    return [plugin.masked(str(inner))]


def _place(error: BaseException) -> str:
    """Return where something was raised, unless that is in its text."""
    return "" if isinstance(error, SyntaxError) else place_of(error)


def _hooks_of(plugin: Plugin, thing: Any) -> Iterable[Hook]:
    """Let pluggy read the implementations of a plugin and check them."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    _refuse_unmarked(thing)
    try:
        manager.register(thing, plugin.name)
        callers = manager.get_hookcallers(thing) or []
    except pluggy.PluginValidationError as error:
        raise _Misfit(_misfit(error, thing)) from None
    except Exception as error:  # noqa: BLE001  # an object may answer anything to being looked at
        raise _Misfit(describe_error(error)) from None
    found = [(caller, impl) for caller in callers for impl in caller.get_hookimpls()]
    for caller, impl in found:
        if not caller.has_spec() and not impl.optionalhook:
            raise _Misfit(_unknown_hook(caller.name))
    return [_hook(plugin, impl, caller.name) for caller, impl in found if caller.has_spec()]


def _hook(plugin: Plugin, impl: pluggy.HookImpl, name: str) -> Hook:
    if impl.hookwrapper or impl.wrapper:
        raise _Misfit(f"{name} is a wrapper, which hooks of funnelflow have none of; leave it out")
    rank = -1 if impl.tryfirst else 1 if impl.trylast else 0
    return Hook(plugin, name, impl.function, tuple(impl.argnames), rank)


def _refuse_unmarked(thing: Any) -> None:
    """Notice a function that is called like a hook and is not marked as one."""
    if not isinstance(thing, ModuleType):
        return
    for name, function in vars(thing).items():
        is_own = inspect.isfunction(function) and function.__module__ == thing.__name__
        if is_own and name.startswith("funnelflow_") and not hasattr(function, f"{PROJECT}_impl"):
            raise _Misfit(f"{name} lacks @hookimpl; write it on the line before the function")


def _unknown_hook(name: str) -> str:
    guess = nearest(name, hookspecs.HOOKS)
    more = f"did you mean {guess}?" if guess else f"the hooks are {', '.join(hookspecs.HOOKS)}"
    return f"there is no hook {name}; {more}"


def _misfit(error: pluggy.PluginValidationError, thing: Any) -> str:
    """Return in our words what pluggy found wrong with an implementation."""
    for name in hookspecs.HOOKS:
        function = getattr(thing, name, None)
        if function is None or name not in str(error):
            continue
        allowed = list(inspect.signature(getattr(hookspecs, name)).parameters)
        taken = [p for p in inspect.signature(function).parameters if p != "self"]
        wrong = [argument for argument in taken if argument not in allowed]
        if wrong:
            offered = f"may take {' and '.join(allowed)}" if allowed else "takes nothing"
            return f"{name}({', '.join(taken)}) takes {', '.join(wrong)}, but the hook {offered}"
    return " ".join(str(error).split())


def _settings_of(plugin: Plugin, config: PluginConfig) -> Settings | None:
    """Read the settings of a plugin by its class; a table without a class is a mistake."""
    hook = plugin.hooks.get("funnelflow_settings")
    table = config.table(plugin.name)
    if hook is None:
        if table:
            raise ConfigurationError(f"{config.where(plugin.name)}: this plugin has no settings")
        return None
    cls = hook.call()
    if not isinstance(cls, type) or not attrs.has(cls):
        raise _Misfit(f"funnelflow_settings gave {cls!r}, which is no attrs class")
    where = functools.partial(config.where, plugin.name)
    found: Settings = attempt(
        plugin.name,
        "its settings",
        read_settings,
        cls,
        table,
        where,
        prefix=variable_prefix(plugin.name),
        environment=config.environment,
        root=config.root,
    )
    return found
