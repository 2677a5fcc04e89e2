"""What no client should send: nothing of it is done, and the server goes on as before.

``FUNNELFLOW_ATTACKS`` is how many times the whole list is sent while memory is watched.
"""

import contextlib
import datetime as dt
import http.client
import os

import pytest
from funnelflow_web.tokens import TokenStore
from web_senders import SECRETS, SETTINGS, Happened, send

import funnelflow

ROUNDS = int(os.environ.get("FUNNELFLOW_ATTACKS", "1"))
MEBIBYTE = 1 << 20
TOKEN = SECRETS["json"]
BODY = send("json", Happened(666, "901", 1_760_000_000)).body
SOURCE = """
[plugins.web.sources.json]
kind = "json"
proof = "bearer"
secret = "{TOKEN}"
mapping = "events"
create = true
""".replace("{TOKEN}", TOKEN)
MAPPING = """\
guess = false
[columns]
contact = "who"
event = "what"
at = "when"
key = "id"
"""


@pytest.fixture
def database():
    """Give the setting of a database; what is tested here ends before it."""
    return "funnelflow.db"


@pytest.fixture
def server(directory, serve):
    """Run a server with a source."""
    (directory / "mappings").mkdir()
    (directory / "mappings" / "events.toml").write_text(MAPPING)
    return serve(SOURCE)


QUIET = 0.3
"""After how many seconds without a byte nothing more is waited for."""


def raw(server, request):
    """Send bytes as they are, and give all that comes back before it hangs up or is quiet."""
    answer = b""
    with contextlib.suppress(OSError), server.connect() as connection:
        connection.sendall(request)
        if b"Connection: close" not in request:
            connection.settimeout(QUIET)
        while block := connection.recv(65536):
            answer += block
    return answer


def statuses(answer):
    """Give the statuses of all answers in some bytes."""
    parts = answer.split(b"HTTP/1.1 ")[1:]
    return [int(part[:3]) for part in parts]


def head(server, *lines, method="GET", path="/", host=None, close=True):
    """Write the head of a request."""
    lines = (*lines, "Connection: close") if close else lines
    host = f"127.0.0.1:{server.port}" if host is None else host
    named = [f"Host: {host}"] if host else []
    return "\r\n".join([f"{method} {path} HTTP/1.1", *named, *lines, "", ""]).encode("utf-8")


def inner(server):
    """Write a whole request that would be recorded if it were looked at."""
    lines = (f"Authorization: Bearer {TOKEN}", "Content-Type: application/json")
    length = f"Content-Length: {len(BODY)}"
    return head(server, *lines, length, method="POST", path="/in/json") + BODY


def nobody_was_added(directory):
    """Whether nothing was recorded."""
    with funnelflow.open(directory) as workspace:
        return list(workspace.list()) == [] and workspace.kept_records() == []


OTHER_HOSTS = (
    "evil.example", "evil.example:{port}", "127.0.0.1.evil.example:{port}", "127.0.0.1:1",
    "127.0.0.1", "0.0.0.0:{port}", "localhost:{port}.evil.example", "[::ffff:127.0.0.1]:{port}",
    "user@127.0.0.1:{port}", "127.0.0.1:{port}, evil.example", "127.0.0.1:{port}/", "2130706433",
)  # fmt: skip


def test_a_page_that_is_led_here_under_another_name_reads_nothing(server):
    for host in OTHER_HOSTS:
        asked = host.replace("{port}", str(server.port))
        for path in ("/", "/in/json", "/login"):
            answer = raw(server, head(server, path=path, host=asked))
            assert statuses(answer)[0] in (400, 421, 429), (asked, answer)
            assert b"contacts" not in answer
    for asked in ("", f"127.0.0.1:{server.port}\r\nHost: evil.example"):
        assert statuses(raw(server, head(server, host=asked)))[0] in (400, 421, 429)


def test_this_machine_s_own_names_are_answered(server):
    for name in ("localhost", "127.0.0.1", "LOCALHOST"):
        assert statuses(raw(server, head(server, host=f"{name}:{server.port}"))) == [200]


