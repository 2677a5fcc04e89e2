"""YAML text becomes nodes: strict, positions kept, in bounded time and memory.

PyYAML's scanner (libyaml where it is compiled in) gives the events; the nodes are put
together here, without recursion, so that depth is counted before it can hurt. Whatever lets
a short file stand for something else is refused: anchors, aliases, merge keys, tags,
directives, several documents, duplicate keys.

Where the scanner stumbles over an expression that should stand in quotes, the mistake is
noted, the expression is covered with a quoted stand-in of the same length, and the text is
read again: so that several such mistakes, and everything else, are reported at once.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from attrs import define, field

from funnelflow.criteria import Position
from funnelflow.definition.problems import Problems
from funnelflow.definition.yaml.nodes import (
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    Span,
    span_of,
)
from funnelflow.definition.yaml.yaml_mistakes import (
    Covered,
    YamlMistake,
    explain,
    is_expression_tag,
    quoted,
)

LARGEST = 1024 * 1024
"""How many bytes a file may have."""

UNSAFE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]"  # control, not characters
    "|\r(?!\n)"
    "|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"  # turn the direction of text
    "|[\u200b\u2028\u2029\u2060\ufeff]"  # not seen, or line breaks to some readers only
)
"""Characters with which a text can look different from what it says."""

_OTHER_ENCODINGS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_SHOWN = 5
"""How many unsafe characters of one file are listed."""


def read_text(path: Path, problems: Problems, given: bytes | None = None) -> str | None:
    """Read a file whole, as text with bare line feeds; or what is given instead of its bytes.

    None comes back for a file that is missing, too large, no text or unsafe, after a report.
    """
    data = _capped(_read(path, problems) if given is None else given, path, problems)
    text = _decode(data, str(path), problems) if data is not None else None
    if text is None:
        return None
    if not text.strip():
        problems.report("F001", _at(path), "empty")
        return None
    return text.replace("\r\n", "\n") if _is_safe(text, str(path), problems) else None


def character_words(character: str) -> str:
    """Name a character that cannot be shown, as ``U+202E``."""
    return f"U+{ord(character):04X}"


def _read(path: Path, problems: Problems) -> bytes | None:
    """Return the bytes of an ordinary file, never more than a few beyond the largest."""
    try:
        if path.exists() and not path.is_file():
            problems.report("F001", _at(path), "directory" if path.is_dir() else "special")
            return None
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the path cannot be used"
        problems.report("F001", _at(path), "unreadable", reason=reason.lower())
        return None


def _capped(data: bytes | None, path: Path, problems: Problems) -> bytes | None:
    """Return the bytes of a file back, unless they are too many."""
    if data is None or len(data) <= LARGEST:
        return data
    problems.report("F003", _at(path), "bytes")
    return None


def _decode(data: bytes, path: str, problems: Problems) -> str | None:
    """Turn bytes into text, or report which encoding or which byte is in the way."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    for mark, name in _OTHER_ENCODINGS.items():
        if data.startswith(mark):
            problems.report("F002", _at(path), "encoding", encoding=name)
            return None
    if b"\x00" in data:
        problems.report("F002", _at(path), "binary")
        return None
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        problems.report("F002", _position_after(path, before), "byte", byte=data[error.start])
        return None


def _is_safe(text: str, path: str, problems: Problems) -> bool:
    """Report the first unsafe characters; whether there were none."""
    found = UNSAFE.finditer(text)
    count = 0
    for count, match in enumerate(found, 1):
        if count > _SHOWN:
            break
        span = _position_after(path, text[: match.start()])
        problems.report("F002", span, "unsafe", character=character_words(match[0]))
    return count == 0


def _at(path: Path | str) -> Span:
    """Return the beginning of a file."""
    return Span(Position(str(path), 1, 1))


def _position_after(path: str, before: str) -> Span:
    """Return the span of the character that follows the text `before`."""
    line = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1) + 1
    return Span(Position(path, line, column), column + 1)


