"""What could open a transition: its events, with facts that its criteria can tell apart.

Worked out once for each transition of each definition, so that exploring only has to try.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product

from attrs import frozen

from funnelflow.compare.values import Samples
from funnelflow.criteria import BOOLEAN, Field, Fields, Value, rule_expressions
from funnelflow.engine import Funnel

__all__ = ["Opening", "openings_of"]

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
