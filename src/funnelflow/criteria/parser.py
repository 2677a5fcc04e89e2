"""From tokens to the syntax tree, by precedence climbing (cel-spec, "Syntax").

Three caps keep every expression small: its length, its depth and its operators. All later
steps walk the tree by recursion, which the depth makes safe. Why a token cannot stand where it
stands is said in the words of whoever wrote it.
"""

from collections.abc import Sequence
from typing import Final, NoReturn

from attrs import define

from funnelflow.criteria.expression_problems import ExpressionProblem
from funnelflow.criteria.lexer import SyntaxProblem, Token, tokenize
from funnelflow.criteria.tree import (
    Binary,
    CallSyntax,
    Choice,
    Index,
    ListSyntax,
    Literal,
    Logic,
    Name,
    Select,
    Syntax,
    Unary,
)

LENGTH_CAP: Final = 2_000
DEPTH_CAP: Final = 50
OPERATOR_CAP: Final = 200

_BINDS: Final = {
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in"), 1),
    **dict.fromkeys(("+", "-"), 2),
    **dict.fromkeys(("*", "/", "%"), 3),
}
_CONSTANTS: Final = {"true": True, "false": False}
_KEYWORDS: Final = frozenset({"true", "false", "null"})
_FIRST_BEYOND: Final = 2**63
_PAIRS: Final = {"(": ")", "[": "]"}


def parse(source: str, problems: list[ExpressionProblem]) -> Syntax | None:
    """Read an expression, adding to `problems`; None where nothing is left to go on with."""
    if len(source) > LENGTH_CAP:
        parameters = {"length": len(source), "most": LENGTH_CAP}
        problems.append(ExpressionProblem("E102", LENGTH_CAP, len(source), parameters))
        return None
    if not source.strip():
        problems.append(ExpressionProblem("E101", 0, len(source)))
        return None
    try:
        return _Parser(tokenize(source, problems), problems).whole()
    except SyntaxProblem as stop:
        problems.append(stop.problem)
        return None


