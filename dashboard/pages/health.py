"""How histotwin is: which parts work, how far behind they are, and what somebody should see to."""

from __future__ import annotations

import re
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, html
from dash.development.base_component import Component

from dashboard.components.attributes import attributes
from dashboard.pages.address import Address

PATH = re.compile("/admin/health")


def title() -> str:
    """Return what the browser tab says."""
    return "How histotwin is"


def layout(address: Address) -> Component:
    """Return the place that ``16-health.js`` draws in."""
    return html.Div(id="health-board", **attributes(data_search=address.search))


def register(app: Dash, _parts: Any) -> None:
    """Draw when the page opens; what changes later the page hears from the stream."""
    app.clientside_callback(  # type: ignore[no-untyped-call]  # Dash leaves it untyped
        ClientsideFunction("histotwin", "drawHealth"),
        Output("health-board", "title"),
        Input("health-board", "data-search"),
    )
