"""One kind of problem: its code, how grave it is, and what it means."""

from typing import Literal, TypeAlias

from attrs import frozen

__all__ = ["Code", "Severity", "error", "warning"]

Severity: TypeAlias = Literal["error", "warning"]


@frozen
class Code:
    """One kind of problem: its stable code, how grave it is, its name, and a paragraph."""

    code: str
    severity: Severity
    title: str
    explanation: str


def error(code: str, title: str, explanation: str) -> Code:
    """Give a code of what keeps a definition from being run."""
    return Code(code, "error", title, explanation)


def warning(code: str, title: str, explanation: str) -> Code:
    """Give a code of what runs and will surprise somebody."""
    return Code(code, "warning", title, explanation)
