"""Events from Python: mappings and DataFrames, taken as a file is."""

import datetime as dt
import subprocess
import sys
from decimal import Decimal

import pytest

from funnelflow.errors import UsageError
from funnelflow.ingest import FileError, FileOptions

AT = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)
ROWS = [
    {"contact": "ada", "event": "subscribed", "at": AT, "email": "a@example.com"},
    {"contact": "eve", "event": "called", "at": "2026-03-01T10:00:00Z", "minutes": 2.5},
    {"contact": "bob", "event": "nonsense", "at": AT},
]


class Polars:
    """A table as Polars gives its rows."""

    def iter_rows(self, *, named):
        assert named
        yield from ({"minutes": None, "email": None} | row for row in ROWS)


class Pandas:
    """A table as pandas gives its rows: what is missing is no number."""

    def to_dict(self, orient):
        assert orient == "records"
        return [{"minutes": float("nan"), "email": float("nan")} | row for row in ROWS]


class Arrow:
    """A table as Arrow gives its rows, in batches."""

    def to_batches(self):
        return [self]

    def to_pylist(self):
        return ROWS


class Number:
    """A number as NumPy has it."""

    def item(self):
        return 9000


@pytest.mark.parametrize(
    "source",
    [lambda: ROWS, lambda: iter(ROWS), Polars, Pandas, Arrow],
    ids=["list", "iterator", "polars", "pandas", "arrow"],
)
def test_rows_are_applied_as_a_file_is(workspace, source):
    summary = workspace.apply(source())
    assert (summary.path, summary.counts.rows, summary.counts.rejected) == ("rows", 3, 1)
    (rejected,) = summary.examples
    assert (rejected.line, rejected.column) == (3, "event")
    assert "nonsense" in rejected.reason
    assert workspace.contact("ada").contact.stage == "lead.fresh"
    assert workspace.history("eve").rows[-1].facts == {"minutes": 2.5}
    assert summary.to_json()["rows"] == 3


def test_the_same_rows_are_applied_once_and_others_after_them(workspace):
    assert not workspace.apply(ROWS).applied_before
    assert workspace.apply(list(ROWS)).applied_before
    more = [*ROWS, {"contact": "ada", "event": "replied", "at": AT}]
    assert not workspace.apply(more[3:]).applied_before
    assert len(workspace.history("ada").rows) == 3


def test_none_in_a_mapping_takes_a_fact_back(workspace):
    workspace.apply([*ROWS[:1], {"contact": "ada", "event": "replied", "at": AT, "email": None}])
    assert workspace.contact("ada").contact.fields.get("email") is None


def test_contacts_come_from_rows_too(workspace):
    rows = [{"contact": "ada", "budget": Decimal(9000)}, {"contact": "eve", "budget": Number()}]
    assert workspace.import_contacts(rows).counts.created == 2
    assert [row["budget"] for row in workspace.rows()] == [9000, 9000]


def test_a_dry_run_of_rows_stores_nothing(workspace):
    assert workspace.apply(ROWS, FileOptions(dry_run=True)).counts.rows == 3
    assert list(workspace.list()) == []


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "there are no rows"),
        (ROWS[0], "rows are wanted, and this is dict"),
        ([["ada", "called"]], "row 1 is list, no mapping"),
        ([ROWS[0], {"contact": object()}], "row 2 holds what is no value"),
        ([{"contact": "ada", "minutes": [float("inf")]}], "row 1 holds what is no value"),
    ],
)
def test_what_is_no_row_is_refused(workspace, rows, message):
    with pytest.raises(UsageError, match=message) as caught:
        workspace.apply(rows)
    assert caught.value.hint
    assert list(workspace.list()) == []


def test_rows_that_were_taken_in_another_way_are_refused_by_name(workspace):
    workspace.apply(ROWS)
    with pytest.raises(FileError, match="rows: this file was applied in another way") as caught:
        workspace.apply(ROWS, FileOptions(actor="bob"))
    assert caught.value.path == "rows"


def test_rows_need_no_library_of_tables():
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "import funnelflow.ingest.python_rows, sys; print(sorted(sys.modules))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"pandas", "polars", "pyarrow", "numpy"} & set(eval(said.stdout))
