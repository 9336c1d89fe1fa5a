"""HTML attributes whose names Python cannot spell: ``aria-label``, ``data-lab``."""

from __future__ import annotations

from typing import Any


def attributes(**named: str) -> dict[str, Any]:
    """Return the attributes with dashes for underscores, to be unpacked into a component."""
    return {name.replace("_", "-"): value for name, value in named.items()}
