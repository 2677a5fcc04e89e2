"""What a YAML parser stumbled over, in terms of somebody who writes criteria.

A parser reports where it gave up, in terms of its own grammar. The line it gave up in is
read here as a person reads it, key and value, to find the expression that should have been
in quotes; only what remains is called a mistake of structure.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import field, frozen

_HEAD = re.compile(r"\s*(?:- +)*")
_KEY = re.compile(r"(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'|[^\s\"'\[{#][^#]*?)\s*:(?:\s+|$)")
_FLOW_KEY = re.compile(r"\s*(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'|[^\s\"'\[{,][^,\[\]{}]*?)\s*: +")
_CLOSERS = {"[": "]", "{": "}", "(": ")"}
_LONGEST = 4_000
"""Lines beyond this are no hand's work, and are not searched."""
_DEEPEST = 10


@frozen
class Value:
    """A value in a line.

    Attributes:
        start: Its first character, counted from 0.
        text: The value, without spaces or comment after it.
        in_brackets: Whether it is an item of a list or mapping in brackets.
        is_collection: Whether it is itself a whole list or mapping in brackets.
        is_key: Whether a key without value is possible here.
    """

    start: int
    text: str
    in_brackets: bool = False
    is_collection: bool = False
    is_key: bool = False


def values_in(line: str) -> Iterator[Value]:
    """Yield the values of a line, outer ones before those inside their brackets."""
    if len(line) > _LONGEST:
        return
    head = _HEAD.match(line)
    start = head.end() if head else 0
    key = _KEY.match(line, start)
    yield from _block_value(line, key.end() if key else start, has_key=key is not None)


def _block_value(line: str, start: int, *, has_key: bool) -> Iterator[Value]:
    """Yield the rest of a line as one value, and what is inside if it is in brackets."""
    end, _ = _end(line, start, stops="")
    text = line[start:end].rstrip()
    if not text:
        return
    whole = text[0] in "[{" and _closes_at(text) in (len(text), None)
    yield Value(start, text, is_collection=whole, is_key=not has_key)
    if whole:
        yield from _items(line, start + 1)


def _items(line: str, start: int, depth: int = 0) -> Iterator[Value]:
    """Yield the values of a list or mapping in brackets that opens before `start`."""
    while start < len(line):
        key = _FLOW_KEY.match(line, start)
        begin = key.end() if key else start
        begin += len(line[begin:]) - len(line[begin:].lstrip())
        end, stopped = _end(line, begin, stops=",")
        text = line[begin:end].rstrip()
        if text:
            whole = text[0] in "[{" and _closes_at(text) in (len(text), None)
            yield Value(begin, text, in_brackets=True, is_collection=whole)
            if whole and depth < _DEEPEST:
                yield from _items(line, begin + 1, depth + 1)
        if stopped != ",":
            return
        start = end + 1


def _end(line: str, start: int, stops: str) -> tuple[int, str]:
    """Return where a value ends and the character that ends it: brackets and quotes stay whole."""
    open_brackets: list[str] = []
    at = start
    while at < len(line):
        character = line[at]
        if character in "\"'":
            at = _after_quote(line, at)
            continue
        if character == "#" and (at == 0 or line[at - 1] in " \t"):
            return at, "#"
        if character in _CLOSERS:
            open_brackets.append(_CLOSERS[character])
        elif character in ")]}":
            if not open_brackets:
                return at, character
            if character in open_brackets:
                while open_brackets.pop() != character:
                    pass
        elif character in stops and not open_brackets:
            return at, character
        at += 1
    return at, ""


def _after_quote(line: str, at: int) -> int:
    """Return the place after the text in quotes at `at`; after the quote alone if it never ends."""
    end = line.find(line[at], at + 1)
    while end > 0 and line[at] == '"' and line[end - 1] == "\\":
        end = line.find(line[at], end + 1)
    return end + 1 if end > 0 else at + 1


def _closes_at(text: str) -> int | None:
    """Return the place after the bracket that closes the one a text begins with; None if none."""
    end, closer = _end(text, 1, stops="")
    return end + 1 if closer in ("]", "}") else None


_EXPRESSION = re.compile(
    r"\b(contact|event)\.|\bnow\b|\w\(|&&|\|\||[=!<>]=|[<>] *\d|^!|^[\[{].*[\]}] "
)
_BLOCK_HEADER = re.compile(r"[|>][-+0-9]{0,2}\s*(#.*)?")
_NAMED = re.compile(r"[&*][\w-]+\s*")
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"\\]|\\.)*\"")
_NAMES_A_FACT = re.compile(r"!+(contact|event)\.")
_PLAIN_TAG = re.compile(r"!(?:!?[A-Za-z][\w:./-]*|<[^>]*>)?(?:\s+[\w.-]+)?")


@frozen
class Covered:
    """An expression that was hidden from the parser, to be put back into its node."""

    text: str


@frozen
class YamlMistake:
    """What is wrong in one line.

    Attributes:
        code: The problem's code.
        variant: Which of the code's wordings it has.
        line: Where it is, from 1.
        column: Where it begins, from 1.
        end_column: The column after it; None if it goes on to the end of the line.
        parameters: What the templates of the code are filled in with.
        value: The unquoted text, if that is what is wrong.
    """

    code: str
    variant: str
    line: int
    column: int
    end_column: int | None
    parameters: Mapping[str, Any] = field(factory=dict)
    value: str = ""

    def cover(self, lines: list[str], covered: dict[tuple[int, int], Covered]) -> bool:
        """Put a quoted stand-in of the same length over the text; whether there was any."""
        begins = (self.line, self.column)
        if not self.value or begins in covered:
            return False
        covered[begins] = Covered(self.value)
        size = len(self.value)
        stand_in = f"'{'x' * (size - 2)}'" if size > 1 else "x"
        line = lines[self.line - 1]
        start = self.column - 1
        lines[self.line - 1] = line[:start] + stand_in + line[start + size :]
        return True


