"""What is written to the outbox, and when."""

import datetime as dt

import pytest

from funnelflow.errors import StoreError
from funnelflow.plugins import PluginHost
from funnelflow.storage.changes import Change
from funnelflow.workspace.workspace import Workspace

from .support import PIPELINE, box, make, states

DAY = dt.timedelta(days=1)


def test_a_transition_is_in_the_outbox_when_it_is_stored(workspace):
    workspace.add("ada")
    workspace.record("ada", "asked")
    assert states(workspace) == [("ada", "talking", "waiting")]


def test_what_did_not_move_is_not_sent(workspace):
    workspace.add("ada")
    workspace.record("ada", "signed")
    workspace.move("ada", "customer")
    assert states(workspace) == []


def test_a_dry_run_leaves_nothing_in_the_outbox(workspace):
    workspace.add("ada")
    workspace.record("ada", "asked", dry_run=True)
    assert states(workspace) == []


def test_a_repeated_key_tells_once(workspace):
    workspace.add("ada")
    workspace.record("ada", "asked", key="k")
    workspace.record("ada", "asked", key="k")
    assert len(states(workspace)) == 1


def test_a_transaction_that_fails_tells_nothing(workspace):
    def work(chunk):
        chunk.load(["ada"])
        chunk.take(Change("ada", "asked", create=True))
        chunk.write()
        raise StoreError("no")

    with pytest.raises(StoreError):
        workspace.context.transact(work)
    assert states(workspace) == []


def test_a_file_tells_of_every_contact_that_moved(workspace, tmp_path):
    names = [f"c{n:03}" for n in range(120)]
    lines = "".join(f"{name},asked,2026-03-01T09:00:00Z\n" for name in names)
    path = tmp_path / "events.csv"
    path.write_text(f"contact,event,at\n{lines}")
    workspace.apply(str(path))
    assert [n for n, _, _ in states(workspace)] == names[:100]
    assert sum(box(workspace).counts().values()) == 120


def test_a_message_tells_both_stages_and_who_and_what(workspace):
    workspace.add("ada", actor="grace")
    workspace.record("ada", "asked", actor="grace")
    (queued,) = box(workspace).messages()
    digest = workspace.contact("ada").definition
    assert dict(queued.data) == {
        "contact": "ada",
        "sequence": 2,
        "funnel": "pipeline",
        "version": 3,
        "definition": digest,
        "before": "new",
        "after": "talking",
        "event": "asked",
        "actor": "grace",
        "forced": False,
        "fields": {},
    }


def test_a_forced_move_is_sent_as_one(tmp_path, recorder):
    boss = PIPELINE.replace("initial:", "force: [boss]\ninitial:")
    toml = '[[notify]]\nchannel = "recorder"\n'
    with make(tmp_path / "w", boss, toml, recorder) as workspace:
        workspace.add("ada")
    path = tmp_path / "w" / "funnelflow.toml"
    path.write_text(path.read_text().replace("[roles]", '[roles]\nboss = ["grace"]'))
    with Workspace.open(tmp_path / "w", plugins=PluginHost()) as workspace:
        workspace.move("ada", "customer", force=True, reason="r", actor="grace")
        (queued,) = box(workspace).messages()
    assert queued.data["forced"] is True


def test_many_messages_are_read_some_at_a_time(workspace, monkeypatch):
    monkeypatch.setattr("funnelflow.storage.messages.IDS", 2)
    names = [f"c{number}" for number in range(5)]
    for name in names:
        workspace.add(name)
        workspace.record(name, "asked")
    queue = box(workspace).messages()
    assert [queued.data["event"] for queued in queue] == ["asked"] * 5


def test_what_is_sent_is_of_the_time_of_the_transition(workspace, tmp_path):
    workspace.add("ada")
    workspace.record("ada", "asked", actor="grace")
    before = box(workspace).messages()
    (tmp_path / "pipeline.yaml").write_text(PIPELINE.replace("version: 3", "version: 4"))
    workspace.adopt(tmp_path / "pipeline.yaml")
    workspace.record("ada", "reset", actor="bob")
    assert box(workspace).messages()[:1] == before
    assert [queued.data["version"] for queued in box(workspace).messages()] == [3, 4]


