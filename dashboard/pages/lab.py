"""One laboratory: its line from reception to authorisation, its instruments, its turnaround, its cases at risk."""

from __future__ import annotations

import re
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, html
from dash.development.base_component import Component

from dashboard.pages.address import Address

PATH = re.compile(r"/labs/(?P<lab>[^/]+)")


def title(lab: str) -> str:
    """Return what the browser tab says."""
    return f"Laboratory {lab}"


def layout(_address: Address, lab: str) -> Component:
    """Return the places that ``11-lab.js`` draws in, and where the charts go."""
    return html.Div([
        html.Div(id="lab-board", **{"data-lab": lab}),
        html.Div(id="lab-charts", className="columns"),
        html.Div(id="lab-lists"),
    ], className="stack")  # fmt: skip


def register(app: Dash, _parts: Any) -> None:
    """Redraw whenever the lab's live state arrives."""
    app.clientside_callback(
        ClientsideFunction("histotwin", "drawLab"), Output("lab-board", "title"), Input("live-lab", "data")
    )
