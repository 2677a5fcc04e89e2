"""A file, or standard input, as one stream of UTF-8 bytes.

Compression and encoding end here: what comes out is plain UTF-8 without a byte order mark,
so that positions and digests mean the same whatever the file was packed in. A file that is
no text at all (a spreadsheet that is only named .csv) is refused by its first bytes.
"""

import codecs
import gzip
import hashlib
import io
import os
import select
import stat
import sys
import zlib
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import IO

from attrs import frozen

from funnelflow.ingest.file_errors import FileError

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NAME_ONE = "name the encoding it is in, for instance --encoding cp1252"
_NOT_FOR_FILES = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape"})
_MANY_NULS = 0.2


class Transcoder:
    """Turns blocks of one encoding into UTF-8, and knows line and column of a bad byte."""

    def __init__(self, path: str, encoding: str) -> None:
        self._path = path
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)("strict")
        self._line = 1
        self._column = 1

    def feed(self, block: bytes, *, final: bool = False) -> bytes:
        """Return `block` as UTF-8; characters that are not complete yet come with the next.

        Raises:
            FileError: When the bytes are not of the encoding.
        """
        try:
            text = self._decoder.decode(block, final)
            encoded = text.encode()
        except UnicodeError as error:
            raise self._bad(error) from error
        self._count(text)
        return encoded

    def _count(self, text: str) -> None:
        head, newline, tail = text.rpartition("\n")
        if newline:
            self._line += head.count("\n") + 1
            self._column = 1
        self._column += len(tail)

    def _bad(self, error: UnicodeError) -> FileError:
        if isinstance(error, UnicodeDecodeError):
            self._count(error.object[: error.start].decode(self._encoding, "ignore"))
        return FileError(
            self._path,
            f"what stands here is not {self._encoding}",
            line=self._line,
            column=self._column,
            hint=_NAME_ONE,
        )


def find_encoding(path: str, asked: str | None, head: bytes) -> str:
    """Return the encoding to read a file in: the one asked for, that of its mark, or UTF-8.

    Args:
        path: The file, for the error.
        asked: The encoding somebody named; None when nobody did.
        head: The first bytes of the file.

    Raises:
        FileError: For an encoding that Python does not know, or when the bytes are no text.
    """
    if asked is not None:
        return _known(path, asked)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    nuls = head.count(0)
    if nuls > len(head) * _MANY_NULS:
        raise _not_text(path, head)
    return "utf-8"


def _known(path: str, asked: str) -> str:
    """Return the canonical name of a text encoding that can be read in blocks."""
    try:
        name = codecs.lookup(asked).name
        sample = codecs.getincrementaldecoder(name)("strict").decode("a\n".encode(name), True)  # noqa: FBT003
    except (LookupError, UnicodeError, TypeError, ValueError):
        sample = ""
    if sample != "a\n" or name in _NOT_FOR_FILES:
        raise FileError(
            path,
            f"{asked!r} is no text encoding that can be read",
            hint="common ones are utf-8, utf-16, cp1252, latin-1, mac-roman, shift_jis, gb18030",
        )
    return name


def _not_text(path: str, head: bytes) -> FileError:
    """Return the error about a file full of NUL characters: no text, or UTF-16."""
    first = head.index(0)
    line = head.count(b"\n", 0, first) + 1
    column = first - head.rfind(b"\n", 0, first)
    even, odd = head[::2].count(0), head[1::2].count(0)
    if min(even, odd) * 10 > max(even, odd):
        return FileError(path, "this is no text file", line=line, column=column)
    return FileError(
        path,
        "every other character is NUL, as in UTF-16 without a byte order mark",
        line=line,
        column=column,
        hint=f"--encoding {'utf-16-le' if odd > even else 'utf-16-be'}",
    )


