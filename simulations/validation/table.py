"""How verdicts are shown: a table on a terminal, plain lines in a pipe, JSON for programs. Judges nothing."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from simulations.validation.verdicts import Verdict

COLUMNS = ("id", "system", "measure", "theory", "simulated", "95 % interval", "± %", "z", "verdict")
NUMBERS = {"theory", "simulated", "95 % interval", "± %", "z"}


def as_json(verdicts: Sequence[Verdict], **about: object) -> str:
    """Return all verdicts as one JSON document."""
    rows = [
        {key: _plain(value) for key, value in asdict(verdict).items()} | {"passes": verdict.passes}
        for verdict in verdicts
    ]
    failed = [verdict.id for verdict in verdicts if not verdict.passes]
    return json.dumps({**about, "passes": not failed, "failed": failed, "verdicts": rows}, indent=1)


def show(verdicts: Sequence[Verdict], console: Console) -> None:
    """Print the table to a terminal, or plain lines where nobody looks."""
    if console.is_terminal:
        console.print(_table(verdicts))
    else:
        for line in as_lines(verdicts):
            console.print(line, markup=False, highlight=False, soft_wrap=True)


def as_lines(verdicts: Sequence[Verdict]) -> list[str]:
    """Return the table as lines of aligned text."""
    rows = [COLUMNS, *(_cells(verdict) for verdict in verdicts)]
    widths = [max(len(row[number]) for row in rows) for number in range(len(COLUMNS))]
    return ["  ".join(_aligned(row, widths)).rstrip() for row in rows]


def summary(verdicts: Sequence[Verdict]) -> str:
    """Return one sentence on all verdicts."""
    failed = [verdict.id for verdict in verdicts if not verdict.passes]
    names = f"{len(failed)} failed: {', '.join(dict.fromkeys(failed))}" if failed else "all pass"
    return f"{len(verdicts)} tried, {names}."


def _table(verdicts: Sequence[Verdict]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in COLUMNS:
        table.add_column(name, justify="right" if name in NUMBERS else "left", overflow="fold")
    for verdict in verdicts:
        table.add_row(*map(Text, _cells(verdict)), style=None if verdict.passes else "bold red")
    return table


def _cells(verdict: Verdict) -> tuple[str, ...]:
    mark = "" if verdict.relation in {"=", "exact"} else f"{verdict.relation} "
    interval = "" if verdict.low is None or verdict.high is None else f"{verdict.low:.6g} … {verdict.high:.6g}"
    return (
        verdict.id,
        verdict.what,
        verdict.measure,
        "" if verdict.expected is None else f"{mark}{verdict.expected:.6g}",
        "" if verdict.mean is None else f"{verdict.mean:.6g}",
        interval,
        "" if verdict.half_width_pct is None else f"{verdict.half_width_pct:.2f}",
        "" if verdict.z is None else f"{verdict.z:+.2f}",
        "pass" if verdict.passes else "FAIL: " + "; ".join(verdict.reasons),
    )


def _aligned(row: tuple[str, ...], widths: Sequence[int]) -> list[str]:
    return [
        cell.rjust(width) if name in NUMBERS else cell.ljust(width)
        for name, cell, width in zip(COLUMNS, row, widths, strict=True)
    ]


def _plain(value: object) -> object:
    """JSON has no word for what is not a number."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
