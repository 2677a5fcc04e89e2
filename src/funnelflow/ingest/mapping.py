"""Mapping files: a mapping kept as TOML, to be used again and to be edited.

.. code-block:: toml

    timezone = "Europe/Berlin"
    missing = ["Select", "-"]

    [columns]                      # what it is here = what the column is called there
    contact = "Prospect ID"
    at = ["Created", "Create Date"]   # whichever the file has

    [fields]
    source = "Lead Source"

    [constants]                    # the same in every row
    event = "form_submitted"

    [events]                       # events: there = here
    A_SUBMITTED = "submitted"

    [values.source]                # what a field's values mean: there = here
    "Olark Chat" = "chat"
"""

import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from attrs import evolve, field, frozen

from funnelflow.definition import shipped_definitions
from funnelflow.errors import ConfigurationError, UnknownNameError, UsageError, nearest

TARGETS = ("contact", "event", "at", "actor", "facts", "to", "reason", "key")
"""What a column can be, besides a field."""

FIELD = "field."
"""Begins the target that is a field: ``field.budget``."""


@frozen
class FileMapping:
    """How a file is read: which column is what, and what its values mean.

    Attributes:
        columns: Target to the name of the column or member; a target is one of `TARGETS` or
            ``field.NAME``. Several names are alternatives, of which the first that the file
            has is meant; it need not have any.
        constants: Target to the text that stands for it in every row.
        events: Name of an event in the file to the name in the vocabulary.
        facts: Name within a ``facts`` object to the name of a field; empty leaves it out.
        values: Target to what its texts in the file become; empty text for no value.
        missing: Texts that mean "no value", wherever they stand.
        text_facts: Whether texts within a ``facts`` object are read by the type of their
            field, as cells are, because whoever wrote the file put numbers in quotes.
        timezone: IANA name of the zone of times without an offset; empty for the workspace's.
        guess: Whether targets that are not named are looked for among well-known names.
    """

    columns: Mapping[str, str | tuple[str, ...]] = field(factory=dict)
    constants: Mapping[str, str] = field(factory=dict)
    events: Mapping[str, str] = field(factory=dict)
    facts: Mapping[str, str] = field(factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(factory=dict)
    missing: tuple[str, ...] = ()
    text_facts: bool = False
    timezone: str = ""
    guess: bool = True

    def named(self, target: str) -> bool:
        """Tell whether somebody said where a target comes from."""
        return target in self.columns or target in self.constants

    def column(self, target: str) -> str:
        """Give the column that a target is read from, once it is found; empty for none."""
        column = self.columns.get(target, "")
        return column if isinstance(column, str) else ""

    def with_columns(self, columns: Mapping[str, str]) -> "FileMapping":
        """Give the same with more columns, which win over those that were there."""
        return evolve(self, columns={**self.columns, **columns})


def field_target(name: str) -> str:
    """Give the target that is the field of that name."""
    return FIELD + name


def target_label(target: str) -> str:
    """Give what a person calls a target: a field by its bare name."""
    return target.removeprefix(FIELD)


def parse_pairs(pairs: Iterable[str]) -> dict[str, str]:
    """Read ``TARGET=COLUMN`` as somebody types it: ``contact=entity_id``, ``budget=Budget``.

    Whatever is none of `TARGETS` is a field; ``field.`` before it says so where a field is
    called like a target.

    Raises:
        UsageError: A pair is none, or two name the same target.
    """
    columns: dict[str, str] = {}
    for pair in pairs:
        left, equals, column = pair.partition("=")
        target, column = read_target(left), column.strip()
        if not (equals and left.strip() and column):
            raise UsageError(
                f"{pair!r} does not map a column",
                hint="write TARGET=COLUMN, such as contact=entity_id or budget='Budget EUR'",
            )
        if target in columns:
            raise UsageError(
                f"{target_label(target)} is mapped twice, to {columns[target]!r} and {column!r}",
                hint="leave one of them out",
            )
        columns[target] = column
    return columns


def read_target(text: str) -> str:
    """Give the target that a person means."""
    name = text.strip()
    return name if name in TARGETS or name.startswith(FIELD) else field_target(name)


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


T = TypeVar("T")

_MAX_SIZE = 1 << 20


def read_mapping(path: str | Path) -> FileMapping:
    """Read a mapping file.

    Raises:
        ConfigurationError: It cannot be read, or says what no mapping file says.
    """
    return _Reading(str(path)).mapping(_load(Path(path)))


def write_mapping(path: str | Path, mapping: FileMapping) -> None:
    """Keep a mapping in a file, which `read_mapping` reads back as it was.

    Raises:
        ConfigurationError: The file cannot be written.
    """
    try:
        Path(path).write_text(mapping_text(mapping), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written: {error.strerror}") from error


def mapping_text(mapping: FileMapping) -> str:
    """Write a mapping as TOML."""
    plain = {t: c for t, c in mapping.columns.items() if not t.startswith(FIELD)}
    fields = {t.removeprefix(FIELD): c for t, c in mapping.columns.items() if t.startswith(FIELD)}
    head = [
        *([f"timezone = {_quoted(mapping.timezone)}"] if mapping.timezone else []),
        *([f"missing = {_value(mapping.missing)}"] if mapping.missing else []),
        *(["text_facts = true"] if mapping.text_facts else []),
        *([] if mapping.guess else ["guess = false"]),
    ]
    tables: dict[str, Mapping[str, Any]] = {
        "columns": plain,
        "fields": fields,
        "constants": mapping.constants,
        "events": mapping.events,
        "facts": mapping.facts,
        **{f"values.{_quoted(t)}": texts for t, texts in mapping.values.items()},
    }
    shown = [_table(name, pairs) for name, pairs in tables.items() if pairs]
    return "\n\n".join(["\n".join(head), *shown] if head else shown) + "\n"


def _table(name: str, pairs: Mapping[str, str | tuple[str, ...]]) -> str:
    return "\n".join([f"[{name}]", *(f"{_quoted(k)} = {_value(v)}" for k, v in pairs.items())])


def _value(value: str | tuple[str, ...]) -> str:
    return _quoted(value) if isinstance(value, str) else f"[{', '.join(map(_quoted, value))}]"


def _quoted(text: str) -> str:
    """Write a basic string."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def _load(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_SIZE + 1)
        if len(content) > _MAX_SIZE:
            raise ConfigurationError(f"{path}: this is too large to be a mapping file")
        return tomllib.loads(content.decode())
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: a mapping file is UTF-8 text") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{path}: this is no TOML: {error}") from None


class _Reading:
    """Turns the content of one file into a mapping, and names the file in what is wrong."""

    def __init__(self, path: str) -> None:
        self._path = path

    def mapping(self, content: dict[str, Any]) -> FileMapping:
        readers: dict[str, Callable[[str, Any], Any]] = {
            "columns": self._columns,
            "fields": self._fields,
            "constants": self._constants,
            "events": self._texts,
            "facts": self._texts,
            "values": self._values,
            "missing": self._list,
            "text_facts": self._truth,
            "timezone": self._text,
            "guess": self._truth,
        }
        said: dict[str, Any] = {}
        for name, raw in content.items():
            if name not in readers:
                raise self._unknown(name, readers)
            said[name] = readers[name](name, raw)
        fields = said.pop("fields", {})
        said["columns"] = {**said.get("columns", {}), **fields}
        return FileMapping(**said)

    def _columns(self, name: str, raw: Any) -> dict[str, str | tuple[str, ...]]:
        """Read targets with their column, or with alternatives."""
        if not isinstance(raw, dict):
            raise self._error(f'[{name}] must be a table of texts: here = "there"')
        several = {t: self._list(f"{name}.{t}", c) for t, c in raw.items() if isinstance(c, list)}
        one = self._texts(name, {t: c for t, c in raw.items() if t not in several})
        return self._targets(name, {t: several[t] if t in several else one[t] for t in raw})

    def _constants(self, name: str, raw: Any) -> dict[str, str]:
        return self._targets(name, self._texts(name, raw))

    def _targets(self, name: str, found: dict[str, T]) -> dict[str, T]:
        """Refuse a target that there is not."""
        for target in found:
            if target not in TARGETS and not target.startswith(FIELD):
                raise self._error(
                    f"[{name}] has {target!r}, which is none of {', '.join(TARGETS)}",
                    "fields stand under [fields]",
                )
        return found

    def _fields(self, name: str, raw: Any) -> dict[str, str | tuple[str, ...]]:
        if not isinstance(raw, dict):
            raise self._error(f'[{name}] must be a table of texts: here = "there"')
        return self._columns(name, {field_target(field): said for field, said in raw.items()})

    def _values(self, name: str, raw: Any) -> dict[str, dict[str, str]]:
        if not isinstance(raw, dict):
            raise self._error(f"{name} must be tables, such as [values.source]")
        return {read_target(k): self._texts(f"{name}.{k}", texts) for k, texts in raw.items()}

    def _texts(self, name: str, raw: Any) -> dict[str, str]:
        if not isinstance(raw, dict) or not all(isinstance(text, str) for text in raw.values()):
            raise self._error(f'[{name}] must be a table of texts: here = "there"')
        return dict(raw)

    def _list(self, name: str, raw: Any) -> tuple[str, ...]:
        if not isinstance(raw, list) or not all(isinstance(text, str) for text in raw):
            raise self._error(f'{name} must be a list of texts: {name} = ["Select"]')
        return tuple(raw)

    def _text(self, name: str, raw: Any) -> str:
        if not isinstance(raw, str):
            raise self._error(f"{name} must be a text")
        return raw

    def _truth(self, name: str, raw: Any) -> bool:
        if not isinstance(raw, bool):
            raise self._error(f"{name} must be true or false")
        return raw

    def _unknown(self, name: str, known: Mapping[str, Any]) -> ConfigurationError:
        guess = nearest(name, known)
        hint = f"did you mean {guess!r}?" if guess else f"it may have: {', '.join(known)}"
        return self._error(f"a mapping file has no {name!r}", hint)

    def _error(self, message: str, hint: str = "") -> ConfigurationError:
        return ConfigurationError(f"{self._path}: {message}", hint=hint)
