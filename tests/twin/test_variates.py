"""Luck is named, repeatable and independent of who else draws; what is left of a duration follows its age."""

import numpy as np
import pytest
from pydantic import TypeAdapter

from twin.distributions import HOUR, Count, Duration
from twin.variates import Draws, Streams

DURATIONS = [
    {"kind": "constant", "value": 2, "unit": "h"},
    {"kind": "uniform", "low": 1, "high": 3, "unit": "h"},
    {"kind": "exponential", "mean": 2, "unit": "h"},
    {"kind": "pert", "low": 1, "mode": 1.5, "high": 5, "unit": "h"},
    {"kind": "lognormal", "mean": 2, "cv": 0.5, "unit": "h"},
    {"kind": "empirical", "values": [1, 2, 4], "weights": [1, 2, 1], "unit": "h"},
]


def duration(spec: dict[str, object]) -> Duration:
    return TypeAdapter(Duration).validate_python(spec)


def rng(name: str = "x") -> np.random.Generator:
    return Streams(1, "lab").generator(name, "test")


@pytest.mark.parametrize("spec", DURATIONS, ids=lambda spec: spec["kind"])
def test_the_mean_of_a_sample_is_the_stated_mean(spec: dict[str, object]) -> None:
    sample = np.array(duration(spec).sample_us(rng(), 20_000))
    error = sample.std() / np.sqrt(len(sample))
    assert abs(sample.mean() - duration(spec).mean_us()) <= 3.89 * error + 1


@pytest.mark.parametrize("spec", DURATIONS, ids=lambda spec: spec["kind"])
@pytest.mark.parametrize("age", [0, 1.2, 1.9])
def test_what_is_left_has_the_conditional_mean(spec: dict[str, object], age: float) -> None:
    sample = np.array(duration(spec).sample_us(rng("whole"), 50_000)) - age * HOUR
    expected = sample[sample > 0]
    luck = rng("left")
    left = np.array([duration(spec).remaining_us(luck, round(age * HOUR)) for _ in range(2_000)])
    error = np.hypot(expected.std() / np.sqrt(len(expected)), left.std() / np.sqrt(len(left)))
    assert abs(left.mean() - expected.mean()) <= 3.89 * error + 1


@pytest.mark.parametrize(("age", "oracle"), [(1, 1.145697), (2, 0.918325), (4, 0.934338)])
def test_the_residual_life_of_a_lognormal(age: int, oracle: float) -> None:
    luck, spec = rng(), duration(DURATIONS[4])
    left = np.array([spec.remaining_us(luck, age * HOUR) for _ in range(5_000)]) / HOUR
    assert abs(left.mean() - oracle) <= 3.89 * left.std() / np.sqrt(len(left))


@pytest.mark.parametrize("spec", [DURATIONS[n] for n in (0, 1, 3, 5)], ids=lambda spec: spec["kind"])
def test_what_should_be_over_is_over_now(spec: dict[str, object]) -> None:
    assert duration(spec).remaining_us(rng(), 100 * HOUR) == 0


def test_a_stream_is_the_same_whoever_else_draws() -> None:
    alone = [Streams(5, "a", 2).generator("microtomy", "duration").random() for _ in range(2)]
    other = Streams(5, "a", 2)
    other.generator("embedding", "duration").random(100)
    assert other.generator("microtomy", "duration").random() == alone[0] == alone[1]


def test_streams_differ_by_seed_lab_replication_step_and_purpose() -> None:
    streams = [
        Streams(5, "a").generator("s", "p"), Streams(6, "a").generator("s", "p"), Streams(5, "b").generator("s", "p"),
        Streams(5, "a", 1).generator("s", "p"), Streams(5, "a").generator("t", "p"),
        Streams(5, "a").generator("s", "q"),
    ]  # fmt: skip
    assert len({stream.random() for stream in streams}) == len(streams)


def test_draws_are_handed_out_in_the_order_drawn() -> None:
    draws = Draws(rng(), lambda _, n: list(range(n)))
    assert [draws() for _ in range(64)] == list(range(64))


def test_counts_follow_their_weights() -> None:
    count = Count(weights={1: 3, 4: 1})
    assert count.mean() == 1.75
    assert set(count.sample(rng(), 1000)) == {1, 4}
