"""Every oracle: which system, in which lab file, which of its measures, and what theory computes for them.

One unit of time is an hour in all of them. Where theory knows a measure's mean without knowing anything of waiting
(cases that come, share of time at work), it serves as a control: see `verdicts`. With these lengths the fast set's
intervals are mostly within 2 % of the oracle, and the long set's within 1 %; where one is not, replications are added.
"""

import math
from collections.abc import Iterator
from functools import cache

from simulations.validation.oracle import Measure, Oracle, repeated, watched_for
from simulations.validation.theory.batches import BulkService, mean_fill_delay
from simulations.validation.theory.networks import jackson_stations, saturated_line_throughput
from simulations.validation.theory.priorities import cobham_waits, preemptive_sojourns
from simulations.validation.theory.transients import (
    drain_time,
    lognormal_residual,
    mm1_mean_present,
    mm1_time_to_empty,
)
from simulations.validation.theory.waiting_lines import (
    ErlangA,
    MMc,
    MMcK,
    erlang_b,
    pollaczek_khinchine,
    shared_processor_sojourn,
)

HOURS_A_DAY = 24
LUCK = ("arrived", "utilisation.server")
"""What came, and how much work it was."""
WAITED = (*LUCK, "waited_pct.serve")
WAITS = (*WAITED, "wait_mean_h.serve")


@cache
def oracles() -> tuple[Oracle, ...]:
    """Return every oracle, in order."""
    return (
        *_lines(), *_losses(), *_any_service(), *_priorities(), _network(), *_batches(), _impatient(), *_saturated(),
        _room(), *_transients(), *_residuals(), *_sharing(),
    )  # fmt: skip


def _known(line: MMc) -> dict[str, float]:
    return {"arrived": line.arrival_rate, "utilisation.server": line.load}


def _wait(line: MMc) -> Measure:
    return Measure("wait_mean_h.serve", line.mean_wait, controls=WAITED)


def _waited(line: MMc) -> Measure:
    return Measure("waited_pct.serve", 100 * line.wait_probability, controls=LUCK)


def _quantile(line: MMc, percent: int) -> Measure:
    """A run's quantile is off by a little that falls with its length: few long replications, not many short ones."""
    return Measure(f"wait_p{percent}_h.serve", line.wait_quantile(percent / 100), controls=WAITS)


def _lines() -> Iterator[Oracle]:
    half, busy, two, three, ten = MMc(0.5, 1), MMc(0.9, 1), MMc(1.8, 1, 2), MMc(2.4, 1, 3), MMc(9, 1, 10)
    present = Measure("wip_mean", half.mean_present, controls=WAITED)
    measures: tuple[Measure, ...] = (_wait(half), present, _waited(half), _quantile(half, 90))
    yield Oracle(
        "Q1", "M/M/1, λ .5", "mm1-half", measures, watched_for(9_000, warm_up=50, replications=40), _known(half)
    )
    present = Measure("wip_mean", busy.mean_present, controls=WAITED)
    measures = (_wait(busy), present, _waited(busy), _quantile(busy, 90), _quantile(busy, 95))
    yield Oracle(
        "Q2", "M/M/1, λ .9", "mm1-busy", measures, watched_for(110_000, warm_up=1_500, replications=25), _known(busy)
    )
    measures = (_waited(two), _wait(two))
    yield Oracle("Q3", "M/M/2, λ 1.8", "mm2-busy", measures, watched_for(15_000, warm_up=500), _known(two))
    present = Measure("wip_mean", three.mean_present, controls=WAITED)
    measures = (_waited(three), _wait(three), present, _quantile(three, 90), _quantile(three, 95))
    yield Oracle(
        "Q4", "M/M/3, λ 2.4", "mm3", measures, watched_for(16_000, warm_up=200, replications=25), _known(three)
    )
    queue = Measure("queue_mean.serve", ten.mean_queue, controls=WAITED)
    measures = (_waited(ten), _wait(ten), queue, _quantile(ten, 90))
    yield Oracle(
        "Q5", "M/M/10, λ 9", "mm10-busy", measures, watched_for(14_000, warm_up=100, replications=40), _known(ten)
    )
    yield _states(MMc(10, 12, 3))


def _states(line: MMc) -> Oracle:
    """The rarer a state, the longer one waits for it: eight at once are seen seven times in a hundred thousand."""
    rough = {5: 0.05, 6: 0.1, 7: 0.2, 8: 0.4}
    measures = tuple(
        Measure(f"state_pct.serve.{number}", 100 * float(share), precision=rough.get(number), absent=0.0)
        for number, share in enumerate(line.state_probabilities(9))
    )
    return Oracle("Q6", "M/M/3, λ 10, μ 12", "mm3-states", measures, watched_for(800, warm_up=5))


