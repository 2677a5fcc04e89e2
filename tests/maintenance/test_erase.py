"""Erasing: what says something of a person is gone, and the chain of everybody still proves."""

import csv
import json
import os
import signal
import stat
import warnings
from multiprocessing import get_context
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import event, select, text, update

from funnelflow import errors
from funnelflow.ingest.file_options import FileOptions
from funnelflow.maintenance import erase as erase_module
from funnelflow.storage.changes import ErasedContactError
from funnelflow.storage.connect import reading
from funnelflow.storage.erased import KEY_FILE, ErasedNames
from funnelflow.storage.tables import contacts, erased, evidence, metadata, outbox, runs
from funnelflow.workspace.workspace import Workspace

from ..funnels import DAY, PIPELINE, T0

NOTIFY = '\n[[notify]]\nname = "crm"\nchannel = "log"\nfields = ["email"]\n'
CANARIES = (
    *("canary-id", "canary-mail@example.com", "canary reason", "canary-key", "canary-actor"),
    *("canary-tag", "Canäry", "canary-rejected", "canary-undo", "canary-void"),
)


@pytest.fixture
def shop(workspace, directory, clock, write) -> Workspace:
    """Give a workspace with one person in every table and file, and two others."""
    config = directory / "funnelflow.toml"
    config.write_text(config.read_text() + NOTIFY)
    clock.now = T0 + 5 * DAY
    for name, own in (("bob", "bob"), ("canary-id", "canary"), ("eve", "eve")):
        workspace.add(name, {"email": f"{own}-mail@example.com"}, at=T0, key=f"{own}-key")
        workspace.record(name, "subscribed", at=T0 + DAY, actor=f"{own}-actor")
        workspace.set(name, {"tags": [f"{own}-tag", "Canäry" if own == "canary" else "x"]})
        workspace.set(name, {"tags": []})
        workspace.move(name, "customer", force=True, reason=f"{own} reason", roles=["boss"])
        workspace.record(name, "replied", at=T0 + 2 * DAY)
    workspace.apply(write(REJECTED, "events.csv"), FileOptions(rejects=directory / "bad.csv"))
    told = "contact,event,at\ncanary-id,replied,2026-03-02T09:00:00Z\n"
    workspace.apply(write(told, "told.csv"))
    (run,) = workspace.runs()
    workspace.undo(run.number, "canary-undo")
    workspace.void("canary-id", [6], "canary-void")
    return workspace


REJECTED = (
    "contact,event,at,email\n"
    "canary-id,nope,2026-03-02T09:00:00Z,canary-rejected\n"
    'bob,nope,2026-03-02T09:00:00Z,"two\nlines"\n'
    "canary-id,subscribed,2026-03-02T09:00:00Z\n"
    "eve,nope,2026-03-02T09:00:00Z,canary-id\n"
)


def everything(workspace) -> dict[str, list[tuple]]:
    """Return every row of every table but what is kept of erased contacts, and of runs."""
    with reading(workspace.engine) as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(table)).all()))
            for table in metadata.sorted_tables
            if table.name not in {"erased", "runs", "checkpoints"}
        }


def swept(workspace) -> None:
    """Do on PostgreSQL what the documents ask for."""
    if workspace.engine.dialect.name == "postgresql":
        url = workspace.engine.url.render_as_string(hide_password=False)
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            for table in metadata.tables:
                connection.execute(f"VACUUM FULL {table}")
                connection.execute(f"ANALYZE {table}")


def analyse(workspace) -> None:
    """Let PostgreSQL look at what there is."""
    if workspace.engine.dialect.name == "postgresql":
        with workspace.engine.begin() as connection:
            for table in metadata.tables:
                connection.execute(text(f"ANALYZE {table}"))


