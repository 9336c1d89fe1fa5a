"""The one web app: API, sign-in and gate put together. Pages are added to it by ``dashboard.app``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp

from dashboard import sign_in
from dashboard.api.parts import Parts, wire
from dashboard.api.problems import answer_with_problems
from dashboard.api.routes import PREFIX, add_routes
from dashboard.gate import ContentPolicy, Gate

__all__ = ["Parts", "build_api", "wire"]


class GuardedApi(FastAPI):
    """A FastAPI whose gate stays outermost whatever middleware is added later, by Dash for one."""

    gate_parts: Parts
    content_policy: ContentPolicy

    def build_middleware_stack(self) -> ASGIApp:
        """Return the app's own stack with the gate around it."""
        stack = super().build_middleware_stack()
        return Gate(stack, self.gate_parts.access, self.content_policy, is_demo=self.gate_parts.is_demo)


def build_api(parts: Parts) -> GuardedApi:
    """Return the app with every call of the API; run it with uvicorn and ``timeout_graceful_shutdown=2``.

    ``app.content_policy.allow_scripts(dash_app.csp_hashes())`` lets Dash's inline scripts run.
    """
    app = GuardedApi(
        title="histotwin", version=parts.version, openapi_url=f"{PREFIX}/openapi.json", docs_url=None, redoc_url=None,
        lifespan=_lifespan(parts),
    )  # fmt: skip
    app.gate_parts, app.content_policy = parts, ContentPolicy()
    app.state.parts = parts
    answer_with_problems(app)
    app.include_router(sign_in.router)
    add_routes(app)
    return app


def _lifespan(parts: Parts):  # type: ignore[no-untyped-def]  # FastAPI's own alias for it is not exported
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        parts.live.start()
        try:
            yield
        finally:
            await parts.live.stop()

    return lifespan
