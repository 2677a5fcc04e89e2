"""The criteria language: a strict subset of CEL, typed, compiled, and able to explain itself."""

from funnelflow.criteria.codes import EXPRESSION_CODES
from funnelflow.criteria.durations import duration_words, parse_duration
from funnelflow.criteria.expression import Expression, compile_expression
from funnelflow.criteria.fields import Field
from funnelflow.criteria.position import Position
from funnelflow.criteria.problems import CriterionError, ExpressionProblem
from funnelflow.criteria.reads import constants_of, rule_expressions
from funnelflow.criteria.rules import (
    AllOf,
    AnyOf,
    AtLeast,
    Check,
    Custom,
    CustomCall,
    Leaf,
    Roles,
    Rule,
    check_rule,
    compile_rule,
)
from funnelflow.criteria.scope import Scope
from funnelflow.criteria.sql import SqlFilter
from funnelflow.criteria.types import (
    BOOLEAN,
    DURATION,
    INTEGER,
    NUMBER,
    SCALARS,
    TEXT,
    TIMESTAMP,
    Facts,
    Fields,
    Scalar,
    Type,
    Value,
    list_of,
    parse_type,
)
from funnelflow.criteria.verdicts import Clause, Explanation, Seen, Verdict

__all__ = [
    "BOOLEAN",
    "DURATION",
    "EXPRESSION_CODES",
    "INTEGER",
    "NUMBER",
    "SCALARS",
    "TEXT",
    "TIMESTAMP",
    "AllOf",
    "AnyOf",
    "AtLeast",
    "Check",
    "Clause",
    "CriterionError",
    "Custom",
    "CustomCall",
    "Explanation",
    "Expression",
    "ExpressionProblem",
    "Facts",
    "Field",
    "Fields",
    "Leaf",
    "Position",
    "Roles",
    "Rule",
    "Scalar",
    "Scope",
    "Seen",
    "SqlFilter",
    "Type",
    "Value",
    "Verdict",
    "check_rule",
    "compile_expression",
    "compile_rule",
    "constants_of",
    "duration_words",
    "list_of",
    "parse_duration",
    "parse_type",
    "rule_expressions",
]
