"""Killed at any statement and at any time, a command is done once when it is repeated.

Every kill is a SIGKILL of a process of its own: before a statement to the database, drawn among
those that an undisturbed process makes, and at random times. After each one what is stored must be
sound; then the same command goes on, and at the end everything must be as an undisturbed run leaves
it. A few kills of each command are part of every test run; as many as one likes are done by::

    FUNNELFLOW_KILLS=200 pytest tests/maintenance/test_kill_whatever.py
"""

import os
import random
import signal
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, select

from funnelflow.errors import ConflictError
from funnelflow.maintenance import adopt as adopting
from funnelflow.maintenance import undo as undoing
from funnelflow.storage.changes import ErasedContactError
from funnelflow.storage.connect import reading
from funnelflow.storage.tables import checkpoints, contacts, keys, positions
from funnelflow.testing import FrozenClock
from funnelflow.workspace.workspace import Workspace

from ..funnels import DAY, PIPELINE, T0, content

KILLS = int(os.environ.get("FUNNELFLOW_KILLS", "2"))
"""How many times each command is killed on each database: half at statements, half at times."""
NOW = T0 + 50 * DAY
PEOPLE = [f"c{number}" for number in range(7)]
EVENTS = "contact,event,at,key,email\n" + "".join(
    f"{name},{what},2026-03-0{day}T09:00:00Z,{name}-{day},{name}@example.com\n"
    for day, what in enumerate(("subscribed", "replied", "replied"), 2)
    for name in PEOPLE
)
SNAPSHOT = "id,budget\n" + "".join(f"{name},{n % 2 * 9000}\n" for n, name in enumerate(PEOPLE))
NEWER = PIPELINE.replace("version: 1", "version: 2").replace("replies >= 2", "replies >= 3")


def record(workspace: Workspace) -> None:
    for name in PEOPLE:
        workspace.record(name, "replied", at=T0 + 3 * DAY, key=f"late-{name}")


def merge(workspace: Workspace) -> None:
    for number, name in enumerate(PEOPLE[1:4]):
        workspace.merge(name, "c0", key=f"m{number}")
    workspace.unmerge("c2", key="u")


def erase(workspace: Workspace) -> None:
    with suppress(ErasedContactError):
        workspace.erase("c1")


def undo(workspace: Workspace) -> None:
    with suppress(ConflictError):  # killed behind the last commit, it is done already
        workspace.undo(1, "the wrong file")


COMMANDS: dict[str, Callable[[Workspace], Any]] = {
    "record": record,
    "import": lambda w: w.import_contacts(w.config.directory / "snapshot.csv"),
    "adopt": lambda w: w.adopt(w.config.directory / "newer.yaml"),
    "tick": lambda w: w.tick(),
    "undo": undo,
    "merge": merge,
    "erase": erase,
}


@pytest.fixture
def begin(tmp_path, request):
    """Give what makes a workspace on a kind of database in which there is something to do."""

    def make(kind: str) -> Path:
        directory = tmp_path / f"w{len(list(tmp_path.iterdir()))}"
        directory.mkdir()
        (directory / "pipeline.yaml").write_text(PIPELINE)
        (directory / "newer.yaml").write_text(NEWER)
        (directory / "events.csv").write_text(EVENTS)
        (directory / "snapshot.csv").write_text(SNAPSHOT)
        sqlite = kind == "sqlite"
        database = "funnelflow.db" if sqlite else request.getfixturevalue("new_schema")()
        made = Workspace.create(directory, "pipeline", database=database, clock=FrozenClock(NOW))
        with made as workspace:
            workspace.apply(directory / "events.csv")
            workspace.add("zoe", at=T0)
        return directory

    return make


def do(directory: Path, command: str, hook: Callable[[], object]) -> Any:
    """Run a command in a process of its own, two contacts a transaction where it has several."""

    def child() -> None:
        adopting.CHUNK = undoing.CHUNK = 2
        hook()
        with Workspace.open(directory, clock=FrozenClock(NOW)) as workspace:
            COMMANDS[command](workspace)
        os._exit(0)

    process = get_context("fork").Process(target=child)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a process with threads forks
        process.start()
    return process


def at_statement(number: int) -> Callable[[], None]:
    """Give a hook that dies before the statement of that number."""

    def hook() -> None:
        left = [number]

        @event.listens_for(Engine, "before_cursor_execute")
        def count(*_: object) -> None:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

    return hook


def count_statements(directory: Path, command: str) -> int:
    """Run a command undisturbed, and return how many statements it makes."""
    counted = directory / "counted"

    def hook() -> None:
        @event.listens_for(Engine, "before_cursor_execute")
        def count(*_: object) -> None:
            with counted.open("a") as file:
                file.write(".")

    process = do(directory, command, hook)
    process.join()
    assert process.exitcode == 0
    return len(counted.read_text())


def left_behind(directory: Path) -> tuple[Any, ...]:
    """Return what is told, where everybody stands, and what is known of keys and files; sound."""
    told = defaultdict(list)
    with Workspace.open(directory, clock=FrozenClock(NOW)) as workspace:
        assert workspace.verify().findings == ()
        for row in workspace.history(limit=10_000).rows:
            told[row.contact_id] += content([row])
        with reading(workspace.engine) as connection:
            stands = select(contacts.c.id, positions.c.funnel, positions.c.stage, positions.c.since)
            joined = stands.join(positions, positions.c.contact == contacts.c.number)
            return (
                dict(told),
                sorted(map(str, connection.execute(joined))),
                sorted(connection.execute(select(keys.c.key)).scalars()),
                len(connection.execute(select(checkpoints.c.id)).all()),
                _runs(workspace),
            )


def _runs(workspace: Workspace) -> list[tuple[str, bool]]:
    """Return the kinds of runs; an import that is given again notes that it was, as another."""
    runs = sorted((run.kind, run.is_finished) for run in workspace.runs())
    imports = [run for run in runs if run[0] == "import"]
    return [run for run in runs if run[0] != "import"] + imports[-1:]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_is_killed_is_done_once_when_it_is_repeated(command, kind, begin):
    dice, undisturbed = random.Random(f"{command} {kind}"), begin(kind)
    begun = time.monotonic()
    statements = count_statements(undisturbed, command)
    length = time.monotonic() - begun
    whole, left, killed = left_behind(undisturbed), KILLS, 0
    while left > 0:
        directory, code = begin(kind), None
        while code != 0:
            at_random = left % 2
            hook = at_statement(dice.randint(1, statements)) if left > 0 else (lambda: None)
            process = do(directory, command, (lambda: None) if at_random else hook)
            if at_random and left > 0:
                time.sleep(dice.uniform(0, length))
                process.kill()
            process.join()
            code = process.exitcode
            assert code in {0, -signal.SIGKILL}
            killed += code != 0
            left -= 1
            left_behind(directory)
        assert left_behind(directory) == whole
    assert killed
