"""Who is notified of what: the tables ``[[notify]]`` of ``funnelflow.toml``.

::

    [[notify]]
    name = "sales"                            # the channel's name unless another is said
    channel = "webhook"                       # a notifier: log, command, or a plugin's
    when = "event.after == 'prospect'"        # every transition where nothing is said
    funnels = ["standard"]                    # all of them where nothing is said
    fields = ["email", "budget"]              # no others are sent; none where nothing is said
    fresh = "7d"                              # what a file brings that is older is not sent

    [notify.settings]
    url = "https://example.com/hook"
    secret = "${HOOK_SECRET}"
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from funnelflow.criteria import Position
from funnelflow.criteria.times import parse_duration
from funnelflow.definition import Problem, Span
from funnelflow.errors import ConfigurationError, nearest
from funnelflow.toml_source import (
    KeyPath,
    TomlSource,
    line_span,
    parse_toml,
    text_offsets,
    toml_places,
)

_SHOWN: Final = ("name", "channel", "when", "funnels", "fields", "fresh", "source")
"""What is no secret in a ``[[notify]]``; all else may be one."""

_ADDRESS: Final = re.compile(
    r"""(["'])([A-Za-z][A-Za-z0-9+.-]{0,19})://([A-Za-z0-9.\[\]:-]+(?=[/?#"']))?"""
)
"""How an address begins: its quote, its scheme and, where it is plain, its host with the port."""


def masked_source(text: str) -> str:
    """Return the text of a file of settings as it may be shown: without what may be a secret.

    Lines keep their numbers, and what may be shown keeps its columns. Of an address its scheme
    is shown, and of one for HTTP its host, for it may be that which is wrong.

    Raises:
        ConfigurationError: It is no TOML.
    """
    parse_toml(Path("funnelflow.toml"), text)
    pieces, at = [], 0
    for start, end in _hidden(text):
        if start >= at:
            stop = text.find("\n", end)
            lines = "\n" * text.count("\n", start, end)
            pieces += [text[at:start], _shown_of(text[start:end]), lines]
            at = stop if stop >= 0 else len(text)
    return "".join([*pieces, text[at:]])


def _shown_of(value: str) -> str:
    """Return what may be shown of a value: nothing, or how an address begins.

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
    for keys, place in sorted(toml_places(text).items(), key=lambda item: item[1].start):
        is_shown = keys[0] == "notify" and keys[2:3] and keys[2] in _SHOWN
        if place.value is not None and not is_shown:
            yield place.value


def _part(text: str, value: tuple[int, int], within: tuple[int, int] | None) -> tuple[int, int]:
    """Return a part of a string, or the whole value."""
    if within is None or text[value[0]] not in "\"'":
        return value
    offsets = text_offsets(text, value)
    first, last = (min(place, len(offsets) - 1) for place in (within[0], within[1] - 1))
    return offsets[first], offsets[max(first, last)] + 1


_TEXTS: Final = ("name", "channel", "when", "source", "fresh")
_LISTS: Final = ("funnels", "fields")
_KEYS: Final = (*_TEXTS, *_LISTS, "settings")
FRESH: Final = dt.timedelta(days=7)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class SubscriptionsError(ConfigurationError):
    """Something in ``[[notify]]`` that cannot be used.

    Attributes:
        problems: All of it, each with its place.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        hint = next((problem.help for problem in self.problems if problem.help), "")
        super().__init__("\n".join(map(_one_line, self.problems)), hint=hint)


@frozen
class Subscription:
    """One ``[[notify]]``: an endpoint, and what it is sent.

    Attributes:
        name: What the outbox calls the endpoint.
        channel: The notifier that sends.
        when: A criterion over the transition and the contact; empty for every transition.
        funnels: Only contacts of these funnels; empty for all.
        fields: The fields that may be sent, in the order in which they are written.
        source: The ``source`` of the messages; empty for one made of the funnel's name.
        fresh: How old what a file brings may be to be sent.
        settings: The notifier's settings as they are written, ``${NAME}`` not replaced.
        location: Where it stands.
    """

    name: str
    channel: str
    when: str = ""
    funnels: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    source: str = ""
    fresh: dt.timedelta = FRESH
    settings: Mapping[str, Any] = field(factory=dict, repr=False)
    location: TomlSource = field(default=TomlSource(Path("funnelflow.toml")), repr=False, eq=False)

    def problem(
        self,
        code: str,
        keys: KeyPath,
        variant: str = "",
        within: tuple[int, int] | None = None,
        /,
        **parameters: object,
    ) -> Problem:
        """Return a problem of the subscription; for the arguments see `problem_at`."""
        return problem_at(self.location, code, keys, variant, within, **parameters)


def problem_at(
    table: TomlSource,
    code: str,
    keys: KeyPath,
    variant: str = "",
    within: tuple[int, int] | None = None,
    /,
    **parameters: object,
) -> Problem:
    """Return what is wrong with something in a ``[[notify]]``.

    Args:
        table: Where that stands.
        code: The problem's code, which decides how grave it is.
        keys: What it is wrong with. Its value is pointed at, or what it is in where it is
            not there itself; of what may be a secret only the name.
        variant: Which of the code's wordings it has; empty for the first.
        within: The part of the value, if it is text: where that begins and ends.
        parameters: What the templates of the code are filled in with.
    """
    is_shown = keys[0] in _SHOWN
    # Of a secret in a line with others only the whole is pointed at: the columns of what
    # stands behind a secret would tell its length.
    outer = None if is_shown else table.entry(*keys[:1])
    place = outer if outer is not None and outer.value is not None else table.nearest(*keys)
    if place is None:
        return Problem(code, Span(None), parameters, variant, name=str(table.path))
    start, end = place.start, place.end
    if is_shown and place.value is not None and table.entry(*keys) is place:
        start, end = _part(table.text, place.value, within)
    line, column, end_column = line_span(table.text, start, end)
    position = Position(str(table.path), line, column)
    return Problem(code, Span(position, end_column), parameters, variant)


def read_subscriptions(source: TomlSource, content: Mapping[str, Any]) -> tuple[Subscription, ...]:
    """Read every ``[[notify]]``; the names of endpoints are all different.

    Args:
        source: The file.
        content: What it says.

    Raises:
        SubscriptionsError: Something in them is not understood; all of it is said.
    """
    tables = content.get("notify", [])
    if not tables:
        return ()
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise SubscriptionsError([problem_at(source, "F701", ("notify",), "tables")])
    sources = [source.table("notify", number) for number in range(len(tables))]
    problems = [
        p for table, found in zip(tables, sources, strict=True) for p in _problems(table, found)
    ]
    problems += _repeated(tables, sources)
    if problems:
        raise SubscriptionsError(problems)
    return tuple(_subscription(table, found) for table, found in zip(tables, sources, strict=True))


def _subscription(table: Mapping[str, Any], source: TomlSource) -> Subscription:
    """Build a subscription from a table that is in order."""
    when: str = table.get("when", "")
    return Subscription(
        table.get("name") or table["channel"],
        table["channel"],
        when if when.strip() else "",
        tuple(table.get("funnels", ())),
        tuple(table.get("fields", ())),
        table.get("source", ""),
        parse_duration(table["fresh"]) if "fresh" in table else FRESH,
        table.get("settings", {}),
        source,
    )


def _problems(table: Mapping[str, Any], source: TomlSource) -> Iterator[Problem]:
    """Yield everything that is wrong with one table."""
    found = partial(problem_at, source, "F701")
    for key, value in table.items():
        if key not in _KEYS:
            guess = nearest(key, _KEYS)
            yield found((key,), "unknown", key=key, **({"guess": guess} if guess else {}))
        elif key in _TEXTS and not isinstance(value, str):
            yield found((key,), "text", key=key)
        elif key == "fresh" and not _is_duration(value):
            yield found((key,), "fresh", value=value)
        elif key in _LISTS and not _is_list_of_text(value):
            yield found((key,), "names", key=key)
    if not isinstance(table.get("settings", {}), dict):
        yield found(("settings",), "settings")
    if not table.get("channel"):
        yield found(("channel",), "channel")
    name = _name(table)
    if name and not _NAME.fullmatch(name):
        key = "name" if table.get("name") else "channel"
        yield found((key,), "name", name=name)


def _repeated(
    tables: Sequence[Mapping[str, Any]], sources: Sequence[TomlSource]
) -> Iterator[Problem]:
    """Yield the endpoints that have the name of one before them."""
    known = set()
    for table, source in zip(tables, sources, strict=True):
        name = _name(table)
        if name and name in known:
            yield problem_at(source, "F701", ("name",), "again", name=name)
        known.add(name)


def _name(table: Mapping[str, Any]) -> str:
    """Return the name of an endpoint; empty where there is none that can be read."""
    name = table.get("name") or table.get("channel")
    return name if isinstance(name, str) else ""


def _is_duration(text: str) -> bool:
    try:
        return parse_duration(text) >= dt.timedelta(0)
    except ValueError:
        return False


def _is_list_of_text(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _one_line(problem: Problem) -> str:
    """Return a problem as a line: ``path:line: message``."""
    place = problem.position
    return f"{f'{place.path}:{place.line}' if place else problem.name}: {problem.message}"
