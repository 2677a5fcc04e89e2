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
    at = "now"                     # the time at which a row is read, as in a column of times

    [events]                       # events: there = here
    A_SUBMITTED = "submitted"

    [values.source]                # what a field's values mean: there = here
    "Olark Chat" = "chat"
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen

from funnelflow.definition import shipped_definitions
from funnelflow.errors import ConfigurationError, UnknownNameError, UsageError, nearest
from funnelflow.toml_source import TomlSource, load_toml

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
        """Whether somebody said where a target comes from."""
        return target in self.columns or target in self.constants

    def column(self, target: str) -> str:
        """Return the column that a target is read from, once it is found; empty for none."""
        column = self.columns.get(target, "")
        return column if isinstance(column, str) else ""

    def with_columns(self, columns: Mapping[str, str]) -> "FileMapping":
        """Return the same with more columns, which win over those that were there."""
        return evolve(self, columns={**self.columns, **columns})


def field_target(name: str) -> str:
    """Return the target that is the field of that name."""
    return FIELD + name


def target_label(target: str) -> str:
    """Return what a person calls a target: a field by its bare name."""
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
    """Return the target that a person means."""
    name = text.strip()
    return name if name in TARGETS or name.startswith(FIELD) else field_target(name)


_FOLDER = "mappings"


def find_mapping(name: str, directory: Path) -> Path:
    """Return the mapping file that somebody means: a path, or a name such as ``hubspot-contacts``.

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
    """Return the names of the mapping files of a workspace and those that are shipped, sorted."""
    return tuple(sorted({p.stem for folder in _folders(directory) for p in folder.glob("*.toml")}))


def _folders(directory: Path) -> tuple[Path, ...]:
    return (directory / _FOLDER, shipped_definitions() / _FOLDER)


_MAX_SIZE = 1 << 20
_KEYS = (
    *("columns", "fields", "constants", "events", "facts"),
    *("values", "missing", "text_facts", "timezone", "guess"),
)


def read_mapping(path: str | Path) -> FileMapping:
    """Read a mapping file.

    Raises:
        ConfigurationError: It cannot be read, or says what no mapping file says.
    """
    path = Path(path)
    if path.is_file() and path.stat().st_size > _MAX_SIZE:
        raise ConfigurationError("this is too large to be a mapping file", path=path)
    content, source = load_toml(path)
    for name in content:
        if name not in _KEYS:
            guess = nearest(name, _KEYS)
            hint = f"did you mean {guess!r}?" if guess else f"it may have: {', '.join(_KEYS)}"
            raise source.error(f"a mapping file has no {name!r}", name, hint=hint)
    return _Reader(content, source).mapping()


@frozen
class _Reader:
    """Reads the values of one file; what is wrong is said with where it stands.

    Attributes:
        content: What the file says.
        source: Where.
    """

    content: Mapping[str, Any]
    source: TomlSource

    def mapping(self) -> FileMapping:
        """Return what all of the file says."""
        fields = {field_target(name): column for name, column in self.columns("fields").items()}
        return FileMapping(
            columns={**self.targets("columns", self.columns("columns")), **fields},
            constants=self.targets("constants", self.texts("constants")),
            events=self.texts("events"),
            facts=self.texts("facts"),
            values={read_target(name): self.texts("values", name) for name in self.table("values")},
            missing=self.text_list(self.content.get("missing", []), "missing"),
            text_facts=self.truth("text_facts", default=False),
            timezone=self.text(self.content.get("timezone", ""), "timezone"),
            guess=self.truth("guess", default=True),
        )

    def columns(self, name: str) -> dict[str, str | tuple[str, ...]]:
        """Return targets with their column, or with alternatives."""
        return {
            target: (self.text_list if isinstance(said, list) else self.text)(said, name, target)
            for target, said in self.table(name).items()
        }

    def targets(self, name: str, found: dict[str, Any]) -> dict[str, Any]:
        """Return what a table says of targets; refuse one that there is not."""
        for target in found:
            if target not in TARGETS and not target.startswith(FIELD):
                reason = f"`{target}` in [{name}] must be one of {', '.join(TARGETS)}"
                hint = "fields stand under [fields]"
                raise self.source.error(reason, name, target, hint=hint)
        return found

    def texts(self, *keys: str) -> dict[str, str]:
        """Return a table of texts."""
        return {name: self.text(said, *keys, name) for name, said in self.table(*keys).items()}

    def table(self, *keys: str) -> Mapping[str, Any]:
        """Return a table; an empty one where the file has none."""
        found: Any = self.content
        for key in keys:
            found = found.get(key, {})
        if isinstance(found, dict):
            return found
        name = ".".join(keys)
        raise self.mistake(keys, "a table", found, f'write it as [{name}], with here = "there"')

    def text_list(self, found: Any, *keys: str) -> tuple[str, ...]:
        """Return what stands under `keys` as texts."""
        if isinstance(found, list):
            return tuple(self.text(text, *keys, number) for number, text in enumerate(found))
        raise self.mistake(keys, "a list of texts", found, f'write {keys[-1]} = ["…"]')

    def text(self, found: Any, *keys: str | int) -> str:
        """Return what stands under `keys` as text."""
        if isinstance(found, str):
            return found
        raise self.mistake(keys, "text", found, "put it in quotes")

    def truth(self, name: str, *, default: bool) -> bool:
        """Return what is true or false."""
        found = self.content.get(name, default)
        if isinstance(found, bool):
            return found
        raise self.mistake([name], "true or false", found, "write it without quotes")

    def mistake(
        self, keys: Sequence[str | int], rule: str, found: Any, hint: str
    ) -> ConfigurationError:
        """Return the error that something is not what it must be."""
        name = ".".join(map(str, keys))
        kind = next(words for kinds, words in _KINDS if isinstance(found, kinds))
        reason = f"`{name}` must be {rule}, but this is {kind}"
        return self.source.error(reason, *keys, hint=hint)


_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (str, "text"),
    (bool, "true or false"),
    ((int, float), "a number"),
    (list, "a list"),
    (dict, "a table"),
    ((dt.date, dt.time), "a date or time"),
)
"""What a value in TOML is, in words; the first that fits."""


def write_mapping(path: str | Path, mapping: FileMapping) -> None:
    """Write a mapping to a file, which `read_mapping` reads back as it was.

    Raises:
        ConfigurationError: The file cannot be written.
    """
    try:
        Path(path).write_text(mapping_text(mapping), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"cannot be written: {error.strerror}", path=Path(path)) from error


def mapping_text(mapping: FileMapping) -> str:
    """Return a mapping as TOML."""
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
    """Return a basic string of TOML."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if character.isprintable() else f"\\U{ord(character):08x}"
