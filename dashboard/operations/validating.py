"""What `histotwin validate` does and prints: the simulator tried against theory and published figures."""

from __future__ import annotations

import os

from rich.console import Console

from dashboard.operations.progress_bar import progress_bar
from simulations.validation import table
from simulations.validation.trial import choose, validate


def validate_report(*, long: bool, only: str | None, jobs: int | None, seed: int, as_json: bool) -> tuple[str, bool]:
    """Return what is to be printed, and whether every verdict passes; `only` is a pattern for ids and lab files.

    Without `jobs` there is one process a core. Raises `InputMistakes` when nothing fits the pattern.
    """
    chosen = choose(only, long=long)
    with progress_bar("Trying the simulator", show=not as_json) as tell:
        verdicts = validate(chosen, seed=seed, jobs=jobs or os.cpu_count() or 1, tell=tell)
    passes = all(verdict.passes for verdict in verdicts)
    if as_json:
        return table.as_json(verdicts, set="long" if long else "fast", seed=seed), passes
    console = Console()
    with console.capture() as shown:
        table.show(verdicts, console)
    return f"{shown.get()}{table.summary(verdicts)}", passes
