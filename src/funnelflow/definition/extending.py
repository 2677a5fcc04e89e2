"""A file becomes a definition: with the vocabulary it speaks and the definition it extends.

What a file says of its own comes first and wins: its title and version replace those of the
definition it extends, its transitions are tried before those or replace them, its stages come
after them. A stage that is named again gains the nested stages, aliases and words it is given.
Fields and events can be added, never declared otherwise: evidence is shared, so a name means one
thing.
"""

from collections.abc import Mapping
from typing import Protocol, TypeVar

from attrs import define, evolve, fields

from funnelflow.criteria import Position
from funnelflow.definition.file_shapes import DefinitionDraft
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
from funnelflow.definition.problems import Place, Problems, place_of, suggest
from funnelflow.definition.requirement_kinds import Use
from funnelflow.definition.transition_kinds import Replaced, TransitionDraft

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
        place = Place(self.problems, use.position).part("use")
        if block is None:
            place.report("F214", suggestion=suggest(use.block, self.blocks), name=use.block)
            self.problems.is_partial = True
            return None
        self.used += _count(block)
        if self.used > MOST_USED:
            place.report("F003", "blocks", most=MOST_USED)
            return None
        return evolve(block, label=use.label) if use.label else block


def _count(item: Requirement) -> int:
    return 1 if isinstance(item, Criterion) else sum(map(_count, item.items))


def without(base: Definition, read: DefinitionDraft, problems: Problems) -> Definition:
    """Remove the stages that a file does without; each must be there, and optional."""
    place = Place(problems, read.own.position).part("without")
    for number, name in enumerate(read.without):
        if _may_go(base, name, place.part(number)):
            base = remove_stage(base, name)
    if read.without and not base.initial and not read.own.initial:
        place.report("F605")
    return base


def _may_go(base: Definition, name: str, place: Place) -> bool:
    """Whether a stage may be removed, or report why not."""
    stages = dict(base.walk())
    if name not in stages:
        known = [other for other, stage in stages.items() if stage.optional]
        place.report("F203", "to_remove", suggestion=suggest(name, known or stages), name=name)
    elif not stages[name].optional:
        place.report("F603", name=name, definition=base.name)
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


def extend(
    base: Definition | None,
    read: DefinitionDraft,
    vocabulary: Vocabulary | None,
    problems: Problems,
) -> Definition:
    """Make a definition of a file and the one it extends.

    Args:
        base: The definition that is extended; None for a file that extends none.
        read: The file.
        vocabulary: The vocabulary that the file names; None for none beside the base's.
        problems: Where everything is reported that does not go together.
    """
    own = read.own
    if base is None:
        if read.without:
            Place(problems, own.position).part("without").report("F604")
        base, vocabulary = Definition(own.name, vocabulary or Vocabulary(own.name), "", ()), None
    else:
        base = without(base, read, problems)
    spoken = base.vocabulary
    for more in (vocabulary, own.vocabulary):
        spoken = _merged(spoken, more, problems) if more else spoken
    filled = with_blocks(own.transitions, spoken.criteria, problems)
    return evolve(
        own,
        name=own.name or base.name,
        vocabulary=spoken,
        initial=own.initial or base.initial,
        stages=_refined(base.stages, own.stages, problems),
        transitions=_joined(base, filled, problems),
        scenarios=(*base.scenarios, *own.scenarios),
        always=(*base.always, *own.always),
        version=own.version if read.says_version else base.version,
        title=own.title or base.title,
        about=own.about or base.about,
        force=own.force or base.force,
    )


def _joined(
    base: Definition, own: tuple[Transition, ...], problems: Problems
) -> tuple[Transition, ...]:
    """Put the transitions of a file before those it extends, or in the places of some of them."""
    first: list[Transition] = []
    kept = list(base.transitions)
    for number, transition in enumerate(own):
        written = _undrafted(transition)
        place = place_of(problems, written, number)
        if not isinstance(transition, TransitionDraft):
            _tell_beside(transition, base, place)
            first.append(transition)
            continue
        at = _replaced_by(transition, base, place.part("replaces"))
        if at is None:
            first.append(written)
        else:
            kept[at] = written
    return (*first, *kept)


def _undrafted(draft: Transition) -> Transition:
    """Return the transition itself."""
    if not isinstance(draft, TransitionDraft):
        return draft
    parts = {a.name: getattr(draft, a.name) for a in fields(Transition)}
    return Transition(**parts)


def _replaced_by(draft: TransitionDraft, base: Definition, place: Place) -> int | None:
    """Return the number of the transition that is replaced; None, after a report, if none."""
    if draft.replaces is False:
        return None
    which = draft.replaces if isinstance(draft.replaces, Replaced) else Replaced()
    sources, to = set(which.sources or draft.sources), which.to or draft.to
    alike = [
        number
        for number, other in enumerate(base.transitions)
        if other.to == to and set(other.sources) == sources and set(which.on) <= set(other.on)
    ]
    if len(alike) > 1 and not which.on:
        taken = set(draft.on)
        alike = [n for n in alike if set(base.transitions[n].on) == taken] or alike
    if len(alike) == 1:
        return alike[0]
    arrow = f"{', '.join(sorted(sources))} to {to}"
    variant = "several" if alike else "none" if base.transitions else "alone"
    place.report("F607", variant, arrow=arrow, definition=base.name)
    return None


def _tell_beside(transition: Transition, base: Definition, place: Place) -> None:
    """Tell that a transition stands beside one that leads the same way, where that is not said."""
    for other in base.transitions:
        same_way = other.to == transition.to and set(other.sources) & set(transition.sources)
        both_automatic = other.is_automatic and transition.is_automatic
        if same_way and (both_automatic or set(other.on) & set(transition.on)):
            there = other.position
            if there:
                place.report("F608", "placed", path=there.path, line=there.line)
            else:
                place.report("F608", "beside", definition=base.name)
            return


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
        place, there = Place(problems, second[name].position), first[name].position
        if there:
            path, line = there.path, there.line
            place.report("F302", "placed", kind=kind, name=name, path=path, line=line)
        else:
            place.report("F302", "declared", kind=kind, name=name)
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
        place = Place(problems, more.position).part("type")
        place.report("F606", name=stage.name, type=stage.type)
    return evolve(
        stage,
        title=more.title or stage.title,
        about=more.about or stage.about,
        aliases=(*stage.aliases, *(a for a in more.aliases if a not in stage.aliases)),
        owner=more.owner or stage.owner,
        playbook=more.playbook or stage.playbook,
        stages=_refined(stage.stages, more.stages, problems),
        optional=stage.optional or more.optional,
        rotting_after=more.rotting_after or stage.rotting_after,
    )
