"""What the engine answers as JSON: the one form, for the command line, Python and the web.

Values have their storage forms (times in UTC as RFC 3339, durations in seconds).
"""

import datetime as dt
import re
from typing import Any

from funnelflow.criteria import Check, Field
from funnelflow.criteria.value_forms import dump_value
from funnelflow.engine import Considered, Contact, Decision, Event, Taken


def value_json(value: Any) -> Any:
    """Return the JSON form of a value, which is that of storage; None stays None."""
    return dump_value(value.astimezone(dt.UTC) if isinstance(value, dt.datetime) else value)


def decision_json(decision: Decision) -> dict[str, Any]:
    """Return a decision as data, with everything it considered."""
    return {
        "contact": decision.contact,
        "outcome": decision.outcome,
        "before": decision.before,
        "after": decision.after,
        "event": event_json(decision.event),
        "path": [taken_json(taken) for taken in decision.path],
        "changes": {
            c.field: {"before": value_json(c.before), "after": value_json(c.after)}
            for c in decision.changes
        },
        "considered": [considered_json(way) for way in decision.considered],
        "questions": [question_json(field) for field in decision.questions()],
        "reachable": list(decision.reachable),
        "route": [considered_json(step) for step in decision.route],
    }


def event_json(event: Event) -> dict[str, Any]:
    """Return a piece of evidence as data."""
    return {
        "name": event.name,
        "at": value_json(event.at),
        "facts": {name: value_json(value) for name, value in event.facts.items()},
        "actor": event.actor,
        "roles": list(event.roles),
        "to": event.to,
        "reason": event.reason,
        "force": event.force,
        "about": list(event.about),
    }


def taken_json(taken: Taken) -> dict[str, Any]:
    """Return a transition that was taken as data."""
    return {
        "from": taken.source,
        "to": taken.to,
        "at": value_json(taken.at),
        "cause": taken.cause,
        "transition": taken.index,
    }


def considered_json(way: Considered) -> dict[str, Any]:
    """Return a transition that was looked at as data."""
    return {
        "from": way.source,
        "to": way.to,
        "cause": way.cause,
        "verdict": way.verdict.value,
        "due": value_json(way.due),
        "criteria": None if way.check is None else check_json(way.check),
        "transition": way.index,
    }


def check_json(check: Check) -> dict[str, Any]:
    """Return a criterion, or a group with its criteria, as data."""
    return {
        "label": check.label,
        "kind": check.kind,
        "verdict": check.verdict.value,
        "words": check.words,
        "source": check.source,
        "needs": check.needs,
        "seen": {seen.name: value_json(seen.value) for seen in check.seen},
        "missing": [question_json(field) for field in check.missing],
        "checks": [check_json(inner) for inner in check.checks],
    }


def question_json(field: Field) -> dict[str, Any]:
    """Return a field that is to be found out as data."""
    return {"field": field.name, "ask": field.ask, "label": field.label}


def contact_json(contact: Contact) -> dict[str, Any]:
    """Return what the fold over a contact's evidence has come to as data."""
    return {
        "contact": contact.id,
        "stage": contact.stage,
        "since": value_json(contact.since),
        "active": value_json(contact.active),
        "fields": {name: value_json(value) for name, value in contact.fields.items()},
    }


FORMULA = (
    *"=+-@\t\r\n",
    "\N{FULLWIDTH EQUALS SIGN}",
    "\N{FULLWIDTH PLUS SIGN}",
    "\N{FULLWIDTH HYPHEN-MINUS}",
    "\N{FULLWIDTH COMMERCIAL AT}",
)
"""What a spreadsheet takes for the beginning of a formula, the full-width forms included."""


_INNER = "".join(FORMULA[:4] + FORMULA[7:])
_BEFORE_INNER = re.compile(f"(?<=[;\\t|])('*)(?=[{re.escape(_INNER)}])")
"""Where a cell would begin that is a formula, if something else than a comma separated cells."""
_GUARD_INNER = re.compile(f"(?<=[;\\t|])'('*)(?=[{re.escape(_INNER)}])")


def unguarded(text: str) -> str:
    """Return a cell without the quote marks that keep a spreadsheet from running it."""
    text = _GUARD_INNER.sub(r"\1", text)
    return text[1:] if text[:1] == "'" and text.lstrip("'").startswith(FORMULA) else text


def neutral(text: str) -> str:
    """Put a quote mark before text that a spreadsheet would run as a formula, and within it too.

    A spreadsheet that separates cells by semicolons takes ``x;=1+1;y`` for three.

    Before text that has one already as well, so that reading takes off what was put there.
    """
    text = _BEFORE_INNER.sub(r"'\1", text)
    return f"'{text}" if text.lstrip("'").startswith(FORMULA) else text
