"""The search for a case: finitely many classes of values, tried with what follows from each.

What is asked becomes a formula without negation over variables that have one of several classes:
the fields, the roles, what plugins answer, and the free atoms, which are no plain comparisons.
"""

import datetime as dt
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any, Final, Literal, TypeAlias

from attrs import define, field, frozen

from funnelflow.criteria.cases import Case, Condition, is_met, question_of, trees_of, wanted_of
from funnelflow.criteria.custom import Custom
from funnelflow.criteria.evaluate import Known, evaluate
from funnelflow.criteria.fields import Field
from funnelflow.criteria.rules import AllOf, AnyOf, AtLeast, Roles
from funnelflow.criteria.tree import (
    And,
    Compare,
    Conditional,
    Has,
    Node,
    Not,
    Or,
    Quantified,
    Read,
    walk,
)
from funnelflow.criteria.value_classes import (
    Length,
    Member,
    are_lists_exact,
    has_finite_domain,
    points_of,
    reads_in,
    values_of,
)

_TRUE, _FALSE, _UNKNOWN, _ANY = 1, 2, 4, 7
_ABSORBS: Final = Has | And | Or | Conditional | Quantified
"""Conditions with one of these may be known where a field that they read is not."""
_MOST_STEPS: Final = 4_000
_MOST_TRIED: Final = 20_000

# A formula: ("is", variable, classes), ("all", formulas), ("some", count, formulas), or a bool.
_Formula: TypeAlias = Any
_Question: TypeAlias = Literal["true", "false", "not true", "not false"]
_CONTRARY: Final[Mapping[_Question, _Question]] = {
    "true": "false",
    "false": "true",
    "not true": "not false",
    "not false": "not true",
}
_CLASSES: Final[Mapping[_Question, int]] = {
    "true": _TRUE,
    "false": _FALSE,
    "not true": _FALSE | _UNKNOWN,
    "not false": _TRUE | _UNKNOWN,
}


def _all(items: Sequence[_Formula]) -> _Formula:
    return ("all", items)


def _some(count: int, items: Sequence[_Formula]) -> _Formula:
    return ("some", count, items)


@frozen
class _Variable:
    """What has one of several classes: a field, an atom, a role, or an answer."""

    key: Any
    values: tuple[Any, ...]


class _TooLongError(Exception):
    """Raised where a search takes too many steps."""


