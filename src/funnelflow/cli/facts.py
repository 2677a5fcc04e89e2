"""Facts as they are typed, shown and written as JSON."""

import datetime as dt
from collections.abc import Iterable, Mapping

from funnelflow.cli.text import printable
from funnelflow.criteria import Value
from funnelflow.definition import Linked, Stage
from funnelflow.errors import UsageError
from funnelflow.storage.json_form import value_json


def owner_of(stage: str, linked: Linked) -> str:
    """Name who looks after contacts in a stage; an inner stage's owner comes first."""
    return next((s.owner for s in _outwards(stage, linked) if s.owner), "")


def playbook_of(stage: str, linked: Linked) -> tuple[str, ...]:
    """Return what to do for a contact in a stage; an inner stage's playbook comes first."""
    return next((s.playbook for s in _outwards(stage, linked) if s.playbook), ())


def about_of(stage: str, linked: Linked) -> str:
    """Return what a stage is; an inner stage's words come first."""
    return next((s.about for s in _outwards(stage, linked) if s.about), "")


def _outwards(stage: str, linked: Linked) -> list[Stage]:
    """List a stage and those it is nested in, innermost first; unknown names are left out."""
    parts = stage.split(".")
    names = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return [linked.stages[name] for name in names if name in linked.stages]


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
    """Return a value in the words of its field: ``3,000 EUR``; "unknown" for None.

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
    return field.words(value) if field is not None else str(value_json(value))


def facts_words(facts: Mapping[str, Value | None], linked: Linked, event: str = "") -> str:
    """Return several facts in one line: ``budget 3,000 EUR, authority decides``."""
    return ", ".join(
        f"{name} removed" if value is None else f"{name} {value_words(name, value, linked, event)}"
        for name, value in facts.items()
    )


def moment(at: dt.datetime | None) -> str:
    """Write a time for people, in UTC to the minute: ``2026-03-01 09:30``; empty for None."""
    return "" if at is None else at.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M")
