"""Conditions as formulas of the solver z3 (extra ``prove``), where classes of values do not do.

Each part of a condition becomes two formulas: whether it is known, and its value. Integers are
integers that are unknown beyond 64 bits, numbers are IEEE 754 doubles, texts are strings, times
and durations count microseconds; so calculations mean here what they mean in the compiled code.
What has no form here (lists, what plugins answer) is left undecided, and so is what the solver
does not decide in time. A case that it finds counts only when the conditions themselves agree.
"""

import datetime as dt
import math
from collections.abc import Sequence
from typing import Any, Final, Literal

from attrs import define, field

from funnelflow.criteria import tree
from funnelflow.criteria.cases import Case, Condition, is_met, wanted_of
from funnelflow.criteria.custom import Custom
from funnelflow.criteria.expression import Expression
from funnelflow.criteria.fields import Field
from funnelflow.criteria.rules import AllOf, AnyOf, AtLeast, Leaf, Roles
from funnelflow.criteria.tree import Node
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
    says_nothing,
)
from funnelflow.errors import FieldError

_TIME_LIMIT: Final = 1_000
"""How many milliseconds the solver has for one question."""
_DIGITS: Final = 52
"""How many binary digits of a double are behind the point."""
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_STEP: Final = dt.timedelta(microseconds=1)
_FIRST: Final = (dt.datetime.min.replace(tzinfo=dt.UTC) - _EPOCH) // _STEP
_LAST: Final = (dt.datetime.max.replace(tzinfo=dt.UTC) - _EPOCH) // _STEP
_LONGEST: Final = (2**63 - 1) // 1000
_WHOLE: Final = (INTEGER, TIMESTAMP, DURATION)


class _NoFormError(Exception):
    """Raised for what has no form in the solver."""


def find_case_by_solver(
    met: Sequence[Condition], not_met: Sequence[Condition]
) -> Case | Literal[False] | None:
    """Find facts for which some conditions are met and others are not, by z3.

    Returns:
        Such facts; False where there are none; None where z3 is not installed, does not decide
        it in time, or lacks a form for something.
    """
    try:
        import z3  # noqa: PLC0415  # an extra, and slow to load
    except ImportError:
        return None
    writer = _Formulas(z3)
    try:
        formulas = [writer.rule(one) for one in met]
        formulas += [z3.Not(writer.rule(one)) for one in not_met]
    except _NoFormError:
        return None
    solver = z3.Solver()
    solver.set("timeout", _TIME_LIMIT)
    solver.add(*formulas, *writer.limits)
    answer = solver.check()
    if answer == z3.unsat:
        return False
    if answer != z3.sat:
        return None
    case = writer.case(solver.model())
    if case is None:
        return None
    is_right = all(is_met(one, case) for one in met)
    return case if is_right and not any(is_met(one, case) for one in not_met) else None


