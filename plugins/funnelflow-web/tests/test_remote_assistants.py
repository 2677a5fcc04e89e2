"""An assistant over streamable HTTP, with the client of the protocol's own package."""

import datetime as dt

import anyio
import httpx2
import pytest
from funnelflow_web.tokens import TokenStore
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

import funnelflow

SETTINGS = """
[plugins.web]
assistant_roles = ["marketing", "sales"]
"""


@pytest.fixture
def database():
    """Give the setting of a database; what is tested here ends before it."""
    return "funnelflow.db"


def made(directory, *roles):
    """Make a token; give its text."""
    with funnelflow.open(directory) as workspace:
        return TokenStore(directory).add("bot", roles, dt.timedelta(1), workspace.clock())[1]


def called(server, token, calls):
    """Call tools one after the other; give the names of the tools, and the answers."""

    async def run():
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
            transport = streamable_http_client(f"{server.address}/mcp", http_client=http)
            async with Client(transport) as client:
                listed = await client.list_tools()
                answers = [await client.call_tool(name, said) for name, said in calls]
                return {tool.name for tool in listed.tools}, answers

    return anyio.run(run)


def test_an_assistant_with_a_token_asks_and_writes_with_the_roles_that_it_may_have(
    serve, directory
):
    with funnelflow.open(directory) as workspace:
        workspace.add("bob", {"budget": 1})
    server, token = serve(SETTINGS), made(directory, "admin", "sales")
    calls = [
        ("why", {"contact": "bob"}),
        ("set", {"contact": "bob", "facts": {"budget": 7}, "dry_run": False}),
        ("move", {"contact": "bob", "to": "customer", "force": True, "dry_run": False}),
        ("move", {"contact": "bob", "to": "customer", "dry_run": False}),
    ]
    names, (why, set_, forced, moved) = called(server, token, calls)
    assert "who_could_move" in names
    assert why.structured_content["data"]["stage"] == "target"
    assert set_.structured_content["data"]["event"]["roles"] == ["sales"]
    assert forced.structured_content["error"]["code"] == "field"
    assert moved.structured_content["data"]["outcome"] == "refused"
    with funnelflow.open(directory) as workspace:
        rows = workspace.history("bob").rows
        assert [row.actor for row in rows[1:]] == ["bot", "bot"]
        assert workspace.contact("bob").contact.stage == "target"


@pytest.mark.parametrize("token", ["", "wrong", "revoked"])
def test_nobody_is_served_without_a_token_that_counts(serve, directory, token):
    server, headers = serve(SETTINGS), {}
    if token == "revoked":
        store, token = TokenStore(directory), made(directory)
        store.revoke(next(store.all()).id)
    if token:
        headers = {"Authorization": f"Bearer {token}"}
    said = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    accept = {"Accept": "application/json, text/event-stream", **headers}
    answer = httpx2.post(f"{server.address}/mcp", json=said, headers=accept)
    assert answer.status_code == 401
    assert httpx2.get(f"{server.address}/mcp", headers=accept).status_code in {401, 405}
