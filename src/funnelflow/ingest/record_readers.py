"""What reads something from a record: a cell, a member, several joined, and rules about them.

All of it is put together once a file, so that nothing is looked up by name for each row.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from funnelflow.ingest.mapping import FileMapping, Join, Rule, Source

Get: TypeAlias = Callable[[Any], Any]
"""Reads something from a record."""

ABSENT: Any = object()
"""A member that an object has not."""


def rule_finder(rules: Sequence[Rule], get: Callable[[str], Get]) -> Callable[[Any], Rule | None]:
    """Return what finds the first rule that holds for a record.

    Args:
        rules: The rules.
        get: Returns what reads a column by its name.
    """
    compiled = [
        (rule, [(get(one.column), frozenset(one.texts), one.negated) for one in rule.where])
        for rule in rules
    ]

    def find(record: Any) -> Rule | None:
        for rule, conditions in compiled:
            if all((said(read(record)) in texts) != no for read, texts, no in conditions):
                return rule
        return None

    return find


def said(value: Any) -> str:
    """Return a cell or member as the text that conditions are about."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None or value is ABSENT else str(value)


def blank(_record: Any) -> str:
    """Return nothing, as a column that is not there says."""
    return ""


def joiner(join: Join, get: Callable[[str], Get]) -> Callable[[Any], str]:
    """Return what reads the columns of a record that are joined, of each the first that is said."""
    readers = [[get(name) for name in names] for names in join.columns]

    def read(record: Any) -> str:
        parts = [next((t for one in some if (t := said(one(record)))), "") for some in readers]
        text = join.separator.join(part for part in parts if part)
        return join.prefix + text if text else ""

    return read


def getter(mapping: FileMapping, target: str, *, by_own_name: bool = False) -> Get:
    """Return what reads a target from an object: a member, one of several, or some joined.

    Args:
        mapping: What is read from where.
        target: The target.
        by_own_name: Whether it is a member of its own name where the mapping does not name it.
    """
    named = mapping.columns.get(target, target if by_own_name else ())
    sources = named if isinstance(named, tuple) else (named,)
    readers = [_source_reader(source) for source in sources]
    if len(readers) == 1:
        return readers[0]

    def read(record: dict[str, Any]) -> Any:
        return next((v for one in readers if (v := one(record)) not in (ABSENT, None, "")), ABSENT)

    return read


def _source_reader(source: Source) -> Get:
    return member(source) if isinstance(source, str) else joiner(source, _or_none)


def _or_none(name: str) -> Get:
    get = member(name)
    return lambda record: None if (value := get(record)) is ABSENT else value


def member(name: str) -> Get:
    """Return what reads a member; ``traits.email`` is one of an object, unless called just so."""
    if "." not in name:
        return lambda record: record.get(name, ABSENT)
    path = name.split(".")

    def read(record: dict[str, Any]) -> Any:
        if name in record:
            return record[name]
        found: Any = record
        for part in path:
            found = found.get(part, ABSENT) if isinstance(found, dict) else ABSENT
        return found

    return read
