"""The forecast as a service: each lab in turn from its tracked state, stored with how old that state was."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from simulations.live_state import live_state
from tracking.clock import MINUTE_US, Clock
from tracking.errors import StoreUnavailable
from tracking.queries.case_rows import open_times
from tracking.queries.open_work import OpenCase, open_cases
from tracking.registry import Lab, Target
from tracking.store import tables
from tracking.store.database import Database
from tracking.store.forecasts import CaseOutlook, LabOutlook, keep_forecast
from tracking.turnaround.calendar import lab_calendar
from tracking.turnaround.clocks import CaseTimes
from tracking.turnaround.targets import due_us
from twin.forecast import LabForecast, forecast
from twin.lab import load_lab

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class ForecastSettings:
    """How often (minutes between two forecasts of a lab), how thoroughly, and from which seed."""

    models: Path
    every_min: float
    replications: int
    seed: int


class ForecastService:
    """Keeps every lab's forecast fresh, one lab at a time, the stalest first."""

    def __init__(self, labs: Sequence[Lab], database: Database, settings: ForecastSettings, clock: Clock) -> None:
        self._labs = {lab.id: lab for lab in labs}
        self._database = database
        self._settings = settings
        self._clock = clock
        self._made_us = dict.fromkeys(self._labs, 0)

    def keep_fresh(self, stop: threading.Event) -> None:
        """Forecast until told to stop; a database that is away for a while only delays it."""
        while not stop.is_set():
            due = self._due()
            if due is None:
                stop.wait(LOOK_EVERY_S)
                continue
            self._try(due, stop)

    def _try(self, lab: Lab, stop: threading.Event) -> None:
        try:
            self.forecast_lab(lab)
        except StoreUnavailable as error:
            log.warning("%s; trying again", error)
            stop.wait(LOOK_EVERY_S)
        except Exception:  # one lab's odd state must not leave the others without a forecast
            log.exception("no forecast for %s this time", lab.id)
            self._made_us[lab.id] = self._clock.now_us()

    def forecast_lab(self, lab: Lab) -> LabOutlook:
        """Forecast one lab now and store it. Raises ``StoreUnavailable``."""
        began_s = time.process_time()
        position, cases, times, now_us = self._look(lab)
        model = load_lab(self._settings.models / lab.model)
        made = forecast(
            model, live_state(model, cases, now_us), now_us=now_us, replications=self._settings.replications,
            seed=self._settings.seed, due_us=_due(lab, times), cases_per_week=lab.cases_per_week,
        )  # fmt: skip
        outlook = _outlook(lab, made, position, time.process_time() - began_s)
        keep_forecast(self._database, outlook)
        self._made_us[lab.id] = now_us
        return outlook

    def _due(self) -> Lab | None:
        stalest = min(self._made_us, key=lambda lab: self._made_us[lab])
        age_us = self._clock.now_us() - self._made_us[stalest]
        return self._labs[stalest] if age_us >= self._settings.every_min * MINUTE_US else None

    def _look(self, lab: Lab) -> tuple[int, list[OpenCase], list[CaseTimes], int]:
        with self._database.reading() as connection:
            position = connection.scalar(select(tables.head.c.position)) or 0
            return position, open_cases(connection, lab.id), open_times(connection, lab.id), self._clock.now_us()


def _due(lab: Lab, cases: Sequence[CaseTimes]) -> dict[str, dict[str, int]]:
    """Return when each case is due by each target that counts it."""
    calendar = lab_calendar(lab)
    targets = _forecast_targets(lab)
    return {
        case.barcode: {target.name: due for target in targets if (due := due_us(target, case, calendar)) is not None}
        for case in cases
    }


def _forecast_targets(lab: Lab) -> list[Target]:
    """What is forecast is the authorisation; of other ends nothing is said."""
    return [target for target in lab.targets if target.stop == "authorised"]


def _outlook(lab: Lab, made: LabForecast, position: int, cpu_s: float) -> LabOutlook:
    return LabOutlook(
        lab=lab.id, made_us=made.made_us, state_us=made.state_us, state_position=position,
        replications=made.replications, seed=made.seed, cpu_s=cpu_s, busiest=made.busiest,
        resources=_ranked(made), targets=[target.name for target in _forecast_targets(lab)],
        cases=[
            CaseOutlook(case.barcode, case.p50_us, case.p80_us, case.p95_us, case.breach_probability)
            for case in made.cases
        ],
    )  # fmt: skip


def _ranked(made: LabForecast) -> list[dict[str, Any]]:
    return [
        {"resource": name, "utilisation": value.mean, "low": value.low, "high": value.high}
        for name, value in sorted(made.utilisation.items(), key=lambda entry: -entry[1].mean)
    ]
