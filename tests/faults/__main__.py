"""``python -m tests.faults``: storms over real parts, judged. Exit 1 if anything was lost, doubled or unsound."""

from __future__ import annotations

import argparse
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

from tests.faults.plan import NAMES, SETUPS
from tests.faults.report import by_kind, points, said, table, write
from tests.faults.run import RATE_PER_S, run_storm


def main() -> int:
    """Run what was asked for and return the exit code."""
    given = _arguments()
    seed = given.seed if given.seed is not None else secrets.randbelow(1_000_000)
    verdicts = []
    folder = Path(given.keep or tempfile.mkdtemp(prefix="histotwin-storm-"))
    for setup in SETUPS if given.setup == "both" else (given.setup,):
        print(f"{NAMES[setup]}: {given.events:,} events, {given.faults} faults, seed {seed}; logs in {folder / setup}")
        verdicts.append(run_storm(setup, seed, given.events, given.faults, folder / setup, given.rate, tell=_tell))
        print(said(verdicts[-1]), flush=True)
    is_clean = all(verdict.is_clean for verdict in verdicts)
    if is_clean and not given.keep:
        shutil.rmtree(folder)
    print("\n".join(("", table(verdicts), "", by_kind(verdicts), "", points(verdicts))))
    if given.write:
        write(Path(given.write), verdicts)
    return 0 if is_clean else 1


def _tell(line: str) -> None:
    print(f"  {line}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--events", type=int, default=12_000)
    parser.add_argument("--faults", type=int, default=36)
    parser.add_argument("--setup", choices=(*SETUPS, "both"), default="both")
    parser.add_argument("--seed", type=int, help="of the schedule; left out: a new one")
    parser.add_argument("--rate", type=float, default=RATE_PER_S, help="events a second while nothing is broken")
    parser.add_argument("--write", help="document whose markers the tables go between")
    parser.add_argument("--keep", help="folder for databases and logs; left out: one that goes when all is clean")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