def test_no_value_of_the_person_is_left_anywhere(shop, directory):
    analyse(shop)
    found = {place.value for place in shop.search_values(CANARIES)}
    assert found == set(CANARIES)
    done = shop.erase("canary-id", actor="grace")
    assert done.is_swept is (True if shop.engine.dialect.name == "sqlite" else None)
    swept(shop)
    (left,) = shop.search_values(CANARIES)
    assert left.value == "canary-id"  # as a value of another person
    assert left.where.endswith("bad.csv")
    assert left.count == 1
    assert shop.verify().is_sound


def test_the_bytes_of_the_file_hold_none_of_it(workspace, directory, clock):
    if workspace.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL has no file of ours")
    clock.now = T0 + 5 * DAY
    workspace.engine.dispose()
    event.listen(workspace.engine, "connect", leave_bytes)
    workspace.add("canary-id", {"email": "canary-mail@example.com"}, at=T0)
    workspace.add("bob", {"email": "bob@example.com"}, at=T0)
    for number in range(30):
        workspace.set("canary-id", {"email": f"canary-mail-{number}@example.com"})
    workspace.erase("canary-id")
    for path in directory.rglob("*"):
        if path.is_file() and path.suffix != ".yaml":
            assert b"canary" not in path.read_bytes()


def leave_bytes(connection, _record) -> None:
    """Let SQLite leave what was deleted where it was, as it does unless it is built otherwise."""
    connection.execute("PRAGMA secure_delete = OFF")


def test_the_salt_goes_with_the_id(shop):
    shop.erase("canary-id")
    with reading(shop.engine) as connection:
        wanted = select(contacts.c.salt).where(contacts.c.id.is_(None))
        assert connection.execute(wanted).scalars().all() == [""]


def test_everybody_else_is_untouched(shop):
    before = everything(shop)
    shop.erase("canary-id")
    after = everything(shop)
    with reading(shop.engine) as connection:
        number = connection.execute(
            select(contacts.c.number).where(contacts.c.id.is_(None))
        ).scalar_one()
    for table, rows in before.items():
        gone = set(rows) - set(after[table])
        assert all(_is_about(row, table, number) for row in gone)
    assert len(after["evidence"]) == len(before["evidence"])
    assert shop.contact("bob").contact.stage == "customer"
    assert [row.contact_id for row in shop.history().rows].count("eve") == 6


def _is_about(row: str, table: str, number: int) -> bool:
    first = row.strip("()").split(", ")
    places = {"contacts": 0, "evidence": 1, "decisions": 0, "positions": 0, "outbox": 4, "keys": 1}
    return first[places[table]] == str(number)


def test_the_chain_still_proves_and_heads_of_before_hold(shop, tmp_path):
    heads = tmp_path / "heads.txt"
    shop.verify(heads=heads)
    shop.erase("canary-id")
    proof = shop.verify(against=heads)
    assert proof.is_sound
    assert (proof.contacts, proof.erased, proof.rows) == (2, 1, 21)
    assert proof.against.kept == 3
    assert shop.verify(heads=heads).is_sound


@pytest.mark.parametrize(
    ("column", "value"),
    [("facts", "0" * 64), ("reason", "because"), ("recorded_at", "2026-03-02T09:00:00.000000Z")],
)
def test_an_empty_row_that_was_altered_is_named(shop, column, value):
    shop.erase("canary-id")
    with shop.engine.begin() as connection:
        row = connection.execute(select(evidence).filter_by(event="erased", sequence=3)).one()
        connection.execute(update(evidence).where(evidence.c.id == row.id).values({column: value}))
    (found,) = shop.verify().findings
    assert (found.kind, found.name, found.sequence) == ("history", f"#{row.contact}", 3)


def test_a_row_that_is_missing_from_an_erased_history_is_named(shop):
    shop.erase("canary-id")
    with shop.engine.begin() as connection:
        connection.execute(
            evidence.delete().where(evidence.c.event == "erased").filter_by(sequence=3)
        )
    assert "row 3 is missing" in {f.what for f in shop.verify().findings}


def test_emptied_rows_of_somebody_who_was_not_erased_are_named(shop):
    shop.erase("canary-id")
    with shop.engine.begin() as connection:
        connection.execute(update(contacts).where(contacts.c.id.is_(None)).values(id="mallory"))
    assert not shop.verify().is_sound


