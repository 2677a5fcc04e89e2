"""Who is let in: by a login, by a proxy, and nobody else."""

import base64
import hashlib
import secrets
import socket
import threading
import time
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest
import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Route

SECRET = "a-secret-of-the-client"


@pytest.fixture
def database():
    """Give the setting of a database; what is tested here ends before it."""
    return "funnelflow.db"


def free_port():
    """Give a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        return made.getsockname()[1]


class Provider:
    """A provider of OpenID Connect that lets everybody in, and lies when it is told to.

    Attributes:
        lie: What it changes of the claims that it signs.
        key: With what it signs.
    """

    def __init__(self):
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.key = self.published = RSAKey.generate_key(2048, {"kid": "1"})
        self.lie = {}
        self._codes = {}
        routes = [
            Route("/.well-known/openid-configuration", self._configuration),
            Route("/authorize", self._authorize),
            Route("/token", self._token, methods=["POST"]),
            Route("/keys", self._keys),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes), port=self.port, log_level="error", lifespan="off"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def close(self):
        self._server.should_exit = True
        self._thread.join(10)

    def _configuration(self, _):
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    def _keys(self, _):
        return JSONResponse({"keys": [self.published.as_dict(private=False)]})

    def _authorize(self, request):
        asked = request.query_params
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe()
        self._codes[code] = dict(asked)
        back = {"code": code, "state": asked["state"]}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back)}", 302)

    async def _token(self, request):
        form = await request.form()
        asked = self._codes.pop(form["code"], None)
        verifier = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        basic = base64.b64encode(f"funnelflow:{SECRET}".encode()).decode()
        if asked is None or challenge != asked["code_challenge"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        if request.headers.get("authorization") != f"Basic {basic}":
            return JSONResponse({"error": "invalid_client"}, 401)
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": "funnelflow", "sub": "1", "iat": now, "exp": now + 60,
            "nonce": asked["nonce"], "email": "ada@example.com", "email_verified": True,
            **self.lie,
        }  # fmt: skip
        token = jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.key)
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "id_token": token})


@pytest.fixture
def provider():
    """Run a provider."""
    made = Provider()
    yield made
    made.close()


@pytest.fixture
def server(directory, serve, provider):
    """Run a server with that login."""
    port = free_port()
    settings = f"""
