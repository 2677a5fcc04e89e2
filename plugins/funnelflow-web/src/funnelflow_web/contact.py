"""A contact: where it stands and why, what to ask, its story, and what can be done with it."""

from collections.abc import Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from funnelflow import (
    ConflictError,
    DefinitionError,
    Error,
    Funnel,
    Linked,
    UnknownContactError,
    UsageError,
)
from funnelflow.criteria import Field, Value
from funnelflow.engine import Considered, settable
from funnelflow.storage.contacts import Recorded, StageExplanation
from funnelflow.storage.queries import Translated
from funnelflow_web.access import may
from funnelflow_web.pages import Form, Pages, caller_of, changing, facts_in
from funnelflow_web.site import Site

STORY_ROWS = 200


def routes(site: Site, pages: Pages) -> list[BaseRoute]:
    """Return the routes of a contact.

    An address has the number by which the database knows a contact, so that nobody's name or mail
    address stands in it.
    """
    one = ContactPages(site, pages)
    changes = {
        "move": one.move,
        "set": one.set,
        "record": one.record,
        "void": one.void,
        "merge": one.merge,
        "erase": one.erase,
    }
    return [
        Route("/contacts/{number:int}", one.show, name="contact"),
        Route("/contacts/{number:int}/move", one.ask_move, name="ask_move"),
        *(
            Route(f"/contacts/{{number:int}}/{name}", changing(made), methods=["POST"], name=name)
            for name, made in changes.items()
        ),
        Route("/find", changing(one.find), methods=["POST"], name="find"),
    ]


