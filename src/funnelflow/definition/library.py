"""Where the names of definitions and vocabularies are looked up."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from attrs import evolve, field, frozen

from funnelflow.criteria import CustomCall, Type, Value
from funnelflow.definition.model import NAME, Definition, Vocabulary


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


@cache
def shipped_definitions() -> Path:
    """Return the directory of the definitions that ship with funnelflow.

    It is part of the installed package; in a checkout it stands beside `src`.
    """
    package = Path(__file__).parents[1]
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
        return self._find(name, "", self.definitions, self.files, besides)

    def find_vocabulary(self, name: str) -> Path | None:
        """Return the file of a vocabulary by its name; None if there is none."""
        return self._find(name, "vocabularies", self.vocabularies, self.vocabulary_files)

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

    def _find(
        self,
        name: str,
        folder: str,
        records: Mapping[str, object],
        files: Mapping[str, Path],
        besides: Path | None = None,
    ) -> Path | None:
        """Find a file; what a plugin offers comes before what ships."""
        if not NAME.fullmatch(name):
            return None
        found = _first(self.directories, folder, name, besides)
        if found is not None or name in records:
            return found
        if name in files and files[name] != besides:
            return files[name]
        return _first((self.shipped,), folder, name, besides)

    def _stems(self, folder: str) -> Iterator[str]:
        """Yield the names of the files in a folder of every directory."""
        for directory in filter(None, (*self.directories, self.shipped)):
            below = directory / folder
            if below.is_dir():
                yield from (p.stem for p in below.iterdir() if p.suffix in SUFFIXES)


def _first(
    directories: Iterable[Path | None], folder: str, name: str, besides: Path | None
) -> Path | None:
    """Return the first file of a name in some directories."""
    for directory in filter(None, directories):
        for suffix in SUFFIXES:
            path = directory / folder / f"{name}{suffix}"
            if path.is_file() and path != besides:
                return path
    return None
