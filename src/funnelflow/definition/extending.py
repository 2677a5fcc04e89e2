"""A draft becomes a definition: with the vocabulary it speaks and the definition it extends.

What a file says of its own comes first and wins: its title and version replace those of the
definition it extends, its transitions are tried before those, its stages come after them. A
stage that is named again gains the nested stages, aliases and words it is given. Fields and
events can be added, never declared otherwise: evidence is shared, so a name means one thing.
"""

from collections.abc import Mapping
from typing import Protocol, TypeVar

from attrs import define, evolve

from funnelflow.criteria import Position
from funnelflow.definition.file_shapes import Draft
from funnelflow.definition.model import (
    Criterion,
    Definition,
    Group,
    Invariant,
    Requirement,
    Scenario,
    Stage,
    Transition,
    Vocabulary,
)
from funnelflow.definition.problems import Problems, suggest
from funnelflow.definition.requirement_kinds import Use
from funnelflow.definition.source_locations import Span, locate

MOST_USED = 20_000
"""How many criteria all uses of a file may stand for; a short file could stand for millions."""


def with_blocks(
    transitions: tuple[Transition, ...], blocks: Mapping[str, Group], problems: Problems
) -> tuple[Transition, ...]:
    """Put the criteria of blocks in the places where transitions use them, by their names."""
    filler = _Filler(blocks, problems)
    return tuple(filler.transition(transition) for transition in transitions)


@define
class _Filler:
    """Fills in blocks, and counts the criteria that this makes."""

    blocks: Mapping[str, Group]
    problems: Problems
    used: int = 0

    def transition(self, transition: Transition) -> Transition:
        """Return a transition with the criteria of the blocks it uses."""
        if transition.require is None:
            return transition
        filled = self._filled(transition.require)
        same = filled is transition.require
        return transition if same else evolve(transition, require=filled)

    def _filled(self, item: Requirement) -> Requirement | None:
        """Return an item with its blocks filled in; None where they do not exist."""
        if isinstance(item, Use):
            return self._block(item)
        if isinstance(item, Criterion):
            return item
        found = tuple(self._filled(inner) for inner in item.items)
        if all(new is old for new, old in zip(found, item.items, strict=True)):
            return item
        kept = tuple(inner for inner in found if inner is not None)
        return evolve(item, items=kept) if kept else None

    def _block(self, use: Use) -> Group | None:
        """Return the criteria of a block, under the label of the use if it has one."""
        block = self.blocks.get(use.block)
        span = locate(use.position, "use")
        if block is None:
            known = suggest(use.block, self.blocks)
            self.problems.report("F214", span, suggestion=known, name=use.block)
            return None
        self.used += _count(block)
        if self.used > MOST_USED:
            self.problems.report("F003", span, "blocks", most=MOST_USED)
            return None
        return evolve(block, label=use.label) if use.label else block


def _count(item: Requirement) -> int:
    return 1 if isinstance(item, Criterion) else sum(map(_count, item.items))


def without(base: Definition, draft: Draft, problems: Problems) -> Definition:
    """Remove the stages that a draft does without; each must be there, and optional."""
    for number, name in enumerate(draft.without):
        span = locate(draft.position, "without", number)
        if _may_go(base, name, span, problems):
            base = remove_stage(base, name)
    if draft.without and not base.initial and not draft.initial:
        problems.report("F605", locate(draft.position, "without"))
    return base


def _may_go(base: Definition, name: str, span: Span, problems: Problems) -> bool:
    """Whether a stage may be removed, or report why not."""
    stages = dict(base.walk())
    if name not in stages:
        known = [other for other, stage in stages.items() if stage.optional]
        meant = suggest(name, known or stages)
        problems.report("F203", span, "to_remove", suggestion=meant, name=name)
    elif not stages[name].optional:
        problems.report("F603", span, name=name, definition=base.name)
    else:
        return True
    return False


def remove_stage(definition: Definition, name: str) -> Definition:
    """Return a definition without a stage and those nested in it; the initial one leaves a gap."""
    into = [t for t in definition.transitions if _is_in(t.to, name)]
    before = dict.fromkeys(s for t in into for s in t.sources if not _is_in(s, name))
    closed = [_led_out(t, name, tuple(before)) for t in definition.transitions]
    return evolve(
        definition,
        initial="" if _is_in(definition.initial, name) else definition.initial,
        stages=_cut(definition.stages, name.split(".")),
        transitions=tuple(t for t in closed if t is not None),
        scenarios=tuple(s for s in definition.scenarios if not _mentions(s, name)),
        always=tuple(i for i in definition.always if not _is_about(i, name)),
    )


def _led_out(transition: Transition, name: str, before: tuple[str, ...]) -> Transition | None:
    """Return a transition that starts from the predecessors where it left the removed stage."""
    if _is_in(transition.to, name):
        return None
    kept: dict[str, None] = {}
    for source in transition.sources:
        if not _is_in(source, name):
            kept[source] = None
            continue
        kept.update(dict.fromkeys(other for other in before if other != transition.to))
    return evolve(transition, sources=tuple(kept)) if kept else None


