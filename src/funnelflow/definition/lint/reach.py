"""Where contacts can get to: stages that nothing leads to, traps, and stages nobody stays in."""

from collections.abc import Iterator, Mapping

from funnelflow.definition.linked import Linked, LinkedTransition
from funnelflow.definition.lint.names import stage_site
from funnelflow.definition.lint.sites import transition_site
from funnelflow.definition.problems import Problems
from funnelflow.definition.stages import parent_of

__all__ = ["check_reach"]


def check_reach(linked: Linked, problems: Problems) -> None:
    """Check that every stage can be entered, and left unless it is an end."""
    leaving: dict[str, list[LinkedTransition]] = {leaf: [] for leaf in linked.leaves}
    for transition in linked.transitions:
        for leaf, _ in transition.sources:
            leaving[leaf].append(transition)
    reached = _reached(linked.initial, leaving)
    for name in _outermost(linked, set(linked.leaves) - reached):
        site = stage_site(name, linked.stages[name])
        message = f"nothing leads to the stage {name!r}"
        help_text = "add a transition to it, or make it part of what is reached"
        problems.add("F403", site.key(), message, help_text)
    for leaf in linked.leaves:
        if leaf in reached:
            _check_way_out(leaf, linked, leaving[leaf], problems)
    _check_passages(linked, problems)


def _reached(initial: str, leaving: Mapping[str, list[LinkedTransition]]) -> set[str]:
    """Give the leaves to which some chain of transitions leads."""
    found, ahead = {initial}, [initial]
    while ahead:
        for transition in leaving[ahead.pop()]:
            if transition.to not in found:
                found.add(transition.to)
                ahead.append(transition.to)
    return found


def _outermost(linked: Linked, missed: set[str]) -> Iterator[str]:
    """Yield the stages none of whose leaves is reached, without those nested in them."""
    told: set[str] = set()
    for name in linked.stages:
        if parent_of(name) in told or missed.issuperset(linked.leaves_of(name)):
            told.add(name)
            if parent_of(name) not in told:
                yield name


def _check_way_out(
    leaf: str, linked: Linked, leaving: list[LinkedTransition], problems: Problems
) -> None:
    """Check that a contact can leave an open stage."""
    if linked.type_of(leaf) != "open" or any(t.to != leaf for t in leaving):
        return
    message = f"nothing leads out of the open stage {leaf!r}"
    help_text = "add a transition, or `type: won` or `type: lost` if it is an end"
    problems.add("F404", stage_site(leaf, linked.stages[leaf]).key(), message, help_text)


def _check_passages(linked: Linked, problems: Problems) -> None:
    """Find stages left at once, and transitions that lead by themselves to where they begin."""
    told: set[str] = set()
    for transition in linked.transitions:
        written = transition.transition
        if written.on:
            continue
        site = transition_site(transition.index, written)
        leaves = [leaf for leaf, _ in transition.sources]
        if transition.to in leaves:
            message = f"a contact in {transition.to!r} would only go round here"
            problems.add("F414", site.part("to").span(), message, "name another stage in `to`")
        if written.after is None and transition.rule is None:
            passed = [leaf for leaf in leaves if leaf != transition.to and leaf not in told]
            told.update(passed)
            _tell_passed(passed, transition, problems)


def _tell_passed(passed: list[str], transition: LinkedTransition, problems: Problems) -> None:
    if not passed:
        return
    names = ", ".join([*map(repr, passed[:3]), *(["…"] if passed[3:] else [])])
    site = transition_site(transition.index, transition.transition)
    message = f"nobody stays in {names}: this transition needs nothing to be taken"
    problems.add("F413", site.span(), message, "add `on`, `after` or `require`")
