"""Plausible histories of cases, as the instruments of a lab would send them; the same seed gives the same events."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import orjson

from tracking.clock import HOUR_US, MINUTE_US, SECOND_US, to_rfc3339, to_us
from tracking.offering import Incoming

START_US = 1_791_000_000_000_000  # early in October 2026
ON_THE_WAY_US = SECOND_US // 4  # from the instrument to the store
Told = tuple[int, str, str, str | None, dict[str, Any]]
"""Moment, device, type, subject, data."""


def case_life(prefix: str, number: int, t: int, luck: random.Random) -> list[Told]:
    """Return everything that happens to one case, in no particular order of devices."""
    case, told = f"{prefix}26-{number:06d}", []
    specimens = [f"{case}-{letter}" for letter in "ABC"[: luck.choice((1, 1, 2))]]

    def tell(after_min: float, device: str, kind: str, subject: str | None, /, **data: Any) -> None:
        nonlocal t
        t += int(after_min * MINUTE_US)
        told.append((t, device, f"histotwin.{kind}", subject, data))

    tell(0, "lims-1", "case.received", case, case=case, received_at=to_rfc3339(t), specimens=specimens,
         priority=luck.choice(("urgent", "cancer", "routine")), specialty="skin")  # fmt: skip
    tell(30, "reception-1", "step.completed", case, step="reception", operator="mla-3")
    blocks: list[str] = []
    for specimen in specimens:
        made = [f"{specimen}-{n}" for n in range(1, luck.choice((2, 3, 4)))]
        tell(60, "cut-up-1", "step.started", specimen, step="cut_up", operator="bms-2")
        tell(9, "cut-up-1", "step.completed", specimen, step="cut_up", operator="bms-2", children=made)
        blocks += made
    tell(200, "processor-1", "run.started", None, run=f"p{number}", items=blocks, programme="overnight")
    tell(700, "processor-1", "run.completed", None, run=f"p{number}", items=blocks)
    slides: list[str] = []
    for block in blocks:
        made = [f"{block}-{n}" for n in range(1, luck.choice((2, 3)))]
        tell(4, "embedder-1", "step.completed", block, step="embedding", operator="mla-1")
        tell(20, "microtome-2", "item.scanned", block, station="microtomy", raw=block, symbology="datamatrix")
        tell(1, "microtome-2", "step.started", block, step="microtomy", operator="bms-17")
        tell(6, "microtome-2", "step.completed", block, step="microtomy", operator="bms-17", children=made)
        slides += made
    for device, minutes in (("stainer-1", 45), ("coverslipper-1", 10), ("scanner-1", 90)):
        run = f"{device}-{number}"
        tell(15, device, "run.started", None, run=run, items=slides)
        tell(minutes, device, "run.completed", None, run=run, items=slides)
    for slide in slides:
        tell(0, "scanner-1", "image.available", slide, bytes=900_000_000, scan_seconds=91.5)
    tell(60, "check-1", "step.completed", case, step="quality_check", operator="bms-4")
    tell(120, "lims-1", "case.assigned", case, case=case, pathologist="path-1")
    if luck.random() < 0.3:
        tell(60, "lims-1", "work.requested", blocks[0], kind="ihc", on=blocks[0], stain="CK7")
    tell(200, "lims-1", "case.reported", case, case=case, pathologist="path-1")
    tell(30, "lims-1", "case.authorised", case, case=case, status="final")
    return told


def lab_life(lab: str, prefix: str, cases: int, seed: int = 1, network: str = "bcps") -> list[dict[str, Any]]:
    """Return the events of many cases in the order of time, each with identity, boot and sequence of its device."""
    luck = random.Random(seed)
    told = [line for n in range(1, cases + 1) for line in case_life(prefix, n, START_US + n * HOUR_US // 4, luck)]
    sequences: Counter[str] = Counter()
    return [_envelope(f"/{network}/{lab}/{device}", line, sequences) for line in sorted(told, key=lambda line: line[0])
            for device in (line[1],)]  # fmt: skip


def _envelope(source: str, line: Told, sequences: Counter[str]) -> dict[str, Any]:
    t, _device, kind, subject, data = line
    sequences[source] += 1
    boot = f"b0{sum(source.encode()) % 97:02d}"
    event = {
        "specversion": "1.0", "id": f"{boot}-{sequences[source]}", "source": source, "type": kind,
        "time": to_rfc3339(t), "boot": boot, "sequence": str(sequences[source]),
        "datacontenttype": "application/json", "data": data,
    }  # fmt: skip
    return event if subject is None else {**event, "subject": subject}


def incoming(events: Iterable[dict[str, Any]], channel: str = "test", received_us: int | None = None) -> list[Incoming]:
    """Return events as something offered at the door; each came a little after its own time, unless told otherwise."""
    return [
        Incoming(orjson.dumps(event), channel, received_us or came_us(event), origin=event["source"])
        for event in events
    ]


def came_us(event: dict[str, Any]) -> int:
    """Return when an event told by a right clock over a quick wire is received, microseconds UTC."""
    return to_us(datetime.fromisoformat(event["time"])) + ON_THE_WAY_US


def batches_of(offered: Sequence[Incoming], size: int) -> list[Sequence[Incoming]]:
    """Cut what is offered into batches."""
    return [offered[start : start + size] for start in range(0, len(offered), size)]