def test_only_the_fields_that_are_allowed_are_sent(small):
    workspace = small('[[notify]]\nchannel = "recorder"\nfields = ["budget", "seen"]\n')
    facts = {"email": "ada@example.com", "budget": 5, "seen": "2026-03-01T09:00:00Z"}
    workspace.add("ada", facts)
    workspace.record("ada", "asked")
    (queued,) = box(workspace).messages()
    assert queued.data["fields"] == {"budget": 5.0, "seen": "2026-03-01T09:00:00.000000Z"}
    assert "ada@example.com" not in str(queued.data)


@pytest.mark.parametrize(
    ("when", "stages"),
    [
        ("event.after == 'customer'", ["customer"]),
        ("event.before == 'new'", ["talking"]),
        ("event.name == 'signed'", ["customer"]),
        ("event.actor == 'grace'", ["customer"]),
        ("contact.budget > 3", ["talking", "customer"]),
        ("contact.budget > 30", []),
        ("contact.email == 'x'", []),
        ("contact.id == 'ada' && contact.stage == 'talking'", ["talking"]),
        ("contact.stage_since == now", ["talking", "customer"]),
        ("event.funnel == 'pipeline' && !event.forced", ["talking", "customer"]),
    ],
)
def test_a_criterion_says_what_is_sent(small, when, stages):
    workspace = small(f'[[notify]]\nchannel = "recorder"\nwhen = "{when}"\n')
    workspace.add("ada", {"budget": 5})
    workspace.record("ada", "asked", actor="bob")
    workspace.record("ada", "signed", actor="grace")
    assert [stage for _, stage, _ in states(workspace)] == stages


def test_each_endpoint_has_a_row_of_its_own_with_the_same_id(small):
    workspace = small(
        '[[notify]]\nname = "a"\nchannel = "recorder"\n'
        '[[notify]]\nname = "b"\nchannel = "recorder"\n'
    )
    workspace.add("ada")
    workspace.record("ada", "asked")
    queue = box(workspace).messages()
    assert [n.endpoint for n in queue] == ["a", "b"]
    assert len({n.message for n in queue}) == 1


def test_an_endpoint_is_for_the_funnels_that_it_names(small):
    workspace = small(
        '[[notify]]\nchannel = "recorder"\nfunnels = ["other"]\nwhen = "contact.x > 1"\n'
    )
    workspace.add("ada")
    workspace.record("ada", "asked")
    assert states(workspace) == []


def test_a_criterion_that_does_not_compile_lets_nothing_be_stored(small):
    workspace = small('[[notify]]\nchannel = "recorder"\nwhen = "contact.budgte > 3"\n')
    workspace.add("ada")
    with pytest.raises(StoreError, match=r"(?s)funnelflow\.toml:\d+: `when`.*did you mean") as said:
        workspace.record("ada", "asked")
    assert workspace.contact("ada").contact.stage == "new"
    assert len(workspace.history("ada").rows) == 1
    assert "does not compile, so this was not recorded\n" in said.value.message
    assert "`funnelflow check` shows where, then do the same again" in said.value.hint


def test_a_criterion_that_does_not_compile_ends_a_whole_file(small, tmp_path):
    workspace = small('[[notify]]\nchannel = "recorder"\nwhen = "contact.budgte > 3"\n')
    path = tmp_path / "events.csv"
    path.write_text("contact,event,at\nada,asked,2026-03-01T09:00:00Z\n")
    with pytest.raises(StoreError, match="does not compile, so this was not recorded"):
        workspace.apply(str(path))


def test_late_evidence_that_changes_where_a_contact_stands_tells_once_and_says_so(workspace):
    now = workspace.context.clock()
    workspace.add("ada", at=now - 9 * DAY)
    workspace.record("ada", "signed", {"budget": 5}, at=now - 4 * DAY)
    workspace.record("ada", "asked", at=now - 6 * DAY)
    (queued,) = box(workspace).messages()
    data = queued.data
    assert (data["before"], data["after"], data["restated"]) == ("new", "customer", True)
    assert (data["event"], queued.at) == ("asked", now - 6 * DAY)


def test_late_evidence_that_changes_only_the_past_tells_nobody(workspace):
    now = workspace.context.clock()
    workspace.add("ada", at=now - 9 * DAY)
    workspace.record("ada", "asked", at=now - 2 * DAY)
    assert "restated" not in box(workspace).messages()[0].data
    assert workspace.record("ada", "asked", at=now - 5 * DAY).restated.is_change
    assert len(states(workspace)) == 1
