"""Whatever is done to a workspace, everybody stands where what was told of them says.

``FUNNELFLOW_SCENARIOS=300 pytest tests/maintenance/test_whatever_is_done.py`` tries that many
scenarios on each database.
"""

import datetime as dt
import os
import random
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from funnelflow.errors import Error
from funnelflow.ingest.file_options import FileOptions
from funnelflow.storage.connect import reading, writing
from funnelflow.storage.replay import EvidenceReader, open_story, united
from funnelflow.storage.tables import positions
from funnelflow.testing import FrozenClock
from funnelflow.workspace.workspace import Workspace

SCENARIOS = int(os.environ.get("FUNNELFLOW_SCENARIOS", "2"))
STEPS = 30
T0 = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
NAMES = ("ada", "bob", "eve")
FUNNEL = """\
funnel: {name}
version: {version}
force: [boss]
fields: {{seats: integer, note: text, met: {{type: integer, default: 0}}, at: timestamp}}
events:
  asked: {{}}
  met: {{sets: {{met: contact.met + 1}}}}
  paid: {{fields: {{amount: number}}}}
  mailed: {{activity: false}}
initial: new
stages:
  new: {{}}
  warm: {{stages: {{first: {{}}, second: {{}}}}}}
  customer: {{type: won}}
  cold: {{}}
transitions:
  - {{from: new, to: warm, on: asked}}
  - {{from: new, to: warm.second, require: [Many: contact.seats >= {seats}]}}
  - {{from: warm.first, to: warm.second, require: [Met: contact.met >= 2]}}
  - {{from: warm, to: customer, on: paid, require: [Enough: contact.seats > 2]}}
  - {{from: [new, warm], to: cold, after: {days}d, since: activity}}
  - {{from: cold, to: new, on: [asked, met]}}
  - {{from: warm.second, to: cold, require: [Late: contact.at < now]}}
  - {{from: customer, to: cold, after: 9d}}
"""


def write_definition(directory: Path, name: str, version: int, chance: random.Random) -> Path:
    path = directory / f"{name}.yaml"
    seats, days = chance.choice([5, 8]), chance.choice([4, 6])
    path.write_text(FUNNEL.format(name=name, version=version, seats=seats, days=days))
    return path


