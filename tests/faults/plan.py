"""What breaks when: every kind of fault, and a schedule drawn from a seed. Pure; nothing is broken here.

What lies between two faults is a count of events made, not a time, so that a schedule means the same on a slow machine.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

Setup = Literal["sqlite", "postgres"]
SETUPS: tuple[Setup, ...] = ("sqlite", "postgres")
NAMES = {"sqlite": "SQLite + embedded broker", "postgres": "PostgreSQL + Mosquitto"}

DEVICES_BROKER, BROKER_INGEST, INGEST_DATABASE = "devices–broker", "broker–ingest", "ingest–database"
INGEST_POINTS = (
    "message_received", "batch_taken", "in_transaction", "after_commit", "after_pubacks", "after_answers",
)  # fmt: skip
GATEWAY_POINTS = ("outbox_appended", "ack_heard")
_BUSY_SHARE = 0.7  # of the events; the rest is what parts on their way to a kill point need, and a calm end
_LONG_STORM = 100
_LONG_SILENCE_S = 25.0  # longer than a keepalive of 15 s is patient


@dataclass(frozen=True, slots=True)
class Kind:
    """One way in which a part can fail; ``point`` is where it kills itself, for verb ``at``."""

    verb: str
    target: str
    point: str = ""

    def __str__(self) -> str:
        return f"{self.target} dies at {self.point}" if self.point else f"{self.verb} {self.target}"


@dataclass(frozen=True, slots=True)
class Shock:
    """A fault that strikes ``gap`` events after the one before, and lasts ``hold_s`` seconds.

    ``passages`` is at which passage a kill point kills, ``choice`` picks one where there are several.
    """

    gap: int
    kind: Kind
    hold_s: float
    passages: int
    choice: int

    def __str__(self) -> str:
        lasts = f" for {self.hold_s:.1f} s" if self.hold_s else ""
        passage = f", passage {self.passages}" if self.kind.point else ""
        return f"after {self.gap:>4}: {self.kind}{passage}{lasts}"


_HOLDS_S = {
    "silence": (0.5, 4.0), "refuse": (0.3, 3.0), "slow": (1.0, 4.0), "stop": (0.3, 2.5), "freeze": (1.0, 5.0),
    "lock": (0.5, 7.0),
}  # fmt: skip
_DOWN_S = (0.1, 1.5)  # how long a killed or restarted broker or database stays away


def kinds(setup: Setup) -> tuple[Kind, ...]:
    """Return every kind of fault that the set-up can have."""
    links = (DEVICES_BROKER, BROKER_INGEST) + ((INGEST_DATABASE,) if setup == "postgres" else ())
    database = ("stop", "kill", "freeze") if setup == "postgres" else ("lock",)
    return (
        Kind("kill", "ingest"),
        *(Kind("at", "ingest", point) for point in INGEST_POINTS),
        Kind("kill", "broker"),
        Kind("restart", "broker"),
        *(Kind(verb, "database") for verb in database),
        *(Kind(verb, link) for link in links for verb in ("silence", "reset", "refuse", "slow")),
        Kind("kill", "gateway"),
        *(Kind("at", "gateway", point) for point in GATEWAY_POINTS),
        Kind("repeat", "events"),
        Kind("publish", "poison"),
        Kind("forge", "event"),
    )


def plan(setup: Setup, seed: int, events: int, faults: int, of: Sequence[Kind] | None = None) -> list[Shock]:
    """Return the schedule of a storm; each kind once at least where there are enough faults for it."""
    luck = random.Random(f"{setup} {seed}")
    pool = list(of or kinds(setup))
    chosen = luck.sample(pool, min(faults, len(pool)))
    weights = [3 if kind.verb == "kill" else 2 if kind.point else 1 for kind in pool]
    chosen += luck.choices(pool, weights, k=faults - len(chosen))
    luck.shuffle(chosen)
    moments = [0, *sorted(luck.sample(range(1, int(events * _BUSY_SHARE)), faults))]
    gaps = [after - before for before, after in pairwise(moments)]
    is_long = faults >= _LONG_STORM
    return [_shock(luck, gap, kind, events, is_long=is_long) for gap, kind in zip(gaps, chosen, strict=True)]


def _shock(luck: random.Random, gap: int, kind: Kind, events: int, *, is_long: bool) -> Shock:
    hold_s = 0.0
    if kind.verb in _HOLDS_S:
        hold_s = luck.uniform(*_HOLDS_S[kind.verb])
    elif kind.target in ("broker", "database"):
        hold_s = luck.uniform(*_DOWN_S)
    if is_long and kind.verb == "silence" and luck.random() < 0.2:
        hold_s = _LONG_SILENCE_S
    passages = luck.randint(1, _most_passages(kind, events))
    return Shock(gap, kind, round(hold_s, 1), passages, luck.randrange(1_000_000))


def _most_passages(kind: Kind, events: int) -> int:
    """Return the latest passage worth waiting for: a small storm must not run out of events before it."""
    if kind.point == "message_received":
        return max(1, min(100, events // 120))
    if kind.target == "gateway":
        return max(1, min(12, events // 1000))
    return max(1, min(4, events // 3000))
