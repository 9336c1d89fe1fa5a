"""Lab pages ready to send: detail worked out at most once a second for each lab, its history at most once a minute."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from tracking.access.principals import Principal
from tracking.clock import Clock
from tracking.queries.labs import LabHistory, lab_detail, lab_history
from tracking.queries.live_board import LiveBoard
from tracking.queries.scope import visible_lab
from tracking.queries.words import Answer
from tracking.registry import Registry
from tracking.store.database import Database

DETAIL_EVERY_S = 1.0
HISTORY_EVERY_S = 60.0


@dataclass(slots=True)
class _Page:
    detail: Answer = field(default_factory=dict)
    position: int = -1
    made_s: float = float("-inf")
    history: LabHistory | None = None
    history_s: float = float("-inf")


class LabPages:
    """The detail of each lab, kept until something happened there and a second has passed."""

    def __init__(self, database: Database, registry: Registry, clock: Clock, board: LiveBoard) -> None:
        self._database = database
        self._registry = registry
        self._clock = clock
        self._board = board
        self._lock = threading.Lock()
        self._pages: dict[str, _Page] = {}

    def detail(self, principal: Principal, lab_id: str) -> Answer:
        """Return one lab's page; raises ``NotFound`` for a lab out of scope. Blocks on the database."""
        lab = visible_lab(self._registry, principal, lab_id)
        with self._lock:
            page = self._pages.setdefault(lab.id, _Page())
            if self._clock.monotonic_s() - page.made_s >= DETAIL_EVERY_S:
                self._renew(page, principal, lab.id)
            return page.detail

    def _renew(self, page: _Page, principal: Principal, lab_id: str) -> None:
        now_s, now_us = self._clock.monotonic_s(), self._clock.now_us()
        picture, row = self._board.picture(lab_id), self._board.row(principal, lab_id)
        with self._database.reading() as connection:
            if page.history is None or now_s - page.history_s >= HISTORY_EVERY_S:
                page.history, page.history_s = lab_history(connection, picture, now_us), now_s
            page.detail = lab_detail(
                connection, self._registry, principal, picture, row, history=page.history, now_us=now_us
            )
        page.made_s, page.position = now_s, row.get("position", -1)
