"""What an explanation is made of: a verdict, words, the values seen, and what is missing."""

import enum

from attrs import frozen

from funnelflow.criteria.fields import Field
from funnelflow.criteria.types import Value

__all__ = ["Clause", "Explanation", "Seen", "Verdict"]


class Verdict(enum.Enum):
    """Whether a criterion is met; unknown where facts are missing, and then it is not taken."""

    MET = "met"
    NOT_MET = "not met"
    UNKNOWN = "unknown"


@frozen
class Seen:
    """A fact that was looked at: ``contact.budget``, its field, and its value or None."""

    name: str
    field: Field | None
    value: Value | None


@frozen
class Clause:
    """One operand of the outermost ``&&`` or ``||``, by itself."""

    source: str
    verdict: Verdict
    words: str
    seen: tuple[Seen, ...]


@frozen
class Explanation:
    """Why a criterion is met, or is not, or cannot be known.

    Attributes:
        verdict: The answer; MET exactly where `Expression.holds` is True.
        words: The reason in plain words.
        seen: Every fact that was looked at, once.
        missing: The unknown fields whose answer could still make it met.
        clauses: The outermost operands, or the criterion itself as the only one.
    """

    verdict: Verdict
    words: str
    seen: tuple[Seen, ...]
    missing: tuple[Field, ...]
    clauses: tuple[Clause, ...]
