"""Where the names of definitions and vocabularies are looked up."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from attrs import evolve, field, frozen

from funnelflow.criteria import CustomCall, Type, Value
from funnelflow.definition.model import Definition, Vocabulary


@frozen
class CriterionProvider:
    """A criterion that a definition uses as ``{criterion: name, …arguments}``.

    Attributes:
        name: What definitions call it.
        function: Tells whether it is met: True, False, or None for unknown.
        label: What people read where the definition gives no label.
        parameters: The arguments it takes, with their types.
        provider: The plugin that offers it, for messages.
        reads: The contact's fields it looks at.
        defaults: The arguments that may be left out, with their values.
        version: The version of the plugin; filled in when it is registered.
    """

    name: str
    function: Callable[[CustomCall], bool | None]
    label: str
    parameters: Mapping[str, Type] = field(factory=dict)
    provider: str = ""
    reads: tuple[str, ...] = ()
    defaults: Mapping[str, Value] = field(factory=dict)
    version: str = ""


SUFFIXES = (".yaml", ".yml")

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


@cache
def shipped_definitions() -> Path:
    """Return the directory of the definitions that ship with funnelflow.

    It is part of the installed package; in a checkout it stands beside `src`.
    """
    package = Path(__file__).parents[1]
    inside = package / "definitions"
    return inside if inside.is_dir() else package.parents[1] / "definitions"


class _Offered(NamedTuple):
    """What a plugin offers under a name: a record, which is no file, or a file."""

    is_record: bool
    path: Path | None


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
        files: Files of definitions that stand elsewhere, by name: those that plugins offer.
        vocabulary_files: The same for vocabularies.
        shipped: The last directory to look in; None to leave out what ships.
    """

    directories: tuple[Path, ...] = ()
    definitions: Mapping[str, Definition] = field(factory=dict)
    vocabularies: Mapping[str, Vocabulary] = field(factory=dict)
    criteria: Mapping[str, CriterionProvider] = field(factory=dict)
    files: Mapping[str, Path] = field(factory=dict)
    vocabulary_files: Mapping[str, Path] = field(factory=dict)
    shipped: Path | None = field(factory=shipped_definitions)

    def find(self, name: str, besides: Path | None = None) -> Path | None:
        """Return the file of a definition by its name; None if there is none.

        Args:
            name: The name; anything that is no plain name leads nowhere.
            besides: A file to pass over, so that one can extend another of its own name.
        """
        offered = _Offered(name in self.definitions, self.files.get(name))
        return self._file(name, "", offered, besides)

    def find_vocabulary(self, name: str) -> Path | None:
        """Return the file of a vocabulary by its name; None if there is none."""
        offered = _Offered(name in self.vocabularies, self.vocabulary_files.get(name))
        return self._file(name, "vocabularies", offered, None)

    def names(self) -> tuple[str, ...]:
        """Return the names of all definitions, sorted."""
        return tuple(sorted({*self.definitions, *self.files, *self._stems("")}))

    def vocabulary_names(self) -> tuple[str, ...]:
        """Return the names of all vocabularies, sorted."""
        offered = {*self.vocabularies, *self.vocabulary_files}
        return tuple(sorted({*offered, *self._stems("vocabularies")}))

    def beside(self, path: Path) -> "Library":
        """Return the library as a file sees it: its own directory comes first."""
        here = path.parent
        if self.directories[:1] == (here,):
            return self
        others = tuple(directory for directory in self.directories if directory != here)
        return evolve(self, directories=(here, *others))

    def _file(self, name: str, folder: str, offered: _Offered, besides: Path | None) -> Path | None:
        """Find a file; what a plugin offers comes before what ships."""
        if not _NAME.fullmatch(name):
            return None
        found = _first(self.directories, folder, name, besides)
        if found is not None or offered.is_record:
            return found
        if offered.path is not None and offered.path != besides:
            return offered.path
        return _first((self.shipped,) if self.shipped else (), folder, name, besides)

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


def _first(
    directories: Iterable[Path], folder: str, name: str, besides: Path | None
) -> Path | None:
    """Return the first file of a name in some directories."""
    for directory in directories:
        for suffix in SUFFIXES:
            path = directory / folder / f"{name}{suffix}"
            if path.is_file() and path != besides:
                return path
    return None