class ContactPages:
    """The page of a contact, and the forms on it.

    Args:
        site: What is served.
        pages: What makes pages.
    """

    def __init__(self, site: Site, pages: Pages) -> None:
        self._site = site
        self._workspace = site.workspace
        self._pages = pages

    def show(self, request: Request) -> Response:
        """Return the page."""
        return self._page(request)

    def ask_move(self, request: Request) -> Response:
        """Return the form that asks where to."""
        explained = self._why(request)
        return self._pages.answer(request, "move.html", **self._shown(request, explained))

    def move(self, request: Request, form: Form) -> Response:
        """Ask for a move; a refusal comes back with its reasons and what could be filled in."""
        funnel = form.get("funnel") or None
        try:
            recorded = self._workspace.move(
                self._id(request), form.get("to", ""), facts=facts_in(form), funnel=funnel,
                force=form.get("force") == "yes", reason=form.get("reason", ""), text=True,
                expect=_number(form.get("expect")), **self._acting(request),
            )  # fmt: skip
        except ConflictError as error:
            return self._conflict(request, form, error)
        except Error as error:
            return self._wrong(request, error)
        if recorded.decision.outcome != "refused":
            return self._pages.done(request, self._place(request))
        return self._refused(request, form, recorded)

    def set(self, request: Request, form: Form) -> Response:
        """Record facts that became known; a field that is emptied is unknown again."""
        given = facts_in(form)
        emptied = {name: None for name in form.get("empty", "").split() if name}
        return self._change(
            request, lambda who, **more: self._workspace.set(who, {**given, **emptied}, **more)
        )

    def record(self, request: Request, form: Form) -> Response:
        """Record an event."""
        at = form.get("at") or None
        return self._change(
            request,
            lambda who, **more: self._workspace.record(
                who, form.get("event", ""), facts_in(form), at=at, **more
            ),
        )

    def void(self, request: Request, form: Form) -> Response:
        """Take a row back."""
        self._pages.require(request, "void")
        row = _number(form.get("row")) or 0
        reason = form.get("reason", "")
        return self._change(
            request, lambda who, **more: self._workspace.void(who, [row], reason, **more)
        )

    def merge(self, request: Request, form: Form) -> Response:
        """Merge the contact into another one."""
        self._pages.require(request, "merge")
        caller = caller_of(request)
        try:
            self._workspace.merge(
                self._id(request), form.get("into", ""), reason=form.get("reason", ""),
                actor=caller.actor, roles=caller.roles,
            )  # fmt: skip
        except Error as error:
            return self._wrong(request, error)
        return RedirectResponse(self._place(request), 303)

    def erase(self, request: Request, form: Form) -> Response:
        """Erase the contact, where its id is typed once more."""
        self._pages.require(request, "erase")
        who = self._id(request)
        if form.get("confirm") != who:
            said = f"{form.get('confirm', '')!r} is not the id of this contact"
            return self._wrong(request, UsageError(said, hint="nothing was erased"))
        try:
            self._workspace.erase(who, actor=caller_of(request).actor)
        except Error as error:
            return self._wrong(request, error)
        return RedirectResponse("/", 303)

    def find(self, request: Request, form: Form) -> Response:
        """Go to the contact of an id."""
        try:
            found = self._workspace.contact(form.get("contact", "").strip())
        except Error as error:
            return self._pages.answer(request, "error.html", status=error.http_status, error=error)
        return RedirectResponse(f"/contacts/{found.number}", 303)

    def _change(self, request: Request, change: Any) -> Response:
        """Make a change, and go on with the page of the contact."""
        try:
            change(self._id(request), text=True, **self._acting(request))
        except Error as error:
            return self._wrong(request, error)
        return self._pages.done(request, self._place(request))

    def _acting(self, request: Request) -> dict[str, Any]:
        caller = caller_of(request)
        return {"actor": caller.actor, "roles": caller.roles}

    def _id(self, request: Request) -> str:
        try:
            return self._workspace.contact_id(request.path_params["number"])
        except UnknownContactError as error:
            raise HTTPException(404, error.message) from None

    def _place(self, request: Request) -> str:
        return f"/contacts/{request.path_params['number']}"

    def _why(self, request: Request) -> StageExplanation:
        funnel = request.query_params.get("funnel") or None
        caller = caller_of(request)
        return self._workspace.why(
            self._id(request), actor=caller.actor, roles=caller.roles, funnel=funnel
        )

    def _shown(self, request: Request, explained: StageExplanation) -> dict[str, Any]:
        """Return what both the page and the form of a move show."""
        stored, linked = explained.contact, explained.linked
        stage = stored.contact.stage
        reached = {way.to for way in explained.considered}
        return {
            "explained": explained,
            "stored": stored,
            "linked": linked,
            "owner": linked.owner_of(stage, stored.contact.fields),
            "playbook": linked.said_of(stage, "playbook"),
            "about": linked.said_of(stage, "about"),
            "stages": sorted(
                (s for s in linked.leaves if s != stage), key=lambda s: s not in reached
            ),
            "may_force": not set(linked.definition.force).isdisjoint(caller_of(request).roles),
            "may": lambda what: may(self._site, caller_of(request), what),
            "place": self._place(request),
        }

    def _page(self, request: Request, status: int = 200, problem: Error | None = None) -> Response:
        explained = self._why(request)
        stored = explained.contact
        page = self._workspace.history(
            stored.id, by_time=True, newest=True, limit=STORY_ROWS, funnel=stored.funnel
        )
        return self._pages.answer(
            request,
            "contact.html",
            status=status,
            problem=problem,
            story=page,
            event=request.query_params.get("event", ""),
            others=self._translations(stored.id) if "others" in request.query_params else [],
            known={
                name: value
                for name, value in stored.contact.fields.items()
                if not _is_default(explained.linked, name, value)
            },
            **self._shown(request, explained),
        )

    def _translations(self, who: str) -> list[Translated]:
        """Return what every definition that is here calls the contact; broken ones are left out."""
        found = []
        for name in self._workspace.library.names():
            try:
                reader = Funnel(self._workspace.linked(name))
            except DefinitionError:
                continue
            found.append(self._workspace.translate(who, reader))
        return found

    def _refused(self, request: Request, form: Form, recorded: Recorded) -> Response:
        decision = recorded.decision
        looked = (*decision.blocking, *decision.route)
        return self._pages.answer(
            request,
            "refused.html",
            decision=decision,
            ways=[way for way in decision.blocking if way.cause in ("move", "forced")],
            fields=_fields(looked, decision.linked),
            values={**decision.contact_after.fields},
            form=form,
            sequence=recorded.sequence,
            place=self._place(request),
        )

    def _conflict(self, request: Request, form: Form, error: ConflictError) -> Response:
        """Say what happened to the contact meanwhile."""
        who, known = self._id(request), _number(form.get("expect")) or 0
        rows = self._workspace.history(who, newest=True, limit=20).rows
        return self._pages.answer(
            request,
            "meanwhile.html",
            status=200 if "hx-request" in request.headers else 409,
            rows=[row for row in reversed(rows) if row.sequence > known],
            error=error,
            form=form,
            sequence=max((row.sequence for row in rows), default=known),
            place=self._place(request),
        )

    def _wrong(self, request: Request, error: Error) -> Response:
        """Say what is wrong with what was typed, on the page of the contact or in the dialog."""
        if "hx-request" in request.headers:
            return self._pages.answer(request, "wrong.html", error=error)
        return self._page(request, error.http_status, error)


def _fields(looked: Sequence[Considered], linked: Linked) -> list[Field]:
    """Return the fields that could open what is closed."""
    return [linked.fields[name] for name in dict.fromkeys(settable(looked, linked))]


def _is_default(linked: Linked, name: str, value: Value) -> bool:
    known = linked.fields.get(name)
    return known is not None and known.default == value


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) < 19 else None  # noqa: PLR2004
