"""Machines that break down, and what every machine was doing all the time."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.twin.stations.micro import arrivals, lab, people, run, seconds, start, visits
from twin.checks import check
from twin.distributions import SECOND
from twin.engine.machines import DOWN, LOADING, UNLOADING, WAITING, WORKING
from twin.lab import Lab

NEVER_AGAIN = (10**16, 1)
PROCESS = {
    "name": "process", "per": "case", "when": {"stream": "rack"},
    "batch": {
        "machine": "processor",
        "load": {"staff": "hands", "duration": seconds(2)},
        "unload": {"staff": "hands", "duration": seconds(2)},
        "programmes": [{"size": 1, "run": seconds(10)}],
    },
}  # fmt: skip
DESK = {"name": "desk", "per": "case", "when": {"stream": "desk"}, "staff": "hands", "duration": seconds(20)}


def site(*racks: float, desk: float = 3) -> Lab:
    """One pair of hands, who sit at the desk from 3 to 23."""
    return lab(
        PROCESS, DESK, streams=[arrivals(*racks, name="rack"), arrivals(desk, name="desk")],
        staff=people(hands=1), machines={"processor": {"count": 1}},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("racks", "breakdown", "ends", "states"),
    [
        ([0], None, [25], {LOADING: 2, WORKING: 10, WAITING: 11, UNLOADING: 2, DOWN: 0}),
        ([0], (5, 4), [25], {LOADING: 2, WORKING: 14, WAITING: 7, UNLOADING: 2, DOWN: 0}),
        ([0], (1, 9), [25], {LOADING: 2, WORKING: 19, WAITING: 2, UNLOADING: 2, DOWN: 0}),
        ([0], (15, 20), [25], {LOADING: 2, WORKING: 10, WAITING: 11, UNLOADING: 2, DOWN: 10}),
        ([0], (30, 5), [25], {LOADING: 2, WORKING: 10, WAITING: 11, UNLOADING: 2, DOWN: 5}),
        ([31], (30, 5), [49], {LOADING: 2, WORKING: 10, WAITING: 0, UNLOADING: 2, DOWN: 5}),
    ],
    ids=[
        "nothing breaks",
        "in mid-run: held up by the repair",
        "while it is loaded: its run is held up",
        "while it waits to be unloaded: away once it is empty",
        "idle",
        "idle: who comes waits for the repair",
    ],
)
def test_a_machine_that_breaks(
    racks: list[float], breakdown: tuple[int, int] | None, ends: list[float], states: dict[str, int]
) -> None:
    model = start(site(*racks))
    group = model.machines["processor"]
    if breakdown is not None:
        group.fails(0, iter([(breakdown[0] * SECOND, breakdown[1] * SECOND), NEVER_AGAIN]))
    run(model, 100)
    model.marks()
    assert [end for _, _, end in visits(model, "process")] == ends
    assert group.state_us == {state: time * SECOND for state, time in states.items()}


def test_a_machine_breaks_again_after_each_repair() -> None:
    model = start(site())
    group = model.machines["processor"]
    group.fails(0, iter([(5 * SECOND, 4 * SECOND), (20 * SECOND, 3 * SECOND), NEVER_AGAIN]))
    run(model, 100)
    model.marks()
    assert group.state_us[DOWN] == 7 * SECOND


@settings(max_examples=50, deadline=None)
@given(
    racks=st.lists(st.integers(0, 300), max_size=30),
    slides=st.lists(st.integers(0, 300), max_size=30),
    count=st.integers(1, 3),
    hours_between=st.floats(0.002, 0.1),
    pauses=st.lists(st.integers(1, 400), max_size=5).map(sorted),
    seed=st.integers(0, 999),
)
def test_every_machine_is_always_in_exactly_one_state(
    racks: list[int], slides: list[int], count: int, hours_between: float, pauses: list[int], seed: int
) -> None:
    """In the same machines, racks run and a bench is used by hand; they break down every few seconds or minutes."""
    repair = {"kind": "exponential", "mean": 10, "unit": "s"}
    bench = {**DESK, "machine": "processor", "duration": {"kind": "exponential", "mean": 5, "unit": "s"}}
    model = start(
        lab(
            PROCESS, bench, streams=[arrivals(*racks, name="rack"), arrivals(*slides, name="desk")],
            staff=people(hands=2),
            machines={"processor": {"count": count,
                                    "failures": {"mean_hours_between": hours_between, "repair": repair}}},
        ),
        seed=seed,
    )  # fmt: skip
    group = model.machines["processor"]
    before: dict[str, Any] = dict.fromkeys([*group.state_us, "idle"], 0)
    for moment in [*pauses, 10_000]:
        run(model, moment)
        check(model)
        now = {**group.state_us, "idle": moment * SECOND * count - sum(group.state_us.values())}
        assert all(now[state] >= before[state] for state in now)
        assert group.busy_us == sum(group.state_us.values()) - group.state_us[DOWN]
        before = now
    assert model.record.wip == 0
