"""One at a time of each parent's items, and no other rule: a specimen's blocks go to the bench one after the other."""

from collections.abc import Callable
from typing import Any

from twin.engine.agenda import Agenda
from twin.items import Item
from twin.stations.by_hand import HandStation
from twin.stations.terms import Onward


class Turnstile:
    """Lets an item ask for a person once none of its kin has one; others of the queue may come in between.

    `ask` is how the station is asked: a quicker way may take its place.
    """

    __slots__ = ("_agenda", "_in_hand", "_station", "ask", "behind")

    def __init__(self, agenda: Agenda, station: HandStation) -> None:
        self._agenda = agenda
        self._station = station
        self._in_hand: dict[Item | None, int] = {}
        self.ask: Callable[[Any], None] = station.ask
        self.behind: dict[Item | None, list[Item]] = {}
        """The parents of which one item has its turn, and who of its kin waits behind it."""

    def arrive(self, item: Item) -> None:
        """Take an item that comes to the step."""
        item.arrived_us = self._agenda.now
        self.queue(item)

    def queue(self, item: Item) -> None:
        """Take an item that has its time of arrival already."""
        item.step = self._station.index
        behind = self.behind.get(item.parent)
        if behind is None:
            self.behind[item.parent] = []
            self.ask(item)
        else:
            behind.append(item)

    def resumed(self, item: Item) -> None:
        """Hear that an item was being worked on when the run started: then several of its kin may be at once."""
        self.behind.setdefault(item.parent, [])
        self._in_hand[item.parent] = self._in_hand.get(item.parent, 0) + 1

    def began(self, item: Item) -> None:
        """Hear that work on an item began."""

    def ended(self, item: Item) -> None:
        """Give the turn to the next of the kin, once the item's person and machine are given back."""
        if self._in_hand and self._others_in_hand(item):
            return
        behind = self.behind[item.parent]
        if behind:
            self.ask(behind.pop(0))
        else:
            del self.behind[item.parent]

    def when_room(self, item: Item, go: Onward) -> None:
        """Let an item come: there is always room."""
        go(item)

    def restart(self) -> None:
        """Count anew: nothing is counted here."""

    def _others_in_hand(self, item: Item) -> bool:
        left = self._in_hand.pop(item.parent, 1) - 1
        if left:
            self._in_hand[item.parent] = left
        return left > 0
