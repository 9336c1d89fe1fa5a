"""Colours: every pair that is written in must be readable, in both themes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TOKENS = Path(__file__).parents[2] / "dashboard" / "assets" / "00-tokens.css"
WRITTEN = [
    ("text", "card"), ("text", "page"), ("text", "sunken"), ("text-soft", "card"), ("text-soft", "page"),
    ("text-soft", "sunken"), ("text-soft", "good-soft"), ("text-soft", "track"), ("link", "card"), ("link", "page"),
    ("link", "good-soft"), ("good", "good-soft"), ("warn-text", "warn"), ("on-bad", "bad"), ("bad-text", "card"),
    ("bad-text", "bad-soft"), ("header-text", "header"), ("header-soft", "header"), ("header-soft", "header-field"),
    ("focus-text", "focus"), ("text", "warn-soft"),
]  # fmt: skip
DRAWN = [("good", "card"), ("bad", "card"), ("line", "card"), ("idle", "card"), ("tick", "track")]


def themes() -> dict[str, dict[str, str]]:
    light, dark = re.findall(r":root[^{]*\{([^}]*)\}", TOKENS.read_text(encoding="utf-8"))
    found = {name: dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", block)) for name, block in
             {"light": light, "dark": dark}.items()}  # fmt: skip
    return {"light": found["light"], "dark": {**found["light"], **found["dark"]}}


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), WRITTEN)
def test_text_reaches_4_5_to_1(theme: str, text: str, ground: str) -> None:
    colours = themes()[theme]
    assert contrast(colours[text], colours[ground]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("mark", "ground"), DRAWN)
def test_marks_reach_3_to_1(theme: str, mark: str, ground: str) -> None:
    colours = themes()[theme]
    assert contrast(colours[mark], colours[ground]) >= 3