LENGTHS = (
    ("Content-Length: {n}", "Transfer-Encoding: chunked"),
    ("Content-Length: {n}", "Content-Length: {m}"),
    ("Content-Length: {n}, {m}",),
    ("Content-Length: +{n}",),
    ("Content-Length: -1",),
    ("Content-Length: 0x5",),
    ("Content-Length: 5 5",),
    ("Content-Length: 99999999999999999999999999",),
    ("Content-Length: \u0665",),
    ("Content-Length : {n}",),
    ("Transfer-Encoding: xchunked",),
    ("Transfer-Encoding: chunked, identity",),
    ("Transfer-Encoding: identity, chunked",),
    ("Transfer-Encoding : chunked",),
    ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
    ("Transfer-Encoding:\tchunked", "Content-Length: {n}"),
    ("X: y\r\n Transfer-Encoding: chunked", "Content-Length: {n}"),
    ("Transfer-Encoding: chunked\r\nContent-Length: {n}\x0b",),
)
"""Headers that two servers may read in different ways."""
CHUNKS = (
    b"0\r\n\r\n",
    b"5;x=y\r\nhello\r\n0\r\n\r\n",
    b"-1\r\n\r\n",
    b"G\r\n",
    b"0x0\r\n\r\n",
    b"",
)


def test_what_stands_behind_a_length_of_two_meanings_is_not_taken_for_a_request(server, directory):
    hidden = inner(server)
    for lengths in LENGTHS:
        for chunk in CHUNKS:
            lines = [one.format(n=len(chunk), m=len(chunk) + len(hidden)) for one in lengths]
            request = head(server, *lines, method="POST", path="/in/json") + chunk + hidden
            found = statuses(raw(server, request))
            assert len(found) <= 1, (lengths, chunk, found)
            assert all(400 <= status < 500 for status in found), (lengths, chunk, found)
    assert nobody_was_added(directory)
    assert server.is_running()


PATHS = (
    "/../../etc/passwd", "/..%2f..%2fetc/passwd", "/in/..", "/in/../", "/in/%2e%2e/funnelflow.toml",
    "/in/json/../json", "/in/%00", "/in/json%00", "/static/..%5c..%5cweb.key", "//evil.example/",
    "/in/" + "a" * 5_000, "/%c0%ae%c0%ae/", "/in/\u00ff", "/;/in/json", "/in/json;x", "/IN/json",
    "/in//json", "/in/json/", "/.git/config", "/funnelflow.toml", "/funnelflow.db", "/web.key",
    "/?" + "a=1&" * 500, "/in/{{7*7}}", "/in/<script>alert(1)</script>", "/in/%3Cscript%3E",
)  # fmt: skip


def test_no_path_leads_out_or_is_repeated_as_a_page(server):
    for path in PATHS:
        for method in ("GET", "POST", "PUT", "DELETE", "TRACE", "OPTIONS", "PATCH", "HEAD", "FOO"):
            answer = raw(server, head(server, "Content-Length: 0", method=method, path=path))
            (status,) = statuses(answer)[:1] or [400]
            assert status < 500, (method, path, answer)
            assert b"root:" not in answer
            assert b"[workspace]" not in answer
            assert b"<script>" not in answer.partition(b"\r\n\r\n")[2] or b"text/html" not in answer
    assert server.is_running()


START = b"GET / HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n"
HEADS = (
    START + b"" + b"X: " + b"a" * 70_000 + b"\r\n\r\n",
    START + b"" + b"X: a\r\n" * 20_000 + b"\r\n",
    START + b"X: a\x00b\r\n\r\n",
    START + b"X\xff: a\r\n\r\n",
    START + b": a\r\n\r\n",
    START + b"X: a\r\n b\r\n\r\n",
    b"GET / HTTP/1.1\nHost: HOST\n\n",
    b"GET / HTTP/9.9\r\nHost: HOST\r\nConnection: close\r\n\r\n",
    b"GET /\r\n\r\n",
    b"GET  /  HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x00" * 5_000,
    b"\r\n" * 5_000,
    b"GET " + b"/" * 70_000 + b" HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: HOST\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    START + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    b"CONNECT evil.example:443 HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n",
    b"GET http://evil.example/ HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n",
    START + b"Cookie: funnelflow=" + b"A" * 4_000 + b"\r\n\r\n",
    START + b"Cookie: funnelflow=eyJhY3RvciI6ICJib3NzIn0=.x.y\r\n\r\n",
    START + b"X-Forwarded-User: boss\r\n\r\n",
    START + b"X-Forwarded-For: 127.0.0.1, ::1, x\r\n\r\n",
)


def test_no_head_ends_the_server_or_makes_anybody_somebody_else(server):
    host = f"127.0.0.1:{server.port}".encode()
    for request in HEADS:
        answer = raw(server, request.replace(b"HOST", host))
        assert all(status < 500 for status in statuses(answer)), (request[:80], answer[:200])
        assert b"boss" not in answer
    assert server.is_running()


def nested(levels):
    """Give JSON that is nested."""
    return b'{"a":' * levels + b"1" + b"}" * levels


