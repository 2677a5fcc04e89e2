"""What is different in a changed definition by its effect: proved, or not decided.

Two texts may say the same, and one word may change everything. Each transition of one version is
held against the one most like it in the other: whether its criteria are met by the same contacts,
by more, by fewer, or by others, for all facts that there can be.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal, TypeAlias

from attrs import evolve, frozen

from funnelflow.criteria import AllOf, Rule, rule_expressions
from funnelflow.criteria.cases import Case
from funnelflow.criteria.implication import find_case
from funnelflow.criteria.tree import Has, Read, walk
from funnelflow.criteria.value_forms import dump_value
from funnelflow.definition import Definition, Linked, diff
from funnelflow.definition.difference import Pair, matched, renamed_stages
from funnelflow.definition.model import arrow

EffectKind: TypeAlias = Literal["same", "looser", "stricter", "other", "undecided", "changed"]


@frozen
class Effect:
    """What has become of one transition, or of something else that decides where a contact is.

    Attributes:
        kind: Whether its criteria let in the same contacts, more (``looser``), fewer
            (``stricter``), or others; ``undecided`` where neither is known, and ``changed`` for
            a difference that is not one of criteria.
        name: The transition, or what else it is about.
        words: What is different, in words.
        is_proved: Whether it holds for all facts that there can be.
        let_in: Facts with which only the new version is open; empty where there are none.
        kept_out: Facts with which only the old version is open; empty where there are none.
    """

    kind: EffectKind
    name: str
    words: str
    is_proved: bool
    let_in: str = ""
    kept_out: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as data."""
        return {
            "kind": self.kind,
            "name": self.name,
            "words": self.words,
            "proved": self.is_proved,
            "let_in": self.let_in,
            "kept_out": self.kept_out,
        }


_WORDS: Mapping[EffectKind, str] = {
    "same": "proved to let in the same contacts",
    "looser": "proved to let in everybody it let in, and more",
    "stricter": "proved to let in fewer, and nobody else",
    "other": "proved to let in others, and to keep others out",
    "undecided": "not proved to let in the same contacts, nor others",
}


def effects_of(old: Linked, new: Linked) -> tuple[Effect, ...]:
    """Return what is different by its effect, proved differences first.

    Args:
        old: The definition as it is.
        new: The changed one.
    """
    names = renamed_stages(old.definition, new.definition)
    pairs = matched(old.definition.transitions, new.definition.transitions, names)
    numbers = {id(t): number for number, t in enumerate(new.definition.transitions)}
    found = []
    for pair in pairs:
        if pair.old is not None and pair.new is not None and _differs(pair):
            rules = old.transitions[pair.number].rule, new.transitions[numbers[id(pair.new)]].rule
            found.append(_criteria_effect(arrow(pair.new), *rules))
    found += _others(old.definition, new.definition)
    order: list[EffectKind] = ["other", "looser", "stricter", "changed", "undecided", "same"]
    return tuple(sorted(found, key=lambda effect: order.index(effect.kind)))


def _differs(pair: Pair) -> bool:
    """Whether the criteria of a transition are written otherwise."""
    old, new = pair.old, pair.new
    assert old is not None
    assert new is not None
    return (old.require, old.by) != (new.require, new.by)


def _criteria_effect(name: str, old: Rule | None, new: Rule | None) -> Effect:
    """Compare the criteria of a transition in two versions."""
    was, now = old or AllOf("", ()), new or AllOf("", ())
    more, fewer = find_case([now], [was]), find_case([was], [now])
    about = _fields_that_differ(was, now)
    kind: EffectKind = "undecided"
    if more is False and fewer is False:
        kind = "same"
    elif more and fewer:
        kind = "other"
    elif more and fewer is False:
        kind = "looser"
    elif fewer and more is False:
        kind = "stricter"
    let_in = case_words(more, about) if more else ""
    kept_out = case_words(fewer, about) if fewer else ""
    return Effect(kind, name, _WORDS[kind], kind != "undecided", let_in, kept_out)


def _fields_that_differ(old: Rule, new: Rule) -> frozenset[str]:
    """Return the fields that criteria read which only one of two rules has."""
    said = [{one.source: one.tree for one in rule_expressions(rule)} for rule in (old, new)]
    trees = [said[side][source] for side in (0, 1) for source in said[side].keys() - said[1 - side]]
    reads = (node for tree in trees for node in walk(tree) if isinstance(node, Read | Has))
    return frozenset(node.field.name for node in reads)


def case_words(case: Case, about: Collection[str] = ()) -> str:
    """Return the facts of a case as a person would set them.

    Args:
        case: The case.
        about: The fields that matter; all of them where there are none.
    """
    facts = {**case.contact, **{f"event.{name}": value for name, value in case.event.items()}}
    known = [name for name, value in facts.items() if value is not None]
    told = [name for name in known if not about or name.removeprefix("event.") in about]
    said = [f"{name}={_value(facts[name])}" for name in told]
    said += [f"{name} not known" for name in about if name not in case.contact]
    return " ".join([*said, *(f"by {role}" for role in case.roles)]) or "nothing known"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if whole else dump_value(value))


def _others(old: Definition, new: Definition) -> Iterator[Effect]:
    """Yield the differences that are none of criteria; that they matter is not proved."""
    for change in diff(_without_criteria(old), _without_criteria(new)):
        yield Effect("changed", change.name, change.words, is_proved=False)


def _without_criteria(definition: Definition) -> Definition:
    """Return a definition whose transitions require nothing, to see what else is different."""
    bare = tuple(evolve(t, require=None, by=()) for t in definition.transitions)
    return evolve(definition, transitions=bare, always=())
