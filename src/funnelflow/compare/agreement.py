"""How far two definitions agree over a population, and which criterion makes most of the rest."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from attrs import evolve, frozen

from funnelflow.compare.needs import rule_key, rule_words
from funnelflow.compare.words_in_common import SharedWord, is_within
from funnelflow.criteria import AllOf, AnyOf, AtLeast, Custom, Leaf, Roles, Rule
from funnelflow.definition import Linked
from funnelflow.engine import Funnel

Pairs: TypeAlias = Counter[tuple[str, str]]
"""How many of a population are where in two definitions: (stage, stage) to number."""

_ALWAYS_MET = AllOf("", ())
SHARE = 0.25
"""How much of the difference a criterion must make to be named."""


@frozen
class DecisiveCriterion:
    """The single criterion without which two definitions would differ about the fewest.

    Attributes:
        definition: Whose criterion it is.
        label: What that calls it.
        words: What it asks for.
        differ: About how many of the population they would still differ without it.
    """

    definition: str
    label: str
    words: str
    differ: int


@frozen
class Agreement:
    """How far two definitions agree about who is to be called by a word.

    Attributes:
        word: The word.
        both: How many of the population both call so.
        only_first: How many the first calls so alone.
        only_second: How many the second calls so alone.
        neither: How many neither calls so.
        decisive: The criterion that makes most of the difference; None where none alone makes
            any, or that was not worked out.
    """

    word: str
    both: int
    only_first: int
    only_second: int
    neither: int
    decisive: DecisiveCriterion | None = None

    @property
    def differ(self) -> int:
        """Return about how many they differ."""
        return self.only_first + self.only_second

    @property
    def jaccard(self) -> float | None:
        """Return the Jaccard index: both, of all whom either calls so; None of nobody."""
        either = self.both + self.differ
        return self.both / either if either else None

    @property
    def kappa(self) -> float | None:
        """Return Cohen's kappa: agreement beyond chance (Cohen 1960); None where chance is sure."""
        total = self.both + self.differ + self.neither
        if not total:
            return None
        observed = (self.both + self.neither) / total
        first, second = self.both + self.only_first, self.both + self.only_second
        chance = (first * second + (total - first) * (total - second)) / total**2
        return None if chance == 1 else (observed - chance) / (1 - chance)


def agreement_of(word: SharedWord, names: tuple[str, str], pairs: Pairs) -> Agreement:
    """Count how far two definitions agree about a word.

    Args:
        word: The word.
        names: The names of the two definitions.
        pairs: How many of a population are where.
    """
    first, second = (word.stages[name] for name in names)
    found: Counter[tuple[bool, bool]] = Counter()
    for (one, other), number in pairs.items():
        found[is_within(one, first), is_within(other, second)] += number
    return Agreement(
        word.word, found[True, True], found[True, False], found[False, True], found[False, False]
    )


def with_decisive(
    found: Sequence[Agreement],
    words: Sequence[SharedWord],
    funnels: tuple[Funnel, Funnel],
    count: Callable[[Funnel, Funnel], Pairs],
) -> tuple[Agreement, ...]:
    """Add to agreements the criterion that makes most of the difference in each.

    Args:
        found: The agreements.
        words: Their words.
        funnels: The two definitions.
        count: Counts the population by where two definitions put it.
    """
    if not any(one.differ for one in found):
        return tuple(found)
    names = (funnels[0].definition.name, funnels[1].definition.name)
    best: dict[str, DecisiveCriterion] = {}
    least = {one.word: one.differ for one in found}
    for changed, criterion in _without_one(funnels):
        pairs = count(*changed)
        for word in words:
            differ = agreement_of(word, names, pairs).differ
            if differ < least[word.word]:  # the first of those that make as much
                least[word.word] = differ
                best[word.word] = evolve(criterion, differ=differ)
    return tuple(_decided(one, best.get(one.word)) for one in found)


def _decided(one: Agreement, found: DecisiveCriterion | None) -> Agreement:
    """Return an agreement with a criterion, if that makes enough of the difference."""
    if found is None or one.differ - found.differ < one.differ * SHARE:
        return one
    return evolve(one, decisive=found)


def _without_one(
    funnels: tuple[Funnel, Funnel],
) -> Iterator[tuple[tuple[Funnel, Funnel], DecisiveCriterion]]:
    """Yield both definitions, one of them without one of its criteria."""
    for place, funnel in enumerate(funnels):
        for key, rule in _criteria(funnel.linked).items():
            changed = Funnel(_without(funnel.linked, key))
            pair = (changed, funnels[1]) if place == 0 else (funnels[0], changed)
            words = rule_words(rule)
            yield pair, DecisiveCriterion(funnel.definition.name, rule.label or words, words, 0)


def _criteria(linked: Linked) -> Mapping[object, Leaf | Custom]:
    """Return the criteria of a definition, by what they mean."""
    rules = (t.rule for t in linked.transitions if t.rule is not None)
    return {rule_key(leaf): leaf for rule in rules for leaf in _leaves(rule)}


def _leaves(rule: Rule) -> Iterator[Leaf | Custom]:
    if isinstance(rule, Leaf | Custom):
        yield rule
    elif not isinstance(rule, Roles):
        for inner in rule.rules:
            yield from _leaves(inner)


def _without(linked: Linked, key: object) -> Linked:
    """Return a definition in which a criterion counts as met wherever it is asked."""
    transitions = tuple(
        t if t.rule is None else evolve(t, rule=_met(t.rule, key)) for t in linked.transitions
    )
    return evolve(linked, transitions=transitions)


def _met(rule: Rule, key: object) -> Rule:
    if isinstance(rule, AllOf | AnyOf | AtLeast):
        return evolve(rule, rules=tuple(_met(inner, key) for inner in rule.rules))
    return _ALWAYS_MET if rule_key(rule) == key else rule
