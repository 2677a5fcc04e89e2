"""Heads kept elsewhere show what a chain cannot: whatever was there must be there still."""

import re
import stat
from pathlib import Path

import pytest
from sqlalchemy import select, update

from funnelflow.maintenance import HeadsFileError
from funnelflow.storage.connect import reading
from funnelflow.storage.row_format import row_checksum
from funnelflow.storage.tables import definitions, evidence
from funnelflow.workspace.workspace import Workspace

from ..funnels import DAY, PIPELINE, T0
from .forging import delete_contact, forge, number_of, replace_text, take_back

SHA = "0" * 64


@pytest.fixture
def shop(workspace, clock) -> Workspace:
    """Give a workspace with three contacts of four rows each."""
    clock.now = T0 + 5 * DAY
    for name in ("ada", "bob", "eve"):
        workspace.add(name, {"email": f"{name}@example.com"}, at=T0)
        workspace.record(name, "subscribed", at=T0 + DAY, actor="grace")
        workspace.record(name, "replied", {"tags": ["x"]}, at=T0 + 2 * DAY)
        workspace.record(name, "called", {"minutes": 3}, at=T0 + 3 * DAY, actor="grace")
    return workspace


@pytest.fixture
def kept(shop, tmp_path) -> Path:
    """Give the heads of that workspace."""
    path = tmp_path / "heads.txt"
    assert shop.verify(heads=path).heads == path
    return path


def test_what_was_is_still_there_and_what_is_new_is_counted(shop, kept):
    shop.record("ada", "replied", at=T0 + 4 * DAY)
    shop.add("dan", at=T0 + 4 * DAY)
    shop.record("dan", "subscribed", {"email": "d@example.com"}, at=T0 + 5 * DAY)
    result = shop.verify(against=kept)
    assert result.is_sound
    since = result.to_json()["against"]
    assert since.pop("written_at")[:10] == "2026-03-06"
    assert since == {"contacts": 3, "kept": 3, "new_contacts": 1, "new_rows": 3}


def test_an_edit_with_the_chain_computed_again_is_found(shop, kept):
    forge(shop, replace_text("bob", "bob@", "eve@"), "bob")
    assert shop.verify().is_sound
    (found,) = shop.verify(against=kept).findings
    assert (found.kind, found.name, found.sequence) == ("history", "bob", 4)
    assert "computed again" in found.what
    assert "restore" not in found.hint
    assert found.hint


def test_the_newest_row_deleted_with_its_traces_is_found(shop, tmp_path):
    again = take_back(shop, "bob", lambda: shop.record("bob", "replied", at=T0 + 4 * DAY))
    heads = tmp_path / "heads.txt"
    shop.verify(heads=heads)
    forge(shop, again)
    assert shop.verify().is_sound
    (found,) = shop.verify(against=heads).findings
    assert (found.kind, found.name) == ("history", "bob")
    assert re.search(r"it had 5 rows on 2026-03-06 09:\d\d UTC, and has 4 now", found.what)
    assert "deleted" in found.hint


def test_a_contact_deleted_with_its_history_is_found(shop, kept):
    forge(shop, delete_contact("bob"))
    assert shop.verify().is_sound
    result = shop.verify(against=kept)
    (found,) = result.findings
    assert (found.kind, result.against.kept) == ("contact", 2)
    assert f"contact {found.name} 4 " in kept.read_text()
    assert "is gone" in found.what
    assert "funnelflow list" in found.hint


def test_the_time_of_recording_altered_with_its_checksum_is_found(shop, kept):
    def backdate(connection):
        of = evidence.c
        second = (of.contact == number_of(connection, "bob"), of.sequence == 2)
        at = "2026-01-01T00:00:00.000000Z"
        number = row_checksum(connection.scalar(select(of.digest).where(*second)), at, None)
        row = update(evidence).where(*second)
        connection.execute(row.values(recorded_at=at, checksum=number))

    forge(shop, backdate)
    assert shop.verify().is_sound
    (found,) = shop.verify(against=kept).findings
    assert (found.kind, found.name) == ("history", "bob")
    assert "were recorded" in found.what


