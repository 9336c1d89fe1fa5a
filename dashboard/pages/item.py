"""One case, specimen, block or slide: what it is, where it is, its family and everything that happened to it."""

from __future__ import annotations

import re
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, html
from dash.development.base_component import Component

from dashboard.components.attributes import attributes
from dashboard.pages.address import Address

PATH = re.compile(r"/(?P<kind>items|cases)/(?P<barcode>.+)")


def title(kind: str, barcode: str) -> str:
    """Return what the browser tab says."""
    return f"{'Case' if kind == 'cases' else 'Item'} {barcode}"


def layout(_address: Address, kind: str, barcode: str) -> Component:
    """Return the place that ``12-item.js`` draws in."""
    return html.Div(id="item-board", **attributes(data_kind=kind, data_barcode=barcode))


def register(app: Dash, _parts: Any) -> None:
    """Draw when the page opens, and again when the board reports something new."""
    app.clientside_callback(  # type: ignore[no-untyped-call]  # Dash leaves it untyped
        ClientsideFunction("histotwin", "drawItem"),
        Output("item-board", "title"),
        Input("item-board", "data-barcode"),
        Input("live-board", "data"),
    )
