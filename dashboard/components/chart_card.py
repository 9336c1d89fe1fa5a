"""A chart as it stands on a page: its message as the heading, the figure, the same data as a table and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import plotly.graph_objects as go  # type: ignore[import-untyped]
from dash import dcc, html
from dash.development.base_component import Component

from dashboard.components.attributes import attributes

CONFIG: Any = {"displayModeBar": False, "responsive": True, "displaylogo": False, "showTips": False}
Cell = str | float | int | None


def chart_card(
    name: str, message: str, described: str, figure: go.Figure, head: Sequence[str], rows: Sequence[Sequence[Cell]]
) -> Component:
    """Return a card; ``described`` is the sentence a screen reader says in place of the drawing."""
    return html.Section([
        html.H2(message),
        html.Div(
            dcc.Graph(figure=figure, config=CONFIG, responsive=True, style={"height": f"{figure.layout.height}px"}),
            role="img", **attributes(aria_label=described),
        ),
        html.Details([
            html.Summary("View as table"),
            html.A("Download CSV", href=f"data:text/csv;charset=utf-8,{quote(as_csv(head, rows))}",
                   download=f"{name}.csv"),
            html.Div(_table(head, rows), className="chart-table", tabIndex=0, role="region",
                     **attributes(aria_label=f"{message}: the figures")),
        ]),
    ], className="card chart-card")  # fmt: skip


def as_csv(head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Return the rows as CSV with a heading; an unknown value is an empty field."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(["" if cell is None else cell for cell in row] for row in rows)
    return text.getvalue()


def _table(head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Component:
    body = [html.Tr([html.Td("–" if cell is None else str(cell)) for cell in row]) for row in rows]
    return html.Table([html.Thead(html.Tr([html.Th(name, scope="col") for name in head])), html.Tbody(body)])
