"""Workers are killed at random while they deliver: nothing is lost, and order is kept.

The full size is chosen by the environment: ``FUNNELFLOW_DELIVERY_KILLS=200 pytest
tests/notify/test_kill.py -s`` prints its figures.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

from funnelflow.plugins import PluginHost
from funnelflow.storage.outbox import Outbox
from funnelflow.workspace.workspace import Workspace

from .support import PIPELINE

KILLS = int(os.environ.get("FUNNELFLOW_DELIVERY_KILLS", "3"))
WORKERS = 3
EVENTS = ("asked", "reset") * 3
NOTIFIER = '''\
"""A notifier that writes what it is given to a file, a line at a time."""
import json, os, random, time
from pathlib import Path
from funnelflow.plugins import DeliveryError, NotifierProvider, hookimpl

FILE = Path(__file__).parents[1] / "recorder"

def send(message, settings):
    time.sleep(random.random() * 0.03)
    line = json.dumps([message.subject, message.data["sequence"], message.id]) + "\\n"
    descriptor = os.open(FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, line.encode())
    os.close(descriptor)

@hookimpl
def funnelflow_notifiers():
    return [NotifierProvider("recorder", send, None, "Writes to a file.")]
'''


def start(directory: Path) -> subprocess.Popen[bytes]:
    program = Path(__file__).parent / "deliverer.py"
    return subprocess.Popen([sys.executable, str(program), str(directory), "700"])


def fill(workspace: Workspace, contacts: int) -> int:
    """Move contacts about; gives how many transitions that makes."""
    rows = [
        f"c{n:04},{event},2026-03-01T09:{minute:02}:00Z\n"
        for minute, event in enumerate(EVENTS)
        for n in range(contacts)
    ]
    path = workspace.config.directory / "events.csv"
    path.write_text("contact,event,at\n" + "".join(rows))
    workspace.apply(str(path))
    return len(rows)


def test_killed_workers_lose_nothing_and_keep_the_order(tmp_path, database, capsys):
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "recorder.py").write_text(NOTIFIER)
    plugins = PluginHost()
    Workspace.create(tmp_path, "pipeline", database=database, plugins=plugins).close()
    with (tmp_path / "funnelflow.toml").open("a") as settings:
        settings.write('[[notify]]\nchannel = "recorder"\nfresh = "9999d"\n')
    with Workspace.open(tmp_path, plugins=plugins) as workspace:
        count = fill(workspace, 40 + 50 * KILLS)
        killed = deliver_and_kill(tmp_path, Outbox(workspace.engine))
        states = {state for _, state in Outbox(workspace.engine).counts()}
    assert states == {"delivered"}
    sent = [json.loads(line) for line in (tmp_path / "recorder").read_text().splitlines()]
    check(sent, count)
    with capsys.disabled():
        if "FUNNELFLOW_DELIVERY_KILLS" in os.environ:
            print(f"\n{count} transitions, {killed} workers killed: {len(sent) - count} twice")  # noqa: T201


def deliver_and_kill(directory: Path, outbox: Outbox) -> int:
    """Run workers and kill one after the other, then let the last ones finish."""
    chance = random.Random(7)
    workers = [start(directory) for _ in range(WORKERS)]
    killed = 0
    until = time.monotonic() + 60 + 10 * KILLS
    try:
        while any(state == "waiting" for _, state in outbox.counts()):
            assert time.monotonic() < until, outbox.counts()
            time.sleep(chance.uniform(0.3, 0.9))
            if killed < KILLS:
                victim = chance.randrange(WORKERS)
                workers[victim].kill()
                workers[victim].wait()
                workers[victim] = start(directory)
                killed += 1
    finally:
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
        codes = [worker.wait(20) for worker in workers]
    assert set(codes) <= {0, -signal.SIGTERM}
    return killed


def check(sent: list[list[object]], count: int) -> None:
    """Every transition was sent: the first time in order; each time under one id."""
    ids = defaultdict(set)
    firsts = defaultdict(list)
    for contact, sequence, number in sent:
        if not ids[contact, sequence]:
            firsts[contact].append(sequence)
        ids[contact, sequence].add(number)
    assert len(ids) == count
    assert all(sequences == sorted(sequences) for sequences in firsts.values())
    assert all(len(numbers) == 1 for numbers in ids.values())
