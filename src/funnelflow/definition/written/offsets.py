"""From a place inside a scalar's text to its place in the file, whatever quotes it is in.

Escapes, doubled quotes, folded lines and stripped indentation make text differ from what
stands in the file. The walkers here go over the raw text once, as YAML readers do, and note
for each character of the result where it came from. They run only when a problem inside an
expression has to be shown.
"""

from collections.abc import Iterator
from typing import TypeAlias

from funnelflow.definition.written.nodes import Scalar

__all__ = ["line_and_column", "places_of"]

Spot: TypeAlias = tuple[int, int]

_ESCAPE_LENGTHS = {"x": 4, "u": 6, "U": 10}


def line_and_column(node: Scalar, offset: int) -> Spot:
    """Give the line and column (from 1) of the character at `offset` of a scalar's text.

    An offset past the end gives the place just after the last character.
    """
    if not node.raw:
        return node.line, node.column + bool(node.style) + offset
    spots = places_of(node)
    if offset < len(spots):
        return spots[offset]
    if not spots:
        return node.line, node.column
    line, column = spots[-1]
    return line, column + 1 + offset - len(spots)


def places_of(node: Scalar) -> list[Spot]:
    """Give line and column of each character of a scalar that was kept with its raw text."""
    if node.style == "|":
        return _literal(node)
    if node.style == ">":
        return _folded(node)
    return list(_flow(node))


def _literal(node: Scalar) -> list[Spot]:
    """Each line of the text is the end of its line in the file."""
    written = node.raw.split("\n")[1:]
    spots: list[Spot] = []
    for number, text in enumerate(node.text.split("\n")):
        raw = written[number] if number < len(written) else ""
        first = len(raw) - len(text) + 1
        spots += [(node.line + 1 + number, max(first, 1) + i) for i in range(len(text) + 1)]
    return spots[: len(node.text)]


def _folded(node: Scalar) -> list[Spot]:
    """Lines are joined by one space, unless one of them is indented further or blank."""
    indent = _indentation(node)
    spots: list[Spot] = []
    break_before: list[Spot] = []
    blank_lines: list[Spot] = []
    was_indented = False
    for number, raw in enumerate(node.raw.split("\n")[1:]):
        line = node.line + 1 + number
        text = raw[indent:]
        if not text:
            blank_lines.append((line, 1))
            continue
        is_indented = text[0] in " \t"
        if was_indented or is_indented or not blank_lines:
            spots += break_before
        spots += blank_lines
        spots += [(line, indent + 1 + i) for i in range(len(text))]
        break_before, blank_lines, was_indented = [(line, len(raw) + 1)], [], is_indented
    return (spots + break_before + blank_lines)[: len(node.text)]


def _indentation(node: Scalar) -> int:
    """Tell how many spaces a block scalar's lines begin with that are not part of its text."""
    written = next((line for line in node.raw.split("\n")[1:] if line.strip(" ")), "")
    text = node.text.lstrip("\n")
    return len(written) - len(written.lstrip(" ")) - (len(text) - len(text.lstrip(" ")))


def _flow(node: Scalar) -> Iterator[Spot]:
    """Walk a plain or quoted scalar: quotes off, escapes one character, line breaks folded."""
    raw = node.raw[1:-1] if node.style else node.raw
    line, column = node.line, node.column + bool(node.style)
    at = 0
    while at < len(raw):
        length, emits = _flow_piece(raw, at, node.style)
        spots = _spots(raw[at : at + length], line, column)
        yield from (spots[i] for i in emits)
        line, column = _after(raw[at : at + length], line, column)
        at += length


def _flow_piece(raw: str, at: int, style: str) -> tuple[int, list[int]]:
    """Give the length of the piece at `at`, and which of its characters the text keeps."""
    character = raw[at]
    if character in " \t\n":
        end = at
        while end < len(raw) and raw[end] in " \t\n":
            end += 1
        return end - at, _kept_of_space(raw[at:end])
    if style == "'" and raw.startswith("''", at):
        return 2, [0]
    if style == '"' and character == "\\":
        return _escape(raw, at)
    return 1, [0]


def _kept_of_space(space: str) -> list[int]:
    """Spaces stay; one line break is a space; more than one lose the first."""
    breaks = [i for i, character in enumerate(space) if character == "\n"]
    if not breaks:
        return list(range(len(space)))
    return breaks[1:] or breaks


def _escape(raw: str, at: int) -> tuple[int, list[int]]:
    """An escape is one character; an escaped line break is none, and takes indentation along."""
    if raw[at + 1] != "\n":
        return _ESCAPE_LENGTHS.get(raw[at + 1], 2), [0]
    end = at + 2
    while end < len(raw) and raw[end] in " \t\n":
        end += 1
    return end - at, [i for i in range(2, end - at) if raw[at + i] == "\n"]


def _spots(piece: str, line: int, column: int) -> list[Spot]:
    """Give the place of each character of a piece."""
    spots = []
    for character in piece:
        spots.append((line, column))
        line, column = (line + 1, 1) if character == "\n" else (line, column + 1)
    return spots


def _after(piece: str, line: int, column: int) -> Spot:
    """Give the place after a piece that begins at line and column."""
    if "\n" not in piece:
        return line, column + len(piece)
    return line + piece.count("\n"), len(piece) - piece.rindex("\n")