@define
class _Parser:
    """One walk through the tokens."""

    tokens: list[Token]
    problems: list[ExpressionProblem]
    place: int = 0
    nesting: int = 0
    operators: int = 0

    def whole(self) -> Syntax:
        """Read everything."""
        tree = self._expression()
        if self._now.kind != "end":
            self._unexpected()
        return tree

    @property
    def _now(self) -> Token:
        return self.tokens[self.place]

    @property
    def _end(self) -> int:
        """Return the place behind the token that was taken last."""
        return self.tokens[self.place - 1].end

    def _next(self) -> Token:
        """Return the token at hand, and go on to the next."""
        token = self.tokens[self.place]
        self.place += 1
        return token

    def _at(self, *texts: str) -> bool:
        """Whether the token at hand is one of these operators."""
        token = self.tokens[self.place]
        return token.kind == "operator" and token.text in texts

    def _expression(self) -> Syntax:
        """Read a condition with its branches, or what stands below it."""
        self.nesting += 1
        if self.nesting > DEPTH_CAP:
            self._too_deep(self._now)
        start = self._now.start
        test = self._logic("||")
        if self._at("?"):
            test = self._choice(test, start)
        self.nesting -= 1
        return test

    def _choice(self, test: Syntax, start: int) -> Syntax:
        """Read the branches behind a condition."""
        question = self._operator()
        then = self._logic("||")
        if not self._at(":"):
            if self._now.kind == "end":
                self._fail("E108", question, "second_branch")
            self._unexpected()
        self._next()
        other = self._expression()
        place = (start, self._end, _depth(test, then, other))
        return self._made(Choice(*place, test, then, other))

    def _logic(self, operator: str) -> Syntax:
        """Read operands joined by ``||``, or by ``&&`` below that."""
        start = self._now.start
        items = [self._part_of(operator)]
        while self._at(operator):
            self._operator()
            items.append(self._part_of(operator))
        if len(items) == 1:
            return items[0]
        place = (start, self._end, _depth(*items))
        return self._made(Logic(*place, operator, tuple(items)))

    def _part_of(self, operator: str) -> Syntax:
        """Read an operand of ``||``, or of ``&&``."""
        return self._logic("&&") if operator == "||" else self._binary(1)

    def _binary(self, least: int) -> Syntax:
        """Read binary operations that bind at least so tightly, from left to right."""
        start = self._now.start
        left = self._unary()
        while (binds := self._binds()) >= least:
            token = self._operator()
            right = self._binary(binds + 1)
            place = (start, self._end, _depth(left, right))
            left = self._made(Binary(*place, token.text, left, right))
        return left

    def _binds(self) -> int:
        """Return how tightly the operator at hand binds; 0 where there is none."""
        token = self.tokens[self.place]
        return _BINDS.get(token.text, 0) if token.kind == "operator" else 0

    def _unary(self) -> Syntax:
        """Read the signs before an operand; two of the same kind cancel out, as in CEL."""
        if not self._at("!", "-"):
            return self._operand()
        first = self._now
        count = 0
        while self._at(first.text):
            self._operator()
            count += 1
        if count == 1 and first.text == "-" and self._now.kind == "number":
            return self._members(self._negative(first), first.start)
        of = self._operand()
        if count % 2 == 0:
            return of
        return self._made(Unary(first.start, self._end, of.depth + 1, first.text, of))

    def _negative(self, sign: Token) -> Syntax:
        """Read a number with its sign, which reaches one further than one without."""
        token = self._next()
        value = None if token.value is None else -token.value
        return Literal(sign.start, token.end, 1, value)

    def _operand(self) -> Syntax:
        """Read an operand with what is selected from it, or called on it."""
        start = self._now.start
        return self._members(self._primary(), start)

    def _members(self, of: Syntax, start: int) -> Syntax:
        """Read what is selected from an operand that began at `start`, or called on it."""
        while self._at(".", "["):
            of = self._select(of, start) if self._at(".") else self._index(of, start)
        return of

    def _select(self, of: Syntax, start: int) -> Syntax:
        """Read ``.name`` or ``.name(…)``."""
        self._next()
        name = self._now
        if name.kind != "name" or name.text in _KEYWORDS:
            whole = isinstance(of, Literal) and isinstance(of.value, int)
            self._fail("E108", name, "after_dot", **({"number": of.value} if whole else {}))  # type: ignore[union-attr]
        self._next()
        if self._at("("):
            return self._call(of, name, start)
        return self._made(Select(start, name.end, of.depth + 1, of, name.text))

    def _index(self, of: Syntax, start: int) -> Syntax:
        """Read ``[item]``."""
        opening = self._next()
        item = self._expression()
        self._close(opening)
        return self._made(Index(start, self._end, _depth(of, item), of, item))

    def _call(self, of: Syntax | None, name: Token, start: int) -> Syntax:
        """Read the arguments of a call."""
        arguments = self._items(self._operator())
        depth = _depth(*arguments, *([of] if of is not None else []))
        return self._made(CallSyntax(start, self._end, depth, of, name.text, arguments, name.start))

    def _items(self, opening: Token) -> tuple[Syntax, ...]:
        """Read expressions with commas between, up to the closing bracket."""
        items = []
        while not self._at(_PAIRS[opening.text]):
            items.append(self._expression())
            if not self._at(","):
                break
            self._next()
        self._close(opening)
        return tuple(items)

    def _primary(self) -> Syntax:
        """Read a literal, a name, a call, a list, or an expression in parentheses."""
        token = self._next()
        if token.kind == "number":
            return Literal(token.start, token.end, 1, self._positive(token))
        if token.kind == "text":
            return Literal(token.start, token.end, 1, token.value)
        if token.kind == "name":
            return self._named(token)
        if token.kind == "operator" and token.text in _PAIRS:
            return self._bracketed(token)
        self.place -= 1
        return self._unexpected()

    def _bracketed(self, opening: Token) -> Syntax:
        """Read a list, or an expression in parentheses, which leave no trace in the tree."""
        if opening.text == "(":
            inside = self._expression()
            self._close(opening)
            return inside
        items = self._items(opening)
        return self._made(ListSyntax(opening.start, self._end, _depth(*items), items))

    def _positive(self, token: Token) -> int | float | None:
        """Return the value of a number without a sign."""
        value: int | float | None = token.value
        if value == _FIRST_BEYOND and isinstance(value, int):
            self.problems.append(ExpressionProblem("E117", token.start, token.end))
            return None
        return value

    def _named(self, token: Token) -> Syntax:
        """Read what begins with a name."""
        if token.text in _CONSTANTS:
            return Literal(token.start, token.end, 1, _CONSTANTS[token.text])
        if self._at("("):
            return self._call(None, token, token.start)
        return Name(token.start, token.end, 1, token.text)

    def _operator(self) -> Token:
        """Read an operator, counting."""
        self.operators += 1
        token = self._next()
        if self.operators > OPERATOR_CAP:
            self._fail("E104", token, most=OPERATOR_CAP)
        return token

    def _made(self, node: Syntax) -> Syntax:
        """Return a node, unless its tree is too deep."""
        if node.depth > DEPTH_CAP:
            self._too_deep(node)
        return node

    def _too_deep(self, at: Token | Syntax) -> NoReturn:
        """Refuse an expression that nests too deep."""
        self._fail("E103", at, most=DEPTH_CAP)

    def _close(self, opening: Token) -> Token:
        """Read the bracket that closes another."""
        closing = _PAIRS[opening.text]
        if self._at(closing):
            return self._next()
        if self._now.kind == "end":
            self._fail("E109", opening, "never_closed", written=opening.text, closing=closing)
        return self._unexpected()

    def _unexpected(self) -> NoReturn:
        """Stop with the reason why the token at hand cannot stand here."""
        raise SyntaxProblem(fault_at(self.tokens, self.place))

    def _fail(
        self, code: str, at: Token | Syntax, variant: str = "", **parameters: object
    ) -> NoReturn:
        """Stop with a problem; one at the end points behind the last character."""
        end = min(max(at.end, at.start + 1), self.tokens[-1].end)
        raise SyntaxProblem(ExpressionProblem(code, at.start, end, parameters, variant))


def _depth(*nodes: Syntax) -> int:
    """Return the depth of a tree above these."""
    return 1 + max((node.depth for node in nodes), default=0)


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
