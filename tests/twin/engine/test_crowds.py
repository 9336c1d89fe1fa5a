"""Numbers waiting and present, as averages over time and shares of it: exact, whatever the window cuts off."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.twin.engine.hours import coming, h, in_turn, lab, serve, start
from twin.lab import Lab
from twin.simulate import run_and_measure

BENCH = {"bench": {"people": 1}}
WEEK_H = 168


def measured(site: Lab, hours: float, warm_up_hours: float = 0) -> dict[str, float]:
    return run_and_measure(start(site), weeks=hours / WEEK_H, warm_up_weeks=warm_up_hours / WEEK_H)


def three(**run: object) -> Lab:
    """Cases at 0, 1 and 2 of two hours each: they begin at 0, 2 and 4."""
    return lab(serve(duration=h(2)), streams=[coming(0, 1, 2)], staff=BENCH, run=run)


class TestAverages:
    def test_count_those_still_there_until_now(self) -> None:
        found = measured(three(), 3)
        assert found["queue_mean.serve"] == pytest.approx((1 + 1) / 3, rel=1e-12)
        assert found["present_mean.serve"] == pytest.approx((2 + 2 + 1) / 3, rel=1e-12)

    def test_count_from_the_end_of_the_warm_up(self) -> None:
        found = measured(three(), 4, warm_up_hours=1.5)
        assert found["queue_mean.serve"] == pytest.approx((0.5 + 2) / 4, rel=1e-12)
        assert found["present_mean.serve"] == pytest.approx((0.5 + 2.5 + 3.5) / 4, rel=1e-12)

    def test_count_slides_one_by_one_and_kin_that_wait_for_each_other_nowhere(self) -> None:
        site = lab(
            {"name": "cut_up", "per": "specimen", "duration": h(1), "makes": "block"},
            {"name": "microtomy", "per": "block", "staff": "bench", "duration": h(1), "makes": "slide"},
            {"name": "staining", "per": "slide", "duration": h(1)},
            {"name": "reporting", "duration": h(1)},
            streams=[coming(0)],
            staff=BENCH,
            demand={"blocks_per_specimen": 2, "slides_per_block": 3},
        )
        found = measured(site, 10)
        assert found["queue_mean.microtomy"] == pytest.approx(1 / 10, rel=1e-12)
        assert found["present_mean.staining"] == pytest.approx(2 * 3 * 3 / 10, rel=1e-12)
        assert found["present_mean.reporting"] == pytest.approx(1 / 10, rel=1e-12)
        assert found["queue_mean.reporting"] == 0


class TestShares:
    def test_are_of_the_time_with_each_number_present(self) -> None:
        found = measured(three(state_shares=["serve"]), 8)
        shares = {name.rpartition(".")[2]: share for name, share in found.items() if name.startswith("state_pct.serve")}
        assert shares == {"0": 25, "1": 37.5, "2": 37.5}

    def test_are_given_only_where_the_file_asks(self) -> None:
        assert not [name for name in measured(three(), 8) if name.startswith("state_pct")]


@settings(max_examples=40, deadline=None)
@given(
    moments=st.lists(st.integers(0, 30), min_size=1, max_size=12),
    warm_up=st.integers(0, 10),
    hours=st.integers(1, 30),
)
def test_shares_and_averages_agree(moments: list[int], warm_up: int, hours: int) -> None:
    site = lab(
        serve(duration=in_turn(3, 1, 4)), streams=[coming(*moments)], staff=BENCH, run={"state_shares": ["serve"]}
    )
    found = measured(site, hours, warm_up)
    shares = {int(name.rpartition(".")[2]): share for name, share in found.items() if name.startswith("state_pct.")}
    assert sum(shares.values()) == pytest.approx(100)
    assert found["present_mean.serve"] == pytest.approx(sum(number * share for number, share in shares.items()) / 100)
    assert found["queue_mean.serve"] + found["busy_mean.bench"] == pytest.approx(found["present_mean.serve"])
