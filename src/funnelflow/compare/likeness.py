"""What two definitions have alike: all that decides, or the fields that always agree."""

from collections.abc import Iterator, Mapping

from funnelflow.compare.needs import rule_key
from funnelflow.criteria import Field
from funnelflow.criteria.tree import Node
from funnelflow.criteria.value_classes import reads_in
from funnelflow.definition import Linked

Name = tuple[str, str]


def is_same(first: Linked, second: Linked) -> bool:
    """Whether two definitions make the same of every story: only words for people differ."""
    return _meaning(first) == _meaning(second)


def _meaning(linked: Linked) -> object:
    transitions = [
        (
            t.sources,
            t.to,
            tuple(sorted(linked.events[name].event.name for name in t.transition.on)),
            t.transition.to,
            t.transition.after,
            t.transition.since,
            t.date and t.date.tree,
            t.targets,
            {target: value.tree for target, value in t.sets},
            None if t.rule is None else rule_key(t.rule),
        )
        for t in linked.transitions
    ]
    events = {
        name: (
            _kinds(event.event.fields),
            {target: value.tree for target, value in event.sets},
            event.activity and event.activity.tree,
            frozenset(event.event.aliases),
        )
        for name, event in linked.events.items()
    }
    return linked.leaves, linked.initial, transitions, events, _kinds(linked.fields)


def _kinds(fields: Mapping[str, Field]) -> dict[str, object]:
    return {name: (f.type, f.choices, f.default) for name, f in fields.items()}


def shared_fields(first: Linked, second: Linked) -> frozenset[Name]:
    """Return the fields that have the same value in both definitions after the same evidence.

    Of a contact these are the fields that both declare alike, that no transition sets, and that
    events set alike, from fields that are shared themselves; of events, those that events which
    both know declare alike.

    Args:
        first: One definition.
        second: The other.
    """
    mine, theirs = _kinds(first.fields), _kinds(second.fields)
    set_by_transitions = {n for one in (first, second) for t in one.transitions for n, _ in t.sets}
    found = {n for n in mine if mine[n] == theirs.get(n) and n not in set_by_transitions}
    known = {("event", name) for name in _event_fields(first, second)}
    known |= {("contact", name) for name in found}
    called = {*first.events.names(), *second.events.names()}
    while True:
        lost = {target for name in called for target in _unlike_sets(name, first, second, known)}
        if not lost & known:
            return frozenset(known)
        known -= lost


def _event_fields(first: Linked, second: Linked) -> set[str]:
    """Return the names of fields that events which both know declare alike."""
    both = [name for name in first.events.names() if name in second.events]
    kinds = [(_kinds(_own(first, name)), _kinds(_own(second, name))) for name in both]
    names = {name for pair in kinds for found in pair for name in found}
    return {n for n in names if all(mine.get(n) == theirs.get(n) for mine, theirs in kinds)}


def _own(linked: Linked, called: str) -> Mapping[str, Field]:
    return linked.events[called].event.fields


def _unlike_sets(called: str, first: Linked, second: Linked, known: set[Name]) -> Iterator[Name]:
    """Yield the fields that an event does not set alike in two definitions."""
    mine, theirs = _sets(first, called), _sets(second, called)
    for name in mine.keys() | theirs.keys():
        tree = mine.get(name)
        reads = () if tree is None else reads_in(tree)
        is_alike = tree is not None and tree == theirs.get(name)
        if not is_alike or any((r.root, r.field.name) not in known for r in reads):
            yield "contact", name


def _sets(linked: Linked, called: str) -> dict[str, Node]:
    if called not in linked.events:
        return {}
    return {name: value.tree for name, value in linked.events[called].sets}
