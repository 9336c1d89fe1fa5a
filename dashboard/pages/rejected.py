"""Refused events: why each was refused, its bytes, and what a manager can do about it; the gaps that are open."""

from __future__ import annotations

import re
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, html
from dash.development.base_component import Component

from dashboard.components.attributes import attributes
from dashboard.gate import current_principal
from dashboard.pages.address import Address
from tracking.access import Role

PATH = re.compile("/admin/rejected")


def title() -> str:
    """Return what the browser tab says."""
    return "Refused events"


def layout(address: Address) -> Component:
    """Return the places that ``14-refused.js`` and ``15-refused-drawer.js`` draw in."""
    who = current_principal()
    may_change = who is None or who.has(Role.MANAGER)  # the API asks again; here it only says which buttons to show
    return html.Div([
        html.Div(id="refused-board", **attributes(data_search=address.search, data_may="yes" if may_change else "no")),
        html.Dialog(id="refused-drawer", className="drawer", **attributes(aria_labelledby="drawer-title")),
    ])  # fmt: skip


def register(app: Dash, _parts: Any) -> None:
    """Draw when the page opens or its address changes, and look again when the board reports something new."""
    app.clientside_callback(  # type: ignore[no-untyped-call]  # Dash leaves it untyped
        ClientsideFunction("histotwin", "drawRefused"),
        Output("refused-board", "title"),
        Input("refused-board", "data-search"),
        Input("live-board", "data"),
    )
