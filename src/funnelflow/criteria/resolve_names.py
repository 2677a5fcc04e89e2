"""Names in an expression: fields, the time, and what was probably meant by anything else."""

from typing import Final

from attrs import define, field

from funnelflow.criteria.expression_problems import MORE, ExpressionProblem
from funnelflow.criteria.fields import Field, Scope
from funnelflow.criteria.parser import Name, Select, Syntax
from funnelflow.criteria.tree import Node, Now, Read
from funnelflow.criteria.types import Type, list_of
from funnelflow.errors import nearest

ROOTS: Final = ("contact", "event")
"""The names before the dot."""


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

    def report(
        self,
        code: str,
        at: Syntax | Node | tuple[int, int],
        variant: str = "",
        /,
        **parameters: object,
    ) -> None:
        """Report a problem.

        Args:
            code: A code of `EXPRESSION_CODES`.
            at: The part of the expression, or where that begins and ends.
            variant: Which of the code's wordings it has; empty for the first.
            parameters: What the wording is filled in with.
        """
        start, end = at if isinstance(at, tuple) else (at.start, at.end)
        self.problems.append(ExpressionProblem(code, start, end, parameters, variant))

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
    code, variant, parameters = _bare(checking, syntax.name)
    checking.report(code, syntax, variant, name=syntax.name, **parameters)
    return None


def check_select(checking: CheckContext, syntax: Select) -> Node | None:
    """Return the meaning of ``contact.x`` or ``event.x``."""
    found = find_field(checking, syntax)
    return None if found is None else Read(syntax.start, syntax.end, *found)


def find_field(checking: CheckContext, syntax: Select) -> tuple[str, Field] | None:
    """Return the root and the field that ``root.name`` names; None if it is reported."""
    of = syntax.of
    if not isinstance(of, Name) or of.name not in ROOTS:
        _not_a_root(checking, syntax, of)
        return None
    found = checking.scope.fields(of.name).get(syntax.name)
    if found is not None:
        return of.name, found
    parameters = _nearest_field(checking, of.name, syntax.name)
    span = (syntax.end - len(syntax.name), syntax.end)
    checking.report("E130", span, root=of.name, name=syntax.name, **parameters)
    return None


def _bare(checking: CheckContext, name: str) -> tuple[str, str, dict[str, str]]:
    """Return what is wrong with a name that has no meaning: code, variant and parameters."""
    if name in _NOTHING:
        return "E121", "", {}
    if name in _TRUTH:
        return "E131", "unknown", {"meant": _TRUTH[name]}
    if name in ROOTS:
        return "E131", "root", {}
    for root in ROOTS:
        if name in checking.scope.fields(root):
            return "E131", "no_root", {"meant": f"{root}.{name}"}
    return "E131", "unknown", _guess(checking, name)


def _guess(checking: CheckContext, name: str) -> dict[str, str]:
    """Return which name was probably meant."""
    known = {field: root for root in reversed(ROOTS) for field in checking.scope.fields(root)}
    guess = nearest(name, [*known, "now", *ROOTS])
    if guess is None:
        return {}
    return {"guess": f"{known[guess]}.{guess}" if guess in known else guess}


def _nearest_field(checking: CheckContext, root: str, name: str) -> dict[str, object]:
    """Return which field was probably meant, or which there are."""
    fields = checking.scope.fields(root)
    guess = nearest(name, fields)
    if guess:
        return {"guess": f"{root}.{guess}"}
    for other in ROOTS:
        if name in checking.scope.fields(other):
            return {"guess": f"{other}.{name}"}
    more = (MORE,) if len(fields) > _LISTED else ()
    return {"known": (*sorted(fields)[:_LISTED], *more)} if fields else {}


def _not_a_root(checking: CheckContext, syntax: Select, of: Syntax) -> None:
    """Report a dot behind something that has no fields."""
    if isinstance(of, Name):
        root = nearest(of.name, ROOTS) or "contact"
        checking.report("E131", of, "no_fields", name=of.name, meant=f"{root}.{syntax.name}")
        return
    span = (syntax.end - len(syntax.name) - 1, syntax.end)
    if isinstance(of, Select) and (found := find_field(checking, of)):
        text, kind = checking.text(of), kind_words(found[1].type)
        checking.report("E132", span, "of_field", text=text, kind=kind)
    elif not isinstance(of, Select):
        checking.report("E132", span, "of_value", name=syntax.name)
