"""Who asks: whoever started the server, whom a trusted proxy names, or who has logged in.

A request for a page or the API gets a `Caller`, or is refused. What comes in by itself is proved by
its sender instead.
"""

import hmac
import os
import secrets
from collections.abc import Awaitable, Callable
from getpass import getuser
from pathlib import Path
from typing import Any, Final

from anyio.to_thread import run_sync
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from funnelflow import ConfigurationError
from funnelflow_web.protection import INBOUND, SAFE, is_within, networks, peer_of
from funnelflow_web.settings import key_file
from funnelflow_web.site import Caller, Site
from funnelflow_web.tokens import TokenStore

HOURS: Final = 8
"""For how long a login holds."""

CSRF_HEADER: Final = "X-CSRF-Token"
CSRF_FIELD: Final = "csrf"
_OPEN: Final = frozenset({"/login", "/login/callback"})
_OPEN_BELOW: Final = (INBOUND, "/static/")
_API: Final = "/api/"
_BY_TOKEN: Final = (_API, "/mcp")
_BEARER: Final = "bearer "
_SECRET: Final = 32

FindCaller = Callable[[Request], Awaitable[Caller | None]]
FindToken = Callable[[str], Caller | None]


class AccessMiddleware:
    """Finds out who asks, and answers nobody else.

    Args:
        app: What is asked.
        find: Returns who asks; None where that is not known.
        find_token: Returns whom a token stands for; None where it is none.
        login: Whether there is a page on which somebody can log in.
    """

    def __init__(
        self, app: ASGIApp, find: FindCaller, find_token: FindToken, *, login: bool
    ) -> None:
        self._app = app
        self._find = find
        self._find_token = find_token
        self._login = login

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        path = scope.get("path", "")
        if scope["type"] != "http" or path in _OPEN or path.startswith(_OPEN_BELOW):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        said = request.headers.get("authorization")
        if said is not None and path.startswith(_BY_TOKEN):
            caller = await run_sync(self._find_token, said)
        else:
            caller = await self._find(request)
        if caller is None:
            await self._refusal(request)(scope, receive, send)
            return
        request.state.caller = caller
        await self._app(scope, receive, send)

    def _refusal(self, request: Request) -> Response:
        is_page = request.method in SAFE and not request.url.path.startswith(_API)
        if self._login and is_page:
            return RedirectResponse("/login", 303)
        said = {"code": "not_logged_in", "message": "it is not known who asks", "hint": ""}
        return JSONResponse(said, 401, {"WWW-Authenticate": "Bearer"})


def token_finder(site: Site) -> FindToken:
    """Return what finds out whom the header ``Authorization`` stands for."""
    store, clock = TokenStore(site.workspace.config.directory), site.workspace.clock

    def find(said: str) -> Caller | None:
        if not said.lower().startswith(_BEARER):
            return None
        token = store.find(said[len(_BEARER) :].strip(), clock())
        return None if token is None else Caller(token.name, token.roles, token.id)

    return find


def finder_of(site: Site) -> FindCaller:
    """Return what finds out who asks, as the settings say.

    Raises:
        ConfigurationError: The settings of the login are not whole.
    """
    settings = site.settings
    if lacking := settings.missing():
        raise ConfigurationError(
            f"[plugins.web] login = {settings.login!r} needs {lacking}",
            hint=f"set {lacking} under [plugins.web] in funnelflow.toml",
        )
    if settings.login == "proxy":
        return _named_by_proxy(site)
    if settings.login == "oidc":
        return _logged_in(site)
    if settings.login == "tokens":
        return _nobody
    return _whoever_started(site)


async def _nobody(_: Request) -> Caller | None:
    return None


def _whoever_started(site: Site) -> FindCaller:
    actor = os.environ.get("FUNNELFLOW_ACTOR") or _system_user()

    async def find(_: Request) -> Caller | None:
        return _caller(site, actor)

    return find


def _named_by_proxy(site: Site) -> FindCaller:
    trusted, header = networks(site.settings.proxy_addresses), site.settings.proxy_header

    async def find(request: Request) -> Caller | None:
        names = request.headers.getlist(header)
        if (
            len(names) != 1
            or not names[0].strip()
            or not is_within(peer_of(request.scope), trusted)
        ):
            return None
        return _caller(site, names[0].strip())

    return find


def _logged_in(site: Site) -> FindCaller:
    async def find(request: Request) -> Caller | None:
        actor = request.session.get("actor")
        return _caller(site, actor) if isinstance(actor, str) and actor else None

    return find


def _caller(site: Site, actor: str) -> Caller:
    """Return somebody with the roles that the settings give now."""
    return Caller(actor, site.workspace.context.roles_of(actor))


