"""Why a token cannot stand where it stands, in the words of whoever wrote it."""

from collections.abc import Sequence
from typing import Final

from funnelflow.criteria.expression_problems import ExpressionProblem
from funnelflow.criteria.lexer import Token

_MEANT: Final = {
    "startsWith": 'contact.x.startsWith("…")',
    "endsWith": 'contact.x.endsWith("…")',
    "contains": 'contact.x.contains("…")',
    "is": "==, or has(contact.x) to ask whether it is known",
    "isnt": "!=",
    "equals": "==",
    "between": "contact.x >= 1 && contact.x <= 5",
    "if": "a ? b : c",
}
"""What is meant by a word that people write between two values."""
_GROUP: Final = 3
_CAP: Final = 20


def fault_at(tokens: Sequence[Token], place: int) -> ExpressionProblem:
    """Return the problem of the token at a place, which does not fit what stands before it."""
    token = tokens[place]
    before = tokens[place - 1] if place else None
    if before is not None and before.text == "%" and _percents(tokens, place - 1):
        return _problem("E116", before, "percent")
    if token.kind == "end":
        return _problem("E108", token, "ends_early")
    if _complete(before):
        return _after_value(tokens, place)
    if token.text == "{":
        return _problem("E146", token, "map")
    return _problem("E108", token, "value_missing", written=_name(token))


def _after_value(tokens: Sequence[Token], place: int) -> ExpressionProblem:
    """Return the problem of a token that cannot follow a value."""
    token = tokens[place]
    if token.text in (")", "]"):
        return _problem("E109", token, "closes_nothing", written=token.text)
    if token.text == "," and _groups(tokens, place):
        return _problem("E116", token, "commas", **_ungrouped(tokens, place))
    if token.text == "!" and tokens[place + 1].text == "in":
        return _problem("E108", token, "not_in")
    if tokens[place - 1].kind == "number" and token.kind in ("name", "number"):
        return _problem("E116", token, "unit", written=_name(token))
    meant = _meant(token, tokens[place - 1])
    variant = "like" if token.text == "like" and token.kind == "name" and not meant else ""
    return _problem("E108", token, variant or "cannot_follow", written=_name(token), **meant)


def _meant(token: Token, before: Token) -> dict[str, str]:
    """Return what is meant by a token behind a value, where that can be known."""
    if before.text in ("has", "size"):
        return {"meant": f"{before.text}(contact.x)"}
    if token.text == ",":
        return {"meant": "a list in [ ]"}
    found = _MEANT.get(token.text) if token.kind == "name" else None
    return {"meant": found} if found else {}


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


def _ungrouped(tokens: Sequence[Token], place: int) -> dict[str, str]:
    """Return how a number with commas is written; one comma may be a decimal mark, too."""
    number, first = tokens[place - 1].text, place
    while tokens[place].text == "," and _groups(tokens, place):
        number, place = f"{number}{tokens[place + 1].text}", place + 2
    decimal = f"{tokens[first - 1].text}.{tokens[first + 1].text}"
    if place == first + 2 and decimal.replace(".", "").isdigit():
        return {"number": number, "decimal": decimal}
    return {"number": number}


def _name(token: Token) -> str:
    """Return a token as a message names it."""
    return token.text if len(token.text) <= _CAP else token.text[: _CAP - 1] + "…"


def _problem(code: str, token: Token, variant: str, **parameters: object) -> ExpressionProblem:
    """Return a problem at a token; one at the end points behind the last character."""
    end = max(token.end, token.start + (token.kind != "end"))
    return ExpressionProblem(code, token.start, end, parameters, variant)
