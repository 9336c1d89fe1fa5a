"""What a run's measures count, and what they leave out: the warm-up, overtime, repairs; and how slides weigh."""

import pytest

from tests.twin.engine.hours import coming, h, lab, serve, shift, start
from twin.distributions import HOUR
from twin.lab import Lab
from twin.simulate import run_and_measure

BENCH = {"bench": {"people": 1}}
WEEK_H = 168


def measured(site: Lab, hours: float, warm_up_hours: float = 0) -> dict[str, float]:
    return run_and_measure(start(site), weeks=hours / WEEK_H, warm_up_weeks=warm_up_hours / WEEK_H)


def test_a_case_counts_if_it_ends_after_the_warm_up_and_a_wait_if_it_does() -> None:
    """Of ten hours each: one ends in the warm-up, one begins in it and ends after it, one comes after it."""
    found = measured(lab(serve(duration=h(10)), streams=[coming(0, 0, 100)], staff=BENCH), 100, warm_up_hours=15)
    assert (found["arrived"], found["finished"]) == (1, 2)
    assert found["tat_mean_d"] == pytest.approx((20 + 10) / 2 / 24)
    assert found["wait_mean_h.serve"] == 0
    assert found["wip_mean"] == pytest.approx((5 + 10) / 100)


def test_a_wait_weighs_as_many_slides_as_wait_together() -> None:
    """Three slides begin at once, one waits three hours for them."""
    slides = [{"when": {"stream": "large"}, "give": 3}, {"give": 1}]
    site = lab(
        {"name": "cut_up", "per": "specimen", "duration": h(1), "makes": "block"},
        {"name": "microtomy", "per": "block", "duration": h(1), "makes": "slide"},
        serve(per="slide"),
        {"name": "close", "duration": h(0)},
        streams=[coming(0, name="large"), coming(0, name="small")],
        staff=BENCH,
        demand={"slides_per_block": slides},
    )
    found = measured(site, 20)
    assert found["wait_mean_h.serve"] == 3 / 4
    assert found["waited_pct.serve"] == 25


def test_overtime_is_neither_presence_nor_work_within_it() -> None:
    bench = {"bench": {"shifts": [shift("00:00", "05:00")]}}
    found = measured(lab(serve(duration=h(10)), streams=[coming(1)], staff=bench), 20)
    assert found["utilisation.bench"] == 4 / 5
    assert found["busy_mean.bench"] == 10 / 20


def test_a_machine_under_repair_is_not_at_work() -> None:
    step = {"name": "stain", "batch": {"machine": "stainer", "programmes": [{"size": 1, "run": h(2)}]}}
    model = start(lab(step, streams=[coming(0)], machines={"stainer": {"count": 1}}))
    model.machines["stainer"].fails(0, iter([(5 * HOUR, 4 * HOUR), (10**16, 1)]))
    assert run_and_measure(model, weeks=10 / WEEK_H, warm_up_weeks=0)["utilisation.stainer"] == 2 / 10
