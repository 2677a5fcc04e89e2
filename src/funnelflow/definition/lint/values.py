"""Values that are of the right kind and still make no sense where they stand."""

import datetime as dt
from collections.abc import Iterable

from funnelflow.definition.lint.names import check_roles
from funnelflow.definition.lint.sites import Site, transition_site
from funnelflow.definition.problems import Problems, did_you_mean
from funnelflow.definition.records import Criterion, Definition, Group, Requirement, Transition
from funnelflow.definition.stages import StageIndex

__all__ = ["MOST_STAGES", "MOST_TRANSITIONS", "check_values"]

MOST_STAGES = 2_000
MOST_TRANSITIONS = 20_000

_SHORTEST = dt.timedelta(minutes=1)


def check_values(definition: Definition, index: StageIndex, problems: Problems) -> None:
    """Check version, initial stage, sizes, and each transition by itself."""
    whole = Site(definition.position, "")
    version = definition.version
    if type(version) is not int or not 1 <= version < 2**31:
        problems.add(
            "F209", whole.part("version").span(), f"{version!r} is no version", "count from 1"
        )
    _check_sizes(definition, index, whole, problems)
    _check_initial(definition, index, whole, problems)
    for number, transition in enumerate(definition.transitions):
        _check_transition(transition, transition_site(number, transition), problems)


def _check_sizes(
    definition: Definition, index: StageIndex, whole: Site, problems: Problems
) -> None:
    if not index.stages:
        help_text = "add the first under 'stages'"
        problems.add("F401", whole.part("stages").span(), "there are no stages", help_text)
    for what, count, most in (
        ("stages", len(index.stages), MOST_STAGES),
        ("transitions", len(definition.transitions), MOST_TRANSITIONS),
    ):
        if count > most:
            message = f"{count:,} {what} are more than {most:,}"
            problems.add("F003", whole.part(what).span(), message, "split the definition")


def _check_initial(
    definition: Definition, index: StageIndex, whole: Site, problems: Problems
) -> None:
    site = whole.part("initial")
    if not definition.initial:
        help_text = f"add `initial: {next(iter(index.stages), 'stage')}`"
        problems.add("F402", site.span(), "no stage is named to begin in", help_text)
    elif definition.initial not in index.stages:
        message = f"there is no stage {definition.initial!r} to begin in"
        problems.add("F402", site.span(), message, did_you_mean(definition.initial, index.stages))


def _check_transition(transition: Transition, site: Site, problems: Problems) -> None:
    _check_time(transition, site, problems)
    check_roles(transition.by, site.part("by"), problems)
    if not transition.sources:
        problems.add("F102", site.span(), "a transition leaves no stage", "name one in `from`")
    for key, names in (("from", transition.sources), ("on", transition.on), ("by", transition.by)):
        _check_once(key, names, site, problems)
    if transition.require is not None:
        _check_requirement(transition.require, site, problems)


def _check_time(transition: Transition, site: Site, problems: Problems) -> None:
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


def _check_once(key: str, names: Iterable[str], site: Site, problems: Problems) -> None:
    seen: set[str] = set()
    for number, name in enumerate(names):
        if name in seen:
            problems.add("F213", site.part(key, number).span(), f"{name!r} stands twice in '{key}'")
        seen.add(name)


def _check_requirement(item: Requirement, site: Site, problems: Problems) -> None:
    """Check the sizes of groups and the labels of criteria, all the way down."""
    here = Site(item.position or site.position, site.about)
    if isinstance(item, Criterion):
        _check_criterion(item, here, problems)
        return
    _check_group(item, here, problems)
    for inner in item.items:
        _check_requirement(inner, site, problems)


def _check_group(group: Group, site: Site, problems: Problems) -> None:
    if not group.items:
        problems.add("F105", site.span(), "a group of criteria is empty", "add one, or remove it")
    elif group.kind == "at_least" and not 1 <= group.count <= len(group.items):
        message = f"at least {group.count} of {len(group.items)} criteria makes no sense"
        problems.add(
            "F209", site.part("at_least").span(), message, f"choose 1 to {len(group.items)}"
        )


def _check_criterion(criterion: Criterion, site: Site, problems: Problems) -> None:
    if bool(criterion.expression) == bool(criterion.function):
        message = "a criterion is either an expression or a plugin's"
        problems.add("F105", site.span(), message, "give one of the two")
    elif not criterion.label and not criterion.function:
        problems.add("F107", site.span(), "a criterion has no label", "give it one")
