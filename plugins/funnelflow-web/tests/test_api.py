"""The JSON API says what the library says, to whom it may, as its description says."""

import datetime as dt
import os
import threading
from urllib.parse import quote

import anyio
import httpx2
import pytest
import schemathesis
from funnelflow_web.app import create_app
from funnelflow_web.operations import OPERATIONS
from funnelflow_web.settings import WebSettings
from funnelflow_web.tokens import TokenStore
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from schemathesis.checks import ignored_auth, positive_data_acceptance

import funnelflow
from funnelflow import Workspace

ADDRESS = "http://127.0.0.1:8765"
# What names there are, no schema says; and a request without a token is tried above.
EXCLUDED = [positive_data_acceptance, ignored_auth]
REFUSALS = ["400", "401", "403", "404", "405", "409", "410", "413", "415", "422", "429"]
CONFIG = schemathesis.Config.from_dict(
    {"checks": {"negative_data_rejection": {"expected-statuses": REFUSALS}}}
)
EXAMPLES = int(os.environ.get("FUNNELFLOW_API_EXAMPLES", "3"))


class Api:
    """The API of a workspace, asked in this process.

    Attributes:
        workspace: The workspace.
        app: The server.
    """

    def __init__(self, workspace, **settings):
        guards = {f"{one.guard}_roles": ["admin"] for one in OPERATIONS if one.guard}
        said = {"login": "tokens", **guards, **settings}
        self.workspace = workspace
        self.app = create_app(workspace, WebSettings(**said))
        self.headers = self.token("ada", "sales", "admin")

    def token(self, name, *roles, lifetime=dt.timedelta(days=1)):
        """Make a token; give the headers that bring it."""
        store = TokenStore(self.workspace.config.directory)
        _, text = store.add(name, roles, lifetime, self.workspace.clock())
        return {"Authorization": f"Bearer {text}"}

    def ask(self, method, path, body=None, *, headers=None, content=None):
        """Send a request; give the answer."""

        async def send():
            transport = httpx2.ASGITransport(app=self.app)
            async with httpx2.AsyncClient(transport=transport, base_url=ADDRESS) as client:
                given = self.headers if headers is None else headers
                more = {"json": body} if body is not None else {"content": content}
                return await client.request(method, f"/api{path}", headers=given, **more)

        return anyio.run(send)

    def get(self, path):
        """Ask for something that is there; give it."""
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path, body, **headers):
        """Write something; give the answer."""
        return self.ask("POST", path, body, headers={**self.headers, **headers})


@pytest.fixture
def api(directory):
    """Give the API of a workspace on each kind of database."""
    with funnelflow.open(directory) as workspace:
        workspace.add("bob", {"email": "bob@example.com", "budget": 100})
        yield Api(workspace)


def test_what_is_read_is_what_the_library_says(api):
    workspace: Workspace = api.workspace
    assert api.get("/contacts/bob") == workspace.contact("bob").to_json()
    at = workspace.clock()
    why = api.get(f"/contacts/bob/why?at={quote(at.isoformat())}")
    assert why == workspace.why("bob", at, roles=["sales", "admin"]).to_json()
    assert api.get("/contacts/bob/history") == workspace.history("bob").to_json()
    assert api.get("/todo")["todo"] == [one.to_json() for one in workspace.todo()]
    assert api.get("/definitions")["funnels"] == ["standard"]
    assert api.get("/definitions/standard")["name"] == "standard"
    (report,) = api.get("/report")["reports"]
    assert report.keys() == workspace.report()[0].to_json().keys()
    assert [one["contact"] for one in api.get("/contacts/bob/positions")["positions"]] == ["bob"]
    assert api.get("/outbox") == {"messages": []}


def test_what_is_written_is_the_tokens(api):
    set_ = api.post("/contacts/bob/facts", {"facts": {"budget": 9000}})
    assert (set_.status_code, set_.headers["etag"]) == (200, '"2"')
    row = api.workspace.history("bob").rows[-1]
    assert (row.actor, row.facts) == ("ada", {"budget": 9000})
    moved = api.post("/contacts/bob/moves", {"to": "customer"}).json()
    assert moved["outcome"] == "refused"
    assert moved["considered"] or moved["route"]
    event = api.post("/contacts/bob/events", {"event": "form_submitted"})
    assert event.json()["event"]["name"] == "form_submitted"
    voided = api.post("/contacts/bob/voids", {"rows": [4], "reason": "by mistake"})
    assert voided.status_code == 200
    assert api.workspace.history("bob").rows[3].voided_by == 5


