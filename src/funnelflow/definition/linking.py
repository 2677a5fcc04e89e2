"""A definition is examined once: every fault is found, and a sound one comes out linked."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from attrs import frozen

from funnelflow.criteria import AllOf, AnyOf, AtLeast, Custom, Field, Leaf, Roles, Rule
from funnelflow.definition.expressions import Expressions, Written
from funnelflow.definition.library import CriterionProvider, Library
from funnelflow.definition.linked import Linked, LinkedEvent, LinkedInvariant, LinkedTransition
from funnelflow.definition.model import (
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
    Help,
    Problem,
    Problems,
    did_you_mean,
    locate,
)
from funnelflow.definition.source_locations import (
    SourceLocation,
    event_site,
    invariant_site,
    transition_site,
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
    uses `link_stored`; `check`, `adopt` and first use are held to every rule by `link`.

    Args:
        definition: The definition, from a definition store.
        library: Where the criteria of plugins are looked up.

    Raises:
        DefinitionError: A name leads nowhere, or an expression does not compile.
    """
    problems = Problems(definition.name)
    with gc_paused():
        linked = _linker(definition, library or Library(), problems).link()
    if linked is None or problems.has_errors:
        raise DefinitionError(problems.all())
    return linked


def examine(
    definition: Definition,
    library: Library | None = None,
    *,
    doubtful: frozenset[str] = frozenset(),
    is_partial: bool = False,
) -> Examination:
    """Check and link a definition in one go.

    Args:
        definition: The definition.
        library: Where the criteria of plugins are looked up.
        doubtful: Fields whose declaration could not be read as it was meant.
        is_partial: Whether parts of the definition could not be read, so that nothing can
            be said about the whole.
    """
    with gc_paused():
        return _examine(definition, library or Library(), doubtful, is_partial=is_partial)


def _examine(
    definition: Definition, library: Library, doubtful: frozenset[str], *, is_partial: bool
) -> Examination:
    from funnelflow.definition import lint  # noqa: PLC0415  # what is stored is linked without

    problems = Problems(definition.name or "definition")
    if not lint.check_sizes(definition, problems):
        return Examination(None, problems.all())
    linker = _linker(definition, library, problems, doubtful)
    lint.check_sound(definition, linker.index, problems)
    linked = linker.link()
    if linked is not None and not is_partial:
        lint.check_whole(linked, problems)
    return Examination(None if problems.has_errors else linked, problems.all())


def _linker(
    definition: Definition,
    library: Library,
    problems: Problems,
    doubtful: frozenset[str] = frozenset(),
) -> "_Linker":
    index = index_stages(definition.stages)
    expressions = Expressions(definition.vocabulary, doubtful)
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
            list(
                self._rules(
                    (block,), (), SourceLocation(block.position, f"block of criteria {name!r}")
                )
            )
        always = [
            self._invariant(number, promise)
            for number, promise in enumerate(self.definition.always)
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
            events=events,
            fields=self.definition.vocabulary.fields,
            index=self.index,
            always=tuple(promise for promise in always if promise is not None),
        )

    def _has_initial(self) -> bool:
        """Whether the stage to begin in exists; reported if not."""
        initial, stages = self.definition.initial, self.index.stages
        span = SourceLocation(self.definition.position, "").part("initial").span()
        if not initial:
            help_text = f"add `initial: {next(iter(stages), 'stage')}`"
            self.problems.add("F402", span, "no stage is named to begin in", help_text)
        elif initial not in stages:
            message = f"there is no stage {initial!r} to begin in"
            self.problems.add("F402", span, message, did_you_mean(initial, stages))
        return initial in stages

    def _invariant(self, number: int, promise: Invariant) -> LinkedInvariant | None:
        """Look up the stages of a promise, and compile what it needs; None if one is missing."""
        site = invariant_site(number, promise)
        named = {
            "stage": (promise.stage,),
            "inside": tuple(name for name in (promise.inside,) if name),
            "after": promise.after,
            "never_after": promise.never_after,
        }
        found = [
            self._stage(name, site.part(key, place))
            for key, names in named.items()
            for place, name in enumerate(names)
        ]
        needs = None
        if promise.needs:
            written = Written(promise.needs, site.about, promise.needs_position)
            needs = self.expressions.compile(written, self.problems)
        return None if None in found else LinkedInvariant(promise, needs)

    def _event(self, event: EventType) -> LinkedEvent:
        """Compile what an event sets."""
        sets = []
        fields = self.definition.vocabulary.fields
        for name, source in event.sets.items():
            site = event_site(event, "sets", name)
            if name not in fields:
                help_text = did_you_mean(name, fields)
                self.problems.add("F205", site.key(), f"there is no field {name!r}", help_text)
                continue
            written = Written(
                source,
                f"{site.about}, sets {name!r}",
                event.sets_positions.get(name),
                (event.name,),
                fields[name].type,
                is_condition=False,
            )
            compiled = self.expressions.compile(written, self.problems)
            if compiled is not None:
                sets.append((name, compiled))
        return LinkedEvent(event, tuple(sets))

    def _transition(self, number: int, transition: Transition) -> LinkedTransition | None:
        """Link one transition; None when a stage it names does not exist."""
        site = transition_site(number, transition)
        sources = [
            self._stage(name, site.part("from", i)) for i, name in enumerate(transition.sources)
        ]
        to = self._stage(transition.to, site.part("to"))
        self._check_events(transition, site)
        rule = self._rule(transition, site)
        if to is None or None in sources:
            return None
        leaf = self.index.leaf_of(to)
        pairs = _sources(transition, leaf, self.index)
        label = f"{' or '.join(transition.sources)} to {transition.to}"
        return LinkedTransition(number, transition, pairs, leaf, rule, label)

    def _stage(self, name: str, site: SourceLocation) -> str | None:
        """Look up a stage by its dotted name."""
        if name in self.index.stages:
            return name
        self.problems.add(
            "F203", site.span(), f"there is no stage {name!r}", _stage_help(name, self.index)
        )
        return None

    def _check_events(self, transition: Transition, site: SourceLocation) -> None:
        known = self.definition.vocabulary.events
        for number, name in enumerate(transition.on):
            if name not in known:
                message = f"there is no event {name!r}"
                span = site.part("on", number).span()
                self.problems.add("F204", span, message, did_you_mean(name, known, kind="event"))

    def _rule(self, transition: Transition, site: SourceLocation) -> Rule | None:
        """Put together what a transition requires: its criteria, and the roles of `by`."""
        rules: list[Rule] = [Roles(transition.by)] if transition.by else []
        label = ""
        required = transition.require
        if isinstance(required, Group) and required.kind == "all":
            rules += self._rules(required.items, transition.on, site)
            label = required.label
        elif required is not None:
            rules += self._rules((required,), transition.on, site)
        return AllOf(label, tuple(rules)) if rules else None

    def _rules(
        self, items: tuple[Requirement, ...], events: tuple[str, ...], site: SourceLocation
    ) -> Iterator[Rule]:
        for item in items:
            if isinstance(item, Group):
                inner = tuple(self._rules(item.items, events, site))
                yield _group(item, inner)
            elif item.function:
                yield from self._custom(item, site)
            else:
                yield from self._leaf(item, events, site)

    def _leaf(
        self, item: Criterion, events: tuple[str, ...], site: SourceLocation
    ) -> Iterator[Rule]:
        about = f"{site.about}, criterion {item.label!r}"
        written = Written(item.expression, about, item.expression_position, events)
        compiled = self.expressions.compile(written, self.problems)
        if compiled is not None:
            yield Leaf(item.label or compiled.words(), compiled)

    def _custom(self, item: Criterion, site: SourceLocation) -> Iterator[Rule]:
        """Find the plugin's criterion and check the arguments it is called with."""
        provider = self.library.criteria.get(item.function)
        if provider is None:
            span = locate(item.position, "criterion") if item.position else site.span()
            message = f"no plugin offers a criterion {item.function!r}"
            help_text: Help = did_you_mean(item.function, self.library.criteria)
            if not self.library.criteria:
                help_text = "install the plugin that offers it, or write an expression"
            self.problems.add("F206", span, message, help_text)
            return
        arguments = _arguments(item, provider, site, self.problems)
        label = item.label or provider.label or provider.name
        known = self.definition.vocabulary.fields
        reads = tuple(known[name] for name in provider.reads if name in known)
        name, whose = provider.name, provider.provider
        yield Custom(label, provider.function, whose, name, arguments, reads)


