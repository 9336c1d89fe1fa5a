"""Measures a simulated week of the large laboratory, and its forecast of thirty replications from a live state.

python -m benchmarks.twin.live_forecast [--rounds 5]
"""

import argparse
import json
from datetime import UTC, datetime
from typing import Any

from simpy import Environment

from benchmarks.twin.measuring import ROOT, cpu, spread
from twin.calendars import Timetable, to_us
from twin.distributions import DAY
from twin.engine.agenda import run_until
from twin.forecast import forecast
from twin.lab import load_lab
from twin.model import LabModel
from twin.snapshot import take_state
from twin.variates import Streams

WARM_UP_DAYS, DAYS = 21, 70


def measure(rounds: int) -> dict[str, Any]:
    """Return CPU seconds and events."""
    lab = load_lab(ROOT / "data" / "labs" / "large.yaml")
    start = to_us(datetime(2026, 9, 7, tzinfo=UTC))
    env = Environment(start)
    model = LabModel(lab, env, Streams(1, lab.name), timetable=Timetable(lab))
    run_until(env, start + WARM_UP_DAYS * DAY)
    state, events, received = take_state(model), next(env._eid), model.record.received
    _, seconds = cpu(lambda: run_until(env, start + (WARM_UP_DAYS + DAYS) * DAY))
    cases = model.record.received - received
    forecasts = [
        cpu(lambda seed=seed: forecast(lab, state, now_us=state.at_us, replications=30, seed=seed))[1]
        for seed in range(1, rounds + 1)
    ]
    return {
        "week_cpu_s": round(seconds / DAYS * 7, 4),
        "events_per_case": round((next(env._eid) - events) / cases, 1),
        "us_per_case": round(seconds / cases * 1e6, 1),
        "open_cases": len(state.cases),
        "forecast_30_cpu_s": spread(forecasts),
    }


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    print(json.dumps(measure(parser.parse_args().rounds)))


if __name__ == "__main__":
    main()
