"""The board: stages as columns, and a card for each contact."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from funnelflow import CriterionError, UnknownNameError, UsageError
from funnelflow.storage.board import Board
from funnelflow_web.pages import Form, Pages, caller_of, changing
from funnelflow_web.site import Site

CARDS: Final = 50
"""How many cards of a column are shown at first, and how many more at a time."""
MOST_CARDS: Final = 2_000
_NAMES: Final = ("name", "full_name", "first_name", "company", "company_name", "title")
"""Fields that a card shows beside the id, the first that there are."""


def routes(site: Site, pages: Pages) -> list[BaseRoute]:
    """Return the routes of the board."""
    workspace = site.workspace

    def shown(request: Request, funnel: str) -> dict[str, Any]:
        """Return what the board shows."""
        asked = request.query_params
        view, where = asked.get("view", ""), _filter_of(request, funnel)
        limits = _limits(asked.getlist("more"))
        caller = caller_of(request)

        def read(criterion: str | None) -> Board:
            return workspace.board(
                criterion, funnel=funnel, limit=CARDS, limits=limits, roles=caller.roles
            )

        problem = None
        try:
            found = read(f"@{view}" if view else where or None)
        except (CriterionError, UnknownNameError, UsageError) as error:
            problem, found = error, read(None)
        types = {column.stage: found.linked.type_of(column.stage) for column in found.columns}
        fields = found.linked.fields
        return {
            "board": found,
            "types": types,
            "name_fields": [name for name in _NAMES if name in fields][:2],
            "funnel": funnel,
            "funnels": workspace.funnels(),
            "view": view,
            "views": list(workspace.config.views),
            "where": where,
            "problem": problem,
            "limits": limits,
            "cards": CARDS,
            "changed": _changed(site),
        }

    def board(request: Request) -> Response:
        funnel = request.query_params.get("funnel") or workspace.context.default_funnel
        name = "columns.html" if "hx-request" in request.headers else "board.html"
        return pages.answer(request, name, **shown(request, funnel))

    def set_filter(request: Request, form: Form) -> Response:
        """Keep a filter in the session: it may name people, who stand in no address."""
        funnel = form.get("funnel", "")
        request.session["filter"] = {funnel: form.get("where", "").strip()[:2000]}
        return RedirectResponse(request.url_for("board").include_query_params(funnel=funnel), 303)

    def changes(_: Request) -> Response:
        return JSONResponse({"changed": _changed(site)})

    return [
        Route("/", board, name="board"),
        Route("/filter", changing(set_filter), methods=["POST"], name="filter"),
        Route("/changes", changes, name="changes"),
    ]


def _changed(site: Site) -> int:
    """Return the number of the newest evidence, which grows with every change."""
    rows = site.workspace.history(newest=True, limit=1).rows
    return rows[0].id if rows else 0


def _filter_of(request: Request, funnel: str) -> str:
    kept = request.session.get("filter")
    return str(kept.get(funnel, "")) if isinstance(kept, dict) else ""


def _limits(asked: list[str]) -> Mapping[str, int]:
    """Return how many cards are asked for: ``STAGE:COUNT``; what is not understood is left out."""
    pairs = (text.rpartition(":") for text in asked)
    return {
        stage: min(int(count), MOST_CARDS)
        for stage, _, count in pairs
        if stage and count.isdecimal() and len(count) <= len(str(MOST_CARDS))
    }
