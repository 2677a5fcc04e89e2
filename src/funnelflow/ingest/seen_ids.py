"""Ids that come more than once in a file, noticed in a fixed amount of memory."""

from collections.abc import Iterator
from hashlib import blake2b

MOST = 2_000_000
"""How many ids are kept; with fewer, not one in a million is taken for another."""

_BITS = 1 << 27
_PLACES = 6


class SeenIds:
    """A Bloom filter over the ids of a run: 16 MiB, however long the file is.

    It is told of a chunk's ids when they are stored, as a chunk may be done again. Behind
    `MOST` ids, only what repeats one of those is noticed.
    """

    def __init__(self) -> None:
        self._bits = bytearray()
        self._kept = 0
        self._fresh: set[str] = set()

    def has(self, name: str) -> bool:
        """Tell whether an id came before, and notice it."""
        if name in self._fresh or self._is_kept(name):
            return True
        self._fresh.add(name)
        return False

    def forget(self) -> None:
        """Forget what was noticed since `keep`: the chunk begins, maybe again."""
        self._fresh.clear()

    def keep(self) -> None:
        """Keep what was noticed: the chunk is stored."""
        if not self._fresh:
            return
        self._bits = self._bits or bytearray(_BITS // 8)
        for name in self._fresh:
            if self._kept >= MOST:
                break
            self._kept += 1
            for place in _places(name):
                self._bits[place >> 3] |= 1 << (place & 7)
        self._fresh.clear()

    def _is_kept(self, name: str) -> bool:
        bits = self._bits
        return bool(bits) and all(bits[place >> 3] >> (place & 7) & 1 for place in _places(name))


def _places(name: str) -> Iterator[int]:
    """Give the bits that stand for an id."""
    digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4 * _PLACES).digest()
    for start in range(0, len(digest), 4):
        yield int.from_bytes(digest[start : start + 4]) % _BITS
