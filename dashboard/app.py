"""The pages, set on the API's own server: one app, one port. Chooses the page for an address and nothing else.

What may not go in: reading the database (``tracking.queries`` does), deciding who is asking (the gate does).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote

from dash import ClientsideFunction, Dash, Input, Output, State
from dash.development.base_component import Component
from fastapi import FastAPI

from dashboard.components.shell import INDEX, shell
from dashboard.pages import PAGES, Address, unknown

ASSETS = Path(__file__).parent / "assets"


def build_app(api: FastAPI, parts: Any) -> Dash:
    """Return the Dash app that serves its pages from ``api``; ``parts`` is what pages may ask."""
    app = Dash(
        "histotwin",
        server=api,  # type: ignore[arg-type]  # a FastAPI server is supported; Dash's stubs know only Flask
        assets_folder=str(ASSETS),
        assets_path_ignore=["head", "vendor"],
        index_string=INDEX,
        title="histotwin",
        update_title="",
        serve_locally=True,
        compress=False,
        use_async=True,
        enable_mcp=False,
        suppress_callback_exceptions=True,
    )
    app.layout = lambda: shell(parts)
    _register_router(app)
    for page in PAGES:
        page.register(app, parts)
    app._setup_server()  # type: ignore[no-untyped-call]  # else, on the FastAPI backend, the very first page is sent before its assets are known
    return app


def find_page(pathname: str, search: str) -> tuple[Component, str]:
    """Return the layout and the title for an address; an address nobody knows gets the page that says so."""
    address = Address(unquote(pathname or "/"), search or "")
    for page in PAGES:
        if match := page.PATH.fullmatch(address.path.rstrip("/") or "/"):
            return page.layout(address, **match.groupdict()), page.title(**match.groupdict())
    return unknown.layout(address), "Not found"


def _register_router(app: Dash) -> None:
    @app.callback(
        Output("page", "children"),
        Output("page-title", "data"),
        Input("url", "pathname"),
        Input("url", "search"),
        State("page-title", "data"),
    )
    async def show_page(pathname: str, search: str, _shown: str | None) -> tuple[Component, str]:
        return find_page(pathname, search)

    app.clientside_callback(  # type: ignore[no-untyped-call]  # Dash leaves it untyped
        ClientsideFunction("histotwin", "showTitle"), Output("trail", "title"), Input("page-title", "data")
    )
    app.clientside_callback(  # type: ignore[no-untyped-call]  # Dash leaves it untyped
        ClientsideFunction("histotwin", "showProgress"), Output("progress", "title"), Input("live-progress", "data")
    )
