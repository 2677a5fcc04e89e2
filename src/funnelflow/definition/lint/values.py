"""Values that are of the right kind and still make no sense where they stand."""

import datetime as dt
from collections.abc import Iterable

from funnelflow.definition.lint.names import check_roles
from funnelflow.definition.model import (
    Criterion,
    Definition,
    Group,
    Invariant,
    Requirement,
    StageIndex,
    Transition,
)
from funnelflow.definition.problems import Problems
from funnelflow.definition.source_locations import (
    SourceLocation,
    block_location,
    invariant_location,
    transition_location,
)

MOST = {"stages": 2_000, "transitions": 20_000, "fields": 2_000, "events": 2_000}
"""How many of each a definition may have."""
MOST_EXPRESSIONS = 30_000
MOST_CRITERIA = 200
"""How many criteria one transition may have."""

_SHORTEST = dt.timedelta(minutes=1)
_STATEMENTS = ("after", "never_after", "inside", "needs")


def check_values(definition: Definition, index: StageIndex, problems: Problems) -> None:
    """Check version, initial stage, and each transition by itself."""
    whole = SourceLocation(definition.position, "")
    version = definition.version
    if type(version) is not int or not 1 <= version < 2**31:
        problems.report("F209", whole.part("version").span(), "version", version=version)
    if not index.stages:
        problems.report("F401", whole.part("stages").span())
    for number, transition in enumerate(definition.transitions):
        _check_transition(transition, transition_location(number, transition), problems)
    for name, block in definition.vocabulary.criteria.items():
        _check_requirement(block, block_location(name, block), problems)
    for number, invariant in enumerate(definition.always):
        _check_invariant(invariant, invariant_location(number, invariant), problems)


def check_sizes(definition: Definition, problems: Problems) -> bool:
    """Whether a definition is small enough to be looked at more closely; reported if not."""
    whole = SourceLocation(definition.position, "")
    vocabulary = definition.vocabulary
    counts = {
        "stages": sum(1 for _ in definition.walk()),
        "transitions": len(definition.transitions),
        "fields": len(vocabulary.fields),
        "events": len(vocabulary.events),
    }
    for what, count in counts.items():
        if count > MOST[what]:
            span = whole.part(what).key()
            problems.report("F003", span, "count", count=count, what=what, most=MOST[what])
    total = _check_criteria(definition, problems)
    total += sum(len(event.sets) for event in vocabulary.events.values())
    if total > MOST_EXPRESSIONS:
        most = MOST_EXPRESSIONS
        problems.report("F003", whole.span(), "count", count=total, what="expressions", most=most)
    return not problems.found


def _check_criteria(definition: Definition, problems: Problems) -> int:
    """Check the number of criteria of each transition; return their sum."""
    total = 0
    for number, transition in enumerate(definition.transitions):
        count = _count(transition.require)
        total += count
        if count > MOST_CRITERIA:
            location = transition_location(number, transition).part("require")
            problems.report("F003", location.key(), "criteria", count=count, most=MOST_CRITERIA)
    return total


def _count(item: Requirement | None) -> int:
    """Count the criteria of a requirement."""
    return sum(map(_count, item.items)) if isinstance(item, Group) else item is not None


def _check_transition(transition: Transition, location: SourceLocation, problems: Problems) -> None:
    _check_time(transition, location, problems)
    check_roles(transition.by, location.part("by"), problems)
    if not transition.sources:
        problems.report("F102", location.span(), "no_source")
    for key, names in (("from", transition.sources), ("on", transition.on), ("by", transition.by)):
        _check_once(key, names, location, problems)
    if transition.require is not None:
        _check_requirement(transition.require, location, problems)


def _check_invariant(invariant: Invariant, location: SourceLocation, problems: Problems) -> None:
    """Check that an invariant says what it is about, and one thing about it."""
    said = tuple(key for key in _STATEMENTS if getattr(invariant, key))
    if not invariant.label:
        problems.report("F108", location.span(), "no_label")
    if len(said) != 1:
        span = location.span()
        problems.report("F108", span, "count", said=said or ("nothing",), keys=_STATEMENTS)


def _check_time(transition: Transition, location: SourceLocation, problems: Problems) -> None:
    """Check that a wait is long enough and that nobody has to act when it is over."""
    if transition.after is None:
        if transition.since != "stage":
            problems.report("F412", location.part("since").span())
        return
    if transition.after < _SHORTEST:
        problems.report("F411", location.part("after").span())
    if transition.by:
        problems.report("F410", location.part("by").span())


def _check_once(
    key: str, names: Iterable[str], location: SourceLocation, problems: Problems
) -> None:
    seen: set[str] = set()
    for number, name in enumerate(names):
        if name in seen:
            problems.report("F213", location.part(key, number).span(), name=name, key=key)
        seen.add(name)


def _check_requirement(item: Requirement, location: SourceLocation, problems: Problems) -> None:
    """Check the sizes of groups and the labels of criteria, all the way down."""
    here = SourceLocation(item.position or location.position, location.about)
    if isinstance(item, Criterion):
        _check_criterion(item, here, problems)
        return
    _check_group(item, here, problems)
    for inner in item.items:
        _check_requirement(inner, location, problems)


def _check_group(group: Group, location: SourceLocation, problems: Problems) -> None:
    if not group.items:
        problems.report("F105", location.span(), "empty_group")
    elif group.kind == "at_least" and not 1 <= group.count <= len(group.items):
        span = location.part("at_least").span()
        problems.report("F209", span, "count", count=group.count, size=len(group.items))


def _check_criterion(criterion: Criterion, location: SourceLocation, problems: Problems) -> None:
    if bool(criterion.expression) == bool(criterion.function):
        problems.report("F105", location.span(), "both")
    elif not criterion.label and not criterion.function:
        problems.report("F107", location.span())
