"""What a rule looks at: its expressions, and what it holds each field against."""

from collections.abc import Iterator

from funnelflow.criteria.expression import Expression
from funnelflow.criteria.rules import AllOf, AnyOf, AtLeast, Leaf, Rule
from funnelflow.criteria.tree import Compare, Constant, In, Read, TextTest, walk
from funnelflow.criteria.types import Value

__all__ = ["constants_of", "rule_expressions"]


def rule_expressions(rule: Rule) -> Iterator[Expression]:
    """Yield the expressions that a rule is made of, in order."""
    if isinstance(rule, Leaf):
        yield rule.expression
    elif isinstance(rule, AllOf | AnyOf | AtLeast):
        for inner in rule.rules:
            yield from rule_expressions(inner)


def constants_of(expression: Expression) -> Iterator[tuple[str, Value]]:
    """Yield (field of the contact, constant) for every constant that a field is held against."""
    for node in walk(expression.tree):
        if isinstance(node, Compare | In | TextTest):
            below = tuple(walk(node))
            names = {n.field.name for n in below if isinstance(n, Read) and n.root == "contact"}
            for constant in (n.value for n in below if isinstance(n, Constant)):
                values = constant if isinstance(constant, tuple) else (constant,)
                yield from ((name, value) for name in sorted(names) for value in values)
