"""The networks that three engines run: small, loaded to three quarters at most, and beyond the formulas of theory.

A network says what every engine must do and what is compared, in hours. How an engine says it is the engine's file.
"""

from dataclasses import dataclass

from tests.simulations.cross_engines.laws import (
    Constant,
    Erlang,
    Exponential,
    Gamma,
    Law,
    Lognormal,
    Triangular,
    Uniform,
    Weibull,
)
from tests.simulations.cross_engines.measures import Kind, Measure

OUT = "out"
LEAVE = "leave"
WAIT_BEFORE = "wait_before"
ROUTINE = ("routine",)


@dataclass(frozen=True)
class Stream:
    """Cases of one class that come together, `gap` after those before; the first come after the first gap."""

    gap: Law
    klass: str = "routine"
    mean_size: float = 1.0
    """How many come together: geometric from 1 up; 1.0 is always one."""


@dataclass(frozen=True)
class Way:
    """Where a share of those who leave a station go; who has no way left goes out. One draw decides among all ways."""

    to: str
    probability: float = 1.0
    only: str = ""
    """The class it holds for; empty: all."""


@dataclass(frozen=True)
class Shift:
    """So many people from one full hour of every day to another."""

    start_hour: int
    end_hour: int
    people: int


@dataclass(frozen=True)
class Station:
    """People who serve one item each, the more urgent class first, within a class in order of coming."""

    name: str
    service: Law
    people: int = 1
    service_of: tuple[tuple[str, Law], ...] = ()
    """The classes that take another time."""
    shifts: tuple[Shift, ...] = ()
    """Instead of `people`; who is at work when a shift ends finishes the item in hand."""
    room: int | None = None
    """How many may wait; None: any number."""
    when_full: str = LEAVE
    """leave, wait_before (the station before stays taken), or the station that takes who finds this one full."""
    patience: Law | None = None
    """Who has waited so long leaves."""
    preempts: bool = False
    """Whether a more urgent item interrupts a less urgent one, which later goes on where it was."""
    of_blocks: bool = False
    """Whether each block of a case is served by itself; the case goes on when its last block is done."""
    ways: tuple[Way, ...] = ()

    def law_for(self, klass: str) -> Law:
        """Return the service time of a class."""
        return dict(self.service_of).get(klass, self.service)


@dataclass(frozen=True)
class Machine:
    """One machine that starts when `size` items are there or the first has waited `max_wait`, and serves all at once.

    The people of the station `handled_by` load and unload it before any other work of theirs; loading begins when the
    machine and one of them are free at the same instant.
    """

    name: str
    size: int
    max_wait: Constant
    run: Law
    load: Law
    unload: Law
    handled_by: str
    ways: tuple[Way, ...] = ()


@dataclass(frozen=True)
class Courier:
    """One carrier who goes when `size` items are there or the first has waited `max_wait`, with a person of a station.

    The carrier is there first and then asks for the person, in turn with the work of that station; both are away until
    `back`.
    """

    name: str
    size: int
    max_wait: Constant
    there: Law
    back: Law
    with_one_of: str
    ways: tuple[Way, ...] = ()


AnyStation = Station | Machine | Courier


@dataclass(frozen=True)
class Network:
    """A network, what is compared, and how closely: all come in at the first station."""

    name: str
    why: str
    stations: tuple[AnyStation, ...]
    streams: tuple[Stream, ...]
    measures: tuple[Measure, ...]
    precision: float
    """The 95 % half-width that the difference of ours from another engine must reach, as a share of the measure."""
    classes: tuple[str, ...] = ROUTINE
    blocks_per_case: tuple[tuple[int, float], ...] = ()
    """How many blocks a case has, and with what probability."""
    ciw_cannot: str = ""
    """Why Ciw cannot say this network; empty: it can."""
    warm_up_weeks: float = 0.25
    weeks: float = 3.25
    """Measured after the warm-up."""

    @property
    def warm_up_hours(self) -> float:
        return 168.0 * self.warm_up_weeks

    @property
    def end_hours(self) -> float:
        return 168.0 * (self.warm_up_weeks + self.weeks)

    def station(self, name: str) -> AnyStation:
        """Return a station by name; StopIteration when there is none."""
        return next(station for station in self.stations if station.name == name)

    def index(self, name: str) -> int:
        """Return the place of a station in the order."""
        return [station.name for station in self.stations].index(name)


def ways_for(station: AnyStation, klass: str) -> tuple[Way, ...]:
    """Return the ways open to a class."""
    return tuple(way for way in station.ways if way.only in ("", klass))


