"""What the API can be asked: operations with their records, which describe the API."""

import base64
import binascii
import datetime as dt
import json
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, Final, Literal

from attrs import asdict, frozen

from funnelflow import UnknownNameError, UsageError, Workspace
from funnelflow.definition import to_json
from funnelflow.storage.json_form import value_json
from funnelflow.storage.messages import MessageState
from funnelflow.storage.outbox import Outbox
from funnelflow_web import api_forms as forms
from funnelflow_web.assistants import checked
from funnelflow_web.forms import (
    DefinitionForm,
    MoveForm,
    RecordForm,
    RequestForm,
    SetForm,
    require_event,
)
from funnelflow_web.site import Caller

_MOST_SKIPPED: Final = 100_000
_LONGEST_NUMBER: Final = 15


@frozen
class Asked:
    """A request, read.

    Attributes:
        workspace: The workspace.
        caller: Who asks.
        path: What the path names.
        query: What the query says.
        body: What the body says.
        expect: The length of the history that the contact must still have.
    """

    workspace: Workspace
    caller: Caller
    path: Mapping[str, str]
    query: Any
    body: Any
    expect: int | None = None

    def options(self) -> Any:
        """Return who writes, and what a body says of every change."""
        body = self.body
        said = {name: getattr(body, name) for name in ("at", "key") if hasattr(body, name)}
        return {
            "actor": self.caller.actor,
            "roles": self.caller.roles,
            "expect": self.expect,
            "dry_run": body.dry_run,
            **said,
        }


@frozen
class Operation:
    """Something that the API can be asked.

    Attributes:
        method: The method of HTTP.
        path: The path below ``/api``.
        name: Its name.
        about: What it does.
        call: Does it, and returns data.
        answer: The record of what it returns.
        query: What its query may say.
        body: What its body says; None for no body.
        is_conditional: Whether ``If-Match`` says how long the contact's history must still be.
        guard: What of `may` it takes; empty for nothing.
    """

    method: Literal["GET", "POST", "DELETE"]
    path: str
    name: str
    about: str
    call: Callable[[Asked], Any]
    answer: Any = dict[str, Any]
    query: type[RequestForm] = forms.NothingForm
    body: type[RequestForm] | None = None
    is_conditional: bool = False
    guard: Literal["", "void", "merge", "erase", "undo", "retry"] = ""


def _contact(asked: Asked) -> str:
    return asked.path["contact"]


def _contacts(asked: Asked) -> Any:
    form: forms.ListForm = asked.query
    after, skip = _read_cursor(form.cursor, is_sorted=bool(form.sort))
    found = asked.workspace.list(
        form.where,
        stage=form.stage,
        funnel=form.funnel,
        sort=form.sort or (),
        limit=skip + form.limit + 1,
        after=after,
    )
    page = list(islice(found, skip, None))
    rows, names = page[: form.limit], None
    if form.fields is not None:
        names = {name.strip() for name in form.fields.split(",")}
        _require_fields(asked.workspace, names)
    following = None
    if len(page) > form.limit:
        last = rows[-1]
        following = _cursor(skip + form.limit if form.sort else [last.id, last.place])
    return {"contacts": [_shown(one.to_json(), names) for one in rows], "next": following}


def _require_fields(workspace: Workspace, names: set[str]) -> None:
    known = {field for name in workspace.funnels() for field in workspace.linked(name).fields}
    for name in names - known:
        raise UnknownNameError("field", name, known)


def _shown(said: dict[str, Any], names: set[str] | None) -> dict[str, Any]:
    if names is not None:
        said["fields"] = {name: said["fields"][name] for name in said["fields"].keys() & names}
    return said


