"""The report as a page, whose numbers open into their contacts, and who needs somebody today."""

import threading
from itertools import groupby, islice
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from funnelflow.report import report_page, report_policy
from funnelflow_web.pages import Pages
from funnelflow_web.site import Site

MOST_LISTED: Final = 1_000


def routes(site: Site, pages: Pages) -> list[BaseRoute]:
    """Return the routes of what is counted; one at a time is, as each reads everybody."""
    workspace = site.workspace
    counting = threading.Lock()

    def report(_: Request) -> Response:
        with counting:
            reports = workspace.report()
        definitions = {one.funnel: workspace.linked(one.funnel) for one in reports}
        text = report_page(reports, definitions=definitions, addresses=_address, home="/")
        return HTMLResponse(text, headers={"Content-Security-Policy": report_policy()})

    def who(request: Request) -> Response:
        number = request.query_params.get("number", "")
        funnel = request.query_params.get("funnel") or None
        with counting:
            found = list(islice(workspace.counted(number, funnel), MOST_LISTED + 1))
        return pages.answer(
            request,
            "counted.html",
            number=number,
            funnel=funnel,
            rows=found[:MOST_LISTED],
            is_more=len(found) > MOST_LISTED,
            most=MOST_LISTED,
        )

    def todo(request: Request) -> Response:
        with counting:
            found = workspace.todo(request.query_params.get("funnel") or None)
        owners = sorted({one.owner for one in found})
        owner = request.query_params.get("owner")
        wanted = [one for one in found if owner is None or one.owner == owner]
        groups = [
            (reason, list(items))
            for reason, items in groupby(wanted[:MOST_LISTED], lambda one: one.reason)
        ]
        return pages.answer(
            request, "todo.html", groups=groups, count=len(wanted), owners=owners, owner=owner
        )

    return [
        Route("/report", report, name="report"),
        Route("/report/who", who, name="counted"),
        Route("/todo", todo, name="todo"),
    ]


def _address(funnel: str, number: str) -> str:
    """Return where the contacts of a number are listed."""
    return f"/report/who?{urlencode({'funnel': funnel, 'number': number})}"
