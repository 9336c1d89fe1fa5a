"""What a search or a scan found, when it is not exactly one thing."""

from __future__ import annotations

import re
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, html
from dash.development.base_component import Component

from dashboard.components.attributes import attributes
from dashboard.pages.address import Address

PATH = re.compile("/search")


def title() -> str:
    """Return what the browser tab says."""
    return "Search"


def layout(address: Address) -> Component:
    """Return the place that ``13-search.js`` draws in."""
    return html.Div(id="search-board", **attributes(data_q=address.query("q")))


def register(app: Dash, _parts: Any) -> None:
    """Look up what was asked when the page opens or the question changes."""
    app.clientside_callback(  # type: ignore[no-untyped-call]  # Dash leaves it untyped
        ClientsideFunction("histotwin", "drawSearch"), Output("search-board", "title"), Input("search-board", "data-q")
    )
