"""Where plugins are found, and in which order.

1. Installed packages that have an entry point in the group ``funnelflow.v1``, by its name.
2. Files ``plugins/*.py`` of the workspace, by file name; those that begin with ``_`` are not
   plugins.
3. Modules named with ``-p``, in the order in which they are named.

That is the order in which their hooks are called. A plugin's name is that of its entry point,
of its file without ``.py``, or of its module. Nothing is imported here.
"""

import hashlib
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint, entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from attrs import field, frozen

from funnelflow.plugins.hookspecs import ENTRY_POINTS

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
