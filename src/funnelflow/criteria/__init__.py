"""The criteria language: a strict subset of CEL, typed, compiled, and able to explain itself.

==================  =====================================================================
names               ``contact.x``, ``event.x``, ``now``, ``has(contact.x)``
values              ``5``, ``0xFF``, ``12.5``, ``"text"``, ``r"raw"``, ``true``, ``[1, 2]``,
                    ``timestamp("2026-03-01T00:00:00Z")``, ``duration("720h")``
converting          ``int(x)``, ``double(x)``, ``string(x)``
times               ``x.getMonth("Europe/Paris")``, ``.getDayOfWeek()`` and the like
comparing           ``== != < <= > >=``, ``in`` a list; integers and numbers mix
joining             ``&& || !``, ``a ? b : c``
calculating         ``+ - * / %``; also text + text, list + list, time + duration,
                    time - time; integers and numbers do not mix
text and lists      ``size(x)``, ``x.startsWith("a")``, ``.endsWith``, ``.contains``,
                    ``.lowerAscii()``, ``.upperAscii()``, ``.trim()``
items of a list     ``x.exists(i, i > 5)``, ``x.all(…)``, ``x.exists_one(…)``
==================  =====================================================================

Everything accepted is valid CEL and means what it means there (but for ``duration("30d")``, whose
days CEL does not read, as definitions do after ``after``), with two words for CEL's
errors: a fact that nobody knows, and a calculation without a result, are *unknown*.

>>> import datetime as dt
>>> scope = Scope({"budget": Field("budget", NUMBER, unit="EUR")})
>>> criterion = compile_expression("contact.budget >= 5000", scope)
>>> criterion.explain({"budget": 3000.0}, {}, dt.datetime.now(dt.UTC)).words
'budget is 3,000 EUR; needs at least 5,000 EUR'
"""

from funnelflow.criteria.custom import Custom, CustomAnswer, CustomCall
from funnelflow.criteria.explain import Clause, Explanation, Seen, Verdict
from funnelflow.criteria.expression import Expression, compile_expression, compile_values
from funnelflow.criteria.expression_problems import (
    AS_WRITTEN,
    EXPRESSION_CODES,
    MORE,
    SEVERITIES,
    Catalogue,
    Code,
    CriterionError,
    ExpressionProblem,
    Position,
    Severity,
)
from funnelflow.criteria.fields import Field, Scope
from funnelflow.criteria.moments import (
    Schedule,
    next_change,
    reads_of_event,
    schedule,
    unschedulable,
)
from funnelflow.criteria.rules import (
    AllOf,
    AnyOf,
    AtLeast,
    Check,
    CompiledRule,
    Leaf,
    Roles,
    Rule,
    check_rule,
    compile_rule,
    constants_of,
    rule_customs,
    rule_expressions,
)
from funnelflow.criteria.sql_dialects import SqlFilter
from funnelflow.criteria.times import duration_words, parse_duration
from funnelflow.criteria.value_forms import (
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

__all__ = [
    "AS_WRITTEN",
    "BOOLEAN",
    "DURATION",
    "EXPRESSION_CODES",
    "INTEGER",
    "MORE",
    "NUMBER",
    "SCALARS",
    "SEVERITIES",
    "TEXT",
    "TIMESTAMP",
    "AllOf",
    "AnyOf",
    "AtLeast",
    "Catalogue",
    "Check",
    "Clause",
    "Code",
    "CompiledRule",
    "CriterionError",
    "Custom",
    "CustomAnswer",
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
    "Schedule",
    "Scope",
    "Seen",
    "Severity",
    "SqlFilter",
    "Type",
    "Value",
    "Verdict",
    "check_rule",
    "compile_expression",
    "compile_rule",
    "compile_values",
    "constants_of",
    "duration_words",
    "list_of",
    "next_change",
    "parse_duration",
    "parse_type",
    "reads_of_event",
    "rule_customs",
    "rule_expressions",
    "schedule",
    "unschedulable",
]