def _arguments(
    criterion: Criterion, provider: CriterionProvider, site: SourceLocation, problems: Problems
) -> Mapping[str, Any]:
    """Give the arguments of a criterion as values of their types, defaults filled in.

    Args:
        criterion: The criterion, whose `function` is the provider's.
        provider: What takes the arguments.
        site: Where the criterion stands.
        problems: Where unknown, missing and unfitting arguments are reported.
    """
    here = SourceLocation(criterion.position or site.position, f"{site.about}, {provider.name}")
    found: dict[str, Any] = dict(provider.defaults)
    for name, raw in criterion.arguments.items():
        if name in provider.parameters:
            found[name] = _argument(name, raw, provider, here.part(name), problems)
            continue
        message = f"{provider.name!r} takes no argument {name!r}"
        known = did_you_mean(name, provider.parameters, kind="argument")
        problems.add("F211", here.part(name).key(), message, known)
    for name in provider.parameters.keys() - found.keys():
        problems.add("F211", here.span(), f"{provider.name!r} needs the argument {name!r}")
    return found


def _argument(
    name: str, raw: Any, provider: CriterionProvider, site: SourceLocation, problems: Problems
) -> Any:
    try:
        return Field(name, provider.parameters[name]).normalise(raw)
    except FieldError as error:
        problems.add("F211", site.span(), error.message, error.hint)
        return None


def _group(group: Group, rules: tuple[Rule, ...]) -> Rule:
    if group.kind == "all":
        return AllOf(group.label, rules)
    if group.kind == "any":
        return AnyOf(group.label, rules)
    return AtLeast(group.count, group.label, rules)


def _sources(transition: Transition, to: str, index: StageIndex) -> Sources:
    """Give the leaves a transition leaves, innermost named first.

    A leaf that is named through an outer stage is not left for itself: ``from: lead`` with
    ``to: lead.sales_ready`` is about the others.
    """
    depths: dict[str, int] = {}
    for name in transition.sources:
        depth = name.count(".") + 1
        for leaf in index.inside[name]:
            if leaf != to or name == leaf:
                depths[leaf] = max(depth, depths.get(leaf, 0))
    return tuple(sorted(depths.items(), key=lambda pair: -pair[1]))


def _aliases(index: StageIndex) -> Mapping[str, str]:
    return {alias: name for name, stage in index.stages.items() for alias in stage.aliases}


def _stage_help(name: str, index: StageIndex) -> Callable[[], str]:
    """Say what was meant: an alias, the last part of a dotted name, or the nearest name."""

    def find() -> str:
        folded = name.casefold()
        for dotted, stage in index.stages.items():
            if folded in (alias.casefold() for alias in stage.aliases):
                return f"{name!r} is an alias: write {dotted!r}"
        ends = [dotted for dotted in index.stages if dotted.casefold().endswith(f".{folded}")]
        return f"did you mean {ends[0]!r}?" if ends else did_you_mean(name, index.stages)()

    return find
