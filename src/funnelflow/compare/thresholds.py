"""One literal of a definition is changed: the value that a field is compared with in `require`."""

import datetime as dt
import json
from collections.abc import Callable, Iterator
from typing import Any

from attrs import evolve, frozen

from funnelflow.criteria import DURATION, Field, duration_words, rule_expressions
from funnelflow.criteria.times import timestamp_json
from funnelflow.criteria.tree import Compare, Constant, Node, Read, walk
from funnelflow.definition import (
    Criterion,
    Definition,
    Group,
    Linked,
    Requirement,
)
from funnelflow.errors import FieldError, UnknownNameError, UsageError


@frozen
class Threshold:
    """A literal with which a criterion compares a field.

    Attributes:
        field: The field.
        label: The criterion's label.
        source: The source of its expression.
        operator: How it compares; the field, or what is computed of it, stands at its left.
        value: The literal's value.
        start: Where the literal begins in the source.
        end: Where it ends.
        stages: The stages into which transitions with this criterion lead.
    """

    field: Field
    label: str
    source: str
    operator: str
    value: Any
    start: int
    end: int
    stages: tuple[str, ...]

    def read(self, value: Any) -> Any:
        """Return another value for it, as it is typed or as it is.

        Raises:
            FieldError: It is no value to compare the field with.
        """
        kind = _kind_of(self)
        found = kind.parse(value) if isinstance(value, str) else kind.normalise(value)
        if found is None:
            raise FieldError(f"{self.field.name} is compared with nothing", hint="name a value")
        if isinstance(found, float) and found.is_integer() and isinstance(self.value, int):
            return int(found)
        return found

    def changed(self, source: str, value: Any) -> str:
        """Return a source of the same meaning with another value in the literal's place."""
        return f"{source[: self.start]}{_written(value)}{source[self.end :]}"


_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def thresholds(linked: Linked, field: str) -> tuple[Threshold, ...]:
    """Return the literals that a field is compared with in what transitions require, each once.

    Raises:
        UnknownNameError: There is no such field.
    """
    if field not in linked.fields:
        raise UnknownNameError("field", field, linked.fields)
    found: dict[tuple[str, str, int], Threshold] = {}
    for transition in linked.transitions:
        trees = {} if transition.rule is None else _trees(transition.rule)
        for criterion in _criteria(transition.transition.require):
            tree = trees.get(criterion.expression)
            for one in () if tree is None else _in_tree(tree, criterion, field):
                key = one.label, one.source, one.start
                stages = found[key].stages if key in found else ()
                found[key] = evolve(one, stages=(*stages, transition.to))
    return tuple(evolve(t, stages=tuple(dict.fromkeys(t.stages))) for t in found.values())


def the_threshold(linked: Linked, field: str, label: str = "") -> Threshold:
    """Return the one literal that a field is compared with.

    Args:
        linked: The definition.
        field: The field.
        label: The criterion's label, where several compare the field; its beginning is enough.

    Raises:
        UnknownNameError: There is no such field.
        UsageError: It is compared with no literal, or with several.
    """
    name = linked.definition.name
    every = thresholds(linked, field)
    found = [one for one in every if one.label.casefold().startswith(label.casefold())]
    if len(found) == 1:
        return found[0]
    if not every:
        raise UsageError(
            f"no criterion of {name} compares {field} with a value",
            hint=f"see its criteria: funnelflow show {name}",
        )
    said = [f"{one.label!r} ({one.source})" for one in found or every]
    raise UsageError(
        f"{len(said)} values are compared with {field}: {', '.join(said)}"
        if found
        else f"no criterion with {field} has a label like {label!r}: {', '.join(said)}",
        hint=f"say which: --label {json.dumps((found or every)[0].label, ensure_ascii=False)}",
    )


