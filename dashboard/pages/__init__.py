"""One module a page: where it lives, its layout, then its callbacks. No SQL and no frames here."""

from __future__ import annotations

from dashboard.pages import item, lab, network, search
from dashboard.pages.address import Address

PAGES = (network, lab, item, search)

__all__ = ["PAGES", "Address"]
