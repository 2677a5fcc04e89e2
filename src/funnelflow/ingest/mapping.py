"""A mapping: what the columns of a file are, and what its texts mean."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

from attrs import evolve, field, frozen

from funnelflow.definition import shipped_definitions
from funnelflow.errors import UnknownNameError, UsageError

TARGETS = ("contact", "event", "at", "actor", "facts", "to", "reason", "key")
"""What a column can be, besides a field."""

HISTORY = ("history.field", "history.value")
"""What two more can be, where a row tells one field and its value."""

FIELD = "field."
"""Begins the target that is a field: ``field.budget``."""

CRM_STAGE = "crm_stage"
"""The field that keeps where a contact stands in the words of another system."""

OTHERS = "*"
"""Stands for all names of events or facts that a mapping does not name."""


@frozen
class Join:
    """Several columns read as one text; blank ones are left out.

    Attributes:
        columns: Their names; several for one are alternatives.
        separator: What is put between them.
        prefix: What is put before them, if anything is said.
    """

    columns: tuple[tuple[str, ...], ...]
    separator: str = " "
    prefix: str = ""

    def __str__(self) -> str:
        """Name the columns as a person would."""
        return " + ".join(names[0] for names in self.columns)


Source: TypeAlias = str | Join
"""Where a target is read from: the name of a column or member, or several joined."""


@frozen
class Condition:
    """What a column must say for a rule to hold; texts are compared without blanks around them.

    Attributes:
        column: The column or member; one that is not there says nothing.
        texts: What it may say; an empty text stands for a blank cell.
        negated: Whether it must say none of these instead.
    """

    column: str
    texts: tuple[str, ...]
    negated: bool = False


@frozen
class Rule:
    """What is made of rows that say something in other columns; the first rule that holds counts.

    Attributes:
        where: What a row must say, all of it.
        leave_out: Nothing is read from such rows.
        sets: Target to the text that stands for it in such rows.
    """

    where: tuple[Condition, ...]
    leave_out: bool = False
    sets: Mapping[str, str] = field(factory=dict)


@frozen
class FileMapping:
    """How a file is read: which column is what, and what its values mean.

    Attributes:
        columns: Target to where it is read from; a target is one of `TARGETS` or `HISTORY`, or
            ``field.NAME``. Several sources are alternatives, of which the first that the file
            has is meant; it need not have any.
        constants: Target to the text that stands for it in every row.
        events: Name of an event in the file to the name in the vocabulary; empty leaves the row
            out. `OTHERS` stands for those that are not named.
        facts: Name within a ``facts`` object, or of a field in a history, to the name of a field;
            empty leaves it out. `OTHERS` as in `events`.
        values: Target to what its texts in the file become; empty text for no value.
        stages: Stage in the words of the file, as the field ``crm_stage`` has it, to the stage in
            which the contact is put by force.
        rows: What is made of rows by what they say in other columns.
        missing: Texts that mean "no value", wherever they stand.
        text_facts: Whether texts within a ``facts`` object are read by the type of their
            field, as cells are, because whoever wrote the file put numbers in quotes.
        timezone: IANA name of the zone of times without an offset; empty for the workspace's.
        decimal: What separates the decimals of numbers; empty for a point, with nothing between
            thousands.
        date_formats: Patterns of times, besides funnelflow's own.
        separator: What separates the items of lists in a cell; empty for a comma.
        match: The field by which contacts are found that the file does not know by their id.
        encoding: The encoding of the file; empty where it is found out.
        delimiter: What separates its cells; empty where it is found out.
        guess: Whether targets that are not named are looked for among well-known names.
    """

    columns: Mapping[str, Source | tuple[Source, ...]] = field(factory=dict)
    constants: Mapping[str, str] = field(factory=dict)
    events: Mapping[str, str] = field(factory=dict)
    facts: Mapping[str, str] = field(factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(factory=dict)
    stages: Mapping[str, str] = field(factory=dict)
    rows: tuple[Rule, ...] = ()
    missing: tuple[str, ...] = ()
    text_facts: bool = False
    timezone: str = ""
    decimal: str = ""
    date_formats: tuple[str, ...] = ()
    separator: str = ""
    match: str = ""
    encoding: str = ""
    delimiter: str = ""
    guess: bool = True

    def named(self, target: str) -> bool:
        """Whether somebody said where a target comes from, in every row or in some."""
        said = target in self.columns or target in self.constants
        return said or any(target in rule.sets for rule in self.rows)

    def column(self, target: str) -> str:
        """Return the column that a target is read from, once it is found; empty for none.

        Of several that are joined, or are alternatives, it is the first.
        """
        names = self.sources(target)
        return names[0] if names else ""

    def sources(self, target: str) -> tuple[str, ...]:
        """Return all the columns that a target is read from, once they are found."""
        said = self.columns.get(target, ())
        every = said if isinstance(said, tuple) else (said,)
        return tuple(name for source in every for name in _names(source))

    def with_columns(self, columns: Mapping[str, str]) -> "FileMapping":
        """Return the same with more columns, which win over those that were there."""
        return evolve(self, columns={**self.columns, **columns})


def _names(source: Source) -> tuple[str, ...]:
    if isinstance(source, str):
        return (source,)
    return tuple(name for names in source.columns for name in names)


def field_target(name: str) -> str:
    """Return the target that is the field of that name."""
    return FIELD + name


def target_label(target: str) -> str:
    """Return what a person calls a target: a field by its bare name."""
    return target.removeprefix(FIELD)


def parse_pairs(pairs: Iterable[str]) -> dict[str, str]:
    """Read ``TARGET=COLUMN`` as somebody types it: ``contact=entity_id``, ``budget=Budget``.

    Whatever is none of `TARGETS` and `HISTORY` is a field; ``field.`` before it says so where a
    field is called like a target.

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
    known = name in TARGETS or name in HISTORY or name.startswith(FIELD)
    return name if known else field_target(name)


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
