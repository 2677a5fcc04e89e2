"""Answers as JSON: the same records that are drawn for people, with nothing left out.

Values have their storage forms (times in UTC as RFC 3339, durations in seconds).
"""

import datetime as dt
from typing import Any

from funnelflow.cli.facts import value_data
from funnelflow.criteria import Check, Field
from funnelflow.engine import Considered, Contact, Decision, Event, Taken
from funnelflow.storage.contacts import Recorded, StoredContact


def recorded_data(recorded: Recorded) -> dict[str, Any]:
    """Give a recorded decision as data."""
    return {
        **decision_data(recorded.decision),
        "sequence": recorded.sequence,
        "duplicate": recorded.duplicate,
        "dry_run": recorded.dry_run,
    }


def decision_data(decision: Decision) -> dict[str, Any]:
    """Give a decision as data, with everything it considered."""
    return {
        "contact": decision.contact,
        "outcome": decision.outcome,
        "before": decision.before,
        "after": decision.after,
        "event": event_data(decision.event),
        "path": [taken_data(taken) for taken in decision.path],
        "changes": {
            c.field: {"before": value_data(c.before), "after": value_data(c.after)}
            for c in decision.changes
        },
        "considered": [considered_data(way) for way in decision.considered],
        "questions": [question_data(field) for field in decision.questions()],
        "reachable": list(decision.reachable),
    }


def event_data(event: Event) -> dict[str, Any]:
    """Give a piece of evidence as data."""
    return {
        "name": event.name,
        "at": value_data(event.at),
        "facts": {name: value_data(value) for name, value in event.facts.items()},
        "actor": event.actor,
        "roles": list(event.roles),
        "to": event.to,
        "reason": event.reason,
        "force": event.force,
    }


def taken_data(taken: Taken) -> dict[str, Any]:
    """Give a transition that was taken as data."""
    return {
        "from": taken.source,
        "to": taken.to,
        "at": value_data(taken.at),
        "cause": taken.cause,
        "transition": taken.index,
    }


def considered_data(way: Considered) -> dict[str, Any]:
    """Give a transition that was looked at as data."""
    return {
        "from": way.source,
        "to": way.to,
        "cause": way.cause,
        "verdict": way.verdict.value,
        "due": optional_time(way.due),
        "criteria": None if way.check is None else check_data(way.check),
        "transition": way.index,
    }


def check_data(check: Check) -> dict[str, Any]:
    """Give a criterion, or a group with its criteria, as data."""
    return {
        "label": check.label,
        "kind": check.kind,
        "verdict": check.verdict.value,
        "words": check.words,
        "source": check.source,
        "needs": check.needs,
        "seen": {seen.name: value_data(seen.value) for seen in check.seen},
        "missing": [question_data(field) for field in check.missing],
        "checks": [check_data(inner) for inner in check.checks],
    }


def question_data(field: Field) -> dict[str, Any]:
    """Give a field that is to be found out as data."""
    return {"field": field.name, "ask": field.ask, "label": field.label}


def contact_data(stored: StoredContact) -> dict[str, Any]:
    """Give a stored contact as data."""
    return {
        **inner_contact_data(stored.contact),
        "funnel": stored.funnel,
        "sequence": stored.sequence,
        "due_at": optional_time(stored.due_at),
        "created_at": optional_time(stored.created_at),
    }


def inner_contact_data(contact: Contact) -> dict[str, Any]:
    """Give what the fold over a contact's evidence has come to as data."""
    return {
        "contact": contact.id,
        "stage": contact.stage,
        "since": optional_time(contact.since),
        "active": optional_time(contact.active),
        "fields": {name: value_data(value) for name, value in contact.fields.items()},
    }


def optional_time(at: dt.datetime | None) -> Any:
    """Give a time as data; None stays None."""
    return None if at is None else value_data(at)