RAGGED_ARRIVALS = Network(
    "ragged_arrivals",
    "G/G/2: arrivals burstier than Poisson, lognormal work",
    stations=(Station("cut_up", Lognormal(0.5, 0.8), people=2),),
    streams=(Stream(Gamma(0.45, 1.2)),),
    measures=(
        Measure(Kind.WAIT_MEAN, "cut_up"),
        Measure(Kind.WAIT_P90, "cut_up"),
        Measure(Kind.WAITED, "cut_up"),
        Measure(Kind.QUEUE_MEAN, "cut_up"),
        Measure(Kind.BUSY, "cut_up"),
    ),
    precision=0.15,
)

GAMMA_TANDEM = Network(
    "gamma_tandem",
    "three stations in a row with gamma work; what leaves one is no Poisson stream for the next",
    stations=(
        Station("cut_up", Gamma(0.8, 0.5), people=2, ways=(Way("embedding"),)),
        Station("embedding", Gamma(0.4, 0.9), ways=(Way("microtomy"),)),
        Station("microtomy", Gamma(1.2, 0.7), people=3),
    ),
    streams=(Stream(Lognormal(0.66, 0.8)),),
    measures=(
        Measure(Kind.WAIT_MEAN, "cut_up"),
        Measure(Kind.WAIT_MEAN, "embedding"),
        Measure(Kind.WAIT_P90, "microtomy"),
        Measure(Kind.PRESENT_MEAN, "microtomy"),
        Measure(Kind.TAT_MEAN),
        Measure(Kind.TAT_P90),
    ),
    precision=0.13,
)

THREE_CLASSES = Network(
    "three_classes",
    "three classes at two benches, none interrupted, each with its own work and arrivals",
    stations=(
        Station(
            "microtomy",
            Uniform(0.2, 0.8),
            people=2,
            service_of=(("urgent", Gamma(0.3, 0.5)), ("cancer", Lognormal(0.5, 0.8))),
        ),
    ),
    streams=(
        Stream(Erlang(2.2, 3), "urgent"),
        Stream(Exponential(1.2), "cancer"),
        Stream(Weibull(0.9, 0.8), "routine"),
    ),
    classes=("urgent", "cancer", "routine"),
    measures=(
        Measure(Kind.WAIT_MEAN, "microtomy", "urgent"),
        Measure(Kind.WAIT_MEAN, "microtomy", "cancer"),
        Measure(Kind.WAIT_MEAN, "microtomy", "routine"),
        Measure(Kind.QUEUE_MEAN, "microtomy"),
        Measure(Kind.TAT_MEAN, klass="cancer"),
    ),
    precision=0.13,
)

REWORK_LOOP = Network(
    "rework_loop",
    "one in five fails the check and is cut again; lognormal work throughout",
    stations=(
        Station("microtomy", Lognormal(0.75, 0.7), people=2, ways=(Way("staining"),)),
        Station("staining", Lognormal(0.35, 0.3), ways=(Way("checking"),)),
        Station("checking", Lognormal(0.35, 0.7), ways=(Way("microtomy", 0.2),)),
    ),
    streams=(Stream(Exponential(0.95)),),
    measures=(
        Measure(Kind.WAIT_MEAN, "microtomy"),
        Measure(Kind.WAIT_MEAN, "staining"),
        Measure(Kind.WAIT_MEAN, "checking"),
        Measure(Kind.BUSY, "checking"),
        Measure(Kind.TAT_MEAN),
        Measure(Kind.TAT_P90),
    ),
    precision=0.15,
)

TWO_SHIFTS = Network(
    "two_shifts",
    "nobody at night and over noon: the queue of the night is worked off by day",
    stations=(Station("embedding", Triangular(0.1, 0.3, 0.65), shifts=(Shift(7, 13, 3), Shift(15, 21, 2))),),
    streams=(Stream(Exponential(0.43)),),
    measures=(
        Measure(Kind.WAIT_MEAN, "embedding"),
        Measure(Kind.WAIT_P90, "embedding"),
        Measure(Kind.QUEUE_MEAN, "embedding"),
        Measure(Kind.TAT_MEAN),
    ),
    precision=0.05,
)

SHORT_NIGHTS = Network(
    "short_nights",
    "three by day, one by night, day and night on end: who has work in hand when the shift ends finishes it",
    stations=(Station("staining", Lognormal(0.45, 1.0), shifts=(Shift(6, 18, 3), Shift(18, 6, 1))),),
    streams=(Stream(Exponential(0.38)),),
    measures=(
        Measure(Kind.WAIT_MEAN, "staining"),
        Measure(Kind.WAIT_P90, "staining"),
        Measure(Kind.WAITED, "staining"),
        Measure(Kind.PRESENT_MEAN, "staining"),
    ),
    ciw_cannot="it brings in the new shift whole while those of the old one still finish",
    precision=0.08,
)

