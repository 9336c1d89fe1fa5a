"""What one station remembers of every visit, in columns. It counts and judges nothing."""

from array import array


class Visits:
    """Arrival, start and end of each visit (µs since 1970 UTC), its kind and its quantity, in order of their ends.

    `started` is when work by hand, a machine's run or a journey began.
    """

    __slots__ = ("arrived_us", "ended_us", "kind", "quantity", "started_us")

    def __init__(self) -> None:
        self.arrived_us = array("q")
        self.started_us = array("q")
        self.ended_us = array("q")
        self.kind = array("l")
        self.quantity = array("l")

    def __len__(self) -> int:
        return len(self.ended_us)

    def clear(self) -> None:
        """Forget all visits, in place: whoever appends goes on appending."""
        for column in (self.arrived_us, self.started_us, self.ended_us, self.kind, self.quantity):
            del column[:]
