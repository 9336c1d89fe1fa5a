"""The words in which connectors speak of what they have said: streams, entries, what is held. No behaviour in here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Stream(NamedTuple):
    """One device during one start of its outbox: the scope of a sequence."""

    source: str
    boot: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One event as it is sent: its place in its stream, and the whole CloudEvent."""

    stream: Stream
    sequence: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Leftover:
    """What of a stream still waits for its acknowledgement: the first and the last sequence."""

    stream: Stream
    first: int
    last: int


@dataclass(slots=True)
class Holding:
    """What is kept of a stream: ``first`` to ``last`` is there (nothing when ``first`` is beyond ``last``).

    Up to ``covered`` nothing waits: the store has it, or it was lost and nobody can bring it.
    """

    first: int
    covered: int
    last: int

    @property
    def waiting(self) -> int:
        """How many events wait for their acknowledgement."""
        return max(0, self.last - self.covered)


@dataclass(frozen=True, slots=True)
class StoreSeen:
    """Which store has acknowledged, and the highest log position it has named, if it named any."""

    store: str
    head: int | None


@dataclass(frozen=True, slots=True)
class Loss:
    """What a store that went back lacks of a stream, and what is no longer held here either."""

    stream: Stream
    first: int
    last: int