class Doing:
    """Does things to a workspace, by chance.

    Args:
        workspace: The workspace.
        clock: Its clock.
        chance: Decides.
    """

    def __init__(self, workspace: Workspace, clock: FrozenClock, chance: random.Random) -> None:
        self.workspace, self.clock, self.chance = workspace, clock, chance
        self.directory = workspace.config.directory
        self.done: list[str] = []
        self.counts: Counter[str] = Counter()
        self._kinds = [name[4:] for name in dir(self) if name.startswith("_do_")]

    def step(self) -> str:
        """Do one thing; what cannot be done changes nothing."""
        self.clock.now += self.chance.choice([0.1, 1, 3]) * DAY
        kind, name = self.chance.choice(self._kinds), self.chance.choice(NAMES)
        with suppress(Error):
            said = getattr(self, f"_do_{kind}")(name)
            self.done.append(f"{kind} {name} {said or ''}")
            self.counts[kind] += 1
        return name

    def _when(self) -> dt.datetime:
        """Return a time: now, or in the past."""
        if self.chance.random() < 0.5:
            return self.clock.now
        return T0 + self.chance.randint(0, 2 * (self.clock.now - T0).days) * DAY / 2

    def _event(self, name: str) -> str:
        at, event = self._when(), self.chance.choice(["asked", "met", "paid", "mailed"])
        key = self.chance.choice([None, None, "k1", "k2"])
        self.workspace.record(name, event, at=at, key=key, create=True)
        return f"{event} {at:%d %b %H:%M} {key or ''}"

    _do_record = _do_late = _do_more = _event

    def _do_set(self, name: str) -> str:
        at, told = self._when(), self.chance.choice(["seats", "note", "at"])
        value = {"seats": self.chance.choice([1, 4, 6, 9, None]), "note": "n", "at": self._when()}
        self.workspace.set(name, {told: value[told]}, at=at)
        return f"{told}={value[told]} {at:%d %b %H:%M}"

    def _do_add(self, name: str) -> str:
        at = self._when()
        self.workspace.add(name, {"seats": 3}, at=at, readmit=self.chance.random() < 0.5)
        return f"{at:%d %b %H:%M}"

    def _do_move(self, name: str) -> str:
        to, at = self.chance.choice(["customer", "cold", "warm.second"]), self._when()
        force = self.chance.random() < 0.3
        reason, roles = ("so it is", ("boss",)) if force else ("", ())
        self.workspace.move(name, to, at=at, force=force, reason=reason, roles=roles)
        return f"{to} {at:%d %b %H:%M} {force}"

    def _do_void(self, name: str) -> str:
        row = self.chance.randint(1, len(self.workspace.history(name).rows))
        self.workspace.void(name, [row], reason="by mistake")
        return f"{row}"

    def _do_undo(self, _name: str) -> str:
        run = self.chance.choice([run.number for run in self.workspace.runs(8)] or [1])
        self.workspace.undo(run, "the wrong one")
        return f"{run}"

    def _do_merge(self, name: str) -> str:
        other = self.chance.choice(NAMES)
        self.workspace.merge(name, other)
        return f"into {other}"

    def _do_unmerge(self, name: str) -> None:
        self.workspace.unmerge(name)

    def _do_enter(self, name: str) -> str:
        at = self._when()
        self.workspace.enter(name, "upsell", at=at)
        return f"{at:%d %b %H:%M}"

    def _do_leave(self, name: str) -> str:
        at, funnel = self._when(), self.chance.choice(["upsell", "sales"])
        self.workspace.leave(name, funnel, at=at)
        return f"{funnel} {at:%d %b %H:%M}"

    def _do_erase(self, name: str) -> str:
        if self.chance.random() < 0.7:
            return "not now"
        self.workspace.erase(name)
        return "done"

    def _do_tick(self, _name: str) -> None:
        self.workspace.tick()

    def _do_adopt(self, _name: str) -> str:
        name, from_now = self.chance.choice(["sales", "upsell"]), self.chance.random() < 0.3
        version = self.counts["adopt"] + 2
        path = write_definition(self.directory, name, version, self.chance)
        self.workspace.adopt(path, from_now=from_now)
        return f"{name} {from_now}"

    def _do_apply(self, _name: str) -> str:
        rows = [f"{self.chance.choice(NAMES)},{e},{self._when():%Y-%m-%dT%H:%M:%SZ}" for e in
                self.chance.choices(["asked", "met", "paid", "set"], k=3)]  # fmt: skip
        path = self.directory / "events.csv"
        path.write_text("contact,event,at\n" + "\n".join(rows) + "\n")
        self.workspace.apply(path, FileOptions(chunk=self.chance.choice([1, 100])))
        return f"{rows}"

    def _do_import(self, _name: str) -> str:
        names = self.chance.sample(NAMES, 2)
        rows = [f"{name},{self.chance.choice([1, 6, 9])}" for name in names]
        path = self.directory / "contacts.csv"
        path.write_text("contact,seats\n" + "\n".join(rows) + "\n")
        self.workspace.import_contacts(path)
        return f"{rows}"


def stored(workspace: Workspace) -> list[tuple[object, ...]]:
    """Return the derived rows, as they are stored."""
    with reading(workspace.context.engine) as connection:
        order = positions.c.contact, positions.c.funnel
        return [tuple(row) for row in connection.execute(select(positions).order_by(*order))]


def stand_where_the_story_says(workspace: Workspace) -> None:
    """Hold every contact to a fold of all its evidence, from nothing."""
    store = workspace.context.definitions
    with reading(workspace.context.engine) as connection:
        for found in workspace.list():
            known = workspace.context.find_positions(connection, found.id)
            for one, loaded in known:
                rows = united(connection, one.number)
                story = open_story(connection, store, EvidenceReader(loaded), rows, one.id)
                assert story.stands() == one.contact


def made_again(workspace: Workspace) -> None:
    """Delete the derived rows, make them again, and find the same."""
    before = stored(workspace)
    with writing(workspace.context.engine) as connection:
        connection.execute(delete(positions))

    workspace.repair()
    assert stored(workspace) == before


@pytest.mark.parametrize("seed", range(SCENARIOS))
def test_whatever_is_done_everybody_stands_where_the_story_says(tmp_path, database, seed):
    chance, clock = random.Random(seed), FrozenClock(T0)
    for name in ("sales", "upsell"):
        write_definition(tmp_path, name, 1, chance)
    with Workspace.create(tmp_path, "sales", database=database, clock=clock) as workspace:
        doing = Doing(workspace, clock, chance)
        for _ in range(STEPS):
            doing.step()
            proof = workspace.verify()
            assert proof.findings == (), doing.done
            stand_where_the_story_says(workspace)
        made_again(workspace)
        assert workspace.verify().findings == (), doing.done
    assert doing.done
