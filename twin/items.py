"""What moves through a lab: case, specimen, block, slides, as slotted records. They know their kin, not where to go."""

from collections.abc import Callable, Sequence
from typing import Self

from twin.engine.agenda import Entry

CASE, SPECIMEN, BLOCK, SLIDE = range(4)
"""The levels of items, from coarse to fine."""
AWAY = -1
"""The step of an item whose children carry the work, or that has none to do."""


class Item(Entry):
    """Anything that can be at a step: it waits from `arrived_us`, is worked on from `started_us`.

    `kind` stands for its attributes (see `kinds`), its priority among them, of which `rank` is the place in the order.
    `parts` were cut from it and `parent` is what it was cut from; while they work, it waits for `pending` of them.
    """

    __slots__ = (
        "arrived_us", "case", "kind", "parent", "parts", "pending", "rank", "run", "started_us", "step", "unit",
    )  # fmt: skip

    level: int
    case: "Case"
    kind: int
    rank: int
    step: int
    arrived_us: int
    started_us: int | None
    unit: int | None
    run: str | None
    pending: int
    parent: "Item | None"
    parts: Sequence["Item"]

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
    """One request, one report. `number` counts the cases of a run; the barcode is made when somebody asks for it."""

    __slots__ = (
        "_barcode", "_name", "is_initial", "lab_done_us", "looks", "number", "priority", "reader", "received_us",
        "reported_us",
    )  # fmt: skip
    level = CASE

    def __init__(
        self, number: int, name: "str | Callable[[Case], str]", priority: str, rank: int, kind: int, received_us: int
    ) -> None:
        self.case = self
        self.number = number
        self._barcode = name if isinstance(name, str) else None
        self._name = name
        self.priority = priority
        self.rank = rank
        self.kind = kind
        self.received_us = received_us
        self.reported_us: int | None = None
        self.lab_done_us: int | None = None
        self.parent = None
        self.parts: list[Specimen] = []
        self.looks = 0
        self.reader = 0
        self.is_initial = False
        self.step = AWAY
        self.arrived_us = 0
        self.started_us: int | None = None
        self.unit: int | None = None
        self.run: str | None = None
        self.pending = 0

    @property
    def barcode(self) -> str:
        """The case number."""
        if self._barcode is None:
            self._barcode = self._name if isinstance(self._name, str) else self._name(self)
        return self._barcode

    @property
    def specimens(self) -> "list[Specimen]":
        """Its specimens."""
        return self.parts

    @property
    def blocks(self) -> "list[Block]":
        """All blocks made so far."""
        return [block for specimen in self.parts for block in specimen.parts]

    def scatter(self) -> None:
        """Let go of all parts of a case that has left, so that memory is given back without a search for cycles."""
        for specimen in self.parts:
            for block in specimen.parts:
                block.parts = []
            specimen.parts = []
        self.parts = []
        self.callbacks = ()
        del self.case


class Specimen(Item):
    """One pot. `plan` holds what nobody knows before cut-up: the kind and the slides to come of each of its blocks."""

    __slots__ = ("_barcode", "index", "plan")
    level = SPECIMEN

    def __init__(
        self, case: Case, index: int, kind: int, plan: Sequence[tuple[int, int]], barcode: str | None = None
    ) -> None:
        self.case = case
        self.parent = case
        self.rank = case.rank
        self.index = index
        self.kind = kind
        self.plan = plan
        self.parts: list[Block] = []
        self._barcode = barcode
        self.step = AWAY
        self.arrived_us = 0
        self.started_us: int | None = None
        self.unit: int | None = None
        self.run: str | None = None
        self.pending = 0

    @property
    def barcode(self) -> str:
        """The given barcode, or the case number and a letter; made once, because it is asked for often."""
        if self._barcode is None:
            self._barcode = f"{self.case.barcode}-{letters(self.index)}"
        return self._barcode

    @property
    def blocks(self) -> "list[Block]":
        """The blocks made so far."""
        return self.parts


class Block(Item):
    """One cassette. `slides` were made so far; `due` more come from the microtome next."""

    __slots__ = ("_barcode", "due", "index", "slide_barcodes", "slides", "specimen")
    level = BLOCK

    def __init__(self, specimen: Specimen, index: int, kind: int, due: int, barcode: str | None = None) -> None:
        self.case = specimen.case
        self.rank = specimen.rank
        self.parent = self.specimen = specimen
        self.index = index
        self.kind = kind
        self.slides = 0
        self.due = due
        self.parts: list[Slides] = []
        self.slide_barcodes: dict[int, str] | None = None
        self._barcode = barcode
        self.step = AWAY
        self.arrived_us = 0
        self.started_us: int | None = None
        self.unit: int | None = None
        self.run: str | None = None
        self.pending = 0

    @property
    def barcode(self) -> str:
        """The given barcode, or the specimen's and a number from 1; made once."""
        if self._barcode is None:
            self._barcode = f"{self.specimen.barcode}-{self.index + 1}"
        return self._barcode

    def slide_barcode(self, index: int) -> str:
        """Return the barcode of a slide by its index from 0."""
        if self.slide_barcodes is None:
            self.slide_barcodes = {}
        barcode = self.slide_barcodes.get(index)
        if barcode is None:
            barcode = self.slide_barcodes[index] = f"{self.barcode}-{index + 1}"
        return barcode

    def put_together(self) -> None:
        """Let all slides that are at work go together again, however batches divided them."""
        if len(self.parts) > 1:
            first = self.parts[0]
            first.indices = sorted([index for part in self.parts for index in part.indices])
            self.parts = [first]

    def cut(self) -> "Slides":
        """Cut the slides that are due; those cut before rest in the file."""
        first = self.slides
        self.slides += self.due
        self.due = 0
        self.parts = []
        return Slides(self, self.kind, range(first, self.slides))


class Slides(Item):
    """Slides of one block that are together; a full batch divides them."""

    __slots__ = ("block", "indices")
    level = SLIDE

    def __init__(self, block: Block, kind: int, indices: range | Sequence[int]) -> None:
        self.case = block.case
        self.rank = block.rank
        self.parent = self.block = block
        self.parts = ()
        self.kind = kind
        self.indices = indices
        block.parts.append(self)
        self.step = AWAY
        self.arrived_us = 0
        self.started_us: int | None = None
        self.unit: int | None = None
        self.run: str | None = None
        self.pending = 0

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
        part = Slides(self.block, self.kind, self.indices[:places])
        self.indices = self.indices[places:]
        part.step, part.arrived_us = self.step, self.arrived_us
        return part


def letters(index: int) -> str:
    """Return A … Z, AA … for 0 … ."""
    text = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        text = chr(ord("A") + rest) + text
    return text
