"""The values that criteria can tell apart, for a field: a few that stand for all.

A criterion that compares a budget with 5,000 cannot tell 6,000 from 7,000. So of each field
only a handful of values matter: one below, at and above every constant it is compared with,
each of its own allowed values, and *unknown*.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from funnelflow.criteria import (
    BOOLEAN,
    DURATION,
    INTEGER,
    TEXT,
    TIMESTAMP,
    Expression,
    Field,
    Type,
    Value,
    constants_of,
    rule_expressions,
)
from funnelflow.definition import Linked

__all__ = ["Samples", "samples_of"]

Samples: TypeAlias = Mapping[str, tuple[Value, ...]]
"""For each field of a contact, the values that stand for all, without *unknown*."""

NOW = dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC)
_OTHER = "something else"
_LONG = dt.timedelta(days=400)
_SAMPLES: Mapping[Type, tuple[Value, ...]] = {
    BOOLEAN: (False, True),
    TIMESTAMP: (NOW - _LONG, NOW),
    DURATION: (dt.timedelta(0), _LONG),
}


def samples_of(definitions: Iterable[Linked]) -> Samples:
    """Collect, over several definitions, the values of fields that their criteria can tell apart.

    Args:
        definitions: The definitions, linked.

    Returns:
        For each field that a criterion reads: values in ascending order, allowed by the field.
    """
    fields: dict[str, Field] = {}
    constants: defaultdict[str, set[Value]] = defaultdict(set)
    for linked in definitions:
        for expression in _expressions(linked):
            for root, name in expression.names:
                if root == "contact" and name in linked.fields:
                    fields.setdefault(name, linked.fields[name])
            for name, value in constants_of(expression):
                constants[name].add(value)
    return {name: tuple(_samples(f, constants[name])) for name, f in fields.items()}


def _expressions(linked: Linked) -> Iterator[Expression]:
    """Yield every expression that a criterion of the definition is made of."""
    for transition in linked.transitions:
        if transition.rule is not None:
            yield from rule_expressions(transition.rule)


def _samples(field: Field, constants: set[Value]) -> Sequence[Value]:
    """Choose the values of one field, in ascending order."""
    if field.choices:
        return sorted(field.choices)
    if field.type.is_numeric:
        return _numbers(field, constants)
    if field.type == TEXT:
        return sorted({_OTHER, *(c for c in constants if isinstance(c, str))})
    return _SAMPLES.get(field.type, ((),))


def _numbers(field: Field, constants: set[Value]) -> Sequence[Value]:
    """Choose numbers at every constant and on both sides of it."""
    marks = sorted({c for c in constants if isinstance(c, int | float)}) or [0]
    around = {value for mark in marks for value in (mark - 1, mark, mark + 1)}
    kind = int if field.type == INTEGER else float
    return sorted({kind(value) for value in around if value >= min(0, marks[0])})