@define
class CaseSearch:
    """One question at one time: variables, their classes, and a formula over them."""

    now: dt.datetime
    met: Sequence[Condition]
    not_met: Sequence[Condition]
    variables: list[_Variable] = field(factory=list)
    places: dict[Any, int] = field(factory=dict)
    tables: dict[Node, tuple[int, int, int]] = field(factory=dict)
    free: dict[Node, int] = field(factory=dict)
    exact: set[Node] = field(factory=set)
    steps: int = 0

    def solve(self) -> Case | Literal[False] | None:
        """Search for a case; False where there is none, None where the search cannot tell."""
        trees = [t for one in (*self.met, *self.not_met) for t in trees_of(one)]
        self._declare(trees)
        formulas = [self._rule(one, met=True) for one in self.met]
        formulas += [self._rule(one, met=False) for one in self.not_met]
        formulas += [clause for atom in self.free for clause in self._known_clauses(atom)]
        is_unsure = False
        try:
            for domains in self._search(formulas, self._full()):
                case = self._case(domains)
                if isinstance(case, Case):
                    if self._is_right(case):
                        return case
                    case = None
                is_unsure = is_unsure or case is None
        except _TooLongError:
            return None
        return None if is_unsure else False

    def _is_right(self, case: Case) -> bool:
        return all(is_met(one, case) for one in self.met) and not any(
            is_met(one, case) for one in self.not_met
        )

    # What there is to decide

    def _declare(self, trees: Sequence[Node]) -> None:
        """Declare the fields with their classes of values, and the atoms that are free."""
        atoms = list(dict.fromkeys(atom for tree in trees for atom in _atoms(tree)))
        fields = {(r.root, r.field.name): r.field for tree in trees for r in reads_in(tree)}
        points: dict[Any, list[Any]] = {name: [] for name in fields}
        others: dict[Any, list[Node]] = {name: [] for name in fields}
        for atom in atoms:
            reads = reads_in(atom)
            found = points_of(atom, self.now) if len(reads) == 1 else None
            if found is None and reads:
                self.free[atom] = 0
                for read in reads:
                    others[read.root, read.field.name].append(atom)
            elif reads:
                points[reads[0].root, reads[0].field.name] += found or ()
        linked = self._link(fields, points)
        for name, kind in fields.items():
            several = linked.get(name, 1)
            values = values_of(kind, points[name], others[name], several)
            self._variable(name, values)
            if kind.type.is_list and not are_lists_exact(points[name]):
                self.exact.difference_update(others[name])
        for atom in self.free:
            self.free[atom] = self._variable(atom, (True, False, None))

    def _link(self, fields: Mapping[Any, Field], points: dict[Any, list[Any]]) -> dict[Any, int]:
        """Share the points of fields that are compared with each other; say how many they are."""
        groups: dict[Any, set[Any]] = {name: {name} for name in fields}
        for atom in self.free:
            names = [(r.root, r.field.name) for r in reads_in(atom)]
            finite = all(has_finite_domain(fields[name]) for name in names)
            if finite or _is_order(atom):
                self.exact.add(atom)
            if _is_order(atom) and not finite:
                joined = groups[names[0]] | groups[names[-1]]
                for name in joined:
                    groups[name] = joined
        for group in {id(g): g for g in groups.values() if len(g) > 1}.values():
            shared = [p for name in group for p in points[name]]
            for name in group:
                points[name] = [p for p in shared if not isinstance(p, Member | Length)]
        return {name: len(group) for name, group in groups.items()}

    def _variable(self, key: Any, values: tuple[Any, ...]) -> int:
        place = self.places.get(key)
        if place is None:
            place = self.places[key] = len(self.variables)
            self.variables.append(_Variable(key, tuple(dict.fromkeys(values))))
        return place

    def _full(self) -> list[int]:
        return [(1 << len(variable.values)) - 1 for variable in self.variables]

    def _known_clauses(self, atom: Node) -> Iterator[_Formula]:
        """Yield that an atom is unknown where a field is that it cannot do without."""
        if any(isinstance(part, _ABSORBS) for part in walk(atom)):
            return
        place = self.free[atom]
        for read in reads_in(atom):
            yield _some(1, [("is", place, _UNKNOWN), self._known(read)])
        if _is_order(atom):
            unknown = [self._unknown(read) for read in reads_in(atom)]
            yield _some(1, [("is", place, _TRUE | _FALSE), *unknown])

    def _known(self, read: Read | Has) -> _Formula:
        place = self.places[read.root, read.field.name]
        return ("is", place, (1 << (len(self.variables[place].values) - 1)) - 1)

    def _unknown(self, read: Read | Has) -> _Formula:
        place = self.places[read.root, read.field.name]
        return ("is", place, 1 << (len(self.variables[place].values) - 1))

    # The formula

    def _rule(self, rule: Condition, *, met: bool) -> _Formula:
        """Return the formula for a rule to be met, or not to be."""
        match rule:
            case AllOf() | AnyOf() | AtLeast():
                items = [self._rule(item, met=met) for item in rule.rules]
                wanted = wanted_of(rule)
                return _some(wanted if met else len(items) - wanted + 1, items)
            case Roles():
                held = [self._variable(("role", role), (True, False)) for role in rule.by]
                return _some(1 if met else len(held), [("is", p, 1 if met else 2) for p in held])
            case Custom():
                place = self._variable(("answer", question_of(rule)), (True, False, None))
                return ("is", place, _TRUE if met else _FALSE | _UNKNOWN)
            case _:
                trees = list(trees_of(rule))
                return self._node(trees[0], "true" if met else "not true")

    def _node(self, node: Node, asked: _Question) -> _Formula:
        """Return the formula for a condition to come out a certain way."""
        match node:
            case Not():
                return self._node(node.item, _CONTRARY[asked])
            case And() | Or():
                items = [self._node(item, asked) for item in node.items]
                is_every = isinstance(node, And) == (asked in ("true", "not false"))
                return _all(items) if is_every else _some(1, items)
            case Conditional():
                return self._choice(node, asked)
            case Has():
                return self._known(node) if asked in ("true", "not false") else self._unknown(node)
            case _:
                return self._atom(node, _CLASSES[asked])

    def _choice(self, node: Conditional, asked: _Question) -> _Formula:
        """Return the formula for a condition with two branches."""
        test, other = self._node(node.test, "true"), self._node(node.test, "false")
        then, otherwise = self._node(node.then, asked), self._node(node.other, asked)
        ways = [_all([test, then]), _all([other, otherwise])]
        if asked.startswith("not"):
            unknown = [self._node(node.test, "not true"), self._node(node.test, "not false")]
            ways.append(_all(unknown))
        return _some(1, ways)

    def _atom(self, atom: Node, classes: int) -> _Formula:
        """Return the formula for an atom to be of some truths."""
        if atom in self.free:
            return ("is", self.free[atom], classes)
        reads = reads_in(atom)
        if not reads:
            return bool(_class_of(evaluate(atom, Known({}, {}, self.now))) & classes)
        place = self.places[reads[0].root, reads[0].field.name]
        table = self.tables.get(atom)
        if table is None:
            table = self.tables[atom] = self._table(atom, reads[0], place)
        bits = sum(b for b, truth in zip(table, (_TRUE, _FALSE, _UNKNOWN), strict=True)
                   if truth & classes)  # fmt: skip
        return ("is", place, bits)

    def _table(self, atom: Node, read: Read | Has, place: int) -> tuple[int, int, int]:
        """Return for which classes of a field an atom is true, false, and unknown."""
        bits = {_TRUE: 0, _FALSE: 0, _UNKNOWN: 0}
        ask = atom.value_of
        for number, value in enumerate(self.variables[place].values):
            facts = {} if value is None else {read.field.name: value}
            found = ask(facts, {}, self.now) if read.root == "contact" else ask({}, facts, self.now)
            bits[_class_of(found)] |= 1 << number
        return bits[_TRUE], bits[_FALSE], bits[_UNKNOWN]

    # The search

    def _search(self, formulas: Sequence[_Formula], domains: list[int]) -> Iterator[list[int]]:
        """Yield classes of the variables for which all formulas hold.

        Raises:
            _TooLongError: It takes too many steps.
        """
        self.steps += 1
        if self.steps > _MOST_STEPS:
            raise _TooLongError
        left = _reduced(formulas, domains)
        if left is None:
            return
        if not left:
            yield domains
            return
        chosen = min(left, key=lambda formula: len(formula[2]))
        rest = [formula for formula in left if formula is not chosen]
        _, count, items = chosen
        first, others = items[0], items[1:]
        yield from self._search([first, _some(count - 1, others), *rest], list(domains))
        yield from self._search([_some(count, others), *rest], list(domains))

    def _case(self, domains: Sequence[int]) -> Case | Literal[False] | None:
        """Return facts of certain classes for which the free atoms come out as they are taken to.

        False where there are none, None where that is not sure.
        """
        wanted = {
            atom: domains[place] for atom, place in self.free.items() if domains[place] != _ANY
        }
        names = list(dict.fromkeys((r.root, r.field.name) for a in wanted for r in reads_in(a)))
        chosen = {v.key: self._first(v, domains[n]) for n, v in enumerate(self.variables)}
        if not wanted:
            return self._made(chosen)
        options = [self._options(domains, name) for name in names]
        is_all = math.prod(map(len, options)) <= _MOST_TRIED
        for values in islice(product(*options), _MOST_TRIED):
            chosen.update(zip(names, values, strict=True))
            case = self._made(chosen)
            known = Known(case.contact, case.event, case.now)
            if all(_class_of(evaluate(a, known)) & bits for a, bits in wanted.items()):
                return case
        return False if is_all and self.exact.issuperset(wanted) else None

    def _options(self, domains: Sequence[int], name: Any) -> list[Any]:
        place = self.places[name]
        values = self.variables[place].values
        return [v for number, v in enumerate(values) if domains[place] >> number & 1]

    def _first(self, variable: _Variable, bits: int) -> Any:
        return next(v for number, v in enumerate(variable.values) if bits >> number & 1)

    def _made(self, chosen: Mapping[Any, Any]) -> Case:
        """Make a case of the values chosen for the variables."""
        known: dict[str, dict[str, Any]] = {"contact": {}, "event": {}}
        roles, answers = [], {}
        for key, value in chosen.items():
            if isinstance(key, tuple) and key[0] in known and value is not None:
                known[key[0]][key[1]] = value
            elif isinstance(key, tuple) and key[0] == "role" and value:
                roles.append(key[1])
            elif isinstance(key, tuple) and key[0] == "answer":
                answers[key[1]] = value
        return Case(known["contact"], known["event"], self.now, tuple(sorted(roles)), answers)


