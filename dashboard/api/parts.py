"""What the API is wired with. Made once by the command line; nothing here is global."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from dashboard.api.lookout import Lookout
from dashboard.api.shared_door import SharedDoor, TakesBatches
from dashboard.gate import current_principal
from dashboard.live import Live
from dashboard.troubles_told import TroubleWatch, troubles_now
from tracking.access import Access
from tracking.clock import Clock
from tracking.queries.lab_pages import LabPages
from tracking.queries.live_board import LiveBoard
from tracking.registry import Registry
from tracking.store.database import Database


@dataclass(frozen=True, eq=False)
class Parts:
    """Everything that pages and API may ask. ``broker`` is the broker's (host, port), to be tried by ``/health``."""

    database: Database
    registry: Registry
    clock: Clock
    door: TakesBatches
    access: Access
    board: LiveBoard
    lab_pages: LabPages
    live: Live
    lookout: Lookout
    is_demo: bool = False
    broker: tuple[str, int] | None = None

    def user_name(self) -> str:
        """Return the name of whoever is asking now, for the page's header; empty when nobody is."""
        principal = current_principal()
        return principal.name if principal else ""

    @property
    def version(self) -> str:
        """This product's version."""
        try:
            return version("histotwin")
        except PackageNotFoundError:
            return "0"


def wire(
    database: Database,
    registry: Registry,
    clock: Clock,
    door: TakesBatches,
    *,
    is_demo: bool = False,
    access: Access | None = None,
    broker: tuple[str, int] | None = None,
    data_dir: Path | None = None,
) -> Parts:
    """Return the parts made of what only the command line knows."""
    board = LiveBoard(database, registry, clock)
    pages = LabPages(database, registry, clock, board)
    lookout = Lookout(database, clock, data_dir)
    live = Live(database, clock, board, pages, TroubleWatch(lambda: troubles_now(lookout, clock)))
    access = access or Access(database, clock)
    return Parts(database, registry, clock, SharedDoor(door), access, board, pages, live, lookout, is_demo, broker)
