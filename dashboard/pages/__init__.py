"""One module a page: where it lives, its layout, then its callbacks. No SQL and no frames here."""

from __future__ import annotations

from dashboard.pages import health, item, lab, network, rejected, search
from dashboard.pages.address import Address

PAGES = (network, lab, item, search, rejected, health)

__all__ = ["PAGES", "Address"]
