"""What the twin costs beside other ways to do the same: CPU and memory, in turns, each job in a process of its own.

    python -m benchmarks.bench_twin [--baseline FOLDER] [--only JOB ...]

Prints one JSON document: medians over rounds, their range, and ratios of how many times as much the others took.
"""

import argparse
import json
import platform
import sys
from pathlib import Path

from benchmarks.twin.measuring import run_job

JOBS = ("six_steps", "mm5", "as_shipped", "year", "live_forecast")


def main() -> None:
    """Run the jobs one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--baseline", type=Path, help="folder of the rebuild that the published model is run beside")
    parser.add_argument("--only", nargs="+", choices=JOBS, default=JOBS)
    chosen = parser.parse_args()
    baseline = ["--baseline", chosen.baseline.resolve()] if chosen.baseline else []
    result: dict[str, object] = {"python": platform.python_version(), "processor": platform.machine()}
    for job in chosen.only:
        print(f"{job} …", file=sys.stderr, flush=True)
        result[job] = run_job(job, *(baseline if job == "as_shipped" else ())).printed
    print(json.dumps(result, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