def explain(error: Any, lines: list[str]) -> YamlMistake:
    """Return what is wrong with the lines of a text where PyYAML gave up with an error."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return YamlMistake("F004", "not_yaml", 1, 1, None)
    at = min(mark.line, len(lines) - 1)
    tab = _tab(lines[at], at + 1)
    if tab:
        return tab
    for line in dict.fromkeys((at, min(_context_line(error, at), at))):
        unquoted = _unquoted(lines[line], line + 1, mark.column if line == mark.line else None)
        if unquoted:
            return unquoted
    return _unclosed(error, mark) or _breaking_off(lines, mark) or _structure(lines[at], mark)


def is_expression_tag(written: str) -> bool:
    """Whether text that YAML takes for a tag is an expression that begins with ``!``."""
    return _PLAIN_TAG.fullmatch(written) is None or _NAMES_A_FACT.match(written) is not None


def quoted(line: int, column: int, text: str) -> YamlMistake:
    """Return the mistake of a text that must stand in quotes."""
    kind = "expression" if _EXPRESSION.search(text) else "text"
    variant, mark = _why(text)
    shown = text if len(text) <= 80 else text[:79] + "…"  # noqa: PLR2004
    parameters = {"kind": kind, "mark": mark, "quoted": "'" + shown.replace("'", "''") + "'"}
    return YamlMistake("F005", variant, line, column, column + len(text), parameters, text)


def _why(text: str) -> tuple[str, str]:
    """Return the variant for what has a meaning of its own in YAML, and the mark if it begins."""
    if text[0] in "!&*|>%@`'\"[{":
        return "begins", text[0]
    if text.startswith(("- ", "? ")):
        return "begins", f"'{text[:2]}'"
    return "colon" if ": " in text or text.endswith(":") else "brackets", ""


def _context_line(error: Any, otherwise: int) -> int:
    """Return the line where the part began in which the parser gave up, if it is near."""
    mark = getattr(error, "context_mark", None)
    if mark is None or not re.search("scanning|flow", error.context or ""):
        return otherwise
    return int(mark.line)


def _tab(line: str, number: int) -> YamlMistake | None:
    """Find a tab among the spaces that a line begins with."""
    indentation = line[: len(line) - len(line.lstrip(" \t"))]
    if "\t" not in indentation:
        return None
    column = indentation.index("\t") + 1
    return YamlMistake("F004", "tab", number, column, column + 1)


def _unquoted(line: str, number: int, column: int | None) -> YamlMistake | None:
    """Find the value of a line that a parser must misread, nearest to where it gave up."""
    suspects = [value for value in values_in(line) if _is_misread(value)]
    if not suspects:
        return None
    before = [value for value in suspects if column is None or value.start <= column]
    value = before[-1] if before else suspects[0]
    return quoted(number, value.start + 1, value.text)


def _is_misread(value: Value) -> bool:
    """Whether YAML reads a value otherwise than a person does."""
    text = value.text
    first = text[0]
    if first in "|>":
        return _BLOCK_HEADER.fullmatch(text) is None
    if first in "&*":
        return _NAMED.fullmatch(text) is None
    if first in "'\"":
        closed = _QUOTED.match(text)
        return closed is not None and closed.end() < len(text)
    if first == "!":
        return is_expression_tag(text)
    return not value.is_collection if first in "[{" else _is_cut_up(value)


def _is_cut_up(value: Value) -> bool:
    """Whether YAML ends a plain text too early, or does not let it begin."""
    text = value.text
    if text[0] in "%@`" or text.startswith(("- ", "? ")):
        return True
    if ": " in text or (text.endswith(":") and not value.is_key):
        return True
    return value.in_brackets and any(character in text for character in "[]{},?")


def _unclosed(error: Any, mark: Any) -> YamlMistake | None:
    """Find the quote or bracket that was opened and never closed."""
    context, start = error.context or "", error.context_mark
    if start is None:
        return None
    line, column = start.line + 1, start.column + 1
    if "quoted scalar" in context:
        if "end of stream" not in error.problem:
            return YamlMistake("F004", "escape", mark.line + 1, mark.column + 1, None)
        return YamlMistake("F004", "quote", line, column, column + 1)
    if "flow sequence" in context or "flow mapping" in context:
        bracket = "[" if "sequence" in context else "{"
        return YamlMistake("F004", "bracket", line, column, column + 1, {"bracket": bracket})
    return None


def _breaking_off(lines: list[str], mark: Any) -> YamlMistake | None:
    """Return the mistake of a text that ends where something is still open."""
    if any(line.strip() for line in lines[mark.line : mark.line + 1]):
        return None
    last = max((at for at, line in enumerate(lines[: mark.line + 1]) if line.strip()), default=0)
    column = len(lines[last].rstrip()) + 1
    return YamlMistake("F004", "end", last + 1, column, column + 1)


def _structure(line: str, mark: Any) -> YamlMistake:
    """Return the mistake of a line that does not follow from the lines above it."""
    indentation = len(line) - len(line.lstrip())
    is_at_start = mark.column <= indentation or ": " in line[indentation:] + " "
    column = (indentation if is_at_start else mark.column) + 1
    return YamlMistake("F004", "structure", mark.line + 1, column, None)
