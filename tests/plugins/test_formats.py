"""Files in a plugin's format, for apply and import: everything holds that holds for any file."""

import datetime as dt

import pyarrow as pa
import pytest
from pyarrow import parquet

from funnelflow.errors import UnknownNameError
from funnelflow.ingest import plugin_formats
from funnelflow.ingest.file_errors import FileError
from funnelflow.ingest.file_options import FileOptions
from funnelflow.ingest.input import Form
from funnelflow.workspace.workspace import Workspace

PIPES = """
import datetime as dt, decimal
def read(path):
    for line in path.read_text().splitlines():
        contact, event, at = line.split("|")
        yield {"contact": contact, "event": event, "at": dt.datetime.fromisoformat(at),
               "budget": decimal.Decimal("1.5"), "phone": None}

@hookimpl
def funnelflow_formats():
    return [FormatProvider("pipes", (".pipes",), read, "Lines of contact|event|at.")]
"""
ROWS = "ada|form_submitted|2026-03-02T09:30:00+00:00\nbob|nonsense|2026-03-02T09:30:00+00:00\n"


@pytest.fixture
def workspace(root, write):
    write("pipes", PIPES)
    (root / "funnelflow.toml").unlink()
    with Workspace.create(root) as made:
        yield made


def test_a_file_is_known_by_the_end_of_its_name(workspace, tmp_path):
    path = tmp_path / "events.PIPES"
    path.write_text(ROWS)
    summary = workspace.apply(str(path), FileOptions())
    assert (summary.counts.rows, summary.counts.rejected) == (2, 1)
    assert summary.path == str(path)
    assert workspace.contact("ada").contact.fields["budget"] == 1.5
    assert summary.examples[0].line == 2


def test_the_same_content_is_applied_once(workspace, tmp_path):
    path = tmp_path / "events.pipes"
    path.write_text(ROWS)
    workspace.apply(str(path), FileOptions())
    assert workspace.apply(str(path), FileOptions()).applied_before
    assert len(workspace.history("ada").rows) == 2


def test_a_format_can_be_said(workspace, tmp_path):
    path = tmp_path / "events.txt"
    path.write_text(ROWS)
    options = FileOptions(form=Form("pipes"))
    assert workspace.apply(str(path), options).counts.rows == 2


def test_contacts_are_imported_from_it_too(workspace, tmp_path):
    path = tmp_path / "contacts.pipes"
    path.write_text("eve|x|2026-03-02T09:30:00+00:00\n")
    workspace.import_contacts(str(path), FileOptions())
    assert workspace.contact("eve").contact.fields["budget"] == 1.5


def test_a_format_that_there_is_not_is_refused_with_the_nearest(workspace, tmp_path):
    (tmp_path / "x").write_text("")
    with pytest.raises(UnknownNameError) as refused:
        workspace.apply(str(tmp_path / "x"), FileOptions(form=Form("pipe")))
    assert refused.value.hint == "did you mean 'pipes'?"


def test_a_file_that_the_plugin_cannot_read_is_reported_with_its_name(workspace, tmp_path):
    path = tmp_path / "events.pipes"
    path.write_text("no pipes at all\n")
    with pytest.raises(FileError) as refused:
        workspace.apply(str(path), FileOptions())
    assert refused.value.message.startswith(f"{path}: plugin pipes cannot read it as pipes: Value")
    assert workspace.history().rows == ()


def test_a_file_without_rows_is_reported_with_its_name(workspace, tmp_path):
    path = tmp_path / "events.pipes"
    path.touch()
    with pytest.raises(FileError) as refused:
        workspace.apply(str(path), FileOptions())
    assert refused.value.path == str(path)
    assert refused.value.message.startswith(f"{path}: ")


def test_a_file_that_is_not_there_is_reported(workspace, tmp_path):
    with pytest.raises(FileError, match="there is no such file"):
        workspace.apply(str(tmp_path / "nothing.pipes"), FileOptions())


def test_other_files_are_read_as_ever(workspace, tmp_path):
    (tmp_path / "events.csv").write_text("contact,event,at\nada,called,2026-03-02T09:30:00Z\n")
    summary = workspace.apply(str(tmp_path / "events.csv"), FileOptions())
    assert summary.format == "csv"


def test_standard_input_is_no_file_to_a_plugin(workspace):
    with pytest.raises(FileError, match="is read from a file"):
        workspace.apply("-", FileOptions(form=Form("pipes")))


TABLE = """
import datetime as dt, decimal
def read(path):
    yield {}
    yield {"id": "ada", "phone": 493511234, "budget": "1.5", "company_size": 12.0, "email": None}
    yield {"id": "bob", "phone": None, "budget": float("nan"), "company_size": None, "email": "x"}

@hookimpl
def funnelflow_formats():
    return [FormatProvider("sheet", (".sheet",), read, cells=True)]
"""


def test_cells_of_a_table_are_read_by_the_type_of_their_field(root, write, tmp_path):
    write("sheet", TABLE)
    (root / "funnelflow.toml").unlink()
    path = tmp_path / "people.sheet"
    path.write_text("x")
    with Workspace.create(root) as workspace:
        workspace.add("ada", {"email": "ada@example.com"})
        summary = workspace.import_contacts(str(path), FileOptions())
        fields = workspace.contact("ada").contact.fields
        assert (fields["phone"], fields["budget"]) == ("493511234", 1.5)
        assert fields["email"] == "ada@example.com"  # nothing in a cell takes nothing back
        assert [(r.line, r.reason[:3]) for r in summary.examples] == [(3, "NaN")]
        assert summary.format == "sheet"
        assert summary.rejects.endswith(".csv")


def test_a_suffix_of_our_own_is_not_to_be_had(root, write, reported, host):
    write("mine", TABLE.replace(".sheet", ".CSV"))
    assert "sheet" not in host().formats
    assert "files that funnelflow reads itself" in " ".join(reported.messages)


def test_parquet_is_read_by_batches(root, tmp_path, monkeypatch):
    monkeypatch.setattr(plugin_formats, "_PARQUET_ROWS", 2)
    at = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)
    rows = [
        {"contact": f"c{n}", "event": "form_submitted", "at": at, "phone": 49351 + n,
         "budget": n / 2, "email": None} for n in range(5)
    ]  # fmt: skip
    table = pa.Table.from_pylist(rows)
    parquet.write_table(table, tmp_path / "events.parquet", row_group_size=3)
    (root / "funnelflow.toml").unlink()
    with Workspace.create(root) as workspace:
        summary = workspace.apply(str(tmp_path / "events.parquet"), FileOptions())
        assert (summary.counts.rows, summary.counts.rejected) == (5, 0), summary.examples
        fields = workspace.contact("c4").contact.fields
        assert (fields["phone"], fields["budget"]) == ("49355", 2)
        assert workspace.apply(str(tmp_path / "events.parquet"), FileOptions()).applied_before
