"""`without`: a definition with optional stages taken out and the gaps closed.

What led into a removed stage is dropped. What led out of it starts from its predecessors
instead: the stages from which the dropped transitions came. Scenarios that name a removed
stage are dropped, because their end or a move in them is gone, and so are promises about it;
all others stay and go on being tested.
"""

from attrs import evolve

from funnelflow.definition.decoding.drafts import Draft
from funnelflow.definition.places import Span, locate
from funnelflow.definition.problems import Problems, did_you_mean
from funnelflow.definition.records import Definition, Invariant, Scenario, Stage, Transition

__all__ = ["remove_stage", "without"]


def without(base: Definition, draft: Draft, problems: Problems) -> Definition:
    """Remove the stages that a draft does without.

    Args:
        base: The definition that is extended.
        draft: Whose `without` names the stages.
        problems: Where stages are reported that do not exist or are not optional.
    """
    for number, name in enumerate(draft.without):
        span = locate(draft.position, "without", number)
        if _may_go(base, name, span, problems):
            base = remove_stage(base, name)
    if draft.without and not base.initial and not draft.initial:
        message = "the stage in which contacts start is removed"
        problems.add("F605", locate(draft.position, "without"), message, "add `initial: stage`")
    return base


def _may_go(base: Definition, name: str, span: Span, problems: Problems) -> bool:
    """Tell whether a stage may be removed, or report why not."""
    stages = dict(base.walk())
    if name not in stages:
        known = [other for other, stage in stages.items() if stage.optional]
        message = f"there is no stage {name!r} to remove"
        problems.add("F203", span, message, did_you_mean(name, known or stages, kind="stage"))
    elif not stages[name].optional:
        message = f"the stage {name!r} is not optional in {base.name!r}"
        problems.add("F603", span, message, "remove it here, or mark it `optional: true` there")
    else:
        return True
    return False


def remove_stage(definition: Definition, name: str) -> Definition:
    """Give a definition without a stage and those nested in it; the initial one leaves a gap.

    Args:
        definition: The definition.
        name: The stage's dotted name.
    """
    into = [t for t in definition.transitions if _is_in(t.to, name)]
    before = dict.fromkeys(s for t in into for s in t.sources if not _is_in(s, name))
    closed = [_led_out(t, name, tuple(before)) for t in definition.transitions]
    return evolve(
        definition,
        initial="" if _is_in(definition.initial, name) else definition.initial,
        stages=_cut(definition.stages, name.split(".")),
        transitions=tuple(t for t in closed if t is not None),
        scenarios=tuple(s for s in definition.scenarios if not _tells_of(s, name)),
        always=tuple(i for i in definition.always if not _promises(i, name)),
    )


def _led_out(transition: Transition, name: str, before: tuple[str, ...]) -> Transition | None:
    """Give a transition that starts from the predecessors where it left the removed stage."""
    if _is_in(transition.to, name):
        return None
    kept: dict[str, None] = {}
    for source in transition.sources:
        if not _is_in(source, name):
            kept[source] = None
            continue
        kept.update(dict.fromkeys(other for other in before if other != transition.to))
    return evolve(transition, sources=tuple(kept)) if kept else None


def _cut(stages: tuple[Stage, ...], way: list[str]) -> tuple[Stage, ...]:
    """Give stages without the one that the way leads to."""
    first, *rest = way
    if not rest:
        return tuple(stage for stage in stages if stage.name != first)
    return tuple(
        evolve(stage, stages=_cut(stage.stages, rest)) if stage.name == first else stage
        for stage in stages
    )


def _tells_of(scenario: Scenario, name: str) -> bool:
    """Tell whether a scenario ends in a removed stage, or moves there."""
    return any(_is_in(stage, name) for stage in (scenario.then, *(s.to for s in scenario.when)))


def _promises(invariant: Invariant, name: str) -> bool:
    """Tell whether a promise speaks of a removed stage."""
    named = (invariant.stage, invariant.inside, *invariant.after, *invariant.never_after)
    return any(_is_in(stage, name) for stage in named)


def _is_in(stage: str, name: str) -> bool:
    """Tell whether a stage is the named one or nested in it."""
    return stage == name or stage.startswith(f"{name}.")
