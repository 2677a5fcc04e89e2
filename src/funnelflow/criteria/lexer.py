"""From characters to tokens, with exact places, and a message for every common mistake.

A mistake whose meaning is plain (``=`` for ``==``, ``and`` for ``&&``, curly quotes) is
reported and read as what was meant, so that one look finds everything that is wrong.
"""

import math
import re
from collections.abc import Mapping
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
class Mistake:
    """What is wrong with a word of an expression.

    Attributes:
        code: A code of `EXPRESSION_CODES`.
        variant: Which of the code's wordings it has; empty for the first.
        parameters: What the wording is filled in with.
        meant: The operator that was meant, where that is plain; else empty.
    """

    code: str
    variant: str = ""
    parameters: Mapping[str, object] = field(factory=dict)
    meant: str = ""


_TOO_LARGE: Final = Mistake("E117")


def read_numeral(text: str) -> tuple[int | float | None, Mistake | None]:
    """Return the value of a number, or what is wrong with it."""
    if _INTEGER.fullmatch(text):
        value = int(text, 0) if text.startswith("0x") else int(text)
        return (value, None) if value <= _LARGEST else (None, _TOO_LARGE)
    if _DOUBLE_LITERAL.fullmatch(text):
        number = float(text)
        return (number, None) if math.isfinite(number) else (None, _TOO_LARGE)
    return None, _mistaken_numeral(text)


def _mistaken_numeral(text: str) -> Mistake:
    """Return what was meant by a number with letters in it."""
    if found := _UNSIGNED.fullmatch(text):
        return Mistake("E118", "unsigned", {"number": found[1]})
    if _GROUPED.fullmatch(text):
        return Mistake("E116", "underscore", {"number": text.replace("_", "")})
    if found := _DURATION.fullmatch(text):
        seconds = int(found[1]) * _SECONDS[found[2][0]]
        duration = f"{seconds // 3600}h" if seconds % 3600 == 0 else f"{seconds}s"
        return Mistake("E116", "duration", {"written": text, "duration": duration})
    parameters = {"written": text}
    if found := _SCALED.fullmatch(text):
        parameters["number"] = f"{float(found[1]) * _SCALES[found[2].lower()]:.15g}"
    return Mistake("E116", "numeral", parameters)


_ESCAPE: Final = re.compile(
    r"\\(?:([abfnrtv\\?\"'`])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})"
    r"|([0-3][0-7]{2})|(.?))",
    re.DOTALL,
)
_NAMED: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_LAST_CODE_POINT: Final = 0x10FFFF


class EscapeError(ValueError):
    """A backslash with something after it that means nothing; offsets within the text."""

    def __init__(self, variant: str, found: re.Match[str]) -> None:
        super().__init__(found[0])
        self.start = found.start()
        self.end = found.end()
        self.mistake = Mistake("E107", variant, {"written": found[0]})


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
        raise EscapeError("unknown", found)
    code = int(digits, 16) if digits is not None else int(octal, 8)
    if code > _LAST_CODE_POINT or 0xD800 <= code < 0xE000:  # noqa: PLR2004  # surrogates
        raise EscapeError("no_character", found)
    return chr(code)


def _meaning(meant: str, code: str, written: str, variant: str = "") -> Mistake:
    """Return the mistake of a sign or word whose meaning is plain."""
    return Mistake(code, variant, {"written": written, "meant": meant}, meant)


