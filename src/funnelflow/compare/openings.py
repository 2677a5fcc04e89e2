"""What could open a transition: its events, with facts that its criteria can tell apart.

Worked out once for each transition of each definition, so that exploring only has to try.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, product
from typing import TypeAlias

from attrs import frozen

from funnelflow.criteria import (
    BOOLEAN,
    DURATION,
    INTEGER,
    TEXT,
    TIMESTAMP,
    Expression,
    Field,
    Fields,
    Type,
    Value,
    constants_of,
    rule_expressions,
)
from funnelflow.definition import Linked
from funnelflow.engine import Funnel

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


MOST_COMBINATIONS = 600
"""How many combinations of values are kept for one transition, the smallest first."""
MOST_DRAWN = 20_000
"""How many are looked at to find them."""


@frozen
class Opening:
    """What could open one transition.

    Attributes:
        index: The transition's place in the definition.
        reads: The fields of the contact that its criteria read.
        tellable: Facts that somebody could tell, in every combination, the fewest first.
        single: One such fact at a time, for when no combination is enough by itself.
        takers: The events that take it, each with facts about the event alone; ``set`` for an
            automatic one.
        helpers: The events that derive a field it reads, likewise.
        by: The roles that may take it.
    """

    index: int
    reads: tuple[str, ...]
    tellable: Sequence[Fields]
    single: Sequence[Fields]
    takers: Sequence[tuple[str, Fields]]
    helpers: Sequence[tuple[str, Fields]]
    by: tuple[str, ...]


def openings_of(funnel: Funnel, samples: Samples) -> Mapping[int, Opening]:
    """Work out what could open each transition of a definition, by its index.

    Args:
        funnel: The definition.
        samples: The values that stand for all, over every definition that is compared.
    """
    derived = _derived(funnel)
    return {t.index: _opening(funnel, t.index, samples, derived) for t in funnel.linked.transitions}


def _opening(
    funnel: Funnel, index: int, samples: Samples, derived: Mapping[str, set[str]]
) -> Opening:
    linked = funnel.linked.transitions[index]
    expressions = () if linked.rule is None else tuple(rule_expressions(linked.rule))
    names = {pair for expression in expressions for pair in expression.names}
    reads = sorted({name for root, name in names if root == "contact"})
    asked = [name for name in reads if name in samples and name not in derived]
    written = linked.transition
    takers = written.on or (() if written.after is not None else ("set",))
    helpers = sorted({event for name in reads for event in derived.get(name, ())})
    return Opening(
        index=index,
        reads=tuple(reads),
        tellable=_combinations(asked, samples),
        single=[{name: value} for name in asked for value in samples[name]],
        takers=[(name, own) for name in takers for own in _own_facts(funnel, name, names)],
        helpers=[(name, own) for name in helpers for own in _own_facts(funnel, name, set())],
        by=written.by,
    )


def _combinations(asked: Sequence[str], samples: Samples) -> Sequence[Fields]:
    """Combine the values of some fields, and nothing about a field, the fewest facts first."""
    options = [(None, *samples[name]) for name in asked]
    drawn = sorted(
        islice(product(*options), MOST_DRAWN), key=lambda values: sum(v is not None for v in values)
    )
    return [
        {name: v for name, v in zip(asked, values, strict=True) if v is not None}
        for values in drawn[:MOST_COMBINATIONS]
    ]


def _own_facts(funnel: Funnel, name: str, names: set[tuple[str, str]]) -> Iterator[Fields]:
    """Yield the facts about an event alone that matter: to criteria, or to what it sets."""
    declared = funnel.linked.events.get(name)
    if declared is None:
        yield {}
        return
    sets = {pair for _, value in declared.sets for pair in value.names}
    read = {n for root, n in sets | names if root == "event"}
    own = [f for n, f in sorted(declared.event.fields.items()) if n in read]
    for values in product(*(_values_of(f) for f in own)):
        yield {f.name: v for f, v in zip(own, values, strict=True) if v is not None}


def _values_of(field: Field) -> Sequence[Value | None]:
    """Choose the values of a field of an event; None for a type of which none stands for all."""
    if field.choices:
        return field.choices
    if field.type == BOOLEAN:
        return (False, True)
    return (field.normalise(1),) if field.type.is_numeric else (None,)


def _derived(funnel: Funnel) -> Mapping[str, set[str]]:
    """Map the fields that events derive to those events; nobody tells them directly."""
    derived: dict[str, set[str]] = {}
    for name, event in funnel.linked.events.items():
        for target, _ in event.sets:
            derived.setdefault(target, set()).add(name)
    return derived