DEEPEST = 20
"""How many levels of lists and mappings may be nested."""
MOST_NODES = 200_000
"""How many nodes a file may have: 20,000 transitions, with room for criteria."""
_FAR = 80
"""How far from the end of a text a comment is looked for."""
_MOST_REPAIRS = 20

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def compose(text: str, path: str, problems: Problems, loader: Any = _Loader) -> Node | None:
    """Read text that `read_text` let in.

    Args:
        text: The text, with bare line feeds.
        path: What positions call the file.
        problems: Where everything wrong is reported.
        loader: The PyYAML loader whose events are used.

    Returns:
        The top node; None when there is none to go on with.
    """
    lines = text.split("\n")
    covered: dict[tuple[int, int], Covered] = {}
    for _ in range(1 + min(_MOST_REPAIRS, LARGEST // len(text))):
        composer = _Composer(path, lines, covered)
        try:
            composer.run(loader("\n".join(lines)))
        except yaml.YAMLError as error:
            mistake = explain(error, lines)
            _report(mistake, path, problems)
            if not mistake.cover(lines, covered):
                break
        else:
            problems.take(composer.problems)
            return composer.top
    return None


def _report(mistake: YamlMistake, path: str, problems: Problems) -> None:
    start = Position(path, mistake.line, mistake.column)
    span = Span(start, mistake.end_column)
    problems.report(mistake.code, span, mistake.variant, **mistake.parameters)


@define
class _Frame:
    """A list or mapping that is being filled, and the key whose value comes next."""

    node: SequenceNode | MappingNode
    key: ScalarNode | None = None


@define
class _Composer:
    """Puts events together; stops when `is_hopeless` says that going on would only do harm."""

    path: str
    lines: list[str]
    covered: Mapping[tuple[int, int], Covered]
    problems: Problems = field(factory=Problems)
    top: Node | None = None
    frames: list[_Frame] = field(factory=list)
    count: int = 0
    documents: int = 0

    def run(self, loader: Any) -> None:
        """Read every event of a loader, and let go of it."""
        try:
            for event in _events(loader):
                if not self._take(event):
                    self.top = None
                    return
        finally:
            loader.dispose()

    def _take(self, event: Any) -> bool:
        """Handle one event; whether to go on."""
        if isinstance(event, yaml.ScalarEvent):
            return self._put(self._scalar(event), event)
        if isinstance(event, yaml.CollectionEndEvent):
            self._close(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            return self._open(SequenceNode(*_start(event)), event)
        elif isinstance(event, yaml.MappingStartEvent):
            return self._open(MappingNode(*_start(event)), event)
        elif isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            return self._document(event)
        return True

    def _scalar(self, event: Any) -> ScalarNode:
        """Make the node of a scalar, with what was covered put back."""
        start, end = event.start_mark, event.end_mark
        line, column = start.line + 1, start.column + 1
        covered = self.covered.get((line, column))
        if covered is not None:
            return ScalarNode(covered.text, "", line, column, line, column + len(covered.text))
        style = event.style if event.style in ("'", '"', "|", ">") else ""
        node = ScalarNode(event.value, style, line, column, end.line + 1, end.column + 1)
        if event.tag is not None or event.anchor is not None:
            self._decorated(event, node)
        elif style or node.line != node.end_line:
            self._keep_raw(node)
        elif start.line < len(self.lines):
            rest = self.lines[start.line][end.column : end.column + _FAR]
            if rest.lstrip()[:1] == "#":
                node.comment = rest.index("#") + end.column + 1
        return node

    def _keep_raw(self, node: ScalarNode) -> None:
        """Keep the text as it stands in the file, where offsets in it cannot be counted off."""
        if node.line == node.end_line and len(node.text) == node.end_column - node.column - 2:
            return
        node.raw = self._between(node)
        if node.style == '"' and "\\" in node.raw:
            self._check_escapes(node)

    def _check_escapes(self, node: ScalarNode) -> None:
        bad = UNSAFE.search(node.text)
        if bad:
            character = character_words(bad[0])
            self.problems.report("F002", self._span(node), "escaped", character=character)

    def _between(self, node: ScalarNode) -> str:
        """Return the text of a node as it stands in the file."""
        first, last = node.line - 1, min(node.end_line, len(self.lines)) - 1
        if first == last:
            return self.lines[first][node.column - 1 : node.end_column - 1]
        middle = self.lines[first + 1 : last]
        end = self.lines[last][: node.end_column - 1] if node.end_line <= len(self.lines) else ""
        return "\n".join((self.lines[first][node.column - 1 :], *middle, end))

    def _decorated(self, event: Any, node: ScalarNode) -> None:
        """Refuse a tag or anchor; text that only begins like a tag is an unquoted expression."""
        written = self._between(node).strip()
        if event.tag and node.line == node.end_line and is_expression_tag(written):
            node.text, node.style = written, ""
            mistake = quoted(node.line, node.column, written)
            _report(mistake, self.path, self.problems)
        else:
            self._refuse(event)

    def _refuse(self, event: Any) -> None:
        """Report an anchor or a tag, and go on as if it were not there."""
        what = "anchor" if event.anchor is not None else "tag"
        self.problems.report("F006", Span(Position(self.path, *_start(event))), what)

    def _alias(self, event: Any) -> bool:
        node = ScalarNode(
            "", "", *_start(event), event.end_mark.line + 1, event.end_mark.column + 1
        )
        self.problems.report("F006", self._span(node), "alias")
        return self._put(node, event)

    def _document(self, event: Any) -> bool:
        """Accept one document, without directives; whether to go on."""
        self.documents += 1
        span = Span(Position(self.path, *_start(event)))
        if event.version or event.tags:
            self.problems.report("F006", span, "directive")
        if self.documents > 1:
            self.problems.report("F006", span, "document")
        return self.documents == 1

    def _open(self, node: SequenceNode | MappingNode, event: Any) -> bool:
        """Begin a list or mapping, unless it would be nested too deeply."""
        if event.tag is not None or event.anchor is not None:
            self._refuse(event)
        if len(self.frames) >= DEEPEST:
            span = Span(Position(self.path, node.line, node.column))
            self.problems.report("F003", span, "depth", most=DEEPEST)
            return False
        go_on = self._put(node, event)
        self.frames.append(_Frame(node))
        return go_on

    def _close(self, event: Any) -> None:
        frame = self.frames.pop()
        frame.node.end_line = event.end_mark.line + 1
        frame.node.end_column = event.end_mark.column + 1

    def _put(self, node: Node, event: Any) -> bool:
        """Put a node where it belongs: on top, into a list, or into a mapping."""
        self.count += 1
        if self.count > MOST_NODES:
            span = Span(Position(self.path, *_start(event)))
            self.problems.report("F003", span, "values", most=MOST_NODES)
            return False
        if not self.frames:
            self.top = node
            return True
        frame = self.frames[-1]
        if isinstance(frame.node, SequenceNode):
            frame.node.items.append(node)
            return True
        return self._pair(frame, frame.node, node)

    def _pair(self, frame: _Frame, mapping: MappingNode, node: Node) -> bool:
        """Keep a key until its value comes, then the pair; the first of two equal keys counts."""
        if frame.key is None:
            frame.key = self._key(node)
            return True
        key, frame.key = frame.key, None
        if key.text in mapping.values:
            self._duplicate(key, mapping.keys[key.text])
        elif key.style != "?":
            mapping.values[key.text] = node
            mapping.keys[key.text] = key
        return True

    def _key(self, node: Node) -> ScalarNode:
        """Return the node of a key; what cannot be a key is reported and its value dropped."""
        if isinstance(node, ScalarNode):
            if node.text == "<<" and node.is_plain:
                self.problems.report("F006", self._span(node), "merge")
                node.style = "?"
            return node
        span = Span(Position(self.path, node.line, node.column))
        found = "a list" if isinstance(node, SequenceNode) else "a mapping"
        self.problems.report("F103", span, "key", found=found)
        return ScalarNode("", "?", node.line, node.column, node.line, node.column)

    def _duplicate(self, key: ScalarNode, first: ScalarNode) -> None:
        self.problems.report("F007", self._span(key), key=key.text, line=first.line)

    def _span(self, node: Node) -> Span:
        return span_of(self.path, node)


def _events(loader: Any) -> Iterator[Any]:
    while loader.check_event():
        yield loader.get_event()


def _start(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1