@define
class _Formulas:
    """Writes conditions as formulas, and reads facts from a model of them."""

    z3: Any
    fields: dict[tuple[str, str], tuple[Field, Any, Any]] = field(factory=dict)
    roles: dict[str, Any] = field(factory=dict)
    limits: list[Any] = field(factory=list)

    def rule(self, rule: Condition) -> Any:  # noqa: PLR0911  # one a kind
        """Return the formula for a rule to be met."""
        match rule:
            case Leaf():
                return self.rule(rule.expression)
            case Expression():
                return self.rule(rule.tree)
            case AllOf() | AnyOf() | AtLeast():
                parts = [self.rule(one) for one in rule.rules]
                wanted = wanted_of(rule)
                if wanted <= 0:
                    return self.z3.BoolVal(True)  # noqa: FBT003  # the value itself
                if wanted > len(parts):
                    return self.z3.BoolVal(False)  # noqa: FBT003
                return self.z3.AtLeast(*parts, wanted)
            case Roles():
                held = [self.roles.setdefault(r, self.z3.Bool(f"role {r}")) for r in rule.by]
                return self.z3.Or(*held)
            case Custom():
                raise _NoFormError
            case _:
                known, value = self.node(rule)
                return self.z3.And(known, value)

    def node(self, node: Node) -> tuple[Any, Any]:  # noqa: PLR0911  # one a kind
        """Return whether a node is known, and its value."""
        match node:
            case tree.Constant():
                return self._yes, self._constant(node.value, node.type)
            case tree.Read():
                return self._field(node)
            case tree.Has():
                return self._yes, self._field(node)[0]
            case tree.Now():
                return self._yes, self._now()
            case tree.Not():
                known, value = self.node(node.item)
                return known, self.z3.Not(value)
            case tree.And() | tree.Or():
                return self._joined(node)
            case tree.Conditional():
                return self._choice(node)
            case tree.Compare():
                return self._compare(node)
            case _:
                return self._calculated(node)

    def _calculated(self, node: Node) -> tuple[Any, Any]:
        """Return what is calculated, or looked for in a text or among constants."""
        match node:
            case tree.In() if isinstance(node.items, tree.Constant):
                return self._among(node)
            case tree.Arithmetic():
                return self._arithmetic(node)
            case tree.Negate():
                known, value = self.node(node.item)
                limit = value != INT_MIN if node.type == INTEGER else self._yes
                return self.z3.And(known, limit), -value
            case tree.TextTest():
                return self._text(node)
            case tree.Size() if node.item.type == TEXT:
                known, value = self.node(node.item)
                return known, self.z3.Length(value)
            case _:
                raise _NoFormError

    @property
    def _yes(self) -> Any:
        return self.z3.BoolVal(True)  # noqa: FBT003  # the value itself

    def _field(self, node: tree.Read | tree.Has) -> tuple[Any, Any]:
        """Return the variables of a field: whether it is known, and its value."""
        name, kind = (node.root, node.field.name), node.field.type
        if name not in self.fields:
            known = self.z3.Bool(f"{node.root}.{node.field.name} is known")
            value = self._variable(f"{node.root}.{node.field.name}", kind)
            self.fields[name] = (node.field, known, value)
            if node.field.choices:
                choices = [self._constant(choice, kind) for choice in node.field.choices]
                self.limits.append(self.z3.Or(*(value == choice for choice in choices)))
        return self.fields[name][1:]

    def _variable(self, name: str, kind: Type) -> Any:
        """Return a variable of a type, within the range of that."""
        if kind == BOOLEAN:
            return self.z3.Bool(name)
        if kind == TEXT:
            value = self.z3.String(name)
            self.limits.append(self.z3.Length(value) > 0)
            return value
        if kind == NUMBER:
            value = self.z3.FP(name, self.z3.Float64())
            odd = (self.z3.fpIsNaN(value), self.z3.fpIsInf(value))
            self.limits += [self.z3.Not(one) for one in odd]
            return value
        if kind not in _WHOLE:
            raise _NoFormError
        value = self.z3.Int(name)
        self.limits.append(self._in_range(value, kind))
        return value

    def _now(self) -> Any:
        name = ("now", "")
        if name not in self.fields:
            variable = self._variable("now", TIMESTAMP)
            self.fields[name] = (Field("now", TIMESTAMP), self._yes, variable)
        return self.fields[name][2]

    def _in_range(self, value: Any, kind: Type) -> Any:
        low, high = {
            INTEGER: (INT_MIN, INT_MAX),
            TIMESTAMP: (_FIRST, _LAST),
            DURATION: (-_LONGEST, _LONGEST),
        }[kind]
        return self.z3.And(value >= low, value <= high)

    def _constant(self, value: Any, kind: Type) -> Any:
        """Return a constant of a type."""
        if kind == BOOLEAN:
            return self.z3.BoolVal(bool(value))
        if kind == TEXT:
            return self.z3.StringVal(value)
        if kind == NUMBER:
            return self.z3.FPVal(float(value), self.z3.Float64())
        if isinstance(value, dt.datetime):
            return self.z3.IntVal((value - _EPOCH) // _STEP)
        if isinstance(value, dt.timedelta):
            return self.z3.IntVal(value // _STEP)
        if kind != INTEGER:
            raise _NoFormError
        return self.z3.IntVal(value)

    def _joined(self, node: tree.And | tree.Or) -> tuple[Any, Any]:
        """Return ``&&`` or ``||``: what absorbs decides, whatever is unknown."""
        parts = [self.node(item) for item in node.items]
        is_and = isinstance(node, tree.And)
        absorbs = [
            self.z3.And(known, self.z3.Not(value) if is_and else value) for known, value in parts
        ]
        known = self.z3.Or(self.z3.And(*(known for known, _ in parts)), *absorbs)
        absorbed = self.z3.Or(*absorbs)
        return known, self.z3.Not(absorbed) if is_and else absorbed

    def _choice(self, node: tree.Conditional) -> tuple[Any, Any]:
        test, then, other = (self.node(one) for one in (node.test, node.then, node.other))
        known = self.z3.And(test[0], self.z3.If(test[1], then[0], other[0]))
        return known, self.z3.If(test[1], then[1], other[1])

    def _compare(self, node: tree.Compare) -> tuple[Any, Any]:
        """Return a comparison; an integer beside a number is the nearest number, as in CEL."""
        if node.left.type.is_list:
            raise _NoFormError
        (known, left), (also, right) = self.node(node.left), self.node(node.right)
        kinds = {node.left.type, node.right.type}
        if kinds == {INTEGER, NUMBER}:
            left, right = self._as_number(left, node.left), self._as_number(right, node.right)
        return self.z3.And(known, also), self._ordered(node.operator, left, right, kinds)

    def _as_number(self, value: Any, node: Node) -> Any:
        """Return a constant integer as a number."""
        if node.type == NUMBER:
            return value
        if isinstance(node, tree.Constant) and isinstance(node.value, int):
            return self._constant(float(node.value), NUMBER)
        raise _NoFormError

    def _ordered(self, sign: str, left: Any, right: Any, kinds: set[Type]) -> Any:
        """Return how two values compare."""
        z3 = self.z3
        if NUMBER in kinds:
            signs = {"==": z3.fpEQ, "<": z3.fpLT, "<=": z3.fpLEQ, ">": z3.fpGT, ">=": z3.fpGEQ}
            return z3.Not(z3.fpEQ(left, right)) if sign == "!=" else signs[sign](left, right)
        if sign in ("==", "!="):
            return left == right if sign == "==" else left != right
        if BOOLEAN in kinds:
            left, right = z3.If(left, 1, 0), z3.If(right, 1, 0)
        if sign in (">", ">="):
            left, right = right, left
        return left < right if sign in ("<", ">") else left <= right

    def _among(self, node: tree.In) -> tuple[Any, Any]:
        assert isinstance(node.items, tree.Constant)
        assert isinstance(node.items.value, tuple)
        kind = node.items.type.item
        if kind != node.item.type:
            raise _NoFormError
        known, value = self.node(node.item)
        options = [
            self._ordered("==", value, self._constant(one, kind), {kind})
            for one in node.items.value
        ]
        return known, self.z3.Or(*options)

    def _text(self, node: tree.TextTest) -> tuple[Any, Any]:
        (known, text), (also, part) = self.node(node.text), self.node(node.part)
        tests = {
            "startsWith": lambda: self.z3.PrefixOf(part, text),
            "endsWith": lambda: self.z3.SuffixOf(part, text),
            "contains": lambda: self.z3.Contains(text, part),
        }
        return self.z3.And(known, also), tests[node.test]()

    def _arithmetic(self, node: tree.Arithmetic) -> tuple[Any, Any]:
        """Return a calculation; unknown beyond its range, or where it divides by zero."""
        if node.type.is_list:
            raise _NoFormError
        (known, left), (also, right) = self.node(node.left), self.node(node.right)
        both = self.z3.And(known, also)
        if node.type == TEXT:
            return both, self.z3.Concat(left, right)
        if node.type == NUMBER:
            return both, self._float(node.operator, left, right)
        if node.operator in "/%":
            both = self.z3.And(both, right != 0)
            value = self._divided(node.operator, left, right)
        else:
            value = {"+": left + right, "-": left - right, "*": left * right}[node.operator]
        is_between = node.type == DURATION and node.left.type == TIMESTAMP
        if is_between:  # its range ends a little earlier, by whole seconds
            raise _NoFormError
        return self.z3.And(both, self._in_range(value, node.type)), value

    def _float(self, sign: str, left: Any, right: Any) -> Any:
        mode = self.z3.RNE()
        calls = {"+": self.z3.fpAdd, "-": self.z3.fpSub, "*": self.z3.fpMul, "/": self.z3.fpDiv}
        return calls[sign](mode, left, right)

    def _divided(self, sign: str, left: Any, right: Any) -> Any:
        """Return a quotient towards zero, or what is left; z3 rounds down, as Python does."""
        size, by = self.z3.If(left < 0, -left, left), self.z3.If(right < 0, -right, right)
        if sign == "%":
            rest = size % by
            return self.z3.If(left < 0, -rest, rest)
        quotient = size / by
        return self.z3.If((left < 0) == (right < 0), quotient, -quotient)

    def case(self, model: Any) -> Case | None:
        """Return the facts of a model; None where some cannot be read."""
        known: dict[str, dict[str, Any]] = {"contact": {}, "event": {}}
        now = _EPOCH
        for (root, name), (kind, is_known, variable) in self.fields.items():
            if not self.z3.is_true(model.eval(is_known, model_completion=True)):
                continue
            value = self._read(model.eval(variable, model_completion=True), kind.type)
            if not _can_be_told(kind, value):
                return None
            if root == "now":
                now = value
            else:
                known[root][name] = value
        roles = [r for r, held in self.roles.items() if self.z3.is_true(model.eval(held))]
        return Case(known["contact"], known["event"], now, tuple(sorted(roles)))

    def _read(self, value: Any, kind: Type) -> Any:
        """Read a value of the solver."""
        if kind == BOOLEAN:
            return bool(self.z3.is_true(value))
        if kind == TEXT:
            return str(value.py_value())
        if kind == NUMBER:
            return _double(value)
        number = int(value.as_long())
        if kind == TIMESTAMP:
            return _EPOCH + number * _STEP
        return number * _STEP if kind == DURATION else number


def _can_be_told(kind: Field, value: Any) -> bool:
    """Whether a value is one that a fact can have."""
    try:
        return not says_nothing(value) and kind.normalise(value) == value
    except FieldError:
        return False


def _double(value: Any) -> float:
    """Return an IEEE 754 double of the solver as Python's."""
    if value.isZero():
        return -0.0 if value.isNegative() else 0.0
    whole = value.significand_as_long() | (0 if value.isSubnormal() else 1 << _DIGITS)
    size = math.ldexp(whole, value.exponent_as_long(biased=False) - _DIGITS)
    return -size if value.isNegative() else size
