"""From the encoding a file is in to UTF-8."""

import codecs

from funnelflow.store.files.problems import FileError

__all__ = ["Transcoder", "find_encoding"]

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
    """Turns blocks of one encoding into blocks of UTF-8, and knows the place of a bad byte."""

    def __init__(self, path: str, encoding: str) -> None:
        self._path = path
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)("strict")
        self._line = 1
        self._column = 1

    def feed(self, block: bytes, *, final: bool = False) -> bytes:
        """Give `block` as UTF-8; characters that are not complete yet come with the next.

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
    """Say which encoding to read a file in: the one asked for, that of its mark, or UTF-8.

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
    """Give the canonical name of a text encoding that can be read in blocks."""
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
    """Say what a file full of NUL characters is."""
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
