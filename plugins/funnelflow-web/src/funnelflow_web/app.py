"""The whole server as an application: its routes, and what every request passes through."""

import logging
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from funnelflow import Error, Workspace
from funnelflow_web import inbound
from funnelflow_web.access import AccessMiddleware, finder_of, login_routes, session_middleware
from funnelflow_web.inbound.sources import read_sources
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
    app: ASGIApp = Starlette(
        routes=_routes(site), exception_handlers={Error: _error, HTTPException: _http_error}
    )
    app = AccessMiddleware(app, finder_of(site), login=settings.login == "oidc")
    app = session_middleware(app, site, directory)
    return ProtectionMiddleware(app, (address, settings.url), settings.proxy_addresses)


def _routes(site: Site) -> list[BaseRoute]:
    """Return the routes of all parts."""

    def home(request: Request) -> Response:
        count = sum(site.workspace.counts().values())
        name = request.state.caller.actor or "nobody"
        return PlainTextResponse(f"funnelflow: {count:,} contacts. You are {name}.")

    return [Route("/", home), *login_routes(site), *inbound.routes(site)]


def _error(_: Request, error: Any) -> Response:
    """Return the answer to an error that funnelflow raised on purpose."""
    if error.http_status >= 500:  # noqa: PLR2004
        _LOG.error("%s: %s", error.code, error.message)
        return JSONResponse({"code": error.code, "message": "not done", "hint": ""}, 503)
    return JSONResponse(error.to_json(), error.http_status)


def _http_error(_: Request, error: Any) -> Response:
    said = {"code": "http", "message": error.detail, "hint": ""}
    return JSONResponse(said, error.status_code, error.headers)