def test_what_is_kept_of_erased_contacts_cannot_be_altered_unseen(shop):
    shop.erase("canary-id")
    with shop.engine.begin() as connection:
        connection.execute(update(erased).values(contact=99))
    assert {f.kind for f in shop.verify().findings} == {"erased"}


def test_a_dry_run_counts_and_changes_nothing(shop):
    before = everything(shop)
    done = shop.erase("canary-id", dry_run=True)
    assert everything(shop) == before
    assert done.dry_run
    assert done.rows == {
        "contacts": 1,
        "evidence": 9,
        "decisions": 9,
        "positions": 1,
        "sightings": 0,
        "keys": 1,
        "outbox": done.waiting,
    }
    assert list(done.rejects.values()) == [2]
    assert shop.erase("canary-id").rows == done.rows


def test_rows_of_rejects_files_go_and_others_stay_where_they_are(shop, directory):
    path = directory / "bad.csv"
    size, time = path.stat().st_size, path.stat().st_mtime_ns
    shop.erase("canary-id")
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (size, time)
    with path.open(newline="") as file:
        rows = [row for row in csv.reader(file) if row]
    assert [row[0] for row in rows] == ["contact", "bob", "eve"]
    assert rows[1][3] == "two\nlines"


def test_rejected_objects_go_too(shop, directory, write):
    lines = [
        {"contact": "canary-id", "event": "nope", "at": "2026-03-02T09:00:00Z"},
        {"contact": "bob", "event": "nope", "at": "2026-03-02T09:00:00Z"},
    ]
    broken = '{"contact": "canary-id", "event"'
    content = "\n".join([*map(json.dumps, lines), broken]) + "\n"
    summary = shop.apply(write(content, "events.jsonl"))
    assert summary.counts.rejected == 3
    done = shop.erase("canary-id")
    assert done.rejects[summary.rejects] == 2
    assert shop.apply(write(Path(summary.rejects).read_text(), "a.jsonl")).counts.rows == 1


def test_a_run_goes_on_behind_blanked_rows(shop, write, monkeypatch):
    rows = [f"canary-id,nope,2026-03-0{n}T09:00:00Z,x" for n in range(1, 8)]
    path = write("\n".join(["contact,event,at,email", *rows]) + "\n", "long.csv")

    def stop(progress):
        if progress.rows == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shop.apply(path, FileOptions(chunk=2), progress=stop)
    shop.erase("canary-id")
    summary = shop.apply(path, FileOptions(chunk=2))
    assert (summary.counts.rejected, summary.counts.erased) == (4, 3)


def test_nobody_brings_the_person_back(shop, write):
    shop.erase("canary-id")
    for change in (
        lambda: shop.add("canary-id"),
        lambda: shop.record("canary-id", "replied"),
        lambda: shop.record("canary-id", "replied", create=True),
        lambda: shop.record("another", "replied", create=True, key="canary-key"),
        lambda: shop.set("bob", {"budget": 3}, key="canary-key"),
    ):
        with pytest.raises(ErasedContactError, match=r"was erased on 2026-03-06"):
            change()
    assert shop.verify().contacts == 2


def test_an_import_of_tonight_counts_the_person_and_takes_nothing(shop, write):
    shop.erase("canary-id")
    path = write("contact,email,budget\nbob,new@example.com,\ncanary-id,a@b.com,x\ncanary-id,a,1\n")
    for mode in ("both", "update"):
        summary = shop.import_contacts(path, mode=mode)
        assert (summary.counts.erased, summary.counts.rejected) == (2, 0)
    rows = "contact,event,at\ncanary-id,replied,2026-03-02T09:00:00Z\ncanary-id,nope\n"
    summary = shop.apply(write(rows, "late.csv"))
    assert (summary.counts.erased, summary.counts.rejected) == (2, 0)
    assert summary.to_json()["erased"] == 2
    assert not summary.rejects
    assert shop.verify().contacts == 2


