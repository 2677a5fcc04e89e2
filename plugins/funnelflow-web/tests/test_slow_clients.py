"""Clients that do not go on: the server does not wait for them for ever."""

import contextlib
import socket
import threading
import time

import pytest
import uvicorn
from funnelflow_web import protection, server
from funnelflow_web.app import create_app

import funnelflow

PATIENCE = 30


@pytest.fixture
def database():
    """Give the setting of a database; what is tested here ends before it."""
    return "funnelflow.db"


@pytest.fixture
def impatient(directory, monkeypatch):
    """Run a server in this process that waits for half a second; give its port."""
    monkeypatch.setattr(server, "HEADER_SECONDS", 0.5)
    monkeypatch.setattr(protection, "BODY_SECONDS", 0.5)
    source = {"kind": "json", "proof": "bearer", "secret": "x" * 20, "mapping": "segment"}
    with funnelflow.open(directory) as workspace, socket.create_server(("127.0.0.1", 0)) as place:
        port = place.getsockname()[1]
        settings = server.WebSettings(sources={"slow": source})
        app = create_app(workspace, settings, address=f"http://127.0.0.1:{port}")
        running = uvicorn.Server(server.configuration(app))
        thread = threading.Thread(target=running.run, args=([place],), daemon=True)
        thread.start()
        while not running.started:
            time.sleep(0.01)
        yield port
        running.should_exit = True
        thread.join(PATIENCE)


def dripped(port, *parts):
    """Send parts with time between them, and give all that comes back before it hangs up."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        with contextlib.suppress(OSError):
            for part in parts:
                connection.sendall(part)
                time.sleep(0.2)
        with contextlib.suppress(ConnectionError):
            while block := connection.recv(65536):
                answer += block
    return answer


def test_a_head_that_never_ends_is_not_waited_for(impatient):
    assert dripped(impatient) == b""
    assert dripped(impatient, b"GET / HTTP/1.1\r\n", *[b"X: y\r\n"] * 20) == b""


def test_a_body_that_never_ends_is_not_waited_for(impatient):
    host = f"Host: 127.0.0.1:{impatient}\r\n".encode()
    head = b"POST /in/slow HTTP/1.1\r\n" + host + b"Content-Length: 99\r\n\r\n"
    assert b" 408 " in dripped(impatient, head, *[b" "] * 8)[:20]


def test_whoever_goes_on_is_answered_on_one_connection(impatient):
    host = f"Host: 127.0.0.1:{impatient}\r\n".encode()
    asked = b"GET /in/slow HTTP/1.1\r\n" + host
    answer = dripped(impatient, asked + b"\r\n", asked, b"Connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 405") == 2
