"""What everybody whom a definition calls something must have had on the way there.

A contact comes into a stage by transitions only, forced moves and adoptions left out, and a
transition is taken only while its criteria are met. So what the criteria of some transition on
*every* path from the initial stage imply was the case once for everybody in the stage, whatever
else happened: by events, by moves, by time, whoever told the facts, and whether or not they were
taken back later. This is the meet over all paths, computed as a must-analysis over the graph
of transitions (as in Kildall, "A unified approach to global program optimization", 1973).
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Literal, TypeAlias

from attrs import field, frozen

from funnelflow.criteria import (
    BOOLEAN,
    AllOf,
    AnyOf,
    AtLeast,
    Custom,
    Field,
    Leaf,
    Roles,
    Rule,
    duration_words,
)
from funnelflow.criteria.implication import exclude, find_case, implies
from funnelflow.criteria.tree import And, Has, Node, Read, walk
from funnelflow.criteria.value_classes import reads_in
from funnelflow.criteria.words import criterion_words
from funnelflow.criteria.words import label as field_words
from funnelflow.definition import Linked, LinkedTransition, either

NeedKind: TypeAlias = Literal["criterion", "event", "wait", "stage"]
Reads: TypeAlias = frozenset[tuple[str, str]]

_MOST_ASKED = 6_000
"""How many implications are asked at most, beyond what is written alike."""
_MOST_TRANSITIONS = 600
"""From how many transitions on nobody looks for those that can never be taken."""


_MOST_SOLVED = 60
"""Up to how many needs a solver is asked where classes of values do not decide."""


@frozen
class Need:
    """What everybody in a stage must have had.

    Attributes:
        kind: A criterion that was met, an event (or a move by hand in its place), a wait, or a
            stage that they have been in.
        label: What the definition calls it; empty where it has no name.
        words: The same in plain words.
        key: What it means: equal for needs that mean the same.
        rule: The criterion; None for the other kinds.
        reads: The fields that it looks at, as (``contact`` or ``event``, name).
    """

    kind: NeedKind
    label: str
    words: str
    key: object = field(repr=False)
    rule: Rule | Node | None = field(default=None, eq=False, repr=False)
    reads: Reads = field(default=frozenset(), eq=False, repr=False)

    @cached_property
    def subject(self) -> str:
        """Return what it is about: the labels of its fields, or its own words."""
        found = {} if self.rule is None else dict(_labels(self.rule))
        return ", ".join(found[name] for name in sorted(found)) or self.words


def _labels(rule: Rule | Node) -> Iterator[tuple[tuple[str, str], str]]:
    for tree in rule_trees(rule):
        for read in reads_in(tree):
            yield (read.root, read.field.name), field_words(read.root, read.field)


def rule_trees(rule: Rule | Node) -> Iterator[Node]:
    """Yield the typed trees that a rule is made of."""
    match rule:
        case Leaf():
            yield rule.expression.tree
        case AllOf() | AnyOf() | AtLeast():
            yield from chain.from_iterable(map(rule_trees, rule.rules))
        case Custom() | Roles():
            return
        case _:
            yield rule


def rule_words(rule: Rule | Node) -> str:  # noqa: PLR0911  # one a kind
    """Return what a rule asks for in plain words."""
    match rule:
        case Leaf():
            return rule.expression.words()
        case Custom():
            return rule.label or rule.name
        case Roles():
            return f"somebody with the role {either(rule.by)} does it"
        case AllOf():
            return " and ".join(map(_part_words, rule.rules))
        case AnyOf():
            return " or ".join(map(_part_words, rule.rules))
        case AtLeast():
            return f"at least {rule.count} of: {'; '.join(map(_part_words, rule.rules))}"
        case _:
            return criterion_words(rule)


def _part_words(rule: Rule) -> str:
    words = rule_words(rule)
    is_joined = isinstance(rule, AllOf | AnyOf | AtLeast) and len(rule.rules) > 1
    return f"({words})" if is_joined else words


def _conjuncts(rule: Rule | None) -> Iterator[tuple[str, Rule | Node]]:
    """Yield what a rule requires one by one, with its label."""
    match rule:
        case None:
            return
        case AllOf():
            for inner in rule.rules:
                yield from _conjuncts(inner)
        case Leaf():
            tree = rule.expression.tree
            parts = tree.items if isinstance(tree, And) else (tree,)
            for part in parts:
                yield (rule.label if len(parts) == 1 else ""), part
        case Custom():
            yield rule.label or rule.name, rule
        case Roles():
            yield "", rule
        case AnyOf() | AtLeast():
            yield rule.label, rule


def rule_key(rule: Rule | Node) -> object:
    """Return what a rule means, without its labels."""
    match rule:
        case Leaf():
            return rule.expression.tree
        case Custom():
            return "custom", rule.provider, rule.name, repr(sorted(rule.arguments.items()))
        case Roles():
            return "roles", frozenset(rule.by)
        case AllOf():
            return "all", frozenset(map(rule_key, rule.rules))
        case AnyOf() | AtLeast():
            count = rule.count if isinstance(rule, AtLeast) else 1
            return "some", count, tuple(sorted((rule_key(one) for one in rule.rules), key=repr))
        case _:
            return rule


def _criterion(label: str, rule: Rule | Node) -> Need:
    reads = frozenset((r.root, r.field.name) for tree in rule_trees(rule) for r in reads_in(tree))
    return Need("criterion", label, rule_words(rule), rule_key(rule), rule, reads)


def needs_written(linked: Linked) -> Iterator[Need]:
    """Yield what the transitions of a definition require, each for itself."""
    for transition in linked.transitions:
        for label, rule in _conjuncts(transition.rule):
            yield _criterion(label, rule)
        yield from _trigger(transition, linked)


def _trigger(transition: LinkedTransition, linked: Linked) -> Iterator[Need]:
    """Yield the event or the wait that a transition cannot do without."""
    written = transition.transition
    if written.on and written.after is None:
        titles = [linked.events[name].event.title or name for name in written.on]
        key = ("event", frozenset(linked.events[name].event.name for name in written.on))
        yield Need("event", "", either(titles), key)
    elif written.after is not None and not written.on:
        since = "without activity" if written.since == "activity" else "in a stage"
        is_date = isinstance(written.after, str)
        wait = written.after if isinstance(written.after, str) else duration_words(written.after)
        words = f"the moment {wait}" if is_date else f"{wait} {since}"
        yield Need("wait", "", words, ("wait", written.since, written.after))


def _known_fields(needs: Iterable[Need]) -> Iterator[Need]:
    """Yield that a field is known, for every field of a contact that some criterion reads."""
    fields: dict[str, Field] = {}
    for need in needs:
        for tree in () if need.rule is None else rule_trees(need.rule):
            for node in walk(tree):
                if isinstance(node, Read | Has) and node.root == "contact":
                    fields.setdefault(node.field.name, node.field)
    for one in fields.values():
        if one.default is None:
            yield _criterion("", Has(0, 0, "contact", one, BOOLEAN))


@frozen(eq=False)
class Strengths:
    """Which needs imply which by themselves; what was asked once is remembered.

    Only so much is asked; what is not asked counts as not implied.
    """

    universe: tuple[Need, ...]
    places: Mapping[object, int]
    by_read: Mapping[tuple[str, str], int]
    known: dict[object, int] = field(factory=dict)
    asked: list[int] = field(factory=lambda: [0])

    def implied(self, place: int) -> int:
        """Return what a need implies, itself included, as bits."""
        if place not in self.known:
            need = self.universe[place]
            if need.rule is None:
                bits = self.trigger_bits(need)
            else:
                bits = self._implied_by(need.rule, need.reads, 1 << place)
            self.known[place] = bits
        return self.known[place]

    def trigger_bits(self, given: Need) -> int:
        """Return the events and waits that another implies."""
        bits = 0
        for number, need in enumerate(self.universe):
            if need.kind == given.kind and _is_wider(need, given):
                bits |= 1 << number
        return bits

    def rule_bits(self, rule: Rule) -> int:
        """Return the criteria that a rule implies, as bits."""
        key = rule_key(rule)
        if key not in self.known:
            parts = list(_conjuncts(rule))
            bits = 0
            for _, part in parts:
                bits |= self.implied(self.places[rule_key(part)])
            reads = [read for _, part in parts for read in _part_reads(part)]
            if len(reads) > len(set(reads)):  # several about one field say more together
                bits = self._implied_by(rule, frozenset(reads), bits)
            self.known[key] = bits
        return self.known[key]

    def _implied_by(self, rule: Rule | Node, reads: Reads, bits: int) -> int:
        """Return what a rule implies beside what is known of it already, as bits."""
        about = 0
        for read in reads:
            about |= self.by_read.get(read, 0)
        if isinstance(rule, Roles):
            about = sum(
                1 << n for n, one in enumerate(self.universe) if isinstance(one.rule, Roles)
            )
        for number in bits_of(about & ~bits):
            need = self.universe[number]
            if self.asked[0] >= _MOST_ASKED or need.rule is None:
                break
            self.asked[0] += 1
            solver = len(self.universe) <= _MOST_SOLVED  # a question may take it a second
            if implies(rule, need.rule, solver=solver).proved is True:
                bits |= 1 << number
        return bits

    def strongest(self, bits: int) -> tuple[Need, ...]:
        """Return the needs of some bits without those that others among them imply."""
        kept = bits
        for place in bits_of(bits):
            if kept >> place & 1:
                kept &= ~self.implied(place) | 1 << place
        return tuple(self.universe[place] for place in bits_of(kept))


@frozen(eq=False, slots=False)
class Needs:
    """What must have been the case for everybody in each leaf stage of a definition.

    Attributes:
        linked: The definition.
        strengths: Everything that was looked for, in this and the definitions beside it.
        had: For each leaf, which of them everybody in it has had, as bits; every bit is set for
            a leaf to which no path leads.
        given: For each transition, which of them its being taken implies.
        taken: The transitions that can be taken at all.
    """

    linked: Linked
    strengths: Strengths
    had: Mapping[str, int]
    given: Mapping[int, int]
    taken: frozenset[int]

    @property
    def universe(self) -> tuple[Need, ...]:
        """Return everything that was looked for."""
        return self.strengths.universe

    @cached_property
    def _reached(self) -> frozenset[str]:
        found = {t.to for t in self.linked.transitions if t.index in self.taken}
        return frozenset({*found, self.linked.initial})

    def is_reached(self, leaf: str) -> bool:
        """Whether some path leads to a leaf."""
        return leaf in self._reached

    def of(self, stage: str) -> int:
        """Return what everybody in a stage, or in one nested in it, has had, as bits."""
        bits = (1 << len(self.universe)) - 1
        for leaf in self.linked.leaves_of(stage):
            bits &= self.had[leaf]
        return bits

    def listed(self, bits: int) -> tuple[Need, ...]:
        """Return the needs of some bits."""
        return tuple(self.universe[number] for number in bits_of(bits))

    def ways(self, stage: str) -> Iterator[tuple[LinkedTransition, int]]:
        """Yield each transition that leads into a stage from outside, with all that it implies."""
        inside = set(self.linked.leaves_of(stage))
        for transition in self.linked.transitions:
            if transition.to not in inside or transition.index not in self.taken:
                continue
            outside = [leaf for leaf, _ in transition.sources if leaf not in inside]
            bits = [self.had[leaf] for leaf in outside if self.is_reached(leaf)]
            if bits:
                yield transition, _meet(bits) | self.given[transition.index]


def _meet(found: Sequence[int]) -> int:
    bits = found[0]
    for more in found[1:]:
        bits &= more
    return bits


def needs_of(definitions: Sequence[Linked]) -> tuple[Needs, ...]:
    """Work out for several definitions what everybody in each of their stages must have had.

    Args:
        definitions: The definitions. What one asks for is looked for in all of them.
    """
    written: dict[object, Need] = {}
    for need in chain.from_iterable(map(needs_written, definitions)):
        if need.key not in written or not written[need.key].label:
            written[need.key] = need
    universe = {need.key: need for need in _known_fields(written.values())} | written
    found = tuple(universe.values())
    places = {need.key: number for number, need in enumerate(found)}
    by_read: dict[tuple[str, str], int] = {}
    for number, need in enumerate(found):
        for read in need.reads:
            by_read[read] = by_read.get(read, 0) | 1 << number
    strengths = Strengths(found, places, by_read)
    return tuple(_needs_of(linked, strengths) for linked in definitions)


def _needs_of(linked: Linked, strengths: Strengths) -> Needs:
    given, taken = {}, set()
    for transition in linked.transitions:
        bits = 0 if transition.rule is None else strengths.rule_bits(transition.rule)
        for need in _trigger(transition, linked):
            bits |= strengths.implied(strengths.places[need.key])
        given[transition.index] = bits
        if _can_be_taken(transition, linked):
            taken.add(transition.index)
    had = _must_analysis(linked, given, taken, len(strengths.universe))
    return Needs(linked, strengths, had, given, frozenset(taken))


def _can_be_taken(transition: LinkedTransition, linked: Linked) -> bool:
    if transition.rule is None or len(linked.transitions) > _MOST_TRANSITIONS:
        return True
    return find_case([transition.rule], solver=False) is not False


def _must_analysis(
    linked: Linked, given: Mapping[int, int], taken: set[int], size: int
) -> dict[str, int]:
    """Return for each leaf what every path into it has given, as the greatest fixed point."""
    had = dict.fromkeys(linked.leaves, (1 << size) - 1) | {linked.initial: 0}
    leaving: dict[str, list[LinkedTransition]] = {leaf: [] for leaf in linked.leaves}
    for transition in linked.transitions:
        for leaf, _ in transition.sources if transition.index in taken else ():
            leaving[leaf].append(transition)
    pending, reached = deque([linked.initial]), {linked.initial}
    while pending:
        leaf = pending.popleft()
        for transition in leaving[leaf]:
            bits = had[transition.to] & (had[leaf] | given[transition.index])
            if bits != had[transition.to] or transition.to not in reached:
                had[transition.to] = bits
                reached.add(transition.to)
                pending.append(transition.to)
    return had


def bits_of(bits: int) -> Iterator[int]:
    """Yield the places of the bits that are set, the lowest first."""
    while bits:
        low = bits & -bits
        yield low.bit_length() - 1
        bits ^= low


def _part_reads(part: Rule | Node) -> set[tuple[str, str]]:
    return {name for tree in rule_trees(part) for name in _names(tree)}


def _names(tree: Node) -> Iterator[tuple[str, str]]:
    for read in reads_in(tree):
        yield read.root, read.field.name


def _is_wider(need: Need, given: Need) -> bool:
    """Whether one event or wait is there wherever another is."""
    one, other = need.key, given.key
    assert isinstance(one, tuple)
    assert isinstance(other, tuple)
    if need.kind == "event":
        return bool(other[1] <= one[1])
    if isinstance(one[2], str) or isinstance(other[2], str):  # a date that is waited for
        return bool(one == other)
    return bool(one[1] == other[1] and one[2] <= other[2])


def contradicts(one: Need, other: Need) -> bool:
    """Whether two needs cannot be met at one moment."""
    if one.rule is None or other.rule is None or one.reads.isdisjoint(other.reads):
        return False
    return exclude(one.rule, other.rule) is True