def test_who_is_readmitted_is_somebody_new(shop, write):
    shop.erase("canary-id")
    with pytest.raises(errors.FieldError):
        shop.add("canary-id", {"email": 5}, readmit=True)
    with pytest.raises(ErasedContactError):
        shop.add("canary-id")
    shop.add("canary-id", readmit=True)
    shop.record("canary-id", "replied", key="canary-key")
    assert shop.contact("canary-id").sequence == 2
    proof = shop.verify()
    assert (proof.is_sound, proof.contacts, proof.erased) == (True, 3, 1)
    shop.erase("canary-id")
    assert shop.verify().erased == 2


def test_a_file_readmits(shop, write):
    shop.erase("canary-id")
    rows = "contact,event,at\ncanary-id,replied,2026-03-02T09:00:00Z\n"
    summary = shop.apply(write(rows, "late.csv"), FileOptions(readmit=True))
    assert (summary.counts.erased, summary.counts.created) == (0, 1)
    shop.import_contacts(write("contact,budget\ncanary-id,5\n", "contacts.csv"))
    assert shop.contact("canary-id").contact.fields["budget"] == 5


def test_the_secret_is_its_owners_alone_and_nobody_is_added_without_it(shop, directory):
    shop.erase("canary-id")
    path = directory / KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with reading(shop.engine) as connection:
        row = connection.execute(select(erased)).first()
    assert path.read_text().strip() not in repr(row)
    kept = path.read_text()
    path.unlink()
    with pytest.raises(errors.StoreError, match="is missing"):
        shop.add("dan")
    path.write_text("00" * 32)
    with pytest.raises(errors.StoreError, match="another one"):
        shop.erase("bob")
    shop.record("bob", "replied")  # whoever is known goes on
    path.write_text(kept)
    shop.add("dan")


def test_erasing_again_sweeps_again(shop):
    first = shop.erase("canary-id", actor="canary-id")
    again = shop.erase("canary-id")
    assert again.was_erased
    assert again.erased_at == first.erased_at
    with pytest.raises(errors.UnknownContactError):
        shop.erase("nobody")
    run, *others = shop.runs()
    assert (run.kind, run.actor, run.counts) == ("erase", "", {"contacts": 1, "rows": 9})
    assert [other.reason for other in others] == ["", ""]
    with pytest.raises(errors.UsageError, match="nothing brings back"):
        shop.undo(run.number, "by mistake")
    with reading(shop.engine) as connection:
        assert "canary" not in repr(connection.execute(select(runs)).all())


def test_all_who_are_the_same_person_are_erased_together(shop):
    shop.merge("canary-id", into="bob", reason="canary-of-the-run")
    done = shop.erase("canary-id", dry_run=True)
    assert done.merged == ("bob",)
    assert shop.erase("bob").merged == ("canary-id",)
    assert [found.id for found in shop.list()] == ["eve"]
    assert all(run.reason == "" for run in shop.runs())
    proof = shop.verify()
    assert (proof.is_sound, proof.contacts, proof.erased) == (True, 1, 2)
    for name in ("canary-id", "bob"):
        with pytest.raises(ErasedContactError):
            shop.add(name)


def test_who_was_given_back_is_erased_alone(shop):
    shop.merge("canary-id", into="bob")
    shop.record("canary-id", "replied")
    shop.unmerge("canary-id")
    assert shop.erase("canary-id").merged == ()
    assert shop.contact("bob").contact.stage == "customer"
    proof = shop.verify()
    assert (proof.is_sound, proof.contacts, proof.erased) == (True, 2, 1)
    shop.record("bob", "replied", at=T0)
    assert shop.verify().is_sound


def test_messages_about_the_person_are_never_sent(shop):
    with reading(shop.engine) as connection:
        before = connection.execute(select(outbox.c.contact_id)).scalars().all()
    shop.erase("canary-id")
    with reading(shop.engine) as connection:
        after = connection.execute(select(outbox.c.contact_id)).scalars().all()
    assert "canary-id" in before
    assert after == [name for name in before if name != "canary-id"]


