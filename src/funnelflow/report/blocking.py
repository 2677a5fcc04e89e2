"""What is in the way of transitions, and the fewest questions that could open them."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import Final, TypeAlias

from attrs import define, field, frozen

from funnelflow.criteria import (
    AllOf,
    AnyOf,
    AtLeast,
    Check,
    Custom,
    Fields,
    Leaf,
    Roles,
    Rule,
    Value,
    Verdict,
    check_rule,
)
from funnelflow.criteria.custom import answering
from funnelflow.criteria.tree import Has, Node, Or, Read, walk
from funnelflow.definition import Linked, LinkedTransition
from funnelflow.engine.answers import GivenAnswers
from funnelflow.errors import Error
from funnelflow.report.journey import Journey, JourneyDecision

Questions: TypeAlias = frozenset[str]
"""The names of fields that would have to be known."""
Options: TypeAlias = tuple[Questions, ...]
"""Each could be enough; none where nothing could, an empty one where nothing has to be asked."""

_NOTHING: Final[Options] = (frozenset(),)
_MOST_OPTIONS: Final = 8
_MOST_REMEMBERED: Final = 20_000
"""Answers that are kept of one criterion; contacts have much in common."""


@frozen
class LeafAnswer:
    """What is found of one criterion.

    Attributes:
        label: What the definition calls it.
        verdict: Whether it is met; what an event alone can say is taken as met.
        options: What to ask so that it could be met.
    """

    label: str
    verdict: Verdict
    options: Options


@define(eq=False)
class CriterionReader:
    """One criterion, asked about contacts: those that have the values it reads in common once."""

    rule: Leaf | Custom
    reads: tuple[str, ...] = field(init=False)
    _known: dict[tuple[Value | None, ...], LeafAnswer] = field(factory=dict, init=False)

    @reads.default
    def _find_reads(self) -> tuple[str, ...]:
        if isinstance(self.rule, Custom):
            return tuple(one.name for one in self.rule.reads)
        return tuple(sorted(_asked(self.rule.expression.tree)))

    def answer(self, fields: Fields, now: dt.datetime) -> LeafAnswer:
        """Return what is found for a contact with these fields."""
        if isinstance(self.rule, Custom):
            return self._ask(fields, now)
        key = tuple(map(fields.get, self.reads))
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            found = self._known[key] = self._ask(fields, now)
        return found

    def _ask(self, fields: Fields, now: dt.datetime) -> LeafAnswer:
        check = check_rule(self.rule, fields, {}, now)
        if check.verdict is Verdict.MET:
            return LeafAnswer(check.label, check.verdict, _NOTHING)
        missing = frozenset(f.name for f in check.missing if f.name not in fields)
        lacking = missing.intersection(self.reads)
        if missing and not lacking and check.verdict is Verdict.UNKNOWN:
            return LeafAnswer(check.label, Verdict.MET, _NOTHING)  # an event would say it
        return LeafAnswer(check.label, check.verdict, self._options(check, lacking))

    def _options(self, check: Check, lacking: Questions) -> Options:
        """Return what to ask: of an ``||`` one side is enough."""
        if not check.missing or not lacking:
            return ()
        if isinstance(self.rule, Leaf) and isinstance(tree := self.rule.expression.tree, Or):
            sides = (lacking.intersection(_asked(item)) for item in tree.items)
            return _fewest(side for side in sides if side)
        return (lacking,)


@frozen(eq=False)
class ConditionalTransition:
    """A transition that has criteria.

    Attributes:
        key: What the names of its numbers say.
        linked: The transition.
        criteria: Its criteria, in order.
        derived: The fields that nobody can be asked about, as events set them.
    """

    key: str
    linked: LinkedTransition
    criteria: tuple[CriterionReader, ...]
    derived: frozenset[str]

    def answers(self, fields: Fields, now: dt.datetime) -> tuple[tuple[LeafAnswer, ...], Options]:
        """Return what is found of each criterion for a contact, and what to ask for the whole."""
        found = tuple(reader.answer(fields, now) for reader in self.criteria)
        if all(one.verdict is Verdict.MET for one in found):
            return found, _NOTHING
        assert self.linked.rule is not None
        options = _whole(self.linked.rule, iter(found))
        return found, tuple(one for one in options if self.derived.isdisjoint(one))


def ways_of(linked: Linked) -> tuple[ConditionalTransition, ...]:
    """Return the transitions of a definition that have criteria."""
    derived = frozenset(target for e in linked.events.values() for target, _ in e.sets)
    ways: dict[str, ConditionalTransition] = {}
    for transition in linked.transitions:
        rule, written = transition.rule, transition.transition
        readers = () if rule is None else tuple(map(CriterionReader, _leaves(rule)))
        if readers:
            key = base = f"{'+'.join(written.sources)}/{written.to}"
            number = 1
            while key in ways:
                number += 1
                key = f"{base}#{number}"
            ways[key] = ConditionalTransition(key, transition, readers, derived)
    return tuple(ways.values())


def ways_from(
    ways: Sequence[ConditionalTransition],
) -> dict[str, tuple[ConditionalTransition, ...]]:
    """Return the transitions that leave each leaf stage."""
    found: dict[str, tuple[ConditionalTransition, ...]] = {}
    for way in ways:
        for leaf, _ in way.linked.sources:
            found[leaf] = (*found.get(leaf, ()), way)
    return found


def waiting(
    ways: Mapping[str, Sequence[ConditionalTransition]], journey: Journey, now: dt.datetime
) -> Iterator[tuple[str, None]]:
    """Yield what is in a contact's way now, and what could be asked."""
    leaving = ways.get(journey.stage)
    if leaving is None:
        return
    fields = journey.position.fields
    with answering(journey.given or GivenAnswers()):
        found = [(way.key, *way.answers(fields, now)) for way in leaving]
    for key, answers, options in found:
        yield f"waiting/{key}", None
        if options == _NOTHING:
            yield f"ready/{key}", None
            continue
        for label, verdict in dict.fromkeys((a.label, a.verdict) for a in answers):
            if verdict is not Verdict.MET:
                kind = "unmet" if verdict is Verdict.NOT_MET else "unknown"
                yield f"{kind}/{key}/{label}", None
        for questions in options:
            if len(questions) == len(options[0]):
                yield f"ask/{key}/{'+'.join(sorted(questions))}", None


