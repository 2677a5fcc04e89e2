"""Names in an expression: fields, the time, and what was probably meant by anything else."""

from collections.abc import Mapping
from typing import Final

from attrs import define, field, frozen

from funnelflow.criteria.expression_problems import ExpressionProblem, Severity
from funnelflow.criteria.fields import Field
from funnelflow.criteria.parser import Name, Select, Syntax
from funnelflow.criteria.tree import Node, Now, Read
from funnelflow.criteria.types import Type, list_of
from funnelflow.errors import nearest

ROOTS: Final = ("contact", "event")
"""The names before the dot."""


@frozen
class Scope:
    """The fields that an expression may read; ``now`` is always there beside them.

    Attributes:
        contact: What ``contact.x`` may be, by field name.
        event: What ``event.x`` may be, by field name.
    """

    contact: Mapping[str, Field]
    event: Mapping[str, Field] = field(factory=dict)

    def fields(self, root: str) -> Mapping[str, Field]:
        """Return the fields behind ``contact`` or ``event``."""
        return self.contact if root == "contact" else self.event


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
class CheckContext:
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
        """Return what was written, cut where it is long."""
        text = " ".join(self.source[at.start : at.end].split())
        return text if len(text) <= 40 else text[:39] + "…"  # noqa: PLR2004  # a line of help


def kind_words(kind: Type) -> str:
    """Return what a value of a type is called: ``a number``, ``a list of text``."""
    if kind.item is None:
        return _WORDS.get(kind.name, kind.name)
    return "an empty list" if kind.item == NOTHING else f"a list of {kind.item.name}"


def compares(left: Type, right: Type) -> bool:
    """Whether values of two types can be equal."""
    if left.item is not None and right.item is not None:
        return NOTHING in (left.item, right.item) or compares(left.item, right.item)
    return left == right or (left.is_numeric and right.is_numeric)


def joined(left: Type, right: Type) -> Type | None:
    """Return the type that values of both types have, where CEL sees one; None if there is none."""
    if left == right or right == list_of(NOTHING):
        return left
    return right if left == list_of(NOTHING) else None


_LISTED: Final = 6
_TRUTH: Final = {"yes": "true", "no": "false", "True": "true", "False": "false"}
_NOTHING: Final = frozenset({"null", "None", "nil", "NULL", "undefined", "empty", "unknown"})


def check_name(checking: CheckContext, syntax: Name) -> Node | None:
    """Return the meaning of a bare name: only ``now`` has one."""
    if syntax.name == "now":
        return Now(syntax.start, syntax.end)
    code, message, help_ = _bare(checking, syntax.name)
    checking.problem(code, message, syntax, help_)
    return None


def check_select(checking: CheckContext, syntax: Select) -> Node | None:
    """Return the meaning of ``contact.x`` or ``event.x``."""
    found = find_field(checking, syntax)
    return None if found is None else Read(syntax.start, syntax.end, *found)


def find_field(checking: CheckContext, syntax: Select) -> tuple[str, Field] | None:
    """Return the root and the field that ``root.name`` names; None where it is reported."""
    of = syntax.of
    if not isinstance(of, Name) or of.name not in ROOTS:
        _not_a_root(checking, syntax, of)
        return None
    found = checking.scope.fields(of.name).get(syntax.name)
    if found is not None:
        return of.name, found
    start = syntax.end - len(syntax.name)
    message = f"there is no field {of.name}.{syntax.name}"
    help_ = _nearest_field(checking, of.name, syntax.name)
    checking.problem("E130", message, syntax, help_, start=start)
    return None


def _bare(checking: CheckContext, name: str) -> tuple[str, str, str]:
    """Return what is wrong with a name that has no meaning, and what was probably meant."""
    if name in _NOTHING:
        return "E121", f"there is no {name}", "ask whether a fact is known: !has(contact.x)"
    if name in _TRUTH:
        return "E131", f"{name} has no meaning here", f"write {_TRUTH[name]}"
    if name in ROOTS:
        return "E131", f"{name} alone is no value", f"name one of its fields, like {name}.x"
    for root in ROOTS:
        if name in checking.scope.fields(root):
            return "E131", f"{name} needs its root before it", f"write {root}.{name}"
    return "E131", f"{name} has no meaning here", _guess(checking, name)


def _guess(checking: CheckContext, name: str) -> str:
    """Return which name was probably meant."""
    known = {field: root for root in reversed(ROOTS) for field in checking.scope.fields(root)}
    guess = nearest(name, [*known, "now", *ROOTS])
    if guess is None:
        return f'write "{name}" for a text, or contact.x for a field'
    return f"did you mean {known[guess]}.{guess}?" if guess in known else f"did you mean {guess}?"


def _nearest_field(checking: CheckContext, root: str, name: str) -> str:
    """Return which field was probably meant, or which there are."""
    fields = checking.scope.fields(root)
    guess = nearest(name, fields)
    if guess:
        return f"did you mean {root}.{guess}?"
    for other in ROOTS:
        if name in checking.scope.fields(other):
            return f"did you mean {other}.{name}?"
    shown = ", ".join(sorted(fields)[:_LISTED]) + (", …" if len(fields) > _LISTED else "")
    return f"the {root} has: {shown}" if shown else f"the {root} has no fields here"


def _not_a_root(checking: CheckContext, syntax: Select, of: Syntax) -> None:
    """Report a dot behind something that has no fields."""
    if isinstance(of, Name):
        guess = nearest(of.name, ROOTS) or "contact"
        help_ = f"write {guess}.{syntax.name}"
        checking.problem("E131", f"{of.name} has no fields", of, help_)
        return
    start = syntax.end - len(syntax.name) - 1
    if isinstance(of, Select) and (found := find_field(checking, of)):
        message = f"{checking.text(of)} is {kind_words(found[1].type)} and has no fields"
        checking.problem("E132", message, syntax, "leave out what follows it", start=start)
    elif not isinstance(of, Select):
        message = f"a value has no field {syntax.name}"
        checking.problem("E132", message, syntax, "name a field as contact.x", start=start)
