"""Values that are of the right kind and still make no sense where they stand."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from funnelflow.definition.lint.names import check_roles
from funnelflow.definition.model import (
    Criterion,
    Definition,
    Group,
    Invariant,
    Requirement,
    Stage,
    StageIndex,
    Transition,
)
from funnelflow.definition.problems import Problems
from funnelflow.definition.source_locations import SourceLocation, invariant_site, transition_site
from funnelflow.definition.yaml.compose import DEEPEST

MOST = {"stages": 2_000, "transitions": 20_000, "fields": 2_000, "events": 2_000}
"""How many of each a definition may have."""
MOST_EXPRESSIONS = 30_000
MOST_CRITERIA = 200
"""How many criteria one transition may have."""

_SHORTEST = dt.timedelta(minutes=1)
_PROMISED = ("after", "never_after", "inside", "needs")


def check_values(definition: Definition, index: StageIndex, problems: Problems) -> None:
    """Check version, initial stage, and each transition by itself."""
    whole = SourceLocation(definition.position, "")
    version = definition.version
    if type(version) is not int or not 1 <= version < 2**31:
        problems.add(
            "F209", whole.part("version").span(), f"{version!r} is no version", "count from 1"
        )
    if not index.stages:
        help_text = "add the first under 'stages'"
        problems.add("F401", whole.part("stages").span(), "there are no stages", help_text)
    for number, transition in enumerate(definition.transitions):
        _check_transition(transition, transition_site(number, transition), problems)
    for name, block in definition.vocabulary.criteria.items():
        _check_requirement(
            block, SourceLocation(block.position, f"block of criteria {name!r}"), problems
        )
    for number, promise in enumerate(definition.always):
        _check_promise(promise, invariant_site(number, promise), problems)


def check_sizes(definition: Definition, problems: Problems) -> bool:
    """Tell whether a definition is small enough to be looked at more closely."""
    whole = SourceLocation(definition.position, "")
    if _is_too_deep(definition):
        problems.add("F003", whole.span(), f"nested more than {DEEPEST} levels deep")
        return False
    vocabulary = definition.vocabulary
    counts = {
        "stages": sum(1 for _ in definition.walk()),
        "transitions": len(definition.transitions),
        "fields": len(vocabulary.fields),
        "events": len(vocabulary.events),
    }
    for what, count in counts.items():
        if count > MOST[what]:
            message = f"{count:,} {what} are more than {MOST[what]:,}"
            problems.add("F003", whole.part(what).key(), message, "split the definition")
    total = _check_criteria(definition, problems)
    total += sum(len(event.sets) for event in vocabulary.events.values())
    if total > MOST_EXPRESSIONS:
        message = f"{total:,} expressions are more than {MOST_EXPRESSIONS:,}"
        problems.add("F003", whole.span(), message, "split the definition")
    return not problems.found


def _is_too_deep(definition: Definition) -> bool:
    """Tell whether stages or groups of criteria are nested too deeply, without recursion."""
    level: list[Any] = [*definition.stages, *(t.require for t in definition.transitions)]
    for _ in range(DEEPEST):
        level = [inner for item in level for inner in _nested(item)]
    return bool(level)


def _nested(item: Stage | Requirement | None) -> Iterable[Any]:
    if isinstance(item, Stage):
        return item.stages
    return item.items if isinstance(item, Group) else ()


def _check_criteria(definition: Definition, problems: Problems) -> int:
    """Check the number of criteria of each transition; give their sum."""
    total = 0
    for number, transition in enumerate(definition.transitions):
        count = _count(transition.require)
        total += count
        if count > MOST_CRITERIA:
            site = transition_site(number, transition).part("require")
            message = f"{count:,} criteria of one transition are more than {MOST_CRITERIA}"
            problems.add("F003", site.key(), message, "ask for less, or in several steps")
    return total


def _count(item: Requirement | None) -> int:
    """Count the criteria of a requirement."""
    return sum(map(_count, item.items)) if isinstance(item, Group) else item is not None


def _check_transition(transition: Transition, site: SourceLocation, problems: Problems) -> None:
    _check_time(transition, site, problems)
    check_roles(transition.by, site.part("by"), problems)
    if not transition.sources:
        problems.add("F102", site.span(), "a transition leaves no stage", "name one in `from`")
    for key, names in (("from", transition.sources), ("on", transition.on), ("by", transition.by)):
        _check_once(key, names, site, problems)
    if transition.require is not None:
        _check_requirement(transition.require, site, problems)


def _check_promise(promise: Invariant, site: SourceLocation, problems: Problems) -> None:
    """Check that a promise says what it is about, and one thing about it."""
    said = [key for key in _PROMISED if getattr(promise, key)]
    if not promise.label:
        problems.add("F108", site.span(), "a promise has no label", "say it in words")
    if len(said) != 1:
        what = " and ".join(said) or "nothing"
        message = f"a promise says one thing about a stage, and this one says {what}"
        problems.add("F108", site.span(), message, f"write one of {', '.join(_PROMISED)}")


def _check_time(transition: Transition, site: SourceLocation, problems: Problems) -> None:
    """Check that a wait is long enough and that nobody has to act when it is over."""
    if transition.after is None:
        if transition.since != "stage":
            message = "'since' says nothing without 'after'"
            problems.add("F412", site.part("since").span(), message, "add `after: 30d`")
        return
    if transition.after < _SHORTEST:
        message = "'after' is shorter than a minute"
        problems.add("F411", site.part("after").span(), message, "wait at least 1m")
    if transition.by:
        message = "nobody acts when a wait is over, so 'by' can never be met"
        problems.add("F410", site.part("by").span(), message, "remove 'by' or 'after'")


def _check_once(key: str, names: Iterable[str], site: SourceLocation, problems: Problems) -> None:
    seen: set[str] = set()
    for number, name in enumerate(names):
        if name in seen:
            problems.add("F213", site.part(key, number).span(), f"{name!r} stands twice in '{key}'")
        seen.add(name)


def _check_requirement(item: Requirement, site: SourceLocation, problems: Problems) -> None:
    """Check the sizes of groups and the labels of criteria, all the way down."""
    here = SourceLocation(item.position or site.position, site.about)
    if isinstance(item, Criterion):
        _check_criterion(item, here, problems)
        return
    _check_group(item, here, problems)
    for inner in item.items:
        _check_requirement(inner, site, problems)


def _check_group(group: Group, site: SourceLocation, problems: Problems) -> None:
    if not group.items:
        problems.add("F105", site.span(), "a group of criteria is empty", "add one, or remove it")
    elif group.kind == "at_least" and not 1 <= group.count <= len(group.items):
        message = f"at least {group.count} of {len(group.items)} criteria makes no sense"
        problems.add(
            "F209", site.part("at_least").span(), message, f"choose 1 to {len(group.items)}"
        )


def _check_criterion(criterion: Criterion, site: SourceLocation, problems: Problems) -> None:
    if bool(criterion.expression) == bool(criterion.function):
        message = "a criterion is either an expression or a plugin's"
        problems.add("F105", site.span(), message, "give one of the two")
    elif not criterion.label and not criterion.function:
        problems.add("F107", site.span(), "a criterion has no label", "give it one")
