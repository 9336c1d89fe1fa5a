"""A made-up read side for the pages: the API's answers with invented rows that move, and nothing behind them."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

from tracking.registry import Lab, Registry, load_registry

NETWORKS = Path(__file__).parents[2] / "data" / "networks"
STATES = ("idle", "running", "running", "running", "error", "maintenance", "offline")


def moment(**ago: float) -> str:
    """Return a moment so long ago, as the API writes it."""
    return (datetime.now(UTC) - timedelta(**ago)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class InventedLabs:
    """Every lab of the shipped network files with invented figures."""

    registry: Registry = field(default_factory=lambda: load_registry(sorted(NETWORKS.glob("*.yaml"))))
    luck: random.Random = field(default_factory=lambda: random.Random(7))
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    readers: list[asyncio.Queue[str]] = field(default_factory=list)
    silent: bool = False

    def __post_init__(self) -> None:
        for lab in self.registry.labs.values():
            self.rows[lab.id] = self._row(lab)

    def _row(self, lab: Lab) -> dict[str, Any]:
        luck, load = self.luck, lab.cases_per_week
        percent = luck.choice([luck.uniform(55, 79), luck.uniform(78, 84), luck.uniform(82, 97), luck.uniform(84, 97)])
        status = "late" if percent < 72 else "at_risk" if percent < 81 else "on_target"
        stages = {stop.step: int(load * luck.uniform(0.01, 0.3)) for stop in lab.route}
        p50 = luck.uniform(60, 130)
        urgent = {"case": f"{lab.case_prefix}26-000812", "age_h": luck.uniform(20, 130), "priority": "urgent"}
        return {
            "id": lab.id, "name": lab.name, "network": lab.network, "network_name": lab.network_name,
            "wip": sum(stages.values()), "stages": stages,
            "received_today": int(load / 7), "authorised_today": int(load / 8),
            "tat_p50_h": p50, "tat_p90_h": p50 * 1.9,
            "within": [
                {"name": "80 % in 7 days", "percentile": 80, "percent": percent, "n": int(load * 4), "days": 7},
                {"name": "90 % in 10 days", "percentile": 90, "percent": min(99, percent + 11), "n": int(load * 4),
                 "days": 10},
            ],
            "status": status, "overdue_open": int((100 - percent) / 4),
            "oldest_open": {"case": f"{lab.case_prefix}26-000123", "age_h": luck.uniform(120, 500),
                            "priority": "routine"},
            "oldest_urgent": urgent if luck.random() < 0.6 else None,
            "forecast": {"made_at": moment(minutes=luck.uniform(1, 9)), "age_s": 120,
                         "expected_breaches": luck.uniform(0, 9), "at_risk": luck.randrange(0, 12)},
            "freshness": {"last_event_at": moment(seconds=luck.uniform(1, 90)), "age_s": 20},
            "devices": {"online": 30, "error": int(luck.random() < 0.15), "offline": int(luck.random() < 0.2)},
            "trend": {"authorised_per_hour": [luck.randrange(0, 9) for _ in range(24)],
                      "tat_p50_daily": [p50 * luck.uniform(0.7, 1.3) if i % 7 < 6 else None for i in range(14)]},
            "position": 1000, "at": moment(),
        }  # fmt: skip

    def lab(self, lab_id: str) -> dict[str, Any]:
        """Return everything the lab page asks for."""
        lab, row, luck = self.registry.labs[lab_id], self.rows[lab_id], random.Random(lab_id)
        steps = [
            {"step": stop.step, "label": lab.step_label(stop.step), "per": stop.per.value,
             "waiting": luck.randrange(0, 60), "running": luck.randrange(0, 14),
             "oldest_waiting_h": luck.uniform(0.2, 40), "done_today": luck.randrange(0, 120),
             "dwell_p50_h": luck.uniform(0.5, 20)}
            for stop in lab.route
        ]  # fmt: skip
        devices = [
            {"device": device.name, "kind": device.kind, "station": device.station, "state": luck.choice(STATES),
             "since": moment(minutes=luck.uniform(1, 300)), "last_event_at": moment(minutes=luck.uniform(0, 60))}
            for device in lab.devices.values()
        ]  # fmt: skip
        trend = [
            {"day": moment(days=56 - i)[:10], "n": luck.randrange(15, 50), "p50_h": luck.gauss(row["tat_p50_h"], 12),
             "p90_h": luck.gauss(row["tat_p90_h"], 20), "percent_within": luck.uniform(70, 95)}
            for i in range(56) if (datetime.now(UTC) - timedelta(days=56 - i)).weekday() < 5
        ]  # fmt: skip
        at_risk = [
            {"case": f"{lab.case_prefix}26-{i:06d}", "priority": luck.choice(["urgent", "cancer", "routine"]),
             "age_h": luck.uniform(90, 240), "stage": luck.choice([s["step"] for s in steps]),
             "p50": moment(hours=-luck.uniform(2, 40)), "p95": moment(hours=-luck.uniform(50, 120)),
             "breach": {"80 % in 7 days": luck.uniform(0.3, 1), "90 % in 10 days": luck.uniform(0, 0.4)}}
            for i in range(12)
        ]  # fmt: skip
        events = [
            {"type": luck.choice(["histotwin.step.completed", "histotwin.item.scanned", "histotwin.step.started"]),
             "subject": f"{lab.case_prefix}26-000{i:03d}-A-1", "time": moment(seconds=20 * i), "step": "microtomy",
             "station": "microtomy", "operator": "bms-17", "source": f"/{lab.network}/{lab.id}/microtome-3"}
            for i in range(14)
        ]  # fmt: skip
        rejected = [
            {"id": i, "reason": "unreadable_barcode", "raw": raw, "message": f"Read {raw!a}, which is no barcode here.",
             "station": "microtomy", "last_at": moment(minutes=7 * i), "first_at": moment(minutes=9 * i), "times": i + 1}
            for i, raw in enumerate(["<img src=x onerror=\"document.title='hacked'\">", "S26-00012", "]d1QQ"])
        ]  # fmt: skip
        return {
            **row, "steps": steps, "devices": devices, "tat_trend": trend, "at_risk": at_risk, "newest_events": events,
            "rejected": rejected, "device_counts": row["devices"],
            "tat_hours": sorted(luck.lognormvariate(4.6, 0.5) for _ in range(300)),
        }  # fmt: skip

    def item(self, barcode: str) -> dict[str, Any]:
        """Return a block with a family and a history; hostile text included."""
        if "NOPE" in barcode:
            raise HTTPException(404, "There is no such item.")
        slides = [
            {"barcode": f"{barcode}-{i}", "kind": "slide", "status": "in_lab", "step": "staining", "children": [],
             "step_state": "started" if i % 2 else "completed", "stain": "H&E"}
            for i in range(1, 4)
        ]  # fmt: skip
        block = {"barcode": barcode, "kind": "block", "status": "in_lab", "step": "microtomy", "step_state": "completed",
                 "children": slides}  # fmt: skip
        events = [
            {"type": "histotwin.step.completed", "time": moment(hours=h), "received": moment(hours=h), "step": step,
             "station": step, "operator": "bms-17", "raw": "]d1" + barcode, "source": "/bcps/rl4/microtome-3",
             "subject": barcode, "position": 100 - h}
            for h, step in [(1, "microtomy"), (5, "embedding"), (20, "processing"), (27, "cut_up"), (30, "reception")]
        ]  # fmt: skip
        return {
            "item": {"barcode": barcode, "kind": "block", "lab": "rl4", "status": "in_lab", "step": "microtomy",
                     "step_state": "completed", "station": "microtomy", "since": moment(hours=1),
                     "next_step": "staining", "announced": True, "work": []},
            "family": {"barcode": "S26-000123", "kind": "case", "status": "in_lab", "step": "reception",
                       "step_state": "completed", "children": [
                           {"barcode": "S26-000123-A", "kind": "specimen", "status": "in_lab", "step": "cut_up",
                            "step_state": "completed", "children": [block]}]},
            "events": events, "visits": [],
        }  # fmt: skip

    def tell(self, event: str, data: Any) -> None:
        """Send to every reader."""
        if not self.silent:
            for reader in self.readers:
                reader.put_nowait(f"event: {event}\ndata: {json.dumps(data)}\n\n")

    def change(self, lab_id: str, **values: Any) -> None:
        """Change a lab's row and tell it."""
        self.rows[lab_id] |= {**values, "at": moment()}
        self.tell("row", self.rows[lab_id])


