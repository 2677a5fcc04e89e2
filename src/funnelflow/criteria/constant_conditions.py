"""Criteria that can never hold, always do, or follow from others: found by trying every case.

A field that is only compared with constants falls into finitely many cases: below, at,
between and above them, or unknown. Where the fields of a part have few enough cases, all
are tried; a comparison of any other kind is taken to come out either way, where its fields are
known. So what is said is certain, and not everything that is so is said.
"""

import datetime as dt
import math
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, Final, TypeAlias

from funnelflow.criteria.evaluate import EXACT, Known, all_of, any_of, evaluate
from funnelflow.criteria.names_and_operators import CheckContext
from funnelflow.criteria.tree import (
    And,
    Arithmetic,
    Compare,
    Conditional,
    Constant,
    Has,
    In,
    Negate,
    Node,
    Not,
    Now,
    Or,
    Quantified,
    Read,
    Size,
    TextTest,
    walk,
)
from funnelflow.criteria.value_forms import (
    BOOLEAN,
    DURATION,
    INT_MAX,
    INT_MIN,
    INTEGER,
    NUMBER,
    TEXT,
    TIMESTAMP,
    Type,
    listed,
    shown,
)
from funnelflow.criteria.words import age

Name: TypeAlias = tuple[str, str]
Compared: TypeAlias = tuple[Read, tuple[Any, ...], str]

FIXED_NOW: Final = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
"""The time at which criteria are tried; comparisons with ``now`` see only what lies around it."""

_STEP: Final = dt.timedelta(microseconds=1)


