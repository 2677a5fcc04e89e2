"""Facts as they are typed, shown and written as JSON."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from funnelflow.cli.text import printable
from funnelflow.criteria import Value
from funnelflow.definition import Linked
from funnelflow.errors import UsageError

__all__ = ["facts_words", "moment", "parse_facts", "value_data", "value_words"]


def parse_facts(arguments: Iterable[str]) -> dict[str, str]:
    """Read ``name=value`` arguments; ``name=`` stands for removing the fact.

    Raises:
        UsageError: An argument has no ``=``, or a name comes twice.
    """
    facts: dict[str, str] = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        name = name.strip()
        if not equals or not name:
            raise UsageError(
                f"{printable(argument)!r} is not a fact",
                hint=f"write a fact as name=value: {printable(name) or 'budget'}=…",
            )
        if name in facts:
            raise UsageError(f"the fact {name!r} is given twice", hint="give it once")
        facts[name] = value
    return facts


def value_words(name: str, value: Value | None, linked: Linked, event: str = "") -> str:
    """Say a value as its field does: ``3,000 EUR``; "unknown" for None.

    Args:
        name: The field.
        value: Its value.
        linked: The definition whose field it is.
        event: The event that brought it, for facts about the event alone.
    """
    if value is None:
        return "unknown"
    if isinstance(value, dt.datetime):
        return f"{moment(value)} UTC"
    own = linked.events[event].event.fields if event in linked.events else {}
    field = own.get(name) or linked.fields.get(name)
    return field.words(value) if field is not None else str(value_data(value))


def facts_words(facts: Mapping[str, Value | None], linked: Linked, event: str = "") -> str:
    """Say several facts in one line: ``budget 3,000 EUR, authority decides``."""
    return ", ".join(
        f"{name} removed" if value is None else f"{name} {value_words(name, value, linked, event)}"
        for name, value in facts.items()
    )


def value_data(value: Any) -> Any:
    """Give a value as JSON has it; the same forms as in storage."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, dt.timedelta):
        return f"{value.total_seconds():.6f}".rstrip("0").rstrip(".") + "s"
    if isinstance(value, tuple | list):
        return [value_data(item) for item in value]
    return value


def moment(at: dt.datetime | None) -> str:
    """Write a time for people, in UTC to the minute: ``2026-03-01 09:30``; empty for None."""
    return "" if at is None else at.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M")
