"""Killed at any moment and started again, `apply` loses nothing and does nothing twice.

Every kill is a SIGKILL of a process of its own: at named points, which a hook in the child
reaches by itself, and at random times. After each one, what is stored must be a beginning of
the story that an undisturbed run tells, and the outbox must hold exactly its
transitions; at the end, all of it. A couple of
dozen kills are part of every test run; as many as one likes are done by::

    FUNNELFLOW_KILLS=200 pytest tests/ingest/test_apply_kill.py
"""

import os
import random
import signal
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psycopg
import pytest
from attrs import evolve

from funnelflow.errors import StoreError
from funnelflow.ingest import apply as apply_module
from funnelflow.ingest import time_order
from funnelflow.ingest.file_options import FileOptions
from funnelflow.ingest.rejects import RejectsFile
from funnelflow.storage.connect import writing
from funnelflow.storage.outbox import Outbox
from funnelflow.storage.unit_of_work import UnitOfWork
from funnelflow.workspace.workspace import Workspace

from ..funnels import PIPELINE, content

KILLS = int(os.environ.get("FUNNELFLOW_KILLS", "24"))
SEED = 20260301
CHUNK = 20
STORE_ERROR = 3


def story(rows: int = 240) -> str:
    """Write a file with something of everything: keys, repeats, refusals, bad rows."""
    dice = random.Random(SEED)
    lines = ["contact,event,at,to,facts,key"]
    for n in range(rows):
        contact = f"c{dice.randrange(31)}"
        at = f"2026-03-{1 + n // 24:02d}T{n % 24:02d}:00:00Z"
        event = dice.choice(["subscribed", "replied", "replied", "called", "move", "nope"])
        to = "prospect" if event == "move" else ""
        facts = dice.choice(["", '"{""email"": ""a@example.com""}"', '"{""budget"": 6000}"', "{"])
        lines.append(f"{contact},{event},{at},{to},{facts},k{n}")
        if n % 17 == 0:
            lines.append(lines[-1])
    return "\n".join(lines) + "\n"


class Story:
    """What an undisturbed run leaves behind, to be compared with."""

    def __init__(self, workspace: Workspace, path: str) -> None:
        summary = workspace.apply(path, FileOptions(chunk=CHUNK))
        self.counts = summary.counts
        self.rejects = Path(summary.rejects).read_bytes()
        self.told = told(workspace)

    def check_begun(self, workspace: Workspace) -> None:
        """Hold what is stored to be a beginning of the story, and sound."""
        stored = told(workspace)
        assert all(self.told[c][: len(found)] == found for c, found in stored.items())
        assert sent_messages(workspace) == moved(workspace)
        assert workspace.verify().problems == 0

    def check_done(self, workspace: Workspace, path: str) -> None:
        """Hold what is stored to be the whole story."""
        summary = workspace.apply(path, FileOptions(chunk=CHUNK))
        assert summary.applied_before
        assert summary.counts == self.counts
        assert Path(summary.rejects).read_bytes() == self.rejects
        assert told(workspace) == self.told
        assert workspace.verify().problems == 0


def told(workspace: Workspace) -> dict[str, list[dict[str, Any]]]:
    """Give what every contact's history says, in order."""
    found = defaultdict(list)
    for row in workspace.history(limit=100_000).rows:
        found[row.contact_id] += content([row])
    return dict(found)


def moved(workspace: Workspace) -> list[tuple[str, int]]:
    """Give every transition in the history."""
    rows = workspace.history(limit=100_000).rows
    return sorted((row.contact_id, row.sequence) for row in rows if row.outcome == "moved")


def sent_messages(workspace: Workspace) -> list[tuple[str, int]]:
    """Give every transition that is to be sent."""
    messages = Outbox(workspace.engine).messages(limit=100_000)
    return sorted((message.contact_id, message.sequence) for message in messages)


def tell_somebody(directory: Path) -> None:
    """Let every transition be sent, however old."""
    with (directory / "funnelflow.toml").open("a") as settings:
        settings.write('[[notify]]\nchannel = "log"\nfresh = "10000d"\n')


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> str:
    """Give the file that is applied."""
    file = tmp_path_factory.mktemp("story") / "story.csv"
    file.write_text(story())
    return str(file)


@pytest.fixture(scope="module")
def whole_story(tmp_path_factory, path) -> Story:
    """Give what an undisturbed run leaves behind."""
    directory = tmp_path_factory.mktemp("undisturbed")
    (directory / "pipeline.yaml").write_text(PIPELINE)
    with Workspace.create(directory, "pipeline") as workspace:
        return Story(workspace, path)


