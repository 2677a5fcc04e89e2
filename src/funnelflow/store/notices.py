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
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from funnelflow.errors import ConfigurationError, nearest

__all__ = ["Notice", "read_notices"]

_KEYS = ("name", "channel", "when", "funnels", "fields", "source", "settings")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]")


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
        path: The file that says so.
        lines: Where a name stands in it; settings as ``settings.NAME``, the table as "".
    """

    name: str
    channel: str
    when: str = ""
    funnels: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    source: str = ""
    settings: Mapping[str, Any] = field(factory=dict, repr=False)
    path: Path = Path("funnelflow.toml")
    lines: Mapping[str, int] = field(factory=dict, repr=False, eq=False)

    def where(self, name: str = "") -> str:
        """Say where a name of the table stands, or the table itself."""
        line = self.lines.get(name) or self.lines.get("settings") or self.lines.get("")
        return f"{self.path}:{line}" if line else str(self.path)

    def where_setting(self, name: str) -> str:
        """Say where one of the settings stands."""
        return self.where(f"settings.{name}" if name else "settings")


def read_notices(path: Path, text: str, content: Mapping[str, Any]) -> tuple[Notice, ...]:
    """Read every ``[[notify]]``; the names of endpoints are all different.

    Args:
        path: The file, for messages.
        text: Its text.
        content: What it says, parsed.

    Raises:
        ConfigurationError: Something in them is not understood.
    """
    tables = content.get("notify", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ConfigurationError(
            f"{path}: notify is not a list of tables", hint="write each one as [[notify]]"
        )
    places = list(_places(text))
    notices: dict[str, Notice] = {}
    for number, table in enumerate(tables):
        notice = _notice(path, table, places[number] if number < len(places) else {})
        if notice.name in notices:
            raise ConfigurationError(
                f"{notice.where('name')}: there are two endpoints {notice.name!r}",
                hint='give each [[notify]] a name of its own: name = "…"',
            )
        notices[notice.name] = notice
    return tuple(notices.values())


def _notice(path: Path, table: Mapping[str, Any], lines: Mapping[str, int]) -> Notice:
    """Read one of them."""
    draft = Notice("", "", path=path, lines=lines)
    for key in table:
        if key not in _KEYS:
            raise _unknown(draft, key)
    channel = _text(draft, table, "channel")
    if not channel:
        raise ConfigurationError(
            f"{draft.where()}: this [[notify]] names no channel", hint='write channel = "log"'
        )
    name = _text(draft, table, "name") or channel
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{draft.where('name')}: {name!r} is no name of an endpoint",
            hint="use letters, digits, dots, hyphens and underscores, at most 64",
        )
    settings = table.get("settings", {})
    if not isinstance(settings, dict):
        raise ConfigurationError(
            f"{draft.where('settings')}: settings is not a table", hint="write [notify.settings]"
        )
    return Notice(
        name,
        channel,
        _text(draft, table, "when").strip(),
        _texts(draft, table, "funnels"),
        _texts(draft, table, "fields"),
        _text(draft, table, "source"),
        settings,
        path,
        lines,
    )


def _unknown(draft: Notice, key: str) -> ConfigurationError:
    """Refuse a name that means nothing here; most likely it is one of the settings."""
    guess = nearest(key, _KEYS)
    said = f"did you mean {guess!r}? " if guess else ""
    return ConfigurationError(
        f"{draft.where(key)}: [[notify]] has no {key!r}",
        hint=f"{said}what belongs to the channel stands under [notify.settings]",
    )


def _text(draft: Notice, table: Mapping[str, Any], key: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise ConfigurationError(f"{draft.where(key)}: {key} is not text", hint=f'{key} = "…"')
    return value


def _texts(draft: Notice, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ConfigurationError(
            f"{draft.where(key)}: {key} is not a list of names", hint=f'write {key} = ["…"]'
        )
    return tuple(dict.fromkeys(value))


def _places(text: str) -> Iterator[dict[str, int]]:
    """Yield for each ``[[notify]]`` the lines of the names in it, as far as they can be found."""
    lines: dict[str, int] | None = None
    prefix = ""
    for number, line in enumerate(text.splitlines(), start=1):
        header = _HEADER.match(line)
        if header and header[1] == "[[" and header[2] == "notify":
            if lines is not None:
                yield lines
            lines, prefix = {"": number}, ""
        elif header and header[2].replace(" ", "") == "notify.settings" and lines is not None:
            lines["settings"], prefix = number, "settings."
        elif header:
            prefix = "?"
        elif lines is not None and prefix != "?":
            named = re.match(r"\s*[\"']?([\w-]+)[\"']?\s*(=|\.)", line)
            if named:
                lines.setdefault(prefix + named[1], number)
    if lines is not None:
        yield lines
