"""What a run remembers from chunk to chunk is what the database has, whoever writes beside it."""

import pytest

from funnelflow.definition import digest, load_definition
from funnelflow.ingest.file_options import FileOptions
from funnelflow.storage import contact_cache
from funnelflow.storage import context as opened
from funnelflow.storage import unit_of_work as bulk
from funnelflow.storage.database_errors import RetryError
from funnelflow.workspace.workspace import Workspace

from ..funnels import PIPELINE, content

HEADER = "contact,event,at,facts\n"


@pytest.fixture
def events(tmp_path):
    """Give a file in which three contacts come round in every chunk of three rows."""
    rows = [
        f"c{n % 3},{('subscribed', 'replied', 'called')[n // 3 % 3]},2026-03-01T09:00:{n:02d}Z,"
        '"{""email"": ""a@example.com""}"\n'
        for n in range(24)
    ]
    path = tmp_path / "events.csv"
    path.write_text(HEADER + "".join(rows))
    return str(path)


def between(rows, act):
    """Give a progress handler that acts once, when so many rows are done."""
    waiting = [act]

    def interrupt(progress):
        if progress.rows == rows and waiting:
            waiting.pop()()

    return interrupt


def told(workspace):
    """Give what every row says, contact by contact."""
    return {c.id: content(workspace.history(c.id).rows) for c in workspace.list()}


def test_what_somebody_else_records_between_two_chunks_is_seen(workspace, directory, events):
    with Workspace.open(directory, clock=workspace.clock) as other:

        def record():
            other.record("c1", "gave_up")

        workspace.apply(events, FileOptions(chunk=3), progress=between(9, record))
    assert workspace.contact("c1").contact.stage == "lost"
    assert workspace.contact("c0").contact.stage == "lead.warm"
    assert workspace.verify().is_sound


def test_what_is_recorded_through_the_same_workspace_between_two_chunks_is_seen(workspace, events):
    def record():
        workspace.record("c1", "gave_up")

    workspace.apply(events, FileOptions(chunk=3), progress=between(9, record))
    assert workspace.contact("c1").contact.stage == "lost"
    assert workspace.verify().is_sound


def test_a_definition_that_is_adopted_between_two_chunks_decides_from_there_on(
    workspace, directory, events
):
    newer = directory / "newer.yaml"
    newer.write_text(PIPELINE.replace("version: 1", "version: 2"))
    with Workspace.open(directory, clock=workspace.clock) as other:

        def adopt():
            other.adopt(newer)  # which writes no evidence: everybody stays where they are

        workspace.apply(events, FileOptions(chunk=3), progress=between(9, adopt))
    decided = [row.definition for row in workspace.history("c1").rows]
    assert decided[-1] == digest(load_definition(newer).definition) != decided[0]
    assert [row.event for row in workspace.history("c1").rows].count("adopt") == 0
    assert workspace.verify().is_sound


def test_a_chunk_that_was_undone_is_taken_again_from_what_is_stored(workspace, events, monkeypatch):
    remember, failed = bulk.UnitOfWork.remember, []
    monkeypatch.setattr(opened, "_ATTEMPTS", 3)

    def fail_twice(chunk):
        remember(chunk)
        if len(failed) < 2:
            failed.append(chunk)
            raise RetryError("somebody was first", hint="try again")

    def fail():
        monkeypatch.setattr(bulk.UnitOfWork, "remember", fail_twice)

    workspace.apply(events, FileOptions(chunk=3), progress=between(9, fail))
    assert len(failed) == 2
    assert sum(len(rows) for rows in told(workspace).values()) == 24 + 3
    assert workspace.verify().is_sound


@pytest.mark.parametrize("kept", [1, 2, 4])
def test_contacts_that_were_forgotten_are_read_again(
    workspace, directory, events, monkeypatch, kept
):
    workspace.apply(events, FileOptions(chunk=3))
    monkeypatch.setattr(contact_cache, "KEPT", kept)
    with Workspace.create(directory / "other", "pipeline", library=workspace.library) as other:
        other.apply(events, FileOptions(chunk=3))
        assert told(other) == told(workspace)


def test_a_contact_that_nobody_else_has_changed_is_made_from_its_row_once(
    workspace, directory, events, monkeypatch
):
    workspace.add("c1")
    made = []
    make = bulk.read_contact
    monkeypatch.setattr(
        bulk, "read_contact", lambda row, running: made.append(row[0]) or make(row, running)
    )
    workspace.apply(events, FileOptions(chunk=3))
    assert made == ["c1"]


def test_remembering_is_bounded(monkeypatch):
    monkeypatch.setattr(contact_cache, "KEPT", 10)
    known = contact_cache.ContactCache()
    for chunk in range(10):
        known.keep({f"c{chunk}-{n}": object() for n in range(4)}, lambda: 1)
    ids = [f"c{chunk}-{n}" for chunk in range(10) for n in range(4)]
    assert 4 <= len(known.recall(ids, lambda: 1)) <= 2 * 10 + 4
