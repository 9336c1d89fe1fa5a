"""What moves through a lab: case, specimen, block, slides, as slotted records. They know their kin, not where to go."""

from collections.abc import Sequence
from typing import Self

from twin.engine.agenda import Entry

AWAY = -1
"""The step of an item whose children carry the work, or that has none to do."""


class Item(Entry):
    """Anything that can be at a step: it waits from `arrived_us`, is worked on from `started_us`."""

    __slots__ = ("arrived_us", "case", "pending", "rank", "run", "skips", "started_us", "step", "unit")

    level: int
    case: "Case"

    def __init__(self, rank: int) -> None:
        self.rank = rank
        self.step = AWAY
        self.arrived_us = 0
        self.started_us: int | None = None
        self.unit: int | None = None
        self.run: str | None = None
        self.pending = 0
        self.skips = 0

    @property
    def barcode(self) -> str:
        """The identifier printed on it."""
        raise NotImplementedError

    @property
    def quantity(self) -> int:
        """Places it takes in a batch."""
        return 1

    def split(self, places: int) -> Self:
        """Only slides can be divided."""
        raise TypeError(f"{self.barcode} cannot be split into {places}")


class Case(Item):
    """One request, one report."""

    __slots__ = ("_barcode", "is_initial", "looks", "priority", "reader", "received_us", "reported_us", "specimens")
    level = 0

    def __init__(self, barcode: str, priority: str, rank: int, received_us: int) -> None:
        super().__init__(rank)
        self._barcode = barcode
        self.case = self
        self.priority = priority
        self.received_us = received_us
        self.reported_us: int | None = None
        self.specimens: list[Specimen] = []
        self.looks = 0
        self.reader = 0
        self.is_initial = False

    @property
    def barcode(self) -> str:
        """The case number."""
        return self._barcode

    @property
    def blocks(self) -> "list[Block]":
        """All blocks made so far."""
        return [block for specimen in self.specimens for block in specimen.blocks]


class Specimen(Item):
    """One pot. `plan` holds what nobody knows before cut-up: slides to come from each of its blocks."""

    __slots__ = ("_barcode", "block_skips", "blocks", "index", "plan")
    level = 1

    def __init__(self, case: Case, index: int, plan: Sequence[int], barcode: str | None = None) -> None:
        super().__init__(case.rank)
        self.case = case
        self.index = index
        self.plan = plan
        self.blocks: list[Block] = []
        self.block_skips = 0
        self._barcode = barcode

    @property
    def barcode(self) -> str:
        """The given barcode, or the case number and a letter; made once, because it is asked for often."""
        if self._barcode is None:
            self._barcode = f"{self.case.barcode}-{letters(self.index)}"
        return self._barcode


class Block(Item):
    """One cassette. `slides` were made so far; `due` more come from the microtome next."""

    __slots__ = ("_barcode", "due", "index", "parts", "slide_barcodes", "slides", "specimen")
    level = 2

    def __init__(self, specimen: Specimen, index: int, due: int, barcode: str | None = None) -> None:
        super().__init__(specimen.rank)
        self.case = specimen.case
        self.specimen = specimen
        self.index = index
        self.slides = 0
        self.due = due
        self.parts: list[Slides] = []
        self.slide_barcodes: dict[int, str] = {}
        self._barcode = barcode

    @property
    def barcode(self) -> str:
        """The given barcode, or the specimen's and a number from 1; made once."""
        if self._barcode is None:
            self._barcode = f"{self.specimen.barcode}-{self.index + 1}"
        return self._barcode

    def slide_barcode(self, index: int) -> str:
        """Return the barcode of a slide by its index from 0."""
        barcode = self.slide_barcodes.get(index)
        if barcode is None:
            barcode = self.slide_barcodes[index] = f"{self.barcode}-{index + 1}"
        return barcode


class Slides(Item):
    """Slides of one block that are together; a full batch divides them."""

    __slots__ = ("block", "indices")
    level = 3

    def __init__(self, block: Block, indices: Sequence[int]) -> None:
        super().__init__(block.rank)
        self.case = block.case
        self.block = block
        self.indices = indices
        block.parts.append(self)

    @property
    def quantity(self) -> int:
        """How many slides."""
        return len(self.indices)

    @property
    def barcode(self) -> str:
        """The first slide's barcode."""
        return self.block.slide_barcode(self.indices[0])

    @property
    def barcodes(self) -> list[str]:
        """The barcodes of all its slides."""
        return [self.block.slide_barcode(index) for index in self.indices]

    def split(self, places: int) -> "Slides":
        """Part with the first so many slides."""
        part = Slides(self.block, self.indices[:places])
        self.indices = self.indices[places:]
        part.step, part.arrived_us, part.skips = self.step, self.arrived_us, self.skips
        return part


def letters(index: int) -> str:
    """Return A … Z, AA … for 0 … ."""
    text = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        text = chr(ord("A") + rest) + text
    return text