DELIVERIES = Network(
    "deliveries",
    "cases come in bags of a geometric size to three people",
    stations=(Station("reception", Erlang(0.7, 2), people=3),),
    streams=(Stream(Exponential(1.1), mean_size=2.5),),
    measures=(
        Measure(Kind.WAIT_MEAN, "reception"),
        Measure(Kind.WAIT_P90, "reception"),
        Measure(Kind.WAITED, "reception"),
        Measure(Kind.PRESENT_MEAN, "reception"),
    ),
    precision=0.13,
)

OVERFLOW = Network(
    "overflow",
    "who finds the main bench full goes to the spare one, and away when that is full too",
    stations=(
        Station("main_bench", Lognormal(0.65, 1.0), people=2, room=1, when_full="spare_bench"),
        Station("spare_bench", Erlang(0.7, 2), room=1, when_full=LEAVE),
    ),
    streams=(Stream(Exponential(0.4)),),
    measures=(
        Measure(Kind.REFUSED, "main_bench"),
        Measure(Kind.REFUSED, "spare_bench"),
        Measure(Kind.WAIT_MEAN, "main_bench"),
        Measure(Kind.WAIT_MEAN, "spare_bench"),
        Measure(Kind.BUSY, "spare_bench"),
    ),
    precision=0.08,
)

IMPATIENCE = Network(
    "impatience",
    "three people, lognormal work, gamma patience: who waits too long goes elsewhere",
    stations=(Station("reception", Lognormal(0.9, 0.8), people=3, patience=Gamma(1.0, 0.6)),),
    streams=(Stream(Exponential(0.4)),),
    measures=(
        Measure(Kind.GAVE_UP, "reception"),
        Measure(Kind.WAIT_MEAN, "reception"),
        Measure(Kind.QUEUE_MEAN, "reception"),
        Measure(Kind.BUSY, "reception"),
    ),
    precision=0.1,
)

TWO_ROUTES = Network(
    "two_routes",
    "urgent cases take the frozen-section bench, others cut-up, some of them decalcification; all meet again",
    stations=(
        Station(
            "reception", Triangular(0.05, 0.2, 0.5), ways=(Way("frozen", only="urgent"), Way("cut_up", only="routine"))
        ),
        Station("frozen", Gamma(0.9, 0.4), ways=(Way("reporting"),)),
        Station("cut_up", Lognormal(0.8, 0.7), people=2, ways=(Way("decalcification", 0.4), Way("reporting", 0.6))),
        Station("decalcification", Uniform(1.0, 3.0), people=2, ways=(Way("reporting"),)),
        Station("reporting", Lognormal(0.55, 1.0), people=2, service_of=(("urgent", Gamma(0.3, 1.0)),)),
    ),
    streams=(Stream(Exponential(1.8), "urgent"), Stream(Gamma(0.7, 1.2), "routine")),
    classes=("urgent", "routine"),
    measures=(
        Measure(Kind.WAIT_MEAN, "frozen"),
        Measure(Kind.WAIT_MEAN, "decalcification"),
        Measure(Kind.WAIT_MEAN, "reporting", "urgent"),
        Measure(Kind.WAIT_MEAN, "reporting", "routine"),
        Measure(Kind.TAT_MEAN, klass="urgent"),
        Measure(Kind.TAT_MEAN, klass="routine"),
    ),
    precision=0.16,
    weeks=2.75,
)

BLOCKING_LINE = Network(
    "blocking_line",
    "little room between three stations: work done waits in the hands of who did it",
    stations=(
        Station("cut_up", Gamma(0.4, 0.8), ways=(Way("embedding"),)),
        Station("embedding", Erlang(0.4, 3), room=0, when_full=WAIT_BEFORE, ways=(Way("microtomy"),)),
        Station("microtomy", Lognormal(0.4, 0.8), room=1, when_full=WAIT_BEFORE),
    ),
    streams=(Stream(Gamma(0.9, 0.8)),),
    measures=(
        Measure(Kind.WAIT_MEAN, "cut_up"),
        Measure(Kind.PRESENT_MEAN, "cut_up"),
        Measure(Kind.PRESENT_MEAN, "embedding"),
        Measure(Kind.BUSY, "cut_up"),
        Measure(Kind.TAT_MEAN),
    ),
    precision=0.15,
)

