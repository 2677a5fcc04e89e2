"""A definition file, read whole: records, the linked definition, and every problem."""

from collections.abc import Mapping
from pathlib import Path

from attrs import define, field, frozen

from funnelflow.criteria import Position
from funnelflow.definition.extending import extend
from funnelflow.definition.file_shapes import (
    DEFINITION,
    STORY,
    DefinitionDraft,
    SharedStory,
    check_shape,
)
from funnelflow.definition.kinds import name_check
from funnelflow.definition.library import Library
from funnelflow.definition.linked import Linked
from funnelflow.definition.linking import examine
from funnelflow.definition.model import Definition, Stage, Vocabulary
from funnelflow.definition.problems import DefinitionError, Place, Problem, Problems, suggest
from funnelflow.definition.shapes import VOCABULARY
from funnelflow.definition.yaml.compose import compose, read_text
from funnelflow.definition.yaml.nodes import MappingNode, Span, position_of
from funnelflow.errors import UsageError
from funnelflow.gc_pause import gc_paused


def load_story(path: Path | str) -> SharedStory:
    """Read a story file.

    Args:
        path: The file.

    Raises:
        DefinitionError: It cannot be read as a story; everything wrong with it is listed.
    """
    name = str(path)
    problems = Problems(name)
    text = read_text(Path(path), problems)
    node = None if text is None else compose(text, name, problems)
    story: SharedStory | None = None
    if isinstance(node, MappingNode):
        story = STORY.read(Place(problems, position_of(name, node)), node)
    if story is None and not problems.has_errors:
        problems.report("F103", Span(Position(name, 1, 1)), "story")
    if story is None or problems.has_errors:
        raise DefinitionError(problems.all(), {} if text is None else {name: text})
    return story


_SPEAK = "name a definition that speaks it"
_OF_DEFINITIONS = {"funnel", "initial", "stages", "transitions", "extends"}
"""Keys that a vocabulary never has."""
_OF_VOCABULARY = ("E", "F204", "F205", "F214")
"""How the codes begin of what goes wrong when there is no vocabulary."""
_OF_BASE = ("F203", "F401", "F402")
"""And of what goes wrong when what is extended is missing."""


@frozen
class LoadedFile:
    """What came of reading a definition file.

    Attributes:
        definition: The records, as far as they could be read.
        linked: What the engine runs; None when there are errors.
        problems: Everything that is wrong, in the order of the file.
        sources: The text of every file that was read, by path.
    """

    definition: Definition | None
    linked: Linked | None
    problems: tuple[Problem, ...]
    sources: Mapping[str, str]


def read_definition(
    path: Path | str, library: Library | None = None, *, text: str | None = None
) -> LoadedFile:
    """Read a definition file with all it builds on, and find everything that is wrong.

    Args:
        path: The file.
        library: Where the vocabulary, what is extended and plugins' criteria are looked up,
            after the file's own directory.
        text: What is read instead of the file, whose path is a name then, and has no directory.

    Returns:
        The reading; whatever is in the file, nothing is raised.
    """
    given = {} if text is None else {Path(path): text.encode("utf-8", "surrogatepass")}
    with gc_paused():
        return _read(Path(path), library or Library(), given)


def _read(path: Path, library: Library, given: Mapping[Path, bytes]) -> LoadedFile:
    reader = _Reader(library, Problems(str(path)), given)
    found = reader.definition(path)
    if found is None:
        return LoadedFile(None, None, reader.problems.all(), reader.sources)
    examined = examine(found, library, reading=reader.problems)
    reader.problems.extend(p for p in examined.problems if not reader.is_echo(p))
    if reader.is_vocabulary:
        return LoadedFile(None, None, reader.problems.all(), reader.sources)
    linked = None if reader.problems.has_errors else examined.linked
    return LoadedFile(found, linked, reader.problems.all(), reader.sources)


def load_definition(path: Path | str, library: Library | None = None) -> Linked:
    """Read a definition file that is expected to be sound.

    Args:
        path: The file.
        library: Where names are looked up, after the file's own directory.

    Raises:
        DefinitionError: It has errors; all of them are listed.
        UsageError: It is a vocabulary.
    """
    reading = read_definition(path, library)
    if reading.linked is None:
        if not any(problem.severity == "error" for problem in reading.problems):
            raise UsageError(f"{path} is a vocabulary, not a definition", hint=_SPEAK)
        raise DefinitionError(reading.problems, reading.sources)
    return reading.linked


def read_vocabulary(path: Path | str) -> tuple[Vocabulary | None, tuple[Problem, ...]]:
    """Read a vocabulary file by itself; its expressions are checked with a definition."""
    reader = _Reader(Library(), Problems(str(path)))
    return reader.vocabulary_file(Path(path)), reader.problems.all()


