"""One bad receiver slows no other: each kind of it, beside a good one, with real messages.

What holds a sender up does so until the good receiver has everything, so nothing here depends
on how fast a machine is: if the good one had to wait for the bad one, it would wait for ever.
"""

import gzip
import re
import socket
import struct
import threading
from collections import defaultdict

import pytest
from attrs import field, frozen
from funnelflow_webhook import funnelflow_notifiers

from funnelflow.notify import Deliverer, open_endpoints
from funnelflow.plugins import PluginHost, hookimpl
from funnelflow.storage.outbox import Outbox
from funnelflow.workspace.workspace import Workspace

CONTACTS = [f"c{number}" for number in range(12)]
STAGES = ["talking", "new", "talking"]
FUNNEL = """\
funnel: pipeline
initial: new
events: {asked: {}, reset: {}}
stages: {new: {}, talking: {type: won}}
transitions:
  - {from: new, to: talking, on: asked}
  - {from: talking, to: new, on: reset}
"""
ENDPOINT = """
[[notify]]
name = "%s"
channel = "webhook"
[notify.settings]
url = "%s"
allow = ["127.0.0.1"]
"""


def hang(_connection, held):
    held.wait(60)


def drip(connection, held):
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not held.wait(0.02):
        connection.sendall(b"a")


def pour(connection, held):
    connection.sendall(b"HTTP/1.1 500 No\r\nContent-Length: 10000000000\r\n\r\n")
    while not held.is_set():
        connection.send(b"y" * 65536)


def talk(connection, held):
    while not held.is_set():
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        held.wait(0.01)


def bomb(connection, _held):
    body = gzip.compress(b"\0" * 20_000_000)
    head = b"HTTP/1.1 500 No\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    connection.sendall(head % len(body) + body)


def reset(connection, _held):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def answer(status, *headers):
    """Give a behaviour: answer at once."""
    lines = "".join(f"{line}\r\n" for line in ("Content-Length: 0", *headers))

    def behave(connection, _held):
        connection.sendall(f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode("ascii"))

    return behave


@frozen
class Bad:
    """A bad receiver.

    Attributes:
        behave: What it does with each connection.
        problem: What is said of it.
        states: What becomes of its messages that were tried.
        is_secure: It speaks TLS, with a certificate that nobody vouches for.
        wait: The seconds for which it makes its messages wait, at least.
    """

    behave: object
    problem: str
    states: set = field(factory=lambda: {"waiting"})
    is_secure: bool = False
    wait: int = 0


BAD = {
    "hang": Bad(hang, "broke the connection off"),
    "drip": Bad(drip, "broke the connection off|no HTTP"),
    "endless talk": Bad(talk, "no HTTP, or too long|broke the connection off"),
    "huge body": Bad(pour, "answered 500"),
    "gzip bomb": Bad(bomb, "answered 500"),
    "redirect": Bad(answer(302, "Location: http://127.0.0.1:1/"), "redirects are not followed"),
    "gone": Bad(answer(410), "answered 410 Gone", {"dead"}),
    "too many": Bad(answer(429, "Retry-After: 7200"), "answered 429", wait=7200),
    "failure": Bad(answer(500), "answered 500"),
    "reset": Bad(reset, "broke the connection off"),
    "bad certificate": Bad(answer(200), "certificate of 127.0.0.1 is not trusted", is_secure=True),
}


class Webhooks:
    """The plugin, as it is when it is installed."""

    @hookimpl
    def funnelflow_notifiers(self):
        return list(funnelflow_notifiers())


@pytest.fixture
def start(tmp_path, funnelflow_clock):
    """Make a workspace with these endpoints and messages for them."""
    made = []

    def fill(*endpoints):
        (tmp_path / "pipeline.yaml").write_text(FUNNEL)
        host = PluginHost()
        host.register(Webhooks(), "webhooks")
        with Workspace.create(tmp_path, "pipeline", plugins=host):
            pass
        with (tmp_path / "funnelflow.toml").open("a") as settings:
            settings.writelines(ENDPOINT % endpoint for endpoint in endpoints)
        made.append(Workspace.open(tmp_path, plugins=host, clock=funnelflow_clock))
        for name in CONTACTS:
            made[0].add(name)
            for event in ("asked", "reset", "asked"):
                made[0].record(name, event)
        return made[0]

    yield fill
    for workspace in made:
        workspace.close()


@pytest.fixture
def held():
    """Set when bad receivers may stop being bad."""
    event = threading.Event()
    yield event
    event.set()


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_a_bad_receiver_slows_no_other(bad, start, serve, tls, held, funnelflow_receiver):
    context = tls("127.0.0.1") if bad.is_secure else None
    server = serve(lambda connection, _: bad.behave(connection, held), context)
    url = server.url("https" if bad.is_secure else "http")
    workspace = start(("bad", url), ("good", funnelflow_receiver.url))
    outbox = Outbox(workspace.engine, workspace.clock)
    channels = open_endpoints(
        workspace.config.subscriptions, workspace.plugins, workspace.config.directory
    )
    worker = Deliverer(channels, outbox, clock=workspace.clock)
    running = threading.Thread(target=worker.run, daemon=True)
    running.start()
    requests = funnelflow_receiver.wait_for(len(CONTACTS) * len(STAGES), 60)
    held.set()
    running.join(60)
    assert not running.is_alive()

    told = defaultdict(list)
    for request in requests:
        told[request.json()["subject"]].append(request.json()["data"]["after"])
    assert told == dict.fromkeys(CONTACTS, STAGES)
    assert len(funnelflow_receiver.requests) == len(requests)
    assert {letter.state for letter in outbox.messages(endpoint="good")} == {"delivered"}
    tried = [letter for letter in outbox.messages(endpoint="bad") if letter.attempts]
    assert server.connections
    assert tried
    assert {letter.state for letter in tried} == bad.states
    assert all(re.search(bad.problem, letter.problem) for letter in tried)
    least = workspace.clock.now.timestamp() + bad.wait
    assert all(letter.due_at.timestamp() >= least for letter in tried if bad.wait)
    assert [off.name for off in outbox.off()] == (["bad"] if "dead" in bad.states else [])