def _compared_with(atom: Node) -> Compared | None:
    """Read a condition as one of a field and constants: the field, those, and of which kind.

    The kind is "now" for times compared with ``now``, which cannot be distinguished from
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
    """Return a field with constants, unless integers are lost among numbers so large."""
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
    """Whether a condition is of the most usual form, which can be true and can be false."""
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
    """Return the cases of every field that these conditions look at; None is among them."""
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
    """Return the cases of a field among constants."""
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
    """Return some value of a type."""
    return {TEXT: "a", TIMESTAMP: FIXED_NOW, DURATION: _STEP}.get(kind, 0)


def _around(kind: Type, constant: Any) -> Iterable[Any]:
    """Return a constant and its nearest neighbours, as values of a type."""
    if kind == TEXT:
        return ("", constant, constant + "\0")
    if kind == INTEGER:
        return _integers_around(constant)
    if kind == NUMBER:
        near = float(constant)
        return (math.nextafter(near, -math.inf), near, math.nextafter(near, math.inf))
    return _times_around(constant)


def _integers_around(constant: float) -> Iterable[int]:
    """Return the integers next to a number."""
    whole = math.floor(constant)
    return {min(max(whole + step, INT_MIN), INT_MAX) for step in (-1, 0, 1, 2)}


def _times_around(constant: Any) -> Iterable[Any]:
    """Return a time or a duration and those a microsecond beside it."""
    values = [constant]
    for step in (-_STEP, _STEP):
        try:
            values.append(constant + step)
        except OverflowError:
            continue
    return values


_TRIES: Final = 600
_EITHER: Final = (True, False, None)
_NO_SIZE: Final = (0, 1, 2**62)
_SIGNS: Final = frozenset("+-*/%")
_BOTH: Final = frozenset({True, False})


def find_suspicious(checking: CheckContext, tree: Node) -> None:
    """Add a warning for every part that cannot be what its author meant."""
    _find_without_result(checking, tree)
    if tree.type == BOOLEAN:
        _look(checking, tree)


def _find_without_result(checking: CheckContext, tree: Node) -> None:
    """Warn of calculations with constants that have no result."""
    if _SIGNS.isdisjoint(checking.source):
        return
    nowhere = Known({}, {}, FIXED_NOW)
    for node in walk(tree):
        if not isinstance(node, Arithmetic | Negate):
            continue
        constant = all(isinstance(part, Constant | Arithmetic | Negate) for part in walk(node))
        by_zero = isinstance(node, Arithmetic) and node.type == INTEGER and _divides_by_zero(node)
        if by_zero or (constant and evaluate(node, nowhere) is None):
            variant = "by_zero" if by_zero else "out_of_range"
            checking.report("E192", node, variant, text=checking.text(node))
            return


def _divides_by_zero(node: Arithmetic) -> bool:
    """Whether an integer is divided by a constant zero."""
    right = node.right
    return node.operator in "/%" and isinstance(right, Constant) and right.value == 0


def _look(checking: CheckContext, node: Node) -> bool:
    """Report the smallest suspicious parts; return whether there were any."""
    if isinstance(node, Not):
        return _look(checking, node.item)
    if not isinstance(node, And | Or):
        return _report(checking, [node], node, _outcomes(node))
    below = [_look(checking, item) for item in node.items]
    if True in below:
        return True
    groups = [group for group in _together(node.items) if len(group) > 1]
    return True in [
        _report(checking, group, node, _outcomes(_part(node, group))) for group in groups
    ]


def _report(
    checking: CheckContext, nodes: Sequence[Node], whole: Node, outcomes: frozenset[bool]
) -> bool:
    """Report nodes that, together, come out one way only."""
    if len(outcomes) != 1:
        return False
    code = "E191" if True in outcomes else "E190"
    text, reason = checking.text(nodes[0]), _reason(nodes)
    if len(nodes) == 1:
        checking.report(code, whole, "alone", text=text, **reason)
    else:
        other = checking.text(nodes[-1])
        checking.report(code, whole, "together", text=text, other=other, **reason)
    return True


def _part(node: And | Or, items: tuple[Node, ...]) -> Node:
    """Return a node with some of its operands only."""
    return type(node)(node.start, node.end, items)


def _reason(nodes: Sequence[Node]) -> dict[str, str]:
    """Return what about the fields makes it so."""
    reads = [part for node in nodes for part in walk(node) if isinstance(part, Read)]
    for read in reads:
        if read.field.choices and not read.type.is_list:
            return {"choices": listed([shown(choice) for choice in read.field.choices])}
    constants = [part.value for part in walk(nodes[0]) if isinstance(part, Constant)]
    if reads and reads[0].type == INTEGER and any(isinstance(one, float) for one in constants):
        return {"field": reads[0].field.label}
    return {}


def _together(items: Iterable[Node]) -> list[tuple[Node, ...]]:
    """Group operands that look at the same fields, directly or through others."""
    groups: list[tuple[frozenset[Name], tuple[Node, ...]]] = []
    for item in items:
        names = frozenset(_names(item))
        members: tuple[Node, ...] = (item,)
        apart = []
        for other_names, others in groups:
            if names & other_names:
                names, members = names | other_names, (*others, *members)
            else:
                apart.append((other_names, others))
        groups = [*apart, (names, members)]
    return [tuple(sorted(members, key=lambda node: node.start)) for _, members in groups]


def _names(node: Node) -> Iterator[Name]:
    """Yield the fields that a node looks at."""
    for part in walk(node):
        if isinstance(part, Read | Has):
            yield part.root, part.field.name


def never_both(one: Node, other: Node) -> bool:
    """Whether two conditions are never true together, as far as cases show."""
    return all(truths != (True, True) for truths in _truths(one, other))


def follows(one: Node, other: Node) -> bool:
    """Whether one condition is true wherever another is, as far as cases show."""
    return all(truth is True for truth, given in _truths(one, other) if given is True)


def _outcomes(node: Node) -> frozenset[bool]:
    """Return the truth values that a node can have; both where that would be hard to find out."""
    if isinstance(node, Constant):
        return frozenset({node.value is True})
    if goes_both_ways(node):
        return _BOTH
    return frozenset(truth for (truth,) in _truths(node) if truth is not None)


def _truths(*nodes: Node) -> Iterator[tuple[bool | None, ...]]:
    """Yield the truths that conditions can have together; all there are where cases are many."""
    decided, free = divided([atom for node in nodes for atom in _atoms(node)])
    known = cases(decided, [has for node in nodes for has in _presences(node)])
    free_cases = {atom: _free_cases(atom) for atom in free}
    if math.prod(map(len, (*known.values(), *free_cases.values()))) > _TRIES:
        yield from product(_EITHER, repeat=len(nodes))
        return
    for facts in _combinations(known):
        unknown = {atom: (None,) for atom in free if _lacks(atom, facts, known)}
        for outcomes in product(*{**free_cases, **unknown}.values()):
            answers = dict(zip(free_cases, outcomes, strict=True))
            given = {id(atom): answers[atom] for atom in free}
            yield tuple([_truth(node, facts, given) for node in nodes])


def _truth(node: Node, facts: Known, given: Mapping[int, bool | None]) -> bool | None:
    """Return the truth of a node in one case; some conditions are given theirs, by their `id`."""
    match node:
        case And():
            return all_of(*[_truth(item, facts, given) for item in node.items])
        case Or():
            return any_of(*[_truth(item, facts, given) for item in node.items])
        case Not():
            truth = _truth(node.item, facts, given)
            return None if truth is None else not truth
        case Conditional():
            test = _truth(node.test, facts, given)
            branch = node.then if test else node.other
            return None if test is None else _truth(branch, facts, given)
        case _:
            return given[id(node)] if id(node) in given else evaluate(node, facts)


def _lacks(atom: Node, facts: Known, among: Container[Name]) -> bool:
    """Whether a condition is unknown since a field is that it cannot do without."""
    parts = tuple(walk(atom))
    if any(isinstance(part, And | Or | Conditional | Quantified) for part in parts):
        return False
    reads = [part for part in parts if isinstance(part, Read) and _name(part) in among]
    return any(facts.read(read) is None for read in reads)


def _combinations(known: dict[Name, tuple[Any, ...]]) -> Iterator[Known]:
    """Yield every combination of the cases of the fields."""
    for values in product(*known.values()):
        facts: dict[str, dict[str, Any]] = {"contact": {}, "event": {}}
        for (root, name), value in zip(known, values, strict=True):
            if value is not None:
                facts[root][name] = value
        yield Known(facts["contact"], facts["event"], FIXED_NOW)


def _atoms(node: Node) -> Iterator[Node]:
    """Yield the conditions that are not made of conditions."""
    match node:
        case And() | Or():
            for item in node.items:
                yield from _atoms(item)
        case Not():
            yield from _atoms(node.item)
        case Conditional():
            for item in (node.test, node.then, node.other):
                yield from _atoms(item)
        case Has() | Constant():
            return
        case _:
            yield node


def _presences(node: Node) -> list[Has]:
    """List the questions whether a field is known."""
    return [part for part in walk(node) if isinstance(part, Has)]


def _free_cases(atom: Node) -> tuple[bool | None, ...]:
    """Return the ways in which a condition can come out that is no plain comparison."""
    if not any(isinstance(part, Read | Has | Now) for part in walk(atom)):
        return (evaluate(atom, Known({}, {}, FIXED_NOW)),)
    if isinstance(atom, Compare) and isinstance(atom.left, Read) and atom.left == atom.right:
        return (atom.operator in ("==", "<=", ">="), None)
    if isinstance(atom, Compare) and isinstance(atom.left, Size):
        limit = atom.right.value if isinstance(atom.right, Constant) else None
        if isinstance(limit, int | float):
            return _size_cases(atom, limit)
    return _EITHER


def _size_cases(atom: Compare, limit: float) -> tuple[bool | None, ...]:
    """Return the ways in which a comparison of a size with a constant can come out."""
    near = [math.floor(limit) + step for step in (-1, 0, 1, 2)] if math.isfinite(limit) else []
    sizes = {size for size in [*near, *_NO_SIZE] if size >= 0}
    nowhere = Known({}, {}, FIXED_NOW)
    outcomes = set()
    for size in sizes:
        given = Constant(atom.left.start, atom.left.end, size, INTEGER)
        compared = Compare(atom.start, atom.end, atom.operator, given, atom.right)
        outcomes.add(evaluate(compared, nowhere))
    return (*outcomes, None)
