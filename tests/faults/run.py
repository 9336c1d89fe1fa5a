"""One storm from beginning to end: a world, a schedule, a settling, a verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.faults.judge import Verdict, judge
from tests.faults.plan import Kind, Setup, plan
from tests.faults.storm import Storm
from tests.faults.world import World

RATE_PER_S = 300.0
_SETTLE_PATIENCE_S = 240.0  # and on top of it a second for as many events as even a busy machine stores in one:
_STORED_PER_S = 100


def run_storm(
    setup: Setup,
    seed: int,
    events: int,
    faults: int,
    folder: Path,
    per_second: float = RATE_PER_S,
    *,
    of: Sequence[Kind] | None = None,
    tell: Callable[[str], None] = lambda _line: None,
) -> Verdict:
    """Let a storm pass over a new world in ``folder`` and judge what is left; ``of`` limits the kinds of faults."""
    shocks = plan(setup, seed, events, faults, of)
    began = time.monotonic()
    with World(setup, folder, events, per_second) as world:
        storm = Storm(world, shocks, tell)
        storm.pass_over()
        is_settled = storm.settle(_SETTLE_PATIENCE_S + events / _STORED_PER_S)
        world.stop_ingest()
        return judge(world, storm, seed, is_settled=is_settled, seconds=time.monotonic() - began)