def test_nothing_is_forced_and_no_other_word_is_an_event(api):
    forced = api.post("/contacts/bob/moves", {"to": "customer", "force": True, "reason": "x"})
    assert (forced.status_code, forced.json()["code"]) == (422, "field")
    for event in ("move", "set", "enter", "merge", "void", "adopt", "tick", "add"):
        answer = api.post("/contacts/bob/events", {"event": event})
        assert (answer.status_code, answer.json()["code"]) == (400, "usage")


def test_errors_are_those_of_the_library(api):
    with pytest.raises(funnelflow.Error) as unknown:
        api.workspace.contact("nobody")
    answer = api.ask("GET", "/contacts/nobody")
    assert (answer.status_code, answer.json()) == (404, unknown.value.to_json())
    with pytest.raises(funnelflow.Error) as wrong:
        api.workspace.set("bob", {"budget": "much"})
    answer = api.post("/contacts/bob/facts", {"facts": {"budget": "much"}})
    assert (answer.status_code, answer.json()) == (422, wrong.value.to_json())
    with pytest.raises(funnelflow.Error) as where:
        api.workspace.count("contact.bugdet > 1")
    answer = api.ask("GET", "/contacts?where=contact.bugdet%20%3E%201")
    assert answer.json() == where.value.to_json()


def test_a_change_is_made_only_if_the_contact_is_as_it_was_seen(api):
    tag = api.ask("GET", "/contacts/bob").headers["etag"]
    facts = {"facts": {"budget": 1}}
    assert api.post("/contacts/bob/facts", facts, **{"If-Match": tag}).status_code == 200
    late = api.post("/contacts/bob/facts", {"facts": {"budget": 2}}, **{"If-Match": tag})
    assert (late.status_code, late.json()["code"]) == (412, "conflict")
    for wrong in ("1", 'W/"1"', "*", '"x"', '"1", "2"'):
        answer = api.post("/contacts/bob/facts", facts, **{"If-Match": wrong})
        assert answer.status_code == 400
    assert api.workspace.contact("bob").contact.fields["budget"] == 1


