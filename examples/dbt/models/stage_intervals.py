"""Who was in which stage, from when to when: the fold, over the rows of the model `events`."""

from typing import Any

import pyarrow.compute as pc

import funnelflow.arrow


def model(dbt: Any, session: Any) -> Any:  # noqa: ARG001  # dbt gives both
    """Return the stays of everybody up to the last event, by the definition that is configured."""
    dbt.config(materialized="table")
    events = dbt.ref("events").to_arrow_table()
    last, definition = pc.max(events["at"]).as_py(), dbt.config.get("definition")
    return funnelflow.arrow.stays(definition, events, at=last).read_all()
