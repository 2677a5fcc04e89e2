"""What every part of the type check shares: the source, the scope, and the problems so far."""

from typing import Final

from attrs import define, field

from funnelflow.criteria.problems import ExpressionProblem, Severity
from funnelflow.criteria.scope import Scope
from funnelflow.criteria.syntax import Syntax
from funnelflow.criteria.tree import Node
from funnelflow.criteria.types import Type, list_of

__all__ = ["NOTHING", "Checking", "compares", "kind_words"]

NOTHING: Final = Type("nothing")
"""The type of the items of an empty list, which goes with every other."""

_WORDS: Final = {
    "boolean": "yes or no",
    "integer": "a whole number",
    "number": "a number",
    "text": "text",
    "timestamp": "a timestamp",
    "duration": "a duration",
}


@define
class Checking:
    """One type check under way."""

    source: str
    scope: Scope
    problems: list[ExpressionProblem] = field(factory=list)

    def problem(
        self,
        code: str,
        message: str,
        at: Syntax | Node,
        help: str = "",  # noqa: A002  # as the problem calls it
        *,
        start: int | None = None,
        end: int | None = None,
        severity: Severity = "error",
    ) -> None:
        """Note a problem at a node, or at a part of it."""
        first = at.start if start is None else start
        last = at.end if end is None else end
        self.problems.append(ExpressionProblem(code, message, first, last, help, severity))

    def text(self, at: Syntax | Node) -> str:
        """Give what was written, cut where it is long."""
        text = " ".join(self.source[at.start : at.end].split())
        return text if len(text) <= 40 else text[:39] + "…"  # noqa: PLR2004  # a line of help


def kind_words(kind: Type) -> str:
    """Say what a value of a type is: ``a number``, ``a list of text``."""
    if kind.item is None:
        return _WORDS.get(kind.name, kind.name)
    return "an empty list" if kind.item == NOTHING else f"a list of {kind.item.name}"


def compares(left: Type, right: Type) -> bool:
    """Tell whether values of two types can be equal."""
    if left.item is not None and right.item is not None:
        return NOTHING in (left.item, right.item) or compares(left.item, right.item)
    return left == right or (left.is_numeric and right.is_numeric)


def joined(left: Type, right: Type) -> Type | None:
    """Give the type that values of both types have, where CEL sees one; None if there is none."""
    if left == right or right == list_of(NOTHING):
        return left
    return right if left == list_of(NOTHING) else None