def _cut(stages: tuple[Stage, ...], path: list[str]) -> tuple[Stage, ...]:
    """Return stages without the one that a path leads to."""
    first, *rest = path
    if not rest:
        return tuple(stage for stage in stages if stage.name != first)
    return tuple(
        evolve(stage, stages=_cut(stage.stages, rest)) if stage.name == first else stage
        for stage in stages
    )


def _mentions(scenario: Scenario, name: str) -> bool:
    """Whether a scenario ends in a removed stage, or moves there."""
    return any(_is_in(stage, name) for stage in (scenario.then, *(s.to for s in scenario.when)))


def _is_about(invariant: Invariant, name: str) -> bool:
    """Whether an invariant speaks of a removed stage."""
    named = (invariant.stage, invariant.inside, *invariant.after, *invariant.never_after)
    return any(_is_in(stage, name) for stage in named)


def _is_in(stage: str, name: str) -> bool:
    """Whether a stage is the named one or nested in it."""
    return stage == name or stage.startswith(f"{name}.")


class _Declared(Protocol):
    @property
    def position(self) -> Position | None: ...


T = TypeVar("T", bound=_Declared)


def build(draft: Draft, vocabulary: Vocabulary | None, problems: Problems) -> Definition:
    """Make a definition of a draft that extends none; it may have a vocabulary of its own alone."""
    if draft.without:
        problems.report("F604", locate(draft.position, "without"))
    nothing = Definition(draft.name, vocabulary or Vocabulary(draft.name), "", ())
    return extend(nothing, evolve(draft, without=()), None, problems)


def extend(
    base: Definition, draft: Draft, vocabulary: Vocabulary | None, problems: Problems
) -> Definition:
    """Make a definition of a draft and the one it extends.

    Args:
        base: The definition that is extended.
        draft: The file.
        vocabulary: Another vocabulary that the file names; None for the base's alone.
        problems: Where everything is reported that does not go together.
    """
    trimmed = without(base, draft, problems)
    spoken = _merged(base.vocabulary, vocabulary, problems) if vocabulary else base.vocabulary
    spoken = _spoken(spoken, draft, problems)
    return Definition(
        name=draft.name or base.name,
        vocabulary=spoken,
        initial=draft.initial or trimmed.initial,
        stages=_refined(trimmed.stages, draft.stages, problems),
        transitions=(
            *with_blocks(draft.transitions, spoken.criteria, problems),
            *trimmed.transitions,
        ),
        scenarios=(*trimmed.scenarios, *draft.scenarios),
        always=(*trimmed.always, *draft.always),
        version=base.version if draft.version is None else draft.version,
        title=draft.title or base.title,
        about=draft.about or base.about,
        force=draft.force or base.force,
        path=draft.path,
        position=draft.position,
    )


def _spoken(vocabulary: Vocabulary, draft: Draft, problems: Problems) -> Vocabulary:
    """Add a file's own fields and events to a vocabulary."""
    if not (draft.fields or draft.events or draft.criteria):
        return vocabulary
    own = Vocabulary(draft.name, fields=draft.fields, events=draft.events, criteria=draft.criteria)
    return _merged(vocabulary, own, problems)


def _merged(first: Vocabulary, second: Vocabulary, problems: Problems) -> Vocabulary:
    return evolve(
        first,
        fields=_united(first.fields, second.fields, "field", problems),
        events=_united(first.events, second.events, "event", problems),
        criteria=_united(first.criteria, second.criteria, "block of criteria", problems),
    )


def _united(
    first: Mapping[str, T], second: Mapping[str, T], kind: str, problems: Problems
) -> dict[str, T]:
    """Unite declarations; those that differ are reported where they are declared again."""
    for name in second.keys() & first.keys():
        if first[name] == second[name]:
            continue
        span, there = locate(second[name].position), first[name].position
        if there:
            path, line = there.path, there.line
            problems.report("F302", span, "placed", kind=kind, name=name, path=path, line=line)
        else:
            problems.report("F302", span, "declared", kind=kind, name=name)
    return {**first, **{name: second[name] for name in second if name not in first}}


def _refined(
    stages: tuple[Stage, ...], more: tuple[Stage, ...], problems: Problems
) -> tuple[Stage, ...]:
    """Add stages; one that is there already gains what it is given."""
    again = {stage.name: stage for stage in more}
    refined = [_refine(s, again.pop(s.name), problems) if s.name in again else s for s in stages]
    return (*refined, *again.values())


def _refine(stage: Stage, more: Stage, problems: Problems) -> Stage:
    if more.type not in ("open", stage.type):
        problems.report("F606", locate(more.position, "type"), name=stage.name, type=stage.type)
    return evolve(
        stage,
        title=more.title or stage.title,
        about=more.about or stage.about,
        aliases=(*stage.aliases, *(a for a in more.aliases if a not in stage.aliases)),
        owner=more.owner or stage.owner,
        playbook=more.playbook or stage.playbook,
        stages=_refined(stage.stages, more.stages, problems),
        optional=stage.optional or more.optional,
    )
