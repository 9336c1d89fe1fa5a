"""Acknowledgements that no event has asked for: how each device stands with the store, told at a measured pace.

Which are due is decided elsewhere. All of this belongs to the session's thread.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from devices.ingest.receipts import Answer, StoreWord, standing_ack

_ROUNDS_PER_S = 20


@dataclass(frozen=True, slots=True)
class Order:
    """A device's standing: of this boot everything ``through`` is stored. No boot: none is known."""

    source: str
    boot: str
    through: int


class StandingOrders:
    """Orders in the order they were given, at most ``per_s`` a second; a newer one takes its elder's place."""

    def __init__(self, per_s: int = 200) -> None:
        self._a_round = max(1, per_s // _ROUNDS_PER_S)
        self._waiting: dict[tuple[str, str], Order] = {}
        self._next_s = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, orders: Iterable[Order]) -> None:
        """Take orders."""
        self._waiting.update({(order.source, order.boot): order for order in orders})

    def forget(self) -> None:
        """Drop them all: what they say was true of a store that is gone."""
        self._waiting.clear()

    def overtaken(self, source: str, boot: str) -> None:
        """Drop an order: something newer is being told to that device."""
        self._waiting.pop((source, boot), None)

    def due(self, now_s: float, word: StoreWord) -> list[Answer]:
        """Return what to tell now, with the store's word of this moment."""
        if not self._waiting or now_s < self._next_s:
            return []
        self._next_s = now_s + 1 / _ROUNDS_PER_S
        keys = list(self._waiting)[: self._a_round]
        orders = [self._waiting.pop(key) for key in keys]
        answers = (standing_ack(order.source, order.boot, order.through, word) for order in orders)
        return [answer for answer in answers if answer is not None]

    def wait_s(self, now_s: float) -> float | None:
        """Return the seconds until more is due, ``None`` when nothing is."""
        return max(0.0, self._next_s - now_s) if self._waiting else None
