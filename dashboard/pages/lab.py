"""One laboratory: its line from reception to authorisation, its instruments, its turnaround, its cases at risk."""

from __future__ import annotations

import re
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, dcc, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboard.components.attributes import attributes
from dashboard.components.chart_card import chart_card
from dashboard.components.charts import Row, Theme, share_within, theme_of, turnaround_by_day, turnaround_share
from dashboard.pages.address import Address

PATH = re.compile(r"/labs/(?P<lab>[^/]+)")


def title(lab: str) -> str:
    """Return what the browser tab says."""
    return f"Laboratory {lab}"


def layout(_address: Address, lab: str) -> Component:
    """Return the places that ``11-lab.js`` draws in, and where the charts go."""
    return html.Div([
        dcc.Store(id="lab-figures"),
        html.Div(id="lab-board", **attributes(data_lab=lab)),
        html.Div([_bone(), _bone()], id="lab-charts", className="columns"),
        html.Div(id="lab-lists"),
    ], className="stack")  # fmt: skip


def _bone() -> Component:
    """Return what holds a chart's place, at its height, until it is drawn."""
    return html.Div(className="card bone-chart", **attributes(aria_hidden="true"))


def register(app: Dash, _parts: Any) -> None:
    """Redraw whenever the lab's live state arrives; draw the charts whenever their data changed."""
    app.clientside_callback(  # type: ignore[no-untyped-call]  # Dash leaves it untyped
        ClientsideFunction("histotwin", "drawLab"), Output("lab-board", "title"), Input("live-lab", "data")
    )

    @app.callback(Output("lab-charts", "children"), Input("lab-figures", "data"), prevent_initial_call=True)
    async def draw_charts(asked: dict[str, Any] | None) -> list[Component]:
        if not asked:
            raise PreventUpdate
        return lab_charts(asked)


def lab_charts(asked: Row) -> list[Component]:
    """Return the lab's chart cards; none before the first case is authorised."""
    targets, theme = asked.get("targets") or [], theme_of(asked.get("theme"))
    trend, distribution = asked.get("tat_trend") or [], asked.get("tat_distribution")
    cards = []
    if any(row.get("p50_h") is not None for row in trend):
        cards.append(_trend_card(trend, targets, theme))
    if distribution and distribution.get("n"):
        cards.append(_share_card(distribution, targets, theme))
    return cards or [html.Section([html.H2("Turnaround"), html.P("No case has been authorised yet.", className="soft")],
                                  className="card")]  # fmt: skip


def _trend_card(trend: list[Row], targets: list[Row], theme: Theme) -> Component:
    last = next(row for row in reversed(trend) if row.get("p50_h") is not None)
    return chart_card(
        "turnaround-by-day",
        "Turnaround by day of authorisation",
        f"Daily median and ninetieth percentile of the turnaround over {len(trend)} days; the last median is "
        f"{last['p50_h'] / 24:.1f} days.",
        turnaround_by_day(trend, targets, theme),
        ["day", "cases", "median_h", "p90_h"],
        [[row["day"], row["n"], row.get("p50_h"), row.get("p90_h")] for row in trend],
    )


def _share_card(distribution: Row, targets: list[Row], theme: Theme) -> Component:
    shares = [(target["days"], share_within(distribution, target["days"])) for target in targets[:2]]
    said = ", ".join(f"{share:.0f} % within {days:g} days" for days, share in shares if share is not None)
    edges = [(i + 1) * distribution["bin_h"] for i in range(len(distribution["counts"]))]
    return chart_card(
        "turnaround-share",
        f"Authorised in the last {distribution['days']} days: {said}" if said else "Share authorised by time taken",
        f"Share of {distribution['n']} cases authorised within so many days: {said}.",
        turnaround_share(distribution, targets, theme),
        ["up_to_h", "cases"],
        list(zip(edges, distribution["counts"], strict=True)),
    )
