"""``python -m tests.mutants``: every seeded fault and the test that caught it.

Exit 1 if any survived, 2 if the list is mistaken.
"""

import argparse
import sys
from collections.abc import Sequence

from tests.mutants.fault import Fault
from tests.mutants.faults import FAULTS, named
from tests.mutants.harness import FaultMistakeError, judge_all


def main() -> int:
    """Try the faults asked for, tell of each as it is known, and return the exit code."""
    given = _arguments()
    faults = FAULTS if given.only is None else named(given.only)
    if not faults:
        print(f"--only {given.only}: expected a part of a fault's name or file; --list shows them", file=sys.stderr)
        return 2
    if given.list:
        print("\n".join(fault.name for fault in faults))
        return 0
    try:
        return _try(faults, given.jobs)
    except FaultMistakeError as mistake:
        print(mistake, file=sys.stderr)
        return 2


def _try(faults: Sequence[Fault], jobs: int) -> int:
    width = max(len(fault.name) for fault in faults)
    print(f"{'fault':{width}}  seconds  caught by")
    survived = 0
    for verdict in judge_all(faults, jobs):
        caught_by = (verdict.caught_by or "SURVIVED").removeprefix("tests/")
        print(f"{verdict.fault.name:{width}}  {verdict.seconds:7.1f}  {caught_by}", flush=True)
        survived += verdict.caught_by is None
    print(f"{len(faults)} faults, {len(faults) - survived} caught, {survived} survived")
    return 1 if survived else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", help="a part of the names or files of the faults to try")
    parser.add_argument("--jobs", type=int, default=2, help="how many to try at once")
    parser.add_argument("--list", action="store_true", help="name the faults and try none")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
