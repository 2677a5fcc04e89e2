"""Whatever is done to a story, a database with a plugin that answers at random stays sound.

``FUNNELFLOW_SEEDS=150 pytest tests/maintenance/test_answers_stand.py`` tries that many stories.
"""

import datetime as dt
import os
import random
from contextlib import suppress
from pathlib import Path

import pytest

from funnelflow.criteria import NUMBER
from funnelflow.errors import Error
from funnelflow.plugins import CriterionProvider, PluginHost, hookimpl
from funnelflow.testing import FrozenClock
from funnelflow.workspace.workspace import Workspace

SEEDS = int(os.environ.get("FUNNELFLOW_SEEDS", "10"))
STEPS = 25
FUNNEL = """\
funnel: {name}
version: {version}
fields: {{income: integer, note: text}}
events: {{asked: {{}}, paid: {{}}}}
initial: new
stages: {{new: {{}}, approved: {{}}, customer: {{type: won}}, cold: {{}}}}
transitions:
  - {{from: new, to: approved, require: [{{criterion: solvent, least: {least}}}]}}
  - {{from: approved, to: customer, on: paid, require: [{{criterion: solvent, least: 200}}]}}
  - {{from: approved, to: cold, after: 3d, require: [{{criterion: silent}}]}}
  - {{from: cold, to: new, on: asked}}
  - {{from: customer, to: cold, after: 5d}}
"""
T0 = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
KINDS = [
    "asked",
    "asked",
    "paid",
    "set",
    "set",
    "income",
    "move",
    "tick",
    "tick",
    "void",
    "merge",
    "unmerge",
    "enter",
    "leave",
    "adopt",
]


class Moody:
    """Answers yes, no or nothing, or fails, as chance has it."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    @hookimpl
    def funnelflow_criteria(self):
        return [
            CriterionProvider("solvent", self.is_solvent, "Solvent", {"least": NUMBER}),
            CriterionProvider("silent", lambda _: self.say(), "Silent"),
        ]

    def is_solvent(self, call):
        call.fields.get("income")
        return self.say()

    def say(self):
        if self._chance.random() < 0.25:
            raise OSError("no route to host")
        return self._chance.choice([True, False, None])


def write_definition(directory: Path, name: str, version: int, least: int) -> Path:
    path = directory / f"{name}.yaml"
    path.write_text(FUNNEL.format(name=name, version=version, least=least))
    return path


def change(workspace: Workspace, directory: Path, chance: random.Random, version: int) -> str:
    """Do one thing at random, and say what."""
    kind, name = chance.choice(KINDS), chance.choice(["ada", "bob"])
    at = T0 + chance.randint(0, 40) * dt.timedelta(hours=12)
    facts = {"income": chance.choice([10, 150, 250])} if chance.random() < 0.5 else {}
    if kind in ("asked", "paid"):
        workspace.record(name, kind, facts, at=at, create=True)
    elif kind in ("set", "income"):
        said = {"note": chance.choice("ab")} if kind == "set" else {"income": 150}
        workspace.record(name, "set", said, at=at, create=True)
    elif kind == "move":
        workspace.move(name, chance.choice(["approved", "customer"]), at=at)
    elif kind == "tick":
        workspace.tick(T0 + chance.randint(20, 59) * DAY)
    elif kind == "void":
        length = len(workspace.history(name).rows)
        workspace.void(name, [chance.randint(1, max(length, 1))], reason="by mistake")
    elif kind == "merge":
        workspace.merge("bob", "ada")
    elif kind == "unmerge":
        workspace.unmerge("bob")
    elif kind in ("enter", "leave"):
        getattr(workspace, kind)(name, "upsell")
    else:
        least = chance.choice([100, 120])
        workspace.adopt(write_definition(directory, "credit", version, least))
    return f"{kind} {name} {at:%d %b %H:%M}"


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_is_done_the_answers_that_were_given_stand(tmp_path, seed):
    chance, host = random.Random(seed), PluginHost()
    host.register(Moody(chance), "moody")
    write_definition(tmp_path, "credit", 1, 100)
    write_definition(tmp_path, "upsell", 1, 50)
    done: list[str] = []
    later = FrozenClock(T0 + 60 * DAY)
    with Workspace.create(tmp_path, "credit", plugins=host, clock=later) as workspace:
        for step in range(STEPS):
            with suppress(Error):  # what cannot be done changes nothing
                done.append(change(workspace, tmp_path, chance, step + 2))
            proof = workspace.verify()
            assert proof.is_sound, (done, proof.findings)
    assert done
