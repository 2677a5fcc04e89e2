"""A definition is examined once: every problem is found, and a sound one comes out linked."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from attrs import evolve, frozen

from funnelflow.criteria import (
    BOOLEAN,
    TIMESTAMP,
    AllOf,
    AnyOf,
    AtLeast,
    Custom,
    Expression,
    Field,
    Leaf,
    Roles,
    Rule,
    Type,
)
from funnelflow.definition.expressions import Expressions, Written
from funnelflow.definition.library import CriterionProvider, Library
from funnelflow.definition.linked import (
    EventIndex,
    Linked,
    LinkedEvent,
    LinkedInvariant,
    LinkedTransition,
)
from funnelflow.definition.model import (
    ANY,
    Criterion,
    Definition,
    EventType,
    Group,
    Invariant,
    Requirement,
    StageIndex,
    Transition,
    index_stages,
)
from funnelflow.definition.problems import (
    DefinitionError,
    Place,
    Problem,
    Problems,
    Suggestion,
    place_of,
    suggest,
    suggest_event,
)
from funnelflow.errors import FieldError
from funnelflow.gc_pause import gc_paused

Sources: TypeAlias = tuple[tuple[str, int], ...]


@frozen
class Examination:
    """What an examination found; `linked` is None when there are errors."""

    linked: Linked | None
    problems: tuple[Problem, ...]


def check(definition: Definition, library: Library | None = None) -> tuple[Problem, ...]:
    """Find everything that is wrong with a definition, from a file or built in Python.

    Args:
        definition: The definition.
        library: Where the criteria of plugins are looked up.
    """
    return examine(definition, library).problems


def link(definition: Definition, library: Library | None = None) -> Linked:
    """Look up every name and compile every criterion, once.

    Args:
        definition: The definition.
        library: Where the criteria of plugins are looked up.

    Raises:
        DefinitionError: The definition has errors; all of them are listed.
    """
    examined = examine(definition, library)
    if examined.linked is None:
        raise DefinitionError(examined.problems)
    return examined.linked


def link_stored(definition: Definition, library: Library | None = None) -> Linked:
    """Link a definition that was accepted when it was stored, without any lint rule.

    A lint rule that a later release adds must not close a workspace, so the definition store
    uses `link_stored`; `check`, `adopt` and first use are held to every rule by `link`. An
    expression is compiled where it is first used, since a command needs few of them.

    Args:
        definition: The definition, from a definition store.
        library: Where the criteria of plugins are looked up.

    Raises:
        DefinitionError: A name leads nowhere.
    """
    problems = Problems(definition.name)
    with gc_paused():
        linked = _linker(definition, library or Library(), problems, is_stored=True).link()
    if linked is None or problems.has_errors:
        raise DefinitionError(problems.all())
    return linked


def examine(
    definition: Definition, library: Library | None = None, *, reading: Problems | None = None
) -> Examination:
    """Check and link a definition in one go.

    Args:
        definition: The definition.
        library: Where the criteria of plugins are looked up.
        reading: What was found while it was read from a file, if it comes straight from one:
            it has the right shape then.
    """
    from funnelflow.definition.file_shapes import check_shape  # noqa: PLC0415  # not for what is stored

    misfits = Problems(str(definition.name or "definition"))
    with gc_paused():
        checked = check_shape(definition, misfits, is_read=reading is not None)
        if checked is None:
            return Examination(None, misfits.all())
        misfits.is_partial |= checked != definition
        return _examine(checked, library or Library(), misfits, reading or misfits)


def _examine(
    definition: Definition, library: Library, misfits: Problems, reading: Problems
) -> Examination:
    from funnelflow.definition import lint  # noqa: PLC0415  # what is stored is linked without

    problems = Problems(misfits.name)
    is_small = lint.check_sizes(definition, problems)
    problems.take(misfits)
    if not is_small:
        return Examination(None, problems.all())
    linker = _linker(definition, library, problems, frozenset(reading.doubtful))
    lint.check_parts(definition, linker.index, problems)
    linked = linker.link()
    if linked is not None and not reading.is_partial:
        lint.check_whole(linked, problems)
    return Examination(None if problems.has_errors else linked, problems.all())


def _linker(
    definition: Definition,
    library: Library,
    problems: Problems,
    doubtful: frozenset[str] = frozenset(),
    *,
    is_stored: bool = False,
) -> "_Linker":
    index = index_stages(definition.stages)
    expressions = Expressions(definition.vocabulary, doubtful, is_stored=is_stored)
    return _Linker(definition, index, library, expressions, problems)


@frozen
class _Linker:
    """Links the parts of one definition, and reports what leads nowhere."""

    definition: Definition
    index: StageIndex
    library: Library
    expressions: Expressions
    problems: Problems

    def link(self) -> Linked | None:
        """Link everything; None where the stages do not hold together."""
        events = {name: self._event(e) for name, e in self.definition.vocabulary.events.items()}
        transitions = [
            self._transition(number, transition)
            for number, transition in enumerate(self.definition.transitions)
        ]
        for name, block in self.definition.vocabulary.criteria.items():
            list(self._rules((block,), (), place_of(self.problems, block, name)))
        always = [
            self._invariant(number, invariant)
            for number, invariant in enumerate(self.definition.always)
        ]
        if not self._has_initial() or None in transitions:
            return None
        return Linked(
            definition=self.definition,
            leaves=self.index.leaves,
            initial=self.index.leaf_of(self.definition.initial),
            stages=self.index.stages,
            aliases=_aliases(self.index),
            transitions=tuple(t for t in transitions if t is not None),
            events=EventIndex(events),
            fields=self.definition.vocabulary.fields,
            index=self.index,
            always=tuple(invariant for invariant in always if invariant is not None),
        )

    def _has_initial(self) -> bool:
        """Whether the stage to begin in exists; reported if not."""
        initial, stages = self.definition.initial, self.index.stages
        place = Place(self.problems, self.definition.position).part("initial")
        if not initial:
            place.report("F402", "missing", stage=next(iter(stages), "stage"))
        elif initial not in stages:
            place.report("F402", "unknown", suggestion=suggest(initial, stages), name=initial)
        return initial in stages

    def _invariant(self, number: int, invariant: Invariant) -> LinkedInvariant | None:
        """Look up the stages of an invariant, and compile what it needs; None if one is missing."""
        place = place_of(self.problems, invariant, number)
        named = {
            "stage": (invariant.stage,),
            "inside": tuple(name for name in (invariant.inside,) if name),
            "after": invariant.after,
            "never_after": invariant.never_after,
        }
        found = [
            self._stage(name, place.part(key, item))
            for key, names in named.items()
            for item, name in enumerate(names)
        ]
        needs = None
        if invariant.condition:
            key = "needs" if invariant.needs else "on_entry"
            needs = self.expressions.compile(Written(invariant.condition, place.part(key)))
        return None if None in found else LinkedInvariant(invariant, needs)

    def _event(self, event: EventType) -> LinkedEvent:
        """Compile what an event sets, and whether it is activity."""
        place, about = place_of(self.problems, event, event.name), (event.name,)
        activity = None
        if event.activity:
            activity = self._value(event.activity, place.part("activity"), about, BOOLEAN)
        return LinkedEvent(event, self._sets(event.sets, place, about), activity)

    def _sets(
        self, sets: Mapping[str, str], place: Place, events: tuple[str, ...]
    ) -> tuple[tuple[str, Expression], ...]:
        """Compile what fields of the contact are set to, by an event or a transition."""
        fields, found = self.definition.vocabulary.fields, []
        for name, source in sets.items():
            here = place.part("sets", name)
            if name not in fields:
                here.key().report("F205", suggestion=suggest(name, fields), name=name)
                continue
            here = evolve(here, about=f"{place.about}, sets {name!r}")
            compiled = self._value(source, here, events, fields[name].type)
            if compiled is not None:
                found.append((name, compiled))
        return tuple(found)

    def _value(
        self, source: str, place: Place, events: tuple[str, ...], kind: Type
    ) -> Expression | None:
        """Compile an expression that gives a value, perhaps of what some events bring."""
        return self.expressions.compile(Written(source, place, events, kind, is_condition=False))

    def _transition(self, number: int, transition: Transition) -> LinkedTransition | None:
        """Link one transition; None when a stage it names does not exist."""
        place = place_of(self.problems, transition, number)
        sources = [
            name if name == ANY else self._stage(name, place.part("from", i))
            for i, name in enumerate(transition.sources)
        ]
        is_any = transition.to == ANY
        to = ANY if is_any else self._stage(transition.to, place.part("to"))
        known = self.definition.vocabulary.events
        for item, name in enumerate(transition.on):
            if name not in known:
                meant = suggest_event(name, known)
                place.part("on", item).report("F204", suggestion=meant, name=name)
        rule = self._rule(transition, place)
        date = None
        if isinstance(transition.after, str):
            date = self._value(transition.after, place.part("after"), (), TIMESTAMP)
        sets = self._sets(transition.sets, place, transition.on)
        if to is None or None in sources:
            return None
        targets = self._targets(transition)
        memory = ",".join((ANY, *transition.sources)) if is_any else transition.to
        return LinkedTransition(
            index=number,
            transition=transition,
            sources=_sources(transition, targets, self.index),
            to=targets[0],
            rule=rule,
            label=f"{' or '.join(transition.sources)} to {transition.to}",
            date=date,
            sets=sets,
            targets=targets,
            memory=memory if transition.resume else "",
        )

    def _targets(self, transition: Transition) -> tuple[str, ...]:
        """Return the leaves that a transition may enter; first that where nothing is remembered."""
        index = self.index
        if transition.to != ANY:
            inside = index.inside[transition.to]
            return inside if transition.resume else inside[:1]
        left = {leaf for name in transition.sources for leaf in index.inside.get(name, ())}
        found = [leaf for leaf in _open_leaves(index) if leaf not in left] or [*index.leaves]
        initial = index.inside.get(self.definition.initial, index.leaves)[0]
        return tuple(sorted(found, key=lambda leaf: leaf != initial))

    def _stage(self, name: str, place: Place) -> str | None:
        """Look up a stage by its dotted name."""
        if name in self.index.stages:
            return name
        place.report("F203", suggestion=_suggest_stage(name, self.index), name=name)
        return None

    def _rule(self, transition: Transition, place: Place) -> Rule | None:
        """Put together what a transition requires: its criteria, and the roles of `by`."""
        rules: list[Rule] = [Roles(transition.by)] if transition.by else []
        label = ""
        required = transition.require
        if isinstance(required, Group) and required.kind == "all":
            rules += self._rules(required.items, transition.on, place)
            label = required.label
        elif required is not None:
            rules += self._rules((required,), transition.on, place)
        return AllOf(label, tuple(rules)) if rules else None

    def _rules(
        self, items: tuple[Requirement, ...], events: tuple[str, ...], place: Place
    ) -> Iterator[Rule]:
        for item in items:
            if isinstance(item, Group):
                yield _group(item, tuple(self._rules(item.items, events, place)))
            elif item.function:
                yield from self._custom(item, place.inside(item, item.function))
            else:
                here = place.inside(item, f"criterion {item.label!r}").part(item.label)
                compiled = self.expressions.compile(Written(item.expression, here, events))
                if compiled is not None:
                    yield Leaf(item.label or compiled.words(), compiled)

    def _custom(self, item: Criterion, place: Place) -> Iterator[Rule]:
        """Find the plugin's criterion and check the arguments it is called with."""
        provider = self.library.criteria.get(item.function)
        if provider is None:
            offered = suggest(item.function, self.library.criteria)
            place.part("criterion").report("F206", suggestion=offered, name=item.function)
            return
        arguments = _arguments(item, provider, place)
        label = item.label or provider.label or provider.name
        known = self.definition.vocabulary.fields
        reads = tuple(known[name] for name in provider.reads if name in known)
        name, whose = provider.name, provider.provider
        written, version = item.arguments, provider.version
        yield Custom(label, provider.function, whose, name, arguments, reads, version, written)


