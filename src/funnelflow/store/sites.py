"""A part of a TOML file, as what is wrong with it has to be shown: with its place, and safely."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from attrs import field, frozen

from funnelflow.criteria import Position
from funnelflow.definition import CODES, Problem
from funnelflow.store.toml_places import Place, Way, stretch, text_offsets, toml_places

__all__ = ["Site", "masked_source"]

_SHOWN: Final = ("name", "channel", "when", "funnels", "fields", "source")
"""What is no secret in a ``[[notify]]``; all else may be one."""

_ADDRESS: Final = re.compile(
    r"""(["'])([A-Za-z][A-Za-z0-9+.-]{0,19})://([A-Za-z0-9.\[\]:-]+(?=[/?#"']))?"""
)
"""How an address begins: its quote, its scheme and, where it is plain, its host with the port."""


@frozen
class Site:
    """A table of a TOML file.

    Attributes:
        path: The file.
        text: Its text.
        places: Where everything in the table stands; the table itself as ``()``.
    """

    path: Path
    text: str = field(default="", repr=False)
    places: Mapping[Way, Place] = field(factory=dict, repr=False)

    @classmethod
    def of(cls, path: Path, text: str) -> "Site":
        """Give the whole of a file."""
        return cls(path, text, toml_places(text))

    def part(self, *way: str | int) -> "Site":
        """Give a table in it."""
        depth = len(way)
        inner = {w[depth:]: place for w, place in self.places.items() if w[:depth] == way}
        return Site(self.path, self.text, inner)

    def where(self, *way: str | int) -> str:
        """Say in which line something stands: ``path:line``."""
        place = self._nearest(way)
        line = stretch(self.text, place.start, place.end)[0] if place else None
        return f"{self.path}:{line}" if line else str(self.path)

    def problem(
        self,
        code: str,
        way: Way,
        message: str,
        help: str = "",  # noqa: A002  # what a problem calls it
        within: tuple[int, int] | None = None,
    ) -> Problem:
        """Say what is wrong with something.

        Args:
            code: Its code, which decides how grave it is.
            way: What it is wrong with. Its value is pointed at, or what it is in where it is
                not there itself; of what may be a secret only the name.
            message: What is wrong.
            help: What to do.
            within: The part of it, if it is text: where that begins and ends.
        """
        place = self._nearest(way)
        severity = CODES[code].severity
        if place is None:
            return Problem(code, severity, message, help=help, name=str(self.path))
        start, end = place.start, place.end
        if place.value is not None and way in self.places and way[0] in _SHOWN:
            start, end = _part(self.text, place.value, within)
        line, column, end_column = stretch(self.text, start, end)
        position = Position(str(self.path), line, column)
        return Problem(code, severity, message, position, end_column, help)

    def _nearest(self, way: Way) -> Place | None:
        """Give the place of something, or of what it is in.

        What stands in one line with others may follow upon a secret, so that it is not told
        apart from the whole.
        """
        outer = self.places.get(way[:1])
        if outer is not None and outer.value is not None and way[:1] and way[0] not in _SHOWN:
            return outer
        while way and way not in self.places:
            way = way[:-1]
        return self.places.get(way)


def masked_source(text: str) -> str:
    """Give the text of a file of settings as it may be shown: without what may be a secret.

    Lines keep their numbers, and what may be shown keeps its columns. Of an address its scheme
    is shown, and of one for HTTP its host, for it may be that which is wrong.

    Raises:
        ValueError: It is no TOML.
    """
    tomllib.loads(text)
    pieces, at = [], 0
    for start, end in _hidden(text):
        if start >= at:
            stop = text.find("\n", end)
            lines = "\n" * text.count("\n", start, end)
            pieces += [text[at:start], _shown_of(text[start:end]), lines]
            at = stop if stop >= 0 else len(text)
    return "".join([*pieces, text[at:]])


def _shown_of(value: str) -> str:
    """Give what may be shown of a value: nothing, or how an address begins.

    Only HTTP is sure to have a host there; elsewhere that place may hold a token. Who has a user
    in an address may have a password with a slash in it, so that the host is not told for sure.
    """
    found = _ADDRESS.match(value)
    if found is None:
        return "***"
    quote, scheme, host = found[1], found[2], found[3] or ""
    is_host = scheme.lower() in ("http", "https") and "@" not in value
    return f"{quote}{scheme}://{host if is_host else ''}***"


def _hidden(text: str) -> Iterator[tuple[int, int]]:
    """Yield the values that are not shown, in their order; those in others come after them."""
    for way, place in sorted(toml_places(text).items(), key=lambda item: item[1].start):
        is_shown = way[0] == "notify" and way[2:3] and way[2] in _SHOWN
        if place.value is not None and not is_shown:
            yield place.value


def _part(text: str, value: tuple[int, int], within: tuple[int, int] | None) -> tuple[int, int]:
    """Give a part of a string, or the whole value."""
    if within is None or text[value[0]] not in "\"'":
        return value
    offsets = text_offsets(text, value)
    first, last = (min(place, len(offsets) - 1) for place in (within[0], within[1] - 1))
    return offsets[first], offsets[max(first, last)] + 1
