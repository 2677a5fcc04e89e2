"""The stable codes of what can be wrong with a definition, each with what it means.

The hundreds say where the fault lies: 0 the file, 1 its shape, 2 names and values, 3 the
vocabulary, 4 stages and transitions as a whole, 5 scenarios, 6 extending, 7 whom a workspace
tells (its `funnelflow.toml`, not a definition). Problems inside an expression keep the codes of
`funnelflow.criteria` (``E…``).

A code is an error when the definition cannot be run, or contradicts itself; it is a
warning when the definition runs but will surprise somebody.
"""

from funnelflow.criteria import EXPRESSION_CODES
from funnelflow.definition.codes.code import Code, Severity
from funnelflow.definition.codes.of_files import FILE, SHAPE
from funnelflow.definition.codes.of_names import BLOCKS, NAMES, VOCABULARY
from funnelflow.definition.codes.of_settings import SETTINGS
from funnelflow.definition.codes.of_wholes import EXTENDING, GRAPH, PROMISES, SCENARIOS

__all__ = ["CODES", "Code", "Severity", "severity_of"]

_OWN = sorted(
    (
        *FILE, *SHAPE, *NAMES, *BLOCKS, *VOCABULARY, *GRAPH, *PROMISES, *SCENARIOS, *EXTENDING,
        *SETTINGS,
    ),
    key=lambda code: code.code,
)  # fmt: skip

_WARNED = ("E19",)
"""How the codes of expressions begin that are warnings."""


def _of_expressions(code: str, meaning: str) -> Code:
    """Give a code of the criteria as one of the table."""
    severity: Severity = "warning" if code.startswith(_WARNED) else "error"
    where = "The caret shows the place inside the expression, and the help what to write instead."
    return Code(code, severity, meaning, f"In an expression: {meaning}. {where}")


CODES: dict[str, Code] = {
    code.code: code
    for code in (*_OWN, *(_of_expressions(*pair) for pair in EXPRESSION_CODES.items()))
}
"""Every code that a check may report, in order: the definition's own, then the expressions'."""


def severity_of(code: str) -> Severity:
    """Give the severity of a code; a code that is not of the table is an error."""
    known = CODES.get(code)
    return known.severity if known else "error"
