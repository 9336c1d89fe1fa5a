"""Prints the table of all comparisons, for the docs: `python -m tests.simulations.cross_engines [network ...]`.

Leaves with 1 when two engines differ, or a comparison is coarser than its network asks for.
"""

import sys

from tests.simulations.cross_engines.comparison import Engine, Row, Verdict, cross_check_rows
from tests.simulations.cross_engines.networks import NETWORKS

HEAD = ("network", "measure", "ours", "Ciw", "salabim", "z Ciw", "z salabim", "± %", "verdict")


def main(names: list[str]) -> int:
    """Run the named networks, or all, and print a row as each is known."""
    networks = [network for network in NETWORKS if not names or network.name in names]
    print("| " + " | ".join(HEAD) + " |")
    print("|---" * len(HEAD) + "|")
    verdicts = []
    for row in cross_check_rows(networks):
        print("| " + " | ".join(cells(row)) + " |", flush=True)
        verdicts.append(row.verdict)
    return int(any(verdict is not Verdict.AGREE for verdict in verdicts))


def cells(row: Row) -> list[str]:
    """Return a row as text; a dash where an engine cannot say the network."""
    means = [f"{row.means[engine].mean:.4g}" if engine in row.means else "–" for engine in Engine]
    others = (Engine.CIW, Engine.SALABIM)
    z = [f"{row.z[Engine.OURS, other]:+.1f}" if other in row.means else "–" for other in others]
    return [row.network.name, row.measure.name, *means, *z, f"{100 * row.precision:.1f}", row.verdict.value]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
