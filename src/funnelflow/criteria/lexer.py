"""From characters to tokens, with exact places, and a word of its own for every usual slip.

A slip whose meaning is plain (``=`` for ``==``, ``and`` for ``&&``, curly quotes) is
reported and read as what was meant, so that one look finds everything that is wrong.
"""

import re
from typing import Any, Final, Literal, NoReturn, TypeAlias

from attrs import define, field, frozen

from funnelflow.criteria.escapes import EscapeError, unescape
from funnelflow.criteria.numerals import read_numeral
from funnelflow.criteria.problems import ExpressionProblem
from funnelflow.criteria.slips import CURRENCY, LOOKALIKES, SLIPS, WORDS, Slip, closing_quotes

__all__ = ["SyntaxProblem", "Token", "TokenKind", "tokenize"]

TokenKind: TypeAlias = Literal["name", "number", "text", "operator", "end"]

_TOKEN: Final = re.compile(
    r"""
    (?P<space>[ \t\n\f\r]+)
  | (?P<text>[rRbB]{0,2}(?:\"\"\"|'''|"|'))
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<number>(?:0x[0-9a-fA-F]+|[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+(?:[eE][+-]?[0-9]+)?)
      [A-Za-z0-9_]*)
  | (?P<slip>===|!==|=>|=<|<>|//|/\*|\*\*|=(?!=)|&(?!&)|\|(?!\|)|;)
  | (?P<operator>&&|\|\||==|!=|<=|>=|[-<>!+*/%?:()\[\]{},.])
    """,
    re.VERBOSE | re.ASCII,
)
_PLANE: Final = 0x10000


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


def tokenize(source: str, problems: list[ExpressionProblem]) -> list[Token]:
    """Split an expression into tokens, the last of kind "end"; what is amiss joins `problems`.

    Raises:
        SyntaxProblem: Something has no meaning at all, so that nothing after it has.
    """
    return _Lexer(source, problems).run()


