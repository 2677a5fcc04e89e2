"""From tokens to the syntax tree, by precedence climbing (cel-spec, "Syntax").

Three caps keep every expression small: its length, its depth and its operators. All later
steps walk the tree by recursion, which the depth makes safe.
"""

from typing import Final, NoReturn

from attrs import define

from funnelflow.criteria.lexer import SyntaxProblem, Token, tokenize
from funnelflow.criteria.problems import ExpressionProblem
from funnelflow.criteria.syntax import (
    Binary,
    Call,
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

__all__ = ["DEPTH_CAP", "LENGTH_CAP", "OPERATOR_CAP", "parse"]

LENGTH_CAP: Final = 2_000
DEPTH_CAP: Final = 50
OPERATOR_CAP: Final = 200

_RELATIONS: Final = frozenset({"==", "!=", "<", "<=", ">", ">=", "in"})
_LEVELS: Final[tuple[frozenset[str], ...]] = (
    _RELATIONS,
    frozenset({"+", "-"}),
    frozenset({"*", "/", "%"}),
)
_CONSTANTS: Final = {"true": True, "false": False}
_FIRST_BEYOND: Final = 2**63
_PAIRS: Final = {"(": ")", "[": "]"}


def parse(source: str) -> tuple[Syntax | None, list[ExpressionProblem]]:
    """Read an expression; the tree is None where a problem left nothing to go on with."""
    if len(source) > LENGTH_CAP:
        text = f"the criterion has {len(source):,} characters"
        help_ = f"keep it below {LENGTH_CAP:,}; split it into several criteria"
        return None, [ExpressionProblem("E102", text, LENGTH_CAP, len(source), help_)]
    if not source.strip():
        help_ = "write a condition, like contact.budget > 0 or has(contact.email)"
        return None, [ExpressionProblem("E101", "the criterion is empty", 0, len(source), help_)]
    return _parse(source)


def _parse(source: str) -> tuple[Syntax | None, list[ExpressionProblem]]:
    """Read an expression that is neither empty nor too long."""
    problems: list[ExpressionProblem] = []
    try:
        tokens, problems = tokenize(source)
        parser = _Parser(tokens, problems)
        return parser.whole(), problems
    except SyntaxProblem as stop:
        return None, [*problems, stop.problem]


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

    def _next(self) -> Token:
        """Take the token at hand."""
        token = self.tokens[self.place]
        self.place += 1
        return token

    def _at(self, *texts: str) -> bool:
        """Tell whether the token at hand is one of these operators."""
        token = self.tokens[self.place]
        return token.kind == "operator" and token.text in texts

    def _expression(self) -> Syntax:
        """Read a condition with its branches, or what stands below it."""
        self._enter()
        test = self._logic("||")
        if self._at("?"):
            self._operator()
            then = self._logic("||")
            self._expect(":", "the branches of ? are divided by :")
            other = self._expression()
            test = self._made(
                Choice(test.start, other.end, _depth(test, then, other), test, then, other)
            )
        self.nesting -= 1
        return test

    def _logic(self, operator: str) -> Syntax:
        """Read operands joined by ``||``, or by ``&&`` below that."""
        items = [self._conjunction() if operator == "||" else self._level(0)]
        while self._at(operator):
            self._operator()
            items.append(self._conjunction() if operator == "||" else self._level(0))
        if len(items) == 1:
            return items[0]
        return self._made(
            Logic(items[0].start, items[-1].end, _depth(*items), operator, tuple(items))
        )

    def _conjunction(self) -> Syntax:
        return self._logic("&&")

    def _level(self, level: int) -> Syntax:
        """Read the binary operations of a level, from left to right."""
        if level == len(_LEVELS):
            return self._unary()
        left = self._level(level + 1)
        while self._now.kind == "operator" and self._now.text in _LEVELS[level]:
            token = self._operator()
            right = self._level(level + 1)
            place = (left.start, right.end, _depth(left, right))
            left = self._made(Binary(*place, token.text, left, right, token.start))
        return left

    def _unary(self) -> Syntax:
        """Read the signs before an operand; two of the same kind cancel out, as in CEL."""
        if not self._at("!", "-"):
            return self._member()
        first = self._now
        count = 0
        while self._at(first.text):
            self._operator()
            count += 1
        if count == 1 and first.text == "-" and self._now.kind == "number":
            return self._members(self._negative(first))
        of = self._member()
        if count % 2 == 0:
            return of
        return self._made(Unary(first.start, of.end, of.depth + 1, first.text, of))

    def _negative(self, sign: Token) -> Syntax:
        """Read a number with its sign, which reaches one further than one without."""
        token = self._next()
        return Literal(sign.start, token.end, 1, -token.value)

    def _member(self) -> Syntax:
        """Read an operand with what is selected from it or called on it."""
        return self._members(self._primary())

    def _members(self, of: Syntax) -> Syntax:
        while self._at(".", "["):
            of = self._select(of) if self._at(".") else self._index(of)
        return of

    def _select(self, of: Syntax) -> Syntax:
        """Read ``.name`` or ``.name(…)``."""
        self._next()
        name = self._now
        if name.kind != "name":
            self._fail("E108", "a name must follow the dot", name, "write contact.name")
        self._next()
        if self._at("("):
            return self._call(of, name)
        return self._made(Select(of.start, name.end, of.depth + 1, of, name.text))

    def _index(self, of: Syntax) -> Syntax:
        """Read ``[item]``."""
        opening = self._next()
        item = self._expression()
        closing = self._close(opening)
        return self._made(Index(of.start, closing.end, _depth(of, item), of, item))

    def _call(self, of: Syntax | None, name: Token) -> Syntax:
        """Read the arguments of a call."""
        opening = self._operator()
        arguments = self._items(opening)
        end = self.tokens[self.place - 1].end
        start = name.start if of is None else of.start
        depth = _depth(*arguments, *([of] if of else []))
        return self._made(Call(start, end, depth, of, name.text, arguments, name.start))

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
        if token.text == "(":
            return self._parenthesised(token)
        if token.text == "[":
            items = self._items(token)
            return self._made(ListSyntax(token.start, self._last_end, _depth(*items), items))
        self.place -= 1
        self._unexpected()

    @property
    def _last_end(self) -> int:
        return self.tokens[self.place - 1].end

    def _positive(self, token: Token) -> int | float:
        """Give the value of a number without a sign."""
        value: int | float = token.value
        if value == _FIRST_BEYOND and isinstance(value, int):
            self._problem("E117", "the number is too large", token, "integers have 64 bits")
            return 0
        return value

    def _named(self, token: Token) -> Syntax:
        """Read what begins with a name."""
        if token.text in _CONSTANTS:
            return Literal(token.start, token.end, 1, _CONSTANTS[token.text])
        if self._at("("):
            return self._call(None, token)
        return Name(token.start, token.end, 1, token.text)

    def _parenthesised(self, opening: Token) -> Syntax:
        """Read ``(…)``; the parentheses leave no trace but the places."""
        inside = self._expression()
        self._close(opening)
        return inside

    def _operator(self) -> Token:
        """Take an operator, counting."""
        self.operators += 1
        token = self._next()
        if self.operators > OPERATOR_CAP:
            self._fail(
                "E104",
                f"the criterion has more than {OPERATOR_CAP} operators",
                token,
                "split it into several criteria",
            )
        return token

    def _enter(self) -> None:
        """Go one deeper."""
        self.nesting += 1
        if self.nesting > DEPTH_CAP:
            self._too_deep(self._now.start, self._now.end)

    def _made(self, node: Syntax) -> Syntax:
        """Give a node, unless its tree is too deep."""
        if node.depth > DEPTH_CAP:
            self._too_deep(node.start, node.end)
        return node

    def _too_deep(self, start: int, end: int) -> NoReturn:
        text = f"the criterion is nested more than {DEPTH_CAP} deep"
        help_ = "split it into several criteria"
        raise SyntaxProblem(ExpressionProblem("E103", text, start, max(end, start + 1), help_))

    def _expect(self, text: str, message: str) -> None:
        """Take a token that must be there."""
        if not self._at(text):
            self._fail("E108", message, self._now, f"add {text}")
        self._next()

    def _close(self, opening: Token) -> Token:
        """Take the bracket that closes another."""
        closing = _PAIRS[opening.text]
        if self._at(closing):
            return self._next()
        if self._now.kind == "end":
            self._fail(
                "E109", f"this {opening.text} is never closed", opening, f"add {closing} at the end"
            )
        self._unexpected()

    def _unexpected(self) -> NoReturn:
        """Say why the token at hand cannot stand here."""
        token = self._now
        before = self.tokens[self.place - 1] if self.place else None
        if token.kind == "end":
            self._fail("E108", "the criterion ends too early", token, "write what is missing")
        if token.text in (")", "]"):
            self._fail(
                "E109", f"this {token.text} closes nothing", token, "leave it out"
            ) if self._complete(before) else self._fail(
                "E108", f"something is missing before {token.text}", token, "write a value"
            )
        self._fail_at(token, before)

    def _complete(self, before: Token | None) -> bool:
        """Tell whether an operand has just ended."""
        return before is not None and (before.kind != "operator" or before.text in (")", "]"))

    def _fail_at(self, token: Token, before: Token | None) -> NoReturn:
        """Say why a token that closes nothing cannot stand here."""
        if before is not None and before.text == "%" and self._percent(before):
            self._fail("E116", "% is no part of a number", before, "write 0.5 for 50%")
        if token.text == "," and self._grouped(token):
            number = f"{before.text if before else ''}{self.tokens[self.place + 1].text}"
            self._fail("E116", "a number has no commas", token, f"write {number}")
        if token.text == "{":
            self._fail("E146", "there are no maps here", token, "compare one field at a time")
        if self._complete(before):
            self._fail(
                "E108", f"{_named(token)} cannot follow here", token,
                "join conditions by && or ||, and put text in quotes",
            )  # fmt: skip
        self._fail("E108", f"{_named(token)} cannot stand here", token, "write a value before it")

    def _percent(self, sign: Token) -> bool:
        """Tell whether a sign stands right behind a number."""
        number = self.tokens[self.place - 2]
        return number.kind == "number" and number.end == sign.start

    def _grouped(self, comma: Token) -> bool:
        """Tell whether a comma groups the digits of a number."""
        before, after = self.tokens[self.place - 1], self.tokens[self.place + 1]
        return (
            before.kind == after.kind == "number"
            and before.end == comma.start
            and after.start == comma.end
            and len(after.text) == 3  # noqa: PLR2004  # digits of a group
        )

    def _problem(self, code: str, message: str, token: Token, help_: str) -> None:
        self.problems.append(ExpressionProblem(code, message, token.start, token.end, help_))

    def _fail(self, code: str, message: str, token: Token, help_: str) -> NoReturn:
        end = max(token.end, token.start + 1) if token.kind != "end" else token.end
        raise SyntaxProblem(ExpressionProblem(code, message, token.start, end, help_))


def _depth(*nodes: Syntax) -> int:
    """Give the depth of a tree above these."""
    return 1 + max((node.depth for node in nodes), default=0)


def _named(token: Token) -> str:
    """Name a token in a message."""
    return token.text if len(token.text) <= 20 else token.text[:19] + "…"  # noqa: PLR2004
