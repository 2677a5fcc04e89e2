"""``/mcp``: the tools for assistants over streamable HTTP, behind tokens.

An assistant from elsewhere is the actor of its token, and has of its roles those that an assistant
may have at all. No session is kept: each request is answered by itself.
"""

from typing import Any

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from funnelflow_web.assistants import assistant_server
from funnelflow_web.protection import MAX_BODY
from funnelflow_web.site import Caller, Site


def routes(site: Site) -> list[Route]:
    """Return the route of the tools."""
    return [Route("/mcp", AssistantEndpoint(site), methods=["POST"])]


class AssistantEndpoint:
    """Answers requests of assistants.

    Args:
        site: What is served.
    """

    def __init__(self, site: Site) -> None:
        self._allowed = frozenset(site.settings.assistant_roles)
        self._server = assistant_server(site.workspace, self._caller)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        caller: Caller = scope["state"]["caller"]
        if not caller.token:
            said = {"code": "not_logged_in", "message": "an assistant needs a token", "hint": ""}
            refused = JSONResponse(said, 401, {"WWW-Authenticate": "Bearer"})
            await refused(scope, receive, send)
            return
        manager = StreamableHTTPSessionManager(
            self._server, json_response=True, stateless=True, max_request_body_size=MAX_BODY
        )
        async with manager.run():
            await manager.handle_request(scope, receive, send)

    def _caller(self, request: Any) -> Caller:
        """Return who asks, with the roles that an assistant may have."""
        caller: Caller = request.state.caller
        roles = tuple(role for role in caller.roles if role in self._allowed)
        return Caller(caller.actor, roles, caller.token)
