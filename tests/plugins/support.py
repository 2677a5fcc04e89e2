"""Contexts of hooks, as the store makes them."""

import datetime as dt
from pathlib import Path
from typing import Any

from funnelflow.engine import Taken
from funnelflow.plugins import BeforeTransition, Committed, ContactCreated, WorkspaceHandle

NOW = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)


def committed(**changes: Any) -> Committed:
    said = {
        "workspace": WorkspaceHandle(Path("/srv/shop"), "funnelflow.db", "standard", lambda: None),
        "contact": "ada",
        "funnel": "standard",
        "version": 1,
        "sequence": 2,
        "event": "form_submitted",
        "at": NOW,
        "actor": "you",
        "outcome": "moved",
        "before": "target",
        "after": "lead",
        "path": (Taken(0, "target", "lead", "event"),),
        "facts": {},
        "fields": {},
    }
    return Committed(**{**said, **changes})


def transition(**changes: Any) -> BeforeTransition:
    said = {
        "workspace": WorkspaceHandle(Path("/srv/shop"), "funnelflow.db", "standard", lambda: None),
        "contact": "ada",
        "funnel": "standard",
        "version": 1,
        "index": 0,
        "source": "target",
        "to": "lead",
        "cause": "event",
        "event": "form_submitted",
        "at": NOW,
        "actor": "you",
        "roles": (),
        "facts": {},
        "fields": {},
    }
    return BeforeTransition(**{**said, **changes})


def created(**changes: Any) -> ContactCreated:
    said = {
        "workspace": WorkspaceHandle(Path("/srv/shop"), "funnelflow.db", "standard", lambda: None),
        "contact": "ada",
        "funnel": "standard",
        "version": 1,
        "stage": "target",
        "at": NOW,
        "actor": "you",
        "fields": {},
    }
    return ContactCreated(**{**said, **changes})
