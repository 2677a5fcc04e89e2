"""Ids that come twice in a file."""

from funnelflow.ingest import seen_ids as doubles_module
from funnelflow.ingest.seen_ids import SeenIds

from .applying import options

CONTACTS = "contact,email\nada,a@example.com\nbob,b@example.com\ncy,c@example.com\n"


def test_an_id_is_known_again_within_a_chunk_and_behind_it():
    seen = SeenIds()
    assert [seen.has("ada"), seen.has("ada")] == [False, True]
    seen.keep()
    assert [seen.has("ada"), seen.has("bob")] == [True, False]


def test_a_chunk_that_is_done_again_repeats_nothing():
    seen = SeenIds()
    seen.has("ada")
    seen.forget()
    assert not seen.has("ada")


def test_many_ids_are_told_apart():
    seen = SeenIds()
    assert not any(seen.has(f"c{n}") for n in range(20_000))
    seen.keep()
    assert not any(seen.has(f"d{n}") for n in range(20_000))
    assert all(seen.has(f"c{n}") for n in range(20_000))


def test_behind_the_most_that_are_kept_no_more_are(monkeypatch):
    monkeypatch.setattr(doubles_module, "MOST", 1)
    seen = SeenIds()
    seen.has("ada")
    seen.keep()
    seen.has("bob")
    seen.keep()
    assert (seen.has("ada"), seen.has("bob")) == (True, False)


def test_an_import_counts_the_rows_that_repeat_an_id(workspace, write):
    again = "ada,z@example.com\nada,z@example.com\nada,y@example.com\n"
    summary = workspace.import_contacts(write(CONTACTS + again), options())
    assert (summary.counts.doubled, summary.counts.unchanged) == (3, 1)
    assert workspace.contact("ada").contact.fields["email"] == "y@example.com"


def test_an_import_without_repeated_ids_counts_none(workspace, write):
    workspace.import_contacts(write(CONTACTS), options())
    changed = write(CONTACTS.replace("a@", "z@"), "again.csv")
    assert workspace.import_contacts(changed, options()).counts.doubled == 0
