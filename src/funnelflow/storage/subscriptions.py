"""Who is to be told of what: the tables ``[[notify]]`` of ``funnelflow.toml``.

::

    [[notify]]
    name = "sales"                            # the channel's name unless another is said
    channel = "webhook"                       # a notifier: log, command, or a plugin's
    when = "event.after == 'prospect'"        # every transition where nothing is said
    funnels = ["standard"]                    # all of them where nothing is said
    fields = ["email", "budget"]              # no others are told; none where nothing is said

    [notify.settings]
    url = "https://example.com/hook"
    secret = "${HOOK_SECRET}"
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from funnelflow.criteria import Position
from funnelflow.definition import Problem, Span, written_problem
from funnelflow.errors import ConfigurationError, nearest
from funnelflow.toml_source import TomlEntry, Way, stretch, text_offsets, toml_places

_SHOWN: Final = ("name", "channel", "when", "funnels", "fields", "source")
"""What is no secret in a ``[[notify]]``; all else may be one."""

_ADDRESS: Final = re.compile(
    r"""(["'])([A-Za-z][A-Za-z0-9+.-]{0,19})://([A-Za-z0-9.\[\]:-]+(?=[/?#"']))?"""
)
"""How an address begins: its quote, its scheme and, where it is plain, its host with the port."""


@frozen
class TomlLocation:
    """A table of a TOML file.

    Attributes:
        path: The file.
        text: Its text.
        places: Where everything in the table stands; the table itself as ``()``.
    """

    path: Path
    text: str = field(default="", repr=False)
    places: Mapping[Way, TomlEntry] = field(factory=dict, repr=False)

    @classmethod
    def of(cls, path: Path, text: str) -> "TomlLocation":
        """Give the whole of a file."""
        return cls(path, text, toml_places(text))

    def part(self, *way: str | int) -> "TomlLocation":
        """Give a table in it."""
        depth = len(way)
        inner = {w[depth:]: place for w, place in self.places.items() if w[:depth] == way}
        return TomlLocation(self.path, self.text, inner)

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
        if place is None:
            return written_problem(code, Span(None), message, help, name=str(self.path))
        start, end = place.start, place.end
        if place.value is not None and way in self.places and way[0] in _SHOWN:
            start, end = _part(self.text, place.value, within)
        line, column, end_column = stretch(self.text, start, end)
        position = Position(str(self.path), line, column)
        return written_problem(code, Span(position, end_column), message, help)

    def _nearest(self, way: Way) -> TomlEntry | None:
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


_TEXTS: Final = ("name", "channel", "when", "source")
_LISTS: Final = ("funnels", "fields")
_KEYS: Final = (*_TEXTS, *_LISTS, "settings")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class SubscriptionsError(ConfigurationError):
    """Something in ``[[notify]]`` that cannot be used.

    Attributes:
        problems: All of it, each with its place.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        hint = next((problem.help for problem in self.problems if problem.help), "")
        super().__init__("\n".join(map(_told, self.problems)), hint=hint)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the problems, from which the message is made again."""
        return type(self), (self.problems,)


@frozen
class Subscription:
    """One ``[[notify]]``: an endpoint, and what it is told.

    Attributes:
        name: What the outbox calls the endpoint.
        channel: The notifier that sends.
        when: A criterion over the transition and the contact; empty for every transition.
        funnels: Only contacts of these funnels; empty for all.
        fields: The fields that may be told, in the order in which they are written.
        source: The ``source`` of the messages; empty for one made of the funnel's name.
        settings: The notifier's settings as they are written, ``${NAME}`` not replaced.
        site: Where it stands.
    """

    name: str
    channel: str
    when: str = ""
    funnels: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    source: str = ""
    settings: Mapping[str, Any] = field(factory=dict, repr=False)
    site: TomlLocation = field(default=TomlLocation(Path("funnelflow.toml")), repr=False, eq=False)


def read_subscriptions(
    path: Path, text: str, content: Mapping[str, Any]
) -> tuple[Subscription, ...]:
    """Read every ``[[notify]]``; the names of endpoints are all different.

    Args:
        path: The file, for messages.
        text: Its text.
        content: What it says, parsed.

    Raises:
        NoticesError: Something in them is not understood; all of it is said.
    """
    tables = content.get("notify", [])
    if not tables:
        return ()
    whole = TomlLocation.of(path, text)
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        said = "notify is not a list of tables"
        raise SubscriptionsError(
            [whole.problem("F701", ("notify",), said, "write each as [[notify]]")]
        )
    sites = [whole.part("notify", number) for number in range(len(tables))]
    problems = [p for table, site in zip(tables, sites, strict=True) for p in _faults(table, site)]
    problems += _repeated(tables, sites)
    if problems:
        raise SubscriptionsError(problems)
    return tuple(_notice(table, site) for table, site in zip(tables, sites, strict=True))


def _notice(table: Mapping[str, Any], site: TomlLocation) -> Subscription:
    """Make one of a table that is in order."""
    when: str = table.get("when", "")
    return Subscription(
        table.get("name") or table["channel"],
        table["channel"],
        when if when.strip() else "",
        tuple(table.get("funnels", ())),
        tuple(table.get("fields", ())),
        table.get("source", ""),
        table.get("settings", {}),
        site,
    )


def _faults(table: Mapping[str, Any], site: TomlLocation) -> Iterator[Problem]:
    """Yield everything that is wrong with one table."""
    for key, value in table.items():
        if key not in _KEYS:
            yield _unknown(key, site)
        elif key in _TEXTS and not isinstance(value, str):
            yield site.problem("F701", (key,), f"{key} is not text", f'write {key} = "…"')
        elif key in _LISTS and not _is_list_of_text(value):
            said = f"{key} is not a list of names"
            yield site.problem("F701", (key,), said, f'write {key} = ["…"]')
    if not isinstance(table.get("settings", {}), dict):
        said = "settings is not a table"
        yield site.problem("F701", ("settings",), said, "write [notify.settings]")
    if not table.get("channel"):
        said = "this [[notify]] names no channel"
        yield site.problem("F701", ("channel",), said, 'write channel = "log"')
    name = _name(table)
    if name and not _NAME.fullmatch(name):
        way = "name" if table.get("name") else "channel"
        said = f"{name!r} is no name of an endpoint"
        hint = "use letters, digits, dots, hyphens and underscores, at most 64"
        yield site.problem("F701", (way,), said, hint)


def _repeated(
    tables: Sequence[Mapping[str, Any]], sites: Sequence[TomlLocation]
) -> Iterator[Problem]:
    """Yield the endpoints that have the name of one before them."""
    known = set()
    for table, site in zip(tables, sites, strict=True):
        name = _name(table)
        if name and name in known:
            said = f"there are two endpoints {name!r}"
            hint = 'give each [[notify]] a name of its own: name = "…"'
            yield site.problem("F701", ("name",), said, hint)
        known.add(name)


def _unknown(key: str, site: TomlLocation) -> Problem:
    """Refuse a name that means nothing here; most likely it is one of the settings."""
    guess = nearest(key, _KEYS)
    said = f"did you mean {guess!r}? " if guess else ""
    help_ = f"{said}what belongs to the channel stands under [notify.settings]"
    return site.problem("F701", (key,), f"[[notify]] has no {key!r}", help_)


def _name(table: Mapping[str, Any]) -> str:
    """Give the name of an endpoint; empty where there is none that can be read."""
    name = table.get("name") or table.get("channel")
    return name if isinstance(name, str) else ""


def _is_list_of_text(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _told(problem: Problem) -> str:
    """Say a problem in a line: ``path:line: message``."""
    place = problem.position
    return f"{f'{place.path}:{place.line}' if place else problem.name}: {problem.message}"
