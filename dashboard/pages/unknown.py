"""An address that names nothing, or nothing that this reader may know of: the two look the same."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dashboard.pages.address import Address


def layout(_address: Address) -> Component:
    """Return the page that says so."""
    return html.Div([
        html.H1("Nothing here"),
        html.P("There is no such page, or it belongs to a laboratory outside your scope."),
        html.P(html.A("Go to the network board", href="/")),
    ], className="card notice")  # fmt: skip
