"""The address a page was asked for: path and query, read once."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs


@dataclass(frozen=True, slots=True)
class Address:
    """Where the reader is: ``/labs/rl4`` and what follows the question mark."""

    path: str
    search: str = ""

    def query(self, name: str) -> str:
        """Return the first value of a query parameter, or nothing."""
        return parse_qs(self.search.removeprefix("?")).get(name, [""])[0]
