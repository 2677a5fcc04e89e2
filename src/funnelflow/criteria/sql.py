"""An expression as SQL: a filter that runs in the database and answers as Python does.

SQL's own logic has three values too, and NULL is unknown: so a comparison becomes a
comparison, ``&&`` becomes AND, and a row is selected exactly where the criterion is true.
Everything that names no field is computed here, with ``now``, and bound as a parameter.

What SQL would answer differently (calculations that overflow, lists that are compared) is
left out of the filter, which then selects too many rows and says so: `SqlFilter.exact` is
False, and each row must still be asked by `Expression.holds`.
"""

import datetime as dt
import math
import re
from collections.abc import Mapping
from typing import Any, Final

from attrs import define, field, frozen

from funnelflow.criteria import tree
from funnelflow.criteria.evaluate import Known, evaluate
from funnelflow.criteria.moments import EARLIEST, LAST, MICROSECOND, Line, line_of
from funnelflow.criteria.sql_dialects import DIALECTS, Dialect, DialectName, SqlFilter
from funnelflow.criteria.times import timestamp_json
from funnelflow.criteria.tree import Node, names_fields, walk
from funnelflow.criteria.value_forms import (
    BOOLEAN,
    DURATION,
    INTEGER,
    NUMBER,
    TEXT,
    TIMESTAMP,
    Type,
    dump_value,
)
from funnelflow.criteria.words import FLIPPED


@frozen
class Bound:
    """A time compared with a limit; all limits are storage forms, which sort as times do.

    Attributes:
        read: The field.
        operator: How it compares.
        limit: With what.
        first: The first time for which the comparison is known.
        last: The last one.
    """

    read: tree.Read
    operator: str
    limit: str
    first: str
    last: str


def bounded(node: tree.Compare, known: Known) -> Bound | None:
    """Read a comparison of a calculation with one time as a bound on that; None for other forms.

    Args:
        node: The comparison.
        known: What is known without any field.
    """
    named = [part for part in walk(node) if isinstance(part, tree.Read | tree.Has)]
    read, limits = named[0], list[tuple[Line, int, int]]()
    if len(named) > 1 or not isinstance(read, tree.Read) or read.type != TIMESTAMP:
        return None
    if node.left.type not in (TIMESTAMP, DURATION):
        return None
    left = line_of(node.left, tree.Read, known, limits)
    right = line_of(node.right, tree.Read, known, limits)
    if left is None or right is None or left.sign == right.sign:
        return None
    if not all(line.sign or least <= line.offset <= most for line, least, most in limits):
        return None
    line = Line(left.sign - right.sign, left.offset - right.offset)
    ends = [sorted((one.at(least), one.at(most))) for one, least, most in limits if one.sign]
    if not ends:  # it is compared as it is
        return None
    first, last = max(0, *(end for end, _ in ends)), min(LAST, *(end for _, end in ends))
    operator = node.operator if line.sign > 0 else FLIPPED[node.operator]
    return Bound(read, operator, *map(_stored, (line.at(0), first, last)))


def _stored(moment: int) -> str:
    """Return the storage form of a time, or a text before or after all of them."""
    if not 0 <= moment <= LAST:
        return "~" if moment > 0 else ""
    return timestamp_json(EARLIEST + moment * MICROSECOND)