def _cursor(place: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _read_cursor(text: str | None, *, is_sorted: bool) -> tuple[tuple[str, int] | None, int]:
    """Return behind whom a page begins, or how many are before it.

    Raises:
        UsageError: It is no cursor of such a list.
    """
    if text is None:
        return None, 0
    try:
        place = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        place = None
    match place:
        case int() if is_sorted and 0 < place <= _MOST_SKIPPED and place is not True:
            return None, place
        case [str(name), int(number)] if not is_sorted and 0 <= number < 2**31:
            return (name, number), 0
    raise UsageError("that is no cursor of this list", hint="give `next` of the page before")


def _add(asked: Asked) -> Any:
    form: forms.AddForm = asked.body
    added = asked.workspace.add(form.contact, form.facts, funnel=form.funnel, **asked.options())
    return added.to_json()


def _one(asked: Asked) -> Any:
    return asked.workspace.contact(_contact(asked), funnel=asked.query.funnel).to_json()


def _positions(asked: Asked) -> Any:
    found = asked.workspace.contact(_contact(asked)).positions
    return {"positions": [{**one.to_json(), "others": []} for one in found]}


def _why(asked: Asked) -> Any:
    form, caller = asked.query, asked.caller
    return asked.workspace.why(
        _contact(asked), form.at, funnel=form.funnel, actor=caller.actor, roles=caller.roles
    ).to_json()


def _history(asked: Asked) -> Any:
    form: forms.HistoryForm = asked.query
    page = asked.workspace.history(
        _contact(asked), newest=form.newest, limit=form.limit, after=form.after
    )
    return page.to_json()


def _record(asked: Asked) -> Any:
    form: RecordForm = asked.body
    require_event(form.event)
    options = asked.options()
    return asked.workspace.record(_contact(asked), form.event, form.facts, **options).to_json()


def _set(asked: Asked) -> Any:
    return asked.workspace.set(_contact(asked), asked.body.facts, **asked.options()).to_json()


def _move(asked: Asked) -> Any:
    form: MoveForm = asked.body
    return asked.workspace.move(
        _contact(asked), form.to, facts=form.facts, funnel=form.funnel, **asked.options()
    ).to_json()


def _void(asked: Asked) -> Any:
    form: forms.VoidForm = asked.body
    options = asked.options()
    return asked.workspace.void(_contact(asked), form.rows, form.reason, **options).to_json()


def _merge(asked: Asked) -> Any:
    form: forms.MergeForm = asked.body
    return asked.workspace.merge(
        _contact(asked),
        form.into,
        reason=form.reason,
        actor=asked.caller.actor,
        roles=asked.caller.roles,
        key=form.key,
        dry_run=form.dry_run,
    ).to_json()


def _erase(asked: Asked) -> Any:
    return asked.workspace.erase(
        _contact(asked), actor=asked.caller.actor, dry_run=asked.query.dry_run
    ).to_json()


def _report(asked: Asked) -> Any:
    form: forms.ReportForm = asked.query
    found = asked.workspace.report(form.funnel, period=form.period, by=form.by, at=form.at)
    return {"reports": [one.to_json() for one in found]}


def _todo(asked: Asked) -> Any:
    found = asked.workspace.todo(asked.query.funnel)
    return {"todo": [one.to_json() for one in found[: asked.query.limit]], "count": len(found)}


def _definitions(asked: Asked) -> Any:
    return {"funnels": list(asked.workspace.funnels()), "default": asked.workspace.config.funnel}


def _definition(asked: Asked) -> Any:
    return to_json(asked.workspace.linked(asked.path["funnel"]).definition)


def _check(asked: Asked) -> Any:
    return checked(asked.workspace, asked.body.text)


def _runs(asked: Asked) -> Any:
    return {"runs": [one.to_json() for one in asked.workspace.runs(asked.query.limit)]}


def _undo(asked: Asked) -> Any:
    number, form = asked.path["run"], asked.body
    if not (number.isascii() and number.isdigit() and len(number) <= _LONGEST_NUMBER):
        raise UnknownNameError("run", number[:100])
    return asked.workspace.undo(
        int(number), form.reason, actor=asked.caller.actor, dry_run=form.dry_run
    ).to_json()


def _outbox(asked: Asked) -> Any:
    form: forms.OutboxForm = asked.query
    state: MessageState | None = form.state
    box = Outbox(asked.workspace.engine, asked.workspace.clock)
    found = box.messages(state=state, limit=form.limit, after=form.after)
    rows = [
        {
            name: value_json(value) if isinstance(value, dt.datetime) else value
            for name, value in asdict(one, recurse=False).items()
        }
        for one in found
    ]
    return {"messages": rows}


def _retry(asked: Asked) -> Any:
    form: forms.RetryForm = asked.body
    box = Outbox(asked.workspace.engine, asked.workspace.clock)
    return {"retried": box.retry(form.messages, dry_run=form.dry_run), "dry_run": form.dry_run}


OPERATIONS: Final = (
    Operation(
        "GET", "/contacts", "list_contacts", "List contacts, page by page.", _contacts,
        forms.ContactsAnswer, query=forms.ListForm,
    ),
    Operation(
        "POST", "/contacts", "add_contact", "Add a contact.", _add,
        forms.RecordedAnswer, body=forms.AddForm,
    ),
    Operation(
        "GET", "/contacts/{contact}", "get_contact", "Return a contact as it stands.", _one,
        forms.ContactAnswer, query=forms.InFunnelForm,
    ),
    Operation(
        "DELETE", "/contacts/{contact}", "erase_contact", "Erase a contact for good.", _erase,
        query=forms.DryRunForm, guard="erase",
    ),
    Operation(
        "GET", "/contacts/{contact}/positions", "get_positions",
        "Return where a contact is in each of its funnels.", _positions, forms.PositionsAnswer,
    ),
    Operation(
        "GET", "/contacts/{contact}/why", "explain_contact",
        "Explain where a contact stands, with every criterion of every transition on.", _why,
        forms.WhyAnswer, query=forms.AsOfForm,
    ),
    Operation(
        "GET", "/contacts/{contact}/history", "get_history", "Tell a contact's history.", _history,
        forms.HistoryAnswer, query=forms.HistoryForm,
    ),
    Operation(
        "POST", "/contacts/{contact}/events", "record_event",
        "Record something that happened.", _record,
        forms.RecordedAnswer, body=RecordForm, is_conditional=True,
    ),
    Operation(
        "POST", "/contacts/{contact}/facts", "set_facts", "Record facts that became known.", _set,
        forms.RecordedAnswer, body=SetForm, is_conditional=True,
    ),
    Operation(
        "POST", "/contacts/{contact}/moves", "move_contact",
        "Ask for a stage; `outcome` is `refused` where criteria are not met, with every reason.",
        _move, forms.RecordedAnswer, body=MoveForm, is_conditional=True,
    ),
    Operation(
        "POST", "/contacts/{contact}/voids", "void_rows",
        "Take rows of a contact's history back.", _void,
        forms.RecordedAnswer, body=forms.VoidForm, is_conditional=True, guard="void",
    ),
    Operation(
        "POST", "/contacts/{contact}/merges", "merge_contact",
        "Make a contact's story part of another's.", _merge, body=forms.MergeForm, guard="merge",
    ),
    Operation(
        "GET", "/report", "get_report", "Return the numbers of the funnels.", _report,
        query=forms.ReportForm,
    ),
    Operation(
        "GET", "/todo", "get_todo", "List who needs somebody today.", _todo, query=forms.TodoForm
    ),
    Operation("GET", "/definitions", "list_definitions", "List the funnels in use.", _definitions),
    Operation(
        "GET", "/definitions/{funnel}", "get_definition", "Return a definition.", _definition
    ),
    Operation(
        "POST", "/check", "check_definition", "Check a text as a definition.", _check,
        forms.CheckedAnswer, body=DefinitionForm,
    ),
    Operation(
        "GET", "/runs", "list_runs", "List runs, the newest first.", _runs, query=forms.RunsForm
    ),
    Operation(
        "POST", "/runs/{run}/undo", "undo_run", "Take back all that a run has brought.", _undo,
        body=forms.UndoForm, guard="undo",
    ),
    Operation(
        "GET", "/outbox", "list_messages", "List messages, the oldest first.", _outbox,
        query=forms.OutboxForm,
    ),
    Operation(
        "POST", "/outbox/retry", "retry_messages", "Let messages be tried again.", _retry,
        body=forms.RetryForm, guard="retry",
    ),
)  # fmt: skip
