"""What becomes of criteria that no plugin offers any more: they are closed, and say so.

A stored definition must be read whatever has become of the plugins it was written with, so
that the history can be shown and contacts listed. A criterion that is missing is unknown,
which opens nothing.
"""

from collections.abc import Callable, Iterator
from typing import Any

from attrs import evolve, field, frozen

from funnelflow.criteria import BOOLEAN, DURATION, INTEGER, NUMBER, TEXT, CustomCall, Type, list_of
from funnelflow.criteria.rules import CannotTellError
from funnelflow.definition import Criterion, CriterionProvider, Definition, Group, Library
from funnelflow.plugins.isolation import Fault, attempt, describe_error


@frozen
class GuardedCriterion:
    """A plugin's criterion, called so that it cannot do harm.

    It pickles as the function and its names, so a definition that uses it runs in a worker.

    Attributes:
        plugin: Whose it is.
        name: What definitions call it.
        function: It.
        report: Told of what goes wrong; lost on the way to a worker.
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
            if isinstance(fault.error, Exception | SystemExit):
                raise fault.error from None
            raise RuntimeError(describe_error(fault.error)) from None
        return answer

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave the reporter behind."""
        return GuardedCriterion, (self.plugin, self.name, self.function)


_TYPES: dict[type, Type] = {bool: BOOLEAN, int: INTEGER, float: NUMBER, str: TEXT}


def close_missing(library: Library, definition: Definition) -> Library:
    """Give a library in which every criterion of a definition is found, if only closed.

    Args:
        library: What plugins offer is in it.
        definition: The definition that is to be read.
    """
    missing = {
        criterion.function: _stand_in(criterion)
        for criterion in _criteria(definition)
        if criterion.function and criterion.function not in library.criteria
    }
    return evolve(library, criteria={**library.criteria, **missing}) if missing else library


def _criteria(definition: Definition) -> Iterator[Criterion]:
    """Yield every criterion of a definition."""
    waiting: list[Any] = [t.require for t in definition.transitions if t.require is not None]
    while waiting:
        required = waiting.pop()
        if isinstance(required, Group):
            waiting.extend(required.items)
        elif isinstance(required, Criterion):
            yield required


def _stand_in(criterion: Criterion) -> CriterionProvider:
    """Give a criterion that takes whatever the missing one was called with."""
    name = criterion.function
    types = {argument: _type_of(value) for argument, value in criterion.arguments.items()}
    return CriterionProvider(name, _Missing(name), name, types)


class _Missing:
    """Stands in for a criterion that no plugin offers."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, _call: CustomCall) -> bool | None:
        """Say that nobody can tell."""
        raise CannotTellError(
            f"no plugin offers the criterion {self.name!r}: install the one that does, "
            "or adopt a version of the definition that names another"
        )


def _type_of(value: Any) -> Type:
    if isinstance(value, list | tuple):
        return list_of(_type_of(value[0]) if value else TEXT)
    return _TYPES.get(type(value), DURATION)
