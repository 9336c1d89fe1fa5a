"""Luck is named, repeatable and independent of who else draws."""

from typing import Any

import numpy as np
import pytest

from tests.twin.engine.hours import coming, lab, run, serve, visits
from twin.variates import Streams, draws


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


def test_numbers_are_handed_out_in_the_order_drawn() -> None:
    def fill(rng: np.random.Generator, n: int) -> list[int]:
        return [int(number) for number in rng.integers(1_000_000, size=n)]

    drawn = Streams(5, "a").generator("s", "p")
    expected = [number for size in (64, 128, 256, 512, 1024, 1024) for number in fill(drawn, size)]
    draw = draws(Streams(5, "a").generator("s", "p"), fill)
    assert [draw() for _ in expected] == expected


def test_what_one_step_draws_changes_nothing_for_another() -> None:
    luck = {"kind": "exponential", "mean": 1, "unit": "h"}

    def took(*before: dict[str, Any]) -> list[float]:
        site = lab(*before, serve(duration=luck), streams=[coming(*range(0, 200, 10))], staff={"bench": {"people": 9}})
        return [ended - begun for _, begun, ended in visits(run(site))]

    assert took({"name": "before", "duration": luck}) == pytest.approx(took(), abs=1e-9)
