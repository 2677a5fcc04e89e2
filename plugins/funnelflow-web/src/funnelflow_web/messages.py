"""Messages: what waits to be sent, what could not be, and trying it again."""

from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from funnelflow.storage.messages import MESSAGE_STATES
from funnelflow.storage.outbox import Outbox
from funnelflow_web.access import may
from funnelflow_web.pages import Form, Pages, caller_of, changing
from funnelflow_web.site import Site

MOST_LISTED: Final = 200


def routes(site: Site, pages: Pages) -> list[BaseRoute]:
    """Return the routes of the outbox."""
    workspace = site.workspace

    def box() -> Outbox:
        return Outbox(workspace.engine, workspace.clock)

    def outbox(request: Request) -> Response:
        asked = request.query_params
        state = next((one for one in MESSAGE_STATES if one == asked.get("state")), None)
        after = asked.get("after", "0")
        found = box().messages(
            state=state,
            limit=MOST_LISTED + 1,
            after=int(after) if after.isdecimal() and len(after) < 19 else 0,  # noqa: PLR2004
        )
        return pages.answer(
            request,
            "outbox.html",
            messages=found[:MOST_LISTED],
            next_page=found[MOST_LISTED - 1].id if len(found) > MOST_LISTED else None,
            state=state,
            states=MESSAGE_STATES,
            off=box().off(),
            may_retry=may(site, caller_of(request), "retry"),
        )

    def retry(request: Request, form: Form) -> Response:
        pages.require(request, "retry")
        numbers = [int(text) for text in form.get("number", "").split() if text.isdecimal()]
        endpoint = form.get("endpoint") or None
        if numbers or endpoint:
            box().retry(numbers, endpoint=endpoint)
        return RedirectResponse("/outbox", 303)

    return [
        Route("/outbox", outbox, name="outbox"),
        Route("/outbox/retry", changing(retry), methods=["POST"], name="retry"),
    ]