def _class_of(truth: Any) -> int:
    return _TRUE if truth is True else _FALSE if truth is False else _UNKNOWN


def _is_order(atom: Node) -> bool:
    """Whether an atom compares two fields of one type, that is no list, and nothing else."""
    if not (isinstance(atom, Compare) and isinstance(atom.left, Read)):
        return False
    return (
        isinstance(atom.right, Read)
        and atom.left.type == atom.right.type
        and not atom.left.type.is_list
    )


def _atoms(node: Node) -> Iterator[Node]:
    """Yield the conditions that are not made of conditions, presences left out."""
    match node:
        case And() | Or():
            for item in node.items:
                yield from _atoms(item)
        case Not():
            yield from _atoms(node.item)
        case Conditional():
            for item in (node.test, node.then, node.other):
                yield from _atoms(item)
        case Has():
            return
        case _:
            yield node


def _reduced(formulas: Sequence[_Formula], domains: list[int]) -> list[_Formula] | None:
    """Return what is left to decide, having narrowed the domains; None where it cannot hold."""
    pending = list(formulas)
    is_changed = True
    while is_changed:
        is_changed = False
        left: list[_Formula] = []
        for formula in pending:
            one = _simplified(formula, domains)
            if one is False:
                return None
            if one is True:
                continue
            if one[0] == "is":
                domains[one[1]] &= one[2]
                is_changed = True
            elif one[0] == "all":
                left.extend(one[1])
                is_changed = True
            else:
                left.append(one)
        pending = left
    return pending


def _simplified(formula: _Formula, domains: Sequence[int]) -> _Formula:
    """Return a formula without what the domains decide."""
    if isinstance(formula, bool):
        return formula
    if formula[0] == "is":
        domain, classes = domains[formula[1]], formula[2]
        if not domain & classes:
            return False
        return True if domain & ~classes == 0 else formula
    count = len(formula[1]) if formula[0] == "all" else formula[1]
    left = []
    for item in formula[-1]:
        one = _simplified(item, domains)
        if one is True:
            count -= 1
        elif one is not False:
            left.append(one)
    if count <= 0:
        return True
    if count > len(left):
        return False
    return _all(left) if count == len(left) else _some(count, left)