BODIES = (
    nested(10_000), b"[" * 100_000, nested(900), b'{"a":' + b"9" * 50_000 + b"}",
    b'{"who": "\xff"}', '{"who": "ada"}'.encode("utf-16"), b"\xef\xbb\xbf{}",
    b"\x1f\x8b" + b"\0" * 99,
    b'{"who": "\\ud800", "what": "content_viewed", "when": "2026-01-01T00:00:00Z", "id": "1"}',
    b"{}" * 1_000, b"null", b"", b" " * 1_000_000, b'{"a":NaN}', b'{"a":1e999999}',
    b'{"who": 1e400}', ("{" + ",".join(f'"{n}":1' for n in range(50_000)) + ',"1":2}').encode(),
)  # fmt: skip


def test_no_body_is_anything_but_refused_or_kept(server, directory):
    for body in BODIES:
        for kind in ("application/json", "application/json; charset=utf-16", "text/html", ""):
            lines = [f"Authorization: Bearer {TOKEN}", f"Content-Length: {len(body)}"]
            lines += [f"Content-Type: {kind}"] if kind else []
            request = head(server, *lines, method="POST", path="/in/json") + body
            found = statuses(raw(server, request))
            assert found, body[:40]
            assert found[0] < 500, (body[:40], found)
    with funnelflow.open(directory) as workspace:
        assert list(workspace.list()) == []
    assert server.is_running()


def test_no_body_makes_the_api_fail(server, directory):
    now = dt.datetime.now(dt.UTC)
    _, token = TokenStore(directory).add("crm", ("boss",), dt.timedelta(days=1), now)
    with funnelflow.open(directory) as workspace:
        workspace.add("ada")
    for path in API:
        for body in BODIES:
            lines = (f"Authorization: Bearer {token}", f"Content-Length: {len(body)}")
            request = head(
                server, *lines, "Content-Type: application/json", method="POST", path=path
            )
            found = statuses(raw(server, request + body))
            assert found, (path, body[:40])
            assert 400 <= found[0] < 500, (path, body[:40], found)
    with funnelflow.open(directory) as workspace:
        assert [row.event for row in workspace.history("ada").rows] == ["add"]
    assert server.is_running()


API = ("/api/contacts/ada/events", "/api/contacts/ada/moves", "/api/contacts/ada/facts", "/mcp")


def test_a_body_that_is_said_longer_than_it_may_be_is_not_waited_for(server):
    lines = (f"Authorization: Bearer {TOKEN}", "Content-Type: application/json")
    request = head(server, *lines, "Content-Length: 9999999999", method="POST", path="/in/json")
    assert statuses(raw(server, request)) == [413]
    block = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    request = head(server, *lines, "Transfer-Encoding: chunked", method="POST", path="/in/json")
    assert statuses(raw(server, request + block * 40)) in ([413], [])
    assert server.is_running()


def all_attacks(server):
    """Yield every request of this file."""
    host = f"127.0.0.1:{server.port}".encode()
    yield from (request.replace(b"HOST", host) for request in HEADS)
    yield from (head(server, path=path) for path in PATHS)
    for body in BODIES:
        lines = (f"Authorization: Bearer {TOKEN}", f"Content-Length: {len(body)}")
        yield head(server, *lines, method="POST", path="/in/json") + body
    for lengths in LENGTHS:
        lines = [one.format(n=5, m=6) for one in lengths]
        yield head(server, *lines, method="POST", path="/in/json", close=False) + b"hello"


def test_memory_stays_as_it_is_and_nothing_is_said_of_a_traceback(server):
    for _ in range(2):
        for request in all_attacks(server):
            raw(server, request)
    before = server.memory()
    for _ in range(ROUNDS):
        for request in all_attacks(server):
            raw(server, request)
    assert server.memory() - before < 16 * MEBIBYTE
    connections = [server.connect() for _ in range(200)]  # which say nothing
    for one in connections:
        one.close()
    answer = http.client.HTTPConnection("127.0.0.1", server.port)
    with contextlib.closing(answer):
        answer.request("GET", "/")
        assert answer.getresponse().status in (200, 429)
    code, _, said = server.stop()
    assert code in (0, 130)
    assert "Traceback" not in said
    assert TOKEN not in said
    assert "901" not in said


ALLOWED = (
    "content-security-policy: default-src 'none'",
    "x-content-type-options: nosniff",
    "x-frame-options: deny",
    "referrer-policy: same-origin",
    "cache-control: no-store",
)


def test_every_answer_says_what_a_browser_may_do_with_it(server):
    for request in (head(server), head(server, path="/nothing"), head(server, host="x")):
        answer = raw(server, request).decode().lower()
        for said in ALLOWED:
            assert said in answer
        assert "unsafe-inline" not in answer
        assert "server: uvicorn" not in answer


def test_only_those_settings_are_tested_that_there_are():
    assert set(SETTINGS) >= {"json"}
