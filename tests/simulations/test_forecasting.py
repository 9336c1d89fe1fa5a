"""Every open case of a lab is forecast, the forecast is kept with its age, and superseded ones are thinned out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from simulations.forecasting import ForecastService, ForecastSettings
from simulations.virtual_lab.history import Period, write_chapter
from simulations.virtual_lab.seeding import seed
from tests.simulations.conftest import DATA, Tracking
from tracking.clock import DAY_US, HOUR_US, MINUTE_US
from tracking.queries.open_work import open_cases
from tracking.store import tables
from tracking.store.forecasts import LabOutlook, keep_forecast

NOW = 1_795_168_800_000_000  # 2026-11-20T10:00Z


class StoppedClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now_us: int) -> None:
        self.now = now_us

    def now_us(self) -> int:
        return self.now

    def monotonic_s(self) -> float:
        return self.now / 1e6


@pytest.fixture
def worked(tracking: Tracking, tmp_path: Path) -> Tracking:
    """A store in which the small lab of South Warwickshire has worked for three weeks."""
    lab = tracking.registry.labs["rjc"]
    chapter = write_chapter(lab, DATA / lab.model, Period(NOW - 21 * DAY_US, 0, NOW), 5, tmp_path)
    seed(tracking.door, [chapter.recent])
    return tracking


def service(tracking: Tracking, clock: StoppedClock) -> ForecastService:
    settings = ForecastSettings(DATA, every_min=5, replications=6, seed=1)
    return ForecastService([tracking.registry.labs["rjc"]], tracking.database, settings, clock)


def test_every_open_case_gets_quantiles_in_order_and_a_probability_for_each_target(worked: Tracking) -> None:
    outlook = service(worked, StoppedClock(NOW)).forecast_lab(worked.registry.labs["rjc"])
    with worked.database.reading() as connection:
        expected = {case.item.barcode for case in open_cases(connection, "rjc")}
        rows = connection.execute(select(tables.forecast_case)).all()
    assert {case.barcode for case in outlook.cases} == expected
    assert len(rows) == len(expected) > 20
    for case in outlook.cases:
        assert case.p50_us is not None and case.p50_us > NOW  # noqa: PT018
        assert case.p50_us <= (case.p80_us or 2**62) <= (case.p95_us or 2**62)
    assert {frozenset(json.loads(row.breach)) for row in rows} == {
        frozenset({"80 % in 7 days", "90 % in 10 days"}),
        frozenset(),  # had decalcification: no target counts it, so it cannot be late
    }
    assert all(0 <= chance <= 1 for row in rows for chance in json.loads(row.breach).values())


def test_the_busiest_resource_heads_the_ranking(worked: Tracking) -> None:
    outlook = service(worked, StoppedClock(NOW)).forecast_lab(worked.registry.labs["rjc"])
    shares = [entry["utilisation"] for entry in outlook.resources]
    assert outlook.busiest == outlook.resources[0]["resource"]
    assert shares == sorted(shares, reverse=True)


def test_a_case_that_is_past_its_target_will_breach_for_certain(worked: Tracking) -> None:
    old = {"received_us": NOW - 12 * DAY_US}
    clock = tables.case_clock
    with worked.database.writing() as connection:
        is_counted = (clock.c.authorised_us.is_(None), clock.c.steps.not_like("%decalcification%"))
        oldest = connection.scalar(select(func.min(clock.c.case_id)).where(*is_counted))
        connection.execute(update(clock).where(clock.c.case_id == oldest).values(**old))
        barcode = connection.scalar(select(clock.c.barcode).where(clock.c.case_id == oldest))
    outlook = service(worked, StoppedClock(NOW)).forecast_lab(worked.registry.labs["rjc"])
    (late,) = [case for case in outlook.cases if case.barcode == barcode]
    assert set(late.breach.values()) == {1.0}


def test_of_superseded_forecasts_one_an_hour_is_kept_for_four_weeks(tracking: Tracking) -> None:
    for minute in range(0, 180, 5):
        keep(tracking, NOW + minute * MINUTE_US)
    assert made(tracking) == [NOW, NOW + HOUR_US, NOW + 2 * HOUR_US, NOW + 175 * MINUTE_US]
    keep(tracking, NOW + 29 * DAY_US)
    assert made(tracking) == [NOW + 29 * DAY_US]


def keep(tracking: Tracking, made_us: int) -> None:
    keep_forecast(
        tracking.database, LabOutlook("rjc", made_us, made_us, 0, 2, 1, 0.1, "bench", [], ["80 % in 7 days"], [])
    )


def made(tracking: Tracking) -> list[int]:
    with tracking.database.reading() as connection:
        return list(connection.scalars(select(tables.forecast.c.made_us).order_by(tables.forecast.c.made_us)))
