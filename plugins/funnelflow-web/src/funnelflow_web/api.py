"""The JSON API under ``/api``: requests are read, answered by the library, and errors are its own.

Who writes brings a token, or a session with what its own pages send. Ids in a path are
percent-encoded, and may hold a slash.
"""

import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final
from urllib.parse import unquote

from anyio.to_thread import run_sync
from attrs import frozen
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from funnelflow import UsageError
from funnelflow.storage.changes import ChangedMeanwhileError
from funnelflow_web.access import CSRF_HEADER, is_from_our_page, may
from funnelflow_web.forms import read_json, read_texts
from funnelflow_web.openapi import describe
from funnelflow_web.operations import OPERATIONS, Asked, Operation
from funnelflow_web.site import Site

_ETAG: Final = re.compile(r'"([0-9]{1,15})"')


def routes(site: Site) -> list[BaseRoute]:
    """Return the routes of the API."""
    description = describe(OPERATIONS)

    async def openapi(_: Request) -> Response:
        return JSONResponse(description)

    found: dict[str, dict[str, Operation]] = {}
    for one in OPERATIONS:
        found.setdefault(one.path, {})[one.method] = one
    below = [Route("/openapi.json", openapi)]
    below += [
        Route(path, _endpoint(site, by_method), methods=list(by_method))
        for path, by_method in found.items()
    ]
    return [Mount("/api", app=RawPath(Router(below, redirect_slashes=False)))]


@frozen
class RawPath:
    """Finds routes by the path as it was sent, so that an encoded slash separates nothing.

    Attributes:
        app: What is asked.
    """

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        raw = scope.get("raw_path") or scope["path"].encode()
        path = raw.split(b"?")[0].decode("latin-1")
        await self.app({**scope, "path": path}, receive, send)


def _endpoint(
    site: Site, by_method: dict[str, Operation]
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        one = by_method.get(request.method) or by_method["GET"]
        try:
            body = await request.body() if one.body is not None else b""
        except ClientDisconnect:
            return Response(status_code=400)
        return await run_sync(partial(_answer, site, one, request, body))

    return answer


def _answer(site: Site, one: Operation, request: Request, body: bytes) -> Response:
    refused = _refusal(site, one, request)
    if refused is not None:
        return refused
    asked = _read(site, one, request, body)
    try:
        data = one.call(asked)
    except ChangedMeanwhileError as error:
        return JSONResponse(error.to_json(), 412)
    headers = {}
    if one.name in _TAGGED and isinstance(data, dict):
        headers["ETag"] = f'"{data["sequence"]}"'
    return JSONResponse(data, 200, headers)


_TAGGED: Final = frozenset(
    {"get_contact", "explain_contact", "record_event", "set_facts", "move_contact", "void_rows"}
)


def _refusal(site: Site, one: Operation, request: Request) -> Response | None:
    """Return why somebody may not do this; None where they may."""
    if one.method != "GET" and not _may_write(request):
        hint = f"a token (`funnelflow web token add`), or {CSRF_HEADER} of a session"
        return _said(403, "not_proved", "what writes needs a token, or a page of this server", hint)
    if one.guard and not may(site, request.state.caller, one.guard):
        hint = f"{one.guard}_roles under [plugins.web] names the roles that may"
        return _said(403, "forbidden", f"{request.state.caller.actor} may not do this", hint)
    if one.body is not None and _content_type(request) != "application/json":
        return _said(415, "not_json", "the body must be JSON", "Content-Type: application/json")
    return None


def _may_write(request: Request) -> bool:
    said = request.headers.get(CSRF_HEADER, "")
    return bool(request.state.caller.token) or is_from_our_page(request, said)


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


def _said(status: int, code: str, message: str, hint: str) -> Response:
    return JSONResponse({"code": code, "message": message, "hint": hint}, status)


def _read(site: Site, one: Operation, request: Request, body: bytes) -> Asked:
    """Read a request.

    Raises:
        Error: It cannot be understood.
    """
    query = dict(request.query_params)
    if len(query) != len(request.query_params.multi_items()):
        raise UsageError("a name stands twice in the query")
    return Asked(
        site.workspace,
        request.state.caller,
        {name: _decoded(text) for name, text in request.path_params.items()},
        read_texts(one.query, query),
        None if one.body is None else read_json(one.body, body),
        _expected(request) if one.is_conditional else None,
    )


def _decoded(text: str) -> str:
    """Return a part of the path.

    Raises:
        UsageError: It is no UTF-8.
    """
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise UsageError("the path is no UTF-8") from None


def _expected(request: Request) -> int | None:
    """Return the length of the history that the contact must still have.

    Raises:
        UsageError: It is no tag of a contact.
    """
    said = request.headers.get("if-match")
    if said is None:
        return None
    form = _ETAG.fullmatch(said)
    if form is None:
        raise UsageError("If-Match is no tag of a contact", hint='give its ETag, such as "7"')
    return int(form[1])