@define
class _Lexer:
    """One walk through the characters."""

    source: str
    problems: list[ExpressionProblem]
    tokens: list[Token] = field(factory=list)

    def run(self) -> list[Token]:
        """Walk to the end."""
        place = 0
        while place < len(self.source):
            found = _TOKEN.match(self.source, place)
            place = self._take(found) if found else self._odd(place)
        self._add("end", "", place, place)
        return self.tokens

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
                self._slip(SLIPS[text], start, end)
        return end

    def _name(self, text: str, start: int, end: int) -> None:
        """Take a name; words that are operators elsewhere are pointed out."""
        after_dot = bool(self.tokens) and self.tokens[-1].text == "."
        if text in WORDS and not after_dot:
            self._slip(WORDS[text], start, end)
        else:
            self._add("operator" if text == "in" else "name", text, start, end)

    def _number(self, text: str, start: int, end: int) -> None:
        """Take a number; behind a name, a dot is the one of a selection."""
        last = self.tokens[-1] if self.tokens else None
        if text[0] == "." and last is not None and last.kind == "name" and last.end == start:
            self._add("operator", ".", start, start + 1)
            text, start = text[1:], start + 1
        value, problem = read_numeral(text)
        if problem is not None:
            self._problem(problem.code, problem.message, start, end, problem.help)
        self._add("number", text, start, end, value)

    def _slip(self, slip: Slip, start: int, end: int) -> None:
        """Report a sign of another language, and read what was meant by it."""
        if not slip.meant:
            _stop(slip.code, slip.message, start, end, slip.help)
        self._problem(slip.code, slip.message, start, end, slip.help)
        self._add("operator", slip.meant, start, end)

    def _text(self, opening: str, start: int, inside: int) -> int:
        """Take a text in straight quotes."""
        prefix = opening.rstrip("\"'").lower()
        quote = opening[len(prefix) :]
        closing = self._closing(quote, start, inside, raw="r" in prefix)
        end = closing + len(quote)
        if "b" in prefix:
            self._problem("E118", "bytes are not used", start, end, "write a text without the b")
        elif prefix == "rr":
            self._problem("E107", "one r is enough", start, end, "leave the other out")
        value = self._read(self.source[inside:closing], inside, raw=bool(prefix))
        self._add("text", self.source[start:end], start, end, value)
        return end

    def _closing(self, quote: str, start: int, inside: int, *, raw: bool) -> int:
        """Find the quote that ends a text."""
        place = inside
        while place < len(self.source):
            if self.source.startswith(quote, place):
                return place
            if self.source[place] in "\r\n" and len(quote) == 1:
                break
            place += 2 if self.source[place] == "\\" and not raw else 1
        end = min(place, len(self.source))
        return _stop("E106", "the text has no closing quote", start, end, f"add {quote} at its end")

    def _read(self, body: str, inside: int, *, raw: bool) -> str:
        """Give the value of a text; invisible characters and unknown escapes are reported."""
        for offset, char in enumerate(body):
            if not char.isprintable() and char not in "\n\t":
                self._invisible(char, inside + offset)
        if raw or "\\" not in body:
            return body
        try:
            return unescape(body)
        except EscapeError as error:
            start, end = inside + error.start, inside + error.end
            self._problem("E107", str(error), start, end, error.help)
            return body

    def _invisible(self, char: str, place: int) -> None:
        """Report a character inside a text that nobody can see."""
        code = ord(char)
        escape = f"\\u{code:04X}" if code < _PLANE else f"\\U{code:08X}"
        message = f"the text has the invisible character U+{code:04X}"
        self._problem("E105", message, place, place + 1, f"leave it out, or write {escape}")

    def _odd(self, place: int) -> int:
        """Take a character that begins nothing, and give the place after it."""
        char = self.source[place]
        if closing_quotes(char):
            return self._curly(place)
        if char in LOOKALIKES:
            self._slip(LOOKALIKES[char], place, place + 1)
        elif char in CURRENCY:
            message = f"{char} is no part of a number"
            self._problem("E116", message, place, place + 1, "write the number alone")
        else:
            _stray(char, place)
        return place + 1

    def _curly(self, start: int) -> int:
        """Take a text in quotes that a word processor or a web page made."""
        closers, inside = closing_quotes(self.source[start]), start + 1
        ends = [place for char in closers if (place := self.source.find(char, inside)) >= 0]
        if not ends:
            _stop("E114", "a curly quote is no quote", start, inside, 'write "')
        closing = min(ends)
        body = self.source[inside:closing]
        straight = body.replace("\\", "\\\\").replace('"', '\\"')
        self._problem(
            "E114", "curly quotes hold no text", start, closing + 1, f'write "{straight}"'
        )
        self._add("text", self.source[start : closing + 1], start, closing + 1, body)
        return closing + 1

    def _add(self, kind: TokenKind, text: str, start: int, end: int, value: Any = None) -> None:
        """Add a token."""
        self.tokens.append(Token(kind, text, start, end, value))

    def _problem(self, code: str, message: str, start: int, end: int, help_: str) -> None:
        """Note a problem and go on."""
        self.problems.append(ExpressionProblem(code, message, start, end, help_))


def _stray(char: str, place: int) -> NoReturn:
    """Report a character that has no meaning, by its number where it cannot be seen."""
    if not char.isprintable() or char.isspace():
        what, help_ = f"the invisible character U+{ord(char):04X}", "leave it out"
    elif char.isalpha():
        what, help_ = f"the letter {char}", "names have only letters a to z, digits and _"
    else:
        what, help_ = f"the character {char}", "put text in quotes, or leave it out"
    _stop("E105", f"{what} has no meaning here", place, place + 1, help_)


def _stop(code: str, message: str, start: int, end: int, help_: str) -> NoReturn:
    """Report a problem after which nothing makes sense."""
    raise SyntaxProblem(ExpressionProblem(code, message, start, max(end, start + 1), help_))
