"""A line of YAML as a person reads it: `- Label: value`, with `{key: value}` looked into.

Nothing here decides what a file means; it finds which value of a line a parser choked on.
"""

import re
from collections.abc import Iterator

from attrs import frozen

__all__ = ["Value", "values_in"]

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
    """Give where a value ends and the character that ends it: brackets and quotes stay whole."""
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
    """Give the place after the text in quotes at `at`; after the quote alone if it never ends."""
    end = line.find(line[at], at + 1)
    while end > 0 and line[at] == '"' and line[end - 1] == "\\":
        end = line.find(line[at], end + 1)
    return end + 1 if end > 0 else at + 1


def _closes_at(text: str) -> int | None:
    """Give the place after the bracket that closes the one a text begins with; None if none."""
    end, closer = _end(text, 1, stops="")
    return end + 1 if closer in ("]", "}") else None