def with_threshold(definition: Definition, threshold: Threshold, value: Any) -> Definition:
    """Return a definition with another value in a literal's place.

    Every criterion with that label and expression changes, as those of a block do that several
    transitions use; and so does what is promised in the same words.
    """

    def change(criterion: Criterion) -> Criterion:
        if (criterion.label, criterion.expression) != (threshold.label, threshold.source):
            return criterion
        return evolve(criterion, expression=threshold.changed(criterion.expression, value))

    def follow(promise: str) -> str:
        return threshold.changed(promise, value) if promise == threshold.source else promise

    vocabulary = definition.vocabulary
    return evolve(
        definition,
        transitions=tuple(
            t if t.require is None else evolve(t, require=_mapped(t.require, change))
            for t in definition.transitions
        ),
        always=tuple(
            evolve(
                promise,
                needs=follow(promise.needs),
                on_entry=follow(promise.on_entry),
            )
            for promise in definition.always
        ),
        vocabulary=evolve(
            vocabulary,
            criteria={n: _mapped(block, change) for n, block in vocabulary.criteria.items()},
        ),
    )


def _mapped(item: Any, change: Callable[[Criterion], Criterion]) -> Any:
    """Return a requirement with every criterion changed; the same where none is."""
    if isinstance(item, Criterion):
        return change(item)
    items = tuple(_mapped(inner, change) for inner in item.items)
    same = all(new is old for new, old in zip(items, item.items, strict=True))
    return item if same else evolve(item, items=items)


def _criteria(item: Requirement | None) -> Iterator[Criterion]:
    """Yield the criteria themselves that a transition requires."""
    if isinstance(item, Group):
        for inner in item.items:
            yield from _criteria(inner)
    elif item is not None:
        yield item


def _trees(rule: Any) -> dict[str, Node]:
    return {expression.source: expression.tree for expression in rule_expressions(rule)}


def _in_tree(tree: Node, criterion: Criterion, field: str) -> Iterator[Threshold]:
    """Yield the literals with which a criterion compares a field of the contact."""
    for node in walk(tree):
        if not isinstance(node, Compare):
            continue
        for side, other, operator in (
            (node.left, node.right, node.operator),
            (node.right, node.left, _TURNED[node.operator]),
        ):
            reads = [part for part in walk(side) if isinstance(part, Read)]
            names = {part.field.name for part in reads if part.root == "contact"}
            if isinstance(other, Constant) and names == {field}:
                yield Threshold(
                    reads[0].field,
                    criterion.label,
                    criterion.expression,
                    operator,
                    other.value,
                    other.start,
                    other.end,
                    (),
                )


def _kind_of(threshold: Threshold) -> Field:
    """Return the field whose values the literal may have: the compared one, or a length of time."""
    value, field = threshold.value, threshold.field
    if isinstance(value, dt.timedelta):
        return Field(field.name, DURATION)
    return field


def _written(value: Any) -> str:
    """Return a value as a literal of an expression."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return f'timestamp("{timestamp_json(value)}")'
    if isinstance(value, dt.timedelta):
        return f'duration("{value // dt.timedelta(microseconds=1)}us")'
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return repr(int(value)) if float(value).is_integer() else repr(value)


def values_around(threshold: Threshold) -> tuple[Any, ...]:
    """Return values below and above a literal, for a curve; none for what is no number."""
    value = threshold.value
    if isinstance(value, bool | str | dt.datetime) or not value:
        return ()
    return tuple(dict.fromkeys(_scaled(value, quarters) for quarters in (1, 2, 3, 4, 5, 6, 8)))


def value_words(value: Any) -> str:
    """Return a value of a threshold in words."""
    if isinstance(value, dt.timedelta):
        return duration_words(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:,.10g}"
    return f"{value}"


def _scaled(value: Any, quarters: int) -> Any:
    """Return so many quarters of a number or a length of time; a whole number stays whole."""
    scaled = value * quarters / 4
    return round(scaled) if isinstance(value, int) else scaled
