"""What one station remembers of every visit, in columns. It counts and judges nothing."""

from array import array

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
_FIGURES = 4
_FOLD_FROM = 4000


class Visits:
    """Arrival, start and end of each visit (µs since 1970 UTC) and its kind, in order of their ends.

    `started` is when work by hand, a machine's run or a journey began. Stations extend `notes` by the four figures of a
    visit, which is by far the cheapest way; `fold` packs the notes into columns, and should be called now and then in a
    long run. `quantity` is kept where slides go together and stays empty where every visit is of one item.
    """

    __slots__ = ("_columns", "notes", "quantity")

    def __init__(self) -> None:
        self.notes: list[int | None] = []
        self.quantity = array("l")
        self._columns: list[Ints] = []

    def __len__(self) -> int:
        return len(self.notes) // _FIGURES + sum(len(columns) for columns in self._columns)

    @property
    def arrived_us(self) -> Ints:
        """When each item came."""
        return self._column(0)

    @property
    def started_us(self) -> Ints:
        """When work on each item began."""
        return self._column(1)

    @property
    def ended_us(self) -> Ints:
        """When each item was done."""
        return self._column(2)

    @property
    def kind(self) -> Ints:
        """The kind of each item."""
        return self._column(3)

    def quantities(self) -> Ints:
        """Return how many items each visit was of."""
        return np.asarray(self.quantity) if self.quantity else np.ones(len(self), dtype=np.int64)

    def fold(self, least: int = _FOLD_FROM) -> None:
        """Pack the notes, if there are that many, into columns of eight bytes a figure."""
        if len(self.notes) >= least:
            figures = np.fromiter(self.notes, np.int64, len(self.notes))
            self._columns.append(figures.reshape(-1, _FIGURES))
            self.notes.clear()

    def clear(self) -> None:
        """Forget all visits, in place: whoever appends goes on appending."""
        self.notes.clear()
        self._columns.clear()
        del self.quantity[:]

    def _column(self, index: int) -> Ints:
        self.fold(1)
        if len(self._columns) > 1:
            self._columns = [np.concatenate(self._columns)]
        return self._columns[0][:, index] if self._columns else np.empty(0, dtype=np.int64)