def _losses() -> Iterator[Oracle]:
    """Rare and clustered losses take longer: many servers, uneven service."""
    systems = ((10, 8, (300, 150, 550)), (5, 3, (700, 350, 950)), (20, 16, (420, 170, 650)))
    for servers, offered, lengths in systems:
        lost = Measure("refused_pct.serve", 100 * erlang_b(servers, offered), controls=("arrived",))
        for kind, hours in zip(("exponential", "constant", "lognormal"), lengths, strict=True):
            yield Oracle(
                "Q7", f"M/G/{servers}/{servers}, a {offered}, {kind}", f"loss-{servers}-{kind}", (lost,),
                watched_for(hours, warm_up=10), {"arrived": offered},
            )  # fmt: skip


def _any_service() -> Iterator[Oracle]:
    systems = (
        ("constant", 0.0, 7_500),
        ("uniform", math.sqrt(1 / 12), 6_000),
        ("erlang", math.sqrt(1 / 3), 7_500),
        ("exponential", 1.0, 11_000),
        ("lognormal", 1.5, 35_000),
    )
    for kind, cv, hours in systems:
        wait = Measure("wait_mean_h.serve", pollaczek_khinchine(0.8, 1, cv), controls=WAITED)
        waited = Measure("waited_pct.serve", 80, controls=LUCK)
        yield Oracle(
            "Q8", f"M/G/1, λ .8, {kind}", f"mg1-{kind}", (wait, waited),
            watched_for(hours, warm_up=300), {"arrived": 0.8, "utilisation.server": 0.8},
        )  # fmt: skip


def _priorities() -> Iterator[Oracle]:
    known = {"arrived": 0.8, "utilisation.server": 0.8}
    urgent, routine = cobham_waits([0.2, 0.6], 1)
    measures: tuple[Measure, ...] = (
        Measure("wait_mean_h.serve.urgent", urgent, controls=LUCK),
        Measure("wait_mean_h.serve.routine", routine, controls=LUCK),
    )
    yield Oracle("Q10", "M/M/1, λ .2 before .6", "priorities-1", measures, watched_for(18_000, warm_up=300), known)
    line = MMc(2.4, 1, 3)
    urgent, routine = cobham_waits([0.6, 1.8], 1, 3)
    measures = (
        Measure("wait_mean_h.serve.urgent", urgent, controls=LUCK),
        Measure("wait_mean_h.serve.routine", routine, controls=WAITED),
        _wait(line),
        _waited(line),
    )
    yield Oracle(
        "Q12", "M/M/3, λ .6 before 1.8", "priorities-3", measures,
        watched_for(4_500, warm_up=100), _known(line),
    )  # fmt: skip
    urgent, routine = preemptive_sojourns([0.2, 0.6], 1)
    measures = (
        Measure("tat_mean_d.urgent", urgent, times=HOURS_A_DAY, controls=LUCK),
        Measure("tat_mean_d.routine", routine, times=HOURS_A_DAY, controls=LUCK),
    )
    yield Oracle("Q13", "M/M/1, λ .2 interrupts .6", "preemptive", measures, watched_for(9_000, warm_up=300), known)


def _network() -> Oracle:
    routing = [[0.0, 1.0, 0.0], [0.0, 0.0, 0.9], [0.0, 0.1, 0.0]]
    stations = jackson_stations([1, 0, 0], routing, [0.7, 0.5, 1.6], [2, 3, 1])
    people, steps = ("first", "second", "third"), ("one", "two", "three")
    luck = ("arrived", *(f"utilisation.{name}" for name in people))
    measures = [
        measure
        for step, name, station in zip(steps, people, stations, strict=True)
        for measure in _of_station(step, name, station)
    ]
    total = Measure("wip_mean", sum(station.mean_present for station in stations), controls=luck)
    known = {f"utilisation.{name}": station.load for name, station in zip(people, stations, strict=True)}
    return Oracle(
        "Q14", "Jackson network with rework", "network", (*measures, total),
        watched_for(9_500, warm_up=100), {"arrived": 1, **known},
    )  # fmt: skip


