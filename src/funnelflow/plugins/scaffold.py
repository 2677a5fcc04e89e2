"""``funnelflow plugins new``: a complete package to begin with."""

import re
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from funnelflow.errors import UsageError
from funnelflow.plugins.configuration import LISTS, variable_prefix

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_MOST = 40


def write_scaffold(name: str, directory: Path, *, dry_run: bool = False) -> list[Path]:
    """Write the package of a new plugin.

    Args:
        name: What the plugin is called; the package is ``funnelflow-NAME``.
        directory: Where the package's own directory is made.
        dry_run: Write nothing.

    Returns:
        The files, the first of which stands in the package's directory.

    Raises:
        UsageError: The name cannot be one, or the directory is there already.
    """
    name = _checked(name)
    root = directory / f"funnelflow-{name}"
    if root.exists():
        raise UsageError(
            f"{root} is there already", hint="choose another name, or another --directory"
        )
    words = _words(name)
    template = files("funnelflow.plugins").joinpath("template")
    texts = {_place(root, place): text.format(**words) for place, text in _texts(template, "")}
    if not dry_run:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    return sorted(texts, key=lambda path: (len(path.parts), path))


def _checked(name: str) -> str:
    name = name.removeprefix("funnelflow-")
    if not _NAME.fullmatch(name) or len(name) > _MOST or name in LISTS:
        raise UsageError(
            f"{name!r} cannot be the name of a plugin",
            hint="small letters, digits and single hyphens, such as `renewals` or `our-rules`",
        )
    return name


def _words(name: str) -> dict[str, str]:
    """Return what stands for the names in a template."""
    underscored = name.replace("-", "_")
    return {
        "name": name,
        "underscored": underscored,
        "package": f"funnelflow_{underscored}",
        "title": name.replace("-", " ").capitalize(),
        "variable": variable_prefix(name),
        "version": version("funnelflow"),
    }


def _texts(folder: Traversable, place: str) -> list[tuple[str, str]]:
    """Return the files of a template: where each goes, and its text."""
    found = []
    for item in folder.iterdir():
        inner = f"{place}{item.name}"
        if item.is_dir():
            found += _texts(item, f"{inner}/")
        elif item.name.endswith(".txt"):
            found.append((inner.removesuffix(".txt"), item.read_text(encoding="utf-8")))
    return found


def _place(root: Path, place: str) -> Path:
    """Return the path of a file of the template in the package."""
    name = root.name.removeprefix("funnelflow-")
    package = root.name.replace("-", "_")
    return root / place.replace("PACKAGE", package).replace("NAME", name)
