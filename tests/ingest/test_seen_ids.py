"""Rows of an import about a contact that an earlier row was about: counted exactly."""

import sqlite3

import pytest

from funnelflow.errors import StoreError
from funnelflow.ingest.row_handlers import SeenIds

from .applying import options

CONTACTS = "contact,email\nada,a@example.com\nbob,b@example.com\ncy,c@example.com\n"


@pytest.fixture
def seen():
    """Give the ids of an import that begins."""
    made = SeenIds()
    yield made
    made.close()


def count(seen, *ids):
    """Count those that came before."""
    return seen.count_repeated([(one,) for one in ids])


def test_an_id_is_known_again_within_a_chunk_and_behind_it(seen):
    assert count(seen, "ada", "bob", "ada", "ada") == 2
    seen.keep()
    assert count(seen, "ada", "cy", "Ada", "åsa") == 1


def test_a_chunk_that_is_done_again_repeats_nothing(seen):
    assert count(seen, "ada", "bob") == 0
    assert count(seen, "ada", "bob") == 0


def test_the_count_is_exact_beyond_what_is_held_in_memory(seen, monkeypatch):
    monkeypatch.setattr(SeenIds, "_CACHE_KIB", 64)
    for start in range(0, 200_000, 20_000):
        assert count(seen, *(f"contact-{n}" for n in range(start, start + 20_000))) == 0
        seen.keep()
    assert count(seen, *(f"contact-{n}" for n in range(100_000, 300_000, 10_000))) == 10


def test_where_no_temporary_file_can_be_written_the_import_says_so(workspace, write, monkeypatch):
    def full(*_, **__):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(SeenIds, "_create", full)
    with pytest.raises(StoreError, match="disk is full"):
        workspace.import_contacts(write(CONTACTS), options())
    assert list(workspace.list()) == []


def test_an_import_counts_the_rows_that_repeat_an_id(workspace, write):
    again = "ada,z@example.com\nada,z@example.com\nada,y@example.com\n"
    summary = workspace.import_contacts(write(CONTACTS + again), options())
    assert (summary.counts.same_contact, summary.counts.unchanged) == (3, 1)
    assert workspace.contact("ada").contact.fields["email"] == "y@example.com"


def test_an_import_without_repeated_ids_counts_none(workspace, write):
    workspace.import_contacts(write(CONTACTS), options())
    changed = write(CONTACTS.replace("a@", "z@"), "again.csv")
    assert workspace.import_contacts(changed, options()).counts.same_contact == 0


def test_a_row_that_says_nothing_new_and_comes_twice_is_counted(workspace, write):
    workspace.import_contacts(write(CONTACTS), options())
    again = CONTACTS + "ada,a@example.com\n" + ",\n"
    counts = workspace.import_contacts(write(again, "again.csv"), options()).counts
    assert (counts.same_contact, counts.unchanged, counts.rejected) == (1, 4, 1)
