"""Makes new cases: their kind, their parts, and all that cut-up and microtomy will bring to light.

Everything about a case is drawn when it comes, in order of coming, each question from a stream of its own: what happens
later in the laboratory cannot change who comes or what is in the pots.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate

from twin.calendars import Timetable
from twin.distributions import Count
from twin.items import Case, Specimen
from twin.kinds import NEEDED, ByKind, Kinds
from twin.lab import LEVELS, Attribute, Lab, Ruled, Step, Stream, fits
from twin.variates import Streams, draws

ROUTINE_WORK = "routine"
Attributes = tuple[tuple[str, str], ...]

_Choose = Callable[[int], int]
"""Takes a kind, returns it with one attribute more."""
_HowMany = ByKind[Callable[[], int]]


class CaseMaker:
    """Makes the cases of one lab in one run."""

    __slots__ = (
        "_blocks", "_of_block", "_of_case", "_of_specimen", "_prefix", "_slides", "_specimens", "_streams",
        "_timetable", "has_parts", "kinds", "lab", "number",
    )  # fmt: skip

    def __init__(self, lab: Lab, kinds: Kinds, streams: Streams, timetable: Timetable, first_number: int) -> None:
        self.lab = lab
        self.kinds = kinds
        self.number = first_number
        self.has_parts = any(step.per != "case" for step in lab.steps)
        self._streams = streams
        self._timetable = timetable
        self._prefix = lab.accession_prefix
        self._of_case = self._choices("case")
        self._of_specimen = self._choices("specimen")
        self._of_block = self._choices("block")
        self._specimens = self._counts("specimens", lab.demand.specimens_per_case)
        self._blocks = self._counts("blocks", lab.demand.blocks_per_specimen)
        self._slides = self._counts("slides", lab.demand.slides_per_block)

    def source(self, stream: Stream) -> Callable[[int], Case]:
        """Return what makes the next case of a stream, received at a moment (µs)."""
        base = {**stream.attributes, "stream": stream.name, "work": ROUTINE_WORK}
        weights = stream.priorities or {self.lab.priorities[-1]: 1.0}
        classes = [name for name in self.lab.priorities if weights.get(name, 0.0) > 0]
        kinds = [self.kinds.of({**base, "priority": name}) for name in classes]
        ranks = [self.lab.priorities.index(name) for name in classes]
        which = _chooser(self._uniforms("demand", f"priority {stream.name}"), [weights[name] for name in classes])

        def make(t: int) -> Case:
            index = which()
            return self._new(classes[index], ranks[index], kinds[index], t)

        return make

    def known(self, barcode: str, priority: str, received_us: int, attributes: Attributes = ()) -> Case:
        """Return a case found when the run starts, without parts; what is not known of it is drawn."""
        base = {"stream": "initial", "work": ROUTINE_WORK, "priority": priority}
        kind = self._known(self._chosen(self._of_case, self.kinds.of(base)), attributes)
        return Case(0, barcode, priority, self.lab.priorities.index(priority), kind, received_us)

    def add_specimen(self, case: Case, index: int, barcode: str | None = None, attributes: Attributes = ()) -> Specimen:
        """Add a specimen with a plan that cut-up will find; what is not known of it is drawn."""
        kind = self._known(self._chosen(self._of_specimen, case.kind), attributes)
        specimen = Specimen(case, index, kind, self._plan(kind), barcode)
        case.specimens.append(specimen)
        return specimen

    def block_kind(self, kind: int, attributes: Attributes = ()) -> int:
        """Return the kind of a block of a specimen of some kind; what is not known of it is drawn."""
        return self._known(self._chosen(self._of_block, kind), attributes)

    def slides(self, kind: int) -> int:
        """Return the slides to come of one block."""
        return self._slides[kind]()

    def name(self, case: Case) -> str:
        """Return the barcode of a case by its number and the year it came."""
        year = self._timetable.local_date(case.received_us).year % 100
        return f"{self._prefix}{year:02d}-{case.number:06d}"

    def _new(self, priority: str, rank: int, kind: int, t: int) -> Case:
        for choose in self._of_case:
            kind = choose(kind)
        case = Case(self.number, self.name, priority, rank, kind, t)
        self.number += 1
        if self.has_parts:
            for index in range(self._specimens[kind]()):
                self.add_specimen(case, index)
        return case

    def _plan(self, kind: int) -> Sequence[tuple[int, int]]:
        blocks = range(self._blocks[kind]())
        if not self._of_block:
            slides = self._slides[kind]
            return [(kind, slides()) for _ in blocks]
        kinds = [self._chosen(self._of_block, kind) for _ in blocks]
        return [(own, self._slides[own]()) for own in kinds]

    def _known(self, kind: int, attributes: Attributes) -> int:
        for name, value in attributes:
            kind = self.kinds.plus(kind, name, value)
        return kind

    @staticmethod
    def _chosen(choices: Sequence[_Choose], kind: int) -> int:
        for choose in choices:
            kind = choose(kind)
        return kind

    def _choices(self, level: str) -> list[_Choose]:
        attributes = [self._attribute(attribute) for attribute in self.lab.attributes if attribute.of == level]
        return attributes + [self._need(step) for step in self.lab.steps if _decided_at(step) == level]

    def _attribute(self, attribute: Attribute) -> _Choose:
        luck = self._uniforms("attributes", attribute.name)

        def outcomes(kind: int) -> tuple[list[float], list[int]]:
            weights = attribute.values.of(self.kinds.attributes(kind))
            return _bounds(weights.values()), [self.kinds.plus(kind, attribute.name, value) for value in weights]

        by_kind = ByKind(outcomes)

        def choose(kind: int) -> int:
            bounds, kinds = by_kind[kind]
            return kinds[bisect_right(bounds, luck())]

        return choose

    def _need(self, step: Step) -> _Choose:
        luck = self._uniforms(step.name, "needed")
        name = NEEDED + step.name

        def both(kind: int) -> tuple[int, int]:
            return self.kinds.plus(kind, name, "yes"), self.kinds.plus(kind, name, "no")

        by_kind = ByKind(both)

        def choose(kind: int) -> int:
            needed, left_out = by_kind[kind]
            return needed if luck() < step.probability else left_out

        return choose

    def _counts(self, purpose: str, ruled: Ruled[Count]) -> _HowMany:
        """Each rule has a stream of its own."""
        by_rule = [
            draws(self._streams.generator("demand", f"{purpose} {number}"), rule.give.sample)
            for number, rule in enumerate(ruled.rules)
        ]

        def of(kind: int) -> Callable[[], int]:
            attributes = self.kinds.attributes(kind)
            return next(draw for rule, draw in zip(ruled.rules, by_rule, strict=True) if fits(rule.when, attributes))

        return ByKind(of)

    def _uniforms(self, step: str, purpose: str) -> Callable[[], float]:
        return draws(self._streams.generator(step, purpose), lambda rng, n: rng.random(n).tolist())


def _decided_at(step: Step) -> str | None:
    """Return the level at which it is drawn whether an optional step is needed; None: it always is."""
    if step.probability >= 1:
        return None
    return step.per if LEVELS.index(step.per) <= 1 else "specimen"


def _bounds(weights: Iterable[float]) -> list[float]:
    """Return the upper bounds of shares of 1, the last left out, so that a search never falls off the end."""
    sums = list(accumulate(weights))
    return [value / sums[-1] for value in sums[:-1]]


def _chooser(luck: Callable[[], float], weights: Sequence[float]) -> Callable[[], int]:
    bounds = _bounds(weights)
    if not bounds:
        return lambda: 0
    return lambda: bisect_right(bounds, luck())