INTERRUPTIONS = Network(
    "interruptions",
    "one pathologist, three classes: the more urgent case interrupts, and work goes on later where it was",
    stations=(
        Station(
            "reporting",
            Lognormal(0.25, 1.0),
            preempts=True,
            service_of=(("urgent", Gamma(0.25, 0.6)), ("cancer", Uniform(0.1, 0.7))),
        ),
    ),
    streams=(
        Stream(Exponential(2.0), "urgent"),
        Stream(Erlang(1.6, 2), "cancer"),
        Stream(Exponential(1.2), "routine"),
    ),
    classes=("urgent", "cancer", "routine"),
    measures=(
        Measure(Kind.TAT_MEAN, klass="urgent"),
        Measure(Kind.TAT_MEAN, klass="cancer"),
        Measure(Kind.TAT_MEAN, klass="routine"),
        Measure(Kind.PRESENT_MEAN, "reporting"),
        Measure(Kind.WAIT_MEAN, "reporting", "routine"),
    ),
    precision=0.11,
)

FILL_AND_RUN = Network(
    "fill_and_run",
    "a processor that runs when full or when its first block has waited long enough; those who embed load it",
    stations=(
        Machine(
            "processing",
            size=12,
            max_wait=Constant(2.5),
            run=Gamma(1.6, 0.3),
            load=Constant(0.1),
            unload=Uniform(0.1, 0.3),
            handled_by="embedding",
            ways=(Way("embedding"),),
        ),
        Station("embedding", Erlang(0.3, 3), people=2),
    ),
    streams=(Stream(Exponential(0.25)),),
    measures=(
        Measure(Kind.PRESENT_MEAN, "processing"),
        Measure(Kind.WAIT_MEAN, "processing"),
        Measure(Kind.WAIT_MEAN, "embedding"),
        Measure(Kind.WAIT_P90, "embedding"),
        Measure(Kind.TAT_MEAN),
        Measure(Kind.TAT_P90),
    ),
    ciw_cannot="it has no service of many at once",
    precision=0.03,
    weeks=1.75,
)

COURIER = Network(
    "courier",
    "those at reception carry what they have received across the yard, four at a time or what is there",
    stations=(
        Station("reception", Lognormal(0.3, 0.8), people=3, ways=(Way("yard"),)),
        Courier(
            "yard",
            size=4,
            max_wait=Constant(0.9),
            there=Gamma(0.25, 0.5),
            back=Uniform(0.15, 0.35),
            with_one_of="reception",
            ways=(Way("cut_up"),),
        ),
        Station("cut_up", Erlang(0.35, 2), people=2),
    ),
    streams=(Stream(Exponential(0.3)),),
    measures=(
        Measure(Kind.WAIT_MEAN, "reception"),
        Measure(Kind.WAIT_MEAN, "yard"),
        Measure(Kind.PRESENT_MEAN, "yard"),
        Measure(Kind.WAIT_MEAN, "cut_up"),
        Measure(Kind.TAT_MEAN),
        Measure(Kind.TAT_P90),
    ),
    ciw_cannot="it has no service of many at once",
    precision=0.13,
    weeks=1.75,
)

SPLIT_AND_JOIN = Network(
    "split_and_join",
    "a case becomes one to four blocks, each embedded by itself; it is reported when the last is done",
    stations=(
        Station("cut_up", Lognormal(0.45, 0.6), ways=(Way("embedding"),)),
        Station("embedding", Gamma(0.5, 0.9), people=2, of_blocks=True, ways=(Way("reporting"),)),
        Station("reporting", Erlang(1.0, 2), people=2),
    ),
    streams=(Stream(Exponential(1.0)),),
    blocks_per_case=((1, 0.4), (2, 0.3), (3, 0.2), (4, 0.1)),
    measures=(
        Measure(Kind.WAIT_MEAN, "cut_up"),
        Measure(Kind.WAIT_MEAN, "embedding"),
        Measure(Kind.PRESENT_MEAN, "reporting"),
        Measure(Kind.TAT_MEAN),
        Measure(Kind.TAT_P90),
    ),
    ciw_cannot="what is one cannot become many and one again",
    precision=0.12,
)

NETWORKS = (
    RAGGED_ARRIVALS,
    GAMMA_TANDEM,
    THREE_CLASSES,
    REWORK_LOOP,
    TWO_SHIFTS,
    SHORT_NIGHTS,
    DELIVERIES,
    OVERFLOW,
    IMPATIENCE,
    TWO_ROUTES,
    BLOCKING_LINE,
    INTERRUPTIONS,
    FILL_AND_RUN,
    COURIER,
    SPLIT_AND_JOIN,
)