STDIN = "-"
BLOCK = 1 << 18
_HEAD = 4096
_GZIP = b"\x1f\x8b"
_SAVE_AS = "save it as CSV (UTF-8) where it was made, and give that"
_XLSX = f"pip install funnelflow-xlsx reads a file that is named .xlsx; else {_SAVE_AS}"
_UNPACK = "unpack it first; of compressed files, gzip (.gz) is read as it is"
_STRANGERS = (
    (b"PK\x03\x04", "a spreadsheet (.xlsx, .ods) or another zip archive", _XLSX),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old spreadsheet (.xls)", _SAVE_AS),
    (b"%PDF", "a PDF document", "export the table as CSV from where the document was made"),
    (b"{\\rtf", "a rich text document", _SAVE_AS),
    (b"SQLite format 3\0", "an SQLite database", "export the table as CSV"),
    (b"PAR1", "a Parquet file", "say so: --format parquet"),
    (_GZIP, "compressed twice", "unpack it once"),
    (b"BZh", "compressed with bzip2", _UNPACK),
    (b"\xfd7zXZ\0", "compressed with xz", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
)


@frozen
class Survey:
    """What is known of a regular file before it is read.

    Attributes:
        size: Bytes, as stored.
        digest: sha256 of those bytes, in hexadecimal.
        multibyte: Whether there are valid UTF-8 characters of several bytes in it, which
            tells a UTF-8 file with a damaged byte from one in another encoding.
    """

    size: int
    digest: str
    multibyte: bool


class Source:
    """An open input: blocks of plain UTF-8, and how far it has been read.

    Attributes:
        name: The file as the person named it; ``-`` for standard input.
        encoding: The encoding it is read in.
        compressed: Whether it is unpacked on the way.
    """

    def __init__(self, name: str, file: IO[bytes], encoding: str | None) -> None:
        self.name = name
        self._stored = self._plain = _Ahead(file, keep_open=name == STDIN)
        self.compressed = self._head().startswith(_GZIP)
        if self.compressed:
            unpacked = gzip.GzipFile(fileobj=io.BufferedReader(self._stored, BLOCK))
            self._plain = _Ahead(unpacked)
        head = self._head()
        _refuse_strangers(name, head)
        self.encoding = find_encoding(name, encoding, head)

    @property
    def bytes_read(self) -> int:
        """The bytes read so far, as stored."""
        return self._stored.count

    def blocks(self) -> Iterator[bytes]:
        """Yield the content as UTF-8 without a byte order mark, block by block.

        Raises:
            FileError: For damaged compression, or bytes that are not of the encoding.
        """
        blocks = self._packed_blocks()
        if codecs.lookup(self.encoding).name != "utf-8":
            blocks = self._transcoded(blocks)
        first = next(blocks, b"").removeprefix(codecs.BOM_UTF8)
        yield from chain([first] if first else [], blocks)

    def close(self) -> None:
        """Close the file."""
        self._stored.close()

    def _head(self) -> bytes:
        """Return the first bytes without consuming them."""
        try:
            return self._plain.ahead(_HEAD)
        except (OSError, EOFError, zlib.error) as error:
            raise self._unreadable(error) from error

    def _packed_blocks(self) -> Iterator[bytes]:
        while True:
            try:
                block = self._plain.read(BLOCK)
            except (OSError, EOFError, zlib.error) as error:
                raise self._unreadable(error) from error
            if not block:
                return
            yield block

    def _transcoded(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        transcoder = Transcoder(self.name, self.encoding)
        for block in blocks:
            if encoded := transcoder.feed(block):
                yield encoded
        yield transcoder.feed(b"", final=True)

    def _unreadable(self, error: Exception) -> FileError:
        if isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile):
            return _unreadable(self.name, error)
        return FileError(
            self.name,
            "the compressed data is damaged or cut off",
            hint="what stands before the damage is read; get the file once more",
        )


class _Ahead(io.RawIOBase):
    """Reads another file, counts the bytes, and can look ahead without consuming."""

    def __init__(self, file: IO[bytes] | gzip.GzipFile, *, keep_open: bool = False) -> None:
        self._file = file
        self._some: Callable[[int], bytes] = getattr(file, "read1", file.read)
        self._keep_open = keep_open
        self._waiting = b""
        self.count = 0

    def ahead(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer only where the file ends."""
        while len(self._waiting) < size and (more := self._file.read(size - len(self._waiting))):
            self._waiting += more
        return self._waiting

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        size = len(buffer)
        data = self._waiting[:size] or self._some(size)
        self._waiting = self._waiting[size:]
        buffer[: len(data)] = data
        self.count += len(data)
        return len(data)

    def close(self) -> None:
        if not self._keep_open:
            self._file.close()
        super().close()


def open_source(
    name: str,
    *,
    encoding: str | None = None,
    stdin: IO[bytes] | None = None,
    shown: str = "",
) -> Source:
    """Open a file, or standard input for the name ``-``.

    Args:
        name: The path.
        encoding: The encoding; None finds it out from a byte order mark, else UTF-8.
        stdin: What ``-`` reads, the process's own unless given.
        shown: The file as the person named it, where it is another one that is read.

    Raises:
        FileError: When it cannot be opened, or is plainly no text file.
    """
    file = (stdin or sys.stdin.buffer) if name == STDIN else _open(name)
    try:
        return Source(shown or name, file, encoding)
    except FileError:
        if name != STDIN:
            file.close()
        raise


def _open(name: str) -> IO[bytes]:
    try:
        if stat.S_ISFIFO(Path(name).stat().st_mode):
            return _open_pipe(name)
        return Path(name).open("rb")
    except OSError as error:
        raise _unreadable(name, error) from error


PATIENCE = 60
"""Seconds for which a named pipe may stay without a writer."""


def _open_pipe(name: str) -> IO[bytes]:
    """Open a named pipe once something comes from it; opening one waits for a writer for ever.

    Raises:
        FileError: Nothing comes.
    """
    number = os.open(name, os.O_RDONLY | os.O_NONBLOCK)
    try:
        has_come = _wait_for(number, name)
    except BaseException:
        os.close(number)
        raise
    if has_come:
        os.set_blocking(number, True)
        return os.fdopen(number, "rb")
    os.close(number)
    raise FileError(
        name,
        f"this is a pipe, and nothing has come from it for {PATIENCE} seconds",
        hint="start what writes to it, then give the same command",
    )


def _wait_for(number: int, name: str) -> bool:
    """Wait until something comes from a pipe; False where it does not. A terminal is told."""
    waiting = select.poll()
    waiting.register(number, select.POLLIN)
    for second in range(PATIENCE):
        if waiting.poll(1000):
            return True
        if second == 1 and sys.stderr is not None and sys.stderr.isatty():
            sys.stderr.write(f"waiting for somebody to write to {name} (Ctrl-C ends it)\n")
    return False


def is_regular(name: str) -> bool:
    """Whether a name is a file that can be read more than once; a pipe cannot."""
    try:
        return name != STDIN and stat.S_ISREG(Path(name).stat().st_mode)
    except OSError:
        return False


def survey(name: str) -> Survey:
    """Read a regular file through once: its size, its digest, and whether it is UTF-8.

    Raises:
        FileError: When it cannot be read.
    """
    digest, size, multibyte = hashlib.sha256(), 0, False
    decoder = codecs.getincrementaldecoder("utf-8")("ignore")
    try:
        with Path(name).open("rb", buffering=0) as file:
            while block := file.read(BLOCK):
                digest.update(block)
                size += len(block)
                if not (multibyte or block.isascii()):
                    multibyte = not decoder.decode(block).isascii()
    except OSError as error:
        raise _unreadable(name, error) from error
    return Survey(size, digest.hexdigest(), multibyte)


def _refuse_strangers(name: str, head: bytes) -> None:
    for magic, what, hint in _STRANGERS:
        if head.startswith(magic):
            raise FileError(name, f"this is no text file but {what}", line=1, column=1, hint=hint)


def _unreadable(name: str, error: OSError) -> FileError:
    """Return why a file cannot be read, in the system's words."""
    if isinstance(error, IsADirectoryError):
        return FileError(name, "this is a directory", hint="name one file at a time")
    if isinstance(error, FileNotFoundError):
        return FileError(name, "there is no such file")
    return FileError(name, f"it cannot be read: {error.strerror or error}")
