"""The network board: every laboratory the reader may see, worst first."""

from __future__ import annotations

import re
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, html
from dash.development.base_component import Component

from dashboard.pages.address import Address

PATH = re.compile("/")


def title() -> str:
    """Return what the browser tab says."""
    return "Network"


def layout(_address: Address) -> Component:
    """Return the place that ``10-network.js`` draws the board in."""
    return html.Div(id="network-board")


def register(app: Dash, _parts: Any) -> None:
    """Redraw the board whenever live rows arrive; the drawing happens in the browser."""
    app.clientside_callback(  # type: ignore[no-untyped-call]  # Dash leaves it untyped
        ClientsideFunction("histotwin", "drawNetwork"), Output("network-board", "title"), Input("live-board", "data")
    )
