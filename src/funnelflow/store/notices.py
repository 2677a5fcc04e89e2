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
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from funnelflow.definition import Problem
from funnelflow.errors import ConfigurationError, nearest
from funnelflow.store.sites import Site

__all__ = ["Notice", "NoticesError", "read_notices"]

_TEXTS: Final = ("name", "channel", "when", "source")
_LISTS: Final = ("funnels", "fields")
_KEYS: Final = (*_TEXTS, *_LISTS, "settings")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class NoticesError(ConfigurationError):
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
class Notice:
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
    site: Site = field(default=Site(Path("funnelflow.toml")), repr=False, eq=False)


def read_notices(path: Path, text: str, content: Mapping[str, Any]) -> tuple[Notice, ...]:
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
    whole = Site.of(path, text)
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        said = "notify is not a list of tables"
        raise NoticesError([whole.problem("F701", ("notify",), said, "write each as [[notify]]")])
    sites = [whole.part("notify", number) for number in range(len(tables))]
    problems = [p for table, site in zip(tables, sites, strict=True) for p in _faults(table, site)]
    problems += _repeated(tables, sites)
    if problems:
        raise NoticesError(problems)
    return tuple(_notice(table, site) for table, site in zip(tables, sites, strict=True))


def _notice(table: Mapping[str, Any], site: Site) -> Notice:
    """Make one of a table that is in order."""
    when: str = table.get("when", "")
    return Notice(
        table.get("name") or table["channel"],
        table["channel"],
        when if when.strip() else "",
        tuple(table.get("funnels", ())),
        tuple(table.get("fields", ())),
        table.get("source", ""),
        table.get("settings", {}),
        site,
    )


def _faults(table: Mapping[str, Any], site: Site) -> Iterator[Problem]:
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


def _repeated(tables: Sequence[Mapping[str, Any]], sites: Sequence[Site]) -> Iterator[Problem]:
    """Yield the endpoints that have the name of one before them."""
    known = set()
    for table, site in zip(tables, sites, strict=True):
        name = _name(table)
        if name and name in known:
            said = f"there are two endpoints {name!r}"
            hint = 'give each [[notify]] a name of its own: name = "…"'
            yield site.problem("F701", ("name",), said, hint)
        known.add(name)


def _unknown(key: str, site: Site) -> Problem:
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
