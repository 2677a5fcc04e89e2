"""From characters to tokens, with exact places, and a word of its own for every usual slip.

A slip whose meaning is plain (``=`` for ``==``, ``and`` for ``&&``, curly quotes) is
reported and read as what was meant, so that one look finds everything that is wrong.
"""

import re
from typing import Any, Final, Literal, TypeAlias

from attrs import define, field, frozen

from funnelflow.criteria.escapes import EscapeError, unescape
from funnelflow.criteria.numerals import read_numeral
from funnelflow.criteria.problems import ExpressionProblem

__all__ = ["SyntaxProblem", "Token", "TokenKind", "tokenize"]

TokenKind: TypeAlias = Literal["name", "number", "text", "operator", "end"]

_TOKEN: Final = re.compile(
    r"""
    (?P<space>[ \t\n\f\r]+)
  | (?P<text>[rRbB]{0,2}(?:\"\"\"|'''|"|'))
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<number>(?:0x[0-9a-fA-F]+|[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+(?:[eE][+-]?[0-9]+)?)
      [A-Za-z0-9_]*)
  | (?P<slip>=>|=<|<>|===|!==|//|/\*|(?<![=!<>])=(?!=)|(?<!&)&(?!&)|(?<!\|)\|(?!\|)|\*\*|;)
  | (?P<operator>&&|\|\||==|!=|<=|>=|[-<>!+*/%?:()\[\]{},.])
    """,
    re.VERBOSE | re.ASCII,
)
_WORDS: Final = {"and": "&&", "or": "||", "not": "!"}
_CURLY: Final = {
    "“": "”“\"", "”": "”“\"", "„": "”“\"", "‟": "”“\"", "«": "»", "»": "«", "″": "″",
    "‘": "’‘'", "’": "’‘'", "‚": "’‘'", "‛": "’‘'", "′": "′", "`": "`´", "´": "´",
}  # fmt: skip
_LOOKALIKES: Final = {
    "≥": ">=", "≤": "<=", "≠": "!=", "×": "*", "÷": "/", "−": "-", "–": "-", "—": "-",
    "∧": "&&", "∨": "||", "¬": "!", "∈": "in",
}  # fmt: skip
_SLIPS: Final = {
    "=": ("E110", "==", "= does not compare"),
    "===": ("E110", "==", "=== is no comparison"),
    "!==": ("E110", "!=", "!== is no comparison"),
    "=>": ("E112", ">=", "=> is the wrong way round"),
    "=<": ("E112", "<=", "=< is the wrong way round"),
    "<>": ("E113", "!=", "<> is no comparison"),
    "&": ("E115", "&&", "a single & does not combine criteria"),
    "|": ("E115", "||", "a single | does not combine criteria"),
}
_CURRENCY: Final = "$€£¥₹₽¢₩₺₴₿"


@frozen
class Token:
    """A word of an expression: its kind, its text, its value, and where it stands."""

    kind: TokenKind
    text: str
    start: int
    end: int
    value: Any = None


