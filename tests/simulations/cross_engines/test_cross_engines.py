"""Three engines that share no code find the same of the same network.

Under recorded times every measure is the same number in all; under each engine's own luck the means lie within 3.89
standard errors of their difference, which is measured as closely as the network asks for.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ciw
import numpy as np
import pytest
from pydantic import TypeAdapter
from scipy import stats

from tests.simulations.cross_engines import salabim_benches, with_ciw, with_ours
from tests.simulations.cross_engines.comparison import (
    AGREED_SE,
    Engine,
    Row,
    Verdict,
    cross_check_rows,
    engines_for,
    mean_of,
    replication,
    replications,
)
from tests.simulations.cross_engines.laws import (
    Erlang,
    Exponential,
    Gamma,
    Law,
    Lognormal,
    Triangular,
    Uniform,
    Weibull,
)
from tests.simulations.cross_engines.networks import FILL_AND_RUN, NETWORKS, THREE_CLASSES, Network
from tests.simulations.cross_engines.recorded import leaves_nothing_to_luck, recorded
from twin.distributions import HOUR, Duration

DRAWS = 4_000
LAWS = {
    Uniform(0.2, 0.8): stats.uniform(0.2, 0.6),
    Triangular(0.1, 0.3, 0.65): stats.triang(0.2 / 0.55, 0.1, 0.55),
    Exponential(0.4): stats.expon(scale=0.4),
    Erlang(0.7, 3): stats.gamma(3, scale=0.7 / 3),
    Gamma(0.8, 0.5): stats.gamma(4, scale=0.2),
    Lognormal(0.5, 1.0): stats.lognorm(np.sqrt(np.log(2)), scale=0.5 / np.sqrt(2)),
    Weibull(0.9, 0.72): stats.weibull_min(0.9, scale=0.72),
}
WITHOUT_LUCK = [network for network in NETWORKS if leaves_nothing_to_luck(network)]


def of_ciw(law: Law) -> list[float]:
    ciw_law = with_ciw.distribution(law)
    return [ciw_law.sample() for _ in range(DRAWS)]


def of_salabim(law: Law) -> list[float]:
    draw = salabim_benches.distribution(law)
    return [draw() for _ in range(DRAWS)]


def of_ours(law: Law) -> Any:
    duration = TypeAdapter(Duration).validate_python(with_ours.duration(law))
    return np.array(duration.sample_us(np.random.default_rng(1), DRAWS)) / HOUR


@pytest.mark.parametrize("law", LAWS, ids=repr)
@pytest.mark.parametrize("engine", [of_ciw, of_salabim, of_ours])
def test_every_engine_draws_the_law_that_is_written(engine: Callable[[Law], Any], law: Law) -> None:
    ciw.seed(1)
    assert stats.kstest(engine(law), LAWS[law].cdf).pvalue > 1e-4


@pytest.mark.parametrize("network", WITHOUT_LUCK, ids=lambda network: network.name)
def test_under_recorded_times_all_engines_find_the_same(network: Network) -> None:
    week = recorded(network, seed=7)
    expected = replication(week, Engine.SALABIM, 0)
    for engine in engines_for(week):
        found = replication(week, engine, 0)
        assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_under_their_own_luck_all_engines_agree(network: Network) -> None:
    verdicts = {row.measure.name: row.verdict for row in cross_check_rows([network])}
    assert verdicts == dict.fromkeys(verdicts, Verdict.AGREE)


def test_a_lab_that_serves_its_classes_in_another_order_is_found_out() -> None:
    upside_down = replace(THREE_CLASSES, classes=THREE_CLASSES.classes[::-1])
    found = {
        Engine.OURS: replications(upside_down, Engine.OURS, 10),
        Engine.CIW: replications(THREE_CLASSES, Engine.CIW, 10),
    }
    urgent = THREE_CLASSES.measures[0]
    row = Row(THREE_CLASSES, urgent, {engine: mean_of(runs, urgent) for engine, runs in found.items()})
    assert row.verdict is Verdict.DIFFER
    assert row.z[Engine.OURS, Engine.CIW] > AGREED_SE


def test_one_seed_is_one_run_in_every_engine() -> None:
    for engine in Engine:
        assert replication(THREE_CLASSES, engine, 0) == replication(THREE_CLASSES, engine, 0)
        assert replication(THREE_CLASSES, engine, 0) != replication(THREE_CLASSES, engine, 1)


def test_ciw_is_not_asked_for_what_it_cannot_say() -> None:
    assert Engine.CIW not in engines_for(FILL_AND_RUN)
    with pytest.raises(ValueError, match="no service of many at once"):
        with_ciw.run(FILL_AND_RUN, seed=1)
