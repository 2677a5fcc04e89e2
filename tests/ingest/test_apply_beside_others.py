"""A run over a file is the same however it is cut into chunks, and whoever else writes between.

What another process does between two chunks counts for the chunks behind it, and nothing of
what the run knows from before stands against it.
"""

import random
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from funnelflow.definition import digest, load_definition
from funnelflow.ingest.file_options import FileOptions
from funnelflow.storage import contact_cache
from funnelflow.storage.outbox import Outbox
from funnelflow.workspace.workspace import Workspace

from ..funnels import PIPELINE, T0

HEADER = "contact,event,at,to,facts,key\n"
EVENTS = ["subscribed", "replied", "replied", "called", "signed", "gave_up", "move", "nope", ""]
FACTS = ['{"email": "a@example.com"}', '{"budget": 6000, "authority": true}', "{", "", '{"x": 1}']


def line(n, contact, event, facts, key):
    """Write a row of a file of events."""
    to = "prospect" if event == "move" else ""
    quoted = facts.replace('"', '""')
    return f'{contact},{event},2026-03-01T09:{n // 60 % 60:02d}:{n % 60:02d}Z,{to},"{quoted}",{key}'


def story(rows=60, contacts=5, seed=1):
    """Write a file with something of everything: repeated keys, refusals, bad rows."""
    dice = random.Random(seed)
    lines = []
    for n in range(rows):
        contact, key = f"c{dice.randrange(contacts)}", f"k{dice.randrange(rows)}"
        lines.append(line(n, contact, dice.choice(EVENTS), dice.choice(FACTS), key))
        if n % 4 == 0:
            lines.append(dice.choice(lines[-20:]))
    return HEADER + "\n".join(lines) + "\n"


@pytest.fixture
def make(tmp_path, database, new_schema):
    """Give what makes a workspace on a kind of database, where every transition is sent."""
    numbers = count()
    kind = database if database == "funnelflow.db" else ""

    def made(database=kind, **said):
        database = database or new_schema()
        place = tmp_path / f"w{next(numbers)}"
        place.mkdir()
        (place / "pipeline.yaml").write_text(PIPELINE)
        Workspace.create(place, "pipeline", database=database, **said).close()
        with (place / "funnelflow.toml").open("a") as settings_:
            settings_.write('[[notify]]\nchannel = "log"\nfields = ["email"]\n')
        return Workspace.open(place, **said)

    return made


@pytest.fixture
def workspace(make):
    """Give a workspace that has the clock of the world."""
    with make() as made:
        yield made


def options(**said):
    """Give options with small chunks."""
    return FileOptions(**{"chunk": 7, **said})


def outcome(workspace, summary):
    """Give all that a run has left behind, but for when it ran."""
    history = [
        (row.contact_id, row.sequence, row.key, row.facts, row.outcome, row.unmet)
        for row in workspace.history(limit=100_000).rows
    ]
    contacts = [(c.id, c.contact, c.sequence, c.due_at, c.created_at) for c in workspace.list()]
    messages = [(x.contact_id, x.sequence, x.data) for x in Outbox(workspace.engine).messages()]
    rejects = Path(summary.rejects).read_bytes() if summary.rejects else b""
    said = summary.to_json() | {"seconds": 0, "rejects": "", "path": ""}
    assert workspace.verify().is_sound
    return history, contacts, messages, rejects, said


ROW = st.tuples(
    st.sampled_from(["ada", "Bob", "åsa", ""]),
    st.sampled_from(EVENTS),
    st.sampled_from(FACTS),
    st.sampled_from(["", "k1", "k2", "k3", "k4"]),
)
ROWS = st.lists(ROW, min_size=1, max_size=12).flatmap(
    lambda rows: st.lists(st.sampled_from([line(n, *row) for n, row in enumerate(rows)]))
)
"""Rows some of which come again, so that a key stands for the same or for something else."""


