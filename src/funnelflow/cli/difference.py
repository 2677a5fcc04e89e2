"""What has changed between two versions of a definition, in words."""

from collections.abc import Iterator, Mapping

from funnelflow.definition import Criterion, Definition, Requirement, Stage, Transition

from .render_decision import takes

__all__ = ["differences"]


def differences(old: Definition, new: Definition) -> tuple[str, ...]:
    """Say in words what is different in a new version; nothing for what only reads otherwise.

    Args:
        old: The version in use.
        new: The version that may follow it.
    """
    return (
        *_stages(old, new),
        *_transitions(old.transitions, new.transitions),
        *_names("field", old.vocabulary.fields, new.vocabulary.fields),
        *_names("event", old.vocabulary.events, new.vocabulary.events),
    )


def _stages(old: Definition, new: Definition) -> Iterator[str]:
    before, after = dict(old.walk()), dict(new.walk())
    renamed = {was: now for now, stage in after.items() for was in _former(stage, before, after)}
    if old.initial != new.initial:
        yield f"contacts start in {new.initial}, not in {old.initial}"
    for name in after:
        if name not in before and name not in renamed.values():
            yield f"stage {name} is added"
    for was, now in renamed.items():
        yield f"stage {was} is renamed to {now}"
    for name, stage in before.items():
        if name not in after and name not in renamed:
            yield f"stage {name} is removed"
        elif name in after and after[name].type != stage.type:
            yield f"stage {name} is {after[name].type}, not {stage.type}"


def _former(stage: Stage, before: Mapping[str, Stage], after: Mapping[str, Stage]) -> Iterator[str]:
    """Name the stages that are gone and that this one has as an alias."""
    aliases = {alias.casefold() for alias in stage.aliases}
    return (name for name in before if name not in after and name.casefold() in aliases)


def _transitions(old: tuple[Transition, ...], new: tuple[Transition, ...]) -> Iterator[str]:
    before, after = _by_way(old), _by_way(new)
    for way, transition in after.items():
        if way not in before:
            yield f"transition {_arrow(transition)} is added ({takes(transition)})"
        else:
            yield from _transition(before[way], transition)
    for way, transition in before.items():
        if way not in after:
            yield f"transition {_arrow(transition)} is removed ({takes(transition)})"


def _by_way(transitions: tuple[Transition, ...]) -> dict[tuple[object, ...], Transition]:
    """Tell transitions apart by where they lead and by which of several ways there they are."""
    found: dict[tuple[object, ...], Transition] = {}
    for transition in transitions:
        way: tuple[object, ...] = (frozenset(transition.sources), transition.to)
        number = sum(known[:2] == way for known in found)
        found[(*way, number)] = transition
    return found


def _transition(old: Transition, new: Transition) -> Iterator[str]:
    arrow = _arrow(new)
    if takes(old) != takes(new):
        yield f"{arrow}: taken {takes(new)}, not {takes(old)}"
    if set(old.by) != set(new.by):
        yield f"{arrow}: open to {_who(new)}, not to {_who(old)}"
    before, after = _criteria(old.require), _criteria(new.require)
    if before == after and old.require != new.require:
        yield f"{arrow}: how many of the criteria must be met has changed"
    for change in _criteria_changed(before, after):
        yield f"{arrow}: {change}"


def _criteria_changed(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for label, source in after.items():
        if label not in before:
            yield f"criterion added: {label} ({source})"
        elif before[label] != source:
            yield f"criterion changed: {label} ({source}, not {before[label]})"
    yield from (f"criterion removed: {label}" for label in before if label not in after)


def _who(transition: Transition) -> str:
    return " or ".join(transition.by) or "everybody"


def _criteria(requirement: Requirement | None) -> dict[str, str]:
    """Give the criteria of a requirement, label to source, whatever groups they stand in."""
    if requirement is None:
        return {}
    if isinstance(requirement, Criterion):
        source = requirement.expression or requirement.function
        return {requirement.label or source: source}
    return {k: v for item in requirement.items for k, v in _criteria(item).items()}


def _names(kind: str, old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[str]:
    yield from (f"{kind} {name} is added" for name in new if name not in old)
    yield from (f"{kind} {name} is removed" for name in old if name not in new)
    yield from (
        f"{kind} {name} has changed" for name in new if old.get(name, new[name]) != new[name]
    )


def _arrow(transition: Transition) -> str:
    return f"{', '.join(transition.sources)} → {transition.to}"
