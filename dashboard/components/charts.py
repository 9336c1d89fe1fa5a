"""The charts people study, as pure functions: rows of the read side in, a figure out. No page, no query, no clock.

Rules (Analysis Function guidance): the message is the heading, lines are labelled where they end instead of in a
legend, and each line differs by dash as well as by colour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import plotly.graph_objects as go  # type: ignore[import-untyped]

HOURS_A_DAY = 24
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of a figure; each reaches 3:1 on its card."""

    card: str
    text: str
    soft: str
    grid: str
    first: str
    second: str
    target: str


THEMES = {
    "light": Theme("#ffffff", "#212b32", "#4c6272", "#e3e8eb", "#12436d", "#801650", "#4c6272"),
    "dark": Theme("#17212a", "#e8edee", "#aebac2", "#2c3a46", "#8fc3f7", "#f2a7c8", "#aebac2"),
}


def theme_of(name: str | None) -> Theme:
    """Return the colours for the reader's theme; light for an unknown one."""
    return THEMES.get(name or "light", THEMES["light"])


def turnaround_by_day(trend: Sequence[Row], targets: Sequence[Row], theme: Theme) -> go.Figure:
    """Return the run chart: daily median and P90 of the turnaround in days, and the targets; days without cases gap."""
    days = [row["day"] for row in trend]
    figure = _figure(theme, y_title="days", height=300)
    for name, key, colour, dash, width in (
        ("P90", "p90_h", theme.second, "dot", 1.5),
        ("Median", "p50_h", theme.first, "solid", 2.2),
    ):
        values = _as_days([row.get(key) for row in trend])
        figure.add_scatter(
            x=days, y=values, name=name, mode="lines+markers", connectgaps=True,
            line={"color": colour, "dash": dash, "width": width}, marker={"size": 4, "color": colour},
            hovertemplate=f"%{{x|%-d %b %Y}}<br>{name} %{{y:.1f}} d<extra></extra>",
        )  # fmt: skip
        _label_end(figure, days, values, name, colour, theme.card)
    for target in targets[:2]:
        figure.add_hline(
            y=target["days"], line={"color": theme.target, "width": 1, "dash": "dash"},
            annotation={"text": f"target {target['days']:g} d", "font": {"size": 12, "color": theme.soft},
                        "bgcolor": theme.card},
            annotation_position="left", annotation_xanchor="left",
        )  # fmt: skip
    figure.update_xaxes(tickformat="%-d %b", type="date")
    figure.update_yaxes(rangemode="tozero")
    return figure


def turnaround_share(distribution: Row, targets: Sequence[Row], theme: Theme) -> go.Figure:
    """Return the share of cases authorised within so many days, from 0 to 100 %, with the targets as uprights."""
    days, percent = cumulative(distribution)
    figure = _figure(theme, y_title="% authorised", height=300)
    figure.add_scatter(
        x=days, y=percent, name="authorised within", mode="lines", line={"color": theme.first, "width": 2.2},
        hovertemplate="within %{x:g} d: %{y:.0f} %<extra></extra>",
    )  # fmt: skip
    for target in targets[:2]:
        share = share_within(distribution, target["days"])
        figure.add_vline(x=target["days"], line={"color": theme.target, "width": 1, "dash": "dash"})
        figure.add_scatter(
            x=[target["days"]], y=[target["percentile"]], mode="markers", hoverinfo="skip",
            marker={"symbol": "line-ew", "size": 16, "line": {"width": 3, "color": theme.text}},
        )  # fmt: skip
        if share is not None:
            lower = min(share, target["percentile"])
            figure.add_annotation(
                x=target["days"], y=lower, xanchor="left", yanchor="top", xshift=10, yshift=-4,
                text=f"{share:.0f} % in {target['days']:g} d (target {target['percentile']:g} %)", showarrow=False,
                font={"size": 12, "color": theme.text}, bgcolor=theme.card,
            )  # fmt: skip
    figure.update_xaxes(range=[0, 20], ticksuffix=" d", dtick=2)
    figure.update_yaxes(range=[0, 102], dtick=20)
    return figure


def cumulative(distribution: Row) -> tuple[list[float], list[float]]:
    """Return days and percent of the cases that took at most so long; starts at 0."""
    total = distribution["n"] or 1
    bin_days = distribution["bin_h"] / HOURS_A_DAY
    sums = list(accumulate(distribution["counts"]))
    return [round(i * bin_days, 3) for i in range(len(sums) + 1)], [0.0, *(100 * count / total for count in sums)]


def share_within(distribution: Row, days: float) -> float | None:
    """Return the percentage authorised within ``days``; ``None`` when no case was finished."""
    if not distribution["n"]:
        return None
    edges, percent = cumulative(distribution)
    return next((p for edge, p in zip(reversed(edges), reversed(percent), strict=True) if edge <= days), 0.0)


def _as_days(hours: Sequence[float | None]) -> list[float | None]:
    return [None if value is None else round(value / HOURS_A_DAY, 2) for value in hours]


def _label_end(
    figure: go.Figure, days: Sequence[str], values: Sequence[float | None], name: str, colour: str, card: str
) -> None:
    known = [(day, value) for day, value in zip(days, values, strict=True) if value is not None]
    if known:
        figure.add_annotation(x=known[-1][0], y=known[-1][1], text=f" {name}", xanchor="left", showarrow=False,
                              font={"color": colour, "size": 13}, bgcolor=card)  # fmt: skip


def _figure(theme: Theme, *, y_title: str, height: int) -> go.Figure:
    axis = {"gridcolor": theme.grid, "zerolinecolor": theme.grid, "linecolor": theme.grid, "fixedrange": True}
    title = {"text": y_title, "standoff": 6, "font": {"size": 13}}
    return go.Figure(
        layout={
            "height": height, "margin": {"l": 44, "r": 58, "t": 12, "b": 34}, "showlegend": False,
            "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)", "template": None,
            "font": {"family": "Arial, Helvetica, sans-serif", "size": 13, "color": theme.soft},
            "hovermode": "closest", "xaxis": axis, "yaxis": {**axis, "title": title},
        }
    )  # fmt: skip
