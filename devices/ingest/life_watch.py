"""Whether ingest still does its work: a process that looks alive and takes nothing has to end, so that it is started.

Pure; it is asked once a second and ends nothing itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from tracking.errors import HistotwinError

_OVERSLEPT_S = 5.0


class NothingComesThrough(HistotwinError):
    """Broker and database work, and yet nothing comes from the one to the other."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What is seen of ingest. ``work`` grows with everything that the store took and every canary that came through.

    ``is_excused``: the broker or the database is away, so that nothing can come.
    """

    work: int
    canaries: int
    is_excused: bool


class LifeWatch:
    """Says when nothing has come through for ``patience_s`` though it could have."""

    def __init__(self, patience_s: float, now_s: float) -> None:
        self._patience_s = patience_s
        self._alive_s = self._looked_s = now_s
        self._work = -1

    def is_dead(self, signs: Signs, now_s: float) -> bool:
        """Judge. A canary that has never come round proves nothing: the broker's rights may forbid it."""
        overslept = now_s - self._looked_s > _OVERSLEPT_S  # we were suspended ourselves, and so was everything else
        self._looked_s = now_s
        if signs.is_excused or signs.work != self._work or not signs.canaries or overslept:
            self._alive_s, self._work = now_s, signs.work
        return now_s - self._alive_s >= self._patience_s

    def silent_s(self, now_s: float) -> float:
        """Return for how long nothing has come through."""
        return now_s - self._alive_s

    def forgive(self, now_s: float) -> None:
        """Begin to wait anew."""
        self._alive_s = now_s
