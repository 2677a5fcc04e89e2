"""What is different in a new version of a definition, in words, before it is adopted.

Only what can change where a contact is, what may be done with it, or which invariants hold of it,
is a difference; a version in which texts read otherwise differs in nothing.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Literal, TypeAlias

from attrs import evolve, frozen

from funnelflow.criteria import Field
from funnelflow.definition.model import (
    Criterion,
    Definition,
    EventType,
    Requirement,
    Transition,
    arrow,
    either,
    takes,
)

_LIKE = (7, 5, 3)
"""What two transitions have in common to be taken for one, the most alike first."""
_MOST_COMPARED = 50
"""How many transitions that lead to one stage each is compared with."""


@frozen
class Pair:
    """A transition in both versions; None where one of them has it not.

    Attributes:
        old: As it was.
        new: As it is.
        number: Its number in the old version, from 0; -1 if it is new.
    """

    old: Transition | None
    new: Transition | None
    number: int = -1


def matched(
    old: tuple[Transition, ...], new: tuple[Transition, ...], names: Mapping[str, str]
) -> tuple[Pair, ...]:
    """Match the transitions of two versions: the same first, then those most alike.

    Every transition of the new version comes in its order, then those that are gone.
    """
    left: dict[str, dict[int, Transition]] = {}
    for number, transition in enumerate(old):
        left.setdefault(names.get(transition.to, transition.to), {})[number] = transition
    found: dict[int, int] = {}
    for least in _LIKE:
        for number, transition in enumerate(new):
            likely = left.get(transition.to, {})
            best = None if number in found else _best(transition, likely, names, least)
            if best is not None:
                found[number] = best
                del likely[best]
    kept = [
        Pair(old[found[n]], t, found[n]) if n in found else Pair(None, t) for n, t in enumerate(new)
    ]
    gone = sorted(number for others in left.values() for number in others)
    return (*kept, *(Pair(old[number], None, number) for number in gone))


def _best(
    transition: Transition, likely: Mapping[int, Transition], names: Mapping[str, str], least: int
) -> int | None:
    """Return the number of the transition that is most like one, the first of several."""
    compared = islice(likely.items(), _MOST_COMPARED)
    scores = {number: _likeness(other, transition, names) for number, other in compared}
    best = max(scores, key=lambda number: scores[number], default=None)
    return best if best is not None and scores[best] >= least else None


def _likeness(old: Transition, new: Transition, names: Mapping[str, str]) -> int:
    """Count what two transitions to one stage have in common; nothing if no source is."""
    before = {names.get(source, source) for source in old.sources}
    sources = 2 * (before == set(new.sources)) + bool(before & set(new.sources))
    events = (set(old.on) == set(new.on)) + bool(set(old.on) & set(new.on) or old.on == new.on)
    rest = (old.require == new.require) + (old.after == new.after)
    return sources + events + rest if sources else 0


Subject: TypeAlias = Literal["definition", "stage", "transition", "field", "event"]
Kind: TypeAlias = Literal["added", "removed", "renamed", "changed"]


@frozen
class DefinitionChange:
    """One difference.

    Attributes:
        subject: What kind of thing is different.
        kind: How.
        name: What it is called in the new version, or in the old one if it is gone.
        words: The difference in words.
    """

    subject: Subject
    kind: Kind
    name: str
    words: str


def diff(old: Definition, new: Definition) -> tuple[DefinitionChange, ...]:
    """Return what is different in a new version of a definition.

    The whole comes first, then stages, transitions, fields, events and invariants.
    """
    events = _renamed_events(old, new)
    old = _with_renamed_events(old, events)
    names = renamed_stages(old, new)
    pairs = matched(old.transitions, new.transitions, names)
    return (
        *_whole(old, new, names),
        *_stages(old, new, names),
        *(change for pair in pairs for change in _transition(pair, names)),
        *_order(pairs),
        *_named("field", _bare_fields(old.vocabulary.fields), _bare_fields(new.vocabulary.fields)),
        *_named("event", _bare_events(old), _bare_events(new), renamed=events),
        *_invariants(old, new),
    )


def renamed_stages(old: Definition, new: Definition) -> dict[str, str]:
    """Map stages that are gone to those which carry their names as aliases, by dotted names.

    What is nested in a renamed stage is renamed with it.
    """
    before, after = dict(old.walk()), dict(new.walk())
    heirs = {alias.casefold(): name for name, stage in after.items() for alias in stage.aliases}
    renamed: dict[str, str] = {}
    for name in before:
        outer, _, last = name.rpartition(".")
        moved = f"{renamed.get(outer, outer)}.{last}" if outer else name
        heir = heirs.get(name.casefold()) or (
            moved if moved in after else heirs.get(last.casefold())
        )
        if name not in after and heir and heir not in before:
            renamed[name] = heir
    return renamed


def _renamed_events(old: Definition, new: Definition) -> dict[str, str]:
    """Map events that are gone to the new ones which carry their names as aliases."""
    before, after = old.vocabulary.events, new.vocabulary.events
    heirs = {alias: name for name in after if name not in before for alias in after[name].aliases}
    return {name: heirs[name] for name in before if name in heirs and name not in after}


def _with_renamed_events(definition: Definition, names: Mapping[str, str]) -> Definition:
    """Return a definition as it would be if its events had been renamed before."""
    if not names:
        return definition
    events = {
        names.get(name, name): evolve(event, name=names[name], aliases=(*event.aliases, name))
        if name in names
        else event
        for name, event in definition.vocabulary.events.items()
    }
    return evolve(
        definition,
        vocabulary=evolve(definition.vocabulary, events=events),
        transitions=tuple(
            evolve(t, on=tuple(names.get(name, name) for name in t.on))
            for t in definition.transitions
        ),
    )


def _whole(
    old: Definition, new: Definition, names: Mapping[str, str]
) -> Iterator[DefinitionChange]:
    initial = names.get(old.initial, old.initial)
    if initial != new.initial:
        words = f"contacts start in {new.initial}, not in {initial}"
        yield DefinitionChange("definition", "changed", new.name, words)
    if set(old.force) != set(new.force):
        words = (
            f"moves are forced by {_who(new.force, 'nobody')}, not by {_who(old.force, 'nobody')}"
        )
        yield DefinitionChange("definition", "changed", new.name, words)


def _stages(
    old: Definition, new: Definition, names: Mapping[str, str]
) -> Iterator[DefinitionChange]:
    before = {names.get(name, name): stage.type for name, stage in old.walk()}
    after = {name: stage.type for name, stage in new.walk()}
    for change in _named("stage", before, after, renamed=names):
        name, words = change.name, change.words
        if change.kind == "changed":
            words = f"stage {name} is {after[name]}, not {before[name]}"
        yield evolve(change, words=words)
    yield from _entries(before, after)


def _entries(
    before: Mapping[str, object], after: Mapping[str, object]
) -> Iterator[DefinitionChange]:
    """Yield which outer stages are entered elsewhere than before."""
    for name in after:
        now, was = _entry(name, after), _entry(name, before)
        if name in before and now != was:
            words = f"stage {name} is entered at {now}, not at {was}"
            yield DefinitionChange("stage", "changed", name, words)


def _entry(name: str, stages: Mapping[str, object]) -> str:
    """Return the first stage nested in another; the stage itself if nothing is."""
    return next((other for other in stages if other.rpartition(".")[0] == name), name)


def _transition(pair: Pair, names: Mapping[str, str]) -> Iterator[DefinitionChange]:
    old, new = pair.old, pair.new
    if old is not None and new is not None:
        arrow = _arrow(new)
        for words in _changes(old, new, names):
            yield DefinitionChange("transition", "changed", arrow, f"{arrow}: {words}")
    elif (lone := old or new) is not None:
        kind: Kind = "removed" if new is None else "added"
        arrow = _arrow(lone)
        words = f"transition {arrow} is {kind} ({takes(lone)})"
        yield DefinitionChange("transition", kind, arrow, words)


def _changes(old: Transition, new: Transition, names: Mapping[str, str]) -> Iterator[str]:
    """Yield in words what is different in a transition."""
    sources = {names.get(source, source) for source in old.sources}
    if sources != set(new.sources):
        yield f"leaves {', '.join(new.sources)}, not {', '.join(sorted(sources))}"
    if takes(old) != takes(new) or set(old.on) != set(new.on) or old.after != new.after:
        yield f"taken {takes(new)}, not {takes(old)}"
    if set(old.by) != set(new.by):
        yield f"open to {_who(new.by, 'everybody')}, not to {_who(old.by, 'everybody')}"
    if old.sets != new.sets:
        yield f"sets {_which(new.sets)}, not {_which(old.sets)}"
    if old.resume != new.resume:
        yield "comes back to where a contact was" if new.resume else "begins at the first stage"
    before, after = dict(_criteria(old.require)), dict(_criteria(new.require))
    yield from _criteria_changed(before, after)
    if before == after and _form(old.require) != _form(new.require):
        yield "how many of the criteria must be met has changed"


def _criteria_changed(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for label, source in after.items():
        if label not in before:
            yield f"criterion added: {label} ({source})"
        elif before[label] != source:
            yield f"criterion changed: {label} ({source}, not {before[label]})"
    yield from (f"criterion removed: {label}" for label in before if label not in after)


def _criteria(item: Requirement | None) -> Iterator[tuple[str, str]]:
    """Yield each criterion as its label and what it asks for, whatever groups it is in."""
    if isinstance(item, Criterion):
        arguments = ", ".join(f"{name}={value!r}" for name, value in sorted(item.arguments.items()))
        source = item.expression or f"{item.function}({arguments})"
        yield item.label or source, source
    elif item is not None:
        for inner in item.items:
            yield from _criteria(inner)


def _form(item: Requirement | None) -> object:
    """Return what a requirement demands, without its labels, and a group of one as its one."""
    if item is None:
        return None
    if isinstance(item, Criterion):
        return (item.expression, item.function, sorted(item.arguments.items(), key=repr))
    return (item.kind, item.count, [_form(inner) for inner in item.items])


def _order(pairs: tuple[Pair, ...]) -> Iterator[DefinitionChange]:
    """Yield which stages are left by the same transitions in another order."""
    places: dict[str, list[int]] = {}
    for pair in pairs:
        if pair.old is not None and pair.new is not None:
            for source in pair.new.sources:
                places.setdefault(source, []).append(pair.number)
    for source, listed in places.items():
        if listed != sorted(listed):
            words = f"the transitions out of {source} are tried in another order"
            yield DefinitionChange("stage", "changed", source, words)


def _named(
    subject: Subject,
    before: Mapping[str, object],
    after: Mapping[str, object],
    *,
    renamed: Mapping[str, str] | None = None,
) -> Iterator[DefinitionChange]:
    """Yield what is different in what has a name."""
    for was, now in (renamed or {}).items():
        yield DefinitionChange(subject, "renamed", now, f"{subject} {was} is renamed to {now}")
    for name in after:
        if name not in before:
            yield DefinitionChange(subject, "added", name, f"{subject} {name} is added")
        elif before[name] != after[name]:
            yield DefinitionChange(subject, "changed", name, f"{subject} {name} has changed")
    for name in before:
        if name not in after:
            yield DefinitionChange(subject, "removed", name, f"{subject} {name} is removed")


def _invariants(old: Definition, new: Definition) -> Iterator[DefinitionChange]:
    """Yield which invariants are added, removed or changed; a check holds a definition to them."""
    before = {f"the invariant {one.label!r}": one for one in old.always}
    after = {f"the invariant {one.label!r}": one for one in new.always}
    for change in _named("definition", before, after):
        words = change.words.removeprefix("definition ")
        yield evolve(change, name=new.name, words=words)


def _bare_fields(fields: Mapping[str, Field]) -> dict[str, Field]:
    """Return fields without what only people read."""
    return {name: evolve(field, title="", about="") for name, field in fields.items()}


def _bare_events(definition: Definition) -> dict[str, EventType]:
    """Return events without what only people read, or how their aliases are ordered."""
    return {
        name: evolve(
            event,
            title="",
            about="",
            aliases=tuple(sorted(event.aliases)),
            fields=_bare_fields(event.fields),
        )
        for name, event in definition.vocabulary.events.items()
    }


def _who(roles: tuple[str, ...], otherwise: str) -> str:
    return either(roles) if roles else otherwise


def _which(sets: Mapping[str, str]) -> str:
    return ", ".join(f"{name} to {source}" for name, source in sets.items()) or "nothing"


def _arrow(transition: Transition) -> str:
    return arrow(transition)
