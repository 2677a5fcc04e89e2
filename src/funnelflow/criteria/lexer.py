"""From characters to tokens, with exact places, and a word of its own for every usual slip.

A slip whose meaning is plain (``=`` for ``==``, ``and`` for ``&&``, curly quotes) is
reported and read as what was meant, so that one look finds everything that is wrong.
"""

import math
import re
from typing import Any, Final, Literal, NoReturn, TypeAlias

from attrs import define, field, frozen

from funnelflow.criteria.expression_problems import ExpressionProblem

_INTEGER: Final = re.compile(r"0x[0-9a-fA-F]+|[0-9]+")
_DOUBLE_LITERAL: Final = re.compile(r"[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+")
_UNSIGNED: Final = re.compile(r"(0x[0-9a-fA-F]+|[0-9]+)[uU]")
_DURATION: Final = re.compile(r"([0-9]+)(d|h|w|min|s|days?|hours?|weeks?)")
_SCALED: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)([kKmM])")
_GROUPED: Final = re.compile(r"[0-9]+(?:_[0-9]+)+")
_SECONDS: Final = {"d": 86_400, "h": 3600, "w": 604_800, "m": 60, "s": 1}
_SCALES: Final = {"k": 1000, "m": 1_000_000}
_LARGEST: Final = 2**63
"""One more than the largest integer: it is valid after a minus sign, which the parser sees."""


@frozen
class NumeralProblem:
    """What is wrong with a number, and what to write instead."""

    code: str
    message: str
    help: str


def read_numeral(text: str) -> tuple[int | float | None, NumeralProblem | None]:
    """Return the value of a number, or what is wrong with it."""
    if _INTEGER.fullmatch(text):
        value = int(text, 0) if text.startswith("0x") else int(text)
        return (value, None) if value <= _LARGEST else (None, _too_large())
    if _DOUBLE_LITERAL.fullmatch(text):
        number = float(text)
        return (number, None) if math.isfinite(number) else (None, _too_large())
    return _slip(text)


def _too_large() -> NumeralProblem:
    return NumeralProblem("E117", "the number is too large", "integers have 64 bits")


def _slip(text: str) -> tuple[None, NumeralProblem]:
    """Say what was meant by a number with letters in it."""
    if found := _UNSIGNED.fullmatch(text):
        return None, NumeralProblem("E118", "unsigned numbers are not used", f"write {found[1]}")
    if found := _GROUPED.fullmatch(text):
        return None, NumeralProblem(
            "E116", "_ is no part of a number", f"write {text.replace('_', '')}"
        )
    if found := _DURATION.fullmatch(text):
        seconds = int(found[1]) * _SECONDS[found[2][0]]
        written = f"{seconds // 3600}h" if seconds % 3600 == 0 else f"{seconds}s"
        return None, NumeralProblem(
            "E116", f"{text} is no duration", f'write duration("{written}")'
        )
    if found := _SCALED.fullmatch(text):
        scaled = float(found[1]) * _SCALES[found[2].lower()]
        return None, NumeralProblem("E116", f"{text} is no number", f"write {scaled:.15g}")
    return None, NumeralProblem("E116", f"{text} is no number", "write digits, like 5000 or 12.5")


_ESCAPE: Final = re.compile(
    r"\\(?:([abfnrtv\\?\"'`])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})"
    r"|([0-3][0-7]{2})|(.?))",
    re.DOTALL,
)
_NAMED: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_HELP = "write \\\\ for a backslash, or \\n, \\t, \\u20AC"
_LAST_CODE_POINT = 0x10FFFF


class EscapeError(ValueError):
    """A backslash with something after it that means nothing; offsets within the text."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.start = start
        self.end = end
        self.help = _HELP


def unescape(body: str) -> str:
    """Replace the escape sequences of a text by what they stand for.

    Raises:
        EscapeError: One of them is unknown, incomplete, or no character.
    """
    return _ESCAPE.sub(_meant, body)


def _meant(found: re.Match[str]) -> str:
    """Return the character that an escape sequence stands for."""
    named, short, medium, long, octal, _ = found.groups()
    if named is not None:
        return _NAMED.get(named, named)
    digits = short or medium or long
    if digits is None and octal is None:
        raise EscapeError(f"{found[0]} is no escape sequence", found.start(), found.end())
    code = int(digits, 16) if digits is not None else int(octal, 8)
    if code > _LAST_CODE_POINT or 0xD800 <= code < 0xE000:  # noqa: PLR2004  # surrogates
        raise EscapeError(f"{found[0]} is no character", found.start(), found.end())
    return chr(code)


@frozen
class CommonMistake:
    """A sign that is no operator: its problem, and the operator that was meant, if any."""

    code: str
    message: str
    help: str
    meant: str = ""


def _for(code: str, meant: str, message: str) -> CommonMistake:
    """Describe a slip whose meaning is plain."""
    return CommonMistake(code, message, f"write {meant}", meant)


SLIPS: Final = {
    "=": _for("E110", "==", "= does not compare"),
    "===": _for("E110", "==", "=== is no comparison"),
    "!==": _for("E110", "!=", "!== is no comparison"),
    "=>": _for("E112", ">=", "=> is the wrong way round"),
    "=<": _for("E112", "<=", "=< is the wrong way round"),
    "<>": _for("E113", "!=", "<> is no comparison"),
    "&": _for("E115", "&&", "a single & does not combine criteria"),
    "|": _for("E115", "||", "a single | does not combine criteria"),
    "//": CommonMistake("E119", "an expression has no comments", "say it in the label"),
    "/*": CommonMistake("E119", "an expression has no comments", "say it in the label"),
    "**": CommonMistake("E105", "there is no power operator", "multiply instead"),
    ";": CommonMistake("E105", "; has no meaning here", "join conditions by &&"),
}
WORDS: Final = {
    word: _for("E111", meant, f"{word!r} is no operator here")
    for lower, meant in (("and", "&&"), ("or", "||"), ("not", "!"))
    for word in (lower, lower.upper(), lower.capitalize())
}
LOOKALIKES: Final = {
    sign: _for("E105", meant, f"{sign} is no operator")
    for sign, meant in {
        "\u2265": ">=",
        "\u2264": "<=",
        "\u2260": "!=",
        "\u00d7": "*",
        "\u00f7": "/",
        "\u2212": "-",
        "\u2013": "-",
        "\u2014": "-",
        "\u2227": "&&",
        "\u2228": "||",
        "\u00ac": "!",
        "\u2208": "in",
    }.items()
}
CURRENCY: Final = "$\u20ac\u00a3\u00a5\u20b9\u20bd\u00a2\u20a9\u20ba\u20b4\u20bf"

_DOUBLE = "\u201c\u201d\u201e\u201f"
_SINGLE = "\u2018\u2019\u201a\u201b"
_QUOTES: Final = {
    **dict.fromkeys(_DOUBLE, _DOUBLE + '"'),
    **dict.fromkeys(_SINGLE, _SINGLE + "'"),
    "\u00ab": "\u00bb",
    "\u00bb": "\u00ab",
    "\u2033": "\u2033",
    "\u2032": "\u2032",
    "`": "`\u00b4",
    "\u00b4": "\u00b4",
}


def closing_quotes(char: str) -> str:
    """Return the characters that end a text which a curly quote begins; empty for no quote."""
    return _QUOTES.get(char, "")


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

    def _slip(self, slip: CommonMistake, start: int, end: int) -> None:
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
        """Return the value of a text; invisible characters and unknown escapes are reported."""
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
