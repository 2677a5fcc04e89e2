"""What another site's page makes a browser send, or nobody who is known: it changes nothing."""

import pytest
from funnelflow_web.app import create_app
from funnelflow_web.protection import INBOUND, SAFE
from funnelflow_web.settings import WebSettings
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

import funnelflow

ADDRESS = "http://127.0.0.1:8765"


@pytest.fixture
def database():
    """Give the setting of a database; what is tested here ends before it."""
    return "funnelflow.db"


@pytest.fixture
def workspace(directory):
    """Give a workspace with somebody in it."""
    with funnelflow.open(directory) as opened:
        opened.record("ada", "form_submitted", {"email": "ada@example.com"}, create=True)
        yield opened


def changing(app):
    """Give the paths of an application that change something, with their methods."""
    while not hasattr(app, "routes"):
        app = getattr(app, "_app", None) or app.app
    return sorted(set(_below("", app.routes)))


def _below(before, routes):
    for route in routes:
        if isinstance(route, Mount):
            inner = getattr(route.app, "app", route.app)  # what stands before the API's own routes
            yield from _below(before + route.path, route.routes or getattr(inner, "routes", ()))
        elif isinstance(route, Route) and not route.path.startswith(INBOUND):
            path = before + route.path.replace("{number:int}", "1").replace("{contact}", "ada")
            for method in (route.methods or ()) - SAFE:
                yield method, path


def state(workspace):
    """Give what is stored."""
    rows = workspace.history("ada").rows
    return [row.event for row in rows], workspace.counts()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://localhost"},
        {"Origin": "https://127.0.0.1:8765"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
def test_another_site_s_page_changes_nothing(workspace, headers):
    app = create_app(workspace, WebSettings(), address=ADDRESS)
    before, paths = state(workspace), changing(app)
    assert len(paths) > 5
    for method, path in paths:
        client = TestClient(app, base_url=ADDRESS)
        for said in ({"json": {}}, {"data": {"to": "customer", "force": "1", "reason": "x"}}):
            answer = client.request(method, path, headers=headers, **said)
            assert answer.status_code in (403, 429), (method, path, answer.text)
        app = create_app(workspace, WebSettings(), address=ADDRESS)  # nobody has failed yet
    assert state(workspace) == before


def test_a_form_without_what_its_page_gave_it_changes_nothing(workspace):
    before = state(workspace)
    for said in ("", "x" * 43, "null"):
        app = create_app(workspace, WebSettings(), address=ADDRESS)
        for method, path in changing(app):
            if path.startswith(("/api", "/mcp", "/login")):
                continue
            client = TestClient(app, base_url=ADDRESS)
            client.get("/")
            data = {"csrf": said, "to": "customer", "event": "purchased", "reason": "x", "row": "1"}
            answer = client.request(method, path, data=data)
            assert answer.status_code in (403, 429), (method, path, answer.status_code)
    assert state(workspace) == before


def test_nobody_who_is_not_known_changes_or_reads_anything(workspace):
    settings = WebSettings(login="tokens")
    before = state(workspace)
    app = create_app(workspace, settings, address=ADDRESS)
    paths = [*changing(app), ("GET", "/"), ("GET", "/contacts/1"), ("GET", "/api/contacts")]
    for method, path in paths:
        for said in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic YTpi"}):
            app = create_app(workspace, settings, address=ADDRESS)
            client = TestClient(app, base_url=ADDRESS, follow_redirects=False)
            answer = client.request(method, path, headers=said)
            assert answer.status_code == 401, (method, path, answer.status_code)
            assert "ada@example.com" not in answer.text
    assert state(workspace) == before
