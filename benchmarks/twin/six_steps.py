"""Measures the six-step line: idiomatic SimPy and the same laboratory as a lab file, in turns, the same results shown.

python -m benchmarks.twin.six_steps [--weeks 10] [--rounds 12]
"""

import argparse
import json
import statistics
from typing import Any

from benchmarks.twin import idiomatic
from benchmarks.twin.measuring import ROOT, agreement, cpu, ratio, spread
from benchmarks.twin.ours import run_lab
from twin.lab import Lab, load_lab

LINES = {
    "six_steps": (idiomatic.ROUND_THE_CLOCK, 1.0),
    "six_steps_weekdays": (idiomatic.WEEKDAYS, 1.0),
    "six_steps_hub": (idiomatic.HUB, 0.3),
    "six_steps_region": (idiomatic.REGION, 0.2),
}
"""The lab files, what idiomatic SimPy makes of each, and the part of the weeks that the busiest is run."""
COMPARED = ("arrived", "finished", "tat_mean_d", "tat_p90_d", "tat_mean_d.urgent", "tat_mean_d.routine")


def line(name: str, load: idiomatic.Load, weeks: float, rounds: int) -> dict[str, Any]:
    """Return CPU and results of one line, over rounds with a seed each."""
    lab = load_lab(ROOT / "benchmarks" / "twin" / f"{name}.yaml")
    us: dict[str, list[float]] = {"idiomatic": [], "ours": []}
    measures: dict[str, list[dict[str, float]]] = {"idiomatic": [], "ours": []}
    for seed in range(1, rounds + 1):
        for who, taken in us.items():
            run, seconds = cpu(lambda who=who, seed=seed: _run(who, seed, weeks, lab, load))
            taken.append(seconds / run["arrived"] * 1e6)
            measures[who].append(run)
    return {
        "specimens": round(statistics.fmean(run["arrived"] for run in measures["ours"])),
        "idiomatic_us_per_specimen": spread(us["idiomatic"]),
        "ours_us_per_specimen": spread(us["ours"]),
        "ratio": ratio(us["idiomatic"], us["ours"]),
        "same_results": {
            name: agreement([run[name] for run in measures["idiomatic"]], [run[name] for run in measures["ours"]])
            for name in compared(measures["idiomatic"][0])
        },
    }


def compared(measures: dict[str, float]) -> list[str]:
    """Return the names of the measures that both must agree on."""
    return [*COMPARED, *(name for name in measures if name.startswith(("utilisation.", "wait_mean_h.")))]


def _run(who: str, seed: int, weeks: float, lab: Lab, load: idiomatic.Load) -> dict[str, float]:
    return idiomatic.run(seed, weeks, load) if who == "idiomatic" else run_lab(lab, seed, weeks=weeks)


def main() -> None:
    """Measure every line and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weeks", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=12)
    chosen = parser.parse_args()
    lines = {name: line(name, load, part * chosen.weeks, chosen.rounds) for name, (load, part) in LINES.items()}
    print(json.dumps(lines))


if __name__ == "__main__":
    main()
