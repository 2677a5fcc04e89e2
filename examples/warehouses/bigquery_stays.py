"""A function for BigQuery, by BigFrames: the stays of a contact, from its evidence as JSON.

BigFrames deploys a function of one row and one value::

    import bigframes.pandas as bpd

    from bigquery_stays import stays_as_json

    deploy = bpd.remote_function(packages=["funnelflow[arrow]"], cloud_function_service_account="…")
    stories = bpd.read_gbq(
        "SELECT contact,"
        " TO_JSON_STRING(ARRAY_AGG(STRUCT(event, at, facts, to_stage) ORDER BY at)) AS story"
        " FROM lake.events GROUP BY contact"
    )
    stories["stays"] = stories["story"].apply(deploy(stays_as_json))

It was tried by calling it as BigFrames does, and not on BigQuery itself.
"""

import json

import pyarrow as pa

import funnelflow.arrow

DEFINITION = "standard"
"""The definition that decides: the name of one that ships, or the path of a file."""


def stays_as_json(story: str) -> str:
    """Return the stays of one contact as a JSON array, by its evidence as one.

    Args:
        story: Objects with ``event``, ``at`` (RFC 3339), ``facts`` (a JSON object as text, or null)
            and ``to_stage`` (the stage that a move asks for), rows of one instant in their order.
    """
    rows = json.loads(story)
    evidence = pa.table(
        {
            "contact": ["contact"] * len(rows),
            "event": pa.array([row["event"] for row in rows], pa.string()),
            "at": pa.array([row["at"] for row in rows], pa.string()),
            "facts": pa.array([row.get("facts") for row in rows], pa.string()),
            "to_stage": pa.array([row.get("to_stage") for row in rows], pa.string()),
        }
    )
    found = funnelflow.arrow.stays(DEFINITION, evidence).read_all().to_pylist()
    stays = [{name: value for name, value in stay.items() if name != "contact"} for stay in found]
    return json.dumps(stays, default=lambda moment: moment.isoformat())
