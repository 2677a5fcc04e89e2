"""The cases of a field that make a difference to comparisons with constants."""

import datetime as dt
import math
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from funnelflow.criteria.arithmetic import EXACT
from funnelflow.criteria.phrases import age
from funnelflow.criteria.tree import Compare, Constant, Has, In, Node, Read, TextTest
from funnelflow.criteria.types import BOOLEAN, DURATION, INTEGER, NUMBER, TEXT, TIMESTAMP, Type

__all__ = ["FIXED_NOW", "cases", "divided", "goes_both_ways"]

Name: TypeAlias = tuple[str, str]
Compared: TypeAlias = tuple[Read, tuple[Any, ...], str]

FIXED_NOW: Final = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
"""The time at which criteria are tried; comparisons with ``now`` see only what lies around it."""

_STEP: Final = dt.timedelta(microseconds=1)
_INT_MIN: Final = -(2**63)
_INT_MAX: Final = 2**63 - 1


def _compared_with(atom: Node) -> Compared | None:
    """Read a condition as one of a field and constants: the field, those, and of which kind.

    The kind is "now" for times compared with ``now``, which cannot be told apart from
    dates, and "fixed" for all others. None where the condition is of any other form.
    """
    if isinstance(atom, Read):
        return atom, (), "fixed"
    if isinstance(atom, In):
        if isinstance(atom.item, Read) and isinstance(atom.items, Constant):
            assert isinstance(atom.items.value, tuple)
            return _with(atom.item, atom.items.value)
        return None
    if isinstance(atom, TextTest):
        finite = isinstance(atom.text, Read) and bool(atom.text.field.choices)
        if finite and isinstance(atom.part, Constant):
            assert isinstance(atom.text, Read)
            return atom.text, (), "fixed"
        return None
    return _compared(atom) if isinstance(atom, Compare) else None


def _compared(atom: Compare) -> Compared | None:
    """Read a comparison as one of a field and a constant."""
    for read, other in ((atom.left, atom.right), (atom.right, atom.left)):
        if isinstance(read, Read) and isinstance(other, Constant) and not read.type.is_list:
            return _with(read, (other.value,))
    found = age(atom)
    if found is None:
        return None
    read, _, length = found
    return read, (FIXED_NOW - length,), "now"


def _with(read: Read, values: tuple[Any, ...]) -> Compared | None:
    """Give a field with constants, unless integers are lost among numbers so large."""
    numbers = [value for value in values if isinstance(value, float)]
    if read.type == INTEGER and any(abs(value) >= EXACT for value in numbers):
        return None
    return read, values, "fixed"


def divided(atoms: Iterable[Node]) -> tuple[list[Node], list[Node]]:
    """Divide conditions into those that `cases` decides, and all others."""
    found = [(atom, _compared_with(atom)) for atom in atoms]
    kinds: dict[Name, set[str]] = {}
    for _, compared in found:
        if compared is not None:
            kinds.setdefault(_name(compared[0]), set()).add(compared[2])
    plain = [compared is not None and len(kinds[_name(compared[0])]) <= 1 for _, compared in found]
    decided = [atom for (atom, _), is_plain in zip(found, plain, strict=True) if is_plain]
    return decided, [atom for (atom, _), is_plain in zip(found, plain, strict=True) if not is_plain]


def _name(node: Read | Has) -> Name:
    return node.root, node.field.name


def goes_both_ways(node: Node) -> bool:
    """Tell, of the most usual conditions, that they can be true and can be false."""
    if isinstance(node, Has) or (isinstance(node, Read) and not node.field.choices):
        return True
    if not (isinstance(node, Compare) and isinstance(node.left, Read)):
        return False
    if node.left.field.choices or not isinstance(node.right, Constant):
        return False
    value, kind = node.right.value, node.left.type
    if kind == INTEGER:
        return isinstance(value, int) and abs(value) < EXACT
    return kind == NUMBER or (kind == TEXT and node.operator in ("==", "!="))


def cases(atoms: Iterable[Node], presences: Iterable[Has]) -> dict[Name, tuple[Any, ...]]:
    """Give the cases of every field that these conditions look at; None is among them."""
    constants: dict[Name, list[Any]] = {}
    reads: dict[Name, Read | Has] = {}
    for atom in atoms:
        found = _compared_with(atom)
        assert found is not None
        reads[_name(found[0])] = found[0]
        constants.setdefault(_name(found[0]), []).extend(found[1])
    for has in presences:
        reads.setdefault(_name(has), has)
    return {name: _cases(read, constants.get(name, [])) for name, read in reads.items()}


def _cases(read: Read | Has, constants: list[Any]) -> tuple[Any, ...]:
    """Give the cases of a field among constants."""
    field = read.field
    if field.type.is_list:
        return ((), None)
    if field.choices:
        return (*field.choices, None)
    if field.type == BOOLEAN:
        return (True, False, None)
    values = {value for constant in constants for value in _around(field.type, constant)}
    return (*(values or {_any(field.type)}), None)


def _any(kind: Type) -> Any:
    """Give some value of a type."""
    return {TEXT: "a", TIMESTAMP: FIXED_NOW, DURATION: _STEP}.get(kind, 0)


def _around(kind: Type, constant: Any) -> Iterable[Any]:
    """Give a constant and its nearest neighbours, as values of a type."""
    if kind == TEXT:
        return ("", constant, constant + "\0")
    if kind == INTEGER:
        return _integers_around(constant)
    if kind == NUMBER:
        near = float(constant)
        return (math.nextafter(near, -math.inf), near, math.nextafter(near, math.inf))
    return _times_around(constant)


def _integers_around(constant: float) -> Iterable[int]:
    """Give the integers next to a number."""
    whole = math.floor(constant)
    return {min(max(whole + step, _INT_MIN), _INT_MAX) for step in (-1, 0, 1, 2)}


def _times_around(constant: Any) -> Iterable[Any]:
    """Give a time or a duration and those a microsecond beside it."""
    values = [constant]
    for step in (-_STEP, _STEP):
        try:
            values.append(constant + step)
        except OverflowError:
            continue
    return values
