"""The lines of a source, with the exact offset up to which they have been used.

Lines end in a newline, a carriage return, or both together, mixed as they come, and keep
their ends. They are served block by block for speed; `settle` then says how many of them
have become records, and only those count: the position and the digest are always those of
a record's beginning.
"""

import hashlib
import io
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from typing import NamedTuple

from funnelflow.ingest.file_errors import FileError
from funnelflow.ingest.source import Source
from funnelflow.storage.checkpoints import FileOffset

MAX_LINE = 1 << 20
"""Bytes that one line may have. Whatever is longer is no table of contacts."""


MAX_BLANK = 1 << 24
"""Bytes of blank lines after which a file is taken to hold nothing: a few kilobytes of gzip unpack
to gigabytes of them."""

HEAD = 1 << 16


class _Block(NamedTuple):
    """Lines that were served: their bytes, their text, and the number of lines before them."""

    data: bytes
    lines: list[str]
    before: int


class Lines:
    """Serves the lines of a source.

    Attributes:
        damaged: Whether NUL or bytes that are not UTF-8 have been met; the latter come as
            lone surrogates, as in Python's ``surrogateescape``.
        ended: Whether the last line has been served.
        waiting: Bytes that were served and not settled yet.
    """

    def __init__(self, source: Source, *, multibyte: bool = False) -> None:
        self.damaged = False
        self.ended = False
        self.waiting = 0
        self._source = source
        self._blocks = source.blocks()
        self._rest = b""
        self._multibyte = multibyte
        self._served: deque[_Block] = deque()
        self._position = 0
        self._settled = 0
        self._digest = hashlib.sha256()

    @property
    def name(self) -> str:
        """The file as the person named it."""
        return self._source.name

    @property
    def bytes_read(self) -> int:
        """The bytes read so far, as stored."""
        return self._source.bytes_read

    @property
    def offset(self) -> FileOffset:
        """The offset behind the last line that was settled."""
        return FileOffset(self._position, self._settled, self._digest.hexdigest())

    def after(self, line: int) -> Iterator[str]:
        """Yield the lines behind the line of that number, which must not be settled yet.

        Raises:
            FileError: For a line that is too long, or a file that is not UTF-8 at all.
        """
        self.ended = False
        return chain.from_iterable(self._lists_after(line))

    def written_after(self, line: int) -> Iterator[str]:
        """Yield the lines behind the line of that number that are not blank.

        Raises:
            FileError: As `after` does, or where nothing but blank lines comes.
        """
        blank = 0
        for text in self.after(line):
            if not text.isspace():
                blank = 0
                yield text
            elif (blank := blank + len(text)) > MAX_BLANK:
                raise self.too_blank()

    def too_blank(self) -> FileError:
        """Return the error that there is nothing but blank lines."""
        hint = "is it the file that you mean? what stands before it has been read"
        said = f"more than {MAX_BLANK >> 20} MiB of blank lines come here"
        return FileError(self.name, said, line=self.offset.lines + 1, hint=hint)

    def text(self, first: int, last: int) -> list[str]:
        """Return lines that were served and not settled, by number, both included."""
        return [
            line
            for block in self._served
            for line in block.lines[max(first - 1 - block.before, 0) : max(last - block.before, 0)]
        ]

    def settle(self, lines: int) -> None:
        """Note that the first `lines` lines of the source have become records."""
        while self._served and self._settled + len(self._served[0].lines) <= lines:
            block = self._served.popleft()
            self._advance(block.data, len(block.lines))
        if (part := lines - self._settled) > 0:
            block = self._served.popleft()
            data = b"".join(block.data.splitlines(keepends=True)[:part])
            self._advance(data, part)
            self._served.appendleft(
                _Block(block.data[len(data) :], block.lines[part:], self._settled)
            )
        self.waiting = sum(len(block.data) for block in self._served)

    def skip(self, offset: FileOffset) -> bool:
        """Go on from an offset; False when what stands before it is not what it was."""
        self._rest = b"".join(block.data for block in self._served) + self._rest
        self._served.clear()
        missing = offset.position - self._position
        while missing > 0 and (self._rest or self._read()):
            data, self._rest = self._rest[:missing], self._rest[missing:]
            self._advance(data, 0)
            missing -= len(data)
        self._settled = offset.lines
        return missing == 0 and self._digest.hexdigest() == offset.digest

    def sample(self, step: int) -> Iterator[str]:
        """Yield a line every `step` bytes behind the offset; nothing can be read behind it.

        It may be part of a record of several lines. Where the source cannot be read on, it ends.
        """
        self.skip(self.offset)
        with suppress(FileError):
            while self._rest or self._read():
                block, self._rest = self._rest, b""
                for start in range(0, len(block), step):
                    first = block.find(b"\n", start) + 1
                    end = block.find(b"\n", first)
                    if 0 < first < end:
                        yield block[first:end].decode(errors="replace")

    def head_digest(self) -> str:
        """Return a digest of how the source begins, before anything was served."""
        while len(self._rest) < HEAD and self._read():
            pass
        return f"head:{hashlib.sha256(self._rest[:HEAD]).hexdigest()}"

    def at_end(self) -> bool:
        """Whether nothing comes behind the offset."""
        return not (self._served or self._rest or self._read())

    def _lists_after(self, line: int) -> Iterator[list[str]]:
        for block in tuple(self._served):
            yield block.lines[max(line - block.before, 0) :]
        while data := self._next_block():
            lines = self._split(data)
            self._served.append(_Block(data, lines, self._lines_served()))
            self.waiting += len(data)
            yield lines
        self.ended = True

    def _advance(self, data: bytes, lines: int) -> None:
        self._digest.update(data)
        self._position += len(data)
        self._settled += lines

    def _read(self) -> bool:
        """Append the source's next block to what waits; False at its end."""
        block = next(self._blocks, b"")
        self._rest += block
        return bool(block)

    def _next_block(self) -> bytes:
        """Return as many whole lines as are there, at least one."""
        more = bool(self._rest) or self._read()
        while more and not (end := _last_end(self._rest)):
            self._refuse_endless()
            more = self._read()
        end = end if more else len(self._rest)
        data, self._rest = self._rest[:end], self._rest[end:]
        return data

    def _refuse_endless(self) -> None:
        if len(self._rest) > MAX_LINE:
            line = self._lines_served() + 1
            raise FileError(
                self._source.name,
                f"this line is longer than {MAX_LINE:,} bytes",
                line=line,
                column=1,
                hint="is this a table with one record a line? a quote may be missing before it",
            )

    def _lines_served(self) -> int:
        return self._settled + sum(len(block.lines) for block in self._served)

    def _split(self, data: bytes) -> list[str]:
        try:
            text = data.decode()
            self._multibyte = self._multibyte or not data.isascii()
        except UnicodeDecodeError as error:
            self._refuse_other_encoding(data, error.start)
            self.damaged = True
            text = data.decode(errors="surrogateescape")
        self.damaged = self.damaged or "\0" in text
        return list(io.StringIO(text, newline=""))

    def _refuse_other_encoding(self, data: bytes, start: int) -> None:
        """Raise an error for a file in which nothing but ASCII is UTF-8."""
        if self._multibyte or not data.decode(errors="ignore").isascii():
            return
        before = data[:start].splitlines(keepends=True)
        at_end = before and not before[-1].endswith((b"\n", b"\r"))
        raise FileError(
            self._source.name,
            f"the byte 0x{data[start]:02x} is not UTF-8, and nothing before it says it should be",
            line=self._lines_served() + len(before) + (not at_end),
            column=len(before[-1]) + 1 if at_end else 1,
            hint="name the encoding the file is in, for instance --encoding cp1252",
        )


def _last_end(data: bytes) -> int:
    """Return the length of the whole lines in `data`.

    A carriage return at the very end may be the first half of a line's end, and waits.
    """
    return max(data.rfind(b"\n"), data.rfind(b"\r", 0, len(data) - 1)) + 1
