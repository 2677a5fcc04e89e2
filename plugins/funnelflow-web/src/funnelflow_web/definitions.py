"""Definitions: what there is, each with its diagram, what differs, and whether a text is one."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from funnelflow import Funnel, UnknownNameError, UsageError, Workspace
from funnelflow.cli.compare import pair_lines
from funnelflow.cli.text import Page
from funnelflow.compare import crosswalk, need_table
from funnelflow.definition import LoadedFile
from funnelflow.report import definition_picture
from funnelflow_web.pages import Form, Pages, changing
from funnelflow_web.site import Site

_WIDTH: Final = 100


def routes(site: Site, pages: Pages) -> list[BaseRoute]:
    """Return the routes of definitions."""
    workspace = site.workspace

    def known(name: str) -> str:
        return _known(name, _names(workspace))

    def listed(request: Request, text: str, read: LoadedFile | None) -> Response:
        names, used = _names(workspace), workspace.funnels()
        return pages.answer(
            request, "definitions.html", names=names, used=used, text=text, read=read
        )

    def overview(request: Request) -> Response:
        return listed(request, "", None)

    def one(request: Request) -> Response:
        linked = workspace.linked(known(request.path_params["name"]))
        return pages.answer(request, "definition.html", linked=linked)

    def diagram(request: Request) -> Response:
        linked = workspace.linked(known(request.path_params["name"]))
        return Response(
            definition_picture(linked).file(),
            media_type="image/svg+xml",
            headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"},
        )

    def compare(request: Request) -> Response:
        asked = [known(request.query_params.get(side, "")) for side in ("a", "b")]
        first, second = (Funnel(workspace.linked(name)) for name in asked)
        said = _compared(first, second)
        return pages.answer(request, "compared.html", asked=asked, said=said)

    def check(request: Request, form: Form) -> Response:
        text = form.get("text", "").replace("\r\n", "\n")
        return listed(request, text, workspace.read_definition(text))

    return [
        Route("/definitions", overview, name="definitions"),
        Route("/definitions/check", changing(check), methods=["POST"], name="check"),
        Route("/definitions/compare", compare, name="compare"),
        Route("/definitions/{name}", one, name="definition"),
        Route("/definitions/{name}/diagram.svg", diagram, name="diagram"),
    ]


def _names(workspace: Workspace) -> list[str]:
    return sorted({*workspace.library.names(), *workspace.funnels()})


def _known(name: str, names: list[str]) -> str:
    """Return a name that is known.

    Raises:
        UnknownNameError: It is not.
    """
    if name not in names:
        raise UnknownNameError("definition", name, names)
    return name


def _compared(first: Funnel, second: Funnel) -> str:
    """Return what differs between two definitions, as the command line says it.

    Raises:
        UsageError: They are one and the same.
    """
    if first.definition == second.definition:
        raise UsageError("a definition is compared with another one")
    lines = pair_lines(
        need_table([first.linked, second.linked]),
        crosswalk(first, second),
        Page(width=_WIDTH, colour=False, encoding="utf-8", terminal=False),
    )
    return "\n".join("".join(span.text for span in line) for line in lines)