COMMON_MISTAKES: Final = {
    "=": _meaning("==", "E110", "=", "single"),
    "===": _meaning("==", "E110", "===", "several"),
    "!==": _meaning("!=", "E110", "!==", "several"),
    "=>": _meaning(">=", "E112", "=>"),
    "=<": _meaning("<=", "E112", "=<"),
    "<>": _meaning("!=", "E113", "<>"),
    "&": _meaning("&&", "E115", "&"),
    "|": _meaning("||", "E115", "|"),
    "//": Mistake("E119"),
    "/*": Mistake("E119"),
    "**": Mistake("E105", "power"),
    ";": Mistake("E105", "semicolon"),
}
OPERATOR_WORDS: Final = {
    word: _meaning(meant, "E111", word)
    for lower, meant in (("and", "&&"), ("or", "||"), ("not", "!"))
    for word in (lower, lower.upper(), lower.capitalize())
}
LOOKALIKES: Final = {
    sign: _meaning(meant, "E105", sign, "lookalike")
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
  | (?P<mistake>===|!==|=>|=<|<>|//|/\*|\*\*|=(?!=)|&(?!&)|\|(?!\|)|;)
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
        super().__init__(problem.code)
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
            place = self._read(found) if found else self._read_odd(place)
        self._add("end", "", place, place)
        return self.tokens

    def _read(self, found: re.Match[str]) -> int:
        """Read one token and return the place after it."""
        start, end, text = found.start(), found.end(), found[0]
        match found.lastgroup:
            case "name":
                self._read_name(text, start, end)
            case "number":
                self._read_number(text, start, end)
            case "text":
                return self._read_text(text, start, end)
            case "operator":
                self._add("operator", text, start, end)
            case "mistake":
                self._read_mistake(COMMON_MISTAKES[text], start, end)
        return end

    def _read_name(self, text: str, start: int, end: int) -> None:
        """Read a name; words that are operators elsewhere are reported."""
        after_dot = bool(self.tokens) and self.tokens[-1].text == "."
        if text in OPERATOR_WORDS and not after_dot:
            self._read_mistake(OPERATOR_WORDS[text], start, end)
        else:
            self._add("operator" if text == "in" else "name", text, start, end)

    def _read_number(self, text: str, start: int, end: int) -> None:
        """Read a number; behind a name, a dot is the one of a selection."""
        last = self.tokens[-1] if self.tokens else None
        if text[0] == "." and last is not None and last.kind == "name" and last.end == start:
            self._add("operator", ".", start, start + 1)
            text, start = text[1:], start + 1
        value, mistake = read_numeral(text)
        if mistake is not None:
            self._report(mistake, start, end)
        self._add("number", text, start, end, value)

    def _read_mistake(self, mistake: Mistake, start: int, end: int) -> None:
        """Report a sign of another language, and read what was meant by it."""
        if not mistake.meant:
            _stop(mistake, start, end)
        self._report(mistake, start, end)
        self._add("operator", mistake.meant, start, end)

    def _read_text(self, opening: str, start: int, inside: int) -> int:
        """Read a text in straight quotes."""
        prefix = opening.rstrip("\"'").lower()
        quote = opening[len(prefix) :]
        closing = self._closing(quote, start, inside, raw="r" in prefix)
        end = closing + len(quote)
        if "b" in prefix:
            self._report(Mistake("E118", "bytes"), start, end)
        elif prefix == "rr":
            self._report(Mistake("E107", "raw_twice"), start, end)
        value = self._value(self.source[inside:closing], inside, raw=bool(prefix))
        self._add("text", self.source[start:end], start, end, value)
        return end

    def _closing(self, quote: str, start: int, inside: int, *, raw: bool) -> int:
        """Return the place of the quote that ends a text."""
        place = inside
        while place < len(self.source):
            if self.source.startswith(quote, place):
                return place
            if self.source[place] in "\r\n" and len(quote) == 1:
                break
            place += 2 if self.source[place] == "\\" and not raw else 1
        return _stop(Mistake("E106", "", {"quote": quote}), start, min(place, len(self.source)))

    def _value(self, body: str, inside: int, *, raw: bool) -> str:
        """Return the value of a text; invisible characters and unknown escapes are reported."""
        for offset, char in enumerate(body):
            if not char.isprintable() and char not in "\n\t":
                self._report_invisible(char, inside + offset)
        if raw or "\\" not in body:
            return body
        try:
            return unescape(body)
        except EscapeError as error:
            self._report(error.mistake, inside + error.start, inside + error.end)
            return body

    def _report_invisible(self, char: str, place: int) -> None:
        """Report a character inside a text that nobody can see."""
        code = ord(char)
        escape = f"\\u{code:04X}" if code < _PLANE else f"\\U{code:08X}"
        parameters = {"number": code, "escape": escape}
        self._report(Mistake("E105", "invisible_in_text", parameters), place, place + 1)

    def _read_odd(self, place: int) -> int:
        """Read a character that begins nothing, and return the place after it."""
        char = self.source[place]
        if closing_quotes(char):
            return self._read_curly(place)
        if char in LOOKALIKES:
            self._read_mistake(LOOKALIKES[char], place, place + 1)
        elif char in CURRENCY:
            self._report(Mistake("E116", "currency", {"written": char}), place, place + 1)
        else:
            _stop(_stray(char), place, place + 1)
        return place + 1

    def _read_curly(self, start: int) -> int:
        """Read a text in quotes that a word processor or a web page made."""
        closers, inside = closing_quotes(self.source[start]), start + 1
        ends = [place for char in closers if (place := self.source.find(char, inside)) >= 0]
        if not ends:
            _stop(Mistake("E114", "single"), start, inside)
        closing = min(ends)
        body = self.source[inside:closing]
        straight = body.replace("\\", "\\\\").replace('"', '\\"')
        self._report(Mistake("E114", "around", {"text": straight}), start, closing + 1)
        self._add("text", self.source[start : closing + 1], start, closing + 1, body)
        return closing + 1

    def _add(self, kind: TokenKind, text: str, start: int, end: int, value: Any = None) -> None:
        """Add a token."""
        self.tokens.append(Token(kind, text, start, end, value))

    def _report(self, mistake: Mistake, start: int, end: int) -> None:
        """Report what is wrong, and go on."""
        self.problems.append(_problem(mistake, start, end))


def _stray(char: str) -> Mistake:
    """Return what is wrong with a character that has no meaning."""
    if not char.isprintable() or char.isspace():
        return Mistake("E105", "invisible", {"number": ord(char)})
    return Mistake("E105", "letter" if char.isalpha() else "character", {"written": char})


def _stop(mistake: Mistake, start: int, end: int) -> NoReturn:
    """Report what is wrong, where nothing after it makes sense."""
    raise SyntaxProblem(_problem(mistake, start, max(end, start + 1)))


def _problem(mistake: Mistake, start: int, end: int) -> ExpressionProblem:
    return ExpressionProblem(mistake.code, start, end, mistake.parameters, mistake.variant)
