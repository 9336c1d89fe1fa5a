"""Theory gives the published figures of each system, to every digit in which they are told."""

import math

import numpy as np
import pytest

from simulations.validation.theory.batches import BulkService, mean_fill_delay
from simulations.validation.theory.chains import after, birth_and_death, stationary
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
    kingman_bound,
    pollaczek_khinchine,
    shared_processor_sojourn,
)


def told(values: list[float], digits: str) -> bool:
    """Whether each value, rounded to as many decimals, reads as it is told."""
    expected = digits.split()
    decimals = [len(text.partition(".")[2]) for text in expected]
    rounded = [f"{value:.{places}f}" for value, places in zip(values, decimals, strict=True)]
    return rounded == expected


def test_one_server() -> None:
    half, busy = MMc(0.5, 1), MMc(0.9, 1)
    assert told([half.mean_wait, half.mean_present, half.wait_quantile(0.9)], "1 1 3.218876")
    assert told([busy.mean_wait, busy.mean_present], "9 9")
    assert told([busy.wait_quantile(0.9), busy.wait_quantile(0.95)], "21.9722 28.9037")


def test_several_servers() -> None:
    two, three, ten = MMc(1.8, 1, 2), MMc(2.4, 1, 3), MMc(9, 1, 10)
    assert told([two.wait_probability, two.mean_wait], "0.852632 4.263158")
    assert told([three.wait_probability, three.mean_wait, three.mean_present], "0.647191 1.078652 4.988764")
    assert told([three.wait_quantile(0.9), three.wait_quantile(0.95)], "3.112452 4.267697")
    assert told([ten.wait_probability, ten.mean_wait, ten.mean_queue], "0.668732 0.668732 6.018584")
    assert told([ten.wait_quantile(0.9)], "1.900212")


def test_how_often_so_many_are_present() -> None:
    digits = "0.432133 0.360111 0.150046 0.0416795 0.0115776 0.00321601 0.000893336 0.000248149 0.0000689303"
    assert told(list(MMc(10, 12, 3).state_probabilities(9)), digits)


def test_a_short_line_is_waited_for_by_few() -> None:
    assert MMc(0.5, 1).wait_quantile(0.4) == 0


def test_a_queue_that_never_settles_is_refused() -> None:
    with pytest.raises(ValueError, match="never settles"):
        MMc(3, 1, 3)


def test_lost_customers() -> None:
    assert told([erlang_b(10, 8), erlang_b(5, 3), erlang_b(20, 16)], "0.121661 0.110054 0.064411")
    assert MMcK(8, 1, 10, 10).loss_probability == pytest.approx(erlang_b(10, 8))


def test_a_room_of_few_places() -> None:
    room = MMcK(3, 4, 2, 3)
    assert told([room.mean_present, room.loss_probability], "0.762340 0.0493601")


def test_any_service_time() -> None:
    cvs = (0, math.sqrt(1 / 12), math.sqrt(1 / 3), 1, 1.5)
    assert told([pollaczek_khinchine(0.8, 1, cv) for cv in cvs], "2 2.166667 2.666667 4 6.5")


def test_the_bound_is_met_by_markov_arrivals_from_above() -> None:
    assert kingman_bound(0.8, 1, 1, 1) == pytest.approx(5.125)
    assert kingman_bound(0.99, 1, 1, 1) / MMc(0.99, 1).mean_wait == pytest.approx(1, abs=0.03)


def test_priorities_that_interrupt_nobody() -> None:
    assert told(cobham_waits([0.2, 0.6], 1), "1 5")
    assert told(cobham_waits([0.6, 1.8], 1, 3), "0.269663 1.348315")


def test_the_mean_over_all_classes_is_that_of_one_line() -> None:
    urgent, routine = cobham_waits([0.6, 1.8], 1, 3)
    assert (0.6 * urgent + 1.8 * routine) / 2.4 == pytest.approx(MMc(2.4, 1, 3).mean_wait)


