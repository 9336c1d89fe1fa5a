"""The sign-in page: plain HTML, no script, so that it works before anything else does. Sets and clears the cookie."""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qs, urlsplit

import anyio.to_thread
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dashboard.api.asking import parts_of
from dashboard.gate import COOKIE, SIGN_IN, is_loopback
from tracking.access.sessions import LONGEST_SESSION_US
from tracking.clock import SECOND_US
from tracking.errors import Forbidden

router = APIRouter(include_in_schema=False)
_MOST_BYTES = 4096
_PAGE = """<!DOCTYPE html>
<html lang="en-GB"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in – histotwin</title><link rel="icon" href="/assets/mark.svg"><style>
body{{font:1.1rem/1.5 Arial,sans-serif;background:#f0f4f5;color:#212b32;margin:0;display:grid;min-height:100vh;
place-items:center}}main{{background:#fff;border:1px solid #d8dde0;padding:2rem;width:min(24rem,90vw);
box-sizing:border-box}}
h1{{font-size:1.6rem;margin:0 0 1rem}}
label{{display:block;font-weight:bold;margin:1rem 0 .25rem}}
input{{font:inherit;width:100%;box-sizing:border-box;min-height:44px;padding:.4rem;border:2px solid #4c6272}}
input:focus,button:focus{{outline:3px solid #ffeb3b;box-shadow:inset 0 0 0 2px #212b32}}
button{{font:inherit;font-weight:bold;margin-top:1.5rem;min-height:44px;padding:0 1.5rem;background:#005eb8;color:#fff;
border:0}}.error{{color:#d5281b;font-weight:bold;margin:0}}
@media (prefers-color-scheme:dark){{body{{background:#0d141b;color:#e8edf1}}
main{{background:#16202a;border-color:#33424f}}input{{background:#0d141b;color:inherit;border-color:#8fa3b3}}
.error{{color:#ff968b}}}}</style></head><body><main><h1>Sign in to histotwin</h1>
{error}<form method="post" action="/sign-in"><input type="hidden" name="next" value="{next}">
<label for="name">Name</label>
<input id="name" name="name" value="{name}" autocomplete="username" required autofocus maxlength="64">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required maxlength="256">
<button type="submit">Sign in</button></form></main></body></html>"""


@router.get(SIGN_IN)
async def show(request: Request) -> HTMLResponse:
    """Return the form."""
    return _page(safe_next(request.query_params.get("next", "/")))


@router.post(SIGN_IN)
async def sign_in(request: Request) -> Response:
    """Begin a session and go where the person wanted to; the old session, if any, ends."""
    form = await _form(request)
    name, password, to = form.get("name", ""), form.get("password", ""), safe_next(form.get("next", "/"))
    access, address = parts_of(request).access, request.client.host if request.client else ""
    try:
        secret = await anyio.to_thread.run_sync(access.sign_in, name, password, address)
    except Forbidden as error:
        return _page(to, name, str(error), 403)
    if old := request.scope["state"].get("session"):
        await anyio.to_thread.run_sync(access.sign_out, old)
    answer = RedirectResponse(to, 303)
    answer.set_cookie(
        COOKIE, secret, max_age=LONGEST_SESSION_US // SECOND_US, httponly=True, samesite="lax",
        secure=_is_secure(request),
    )  # fmt: skip
    return answer


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """End the session."""
    if secret := request.scope["state"].get("session"):
        await anyio.to_thread.run_sync(parts_of(request).access.sign_out, secret)
    answer = RedirectResponse(SIGN_IN, 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=_is_secure(request))
    return answer


def safe_next(wanted: str) -> str:
    """Return the address to go to if it is one of ours, else the first page: sign-in sends nobody elsewhere."""
    parts = urlsplit(wanted)
    is_ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and not (parts.scheme or parts.netloc)
    return wanted if is_ours and wanted.isprintable() else "/"


async def _form(request: Request) -> dict[str, str]:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST_BYTES:
            return {}
    fields = parse_qs(body.decode("utf-8", errors="replace"), keep_blank_values=True, max_num_fields=10)
    return {key: values[0] for key, values in fields.items()}


def _page(to: str, name: str = "", error: str = "", status: int = 200) -> HTMLResponse:
    said = f'<p class="error" role="alert">{escape(error)}</p>' if error else ""
    return HTMLResponse(_PAGE.format(error=said, next=escape(to), name=escape(name)), status)


def _is_secure(request: Request) -> bool:
    return not is_loopback(request.url.hostname or "")
