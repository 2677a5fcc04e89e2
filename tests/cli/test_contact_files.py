"""Contacts written to a file and read back: what nobody changed changes nothing."""

import datetime as dt
import json
import stat

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from funnelflow.ingest.file_options import FileOptions
from funnelflow.workspace.workspace import Workspace

T0 = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)
FIELDS = """\
funnel: shop
version: 1
initial: open
fields:
  name: text
  tags: list of text
  budget: number
  size: integer
  asked: timestamp
  pause: duration
  consent: boolean
  visits: {type: integer, default: 0}
events:
  visited: {sets: {visits: contact.visits + 1}}
stages: {open: {}, done: {type: won}}
transitions: [{from: open, to: done, on: visited, require: [Often: contact.visits > 9]}]
"""
PRINTED = st.characters(exclude_categories=["Cc", "Cs", "Cn"], include_characters="\n\t")
TEXTS = st.text(PRINTED, min_size=1, max_size=8).map(str.strip).filter(bool)
SPECIAL = st.sampled_from(
    ["=1+1", "'=x", "+49 351", "-a", "@b", "a;=1", "[1]", 'say "x"', "a,b", "'"]
)
FACTS = st.fixed_dictionaries(
    {},
    optional={
        "name": TEXTS | SPECIAL,
        "tags": st.lists(TEXTS | SPECIAL, min_size=1, max_size=3),
        "budget": st.floats(allow_nan=False, allow_infinity=False),
        "size": st.integers(-(2**63), 2**63 - 1),
        "asked": st.datetimes(timezones=st.just(dt.UTC)),
        "pause": st.timedeltas(dt.timedelta(0), dt.timedelta(days=900)),
        "consent": st.booleans(),
    },
)


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(people=st.lists(FACTS, min_size=1, max_size=3))
def test_what_is_written_and_read_again_changes_nothing(tmp_path_factory, call, ending, people):
    directory = tmp_path_factory.mktemp("shop")
    (directory / "shop.yaml").write_text(FIELDS)
    with Workspace.create(directory, "shop", clock=lambda: T0) as shop:
        for number, facts in enumerate(people):
            shop.add(f"{'=+-@'[number]}{number}", facts)
    path = directory / f"out.{ending}"
    assert call("-C", str(directory), "export", "contacts", str(path)).exit_code == 0
    with Workspace.open(directory) as shop:
        summary = shop.import_contacts(path, FileOptions())
        assert summary.examples == ()
        assert summary.counts.unchanged == len(people)
        assert "visits" in summary.ignored


def test_a_counter_that_grew_meanwhile_is_not_set_back(workspace, call):
    call("add", "ada", "email=ada@example.com")
    call("export", "contacts", "out.csv")
    call("record", "ada", "form_submitted")
    done = call("import", "out.csv")
    assert "nothing new" in done.stdout
    assert json.loads(call("list", "--json").stdout)[0]["fields"]["engagements"] == 1


def test_a_file_that_is_there_is_kept_and_only_its_owner_reads_one(workspace, call):
    call("add", "ada")
    path = workspace / "out.csv"
    path.write_text("mine")
    done = call("export", "contacts", "out.csv")
    assert (done.exit_code, path.read_text()) == (2, "mine")
    assert call("export", "contacts", "out.csv", "--force").exit_code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().startswith("contact,funnel,stage,since,")


def test_a_format_that_nobody_writes_is_refused(workspace, call):
    for name in ("out.xlsx", "out.parquet", "out"):
        done = call("export", "contacts", name)
        assert done.exit_code == 2
        assert not (workspace / name).exists()
