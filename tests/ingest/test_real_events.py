"""Two files of real events, whichever way they come, make the same contacts on either database.

They are tried where ``FUNNELFLOW_DATA`` names their directory::

    FUNNELFLOW_DATA=DIRECTORY pytest tests/ingest/test_real_events.py
"""

import csv
import datetime as dt
import os
import random
import shutil
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from funnelflow.ingest.file_options import FileOptions
from funnelflow.ingest.mapping_files import read_mapping
from funnelflow.workspace.workspace import Workspace

DATA = os.environ.get("FUNNELFLOW_DATA", "")
EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = {
    "olist": ("olist_dev_events.csv", "events.toml", {"seller": 529}, 5345),
    "bank": (
        "bpi2012_A_dev_events.csv",
        "log.toml",
        {"loan": 1871, "declined": 6153, "cancelled": 2419, "application": 27},
        10470,
    ),
}

pytestmark = pytest.mark.skipif(
    not DATA, reason="FUNNELFLOW_DATA names no directory with the real event files"
)


def turned(rows, order):
    """Put rows into an order; those of a contact that happened at one instant keep theirs."""
    if order == "as they are":
        return rows
    ties = defaultdict(list)
    for row in rows:
        moment = dt.datetime.fromisoformat(row["at"]).replace(tzinfo=None)
        ties[(row["entity_id"], row["at"] if "+" in row["at"] else moment)].append(row)
    groups = list(ties.values())
    if order == "reversed":
        groups.reverse()
    else:
        random.Random(11).shuffle(groups)
    return [row for group in groups for row in group]


@pytest.mark.parametrize("order", ["as they are", "reversed", "shuffled"])
@pytest.mark.parametrize("name", FILES)
def test_whichever_way_the_events_come_everybody_stands_where_they_stand(
    name, order, tmp_path, database
):
    source, mapping, expected, people = FILES[name]
    with (Path(DATA) / source).open(newline="") as file:
        rows = list(csv.DictReader(file))
    path = tmp_path / "events.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(turned(rows, order))
    shutil.copy(EXAMPLES / name / f"{name}.yaml", tmp_path)
    options = FileOptions(mapping=read_mapping(EXAMPLES / name / mapping))
    with Workspace.create(tmp_path, name, database=database) as shop:
        counts = shop.apply(path, options).counts
        assert (counts.rows, counts.rejected) == (len(rows), 0)
        stands = Counter(one.contact.stage.partition(".")[0] for one in shop.list())
        assert stands.total() == people
        assert {stage: stands[stage] for stage in expected} == expected
        assert shop.verify().findings == ()
