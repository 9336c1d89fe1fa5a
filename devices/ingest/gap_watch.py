"""Which gaps are asked for again, and when one has been open for too long. Pure; sends and reads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

ASK_AFTER_S = 30.0
LONGEST_WAIT_S = 600.0
TROUBLE_AFTER_S = 300.0


class HasGaps(Protocol):
    """One device's boot as the store knows it; ``contiguous`` is how far all is there."""

    @property
    def source(self) -> str:
        """The device."""

    @property
    def boot(self) -> str:
        """Its connector's start."""

    @property
    def contiguous(self) -> int:
        """The last sequence before the first gap."""


@dataclass(slots=True)
class _Open:
    """A gap that is known: up to where all was stored then, when to ask next, and whether somebody was alarmed."""

    contiguous: int
    ask_at_s: float
    pause_s: float = ASK_AFTER_S
    is_alarmed: bool = False


@dataclass(frozen=True, slots=True)
class Findings:
    """What one look has found: streams to ask again, streams whose gap has just become a trouble, gaps just closed."""

    ask: list[HasGaps]
    alarming: list[HasGaps]
    closed: list[tuple[str, str]]


class GapWatch:
    """Remembers the gaps from one look to the next."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], _Open] = {}

    def look(self, streams: Iterable[tuple[HasGaps, float]], now_s: float) -> Findings:
        """Judge the streams that have gaps, each with the age in seconds of its oldest gap."""
        ask: list[HasGaps] = []
        alarming: list[HasGaps] = []
        seen: dict[tuple[str, str], _Open] = {}
        for stream, age_s in streams:
            key = (stream.source, stream.boot)
            gap = seen[key] = self._known(key, stream.contiguous, now_s + max(0.0, ASK_AFTER_S - age_s))
            if now_s >= gap.ask_at_s:
                ask.append(stream)
                gap.ask_at_s, gap.pause_s = now_s + gap.pause_s, min(LONGEST_WAIT_S, gap.pause_s * 2)
            if age_s >= TROUBLE_AFTER_S and not gap.is_alarmed:
                gap.is_alarmed = True
                alarming.append(stream)
        closed = list(self._closed(seen))
        self._open = seen
        return Findings(ask, alarming, closed)

    def _known(self, key: tuple[str, str], contiguous: int, ask_at_s: float) -> _Open:
        gap = self._open.get(key)
        return gap if gap is not None and gap.contiguous == contiguous else _Open(contiguous, ask_at_s)

    def _closed(self, seen: dict[tuple[str, str], _Open]) -> Iterator[tuple[str, str]]:
        """Give those that somebody was alarmed about: of others nobody has to hear."""
        return (key for key, gap in self._open.items() if gap.is_alarmed and key not in seen)
