"""Whatever a lab file may state: never negative, never over its longest, and the same for the same luck."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.twin.distributions.known import Spec, duration
from twin.distributions import DAY

value = st.floats(0, 1000, allow_subnormal=False)
above_zero = st.floats(1e-3, 1000)
weight = st.floats(0.01, 100)
unit = st.sampled_from(["s", "min", "h", "d"])


def _of(kind: str, **keys: st.SearchStrategy[Any]) -> st.SearchStrategy[Spec]:
    return st.fixed_dictionaries({"kind": st.just(kind), "unit": unit, **keys})


def _points(kind: str, names: tuple[str, ...]) -> st.SearchStrategy[Spec]:
    ordered = st.tuples(*(value for _ in names)).map(sorted)
    return st.builds(
        lambda points, scale: {"kind": kind, "unit": scale, **dict(zip(names, points, strict=True))}, ordered, unit
    )


def _discrete(pairs: list[tuple[float, float]], scale: str) -> Spec:
    values, weights = zip(*pairs, strict=True)
    return {"kind": "discrete", "values": values, "weights": weights, "unit": scale}


simple = st.one_of(
    _of("constant", value=value),
    _points("uniform", ("low", "high")),
    _points("triangular", ("low", "mode", "high")),
    _points("pert", ("low", "mode", "high")),
    _of("exponential", mean=above_zero),
    _of("erlang", mean=above_zero, stages=st.integers(1, 50)),
    _of("gamma", mean=above_zero, cv=st.floats(0.01, 10)),
    _of("lognormal", mean=above_zero, cv=st.floats(0.01, 10)),
    _of("weibull", shape=st.floats(0.5, 20), scale=above_zero),
    st.builds(_discrete, st.lists(st.tuples(value, weight), min_size=1, max_size=5), unit),
    _of("empirical", values=st.lists(value, min_size=2, max_size=5), smooth=st.booleans()),
    _of("sequence", values=st.lists(value, min_size=1, max_size=5)),
)


def _compound(parts: st.SearchStrategy[Spec]) -> st.SearchStrategy[Spec]:
    added = st.fixed_dictionaries({"duration": parts, "probability": st.floats(0, 1)})
    chosen = st.fixed_dictionaries({"duration": parts, "weight": weight})
    return st.one_of(
        st.fixed_dictionaries({"kind": st.just("sum"), "parts": st.lists(added, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"kind": st.just("mixture"), "parts": st.lists(chosen, min_size=1, max_size=3)}),
    )


anything = st.recursive(simple, _compound, max_leaves=4)
seeds = st.integers(0, 2**32)


@given(anything, seeds)
@settings(deadline=None, derandomize=True)
def test_no_duration_is_negative_or_over_the_longest(spec: Spec, seed: int) -> None:
    work = duration(spec)
    sample = work.sample_us(np.random.default_rng(seed), 100)
    assert all(isinstance(drawn, int) and drawn >= 0 for drawn in sample)
    assert max(sample) <= work.longest_us() * (1 + 1e-12) + 10
    assert work.variance_us2() >= 0


@given(anything, seeds, st.integers(0, 100 * DAY))
@settings(deadline=None, derandomize=True)
def test_what_is_left_is_never_negative_and_ends_within_the_longest(spec: Spec, seed: int, elapsed_us: int) -> None:
    work = duration(spec)
    left = work.remaining_us(np.random.default_rng(seed), elapsed_us)
    assert left >= 0
    assert left == 0 or elapsed_us + left <= work.longest_us() * (1 + 1e-12) + 10


@given(anything, seeds)
@settings(deadline=None, derandomize=True)
def test_the_same_luck_gives_the_same_durations(spec: Spec, seed: int) -> None:
    work, again = duration(spec), duration(duration(spec).model_dump(mode="json"))
    first, second = np.random.default_rng(seed), np.random.default_rng(seed)
    fill, refill = work.filler(), again.filler()
    assert fill(first, 8) + fill(first, 16) == refill(second, 8) + refill(second, 16)
    assert work.remaining_us(first, 1_000_000) == again.remaining_us(second, 1_000_000)