def test_of_many_who_saw_the_same_one_changes_it(api):
    found = []

    def change(number):
        body = {"facts": {"budget": number}}
        found.append(api.post("/contacts/bob/facts", body, **{"If-Match": '"1"'}).status_code)

    threads = [threading.Thread(target=change, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [200] + [412] * 5
    assert api.workspace.contact("bob").sequence == 2


def test_a_key_makes_it_happen_once(api):
    first = api.post("/contacts/bob/events", {"event": "form_submitted", "key": "k-1"})
    again = api.post("/contacts/bob/events", {"event": "form_submitted", "key": "k-1"})
    assert [one.json()["duplicate"] for one in (first, again)] == [False, True]
    other = api.post("/contacts/bob/events", {"event": "subscribed", "key": "k-1"})
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    assert api.workspace.contact("bob").sequence == 2


@pytest.mark.parametrize("sort", ["", "&sort=-budget"])
def test_all_contacts_come_page_by_page_and_each_once(api, sort):
    for number in range(25):
        api.workspace.add(f"c/{number}", {"budget": number % 4})
    found, cursor, pages = [], "", 0
    while cursor is not None:
        page = api.get(f"/contacts?limit=7&fields=budget{sort}{cursor and '&cursor=' + cursor}")
        found += page["contacts"]
        cursor, pages = page["next"], pages + 1
    names = [one["contact"] for one in found]
    assert (pages, len(names), len(set(names))) == (4, 26, 26)
    listed = api.workspace.list(sort="-budget" if sort else ())
    assert names == [one.id for one in listed]
    assert {field for one in found for field in one["fields"]} == {"budget"}


@pytest.mark.parametrize("cursor", ["x", "e30", "W10", "MTA", "é", "W251bGwsMV0"])
def test_what_is_no_cursor_is_refused(api, cursor):
    answer = api.ask("GET", f"/contacts?cursor={quote(cursor)}")
    assert (answer.status_code, answer.json()["code"]) == (400, "usage")


def test_an_id_may_hold_whatever_an_id_may(api):
    for name in ("a/b", "a?b#c", "../../x", "ä ö", "%41", "{x}", "why"):
        api.workspace.add(name)
        assert api.get(f"/contacts/{quote(name, safe='')}")["contact"] == name
        assert api.get(f"/contacts/{quote(name, safe='')}/why")["contact"] == name


def test_nobody_is_answered_without_a_token_that_holds(api):
    ended = api.token("old", "admin", lifetime=dt.timedelta(0))
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic eDp5"}, ended):
        for method, path in (("GET", "/contacts"), ("POST", "/contacts/bob/facts")):
            body = {"facts": {"budget": 7}} if method == "POST" else None
            assert api.ask(method, path, body, headers=headers).status_code == 401
    assert api.workspace.contact("bob").sequence == 1


def test_what_cannot_be_taken_back_needs_a_role(api):
    sales = api.token("eve", "sales")
    calls = [
        ("DELETE", "/contacts/bob", None),
        ("POST", "/contacts/bob/voids", {"rows": [1], "reason": "x"}),
        ("POST", "/contacts/bob/merges", {"into": "ada"}),
        ("POST", "/runs/1/undo", {"reason": "x"}),
        ("POST", "/outbox/retry", {"messages": [1]}),
    ]
    for method, path, body in calls:
        answer = api.ask(method, path, body, headers=sales)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert sum(bool(one.guard) for one in OPERATIONS) == len(calls)
    assert api.ask("DELETE", "/contacts/bob").status_code == 200
    gone = api.ask("GET", "/contacts/bob")
    assert (gone.status_code, gone.json()["code"]) == (410, "erased")


def test_where_there_is_no_login_a_write_needs_a_token_or_a_page_of_the_server(directory):
    with funnelflow.open(directory) as workspace:
        api = Api(workspace, login="")
        assert api.ask("GET", "/contacts", headers={}).status_code == 200
        answer = api.ask("POST", "/contacts", {"contact": "eve"}, headers={})
        assert (answer.status_code, answer.json()["code"]) == (403, "not_proved")
        forged = api.ask("POST", "/contacts", {"contact": "eve"}, headers={"X-CSRF-Token": "x"})
        assert forged.status_code == 403
        assert api.post("/contacts", {"contact": "eve"}).status_code == 200
        no_roles = api.ask("DELETE", "/contacts/eve", headers=api.token("eve"))
        assert no_roles.json()["code"] == "forbidden"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b"[" * 100_000,
        b"\xff",
        b'{"facts": {"budget": NaN}}',
        b'{"facts": {"budget": 1e999}}',
        b'{"facts": {"x": "\\ud800"}}',
        b'{"facts": {}, "more": 1}',
    ],
)
def test_a_body_that_is_none_is_refused(api, content):
    headers = {**api.headers, "Content-Type": "application/json"}
    answer = api.ask("POST", "/contacts/bob/facts", headers=headers, content=content)
    assert answer.status_code in {400, 422}
    assert answer.json().keys() >= {"code", "message", "hint"}
    form = {**api.headers, "Content-Type": "text/plain"}
    assert api.ask("POST", "/contacts/bob/facts", headers=form, content=b"{}").status_code == 415


def test_a_run_is_listed_and_taken_back(api):
    api.workspace.change_where("contact.budget >= 0", "set", {"budget": 3})
    (run,) = api.get("/runs")["runs"]
    undone = api.post(f"/runs/{run['run']}/undo", {"reason": "too much"})
    assert undone.status_code == 200
    assert api.workspace.contact("bob").contact.fields["budget"] == 100
    assert api.post("/runs/x/undo", {"reason": "x"}).status_code == 400


def hold_to_description(operation, headers):
    """Send what an operation takes, and what it does not, and hold the answers to what it says."""
    cases = [operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode]

    @hypothesis_settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize="FUNNELFLOW_API_EXAMPLES" not in os.environ,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(cases))
    def check(case):
        case.call_and_validate(headers=headers, excluded_checks=EXCLUDED)

    check()


def test_every_operation_is_as_it_is_described(tmp_path):
    funnelflow.create(tmp_path, "standard").close()
    with funnelflow.open(tmp_path) as workspace:
        workspace.add("bob", {"email": "bob@example.com"})
        for number in range(len(OPERATIONS)):
            api = Api(workspace)  # whose failures are counted from none
            headers = {**api.headers, "Host": "127.0.0.1:8765"}
            schema = schemathesis.openapi.from_asgi(
                "/api/openapi.json", api.app, headers=headers, config=CONFIG
            )
            operations = [found.ok() for found in schema.get_all_operations()]
            assert len(operations) == len(OPERATIONS)
            hold_to_description(operations[number], headers)
