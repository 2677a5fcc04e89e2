"""Why a token cannot stand where it stands, in the words of whoever wrote it."""

from collections.abc import Sequence
from typing import Final

from funnelflow.criteria.expression_problems import ExpressionProblem
from funnelflow.criteria.lexer import Token

_INFIX: Final = {
    "startsWith": 'write contact.x.startsWith("…")',
    "endsWith": 'write contact.x.endsWith("…")',
    "contains": 'write contact.x.contains("…")',
    "like": "use startsWith, endsWith or contains",
    "is": "write ==, or has(contact.x) to ask whether it is known",
    "isnt": "write !=",
    "equals": "write ==",
    "between": "write contact.x >= 1 && contact.x <= 5",
    "if": "write a ? b : c",
}
_JOIN = "join conditions by && or ||, and put text in quotes"
_ALONE: Final = "write the number alone, without spaces or a unit"
_GROUP: Final = 3
_CAP: Final = 20


def fault_at(tokens: Sequence[Token], place: int) -> ExpressionProblem:
    """Return the problem of the token at a place, which does not fit what stands before it."""
    token = tokens[place]
    before = tokens[place - 1] if place else None
    if before is not None and before.text == "%" and _percents(tokens, place - 1):
        return _problem("E116", "% is no part of a number", before, "write 0.5 for 50%")
    if token.kind == "end":
        return _problem("E108", "the expression ends too early", token, "write what is missing")
    if _complete(before):
        return _after_value(tokens, place)
    if token.text == "{":
        return _problem("E146", "there are no maps here", token, "compare one field at a time")
    message = f"something is missing before {_name(token)}"
    return _problem("E108", message, token, "write a value")


def _after_value(tokens: Sequence[Token], place: int) -> ExpressionProblem:
    """Return the problem of a token that cannot follow a value."""
    token = tokens[place]
    if token.text in (")", "]"):
        return _problem("E109", f"this {token.text} closes nothing", token, "leave it out")
    if token.text == "," and _groups(tokens, place):
        return _problem("E116", "a number has no commas", token, _ungrouped(tokens, place))
    if token.text == "!" and tokens[place + 1].text == "in":
        return _problem("E108", "not in is no operator", token, "write !(contact.x in […])")
    if tokens[place - 1].kind == "number" and token.kind in ("name", "number"):
        return _problem("E116", f"{_name(token)} is no part of a number", token, _ALONE)
    return _problem("E108", f"{_name(token)} cannot follow here", token, _help(tokens, place))


def _help(tokens: Sequence[Token], place: int) -> str:
    """Say what to write instead of a token behind a value."""
    token, before = tokens[place], tokens[place - 1]
    if before.text in ("has", "size"):
        return f"write {before.text}(contact.x)"
    if token.text == ",":
        return "write a list in [ ]"
    return _INFIX.get(token.text, _JOIN) if token.kind == "name" else _JOIN


def _complete(before: Token | None) -> bool:
    """Whether a value has just ended."""
    if before is None or before.kind == "operator":
        return before is not None and before.text in (")", "]")
    return True


def _percents(tokens: Sequence[Token], place: int) -> bool:
    """Whether a percent sign stands right behind a number."""
    number = tokens[place - 1]
    return number.kind == "number" and number.end == tokens[place].start


def _groups(tokens: Sequence[Token], place: int) -> bool:
    """Whether a comma groups the digits of a number."""
    before, comma, after = tokens[place - 1], tokens[place], tokens[place + 1]
    touching = before.end == comma.start and after.start == comma.end
    return touching and before.kind == after.kind == "number" and len(after.text) == _GROUP


def _ungrouped(tokens: Sequence[Token], place: int) -> str:
    """Say how a number with commas is written; one comma may be a decimal mark, too."""
    number, first = tokens[place - 1].text, place
    while tokens[place].text == "," and _groups(tokens, place):
        number, place = f"{number}{tokens[place + 1].text}", place + 2
    decimal = f"{tokens[first - 1].text}.{tokens[first + 1].text}"
    is_single = place == first + 2 and decimal.replace(".", "").isdigit()
    return (
        f"write {number}, or {decimal} if the comma is decimal" if is_single else f"write {number}"
    )


def _name(token: Token) -> str:
    """Name a token in a message."""
    return token.text if len(token.text) <= _CAP else token.text[: _CAP - 1] + "…"


def _problem(code: str, message: str, token: Token, help_: str) -> ExpressionProblem:
    """Return a problem at a token; one at the end points behind the last character."""
    end = max(token.end, token.start + (token.kind != "end"))
    return ExpressionProblem(code, message, token.start, end, help_)