_PARAMETER: Final = re.compile(r":(\w+)")
_SIGNS: Final = {"==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


class _NotInSql(Exception):  # noqa: N818  # an answer, not an error
    """SQL has no way to say this that gives the same answers."""


def sql_filter(
    node: Node,
    dialect: DialectName,
    now: dt.datetime,
    *,
    columns: Mapping[str, str],
    fields: str,
    prefix: str,
) -> SqlFilter:
    """Write a condition as SQL; see `Expression.to_sql`."""
    writer = _Writer(DIALECTS[dialect](fields), now, columns, prefix)
    text = writer.loose(node) or "TRUE"
    used = set(_PARAMETER.findall(text))
    parameters = {name: value for name, value in writer.parameters.items() if name in used}
    return SqlFilter(text, parameters, writer.exact)


@define
class _Writer:
    """Writes one filter."""

    dialect: Dialect
    now: dt.datetime
    columns: Mapping[str, str]
    prefix: str
    parameters: dict[str, Any] = field(factory=dict)
    exact: bool = True

    def loose(self, node: Node) -> str | None:
        """Write a condition that holds wherever the node does; None for one that always does."""
        if isinstance(node, tree.And):
            parts = [part for item in node.items if (part := self.loose(item)) is not None]
            return f"({' AND '.join(parts)})" if parts else None
        if isinstance(node, tree.Or):
            either = [self.loose(item) for item in node.items]
            some = [part for part in either if part is not None]
            return f"({' OR '.join(some)})" if len(some) == len(either) else None
        try:
            return self.condition(node)
        except _NotInSql:
            self.exact = False
            return None

    def condition(self, node: Node) -> str:  # noqa: PLR0911  # one a kind of node
        """Write a condition with the same three values.

        Raises:
            _NotInSql: SQL cannot say it.
        """
        if not names_fields(node):
            return self.constant(self.computed(node), BOOLEAN)
        match node:
            case tree.And() | tree.Or():
                joint = " AND " if isinstance(node, tree.And) else " OR "
                return f"({joint.join([self.condition(item) for item in node.items])})"
            case tree.Not():
                return f"(NOT {self.condition(node.item)})"
            case tree.Has():
                return self.known(node)
            case tree.Compare():
                return self.compare(node)
            case tree.In():
                return self.membership(node)
            case tree.TextTest():
                return self.text_test(node)
            case _:
                return self.value(node)

    def value(self, node: Node) -> str:
        """Write a value of any type; NULL where it is unknown."""
        if not names_fields(node):
            return self.constant(self.computed(node), node.type)
        match node:
            case tree.Read():
                return self.read(node)
            case tree.Size():
                return self.size(node)
            case tree.Apply() if node.function in self.dialect.letters:
                return self.dialect.lettered(node.function, self.value(node.item))
            case tree.Conditional():
                branches = f"WHEN TRUE THEN {self.value(node.then)}"
                branches += f" WHEN FALSE THEN {self.value(node.other)}"
                return f"(CASE {self.condition(node.test)} {branches} END)"
            case _ if node.type == BOOLEAN and not isinstance(
                node, tree.Constant | tree.Quantified
            ):
                return self.condition(node)
            case _:
                raise _NotInSql

    def computed(self, node: Node) -> Any:
        """Compute what names no field."""
        return evaluate(node, Known({}, {}, self.now))

    def constant(self, value: Any, kind: Type) -> str:
        """Write a value that is known here, as a parameter."""
        if value is None:
            return self.dialect.unknown(kind)
        if kind == BOOLEAN:
            return "TRUE" if value else "FALSE"
        unstorable = isinstance(value, str) and "\0" in value
        if kind.is_list or unstorable or (isinstance(value, float) and math.isnan(value)):
            raise _NotInSql
        name = f"{self.prefix}_{len(self.parameters)}"
        self.parameters[name] = dump_value(value)
        return self.dialect.parameter(name, kind)

    def read(self, node: tree.Read) -> str:
        """Write the value of a field; a filter has no event, so nothing of one is known."""
        if node.root == "event":
            return self.dialect.unknown(node.type)
        if node.field.name in self.columns:
            return self.dialect.column(self.columns[node.field.name], node.type)
        if node.type.is_list:
            raise _NotInSql
        return self.dialect.value(_plain(node.field.name), node.type)

    def known(self, node: tree.Has) -> str:
        """Write whether a field is known."""
        if node.root == "event":
            return "FALSE"
        if node.field.name in self.columns:
            return f"({self.columns[node.field.name]} IS NOT NULL)"
        return self.dialect.known(_plain(node.field.name))

    def size(self, node: tree.Size) -> str:
        """Write the number of characters, or of items."""
        item = node.item
        if item.type == TEXT:
            return f"length({self.value(item)})"
        return self.dialect.items(self.stored_list(item))

    def stored_list(self, node: Node) -> str:
        """Return the name of a list among the facts."""
        if not isinstance(node, tree.Read) or node.root == "event":
            raise _NotInSql
        if node.field.name in self.columns:
            raise _NotInSql
        return _plain(node.field.name)

    def compare(self, node: tree.Compare) -> str:
        """Write a comparison."""
        if (bound := bounded(node, Known({}, {}, self.now))) is not None:
            return self.bounded(bound)
        if node.left.type.is_list:
            raise _NotInSql
        if node.left.type == DURATION and node.operator not in ("==", "!="):
            raise _NotInSql
        left, right = self.beside(node.left, node.right), self.beside(node.right, node.left)
        return f"({left} {_SIGNS[node.operator]} {right})"

    def beside(self, node: Node, other: Node) -> str:
        """Write an operand of a comparison; an integer beside a number becomes one, as in CEL."""
        if node.type != INTEGER or other.type != NUMBER:
            return self.value(node)
        if names_fields(node):
            return self.dialect.real(self.value(node))
        value = self.computed(node)
        return self.constant(None if value is None else float(value), NUMBER)

    def bounded(self, bound: Bound) -> str:
        """Write a comparison of a time with a bound, within the range where it is known."""
        time = self.read(bound.read)
        test = f"{_SIGNS[bound.operator]} {self.constant(bound.limit, TEXT)}"
        first, last = self.constant(bound.first, TEXT), self.constant(bound.last, TEXT)
        return self.dialect.within(time, first, last, test)

    def membership(self, node: tree.In) -> str:
        """Write ``in``."""
        if not names_fields(node.items):
            return self.among_constants(node.item, self.computed(node.items))
        name, kind = self.stored_list(node.items), node.items.type.item
        assert kind is not None
        if NUMBER in (kind, node.item.type):
            kind = NUMBER
        item = self.beside(node.item, tree.Constant(0, 0, 0.0, kind))
        if not names_fields(node.item):
            return self.dialect.among(item, name, kind)
        look = self.dialect.among(item, name, kind)
        return f"(CASE WHEN {item} IS NOT NULL THEN {look} END)"

    def among_constants(self, node: Node, values: Any) -> str:
        """Write a look for a value in a list that is known here."""
        if values is None:
            return self.dialect.unknown(BOOLEAN)
        item = self.value(node)
        groups: dict[bool, list[str]] = {}
        for value in values:
            if isinstance(value, float) and math.isnan(value):
                continue
            mixed = node.type == INTEGER and isinstance(value, float)
            kind = NUMBER if mixed or node.type == NUMBER else node.type
            given = float(value) if kind == NUMBER else value
            groups.setdefault(mixed, []).append(self.constant(given, kind))
        if not groups:
            return f"(CASE WHEN {item} IS NOT NULL THEN FALSE END)"
        tests = [
            f"{self.dialect.real(item) if mixed else item} IN ({', '.join(members)})"
            for mixed, members in groups.items()
        ]
        return f"({' OR '.join(tests)})"

    def text_test(self, node: tree.TextTest) -> str:
        """Write ``startsWith``, ``endsWith`` or ``contains``."""
        if names_fields(node.part):
            raise _NotInSql
        part: str | None = self.computed(node.part)
        if part is None:
            return self.dialect.unknown(BOOLEAN)
        text, given = self.value(node.text), self.constant(part, TEXT)
        if node.test == "contains":
            return self.dialect.contains(text, given)
        test = self.dialect.starts if node.test == "startsWith" else self.dialect.ends
        return test(text, given, len(part))


def _plain(name: str) -> str:
    """Return the name of a field, which is written into SQL, where it is nothing but a name."""
    if not (name.isascii() and name.isidentifier()):
        raise _NotInSql
    return name
