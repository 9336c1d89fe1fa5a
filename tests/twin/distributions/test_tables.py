"""A table gives only its values, as often as their weights say, and in turn when it is a sequence."""

import numpy as np
import pytest

from tests.twin.distributions.known import Spec, duration, luck, z_of_mean
from twin.distributions import HOUR, MINUTE

TABLES = [
    {"kind": "discrete", "values": [1, 2, 4], "weights": [1, 2, 1], "unit": "h"},
    {"kind": "empirical", "values": [1, 2, 2, 4, 9], "weights": [1, 1, 1, 1, 0], "unit": "h"},
    {"kind": "empirical", "values": [4, 2, 1, 2], "unit": "h"},
]


@pytest.mark.parametrize("spec", TABLES)
def test_values_come_as_often_as_they_weigh(spec: Spec) -> None:
    sample = np.array(duration(spec).sample_us(luck(), 40_000)) / HOUR
    assert set(sample) == {1, 2, 4}
    for value, share in {1: 0.25, 2: 0.5, 4: 0.25}.items():
        assert abs(z_of_mean(sample == value, share)) <= 4


@pytest.mark.parametrize("spec", TABLES)
def test_mean_and_variance_are_those_of_the_table(spec: Spec) -> None:
    table = duration(spec)
    assert table.mean_us() / HOUR == pytest.approx(2.25)
    assert table.variance_us2() / HOUR**2 == pytest.approx(1.1875)
    assert table.longest_us() == 4 * HOUR


@pytest.mark.parametrize("spec", TABLES)
def test_what_is_left_leads_to_one_of_the_longer_values(spec: Spec) -> None:
    rng, table = luck(), duration(spec)
    ends = np.array([HOUR + table.remaining_us(rng, HOUR) for _ in range(4_000)]) / HOUR
    assert set(ends) == {2, 4}
    assert abs(z_of_mean(ends == 2, 2 / 3)) <= 4


def test_a_sequence_goes_through_its_values_in_turn_and_starts_again() -> None:
    turn = duration({"kind": "sequence", "values": [3, 1, 2]})
    fill = turn.filler()
    assert fill(luck(), 4) + fill(luck(), 3) == [MINUTE * value for value in (3, 1, 2, 3, 1, 2, 3)]
    assert turn.filler()(luck(), 1) == [3 * MINUTE]
    assert turn.mean_us() == 2 * MINUTE
    assert turn.variance_us2() / MINUTE**2 == pytest.approx(2 / 3)


def test_a_changed_table_forgets_the_old_values() -> None:
    table = duration({"kind": "empirical", "values": [1, 3]})
    assert table.mean_us() == 2 * MINUTE
    assert table.model_copy(update={"values": (5, 7)}).mean_us() == 6 * MINUTE