@pytest.fixture
def begin(tmp_path, request) -> Callable[[str], Path]:
    """Give what makes a new workspace on a kind of database."""

    def make(kind: str) -> Path:
        directory = tmp_path / f"w{len(list(tmp_path.iterdir()))}"
        directory.mkdir()
        (directory / "pipeline.yaml").write_text(PIPELINE)
        sqlite = kind == "sqlite"
        database = "funnelflow.db" if sqlite else request.getfixturevalue("new_schema")()
        Workspace.create(directory, "pipeline", database=database).close()
        tell_somebody(directory)
        return directory

    return make


def start(directory: Path, path: str, hook: Callable[[], object] = lambda: None):
    """Apply the file in a process of its own."""

    def child() -> None:
        hook()
        try:
            with Workspace.open(directory) as workspace:
                workspace.apply(path, FileOptions(chunk=CHUNK))
        except StoreError:
            os._exit(STORE_ERROR)
        os._exit(0)

    process = get_context("fork").Process(target=child)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a process with threads forks
        process.start()
    return process


def die() -> None:
    """End this process as the kernel would."""
    os.kill(os.getpid(), signal.SIGKILL)


def at_call(owner: object, name: str, number: int, *, after: bool) -> Callable[[], None]:
    """Give a hook that dies at the call of that number, before or after it."""

    def hook() -> None:
        function, calls = getattr(owner, name), []

        def dying(*arguments, **named):
            calls.append(None)
            if len(calls) == number and not after:
                die()
            result = function(*arguments, **named)
            if len(calls) == number and after:
                die()
            return result

        setattr(owner, name, dying)

    return hook


