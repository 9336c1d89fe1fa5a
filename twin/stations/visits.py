"""What one station remembers of every visit, in columns. It counts and judges nothing."""

from array import array

import numpy as np
from numpy.typing import NDArray


class Visits:
    """Arrival, start and end of each visit (µs since 1970 UTC) and its kind, in order of their ends.

    `started` is when work by hand, a machine's run or a journey began. `quantity` is kept where slides go together and
    stays empty where every visit is of one item.
    """

    __slots__ = ("arrived_us", "ended_us", "kind", "quantity", "started_us")

    def __init__(self) -> None:
        self.arrived_us = array("q")
        self.started_us = array("q")
        self.ended_us = array("q")
        self.kind = array("l")
        self.quantity = array("l")

    def quantities(self) -> NDArray[np.int64]:
        """Return how many items each visit was of."""
        return np.asarray(self.quantity) if self.quantity else np.ones(len(self), dtype=np.int64)

    def __len__(self) -> int:
        return len(self.ended_us)

    def clear(self) -> None:
        """Forget all visits, in place: whoever appends goes on appending."""
        for column in (self.arrived_us, self.started_us, self.ended_us, self.kind, self.quantity):
            del column[:]