def test_another_database_in_its_place_is_said_once(shop, kept, directory, new_schema):
    is_file = shop.database.path is not None
    elsewhere = "other.db" if is_file else new_schema()
    place = directory / "other"
    place.mkdir()
    (place / "pipeline.yaml").write_text(PIPELINE)
    with Workspace.create(place, "pipeline", database=elsewhere) as other:
        for name in ("ada", "bob"):
            other.add(name, {"email": f"{name}@example.com"}, at=T0)
        assert other.verify().is_sound
        (found,) = other.verify(against=kept).findings
    assert found.kind == "database"
    assert "another database" in found.what
    assert "of 3 histories 0 are here" in found.what
    assert "backup" not in found.hint


def test_a_definition_that_was_altered_is_found_although_no_row_names_it(shop, kept):
    text = kept.read_text()
    was = re.search(r"^definition ([0-9a-f]{12})", text, re.MULTILINE)[1]
    with reading(shop.engine) as connection:
        row = connection.execute(select(definitions.c.digest, definitions.c.stored_at)).one()
    forge(shop, lambda connection: connection.execute(update(definitions).values(digest=SHA)))
    found = [f for f in shop.verify(against=kept).findings if f.name == was or not f.name]
    assert row.digest.startswith(was)
    assert [f.kind for f in found] == ["database"]


def test_the_file_names_nobody_and_only_its_owner_reads_it(shop, kept):
    text = kept.read_text()
    words = re.findall(r"[\w.@]+", text)  # a digest may have letters that are a name, too
    assert not {"ada", "bob", "eve", "grace"} & set(words)
    assert not any("example.com" in word for word in words)
    assert re.findall(r"^\w\S+", text, re.MULTILINE) == [
        *("funnelflow-heads", "database", "written", "definition"),
        *("contact", "contact", "contact", "end"),
    ]
    keys = re.findall("^contact (.+)", text, re.MULTILINE)
    assert keys == sorted(keys)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [path.name for path in kept.parent.glob("*heads*")] == ["heads.txt"]


def test_the_same_content_gives_the_same_lines(shop, kept):
    first = kept.read_text().splitlines()
    shop.record("ada", "replied", at=T0 + 4 * DAY)
    shop.verify(heads=kept)
    second = kept.read_text().splitlines()
    differing = [a for a, b in zip(first, second, strict=True) if a != b]
    assert [line.partition(" ")[0] for line in differing] == ["written", "contact", "end"]


def test_heads_are_not_replaced_while_they_prove_something(shop, kept):
    before = kept.read_text()
    forge(shop, replace_text("bob", "bob@", "eve@"), "bob")
    result = shop.verify(heads=kept)
    assert (result.is_sound, result.heads, kept.read_text()) == (False, None, before)
    assert shop.verify(heads=kept, force=True).heads == kept
    assert shop.verify(against=kept).is_sound


def test_nothing_is_written_of_a_database_that_is_not_sound(shop, tmp_path):
    forge(shop, lambda connection: connection.execute(update(evidence).values(actor="mallory")))
    assert shop.verify(heads=tmp_path / "heads.txt").heads is None
    assert not (tmp_path / "heads.txt").exists()


def test_a_file_that_holds_no_heads_is_not_replaced_without_force(shop, tmp_path):
    path = tmp_path / "letter.txt"
    path.write_text("Dear Ada")
    with pytest.raises(HeadsFileError, match="holds no heads") as raised:
        shop.verify(heads=path)
    assert "--force" in raised.value.hint
    assert path.read_text() == "Dear Ada"
    assert shop.verify(heads=path, force=True).heads == path
    assert shop.verify(against=path).is_sound


def test_heads_of_an_empty_workspace_are_a_prefix_of_anything(workspace, tmp_path):
    path = tmp_path / "heads.txt"
    workspace.verify(heads=path)
    workspace.add("ada", at=T0)
    result = workspace.verify(against=path)
    assert (result.is_sound, result.against.contacts, result.against.new_rows) == (True, 0, 1)


def test_a_file_that_is_not_there_says_so(shop, tmp_path):
    with pytest.raises(HeadsFileError, match="cannot be read"):
        shop.verify(against=tmp_path / "nowhere.txt")
    with pytest.raises(HeadsFileError, match="no such directory"):
        shop.verify(heads=tmp_path / "nowhere" / "heads.txt")
    with pytest.raises(HeadsFileError, match="is a directory"):
        shop.verify(heads=tmp_path)