def refused(
    linked: Linked, ways: Mapping[str, Sequence[ConditionalTransition]], decision: JourneyDecision
) -> Iterator[tuple[str, None]]:
    """Yield what was in the way of a move that was refused."""
    yield "refused-moves", None
    try:
        asked = linked.leaves_of(linked.resolve_stage(decision.event.to))
    except Error:
        asked = ()
    leading = [way for way in ways.get(decision.before, ()) if way.linked.to in asked]
    if not leading:
        yield "refused-without-transition", None
    for way in leading:
        yield f"refused/{way.key}", None
        labels = {reader.rule.label for reader in way.criteria} | {
            answer_label(reader.rule) for reader in way.criteria
        }
        for label, verdict in dict.fromkeys(decision.unmet):
            if label in labels:
                kind = "unknown" if verdict == Verdict.UNKNOWN.value else "unmet"
                yield f"refused-{kind}/{way.key}/{label}", None


def answer_label(rule: Leaf | Custom) -> str:
    """Return what a criterion is called where its answer is shown."""
    if rule.label:
        return rule.label
    return rule.expression.words() if isinstance(rule, Leaf) else rule.name


def _leaves(rule: Rule) -> Iterator[Leaf | Custom]:
    """Yield the criteria of a rule, in order; who may act is none."""
    if isinstance(rule, Leaf | Custom):
        yield rule
    elif not isinstance(rule, Roles):
        for inner in rule.rules:
            yield from _leaves(inner)


def _asked(node: Node) -> frozenset[str]:
    """Return the fields of a contact that an expression reads."""
    reads = (part for part in walk(node) if isinstance(part, Read | Has))
    return frozenset(part.field.name for part in reads if part.root == "contact")


def _whole(rule: Rule, answers: Iterator[LeafAnswer]) -> Options:
    """Return what to ask for a whole rule; takes the answers of its criteria in order."""
    match rule:
        case Roles():
            return _NOTHING
        case AllOf():
            return _all_of([_whole(inner, answers) for inner in rule.rules])
        case AnyOf():
            return _fewest(one for inner in rule.rules for one in _whole(inner, answers))
        case AtLeast():
            parts = [_whole(inner, answers) for inner in rule.rules]
            chosen = combinations([part for part in parts if part], rule.count)
            return _fewest(one for some in chosen for one in _all_of(some))
    return next(answers).options


def _all_of(parts: Sequence[Options]) -> Options:
    """Return what to ask where every part must be met."""
    found: Options = _NOTHING
    for part in parts:
        found = _fewest(one | other for one, other in product(found, part))
    return found


def _fewest(options: Iterator[Questions]) -> Options:
    """Return the smallest options, those that contain another left out."""
    kept: list[Questions] = []
    for one in sorted(set(options), key=lambda one: (len(one), sorted(one))):
        if not any(other <= one for other in kept):
            kept.append(one)
        if len(kept) == _MOST_OPTIONS:
            break
    return tuple(kept)
