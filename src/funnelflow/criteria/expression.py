"""A compiled expression: its functions, its explanation, its words and its SQL."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, TypeAlias

from attrs import field, frozen

from funnelflow.criteria.codegen import Writer, compile_function
from funnelflow.criteria.evaluate import Known
from funnelflow.criteria.explain import Explanation, explain
from funnelflow.criteria.expression_problems import CriterionError, ExpressionProblem
from funnelflow.criteria.fields import Scope
from funnelflow.criteria.sql_dialects import DialectName, SqlFilter
from funnelflow.criteria.tree import Has, Node, Read, walk
from funnelflow.criteria.value_forms import BOOLEAN, Facts, Fields, Type, Value
from funnelflow.criteria.words import criterion_words

Holds: TypeAlias = Callable[[Fields, Facts, dt.datetime], bool]
Gives: TypeAlias = Callable[[Fields, Facts, dt.datetime], Value | None]


@frozen(slots=False)
class Expression:
    """An expression that is compiled when it is first used.

    `compile_expression` makes one whose problems are known at once; one that was accepted
    before, when it was stored or pickled, is made directly, and raises `CriterionError` where
    it is used if it is accepted no more.

    Attributes:
        source: As it was written.
        scope: What it may name.
        expect: The type that its value must have; None for any.
    """

    source: str
    scope: Scope = field(repr=False, hash=False)
    expect: Type | None = field(default=BOOLEAN, repr=False)

    @cached_property
    def tree(self) -> Node:
        """Return what it means.

        Raises:
            CriterionError: It does not compile; the error carries every problem.
        """
        # A command that asks no criteria loads none of what reads them.
        from funnelflow.criteria.names_and_operators import CheckContext  # noqa: PLC0415
        from funnelflow.criteria.parser import parse  # noqa: PLC0415
        from funnelflow.criteria.type_checker import check_whole  # noqa: PLC0415

        problems: list[ExpressionProblem] = []
        syntax = parse(self.source, problems)
        checking = CheckContext(self.source, self.scope, problems)
        node = None if syntax is None else check_whole(checking, syntax, self.expect)
        if node is None or problems:
            raise CriterionError(self.source, problems)
        return node

    @cached_property
    def warnings(self) -> tuple[ExpressionProblem, ...]:
        """Return what is suspicious about it, without being wrong."""
        from funnelflow.criteria.constant_conditions import find_suspicious  # noqa: PLC0415  # as above
        from funnelflow.criteria.names_and_operators import CheckContext  # noqa: PLC0415  # as above

        checking = CheckContext(self.source, self.scope)
        find_suspicious(checking, self.tree)
        return tuple(checking.problems)

    @property
    def type(self) -> Type:
        """Return the type of its value."""
        return self.expect or self.tree.type

    @cached_property
    def names(self) -> frozenset[tuple[str, str]]:
        """Return the fields it reads: ``("contact", "budget")``."""
        reads = [node for node in walk(self.tree) if isinstance(node, Read | Has)]
        return frozenset((node.root, node.field.name) for node in reads)

    @cached_property
    def holds(self) -> Holds:
        """Return the function (contact fields, event facts, now) for whether it is true.

        It never raises: whatever is unknown, or cannot be computed, is not true.
        """
        writer = Writer()
        return compile_function("holds", "f, e, now", writer.true_if(self.tree), writer.names)

    @cached_property
    def value(self) -> Gives:
        """Return the function (contact fields, event facts, now) for its value; None is unknown."""
        return self.tree.value_of

    def explain(self, fields: Fields, facts: Facts, now: dt.datetime) -> Explanation:
        """Explain whether it is true with these facts, why, and what is missing."""
        return explain(self.tree, self.source, Known(fields, facts, now))

    def words(self) -> str:
        """Return what it asks for in plain words: ``budget is at least 5,000 EUR``."""
        return criterion_words(self.tree)

    def to_sql(
        self,
        dialect: DialectName,
        now: dt.datetime,
        *,
        columns: Mapping[str, str] | None = None,
        fields: str = "fields",
        prefix: str = "where",
    ) -> SqlFilter:
        """Write it as SQL over rows that hold a contact's facts as canonical JSON text.

        Args:
            dialect: The database: ``sqlite`` or ``postgresql``.
            now: The time at which the question is asked.
            columns: Contact fields that stand in columns of their own, in the storage form
                of their type: name to SQL, qualified by its table (``contacts.stage``).
            fields: The SQL of the JSON text, qualified where that is needed.
            prefix: What the names of the parameters begin with.
        """
        from funnelflow.criteria.sql import sql_filter  # noqa: PLC0415  # only filters need it

        return sql_filter(
            self.tree, dialect, now, columns=columns or {}, fields=fields, prefix=prefix
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the source and its scope; the other side compiles it where it is used."""
        return Expression, (self.source, self.scope, self.type)


def compile_values(
    expressions: Iterable[Expression],
) -> Callable[[Fields, Facts, dt.datetime], tuple[Value | None, ...]]:
    """Return the function (contact fields, event facts, now) for the values of expressions."""
    writer = Writer()
    body = "".join(f"{writer.value(expression.tree)}, " for expression in expressions)
    return compile_function("values", "f, e, now", f"({body})", writer.names)


def compile_expression(source: str, scope: Scope, expect: Type | None = BOOLEAN) -> Expression:
    """Compile an expression.

    Args:
        source: The expression, in the strict subset of CEL.
        scope: What it may name.
        expect: The type that its value must have; None for any.

    Raises:
        CriterionError: It does not compile; the error carries every problem.
    """
    expression = Expression(source, scope, expect)
    assert expression.tree is not None  # compiled here and now
    return expression