def may(site: Site, caller: Caller, what: str) -> bool:
    """Whether somebody may take something back, merge or erase.

    Args:
        site: What is served.
        caller: Who asks.
        what: ``void``, ``merge``, ``erase``, ``undo`` or ``retry``.

    Returns:
        Whether one of their roles is among those that the settings name for it. Whoever started a
        server without a login may all of it, as they may by the command line; a token may not.
    """
    named: list[str] = getattr(site.settings, f"{what}_roles")
    is_starter = not site.settings.login and not caller.token
    return is_starter or not set(caller.roles).isdisjoint(named)


def _system_user() -> str:
    try:
        return getuser()
    except (OSError, KeyError):
        return ""


def csrf_token(request: Request) -> str:
    """Return what the forms of a session send, so that no other page can."""
    token = request.session.get("csrf")
    if not isinstance(token, str):
        token = request.session["csrf"] = secrets.token_urlsafe(_SECRET)
    return token


def is_from_our_page(request: Request, said: str) -> bool:
    """Whether a request brings what the forms of its session send."""
    token = request.session.get("csrf")
    return isinstance(token, str) and hmac.compare_digest(token.encode(), said.encode())


def session_middleware(app: ASGIApp, site: Site, directory: Path) -> SessionMiddleware:
    """Return what keeps a session in a cookie that is signed, for its browser alone."""
    is_secure = site.address.startswith("https://") or site.settings.url.startswith("https://")
    return SessionMiddleware(
        app,
        secret_key=session_secret(directory),
        session_cookie="__Host-funnelflow" if is_secure else "funnelflow",
        max_age=HOURS * 3600,
        same_site="lax",  # a provider leads back from its own page
        https_only=is_secure,
    )


def session_secret(directory: Path) -> str:
    """Return the secret with which sessions are signed; made at the first start.

    Raises:
        ConfigurationError: It cannot be read or written.
    """
    path = key_file(directory)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(_SECRET))
    except FileExistsError:
        pass
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from None
    text = path.read_text("ascii").strip()
    if len(text) < 2 * _SECRET:
        raise ConfigurationError(f"{path} is cut short", hint="delete it: everybody logs in again")
    return text


def login_routes(site: Site) -> list[Route]:
    """Return the routes of a login by OpenID Connect; none where there is no such login.

    Authorization code with PKCE; the state, the nonce and the signature of the token are checked by
    Authlib. See https://openid.net/specs/openid-connect-core-1_0.html.
    """
    settings = site.settings
    if settings.login != "oidc":
        return []
    # Slow to import, and needed for this login alone.
    from authlib.integrations.base_client.errors import OAuthError  # noqa: PLC0415
    from authlib.integrations.starlette_client import OAuth  # noqa: PLC0415
    from httpx2 import HTTPError  # noqa: PLC0415
    from joserfc.errors import JoseError  # noqa: PLC0415

    provider = OAuth().register(
        "oidc",
        server_metadata_url=f"{settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration",
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        client_kwargs={"scope": "openid email profile", "code_challenge_method": "S256"},
    )
    callback = f"{settings.url.rstrip('/')}/login/callback"

    async def login(request: Request) -> Response:
        request.session.clear()
        try:
            found: Response = await provider.authorize_redirect(request, callback)
        except (HTTPError, OAuthError, RuntimeError):
            return PlainTextResponse("The login cannot be reached; try again later.", 502)
        return found

    async def come_back(request: Request) -> Response:
        try:
            token = await provider.authorize_access_token(request)
            actor = _actor_of(token.get("userinfo") or {}, settings.oidc_claim)
        except (HTTPError, OAuthError, JoseError, ValueError, KeyError, TypeError):
            request.session.clear()
            return PlainTextResponse("That is no login.", 403)
        request.session.clear()
        request.session["actor"] = actor
        return RedirectResponse("/", 303)

    async def logout(request: Request) -> Response:
        request.session.clear()
        return PlainTextResponse("You are logged out.")

    return [
        Route("/login", login),
        Route("/login/callback", come_back),
        Route("/logout", logout, methods=["POST"]),
    ]


def _actor_of(claims: Any, claim: str) -> str:
    """Return whom a provider names.

    An address that the provider has not verified is nobody's: who may choose it would choose whose
    roles they have.

    Raises:
        ValueError: It names nobody.
    """
    found = claims.get(claim)
    if not isinstance(found, str) or not found.strip():
        raise ValueError(claim)
    if claim == "email" and claims.get("email_verified") is not True:
        raise ValueError(claim)
    return found.strip()
