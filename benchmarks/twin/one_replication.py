"""One replication of the published model in this process, as a user would start it, and what it took.

python -m benchmarks.twin.one_replication SEED
"""

import json
import sys
import time

from benchmarks.twin.measuring import ROOT, cpu, peak_mb
from benchmarks.twin.ours import run_lab
from twin.lab import load_lab

LAB = ROOT / "data" / "labs" / "addenbrookes-as-shipped.yaml"


def main() -> None:
    """Run and print JSON: CPU seconds of imports, reading and run; peak memory; how much came."""
    import_s = time.process_time()
    lab, load_s = cpu(lambda: load_lab(LAB))
    measures, run_s = cpu(lambda: run_lab(lab, int(sys.argv[1])))
    print(
        json.dumps(
            {
                "run_s": run_s,
                "import_s": import_s,
                "load_s": load_s,
                "peak_mb": peak_mb(),
                "specimens": measures["arrived"],
                "blocks": measures["blocks"],
                "slides": measures["slides"],
                "lab_tat_mean_d": measures["lab_tat_mean_d"],
                "tat_mean_d": measures["tat_mean_d"],
            }
        )
    )


if __name__ == "__main__":
    main()