def _arguments(
    criterion: Criterion, provider: CriterionProvider, place: Place
) -> Mapping[str, Any]:
    """Return the arguments of a criterion as values of their types, defaults filled in.

    Those that are unknown, missing or do not fit are reported.
    """
    found: dict[str, Any] = dict(provider.defaults)
    for name, raw in criterion.arguments.items():
        here = place.part(name)
        if name not in provider.parameters:
            known = suggest(name, provider.parameters)
            here.key().report(
                "F211", "unknown", suggestion=known, criterion=provider.name, name=name
            )
            continue
        try:
            found[name] = Field(name, provider.parameters[name]).normalise(raw)
        except FieldError as error:
            found[name] = None
            here.report("F211", "value", reason=error.message, hint=error.hint)
    for name in provider.parameters.keys() - found.keys():
        place.report("F211", "missing", criterion=provider.name, name=name)
    return found


def _group(group: Group, rules: tuple[Rule, ...]) -> Rule:
    """Return the rule of a group; one of an unknown kind, that nobody checked, is not open."""
    if group.kind == "any":
        return AnyOf(group.label, rules)
    if group.kind == "at_least":
        return AtLeast(group.count, group.label, rules)
    return AllOf(group.label, rules)


def _sources(transition: Transition, targets: tuple[str, ...], index: StageIndex) -> Sources:
    """Return the leaves a transition leaves, innermost named first.

    Every open leaf is left from ``"*"``, after all others are tried. A leaf that is named through
    an outer stage, or so, is not left for itself: ``from: lead`` with
    ``to: lead.sales_ready`` is about the others. ``from: lead`` with ``to: lead`` enters it anew
    from every leaf, as a stage without nested ones is.
    """
    depths: dict[str, int] = {}
    for name in transition.sources:
        depth = 0 if name == ANY else name.count(".") + 1
        for leaf in _open_leaves(index) if name == ANY else index.inside[name]:
            if leaf not in targets or name in (leaf, transition.to):
                depths[leaf] = max(depth, depths.get(leaf, 0))
    return tuple(sorted(depths.items(), key=lambda pair: -pair[1]))


def _open_leaves(index: StageIndex) -> list[str]:
    """List the leaves that are no end."""
    return [leaf for leaf in index.leaves if index.types[leaf] == "open"]


def _aliases(index: StageIndex) -> Mapping[str, str]:
    return {alias: name for name, stage in index.stages.items() for alias in stage.aliases}


def _suggest_stage(name: str, index: StageIndex) -> Suggestion:
    """Return what finds the stage meant: by an alias, a last part, or the nearest name."""

    def find() -> Mapping[str, Any]:
        folded = name.casefold()
        for dotted, stage in index.stages.items():
            if folded in (alias.casefold() for alias in stage.aliases):
                return {"stage": dotted}
        ends = [dotted for dotted in index.stages if dotted.casefold().endswith(f".{folded}")]
        return {"guess": ends[0]} if ends else suggest(name, index.stages)()

    return find
