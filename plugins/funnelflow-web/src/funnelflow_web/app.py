"""The whole server as an application: its routes, and what every request passes through."""

import logging
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from funnelflow import Error, Workspace
from funnelflow_web import (
    api,
    board,
    contact,
    definitions,
    inbound,
    messages,
    numbers,
    remote_assistants,
)
from funnelflow_web.access import (
    AccessMiddleware,
    finder_of,
    login_routes,
    session_middleware,
    token_finder,
)
from funnelflow_web.inbound.sources import read_sources
from funnelflow_web.pages import Pages
from funnelflow_web.protection import ProtectionMiddleware
from funnelflow_web.settings import WebSettings
from funnelflow_web.site import Site

_LOG = logging.getLogger("funnelflow.web")


def create_app(
    workspace: Workspace,
    settings: WebSettings | None = None,
    *,
    address: str = "http://127.0.0.1:8765",
) -> ASGIApp:
    """Return the server of a workspace, for any ASGI server.

    Args:
        workspace: The workspace; it stays open as long as the application is used.
        settings: What ``[plugins.web]`` says; None for what holds without it.
        address: At which it is reached.

    Raises:
        ConfigurationError: The settings cannot be used.
    """
    settings = settings or WebSettings()
    directory = workspace.context.directory
    site = Site(workspace, settings, address, read_sources(settings.sources, directory))
    pages = Pages(site)
    app: ASGIApp = Starlette(routes=_routes(site, pages), exception_handlers=_handlers(pages))
    app = AccessMiddleware(app, finder_of(site), token_finder(site), login=settings.login == "oidc")
    app = session_middleware(app, site, directory)
    return ProtectionMiddleware(app, (address, settings.url), settings.proxy_addresses)


def _routes(site: Site, pages: Pages) -> list[BaseRoute]:
    """Return the routes of all parts."""
    static = StaticFiles(packages=[("funnelflow_web", "static")])
    return [
        *board.routes(site, pages),
        *contact.routes(site, pages),
        *numbers.routes(site, pages),
        *definitions.routes(site, pages),
        *messages.routes(site, pages),
        *login_routes(site),
        *inbound.routes(site),
        *api.routes(site),
        *remote_assistants.routes(site),
        Mount("/static", static, name="static"),
    ]


def _handlers(pages: Pages) -> dict[Any, Any]:
    """Return what answers to errors: a page to a browser, JSON to a program."""

    def error(request: Request, raised: Any) -> Response:
        said, status = raised.to_json(), raised.http_status
        if status >= 500:  # noqa: PLR2004
            _LOG.error("%s: %s", raised.code, raised.message)
            said, status = {"code": raised.code, "message": "not done", "hint": ""}, 503
        return _answer(request, said, status)

    def http_error(request: Request, raised: Any) -> Response:
        said = {"code": "http", "message": raised.detail, "hint": ""}
        return _answer(request, said, raised.status_code, raised.headers)

    def _answer(request: Request, said: Any, status: int, headers: Any = None) -> Response:
        is_page = "text/html" in request.headers.get("accept", "")
        if is_page and hasattr(request.state, "caller"):
            return pages.answer(request, "error.html", status=status, error=said)
        return JSONResponse(said, status, headers)

    return {Error: error, HTTPException: http_error}
