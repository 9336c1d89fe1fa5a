"""What stands around every page: header, search, live badge, banners, and the stores that live data are handed to."""

from __future__ import annotations

from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from dashboard.components.attributes import attributes

INDEX = """<!DOCTYPE html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{%title%}</title>
<link rel="icon" type="image/svg+xml" href="/assets/mark.svg">
<script src="/assets/head/theme.js"></script>
{%css%}
</head>
<body>
{%app_entry%}
<noscript>histotwin draws its boards in the browser: allow JavaScript for this address.</noscript>
<footer>{%config%}{%scripts%}{%renderer%}</footer>
</body>
</html>"""

STORES = ("live-board", "live-lab", "live-progress", "page-title")


def shell(parts: Any) -> Component:
    """Return the frame for whoever is asking; the page itself comes into ``#page``."""
    user, synthetic = _who(parts), _is_synthetic(parts)
    return html.Div([
        dcc.Location(id="url", refresh=False),
        *(dcc.Store(id=name) for name in STORES),
        html.A("Skip to the main content", href="#main", className="skip"),
        html.Header(_header_row(user), className="header"),
        html.Div(id="live-banner", role="alert"),
        html.Div(id="progress"),
        *([_synthetic_note()] if synthetic else []),
        html.Main(html.Div(id="page", children=_first_bones()), id="main", tabIndex=-1),
    ])  # fmt: skip


def _header_row(user: str) -> Component:
    return html.Div([
        html.A([html.Img(src="/assets/mark.svg", alt="", className="mark"), "histotwin"], href="/", className="brand"),
        html.Nav(id="trail", className="trail", **attributes(aria_label="Where you are")),
        html.Form(id="search-form", className="search", role="search"),
        html.A("Refused", href="/admin/rejected", className="header-link", title="Refused events and gaps"),
        html.Div(id="trouble-sign", className="sign-place", role="status"),
        html.Div(id="live-badge", className="badge", role="status", **attributes(aria_live="off")),
        html.Div(id="clock", className="clock"),
        html.Button(id="theme-toggle", className="icon-button", type="button", title="Light or dark",
                    **attributes(aria_label="Change between light and dark")),
        html.Span(user, id="user", className="user", title=f"Signed in as {user}"),
    ], className="header-row")  # fmt: skip


def _synthetic_note() -> Component:
    return html.Aside("Synthetic data: the trusts are real, every event shown for them is made by the twin.",
                      className="synthetic", **attributes(aria_label="About the data"))  # fmt: skip


def _first_bones() -> Component:
    bones = [html.Span(className="bone bone-strip"), *(html.Span(className="bone") for _ in range(8))]
    return html.Div(bones, className="skeleton", **attributes(aria_hidden="true"))


def _who(parts: Any) -> str:
    ask = getattr(parts, "user_name", None)
    return str(ask()) if callable(ask) else ""


def _is_synthetic(parts: Any) -> bool:
    registry = getattr(parts, "registry", None)
    return registry is not None and any(lab.synthetic for lab in registry.labs.values())
