"""Every committed transition is sent once, whatever path it took, and nothing else is."""

import pytest

from funnelflow.ingest.file_options import FileOptions
from funnelflow.plugins import PluginHost
from funnelflow.storage.outbox import Outbox
from funnelflow.testing import FrozenClock
from funnelflow.workspace.workspace import Workspace

from .support import make

FUNNEL = """\
funnel: pipeline
version: 1
initial: new
force: [boss]
fields: {email: text, budget: number}
events: {asked: {}, signed: {}}
stages: {new: {}, reached: {}, talking: {}, quiet: {}, customer: {type: won}}
transitions:
  - {from: new, to: reached, require: [We can write: has(contact.email)]}
  - {from: [new, reached], to: talking, on: asked}
  - {from: talking, to: customer, on: signed, require: [Has money: contact.budget > 0]}
  - {from: talking, to: quiet, after: 30d}
"""
NEXT = FUNNEL.replace("version: 1", "version: 2").replace("budget > 0", "budget > 9")
AT = "2026-03-02T09:30:00Z"
HOUR = "2026-03-02T10:30:00Z"


@pytest.fixture
def pipeline(tmp_path, database, recorder):
    """A workspace in which everything is sent, and somebody may force."""
    make(tmp_path, FUNNEL, '[[notify]]\nchannel = "recorder"\n', recorder, database).close()
    path = tmp_path / "funnelflow.toml"
    path.write_text(path.read_text().replace("[roles]", '[roles]\nboss = ["grace"]'))
    with Workspace.open(
        tmp_path, plugins=recorder_host(recorder), clock=FrozenClock()
    ) as workspace:
        yield workspace


def recorder_host(recorder):
    host = PluginHost()
    host.register(recorder, "recorder")
    return host


def add(workspace, _directory):
    workspace.add("ada", {"email": "ada@example.com"}, at=AT)
    workspace.add("bob", at=AT)
    return 1


def put(workspace, _directory):
    workspace.add("ada", at=AT)
    workspace.set("ada", {"email": "ada@example.com"}, at=AT)
    workspace.set("ada", {"budget": 3}, at=AT)
    return 1


def record(workspace, _directory):
    workspace.add("ada", {"budget": 3}, at=AT)
    workspace.record("ada", "asked", at=AT, key="k")
    workspace.record("ada", "asked", at=AT, key="k")
    workspace.record("ada", "signed", at=AT, dry_run=True)
    workspace.record("ada", "signed", at=AT)
    return 2


def move(workspace, _directory):
    workspace.add("ada", at=AT)
    workspace.move("ada", "customer", at=AT)
    workspace.move("ada", "talking", at=AT)
    return 1


def refused(workspace, _directory):
    """Ask in vain for a stage after time has brought the contact to another one."""
    workspace.add("ada", at=AT)
    workspace.record("ada", "asked", at=AT)
    workspace.clock.advance("40d")
    assert workspace.move("ada", "customer").decision.outcome == "refused"
    return 2


def force(workspace, _directory):
    workspace.add("ada", at=AT)
    workspace.move("ada", "customer", force=True, reason="r", actor="grace", at=AT)
    return 1


def apply(workspace, directory):
    lines = [f"{name},asked,{AT},\n{name},signed,{HOUR},5\n" for name in ("ada", "bob")]
    lines.append(f"ada,nonsense,{AT},\n")
    (directory / "events.csv").write_text("contact,event,at,budget\n" + "".join(lines))
    workspace.apply(str(directory / "events.csv"))
    workspace.apply(str(directory / "events.csv"), FileOptions(dry_run=True, changed="restart"))
    return 4


def imported(workspace, directory):
    (directory / "people.csv").write_text("contact,email\nada,ada@example.com\nbob,\n")
    workspace.import_contacts(str(directory / "people.csv"))
    return 1


def tick(workspace, _directory):
    workspace.add("ada", at=AT)
    workspace.record("ada", "asked", at=AT)
    workspace.clock.advance("40d")
    workspace.tick(dry_run=True)
    workspace.tick()
    return 2


def adopt(workspace, directory):
    workspace.add("ada", {"budget": 3}, at=AT)
    workspace.record("ada", "asked", at=AT)
    workspace.record("ada", "signed", at=AT)
    (directory / "next.yaml").write_text(NEXT)
    workspace.adopt(directory / "next.yaml")
    assert workspace.contact("ada").contact.stage == "talking"
    return 3


PATHS = (add, put, record, move, refused, force, apply, imported, tick, adopt)


@pytest.mark.parametrize("path", PATHS)
def test_what_moved_is_sent_once_and_nothing_else_is(pipeline, tmp_path, path):
    count = path(pipeline, tmp_path)
    rows = [row for name in ("ada", "bob") for row in rows_of(pipeline, name)]
    moved = [(r.contact_id, r.sequence, r.before, r.after) for r in rows if r.before != r.after]
    queue = Outbox(pipeline.engine).messages()
    sent = [(n.contact_id, n.sequence, n.data["before"], n.data["after"]) for n in queue]
    assert sorted(sent) == sorted(moved)
    assert len(sent) == count
    assert len({queued.message for queued in queue}) == count


def rows_of(workspace, name):
    known = {contact.id for contact in workspace.list()}
    return workspace.history(name).rows if name in known else ()
