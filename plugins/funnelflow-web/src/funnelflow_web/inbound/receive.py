"""``POST /in/NAME``: what a source sends is recorded, and only then answered with 2xx.

The order is what keeps it safe: the size first, then who sent it, over the bytes as they came; only
what is proved is read. A sender that gets no 2xx sends again, and what came before is known by its
key. What is proved and cannot be used is kept, see `funnelflow web rejects`.
"""

import datetime as dt
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from funnelflow import Error, UnknownNameError, UsageError, Workspace
from funnelflow.ingest import IncomingRecord, Receipt
from funnelflow_web.inbound.formats import UnreadableError, read_records
from funnelflow_web.inbound.signatures import Incoming, check_sender
from funnelflow_web.inbound.sources import Source
from funnelflow_web.protection import TooLargeError

_LOG = logging.getLogger("funnelflow.web.inbound")
_LISTED: Final = frozenset(
    {"accept", "accept-encoding", "accept-language", "via", "x-forwarded-for"}
)
"""Headers that may come several times; of any other, which one would count?"""


class UnknownSourceError(UnknownNameError):
    """There is no source of that name."""

    http_status = 404


class Receiving(Protocol):
    """What receiving needs of the site."""

    @property
    def workspace(self) -> Workspace:
        """The workspace that is served."""

    @property
    def sources(self) -> Mapping[str, Source]:
        """The sources by name."""


Endpoint = Callable[[Request], Awaitable[Response]]


def routes(site: Receiving) -> list[Route]:
    """Return the routes for what comes in."""
    return [Route("/in/{name}", _endpoint(site), methods=["POST"], name="inbound")]


def _endpoint(site: Receiving) -> Endpoint:
    async def inbound(request: Request) -> Response:
        name = request.path_params["name"]
        source = site.sources.get(name)
        try:
            if source is None:
                raise UnknownSourceError("source", name)
            incoming = await read_request(request, source.max_size)
            receipt = await run_sync(take, site.workspace, source, incoming)
        except ClientDisconnect:
            return Response(status_code=400)
        except Error as error:
            return _refusal(error, name if source else "?")
        return _accepted(request, source, receipt)

    return inbound


def take(workspace: Workspace, source: Source, incoming: Incoming) -> Receipt | None:
    """Record a delivery, if it is proved who sent it.

    Returns:
        What came of it, when that is on the disk; None where nothing was said.

    Raises:
        NotProvedError: It is not proved who sent it.
        UnreadableError: It is not in the form of its source.
        StoreError: It could not be stored; it has to come again.
    """
    delivery = check_sender(source, incoming, dt.datetime.now(dt.UTC))
    records = read_records(source, incoming, delivery)
    return record(workspace, source, records) if records else None


def record(workspace: Workspace, source: Source, records: list[IncomingRecord]) -> Receipt:
    """Record what is proved and read; where the mapping does not fit, keep all of it.

    Raises:
        StoreError: It could not be stored.
    """
    try:
        options = source.options(workspace)
        return workspace.receive(records, options, source=source.name, create=source.create)
    except UsageError as error:
        reason = f"{error.message} ({error.hint})" if error.hint else error.message
        return workspace.set_aside(records, reason, source=source.name)


async def read_request(request: Request, max_size: int) -> Incoming:
    """Return a request with its body, as it came.

    Raises:
        TooLargeError: It has more bytes than it may have.
        TooSlowError: They do not come in time.
        UnreadableError: A header comes twice.
    """
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        if name in headers and name not in _LISTED:
            raise UnreadableError(f"the header {name} comes twice")
        headers[name] = value
    declared = headers.get("content-length", "0")
    if declared.isdecimal() and int(declared[:20]) > max_size:
        raise TooLargeError(max_size)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_size:
            raise TooLargeError(max_size)
    return Incoming(headers, bytes(body), request.url.query)


def _refusal(error: Error, name: str) -> Response:
    """Return the answer to what is not taken; of what is wrong here, a sender learns nothing."""
    status, headers = error.http_status, {}
    if status >= 500:  # noqa: PLR2004  # the server's own
        _LOG.error("source %s: %s", name, error.code)
        headers["Retry-After"] = "5"
        said: dict[str, Any] = {"code": error.code, "message": "not stored; send it again"}
    else:
        _LOG.warning("source %s: refused, %s", name, error.code)
        said = error.to_json()
    if status == 401:  # noqa: PLR2004
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(said, status, headers)


def _accepted(request: Request, source: Source, receipt: Receipt | None) -> Response:
    """Return the answer to what is stored; a person is thanked."""
    if source.kind == "form":
        return _thanks(request, source)
    counts = receipt.counts if receipt else None
    said = {
        "records": counts.rows if counts else 0,
        "repeated": counts.repeated if counts else 0,
        "kept": counts.rejected if counts else 0,
    }
    return JSONResponse(said)


def _thanks(request: Request, source: Source) -> Response:
    headers = {"Access-Control-Allow-Origin": request.headers["origin"], "Vary": "Origin"}
    if source.thanks:
        return RedirectResponse(source.thanks, 303, headers)
    return PlainTextResponse("Thank you.", headers=headers)
