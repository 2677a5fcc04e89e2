"""Excel files: what is written is read back as it was, and what people type is read."""

import datetime as dt
import zipfile
from pathlib import Path

import funnelflow_xlsx
import openpyxl
import pytest
from funnelflow_xlsx import funnelflow_formats, read, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from funnelflow.cli.contact_files import write_contacts
from funnelflow.ingest import FileOptions

TEXTS = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), min_size=1
)
VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(
    allow_nan=False, allow_infinity=False
) | TEXTS | st.sampled_from(["=1+1", "+49 351", "_x0041_", "0049", "a\nb", " x "])  # fmt: skip


def as_text(value):
    """Give a number that Excel would round as the text that is written for it."""
    is_long = isinstance(value, int) and abs(value) >= 10**15
    is_longer = isinstance(value, float) and float(f"{value:.16g}") != value
    return str(value) if is_long or is_longer else value


def sheet(path, *rows):
    """Write a sheet as a person does."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None
)
@given(rows=st.lists(st.lists(VALUES, min_size=2, max_size=2), max_size=5))
def test_what_is_written_is_read_back(tmp_path, rows):
    path = tmp_path / "a.xlsx"
    write(path, ["a", "b"], rows)
    _, *found = read(path)
    kept = [as_text(v) for row in rows for v in row]
    assert [row.get(name) for row in found for name in ("a", "b")] == kept


def test_no_text_becomes_a_formula(tmp_path):
    path = tmp_path / "a.xlsx"
    write(path, ["a"], [["=1+1"], ["@x"]])
    cells = [cell for (cell,) in openpyxl.load_workbook(path).active.iter_rows(min_row=2)]
    assert [(cell.data_type, cell.value) for cell in cells] == [("s", "=1+1"), ("s", "@x")]


def test_the_header_is_the_first_row_that_is_not_blank(tmp_path):
    path = sheet(
        tmp_path / "a.xlsx", [], ["id", None, "Name", "Name"], ["ada", 1, "Ada"], [], [None]
    )
    assert [dict(row) for row in read(path)] == [
        {}, {}, {"id": "ada", "Name": "Ada", "Name (2)": None}, {}, {},
    ]  # fmt: skip


PEOPLE = [
    ["id", "Name", "email", "phone", "company size", "close date", "consent"],
    ["ada", "Ada", None, 493511234, 12.0, dt.datetime(2026, 3, 1, 9, 30), True],  # noqa: DTZ001  # as Excel has it
    ["bob", "Bob", "bob@example.com", "0049 351", "many", None, None],
]


@pytest.fixture
def crm(funnelflow_workspace):
    """Give a workspace with the plugin."""
    funnelflow_workspace.register(funnelflow_xlsx)
    return funnelflow_workspace("standard")


def test_a_sheet_as_people_have_it_is_imported_and_a_bad_row_has_its_number(crm, tmp_path):
    path = sheet(tmp_path / "people.xlsx", *PEOPLE)
    crm.add("ada", {"email": "ada@example.com"})
    summary = crm.import_contacts(path, FileOptions(timezone="UTC"))
    assert [(r.line, r.column) for r in summary.examples] == [(3, "company size")]
    fields = crm.contact("ada").contact.fields
    assert fields["email"] == "ada@example.com"  # a blank cell says nothing
    assert (fields["phone"], fields["company_size"]) == ("493511234", 12)
    assert (fields["consent"], fields["close_date"].hour) == (True, 9)
    assert summary.format == "xlsx"
    rejects = Path(summary.rejects)
    rejects.write_text(rejects.read_text().replace("many", "40"))
    crm.import_contacts(rejects, FileOptions(timezone="UTC"))
    bob = crm.contact("bob").contact.fields
    assert (bob["phone"], bob["company_size"]) == ("0049 351", 40)


def test_the_format_is_offered_with_both_ways():
    (offered,) = funnelflow_formats()
    assert (offered.name, offered.cells, offered.write) == ("xlsx", True, write)


def test_what_is_no_excel_file_is_an_error(tmp_path):
    path = tmp_path / "a.xlsx"
    path.write_text("id,name\n")
    with pytest.raises(zipfile.BadZipFile):
        list(read(path))


ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        "name": TEXTS.filter(str.strip),
        "phone": st.sampled_from(["+49 351", "0049", "=1+1", "'x", "_x0041_", "1e5"]),
        "budget": st.floats(-1e12, 1e12, allow_subnormal=False) | st.just(0.1),
        "company_size": st.integers(0, 2**53),
        "consent": st.booleans(),
        "close_date": st.datetimes(
            dt.datetime(1900, 3, 1),  # noqa: DTZ001  # bounds have no zone
            dt.datetime(2199, 1, 1),  # noqa: DTZ001  # as above
            timezones=st.just(dt.UTC),
        ),
    },
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10, deadline=None
)
@given(facts=st.lists(ANSWERS, min_size=1, max_size=5))
def test_contacts_that_are_exported_and_imported_again_change_nothing(crm, tmp_path, facts):
    for number, known in enumerate(facts):
        name = f"c{number}"
        if name not in {one.id for one in crm.list()}:
            crm.add(name)
        crm.set(name, known)
    path = tmp_path / "people.xlsx"
    path.unlink(missing_ok=True)
    before = [(one.id, one.contact.fields) for one in crm.list()]
    write_contacts(crm, path)
    summary = crm.import_contacts(path, FileOptions(timezone="UTC"))
    assert (summary.counts.rejected, summary.counts.stayed, summary.counts.moved) == (0, 0, 0)
    assert [(one.id, one.contact.fields) for one in crm.list()] == before
