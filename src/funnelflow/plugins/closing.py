"""What becomes of criteria that no plugin offers any more: they are closed, and say so.

A stored definition must be read whatever has become of the plugins it was written with, so
that the history can be shown and contacts listed. A criterion that is missing is unknown,
which opens nothing.
"""

from collections.abc import Iterator
from typing import Any

from attrs import evolve

from funnelflow.criteria import (
    BOOLEAN,
    DURATION,
    INTEGER,
    NUMBER,
    TEXT,
    CustomCall,
    Type,
    list_of,
)
from funnelflow.criteria.rules import CannotTellError
from funnelflow.definition import Criterion, CriterionProvider, Definition, Group, Library

__all__ = ["close_missing"]

_TYPES: dict[type, Type] = {bool: BOOLEAN, int: INTEGER, float: NUMBER, str: TEXT}


def close_missing(library: Library, definition: Definition) -> Library:
    """Give a library in which every criterion of a definition is found, if only closed.

    Args:
        library: What plugins offer is in it.
        definition: The definition that is to be read.
    """
    missing = {
        criterion.function: _stand_in(criterion)
        for criterion in _criteria(definition)
        if criterion.function and criterion.function not in library.criteria
    }
    return evolve(library, criteria={**library.criteria, **missing}) if missing else library


def _criteria(definition: Definition) -> Iterator[Criterion]:
    """Yield every criterion of a definition."""
    waiting: list[Any] = [t.require for t in definition.transitions if t.require is not None]
    while waiting:
        required = waiting.pop()
        if isinstance(required, Group):
            waiting.extend(required.items)
        elif isinstance(required, Criterion):
            yield required


def _stand_in(criterion: Criterion) -> CriterionProvider:
    """Give a criterion that takes whatever the missing one was called with."""
    name = criterion.function
    types = {argument: _type_of(value) for argument, value in criterion.arguments.items()}
    return CriterionProvider(name, _Missing(name), name, types)


class _Missing:
    """Stands in for a criterion that no plugin offers."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, _call: CustomCall) -> bool | None:
        """Say that nobody can tell."""
        raise CannotTellError(
            f"no plugin offers the criterion {self.name!r}: install the one that does, "
            "or adopt a version of the definition that names another"
        )


def _type_of(value: Any) -> Type:
    if isinstance(value, list | tuple):
        return list_of(_type_of(value[0]) if value else TEXT)
    return _TYPES.get(type(value), DURATION)