[plugins.web]
url = "http://127.0.0.1:{port}"
login = "oidc"
oidc_issuer = "{provider.issuer}"
oidc_client_id = "funnelflow"
oidc_client_secret = "{SECRET}"
"""
    return serve(settings, port=port)


def browse(server, **more):
    """Give a browser that follows redirections and keeps cookies."""
    return httpx2.Client(base_url=server.address, follow_redirects=True, **more)


def test_whoever_logs_in_is_who_the_provider_says(server, directory):
    with browse(server) as browser:
        answer = browser.get("/")
        assert (answer.status_code, answer.url.path) == (200, "/")
        assert "ada@example.com" in answer.text
        (cookie,) = browser.cookies.jar
        assert cookie.has_nonstandard_attr("HttpOnly") or cookie.has_nonstandard_attr("httponly")
        assert browser.post("/logout").status_code == 200
        assert browser.get("/", follow_redirects=False).status_code == 303
    assert (directory / "web.key").stat().st_mode & 0o777 == 0o600


def test_nobody_else_gets_anything(server):
    with browse(server) as browser:
        assert browser.get("/", follow_redirects=False).headers["location"] == "/login"
        assert browser.get("/api/contacts", follow_redirects=False).status_code == 401
        assert browser.post("/", follow_redirects=False).status_code == 401
        for cookie in ("", "x", "eyJhY3RvciI6ICJib3NzIn0=.aaaa.bbbb", "eyJhY3RvciI6ICJib3NzIn0="):
            answer = browser.get(
                "/", headers={"Cookie": f"funnelflow={cookie}"}, follow_redirects=False
            )
            assert answer.status_code == 303
        answer = browser.get("/", headers={"X-Forwarded-User": "boss"}, follow_redirects=False)
        assert answer.status_code == 303


@pytest.mark.parametrize(
    "lie",
    [
        {"aud": "another"},
        {"iss": "https://evil.example"},
        {"nonce": "another"},
        {"exp": 1},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email": ""},
        {"email": ["boss"]},
        {"email": None},
    ],
    ids=str,
)
def test_a_provider_s_word_that_is_not_about_this_login_is_none(server, provider, lie):
    provider.lie = lie
    with browse(server) as browser:
        assert browser.get("/").status_code == 403
        assert browser.get("/", follow_redirects=False).status_code == 303


def test_what_another_key_has_signed_is_no_word_of_the_provider(server, provider):
    provider.key = RSAKey.generate_key(2048, {"kid": "1"})
    with browse(server) as browser:
        assert browser.get("/").status_code == 403


def test_an_answer_that_nobody_asked_for_is_refused(server):
    with browse(server) as browser:
        for query in ("", "?code=x", "?code=x&state=y", "?error=access_denied&state=y"):
            assert browser.get(f"/login/callback{query}").status_code == 403


def test_another_browser_s_answer_is_refused(server, provider):
    with httpx2.Client(base_url=server.address) as mine, browse(server) as other:
        leads = mine.get("/login").headers["location"]
        other.get("/login", follow_redirects=False)
        back = urlsplit(httpx2.get(leads).headers["location"])
        assert parse_qs(back.query)["code"]
        assert other.get(f"{back.path}?{back.query}").status_code == 403


def test_a_provider_that_is_gone_is_said(server, provider):
    provider.close()
    with browse(server) as browser:
        answer = browser.get("/")
        assert answer.status_code == 502
        assert "Traceback" not in answer.text


PROXY = """
[plugins.web]
url = "http://127.0.0.1"
login = "proxy"
proxy_addresses = ["{address}"]
"""


def test_a_trusted_proxy_says_who_asks(serve):
    server = serve(PROXY.format(address="127.0.0.0/8"))
    with browse(server) as browser:
        assert "grace" in browser.get("/", headers={"X-Forwarded-User": "grace"}).text
        assert browser.get("/").status_code == 401
        assert browser.get("/", headers={"X-Forwarded-User": ""}).status_code == 401
        twice = [("X-Forwarded-User", "ada"), ("X-Forwarded-User", "boss")]
        assert browser.get("/", headers=twice).status_code == 401


def test_nobody_else_says_who_asks(serve):
    server = serve(PROXY.format(address="192.0.2.1"))
    with browse(server) as browser:
        said = {"X-Forwarded-User": "boss", "X-Forwarded-For": "192.0.2.1"}
        assert browser.get("/", headers=said).status_code == 401


def test_whoever_fails_again_and_again_waits(serve):
    server = serve(PROXY.format(address="192.0.2.1"))
    with browse(server) as browser:
        found = [browser.get("/").status_code for _ in range(40)]
        assert set(found) == {401, 429}
        assert found[-1] == 429
        assert browser.get("/").headers["retry-after"]


@pytest.mark.parametrize(
    ("settings", "options", "words"),
    [
        ("", ("--host", "0.0.0.0"), "it has no login"),
        ("", ("--host", "::"), "it has no login"),
        ('\n[plugins.web]\nurl = "https://a.example"\n', (), "reach this server as a.example"),
        ('\n[plugins.web]\nlogin = "oidc"\n', (), "needs url, oidc_issuer"),
        ('\n[plugins.web]\nlogin = "proxy"\n', ("--host", "0.0.0.0"), "needs proxy_addresses"),
        ('\n[plugins.web]\nlogin = "none"\n', (), "must be one of"),
        (
            '\n[plugins.web]\nlogin = "proxy"\nproxy_addresses = ["x"]\n',
            (),
            "no address or network",
        ),
    ],
)
def test_it_does_not_start_where_it_would_not_be_safe(serve, settings, options, words):
    with pytest.raises(AssertionError, match=words) as raised:
        serve(settings, *options)
    assert "Traceback" not in str(raised.value)
