"""Criteria written in Python: called so that they can do no harm, and closed when they are gone.

A stored definition must be read whatever has become of the plugins it was written with, so
that the history can be shown and contacts listed. A criterion that is missing, or takes other
arguments than it did, is unknown, which opens nothing.
"""

from collections.abc import Callable, Iterator
from typing import Any

from attrs import evolve, field, frozen

from funnelflow.criteria import (
    BOOLEAN,
    DURATION,
    INTEGER,
    NUMBER,
    TEXT,
    CustomCall,
    Field,
    Type,
    list_of,
)
from funnelflow.criteria.custom import CannotTellError
from funnelflow.definition import Criterion, CriterionProvider, Definition, Group, Library
from funnelflow.errors import FieldError
from funnelflow.plugins.isolation import Fault, attempt, describe_error


@frozen
class GuardedCriterion:
    """A plugin's criterion, called so that it cannot do harm.

    It pickles as the function and its names, so a definition that uses it runs in a worker.

    Attributes:
        plugin: Whose it is.
        name: What definitions call it.
        function: It.
        report: Called with what goes wrong; lost on the way to a worker.
    """

    plugin: str
    name: str
    function: Callable[[CustomCall], bool | None]
    report: Callable[[str, Fault], None] | None = field(default=None, eq=False, repr=False)

    def __call__(self, call: CustomCall) -> bool | None:
        """Ask it; what it raises goes on to the rule, which fails closed."""
        try:
            answer: bool | None = attempt(
                self.plugin, f"criterion {self.name}", self.function, call
            )
        except Fault as fault:
            if self.report is not None:
                self.report(self.plugin, fault)
            error = fault.error
            known = isinstance(error, Exception | SystemExit)
            raise (error if known else RuntimeError(describe_error(error))) from None
        return answer

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave the reporter behind."""
        return GuardedCriterion, (self.plugin, self.name, self.function)


_TYPES: dict[type, Type] = {bool: BOOLEAN, int: INTEGER, float: NUMBER, str: TEXT}


def close_missing(library: Library, definition: Definition) -> Library:
    """Return a library in which every criterion of a definition can be called, if only closed.

    A criterion is closed that no plugin offers any more, or whose arguments are not those that
    the definition gives.

    Args:
        library: The library; it has what plugins offer.
        definition: The definition that is to be read.
    """
    uses: dict[str, list[Criterion]] = {}
    for criterion in _criteria(definition):
        if criterion.function:
            uses.setdefault(criterion.function, []).append(criterion)
    closed = {
        name: _stand_in(name, reason, called)
        for name, called in uses.items()
        if (reason := _why_closed(name, called, library.criteria.get(name)))
    }
    return evolve(library, criteria={**library.criteria, **closed}) if closed else library


def _criteria(definition: Definition) -> Iterator[Criterion]:
    """Yield every criterion of a definition."""
    waiting: list[Any] = [t.require for t in definition.transitions if t.require is not None]
    while waiting:
        required = waiting.pop()
        if isinstance(required, Group):
            waiting.extend(required.items)
        elif isinstance(required, Criterion):
            yield required


def _why_closed(name: str, uses: list[Criterion], provider: CriterionProvider | None) -> str:
    """Return why a criterion is closed and what to do; empty if it is not."""
    adopt = "or adopt a version of the definition that"
    if provider is None:
        offered = f"no plugin offers the criterion {name!r}"
        return f"{offered}: install the one that does, {adopt} names another"
    for criterion in uses:
        changed = _changed(criterion, provider)
        if changed:
            whose = f"the criterion {name!r} of plugin {provider.provider} {changed}"
            return f"{whose}: install the version that fits, {adopt} does"
    return ""


def _changed(criterion: Criterion, provider: CriterionProvider) -> str:
    """Return which argument a criterion has no more, needs now, or takes as another type."""
    for name, raw in criterion.arguments.items():
        if name not in provider.parameters:
            return f"takes no argument {name!r}"
        try:
            Field(name, provider.parameters[name]).normalise(raw)
        except FieldError as error:
            return f"does not take its argument ({error.message})"
    given = {*criterion.arguments, *provider.defaults}
    lacking = next((name for name in provider.parameters if name not in given), None)
    return "" if lacking is None else f"needs the argument {lacking!r}"


def _stand_in(name: str, reason: str, uses: list[Criterion]) -> CriterionProvider:
    """Return a criterion that takes whatever the closed one is called with, and never holds."""
    arguments = {name: value for criterion in uses for name, value in criterion.arguments.items()}
    types = {argument: _type_of(value) for argument, value in arguments.items()}
    return CriterionProvider(name, ClosedCriterion(reason), name, types, defaults=arguments)


@frozen
class ClosedCriterion:
    """Stands in for a criterion that cannot be asked.

    Attributes:
        reason: Why not, and what to do.
    """

    reason: str

    def __call__(self, _call: CustomCall) -> bool | None:
        """Raise that nobody can tell."""
        raise CannotTellError(self.reason)


def _type_of(value: Any) -> Type:
    if isinstance(value, list | tuple):
        return list_of(_type_of(value[0]) if value else TEXT)
    return _TYPES.get(type(value), DURATION)