def half_of_the_rejects(number: int) -> Callable[[], None]:
    """Give a hook that dies with half of a chunk's rejects on the disk."""

    def hook() -> None:
        append, calls = RejectsFile._append, []

        def dying(self, data):
            calls.append(None)
            half = len(calls) == number
            append(self, data[: len(data) // 2] if half else data)
            if half:
                die()

        RejectsFile._append = dying

    return hook


POINTS = {
    "before contacts are read": lambda n: at_call(UnitOfWork, "load", n, after=False),
    "before rows are written": lambda n: at_call(UnitOfWork, "write", n, after=False),
    "after rows are written": lambda n: at_call(UnitOfWork, "write", n, after=True),
    "before rejects are written": lambda n: at_call(RejectsFile, "write", n, after=False),
    "with half the rejects written": half_of_the_rejects,
    "after rejects are written": lambda n: at_call(RejectsFile, "write", n, after=True),
    "before the checkpoint": lambda n: at_call(apply_module, "save_checkpoint", n, after=False),
    "after the checkpoint": lambda n: at_call(apply_module, "save_checkpoint", n, after=True),
    "after the commit": lambda n: at_call(apply_module._FileRun, "_committed", n, after=False),
}
SORTED_POINTS = {
    "while rows are copied": lambda n: at_call(time_order, "_copies", n, after=True),
    "when rows are sorted": lambda _: at_call(time_order._Order, "skip", 1, after=True),
    "before rows are taken": lambda n: at_call(time_order._Order, "take", n, after=False),
    **{name: POINTS[name] for name in POINTS if name.startswith(("with half", "after"))},
}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_run_killed_at_named_points_goes_on(kind, begin, path, whole_story):
    kill_at_points(POINTS, kind, begin, path, whole_story)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_run_that_sorts_its_file_killed_at_named_points_goes_on(
    kind, begin, tmp_path, whole_story
):
    header, *rows = story().splitlines(keepends=True)
    random.Random(SEED).shuffle(rows)
    path = tmp_path / "shuffled.csv"
    path.write_text(header + "".join(rows))
    with Workspace.open(begin("sqlite")) as workspace:
        shuffled = Story(workspace, str(path))
    assert shuffled.counts == whole_story.counts
    assert shuffled.told == whole_story.told
    kill_at_points(SORTED_POINTS, kind, begin, str(path), shuffled)


def kill_at_points(points, kind, begin, path, whole_story):
    """Kill runs at points until there were enough, and hold what they leave to the story."""
    dice, left = random.Random(SEED), max(KILLS // 3, len(points))
    points = [*points.values()]
    while left > 0:
        directory, code = begin(kind), None
        while code != 0:
            hook = points[left % len(points)](dice.randint(1, 6)) if left > 0 else nothing
            left -= 1
            process = start(directory, path, hook)
            process.join()
            code = process.exitcode
            assert code in {0, -signal.SIGKILL}
            with Workspace.open(directory) as workspace:
                whole_story.check_begun(workspace)
        with Workspace.open(directory) as workspace:
            whole_story.check_done(workspace, path)


def nothing(*_) -> None:
    """Change nothing."""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_run_killed_at_random_times_goes_on(kind, begin, path, whole_story):
    dice, left = random.Random(SEED), max(KILLS // 6, 1)
    length = duration(begin(kind), path)
    while left > 0:
        directory, code = begin(kind), None
        while code != 0:
            process = start(directory, path)
            if left > 0:
                time.sleep(dice.uniform(0, length / 2))
                left -= process.is_alive()
                process.kill()
            process.join()
            code = process.exitcode
            with Workspace.open(directory) as workspace:
                whole_story.check_begun(workspace)
        with Workspace.open(directory) as workspace:
            whole_story.check_done(workspace, path)


def duration(directory: Path, path: str) -> float:
    """Give how long an undisturbed run takes, its process included."""
    begun = time.monotonic()
    start(directory, path).join()
    return time.monotonic() - begun


def test_a_run_whose_connection_the_server_ends_goes_on(begin, path, whole_story, server):
    dice, left = random.Random(SEED), max(KILLS // 12, 1)
    length = duration(begin("postgresql"), path)
    while left > 0:
        directory, code = begin("postgresql"), None
        while code != 0:
            process = start(directory, path)
            if left > 0:
                time.sleep(dice.uniform(0, length / 2))
                left -= end_connections(server)
            process.join()
            code = process.exitcode
            assert code in {0, STORE_ERROR}
            with Workspace.open(directory) as workspace:
                whole_story.check_begun(workspace)
        with Workspace.open(directory) as workspace:
            whole_story.check_done(workspace, path)


def end_connections(server: str) -> int:
    """End what the program is connected by; gives whether there was anything to end."""
    with psycopg.connect(server, autocommit=True) as connection:
        ended = connection.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE application_name = 'funnelflow'"
        ).fetchone()
    return int(bool(ended[0]))


def test_a_run_whose_server_is_killed_goes_on(tmp_path, path, whole_story, mortal):
    dice, left = random.Random(SEED), max(KILLS // 24, 1)
    directory = tmp_path / "work"
    directory.mkdir()
    (directory / "pipeline.yaml").write_text(PIPELINE)
    numbers = count(1)
    while left > 0:
        name = f"t{next(numbers)}"
        with psycopg.connect(mortal.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        for old in directory.glob("funnelflow.toml"):
            old.unlink()
        Workspace.create(directory, "pipeline", database=mortal.url(name)).close()
        tell_somebody(directory)
        code = None
        while code != 0:
            process = start(directory, path)
            if left > 0:
                time.sleep(dice.uniform(0.02, 0.2))
                left -= process.is_alive()
                mortal.kill()
                mortal.revive()
            process.join()
            code = process.exitcode
            assert code in {0, STORE_ERROR}
            with Workspace.open(directory) as workspace:
                whole_story.check_begun(workspace)
        with Workspace.open(directory) as workspace:
            whole_story.check_done(workspace, path)


def commit_the_checkpoint_by_itself() -> None:
    """Break the build: the place in the file is committed after the rows, not with them."""
    save, reach = apply_module.save_checkpoint, apply_module._FileRun._committed

    def not_yet(_, held, now, at):
        return evolve(now, id=held.id if held else None)

    def then(self, *came):
        held = self._saved
        reach(self, *came)
        if len(killed_at) == self._checkpoint.offset.lines // CHUNK:
            die()
        with writing(self._setup.context.engine) as connection:
            self._checkpoint = save(connection, held, self._checkpoint, self._setup.store.clock())
        self._saved = self._checkpoint

    killed_at = [None] * 3
    apply_module.save_checkpoint = not_yet
    apply_module._FileRun._committed = then


def test_these_tests_notice_a_checkpoint_that_is_committed_by_itself(begin, path, whole_story):
    directory = begin("sqlite")
    process = start(directory, path, commit_the_checkpoint_by_itself)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    start(directory, path).join()
    with Workspace.open(directory) as workspace, pytest.raises(AssertionError):
        whole_story.check_done(workspace, path)


def rejects_without_cutting_back() -> None:
    """Break the build: what a killed run wrote to the rejects file stays in it."""

    def keep(self):
        file = self.path.open("ab")
        self.size = file.tell()
        return file

    RejectsFile._cut_back = keep
    RejectsFile.cut = nothing


def test_these_tests_notice_rejects_that_are_written_twice(begin, path, whole_story):
    directory = begin("sqlite")
    start(directory, path, POINTS["after rejects are written"](4)).join()
    start(directory, path, rejects_without_cutting_back).join()
    with Workspace.open(directory) as workspace, pytest.raises(AssertionError):
        whole_story.check_done(workspace, path)
