"""What a definition says always holds: proved of its transitions, or broken, with an example.

An invariant about the order or the nesting of stages is held against the paths through them as
they are written. What is needed in a stage is proved by induction. Whoever enters met the criteria
of the transition: these must imply it. Whoever stays was not taken out by a transition that is
taken as soon as its criteria are met: wherever none of these are met, it must hold, whatever
facts were set, by whom, by which event, and however late it is. Left aside are moves that are
forced, the rules of an adoption, and what plugins veto.
"""

from collections.abc import Collection, Iterator
from typing import Any, Literal, TypeAlias

from funnelflow.criteria import MORE, AllOf, Expression, Rule
from funnelflow.criteria.cases import Case
from funnelflow.criteria.implication import find_case
from funnelflow.criteria.tree import Has, Read, walk
from funnelflow.criteria.value_forms import dump_value
from funnelflow.definition.linked import Linked, LinkedInvariant, LinkedTransition
from funnelflow.definition.lint.reachability import Successors, shortest_path, successors_of
from funnelflow.definition.model import Invariant
from funnelflow.definition.problems import Problems, place_of

_LONGEST = 8
"""How many stages of a path are shown."""

Violation: TypeAlias = tuple[str, dict[str, Any]]
"""The variant of the problem, and its parameters."""


def check_invariants(linked: Linked, successors: Successors, problems: Problems) -> None:
    """Report every invariant that the transitions of the definition break."""
    for number, checked in enumerate(linked.always):
        invariant = checked.invariant
        place = place_of(problems, invariant, number)
        broken = (
            _misplaced(invariant, linked, successors)
            or _not_on_entry(checked, linked, problems)
            or _not_kept(checked, linked)
        )
        if broken:
            variant, parameters = broken
            place.report("F415", variant, label=invariant.label, **parameters)


def _misplaced(invariant: Invariant, linked: Linked, successors: Successors) -> Violation | None:
    """Return how an invariant about the order or the nesting of stages is broken, if it is."""
    leaves = linked.leaves_of(invariant.stage)
    if invariant.inside and not set(leaves) <= set(linked.leaves_of(invariant.inside)):
        return "inside", {"stage": invariant.stage, "inside": invariant.inside}
    if invariant.after:
        before = _leaves(invariant.after, linked) - set(leaves)
        path = shortest_path([linked.initial], leaves, successors, before)
        return ("after", {"after": invariant.after, "path": _shown(path)}) if path else None
    if invariant.never_after:
        path = _path_back(invariant, linked, successors_of(linked, resumed=True))
        return ("never_after", {"path": _shown(path)}) if path else None
    return None


def _path_back(invariant: Invariant, linked: Linked, successors: Successors) -> list[str]:
    """Return the path on which somebody comes back who must not; empty if there is none."""
    leaves = linked.leaves_of(invariant.stage)
    reached = [
        leaf
        for leaf in _leaves(invariant.never_after, linked) - set(leaves)
        if shortest_path([linked.initial], [leaf], successors)
    ]
    return shortest_path(sorted(reached, key=linked.leaves.index), leaves, successors)


def _leaves(names: tuple[str, ...], linked: Linked) -> set[str]:
    return {leaf for name in names for leaf in linked.leaves_of(name)}


def _shown(path: list[str]) -> tuple[str, ...]:
    return (*path[:_LONGEST], *([MORE] if len(path) > _LONGEST else []))


def _not_on_entry(checked: LinkedInvariant, linked: Linked, problems: Problems) -> Violation | None:
    """Return how a stage is entered without what the invariant needs, if it is."""
    if checked.needs is None:
        return None
    leaves = linked.leaves_of(checked.invariant.stage)
    if linked.initial in leaves:
        return "initial", {"stage": linked.initial}
    for transition in _entering(leaves, linked):
        case = _entered_without(transition, checked.needs)
        if case is False:
            continue
        facts = {} if case is None else {"facts": _facts_words(case, checked.needs)}
        position = transition.transition.position
        if position:
            return "placed", {"line": position.line, **facts}
        return "transition", {"transition": transition.place(problems).about, **facts}
    return None


def _entered_without(transition: LinkedTransition, needs: Expression) -> Any:
    """Return a case in which a transition is taken without what is needed; False if none is."""
    changed = {name for name, _ in transition.sets} & set(_fields_of(needs))
    rules = [transition.rule] if transition.rule is not None else []
    if changed:  # what it sets is not what its criteria saw
        return None
    return find_case(rules, [needs])


def _not_kept(checked: LinkedInvariant, linked: Linked) -> Violation | None:
    """Return how a contact who stays in a stage loses what the invariant needs, if one does."""
    if checked.needs is None or not checked.invariant.needs:
        return None
    back = successors_of(linked, automatic=True)
    for leaf in linked.leaves_of(checked.invariant.stage):
        case = lost_in(leaf, checked.needs, linked, back)
        if case is None:
            return "unproved", {"stage": leaf}
        if case:
            facts = _facts_words(case, checked.needs)
            return "lost", {"stage": leaf, "facts": facts, **_ending_in(leaf, linked)}
    return None


def _ending_in(leaf: str, linked: Linked) -> dict[str, str]:
    """Return the first story of the definition that ends in a leaf, if one does."""
    for scenario in linked.definition.scenarios:
        if leaf in linked.index.inside.get(scenario.then, ()):
            return {"story": scenario.story}
    return {}


def lost_in(
    leaf: str, needs: Expression, linked: Linked, back: Successors
) -> Case | Literal[False] | None:
    """Find facts with which a contact rests in a leaf, and what is needed does not hold.

    Args:
        leaf: The leaf.
        needs: What is needed there.
        linked: The definition.
        back: Where transitions lead that neither an event nor a wait takes.

    Returns:
        Such facts; False where it is proved that there are none; None where neither is known.
    """
    return find_case([], [needs, *_leaving_at_once(leaf, linked, back)])


def _leaving_at_once(leaf: str, linked: Linked, back: Successors) -> Iterator[Rule]:
    """Yield the criteria of which none are met while a contact rests in a leaf.

    A transition whose target leads back to the leaf by itself is left out: the contact may come
    from there, and enters each stage once at one moment.
    """
    for transition in linked.transitions:
        if not transition.transition.is_automatic or leaf not in dict(transition.sources):
            continue
        if not any(shortest_path([to], [leaf], back) for to in transition.targets):
            yield AllOf("", ()) if transition.rule is None else transition.rule


def _fields_of(needs: Expression) -> Iterator[str]:
    """Yield the fields of the contact that an expression reads."""
    for node in walk(needs.tree):
        if isinstance(node, Read | Has) and node.root == "contact":
            yield node.field.name


def _facts_words(case: Case, needs: Expression) -> str:
    """Return the facts of a case that an invariant reads, as a person would set them."""
    names = dict.fromkeys(_fields_of(needs))
    facts = (f"{name}={_value_words(case.contact.get(name))}" for name in names)
    return " ".join(facts)


def _value_words(value: Any) -> str:
    """Return a value as it is typed; nothing for one that is not known."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(dump_value(value))


def _entering(leaves: Collection[str], linked: Linked) -> Iterator[LinkedTransition]:
    """Yield the transitions that lead into some leaves from outside."""
    for transition in linked.transitions:
        outside = any(leaf not in leaves for leaf, _ in transition.sources)
        if outside and not set(transition.targets).isdisjoint(leaves):
            yield transition