FEW = settings(
    max_examples=15,
    phases=[Phase.generate],
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def came_of(made, path, size):
    """Apply a file to a new workspace, and return all that is left behind."""
    with made:
        return outcome(made, made.apply(path, options(chunk=size)))


def test_the_size_of_the_chunks_changes_nothing_in_a_file_in_order_of_time(
    make, write, monkeypatch
):
    """Otherwise the rows of a chunk are stored in order of time, so how many they are shows."""

    @FEW
    @given(rows=ROWS, chunk=st.integers(1, 9))
    def check(rows, chunk):
        in_order = sorted(rows, key=lambda row: row.split(",")[2])
        path = write(HEADER + "".join(f"{row}\n" for row in in_order))
        small, large = (came_of(make("funnelflow.db"), path, size) for size in (chunk, 100))
        assert small == large

    monkeypatch.setattr(contact_cache, "KEPT", 2)
    check()


def test_the_database_changes_nothing(make, new_schema, write, monkeypatch):
    @FEW
    @given(rows=ROWS, chunk=st.integers(1, 9))
    def check(rows, chunk):
        path = write(HEADER + "".join(f"{row}\n" for row in rows))
        sqlite, postgresql = (
            came_of(make(database), path, chunk) for database in ("funnelflow.db", new_schema())
        )
        assert sqlite == postgresql

    monkeypatch.setattr(contact_cache, "KEPT", 2)
    check()


def between(rows, act):
    """Give a progress handler that acts once, when so many rows are done."""
    waiting = [act]

    def interrupt(progress):
        if progress.rows >= rows and waiting:
            waiting.pop()()

    return interrupt


def keep_replying(rows=40):
    """Write a file in which the same three contacts come round all the time."""
    events = ["subscribed"] * 3 + ["replied"] * (rows - 3)
    lines = [line(n, f"c{n % 3}", event, "", f"k{n}") for n, event in enumerate(events)]
    return HEADER + "\n".join(lines) + "\n"


def test_what_somebody_else_records_meanwhile_is_seen(workspace, write):
    def record():
        with Workspace.open(workspace.config.directory) as other:
            other.record("c1", "gave_up")

    workspace.apply(write(keep_replying()), options(), progress=between(14, record))
    events = [row.event for row in workspace.history("c1").rows]
    assert (events.count("replied"), events.count("gave_up")) == (12, 1)
    assert events[-1] == "replied"
    assert workspace.verify().is_sound


def test_a_key_that_somebody_else_has_used_meanwhile_is_known(workspace, write):
    def record():
        with Workspace.open(workspace.config.directory) as other:
            at = "2026-03-01T09:00:30Z"
            other.record("c0", "replied", at=at, key="k30")

    summary = workspace.apply(write(keep_replying()), options(), progress=between(14, record))
    assert summary.counts.repeated == 1
    assert len(workspace.history("c0").rows) == 1 + 14
    assert workspace.verify().is_sound


def test_a_contact_that_somebody_else_has_added_meanwhile_goes_on(workspace, write):
    lines = [line(n, f"c{n}", "subscribed", "", f"k{n}") for n in range(40)]

    def add():
        with Workspace.open(workspace.config.directory) as other:
            other.add("c15", {"email": "a@example.com"}, at=T0)

    path = write(HEADER + "\n".join(lines) + "\n")
    summary = workspace.apply(path, options(), progress=between(14, add))
    assert summary.counts.created == 39
    assert [row.event for row in workspace.history("c15").rows] == ["add", "subscribed"]
    assert workspace.contact("c15").contact.stage == "lead.fresh"


def test_what_somebody_else_says_while_a_snapshot_is_read_is_later_than_what_it_says(
    workspace, write
):
    rows = ["x,a@example.com", *(f"c{n},a@example.com" for n in range(40)), "x,a@example.com"]

    def correct():
        with Workspace.open(workspace.config.directory) as other:
            other.set("x", {"email": "b@example.com"})

    path = write("contact,email\n" + "\n".join(rows) + "\n")
    summary = workspace.import_contacts(path, options(), progress=between(14, correct))
    assert workspace.contact("x").contact.fields["email"] == "b@example.com"
    assert summary.counts.unchanged == 1
    assert workspace.verify().is_sound


def test_a_row_about_nobody_is_decided_again_when_somebody_adds_them(workspace, write):
    for n in range(40):
        workspace.add(f"c{n}") if n != 15 else None

    def add():
        with Workspace.open(workspace.config.directory) as other:
            other.add("c15")

    rows = "".join(f"c{n},a@example.com\n" for n in range(40))
    path = write("contact,email\n" + rows)
    summary = workspace.import_contacts(path, options(), mode="update", progress=between(14, add))
    assert summary.counts.rejected == 0


def test_a_row_that_another_funnel_refused_is_decided_again_when_it_takes_it(workspace, write):
    second = workspace.config.directory / "second.yaml"
    second.write_text(PIPELINE.replace("funnel: pipeline", "funnel: second"))
    workspace.add("x", funnel="second")

    def adopt():
        newer = second.read_text().replace("signed: {}", "signed: {}\n  rang: {}")
        second.write_text(newer.replace("version: 1", "version: 2"))
        with Workspace.open(workspace.config.directory) as other:
            other.adopt(second)

    rows = [line(0, "x", "rang", "", "")]
    rows += [line(n, f"c{n}", "subscribed", "", "") for n in range(1, 40)]
    rows += [line(40, "x", "rang", "", "")]
    path = write(HEADER + "\n".join(rows) + "\n")
    summary = workspace.apply(path, options(), progress=between(14, adopt))
    assert [row.event for row in workspace.history("x").rows][-1] == "rang"
    assert summary.counts.rejected == 1


def test_a_run_that_others_write_beside_all_the_time_loses_nothing(workspace, write):

    def interfere(_):
        with Workspace.open(workspace.config.directory) as other:
            for contact in other.list():
                other.record(contact.id, "replied")

    workspace.apply(write(keep_replying(200)), options(), progress=interfere)
    assert workspace.verify().is_sound
    assert [r.event for r in workspace.history("c0").rows if r.key][-1] == "replied"
    assert sum(bool(r.key) for r in workspace.history(limit=10_000).rows) == 200


def adopt_beside(workspace):
    """Bring everybody under a new version, which leaves them where they are."""
    newer = workspace.config.directory / "newer.yaml"
    newer.write_text(PIPELINE.replace("version: 1", "version: 2"))
    with Workspace.open(workspace.config.directory) as other:
        other.adopt(newer)
    return digest(load_definition(newer).definition)


@pytest.mark.parametrize("content", [keep_replying(), story(60, contacts=60)], ids=["old", "new"])
def test_a_definition_that_is_adopted_meanwhile_decides_from_there_on(workspace, write, content):
    adopted = []
    progress = between(21, lambda: adopted.append(adopt_beside(workspace)))
    workspace.apply(write(content), options(), progress=progress)
    decided = [row.definition for row in workspace.history(limit=1_000).rows]
    first = decided.index(adopted[0])
    assert set(decided[:first]) & set(decided[first:]) == set()
    assert {contact.definition for contact in workspace.list()} == {adopted[0]}
    assert workspace.verify().is_sound
