"""Which stages of two definitions a contact can be in at once: an over-approximation that proves.

Two definitions read the same evidence. From each pair of stages, what one piece of evidence can do
to both is worked out from their criteria alone, taking facts to be whatever they like: a step is
left out only where the criteria that would have to be met, and those that would have to be closed,
are proved never to come out so for the same facts. So a pair that is not reached is *never* seen,
whatever happens; one that is reached may be. Moves by hand, forced or not, adoptions and vetoes of
plugins are left out: they are what people decide about one definition's own stages.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from attrs import define, field, frozen

from funnelflow.compare.likeness import is_same, shared_fields
from funnelflow.compare.needs import rule_key, rule_trees
from funnelflow.criteria import BOOLEAN, Custom, Roles, Rule, rule_customs
from funnelflow.criteria.implication import find_case
from funnelflow.criteria.tree import Compare, Constant, Has, Node, Now, Read, walk
from funnelflow.definition import Linked, LinkedTransition

Pair: TypeAlias = tuple[str, str]

MOST_CHECKS = 1_500
"""How many combinations of criteria are looked at for two definitions; the rest may be."""
MOST_PAIRS = 2_500
"""Of how many pairs of stages it is worked out which can be reached."""
_ROOTS = ("contact", "event")
_ANY_FACTS = ""
"""What stands for evidence that takes no transition by its name: facts alone, for instance."""


@frozen
class JointStages:
    """The pairs of stages that two definitions can put one contact in at once.

    Attributes:
        first: The first definition.
        second: The second.
        possible: The pairs that could not be ruled out; None where it took too long, and
            nothing is proved.
    """

    first: Linked
    second: Linked
    possible: frozenset[Pair] | None

    def never(self, one: str, other: str) -> bool:
        """Whether it is proved that nobody is in both leaves at once."""
        return self.possible is not None and (one, other) not in self.possible

    def always(self, one: str) -> str | None:
        """Return the leaf of the second in which everybody in a leaf of the first is, if proved."""
        if self.possible is None:
            return None
        others = {other for leaf, other in self.possible if leaf == one}
        return others.pop() if len(others) == 1 else None

    def is_contained(self, stage: str, other: str, *, swapped: bool = False) -> bool:
        """Whether everybody in a stage of the first is proved to be in one of the second.

        Args:
            stage: The stage of the first definition.
            other: The stage of the second.
            swapped: Whether to prove it the other way round.
        """
        if self.possible is None:
            return False
        inside, around = set(self.first.leaves_of(stage)), set(self.second.leaves_of(other))
        if swapped:
            return all(a in inside for a, b in self.possible if b in around)
        return all(b in around for a, b in self.possible if a in inside)


@frozen
class _Step:
    """What one piece of evidence may do in one definition, and what must come out how for it."""

    to: str
    met: frozenset[int]
    closed: frozenset[int]


@frozen
class _Made:
    """What must be met and closed for some steps in one definition, and whether they set fields."""

    met: frozenset[int]
    closed: frozenset[int]
    has_set: bool = False

    def with_(self, more: "_Made") -> "_Made":
        """Return what must be so for these steps and more of them."""
        return _Made(
            self.met | more.met, self.closed | more.closed, has_set=self.has_set or more.has_set
        )


def joint_stages(first: Linked, second: Linked, seen: Iterable[Pair] = ()) -> JointStages:
    """Work out the pairs of stages that two definitions can put one contact in at once.

    Args:
        first: One definition.
        second: The other.
        seen: Pairs that are known to be reached, which need no work.
    """
    if len(first.leaves) * len(second.leaves) > MOST_PAIRS:
        return JointStages(first, second, None)
    if is_same(first, second):
        return JointStages(first, second, frozenset((leaf, leaf) for leaf in first.leaves))
    return JointStages(first, second, _Search(first, second).reached(seen))


@define
class _Search:
    """Follows pairs of stages, step by step."""

    first: Linked
    second: Linked
    rules: list[Rule] = field(factory=list)
    places: dict[object, int] = field(factory=dict)
    reads: list[frozenset[tuple[str, str]]] = field(factory=list)
    shared: frozenset[tuple[str, str]] = frozenset()
    steps: dict[tuple[bool, str, str], Sequence[_Step]] = field(factory=dict)
    known: dict[object, bool] = field(factory=dict)
    leaving: dict[bool, Mapping[str, Sequence[LinkedTransition]]] = field(factory=dict)
    checks: int = 0

    def reached(self, seen: Iterable[Pair]) -> frozenset[Pair]:
        """Return the pairs that could not be ruled out."""
        for is_second, linked in ((False, self.first), (True, self.second)):
            self.leaving[is_second] = _in_order_tried(linked)
        self.shared = shared_fields(self.first, self.second)
        start = (self.first.initial, self.second.initial)
        found = {start, *seen}
        pending = list(found)
        while pending:
            pair = pending.pop()
            for following in self._following(pair, found):
                found.add(following)
                pending.append(following)
        return frozenset(found)

    def _following(self, pair: Pair, found: set[Pair]) -> Iterator[Pair]:
        """Yield the pairs, not found so far, that one piece of evidence may lead to."""
        for trigger in self._triggers(pair):
            for one in self._steps(False, pair[0], trigger):  # noqa: FBT003  # the first
                for other in self._steps(True, pair[1], trigger):  # noqa: FBT003  # the second
                    to = (one.to, other.to)
                    if to not in found and self._is_possible(one, other, trigger):
                        yield to
        yield from self._by_time(pair, found)

    def _triggers(self, pair: Pair) -> list[str]:
        """Return the events that take transitions out of a pair of stages, and facts alone."""
        found = {_ANY_FACTS: None}
        for is_second, leaf in enumerate(pair):
            linked = self.second if is_second else self.first
            on = {
                linked.events[name].event.name
                for t in self.leaving[bool(is_second)].get(leaf, ())
                for name in t.transition.on
            }
            found |= {called: None for called, name in linked.events.names().items() if name in on}
        return list(found)

    def _steps(self, is_second: bool, leaf: str, trigger: str) -> Sequence[_Step]:  # noqa: FBT001
        """Return what one event may do in one definition."""
        key = (is_second, leaf, trigger)
        if key not in self.steps:
            linked = self.second if is_second else self.first
            event = linked.events.get(trigger)
            on = [
                t
                for t in self.leaving[is_second].get(leaf, ())
                if event in [linked.events[name] for name in t.transition.on]
            ]
            self.steps[key] = self._alone(
                step
                for to, made in self._choices(on, leaf)
                for step in self._settled(is_second, to, made, (to,))
            )
        return self.steps[key]

    def _alone(self, steps: Iterable[_Step]) -> list[_Step]:
        """Keep the steps that are possible in one definition by itself."""
        return [step for step in dict.fromkeys(steps) if self._holds(step.met, step.closed)]

    def _choices(
        self, tried: Sequence[LinkedTransition], leaf: str, without: Sequence[str] = ()
    ) -> Iterator[tuple[str, "_Made"]]:
        """Yield each transition that may be the first to be open, and that none is."""
        closed: set[int] = set()
        for transition in tried:
            targets = [to for to in transition.targets if to not in without]
            met = frozenset() if transition.rule is None else {self._place(transition.rule)}
            made = _Made(frozenset(met), frozenset(closed), has_set=bool(transition.sets))
            yield from ((to, made) for to in targets)
            if len(targets) == len(transition.targets):  # else it may be passed over
                if transition.rule is None:
                    return
                closed |= met
        yield leaf, _Made(frozenset(), frozenset(closed))

    def _settled(
        self,
        is_second: bool,  # noqa: FBT001  # which of the two
        leaf: str,
        made: "_Made",
        passed: tuple[str, ...],
    ) -> Iterator[_Step]:
        """Yield where automatic transitions may lead from a stage, each stage at most once.

        Once a transition has set fields, what is met and closed is about other facts.
        """
        tried = [t for t in self.leaving[is_second].get(leaf, ()) if t.transition.is_automatic]
        for to, more in self._choices(tried, leaf, passed):
            both = made if made.has_set else made.with_(more)
            if to == leaf:
                yield _Step(leaf, both.met, both.closed)
            elif not both.met & both.closed:
                yield from self._settled(is_second, to, both, (*passed, to))

    def _by_time(self, pair: Pair, found: set[Pair]) -> Iterator[Pair]:
        """Yield the pairs that time may lead to: one definition moves, or both at one moment."""
        ones = self._timed(False, pair[0])  # noqa: FBT003  # the first
        others = self._timed(True, pair[1])  # noqa: FBT003  # the second
        for one in ones:
            for other in (_Step(pair[1], frozenset(), frozenset()), *others):
                to = (one.to, other.to)
                if to not in found and self._is_possible(one, other, ""):
                    yield to
        yield from ((pair[0], other.to) for other in others if (pair[0], other.to) not in found)

    def _timed(self, is_second: bool, leaf: str) -> Sequence[_Step]:  # noqa: FBT001
        """Return what time may do in one definition."""
        key = (is_second, leaf, "(time)")
        if key not in self.steps:
            self.steps[key] = self._alone(
                step
                for t in self.leaving[is_second].get(leaf, ())
                if _is_opened_by_time(t)
                for to in t.targets
                for step in self._settled(is_second, to, self._taken(t), (to,))
            )
        return self.steps[key]

    def _taken(self, transition: LinkedTransition) -> "_Made":
        """Return what must be so for time to take a transition."""
        met = () if transition.rule is None else (self._place(transition.rule),)
        return _Made(frozenset(met), frozenset(), has_set=bool(transition.sets))

    def _place(self, rule: Rule) -> int:
        key = rule_key(rule)
        if key not in self.places:
            self.places[key] = len(self.rules)
            self.rules.append(rule)
            self.reads.append(frozenset(_reads(rule)))
        return self.places[key]

    def _is_possible(self, one: _Step, other: _Step, trigger: str) -> bool:
        """Whether two steps may be made by the same piece of evidence.

        Only criteria count that look at what is the same in both definitions.
        """
        one, other = self._comparable(one), self._comparable(other)
        if one.met & other.closed or one.closed & other.met:
            return False
        mine, theirs = self._all_reads(one), self._all_reads(other)
        if mine.isdisjoint(theirs) and not self._fixed(trigger):
            return True
        return self._holds(one.met | other.met, one.closed | other.closed, trigger)

    def _comparable(self, step: _Step) -> _Step:
        """Leave out the rules that look at fields which may differ between the definitions."""
        met = frozenset(place for place in step.met if self._is_comparable(place))
        return _Step(step.to, met, frozenset(p for p in step.closed if self._is_comparable(p)))

    def _is_comparable(self, place: int) -> bool:
        return all(read[0] not in _ROOTS or read in self.shared for read in self.reads[place])

    def _all_reads(self, step: _Step) -> set[tuple[str, str]]:
        return {name for place in step.met | step.closed for name in self.reads[place]}

    def _holds(self, met: frozenset[int], closed: frozenset[int], trigger: str = "") -> bool:
        """Whether some rules may be met while others are not."""
        if met & closed:
            return False
        key = (met, closed, trigger)
        if key not in self.known:
            if self.checks >= MOST_CHECKS:
                return True
            self.checks += 1
            wanted = [*(self.rules[place] for place in met), *self._fixed(trigger)]
            found = find_case(wanted, [self.rules[p] for p in closed], solver=False)
            self.known[key] = found is not False
        return self.known[key]

    def _fixed(self, trigger: str) -> list[Node]:
        """Return what is so once an event of some name has been read by both definitions."""
        if trigger not in self.first.events or trigger not in self.second.events:
            return []
        mine = {n: v.tree for n, v in self.first.events[trigger].sets}
        theirs = {n: v.tree for n, v in self.second.events[trigger].sets}
        return [
            Compare(0, 0, "==", Read(0, 0, "contact", self.first.fields[name]), tree, BOOLEAN)
            for name, tree in mine.items()
            if isinstance(tree, Constant)
            and theirs.get(name) == tree
            and ("contact", name) in self.shared
            and self.first.fields[name].type == tree.type
        ]


def _reads(rule: Rule) -> Iterator[tuple[str, str]]:
    """Yield what a rule looks at: fields, the time, roles, plugins."""
    for tree in rule_trees(rule):
        for node in walk(tree):
            if isinstance(node, Now):
                yield "now", ""
            elif isinstance(node, Read | Has):
                yield node.root, node.field.name
    yield from (("plugin", f"{one.provider} {one.name}") for one in rule_customs(rule))
    yield from (("role", role) for role in _roles(rule))


def _roles(rule: Rule) -> Iterator[str]:
    if isinstance(rule, Roles):
        yield from rule.by
    elif not isinstance(rule, Custom):
        for inner in getattr(rule, "rules", ()):
            yield from _roles(inner)


def _is_opened_by_time(transition: LinkedTransition) -> bool:
    """Whether time may open a transition: it waits, or its criteria look at the time."""
    written = transition.transition
    if written.after is not None:
        return True
    reads_now = transition.rule is not None and ("now", "") in set(_reads(transition.rule))
    return written.is_automatic and reads_now


def _in_order_tried(linked: Linked) -> Mapping[str, Sequence[LinkedTransition]]:
    """Return the transitions out of each leaf in the order tried: innermost first, then by file."""
    found = [(leaf, depth, t) for t in linked.transitions for leaf, depth in t.sources]
    leaving: dict[str, list[LinkedTransition]] = {}
    for leaf, _, transition in sorted(found, key=lambda one: (-one[1], one[2].index)):
        leaving.setdefault(leaf, []).append(transition)
    return leaving
