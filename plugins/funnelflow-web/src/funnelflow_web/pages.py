"""How pages are made: the templates, what every page shows, and forms that change something."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import define, field
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from funnelflow.criteria import Field, Value, Verdict, duration_words
from funnelflow.criteria.value_forms import shown
from funnelflow_web.access import CSRF_FIELD, CSRF_HEADER, csrf_token, is_from_our_page, may
from funnelflow_web.site import Caller, Site

CHANGED: Final = "funnelflow-changed"
"""What an answer says to a page that is open: something has changed."""
MARKS: Final[Mapping[Verdict, str]] = {
    Verdict.MET: "✓",
    Verdict.NOT_MET: "✗",
    Verdict.UNKNOWN: "?",
}
NAV: Final = (
    ("/", "Board"),
    ("/todo", "To do"),
    ("/report", "Report"),
    ("/definitions", "Definitions"),
    ("/outbox", "Outbox"),
)
"""The pages that every page leads to, by address."""
_UNITS: Final = (dt.timedelta(days=1), dt.timedelta(hours=1), dt.timedelta(minutes=1))


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("funnelflow_web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(MARKS=MARKS, field_words=field_words)
    made.filters["age"] = age
    return made


def age(since: dt.datetime | None) -> str:
    """Return for how long something has been the case: ``12 days``; empty where it has not."""
    if since is None:
        return ""
    spent = dt.datetime.now(dt.UTC) - since
    unit = next((one for one in _UNITS if abs(spent) >= one), None)
    return "now" if unit is None or spent < unit else duration_words(spent // unit * unit)


def field_words(known: Field | None, value: Value | None) -> str:
    """Return a value as its field says it."""
    if value is None:
        return "unknown"
    return shown(value) if known is None else known.words(value)


@define(eq=False)
class Pages:
    """Makes the pages of a site.

    Attributes:
        site: What is served.
    """

    site: Site
    _environment: Environment = field(factory=_environment, init=False)

    def answer(
        self, request: Request, template: str, *, status: int = 200, **shown_there: Any
    ) -> HTMLResponse:
        """Return a page, or the part of one that a script asks for.

        Args:
            request: What it answers.
            template: The name of the template.
            status: The status of HTTP.
            shown_there: What the template shows.
        """
        text = self._environment.get_template(template).render(
            **shown_there,
            caller=request.state.caller,
            csrf=csrf_token(request),
            is_part="hx-request" in request.headers,
            path=request.url.path,
            workspace=self.site.workspace.context.directory.name,
            nav=NAV,
            when=self.when,
        )
        return HTMLResponse(text, status, {"Vary": "HX-Request"})

    def when(self, moment: dt.datetime | None) -> str:
        """Return a time in the zone of the workspace; empty for none."""
        if moment is None:
            return ""
        return f"{moment.astimezone(self.site.workspace.config.timezone or dt.UTC):%Y-%m-%d %H:%M}"

    def require(self, request: Request, what: str) -> None:
        """Refuse what somebody may not do; see `may`.

        Raises:
            HTTPException: None of their roles is named for it.
        """
        if not may(self.site, caller_of(request), what):
            raise HTTPException(403, f"your roles do not let you {what}")

    def done(self, request: Request, to: str) -> Response:
        """Return the answer to a change that was made: the page goes on, or takes note of it."""
        if "hx-request" in request.headers:
            return Response(status_code=204, headers={"HX-Trigger": CHANGED})
        return RedirectResponse(to, 303)


Form = Mapping[str, str]
Handler = Callable[[Request, Form], Response]


def changing(handler: Handler) -> Callable[[Request], Any]:
    """Return the endpoint of a form; it runs in a thread, and only for a form of our own pages."""

    async def endpoint(request: Request) -> Response:
        async with request.form() as said:
            form = {name: value for name, value in said.items() if isinstance(value, str)}
        token = form.pop(CSRF_FIELD, "") or request.headers.get(CSRF_HEADER, "")
        if not is_from_our_page(request, token):
            raise HTTPException(403, "this form is too old: load the page again")
        return await run_in_threadpool(handler, request, form)

    return endpoint


def caller_of(request: Request) -> Caller:
    """Return who asks."""
    found: Caller = request.state.caller
    return found


def facts_in(form: Form) -> dict[str, str]:
    """Return the facts that a form brings: its fields ``fact.NAME`` in which something stands."""
    named = ((name.partition("fact."), value.strip()) for name, value in form.items())
    return {name: value for (before, dot, name), value in named if dot and not before and value}
