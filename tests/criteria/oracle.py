"""The CEL implementation that the criteria are compared with.

It takes no times inside a map, and none of the year 1 at all, so facts that are times go in
as literals and all others as typed variables; ``contact`` and ``event`` are maps of them,
bound around the expression. What it gives for an error is a value whose type says so.
"""

import datetime as dt
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_bindings, ext_strings

from funnelflow.criteria import Scope, Type

from .worlds import duration_literal, timestamp_literal

_TYPES = {
    "boolean": cel.Type.BOOL,
    "integer": cel.Type.INT,
    "number": cel.Type.DOUBLE,
    "text": cel.Type.STRING,
}


def _type(kind: Type) -> Any:
    """Return the type of a variable; None where facts go in as literals."""
    if kind.item is None:
        return _TYPES.get(kind.name)
    item = _TYPES.get(kind.item.name)
    return None if item is None else cel.Type.List(item)


def _literal(value: Any) -> str:
    """Write a time, a duration, or a list of them."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_literal, value))}]"
    write = timestamp_literal if isinstance(value, dt.datetime) else duration_literal
    return write(value)


class Oracle:
    """Evaluates expressions over one scope."""

    def __init__(self, scope: Scope) -> None:
        self.variables = {
            f"{root}_{name}": kind
            for root in ("contact", "event")
            for name, field in scope.fields(root).items()
            if (kind := _type(field.type)) is not None
        }
        self.environment = cel.NewEnv(
            variables=self.variables,
            extensions=[ext_bindings.ExtBindings(), ext_strings.ExtStrings()],
        )

    def value(
        self, source: str, contact: dict[str, Any], event: dict[str, Any], now: dt.datetime
    ) -> Any:
        """Return the value of an expression; None for an error."""
        data: dict[str, Any] = {}
        for root, facts in (("event", event), ("contact", contact)):
            entries = []
            for name, value in facts.items():
                variable = f"{root}_{name}"
                if variable in self.variables:
                    data[variable] = list(value) if isinstance(value, tuple) else value
                else:
                    variable = _literal(value)
                entries.append(f"'{name}': dyn({variable})")
            source = f"cel.bind({root}, {{{', '.join(entries)}}}, {source})"
        result = self._compiled(f"cel.bind(now, {_literal(now)}, {source})").eval(data=data)
        if result.type() == cel.Type.ERROR:
            return None
        plain = result.plain_value()
        return tuple(plain) if isinstance(plain, list) else plain

    def _compiled(self, source: str) -> Any:
        """Compile; its checker knows no comparison of an int with a double, CEL does."""
        try:
            return self.environment.compile(source)
        except RuntimeError:
            return self.environment.compile(source, disable_check=True)
