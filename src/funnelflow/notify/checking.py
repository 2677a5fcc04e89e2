"""Checking every ``[[notify]]`` of a workspace, before something happens that it is about."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from attrs import evolve

from funnelflow.criteria import CriterionError, ExpressionProblem, Scope, compile_expression
from funnelflow.definition import Linked, Problem
from funnelflow.engine import RESERVED_EVENTS
from funnelflow.errors import FunnelflowError, UnknownNameError, nearest
from funnelflow.notify.channels import open_channel
from funnelflow.plugins import PluginHost
from funnelflow.store import Config, Notice
from funnelflow.store.notices import NoticesError
from funnelflow.store.telling import when_scope

__all__ = ["Find", "check_notices"]

Find: TypeAlias = Callable[[str], Linked]
"""Gives a definition by the name of its funnel; raises a `FunnelflowError` where it cannot."""

Funnels: TypeAlias = Mapping[str, Linked]

_NAME_THEM: Final = 'name the funnels that it is for: funnels = ["…"]'


def check_notices(
    config: Config, plugins: PluginHost, in_use: Iterable[str], find: Find
) -> Iterator[tuple[Notice, tuple[Problem, ...]]]:
    """Yield every ``[[notify]]`` with all that is wrong with it, in the order of the file.

    Its channel and settings are looked at, and its funnels, fields and criterion.

    Args:
        config: What the workspace says.
        plugins: Who offers notifiers.
        in_use: The funnels that are meant where none is named.
        find: Gives their definitions.
    """
    meant = tuple(in_use)
    for notice in config.notices:
        funnels, missing = _find_all(notice, meant, find)
        problems = [*_of_channel(notice, plugins, config), *missing]
        problems += [*_of_fields(notice, funnels), *_of_when(notice, funnels)]
        yield notice, tuple(sorted(problems, key=Problem.order))


def _find_all(notice: Notice, in_use: tuple[str, ...], find: Find) -> tuple[Funnels, list[Problem]]:
    """Give the definitions that a notice is for, and what is wrong with those that it names."""
    found: dict[str, Linked] = {}
    problems = []
    for number, name in enumerate(notice.funnels or in_use):
        try:
            found[name] = find(name)
        except FunnelflowError as error:
            is_unknown = isinstance(error, UnknownNameError)
            said = error.message if is_unknown else f"the funnel {name!r} cannot be used"
            way = ("funnels", number)
            if notice.funnels:
                problems.append(notice.site.problem("F704", way, said, error.hint))
    return found, problems


def _of_channel(notice: Notice, plugins: PluginHost, config: Config) -> tuple[Problem, ...]:
    try:
        open_channel(notice, plugins, config.directory)
    except NoticesError as error:
        return error.problems
    return ()


def _of_fields(notice: Notice, funnels: Funnels) -> Iterator[Problem]:
    """Yield the fields that none of the funnels has."""
    known = {name for linked in funnels.values() for name in linked.fields}
    for number, name in enumerate(notice.fields):
        if funnels and name not in known:
            guess = nearest(name, known)
            said = f"no funnel of the endpoint {notice.name!r} has a field {name!r}"
            help_ = f"did you mean {guess!r}?" if guess else "funnelflow show lists the fields"
            yield notice.site.problem("F705", ("fields", number), said, help_)


def _of_when(notice: Notice, funnels: Funnels) -> Iterator[Problem]:
    """Yield what is wrong with the criterion under any of the funnels, each once."""
    found: dict[ExpressionProblem, list[str]] = {}
    for name, linked in funnels.items() if notice.when else ():
        for problem in _compile(notice.when, _scope(linked, funnels)):
            found.setdefault(problem, []).append(name)
    for problem, names in found.items():
        message, help_ = problem.message, problem.help
        if len(names) < len(funnels):
            message += f" in {', '.join(names)}"
            help_ = f"{help_} or {_NAME_THEM}" if help_ else _NAME_THEM
        stretch = (problem.start, problem.end)
        yield notice.site.problem(problem.code, ("when",), message, help_, stretch)


def _compile(when: str, scope: Scope) -> tuple[ExpressionProblem, ...]:
    """Compile a criterion for what is wrong with it, and what is suspicious."""
    try:
        return compile_expression(when, scope).warnings
    except CriterionError as error:
        return error.problems


def _scope(linked: Linked, funnels: Funnels) -> Scope:
    """Give what a criterion may name, with the stages and events that there are.

    Texts are compared with those of all funnels, since a criterion may be about several.
    """
    stages = tuple(dict.fromkeys(leaf for each in funnels.values() for leaf in each.leaves))
    events = {name for each in funnels.values() for name in each.events} | set(RESERVED_EVENTS)
    scope = when_scope(linked.fields)
    contact, event = dict(scope.contact), dict(scope.event)
    if "stage" not in linked.fields:
        contact["stage"] = evolve(contact["stage"], choices=stages)
    for name in ("before", "after"):
        event[name] = evolve(event[name], choices=stages)
    event["name"] = evolve(event["name"], choices=tuple(sorted(events)))
    return Scope(contact, event)
