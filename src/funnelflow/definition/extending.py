"""A draft becomes a definition: with the vocabulary it speaks and the definition it extends.

What a file says of its own comes first and wins: its title and version replace those of the
definition it extends, its transitions are tried before those, its stages come after them. A
stage that is named again gains the nested stages, aliases and words it is given. Fields and
events can be added, never declared otherwise: evidence is shared, so a name means one thing.
"""

from collections.abc import Mapping
from typing import Protocol, TypeVar

from attrs import evolve

from funnelflow.criteria import Position
from funnelflow.definition.blocks import with_blocks
from funnelflow.definition.decoding.drafts import Draft
from funnelflow.definition.places import locate
from funnelflow.definition.problems import Problems
from funnelflow.definition.records import Definition, Stage, Vocabulary
from funnelflow.definition.removing import without

__all__ = ["build", "extend"]


class _Declared(Protocol):
    @property
    def position(self) -> Position | None: ...


T = TypeVar("T", bound=_Declared)


def build(draft: Draft, vocabulary: Vocabulary | None, problems: Problems) -> Definition:
    """Make a definition of a draft that extends none.

    Args:
        draft: What the file says.
        vocabulary: What it shares with others; None for a vocabulary of its own alone.
        problems: Where names are reported that are declared twice.
    """
    if draft.without:
        span = locate(draft.position, "without")
        problems.add("F604", span, "'without' needs 'extends'", "name the definition to build on")
    spoken = _spoken(vocabulary or Vocabulary(draft.name), draft, problems)
    return Definition(
        name=draft.name,
        vocabulary=spoken,
        initial=draft.initial,
        stages=draft.stages,
        transitions=with_blocks(draft.transitions, spoken.criteria, problems),
        scenarios=draft.scenarios,
        always=draft.always,
        version=1 if draft.version is None else draft.version,
        title=draft.title,
        about=draft.about,
        force=draft.force,
        path=draft.path,
        position=draft.position,
    )


def extend(
    base: Definition, draft: Draft, vocabulary: Vocabulary | None, problems: Problems
) -> Definition:
    """Make a definition of a draft and the one it extends.

    Args:
        base: What is extended.
        draft: What the file says.
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
        there = first[name].position
        where = f" in {there.path}, line {there.line}" if there else ""
        message = f"the {kind} {name!r} is declared otherwise{where}"
        problems.add("F302", locate(second[name].position), message, "choose another name")
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
        message = f"the stage {stage.name!r} is of type {stage.type} where it comes from"
        problems.add("F606", locate(more.position, "type"), message, "add a stage of another name")
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
