"""Names in an expression: fields, the time, and what was probably meant by anything else."""

from typing import Final

from funnelflow.criteria.checking import Checking, kind_words
from funnelflow.criteria.fields import Field
from funnelflow.criteria.scope import ROOTS
from funnelflow.criteria.syntax import Name, Select, Syntax
from funnelflow.criteria.tree import Node, Now, Read
from funnelflow.errors import nearest

__all__ = ["check_name", "check_select", "find_field"]

_LISTED: Final = 6
_TRUTH: Final = {"yes": "true", "no": "false", "True": "true", "False": "false"}
_NOTHING: Final = frozenset({"null", "None", "nil", "NULL", "undefined", "empty", "unknown"})


def check_name(checking: Checking, syntax: Name) -> Node | None:
    """Give the meaning of a bare name: only ``now`` has one."""
    if syntax.name == "now":
        return Now(syntax.start, syntax.end)
    code, message, help_ = _bare(checking, syntax.name)
    checking.problem(code, message, syntax, help_)
    return None


def check_select(checking: Checking, syntax: Select) -> Node | None:
    """Give the meaning of ``contact.x`` or ``event.x``."""
    found = find_field(checking, syntax)
    return None if found is None else Read(syntax.start, syntax.end, *found)


def find_field(checking: Checking, syntax: Select) -> tuple[str, Field] | None:
    """Give the root and the field that ``root.name`` names, or say what is wrong with it."""
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


def _bare(checking: Checking, name: str) -> tuple[str, str, str]:
    """Say what is wrong with a name that has no meaning, and what was probably meant."""
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


def _guess(checking: Checking, name: str) -> str:
    """Say which name was probably meant."""
    known = {field: root for root in reversed(ROOTS) for field in checking.scope.fields(root)}
    guess = nearest(name, [*known, "now", *ROOTS])
    if guess is None:
        return f'write "{name}" for a text, or contact.x for a field'
    return f"did you mean {known[guess]}.{guess}?" if guess in known else f"did you mean {guess}?"


def _nearest_field(checking: Checking, root: str, name: str) -> str:
    """Say which field was probably meant, or which there are."""
    fields = checking.scope.fields(root)
    guess = nearest(name, fields)
    if guess:
        return f"did you mean {root}.{guess}?"
    for other in ROOTS:
        if name in checking.scope.fields(other):
            return f"did you mean {other}.{name}?"
    shown = ", ".join(sorted(fields)[:_LISTED]) + (", …" if len(fields) > _LISTED else "")
    return f"the {root} has: {shown}" if shown else f"the {root} has no fields here"


def _not_a_root(checking: Checking, syntax: Select, of: Syntax) -> None:
    """Say what is wrong with a dot behind something that has no fields."""
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
