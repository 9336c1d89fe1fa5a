"""Measures one replication of the published model, ten weeks, beside a public rebuild of it: fresh processes, in turns.

The rebuild is `simpy_addenbrookes.py`, a program that is handed a seed, hours and a file, and says there what CPU its
run took (its recording included, its summary not). Ours counts the model's making, the run, its checks and its summary.

    python -m benchmarks.twin.as_shipped --baseline FOLDER [--rounds 5]
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.twin.measuring import ROOT, ratio, run_job, run_program, spread

PROGRAM = "simpy_addenbrookes.py"
HOURS = 1680
COUNTS = ("specimens", "blocks", "slides")


def default_baseline() -> Path:
    """Return where the rebuild is looked for when nobody says."""
    named = os.environ.get("HISTOTWIN_BASELINE")
    return Path(named) if named else ROOT.parent / "shared" / "reference" / "simpy_baseline"


def baseline(folder: Path, seed: int, scratch: Path) -> dict[str, Any]:
    """Run the rebuild once."""
    out = scratch / "out.json"
    _, process_s = run_program([sys.executable, folder / PROGRAM, "base", seed, HOURS, out], compiled=scratch)
    result: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return {
        "run_s": result["cpu_run_s"], "process_s": process_s, "peak_mb": result["peak_rss_MB"],
        **{name: result["counts"][name] for name in COUNTS}, **_results(result["kpis"]),
    }  # fmt: skip


def _results(kpis: dict[str, float]) -> dict[str, float]:
    return {"lab_tat_mean_d": kpis["lab_tat_mean_d"], "tat_mean_d": kpis["tat_mean_d"]}


def ours(seed: int, scratch: Path) -> dict[str, Any]:
    """Run ours once."""
    ended = run_job("one_replication", seed, compiled=scratch)
    return {**ended.printed, "process_s": ended.cpu_s}


def measure(folder: Path, rounds: int) -> dict[str, Any]:
    """Return both sides' figures over rounds with a seed each; a round before them only compiles the modules."""
    sides: dict[str, list[dict[str, Any]]] = {"baseline": [], "ours": []}
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(rounds + 1):
            sides["baseline"].append(baseline(folder, seed, Path(scratch)))
            sides["ours"].append(ours(seed, Path(scratch)))
    sides = {name: runs[1:] for name, runs in sides.items()}
    return {
        **{name: _summary(runs) for name, runs in sides.items()},
        "ratio": ratio(*([run["run_s"] for run in runs] for runs in sides.values())),
        "ratio_with_imports": ratio(*([run["process_s"] for run in runs] for runs in sides.values())),
    }


def _summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    figures: dict[str, Any] = {name: spread([run[name] for run in runs]) for name in ("run_s", "process_s")}
    others = [name for name in runs[0] if name not in figures]
    return figures | {name: round(statistics.fmean(run[name] for run in runs), 3) for name in others}


def main() -> None:
    """Measure, or say why not, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--baseline", type=Path, default=default_baseline())
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    if not (chosen.baseline / PROGRAM).exists():
        print(json.dumps({"not_run": f"no {PROGRAM} in the folder given by --baseline or HISTOTWIN_BASELINE"}))
        return
    print(json.dumps(measure(chosen.baseline.resolve(), chosen.rounds)))


if __name__ == "__main__":
    main()