def build_api(labs: InventedLabs, *, moving: bool = False) -> FastAPI:
    """Return an API with the read side's paths and shapes."""
    api = FastAPI(openapi_url=None)

    @api.get("/api/v1/labs")
    async def _labs() -> dict[str, Any]:
        return {"labs": list(labs.rows.values())}

    @api.get("/api/v1/labs/{lab_id}")
    async def _lab(lab_id: str) -> dict[str, Any]:
        if lab_id not in labs.rows:
            raise HTTPException(404, "There is no such laboratory.")
        return labs.lab(lab_id)

    @api.get("/api/v1/items/{barcode:path}")
    async def _item(barcode: str) -> dict[str, Any]:
        return labs.item(barcode)

    @api.get("/api/v1/cases/{barcode:path}")
    async def _case(barcode: str) -> dict[str, Any]:
        return labs.item(barcode)

    @api.get("/api/v1/search")
    async def _search(q: str) -> dict[str, Any]:
        if "NOPE" in q:
            return {"results": []}
        return {"results": [{"barcode": f"{q}-{i}", "kind": "slide", "lab": "rl4", "status": "in_lab"} for i in (1, 2)]}

    @api.get("/api/v1/stream")
    async def _stream(topics: str = "board") -> StreamingResponse:
        return StreamingResponse(_read(labs, topics.split(","), moving=moving), media_type="text/event-stream")

    return api


async def _read(labs: InventedLabs, topics: list[str], *, moving: bool) -> AsyncIterator[str]:
    queue: asyncio.Queue[str] = asyncio.Queue()
    labs.readers.append(queue)
    yield f"event: snapshot\ndata: {json.dumps({'labs': list(labs.rows.values())})}\n\n"
    for topic in topics:
        if topic.startswith("lab/") and topic[4:] in labs.rows:
            yield f"event: lab\ndata: {json.dumps(labs.lab(topic[4:]))}\n\n"
    try:
        while True:
            try:
                yield await asyncio.wait_for(queue.get(), timeout=2)
            except TimeoutError:
                if moving:
                    row = labs.luck.choice(list(labs.rows.values()))
                    labs.change(row["id"], authorised_today=row["authorised_today"] + 1,
                                freshness={"last_event_at": moment(), "age_s": 0})  # fmt: skip
                if not labs.silent:
                    yield "event: ping\ndata: {}\n\n"
    finally:
        labs.readers.remove(queue)


def build_server(*, moving: bool = False) -> tuple[FastAPI, InventedLabs]:
    """Return the real pages over the invented read side."""
    from dashboard.app import build_app

    labs = InventedLabs()
    api = build_api(labs, moving=moving)
    build_app(api, labs)
    return api, labs


if __name__ == "__main__":
    import sys

    import uvicorn

    server, _ = build_server(moving=True)
    uvicorn.run(server, host="127.0.0.1", port=int(sys.argv[1]), timeout_graceful_shutdown=1, log_level="warning")
