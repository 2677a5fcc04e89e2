"""Where the names of definitions and vocabularies are looked up."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from pathlib import Path

from attrs import evolve, field, frozen

from funnelflow.definition.providers import CriterionProvider
from funnelflow.definition.records import Definition, Vocabulary

__all__ = ["Library", "shipped_definitions"]

SUFFIXES = (".yaml", ".yml")

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


@cache
def shipped_definitions() -> Path:
    """Give the directory of the definitions that ship with funnelflow.

    It is part of the installed package; in a checkout it stands beside `src`.
    """
    package = Path(str(resources.files("funnelflow")))
    inside = package / "definitions"
    return inside if inside.is_dir() else package.parents[1] / "definitions"


@frozen
class Library:
    """Names and where they lead.

    A name is looked for in each of the directories, then among what plugins offer, then
    among what ships with funnelflow. Vocabularies are files in ``vocabularies`` below the
    same directories.

    Attributes:
        directories: Where files are looked for, the nearest first.
        definitions: Definitions that are no files, by name.
        vocabularies: Vocabularies that are no files, by name.
        criteria: The criteria that plugins offer, by name.
        shipped: The last directory to look in; None to leave out what ships.
    """

    directories: tuple[Path, ...] = ()
    definitions: Mapping[str, Definition] = field(factory=dict)
    vocabularies: Mapping[str, Vocabulary] = field(factory=dict)
    criteria: Mapping[str, CriterionProvider] = field(factory=dict)
    shipped: Path | None = field(factory=shipped_definitions)

    def find(self, name: str, besides: Path | None = None) -> Path | None:
        """Give the file of a definition by its name; None if there is none.

        Args:
            name: The name; anything that is no plain name leads nowhere.
            besides: A file to pass over, so that one can extend another of its own name.
        """
        return self._file(name, "", shadowed=name in self.definitions, besides=besides)

    def find_vocabulary(self, name: str) -> Path | None:
        """Give the file of a vocabulary by its name; None if there is none."""
        return self._file(name, "vocabularies", shadowed=name in self.vocabularies, besides=None)

    def names(self) -> tuple[str, ...]:
        """Give the names of all definitions, sorted."""
        return tuple(sorted({*self.definitions, *self._stems("")}))

    def vocabulary_names(self) -> tuple[str, ...]:
        """Give the names of all vocabularies, sorted."""
        return tuple(sorted({*self.vocabularies, *self._stems("vocabularies")}))

    def beside(self, path: Path) -> "Library":
        """Give the library as a file sees it: its own directory comes first."""
        here = path.parent
        if self.directories[:1] == (here,):
            return self
        others = tuple(directory for directory in self.directories if directory != here)
        return evolve(self, directories=(here, *others))

    def _file(self, name: str, folder: str, *, shadowed: bool, besides: Path | None) -> Path | None:
        """Find a file; what a plugin offers comes before what ships."""
        if not _NAME.fullmatch(name):
            return None
        directories = self.directories if shadowed else tuple(self._directories())
        for directory in directories:
            for suffix in SUFFIXES:
                path = directory / folder / f"{name}{suffix}"
                if path.is_file() and path != besides:
                    return path
        return None

    def _directories(self) -> Iterator[Path]:
        yield from self.directories
        if self.shipped is not None:
            yield self.shipped

    def _stems(self, folder: str) -> Iterator[str]:
        """Yield the names of the files in a folder of every directory."""
        for directory in self._directories():
            below = directory / folder
            if below.is_dir():
                yield from (p.stem for p in below.iterdir() if p.suffix in SUFFIXES)
