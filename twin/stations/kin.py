"""One at a time of each parent's items: a specimen's blocks go to the bench one after the other, others in between."""

from collections import deque

from twin.engine.agenda import Signal
from twin.items import Item


class Stay:
    """One item's wait before a step; it is over when work begins or the item gives up."""

    __slots__ = ("has_asked", "is_over", "item")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.has_asked = False
        self.is_over = False


class Timer(Signal):
    """A moment that means something to one stay."""

    __slots__ = ("stay",)

    def __init__(self, stay: Stay) -> None:
        self.stay = stay


class Kin:
    """Who of each parent's items has the turn, from asking for a person until giving them back, and who comes next."""

    __slots__ = ("_behind", "_turns")

    def __init__(self) -> None:
        self._turns: dict[Item | None, int] = {}
        self._behind: dict[Item | None, deque[Stay]] = {}

    def has_turn_for(self, item: Item) -> bool:
        """Tell whether none of the item's kin has the turn."""
        return item.parent not in self._turns

    def take_turn(self, item: Item) -> None:
        """Give an item the turn; several may have it only where the start of the run found several in hand."""
        parent = item.parent
        self._turns[parent] = self._turns.get(parent, 0) + 1

    def wait(self, stay: Stay) -> None:
        """Let an item wait behind its kin."""
        self._behind.setdefault(stay.item.parent, deque()).append(stay)

    def pass_turn(self, item: Item) -> Stay | None:
        """Take an item's turn back and return who of its kin comes next, if anybody still waits."""
        parent = item.parent
        self._turns[parent] -= 1
        if self._turns[parent]:
            return None
        del self._turns[parent]
        behind = self._behind.get(parent, deque())
        while behind and behind[0].is_over:
            behind.popleft()
        following = behind.popleft() if behind else None
        if not behind:
            self._behind.pop(parent, None)
        return following
