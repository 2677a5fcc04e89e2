"""What the columns of somebody's file mean here."""

from collections.abc import Iterable, Mapping

from attrs import evolve, field, frozen

from funnelflow.errors import UsageError

__all__ = ["FIELD", "TARGETS", "FileMapping", "field_target", "parse_pairs", "target_label"]

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