def test_a_reader_that_holds_an_old_state_is_told_of(shop, monkeypatch):
    if shop.engine.dialect.name != "sqlite":
        pytest.skip("only SQLite is swept")
    monkeypatch.setattr("funnelflow.storage.connect.BUSY_SECONDS", 0.05)
    shop.engine.dispose()
    with reading(shop.engine) as connection:
        connection.execute(select(contacts)).all()
        assert shop.erase("canary-id").is_swept is False
    assert shop.erase("canary-id").is_swept
    assert {p.where.rsplit(".", 1)[1] for p in shop.search_values(["canary-id"])} == {"csv"}


def test_values_that_say_nothing_are_not_searched_for(shop):
    with pytest.raises(errors.UsageError, match="too short"):
        shop.search_values(["a"])


@pytest.mark.parametrize(
    "look", [Workspace.contact, Workspace.why, Workspace.history], ids=["contact", "why", "history"]
)
def test_whoever_asks_for_the_person_is_told_when_it_was_erased(shop, look):
    shop.erase("canary-id")
    with pytest.raises(ErasedContactError, match=r"'canary-id' was erased on 2026-03-06") as caught:
        look(shop, "canary-id")
    assert caught.value.http_status == 410
    assert "--readmit" in caught.value.hint


POINTS = [
    (erase_module, "_same_person", "before"),
    (ErasedNames, "add", "before"),
    (erase_module, "_empty", "before"),
    (erase_module, "_remove", "before"),
    (erase_module, "blank_rows", "before"),
    (erase_module, "blank_rows", "after"),
    (erase_module, "_sweep", "before"),
    (erase_module, "_sweep", "after"),
]


def die() -> None:
    """End this process as the kernel would."""
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    ("owner", "name", "when"), POINTS, ids=[f"{when} {name}" for _, name, when in POINTS]
)
def test_killed_at_any_point_the_same_command_goes_on(shop, directory, owner, name, when):
    others = {row.digest for row in shop.history().rows if row.contact_id != "canary-id"}
    shop.engine.dispose()
    run_and_die(directory, owner, name, after=when == "after")
    assert shop.verify().is_sound
    shop.erase("canary-id")
    swept(shop)
    assert {place.value for place in shop.search_values(CANARIES)} == {"canary-id"}
    assert {row.digest for row in shop.history().rows} == others
    proof = shop.verify()
    assert (proof.is_sound, proof.contacts, proof.erased, proof.rows) == (True, 2, 1, 21)
    with reading(shop.engine) as connection:
        assert len(connection.execute(select(runs).filter_by(kind="erase")).all()) == 1
        assert len(connection.execute(select(erased)).all()) == 2


def run_and_die(directory: Path, owner: object, name: str, *, after: bool) -> None:
    """Erase in a process of its own, which is killed before or after a call."""

    def child() -> None:
        function = getattr(owner, name)

        def dying(*arguments, **named):
            if after:
                function(*arguments, **named)
            die()

        setattr(owner, name, dying)
        with Workspace.open(directory) as workspace:
            workspace.erase("canary-id")

    process = get_context("fork").Process(target=child)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a process with threads forks
        process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def test_whoever_is_in_several_funnels_leaves_all_of_them(shop, directory):
    (directory / "deals.yaml").write_text(PIPELINE.replace("funnel: pipeline", "funnel: deals"))
    for name in ("canary-id", "bob"):
        shop.enter(name, "deals")
        shop.record(name, "replied")
        shop.record(name, "replied", at=T0)
    done = shop.erase("canary-id")
    assert done.rows["positions"] == 2
    assert done.rows["decisions"] > done.rows["evidence"]
    assert [found.id for found in shop.list(funnel="deals")] == ["bob"]
    proof = shop.verify()
    assert (proof.is_sound, proof.contacts, proof.erased) == (True, 2, 1)