def _of_station(step: str, people: str, station: MMc) -> tuple[Measure, ...]:
    luck = ("arrived", f"utilisation.{people}")
    waited = Measure(f"waited_pct.{step}", 100 * station.wait_probability, controls=luck)
    return (
        waited,
        Measure(f"wait_mean_h.{step}", station.mean_wait, controls=(*luck, waited.kpi)),
        Measure(f"present_mean.{step}", station.mean_present, controls=(*luck, waited.kpi)),
    )


def _batches() -> Iterator[Oracle]:
    for least, most, rate, hours in ((1, 5, 3, 2_600), (5, 5, 3, 1_500), (3, 10, 6, 2_100)):
        bulk = BulkService(rate, 1, least, most)
        measures = (
            Measure("wait_mean_h.process", bulk.mean_wait, controls=("arrived", "utilisation.machine")),
            Measure("utilisation.machine", bulk.busy),
        )
        yield Oracle(
            "Q16", f"M/M[{least},{most}]/1, λ {rate}", f"bulk-{least}-{most}", measures,
            watched_for(hours, warm_up=50), {"arrived": rate},
        )  # fmt: skip
    for file, step in (("fill-machine", "process"), ("fill-transport", "carry")):
        wait = Measure(f"wait_mean_h.{step}", mean_fill_delay(30, 20))
        yield Oracle("Q17", f"{step} by twenties, 30 an hour", file, (wait,), watched_for(20, warm_up=2))


def _impatient() -> Oracle:
    line = ErlangA(10, 1, 0.5, 10)
    measures = (
        Measure("gave_up_pct.serve", 100 * line.abandonment, controls=("arrived",)),
        Measure("waited_pct.serve", 100 * line.wait_probability, controls=("arrived",)),
        Measure("wait_mean_h.serve", line.mean_wait, controls=("arrived",)),
        Measure("queue_mean.serve", line.mean_queue, controls=("arrived",)),
    )
    lengths = watched_for(550, warm_up=10)
    return Oracle("Q19", "M/M/10+M, λ 10, θ .5", "impatient", measures, lengths, {"arrived": 10})


def _saturated() -> Iterator[Oracle]:
    for places in (0, 1, 4):
        leaving = Measure("throughput_per_h", saturated_line_throughput(1, 1, places))
        yield Oracle(
            "Q20", f"saturated line, {places} places between", f"line-{places}", (leaving,),
            repeated(40, hours=500, warm_up=20),
        )  # fmt: skip


def _room() -> Oracle:
    room = MMcK(3, 4, 2, 3)
    measures = (
        Measure("present_mean.serve", room.mean_present, controls=("arrived",)),
        Measure("refused_pct.serve", 100 * room.loss_probability, controls=("arrived",)),
    )
    return Oracle("Q21", "M/M/2/3, λ 3, μ 4", "room-of-three", measures, watched_for(1_600, warm_up=10), {"arrived": 3})


def _transients() -> Iterator[Oracle]:
    empty = Measure("empty_after_h", drain_time(10, 1, 3))
    yield Oracle("Q23", "ten to do, three servers", "drain", (empty,), repeated(2_000, hours=60))
    empty = Measure("empty_after_h", mm1_time_to_empty(0.5, 1, 10))
    yield Oracle("Q24", "M/M/1, λ .5, ten at the start", "emptying", (empty,), repeated(3_400, hours=250))
    for hours in (5, 10, 50):
        present = Measure("wip_end", mm1_mean_present(0.8, 1, hours), times=0.1, controls=("arrived",))
        yield Oracle(
            "Q25", f"M/M/1, λ .8, after {hours} hours", "filling", (present,),
            repeated(1_300, hours=hours), {"arrived": 8},
        )  # fmt: skip


def _residuals() -> Iterator[Oracle]:
    for age in (1, 2, 4):
        left = Measure("tat_mean_d", lognormal_residual(2, 0.5, age), times=HOURS_A_DAY, less=age)
        yield Oracle("Q27", f"lognormal, in hand for {age} h", f"residual-{age}", (left,), repeated(50, hours=500))


def _sharing() -> Iterator[Oracle]:
    for come, served, hours in ((3, 5, 800), (4, 5, 1_700), (3, 6, 550)):
        sojourn = Measure(
            "tat_mean_d", shared_processor_sojourn(come, served), times=HOURS_A_DAY, controls=("arrived",)
        )
        yield Oracle(
            "Q28", f"M/M/1-PS, λ {come}, μ {served}", f"sharing-{come}-{served}", (sojourn,),
            watched_for(hours, warm_up=20), {"arrived": come},
        )  # fmt: skip
