"""Who is asking: decided here, once, before anything else runs, for pages, callbacks, API and stream alike.

A request is let in with an API token (``Authorization: Bearer``), a session cookie, or, in demo mode, when it comes
from this very machine: client address and Host header both loopback (the Host too, or a web page elsewhere could point
its own name at 127.0.0.1), nothing forwarded. Everything else gets 401, or the sign-in page.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import quote, urlsplit

import anyio.to_thread
import orjson
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tracking.access import Access, Principal, Role
from tracking.errors import StoreUnavailable

COOKIE = "histotwin_session"
SIGN_IN = "/sign-in"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OPEN = frozenset({"/api/v1/health", SIGN_IN})
_OPEN_ASSETS = (".css", ".svg", ".woff2", ".ico", ".png")
_DEMO = Principal("demo", frozenset({Role.ADMIN}), None)
_PRINCIPAL: ContextVar[Principal | None] = ContextVar("histotwin_principal", default=None)


def current_principal() -> Principal | None:
    """Return who is asking in this task or thread; ``None`` on open addresses."""
    return _PRINCIPAL.get()


@dataclass(slots=True)
class ContentPolicy:
    """The Content-Security-Policy: our own files only, and inline scripts whose hashes were given by name."""

    hashes: list[str] = field(default_factory=list)

    def allow_scripts(self, hashes: Iterable[str]) -> None:
        """Let inline scripts run by their hashes, e.g. ``Dash.csp_hashes()``: ``'sha256-…'`` with its quotes."""
        self.hashes.extend(one if one.startswith("'") else f"'{one}'" for one in hashes)

    def header(self) -> str:
        """Return the header's value. Plotly and Dash write style attributes, hence 'unsafe-inline' for styles."""
        scripts = " ".join(dict.fromkeys(("'self'", *self.hashes)))
        return (
            f"default-src 'self'; script-src {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
            "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )


@dataclass(frozen=True, slots=True)
class _Asking:
    """What the gate reads of a request."""

    path: str
    method: str
    headers: Headers
    address: str
    bearer: str | None
    session: str | None

    @property
    def is_loopback(self) -> bool:
        """Tell whether it comes from this machine and is addressed to it."""
        forwarded = "x-forwarded-for" in self.headers or "forwarded" in self.headers
        return not forwarded and is_loopback(self.address) and is_loopback(_host(self.headers.get("host", "")))


class Gate:
    """Pure ASGI middleware, outermost: lets a request in with its principal, or answers it here."""

    def __init__(self, app: ASGIApp, access: Access, policy: ContentPolicy, *, is_demo: bool) -> None:
        self._app = app
        self._access = access
        self._policy = policy
        self._is_demo = is_demo

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Judge one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        asking = _read(scope)
        send = self._with_headers(asking.path, send) if scope["type"] == "http" else send
        try:
            principal = await self._principal(asking)
        except StoreUnavailable as error:
            await _refuse(scope, send, 503, "store_unavailable", str(error))
            return
        if principal is None and not _is_open(asking):
            await _turn_away(scope, asking, send)
        elif asking.bearer is None and _is_cross_site(scope, asking):
            await _refuse(scope, send, 403, "cross_site", "This came from another site and was not carried out.")
        else:
            await self._let_in(scope, receive, send, asking, principal)

    async def _let_in(
        self, scope: Scope, receive: Receive, send: Send, asking: _Asking, principal: Principal | None
    ) -> None:
        state: dict[str, Any] = scope.setdefault("state", {})
        state["principal"], state["session"] = principal, asking.session
        state["is_loopback"] = asking.is_loopback
        state["still_valid"] = self._recheck(asking)
        token = _PRINCIPAL.set(principal)
        try:
            await self._app(scope, receive, send)
        finally:
            _PRINCIPAL.reset(token)

    def _recheck(self, asking: _Asking) -> Callable[[], Any]:
        async def still_valid() -> bool:
            return await self._principal(asking) is not None

        return still_valid

    async def _principal(self, asking: _Asking) -> Principal | None:
        if asking.bearer is not None:
            return await anyio.to_thread.run_sync(self._access.token_principal, asking.bearer)
        if asking.session:
            principal = await anyio.to_thread.run_sync(self._access.session_principal, asking.session)
            if principal is not None:
                return principal
        return _DEMO if self._is_demo and asking.is_loopback else None

    def _with_headers(self, path: str, send: Send) -> Send:
        is_static = path.startswith(("/assets/", "/_dash-component-suites/"))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = self._policy.header()
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "same-origin"
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
                headers["Permissions-Policy"] = "camera=(self), microphone=(), geolocation=()"
                if not is_static:
                    headers["Cache-Control"] = "no-store"
            await send(message)

        return send_with_headers


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read(scope: Scope) -> _Asking:
    headers = Headers(scope=scope)
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    bearer = secret.strip() if scheme.lower() == "bearer" else None
    client = scope.get("client")
    address = client[0] if client else ""
    return _Asking(scope["path"], scope.get("method", "GET"), headers, address, bearer, _session_of(headers))


def _session_of(headers: Headers) -> str | None:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return found.value if found and found.value else None


def _host(value: str) -> str:
    """Return the name in a Host header, without its port."""
    return urlsplit(f"//{value}").hostname or "" if value.count("]") <= 1 and "@" not in value else ""


def _is_open(asking: _Asking) -> bool:
    if asking.path == "/metrics":
        return asking.is_loopback
    is_asset = asking.path.startswith("/assets/") and asking.path.endswith(_OPEN_ASSETS)
    return asking.path in _OPEN or (is_asset and asking.method in _SAFE_METHODS)


def _is_cross_site(scope: Scope, asking: _Asking) -> bool:
    """Tell whether a browser sends an unsafe request for another site; what is no browser says nothing of itself.

    As Go 1.25's CrossOriginProtection: Sec-Fetch-Site decides, the Origin where a browser does not send it.
    """
    if scope["type"] == "http" and asking.method in _SAFE_METHODS:
        return False
    site, origin = asking.headers.get("sec-fetch-site"), asking.headers.get("origin")
    if site is not None:
        return site not in ("same-origin", "none")
    return origin is not None and urlsplit(origin).netloc != asking.headers.get("host", "")


async def _turn_away(scope: Scope, asking: _Asking, send: Send) -> None:
    wants_page = asking.method in _SAFE_METHODS and "text/html" in asking.headers.get("accept", "")
    if scope["type"] == "http" and wants_page and not asking.path.startswith("/api/"):
        location = f"{SIGN_IN}?next={quote(asking.path, safe='/')}".encode()
        await _answer(send, 303, b"", ((b"location", location),))
        return
    await _refuse(scope, send, 401, "not_signed_in", "Sign in, or send an API token as Authorization: Bearer.")


async def _refuse(scope: Scope, send: Send, status: int, reason: str, detail: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": reason})
        return
    body = orjson.dumps({"type": f"urn:histotwin:{reason}", "title": reason, "status": status, "detail": detail})
    extra = ((b"www-authenticate", b"Bearer"),) if status == 401 else ()
    await _answer(send, status, body, ((b"content-type", b"application/problem+json"), *extra))


async def _answer(send: Send, status: int, body: bytes, headers: tuple[tuple[bytes, bytes], ...]) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})
