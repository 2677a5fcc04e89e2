"""Mapping files by name: those in the workspace, then those that are shipped."""

from pathlib import Path

from funnelflow.definition import shipped_definitions
from funnelflow.errors import UnknownNameError

__all__ = ["find_mapping", "mapping_names"]

_FOLDER = "mappings"


def find_mapping(name: str, directory: Path) -> Path:
    """Give the mapping file that somebody means: a path, or a name such as ``hubspot-contacts``.

    Args:
        name: A path, or the name of a file ``mappings/NAME.toml`` in the workspace or shipped.
        directory: The workspace.

    Raises:
        UnknownNameError: There is none.
    """
    if Path(name).is_file():
        return Path(name)
    for folder in _folders(directory):
        path = folder / f"{name}.toml"
        if path.is_file():
            return path
    raise UnknownNameError("mapping file", name, mapping_names(directory))


def mapping_names(directory: Path) -> tuple[str, ...]:
    """Name the mapping files of a workspace and those that are shipped, sorted."""
    return tuple(sorted({p.stem for folder in _folders(directory) for p in folder.glob("*.toml")}))


def _folders(directory: Path) -> tuple[Path, ...]:
    return (directory / _FOLDER, shipped_definitions() / _FOLDER)
