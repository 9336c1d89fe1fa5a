"""Measures a year of the seventeen West Midlands trusts at their full load, one replication, all in one environment.

`--labs modern`: each trust has the full-size department of today of its kind. `--labs shipped`: what the networks show,
which is a fifth of the published load, with load, staff and machines multiplied by five. Orthopaedic
departments, of which there is no modern file, are enlarged either way. Batch sizes and times are what they are. Of each
laboratory only what its turnaround needs is recorded.

    python -m benchmarks.twin.year [--labs modern] [--weeks 52] [--seed 1]
"""

import argparse
import gc
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import yaml
from simpy import Environment

from benchmarks.twin.measuring import ROOT, cpu, peak_mb
from twin.calendars import Timetable, to_us
from twin.checks import check
from twin.distributions import DAY
from twin.engine.agenda import run_until
from twin.lab import Lab, load_lab
from twin.model import LabModel
from twin.variates import Streams

NETWORKS = ("bcps", "bsol", "smp", "nmsc")
FIFTHS = 5
DATA = ROOT / "data"
MODERN = {kind: DATA / "labs" / f"modern-{kind}.yaml" for kind in ("large", "medium", "small")}


@dataclass(frozen=True, slots=True)
class Trust:
    """One laboratory of a network file at its full load; None: what its lab file says."""

    id: str
    lab: Lab
    cases_per_week: float | None


def trusts(labs: str) -> list[Trust]:
    """Read the networks and give each trust its laboratory."""
    common = yaml.safe_load((DATA / "networks" / "common" / "uk-histology.yaml").read_text(encoding="utf-8"))
    full = {name: enlarged(load_lab(DATA / profile["model"])) for name, profile in common["profiles"].items()}
    modern = {name: load_lab(path) for name, path in MODERN.items()} if labs == "modern" else {}
    files = [yaml.safe_load((DATA / "networks" / f"{name}.yaml").read_text(encoding="utf-8")) for name in NETWORKS]
    return [
        Trust(one["id"], modern[one["profile"]], None)
        if one["profile"] in modern
        else Trust(one["id"], full[one["profile"]], one["cases_per_week"] * FIFTHS)
        for file in files
        for one in file["labs"]
    ]


def enlarged(lab: Lab) -> Lab:
    """Return a laboratory with five times the people and the machines."""
    staff = {
        name: group.model_copy(
            update={
                "shifts": tuple(one.model_copy(update={"people": one.people * FIFTHS}) for one in group.shifts),
                "pauses": tuple(
                    one.model_copy(update={"people": one.people and one.people * FIFTHS}) for one in group.pauses
                ),
            }
        )
        for name, group in lab.staff.items()
    }
    machines = {name: group.model_copy(update={"count": group.count * FIFTHS}) for name, group in lab.machines.items()}
    return lab.model_copy(update={"staff": staff, "machines": machines})


def measure(labs: str, weeks: float, seed: int) -> dict[str, Any]:
    """Run all of them side by side and return what that took, and the turnaround of each."""
    everybody, start_us = trusts(labs), to_us(datetime(2026, 1, 5, tzinfo=UTC))
    env = Environment(start_us)
    timetables = {id(trust.lab): Timetable(trust.lab) for trust in everybody}
    models = {
        trust.id: LabModel(
            trust.lab,
            env,
            Streams(seed, trust.id),
            cases_per_week=trust.cases_per_week,
            timetable=timetables[id(trust.lab)],
        )
        for trust in everybody
    }
    gc.disable()  # as every run of the product does
    _, seconds = cpu(lambda: run_until(env, start_us + round(weeks * 7 * DAY)))
    records = [model.record for model in models.values()]
    for model in models.values():
        check(model)
    return {
        "labs": len(models),
        "kind": labs,
        "weeks": weeks,
        "cases": sum(record.received for record in records),
        "finished": sum(record.finished for record in records),
        "events": next(env._eid),
        "cpu_s": round(seconds, 1),
        "us_per_case": round(seconds / sum(record.received for record in records) * 1e6, 1),
        "peak_mb": peak_mb(),
        "tat_mean_d": {name: _turnaround_d(model) for name, model in models.items()},
    }


def _turnaround_d(model: LabModel) -> float | None:
    record = model.record
    if not record.finished:
        return None
    return round(float((np.array(record.finished_us) - np.array(record.received_us)).mean()) / DAY, 2)


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labs", choices=("modern", "shipped"), default="modern")
    parser.add_argument("--weeks", type=float, default=52)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    print(json.dumps(measure(chosen.labs, chosen.weeks, chosen.seed)))


if __name__ == "__main__":
    main()
