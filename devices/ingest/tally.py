"""What ingest has done since it started, as figures. Counts and times; nothing is decided from them here."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from tracking.offering import Receipt

COMMIT_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the classes in which the times of commits are counted; a last class takes the longer ones."""


@dataclass(frozen=True, slots=True)
class IngestHealth:
    """How ingest is doing, for ``/health`` and ``/metrics``; counts since the process started.

    ``commit_counts`` are the commits by the classes of ``COMMIT_BUCKETS_S``; ``round_trip_ms`` is the canary's and
    ``None`` until one came round; ``trouble`` is what the store says when it takes nothing.
    """

    is_connected: bool
    is_storing: bool
    waiting: int
    oldest_waiting_s: float
    accepted: int
    duplicates: int
    rejected: int
    conflicts: int
    batches: int
    sessions_lost: int
    last_commit_us: int | None
    session_lost_us: int | None = None
    round_trip_ms: float | None = None
    silent_s: float = 0.0
    canary_is_refused: bool = False
    gaps_open: int = 0
    oldest_gap_s: float = 0.0
    commit_s: float = 0.0
    commit_counts: tuple[int, ...] = ()
    trouble: str | None = None


@dataclass(slots=True)
class Tally:
    """The counts themselves; written by the writer's thread alone."""

    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    conflict: int = 0
    batches: int = 0
    last_commit_us: int | None = None
    commit_s: float = 0.0
    commit_counts: list[int] = field(default_factory=lambda: [0] * (len(COMMIT_BUCKETS_S) + 1))

    def add(self, receipts: Sequence[Receipt], now_us: int, took_s: float) -> None:
        """Count a committed batch."""
        for receipt in receipts:
            setattr(self, receipt.fate, getattr(self, receipt.fate) + 1)
        self.batches += 1
        self.last_commit_us = now_us
        self.commit_s += took_s
        self.commit_counts[bisect_left(COMMIT_BUCKETS_S, took_s)] += 1
