"""Writes the workbook's figures as a lab document writes them: distributions, counts, weights. Knows no pathway."""

from collections.abc import Mapping
from typing import Any

from twin.workbook.contents import Spread

SHARE_DECIMALS = 6
"""Chances become per cent with six decimals: one case in a hundred million."""
FIGURE_DECIMALS = 9
"""Any other figure keeps nine decimals: in hours a few microseconds, the grain of the twin's clock."""


def figure(value: float) -> int | float:
    """Return a whole number without its point, any other to nine decimals."""
    rounded = round(value, FIGURE_DECIMALS)
    return int(rounded) if rounded == int(rounded) else rounded


def seconds(value: float) -> dict[str, Any]:
    """Return a duration that is always the same, in seconds."""
    return {"kind": "constant", "value": figure(value), "unit": "s"}


def duration(spread: Spread) -> dict[str, Any]:
    """Return a task's duration."""
    if spread.kind == "constant":
        return {"kind": "constant", "value": figure(spread.mode), "unit": spread.unit}
    return {**_shape(spread), "unit": spread.unit}


def count(spread: Spread) -> Any:
    """Return a number of blocks or slides: a plain whole number, or a distribution."""
    return figure(spread.mode) if spread.kind == "constant" else _shape(spread)


def weights(chances: Mapping[str, float], otherwise: str | None = None) -> dict[str, Any]:
    """Return chances as per cent; `otherwise` names what is left of a hundred."""
    shares = {name: round(100 * chance, SHARE_DECIMALS) for name, chance in chances.items()}
    if otherwise is not None:
        shares[otherwise] = round(100 - sum(shares.values()), SHARE_DECIMALS)
    return {name: figure(share) for name, share in shares.items()}


def _shape(spread: Spread) -> dict[str, Any]:
    bounds = {"low": figure(spread.low), "mode": figure(spread.mode), "high": figure(spread.high)}
    return {"kind": spread.kind, **bounds}
