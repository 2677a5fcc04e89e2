"""Asking a plugin's criterion: guarded, and its mistakes told once."""

from collections.abc import Callable
from typing import Any

from attrs import field, frozen

from funnelflow.criteria import CustomCall
from funnelflow.plugins.guard import Fault, attempt, describe_error

__all__ = ["GuardedCriterion"]


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