def test_priorities_that_interrupt() -> None:
    assert told(preemptive_sojourns([0.2, 0.6], 1), "1.25 6.25")


def test_a_network_with_rework() -> None:
    stations = jackson_stations([1, 0, 0], [[0, 1, 0], [0, 0, 0.9], [0, 0.1, 0]], [0.7, 0.5, 1.6], [2, 3, 1])
    assert told([station.arrival_rate for station in stations], "1 1.098901 0.989011")
    assert told([station.mean_wait for station in stations], "1.488095 1.348904 1.011691")
    present = [station.mean_present for station in stations]
    assert told([*present, sum(present)], "2.916667 3.680115 1.618705 8.215486")


@pytest.mark.parametrize(
    ("system", "digits"),
    [
        (BulkService(3, 1, 1, 5), "1.590758 0.947664"),
        (BulkService(3, 1, 5, 5), "1.345276 0.6"),
        (BulkService(6, 1, 3, 10), "1.466718 0.9178"),
    ],
)
def test_bulk_service(system: BulkService, digits: str) -> None:
    assert told([system.mean_wait, system.busy], digits)


def test_runs_of_one_are_an_ordinary_queue() -> None:
    assert BulkService(0.5, 1, 1, 1).mean_wait == pytest.approx(MMc(0.5, 1).mean_wait)


def test_runs_that_cannot_keep_up_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot keep up"):
        BulkService(5, 1, 1, 5)


def test_the_time_a_batch_takes_to_fill() -> None:
    assert told([mean_fill_delay(30, 20)], "0.316667")


def test_customers_who_give_up() -> None:
    impatient = ErlangA(10, 1, 0.5, 10)
    assert told([impatient.abandonment, impatient.mean_wait, impatient.wait_probability], "0.103913 0.207826 0.619655")


def test_those_who_are_served_have_waited_less_than_all_together() -> None:
    impatient, patient = ErlangA(2, 1, 1, 1), ErlangA(1.5, 1, 1e-2, 3)
    given_up = (impatient.mean_wait - (1 - impatient.abandonment) * impatient.mean_wait_of_served) / (
        impatient.abandonment
    )
    assert impatient.mean_wait_of_served < impatient.mean_wait < given_up
    assert patient.mean_wait_of_served == pytest.approx(MMc(1.5, 1, 3).mean_wait, rel=0.04)


def test_a_saturated_line_with_places_between() -> None:
    assert told([saturated_line_throughput(1, 1, places) for places in (0, 1, 4)], "0.666667 0.750000 0.857143")


def test_emptying() -> None:
    assert told([drain_time(10, 1, 3), mm1_time_to_empty(0.5, 1, 10)], "4.166667 20")


def test_filling() -> None:
    assert told([mm1_mean_present(0.8, 1, time) for time in (5, 10, 50)], "1.469461 2.030282 3.405039")


def test_a_line_forgets_how_it_began() -> None:
    assert mm1_mean_present(0.5, 1, 400, count=5) == pytest.approx(1)


def test_what_is_left_of_a_lognormal_duration() -> None:
    assert told([lognormal_residual(2, 0.5, age) for age in (1, 2, 4)], "1.145697 0.918325 0.934338")


def test_a_shared_server() -> None:
    pairs = ((3, 5), (4, 5), (3, 6))
    assert told([shared_processor_sojourn(*pair) for pair in pairs], "0.5 1 0.333333")


def test_a_chain_settles_to_its_stationary_probabilities() -> None:
    births, deaths = [1.0, 2.0], [3.0, 1.0]
    rates = np.array([[0, 1, 0], [3, 0, 2], [0, 1, 0]])
    settled = birth_and_death(births, deaths)
    assert stationary(rates) == pytest.approx(settled)
    assert after(rates, np.array([1.0, 0, 0]), 100) == pytest.approx(settled)