@define
class _Reader:
    """Reads a file and those it names.

    Attributes:
        library: Where names are looked up, after a file's own directory.
        problems: Where everything wrong is reported.
        given: What is read instead of files, by path.
        sources: The text of every file that was read, by path.
        echoes: How the codes begin of what only says again that a file could not be read.
        is_vocabulary: Whether the file holds a vocabulary.
        extending: The files that are being read, each extended by the one before it.
    """

    library: Library
    problems: Problems
    given: Mapping[Path, bytes] = field(factory=dict)
    sources: dict[str, str] = field(factory=dict)
    echoes: tuple[str, ...] = ()
    is_vocabulary: bool = False
    extending: list[Path] = field(factory=list)

    def is_echo(self, problem: Problem) -> bool:
        """Whether a problem only says again that another file could not be read."""
        return problem.code.startswith(self.echoes)

    def definition(self, path: Path) -> Definition | None:
        """Read a definition with what it builds on; a vocabulary gets a stage to stand in."""
        node = self._node(path)
        if node is None:
            return None
        if "vocabulary" in node.values and not node.values.keys() & _OF_DEFINITIONS:
            self.is_vocabulary = not self.extending
            place = self._place(path, node)
            spoken = VOCABULARY.read(place, node)
            name_check("vocabulary")(place.part("vocabulary"), spoken.name)
            return Definition(spoken.name, spoken, "end", (Stage("end", type="won"),))
        read: DefinitionDraft = DEFINITION.read(self._place(path, node), node)
        self.extending.append(path.resolve())
        base = self._base(read, path) if read.extends else None
        self.extending.pop()
        if read.extends and base is None:
            self.problems.is_partial = True
            self.echoes += (*_OF_BASE, *_OF_VOCABULARY)
        return extend(base, read, self._vocabulary(read, path), self.problems)

    def vocabulary_file(self, path: Path) -> Vocabulary | None:
        """Read a vocabulary."""
        node = self._node(path)
        return None if node is None else VOCABULARY.read(self._place(path, node), node)

    def _beside(self, path: Path) -> Library:
        return self.library if path in self.given else self.library.beside(path)

    def _place(self, path: Path, node: MappingNode) -> Place:
        return Place(self.problems, position_of(str(path), node))

    def _node(self, path: Path) -> MappingNode | None:
        """Read the nodes of a file; None when there is nothing to go on with."""
        text = read_text(path, self.problems, self.given.get(path))
        if text is None:
            return None
        name = str(path)
        self.sources[name] = text
        had = len(self.problems.found)
        node = compose(text, name, self.problems)
        if isinstance(node, MappingNode):
            return node
        start = Span(Position(name, 1, 1))
        if node is not None:
            self.problems.report("F103", start, "file")
        elif len(self.problems.found) == had:
            self.problems.report("F001", start, "comments")
        return None

    def _base(self, read: DefinitionDraft, path: Path) -> Definition | None:
        """Read the definition that a file extends."""
        name, place = read.extends, Place(self.problems, read.own.position).part("extends")
        beside = self._beside(path)
        found = beside.find(name, besides=path)
        if found is None and name in self.library.definitions:
            return check_shape(self.library.definitions[name], self.problems)
        if found is None:
            known = suggest(name, beside.names())
            place.report("F207", "definition", suggestion=known, name=name)
            return None
        if found.resolve() in self.extending:
            place.report("F601", name=name)
            return None
        had = len(self.problems.found)
        base = self.definition(found)
        if any(p.severity == "error" for p in self.problems.found[had:]):
            place.report("F602", name=name, path=str(found))
        return base

    def _vocabulary(self, read: DefinitionDraft, path: Path) -> Vocabulary | None:
        """Read the vocabulary that a file names; None when it names none, or there is none."""
        name = read.vocabulary
        if not name:
            return None
        beside = self._beside(path)
        found = beside.find_vocabulary(name)
        if found is not None:
            vocabulary = self.vocabulary_file(found)
            self.echoes += _OF_VOCABULARY if vocabulary is None else ()
            return vocabulary
        if name in self.library.vocabularies:
            offered = self.library.vocabularies[name]
            place = Place(self.problems, offered.position, f"vocabulary {name!r}")
            checked: Vocabulary = VOCABULARY.check(place, offered)
            return checked
        known = suggest(name, beside.vocabulary_names())
        place = Place(self.problems, read.own.position).part("vocabulary")
        place.report("F207", "vocabulary", suggestion=known, name=name)
        self.echoes += _OF_VOCABULARY
        return None