class SyntaxProblem(Exception):  # noqa: N818  # never seen outside; carries the real problem
    """Reading cannot go on."""

    def __init__(self, problem: ExpressionProblem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def tokenize(source: str) -> tuple[list[Token], list[ExpressionProblem]]:
    """Split an expression into tokens, the last of kind "end", and say what was amiss.

    Raises:
        SyntaxProblem: A text has no end, so that nothing after it has a meaning.
    """
    lexer = _Lexer(source)
    lexer.run()
    return lexer.tokens, lexer.problems


@define
class _Lexer:
    """One walk through the characters."""

    source: str
    tokens: list[Token] = field(factory=list)
    problems: list[ExpressionProblem] = field(factory=list)

    def run(self) -> None:
        """Walk to the end."""
        place = 0
        while place < len(self.source):
            found = _TOKEN.match(self.source, place)
            place = self._take(found) if found else self._odd(place)
        self._add("end", "", place, place)

    def _take(self, found: re.Match[str]) -> int:
        """Take one token and give the place after it."""
        start, end, text = found.start(), found.end(), found[0]
        match found.lastgroup:
            case "name":
                self._name(text, start, end)
            case "number":
                self._number(text, start, end)
            case "text":
                return self._text(text, start, end)
            case "operator":
                self._add("operator", text, start, end)
            case "slip":
                self._slip(text, start, end)
        return end

    def _name(self, text: str, start: int, end: int) -> None:
        """Take a name; the words that stand for operators elsewhere are pointed out."""
        operator = _WORDS.get(text.lower())
        if operator is None or self._after_dot():
            self._add("operator" if text == "in" else "name", text, start, end)
            return
        self._problem("E111", f"{text} is no operator here", start, end, f"write {operator}")
        self._add("operator", operator, start, end)

    def _after_dot(self) -> bool:
        """Tell whether the next word is what a dot selects."""
        return bool(self.tokens) and self.tokens[-1].text == "." and self.tokens[-1].value is None

    def _number(self, text: str, start: int, end: int) -> None:
        """Take a number."""
        value, problem = read_numeral(text)
        if problem is not None:
            self._problem(problem.code, problem.message, start, end, problem.help)
        self._add("number", text, start, end, value)

    def _slip(self, text: str, start: int, end: int) -> None:
        """Report what looks like an operator of another language, and read what was meant."""
        if text in _SLIPS:
            code, meant, message = _SLIPS[text]
            self._problem(code, message, start, end, f"write {meant}")
            self._add("operator", meant, start, end)
        elif text in ("//", "/*"):
            self._stop("E119", "a criterion has no comments", start, end, "leave it out")
        elif text == "**":
            self._stop("E105", "there is no power operator", start, end, "multiply instead")
        else:
            self._stop("E105", f"{text} has no meaning here", start, end, "leave it out")

    def _text(self, opening: str, start: int, inside: int) -> int:
        """Take a text in straight quotes."""
        prefix = opening.rstrip("\"'").lower()
        quote = opening[len(prefix) :]
        closing = self._closing(quote, inside, raw="r" in prefix, start=start)
        end = closing + len(quote)
        body = self.source[inside:closing]
        if "b" in prefix:
            self._problem("E118", "bytes are not values here", start, end, "write a plain text")
        elif prefix == "rr":
            self._problem("E107", "one r is enough", start, end, 'write r"…"')
        self._add("text", self.source[start:end], start, end, self._read(body, inside, prefix))
        return end

    def _closing(self, quote: str, inside: int, *, raw: bool, start: int) -> int:
        """Find the quote that ends a text."""
        place = inside
        while place < len(self.source):
            if self.source.startswith(quote, place):
                return place
            if self.source[place] in "\r\n" and len(quote) == 1:
                break
            place += 2 if self.source[place] == "\\" and not raw else 1
        end = min(place, len(self.source))
        self._stop("E106", "the text has no closing quote", start, end, f"add {quote} at its end")

    def _read(self, body: str, inside: int, prefix: str) -> str:
        """Give the value of a text; odd characters and unknown escapes are reported."""
        for offset, char in enumerate(body):
            if not char.isprintable() and char not in "\n\t":
                escape = f"\\u{ord(char):04X}" if ord(char) < 0x10000 else f"\\U{ord(char):08X}"  # noqa: PLR2004
                self._problem(
                    "E105",
                    f"the text has the invisible character U+{ord(char):04X}",
                    inside + offset,
                    inside + offset + 1,
                    f"leave it out, or write {escape}",
                )
        if prefix or "\\" not in body:
            return body
        try:
            return unescape(body)
        except EscapeError as error:
            place = inside + error.start
            self._problem("E107", str(error), place, inside + error.end, error.help)
            return body

    def _odd(self, place: int) -> int:
        """Take a character that begins nothing, and give the place after it."""
        char = self.source[place]
        if char in _CURLY:
            return self._curly(place)
        if char in _LOOKALIKES:
            meant = _LOOKALIKES[char]
            self._problem("E105", f"{char} is no operator", place, place + 1, f"write {meant}")
            self._add("operator", meant, place, place + 1)
        elif char in _CURRENCY:
            self._problem(
                "E116", f"{char} is no part of a number", place, place + 1, "write the number alone"
            )
        else:
            self._stray(char, place)
        return place + 1

    def _curly(self, start: int) -> int:
        """Take a text in quotes that a word processor or a web page made."""
        closers = _CURLY[self.source[start]]
        inside = start + 1
        ends = [place for char in closers if (place := self.source.find(char, inside)) >= 0]
        if not ends:
            self._stop("E114", "a curly quote is no quote", start, inside, 'write "')
        end = min(ends) + 1
        body = self.source[inside : end - 1]
        shown = body.replace("\\", "\\\\").replace('"', '\\"')
        self._problem("E114", "curly quotes hold no text", start, end, f'write "{shown}"')
        self._add("text", self.source[start:end], start, end, body)
        return end

    def _stray(self, char: str, place: int) -> None:
        """Report a character that has no meaning, by name where it cannot be seen."""
        name = char if char.isprintable() and not char.isspace() else f"U+{ord(char):04X}"
        kind = "the letter" if char.isalpha() else "the character"
        if not char.isprintable() or char.isspace():
            kind = "the invisible character"
        help_ = "names have only letters a to z, digits and _" if char.isalpha() else "leave it out"
        self._stop("E105", f"{kind} {name} has no meaning here", place, place + 1, help_)

    def _add(self, kind: TokenKind, text: str, start: int, end: int, value: Any = None) -> None:
        """Add a token."""
        self.tokens.append(Token(kind, text, start, end, value))

    def _problem(self, code: str, message: str, start: int, end: int, help_: str) -> None:
        """Note a problem and go on."""
        self.problems.append(ExpressionProblem(code, message, start, end, help_))

    def _stop(self, code: str, message: str, start: int, end: int, help_: str) -> Any:
        """Note a problem after which nothing makes sense."""
        problem = ExpressionProblem(code, message, start, max(end, start + 1), help_)
        raise SyntaxProblem(problem)
