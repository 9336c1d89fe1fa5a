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
HOSTILE = "<img src=x onerror=\"document.title='hacked'\">"
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
            "closed_7d": int(load), "synthetic": True,
            "status": status, "overdue_open": int((100 - percent) / 4),
            "oldest_open": {"case": f"{lab.case_prefix}26-000123", "age_h": luck.uniform(120, 500),
                            "priority": "routine"},
            "oldest_urgent": urgent if luck.random() < 0.6 else None,
            "forecast": {"made_at": moment(minutes=luck.uniform(1, 9)), "age_s": 120,
                         "expected_breaches": luck.uniform(0, 9), "at_risk": luck.randrange(0, 12)},
            "freshness": {"last_event_at": moment(seconds=luck.uniform(1, 90)), "age_s": 20},
            "devices": {"online": 30, "error": int(luck.random() < 0.15), "offline": int(luck.random() < 0.2)},
            "trend": {"authorised_hourly": [luck.randrange(0, 9) for _ in range(24)],
                      "tat_p50_daily": [p50 * luck.uniform(0.7, 1.3) if i % 7 < 6 else None for i in range(14)]},
            "position": 1000, "at": moment(),
        }  # fmt: skip

    def lab(self, lab_id: str) -> dict[str, Any]:
        """Return everything the lab page asks for."""
        lab, row, luck = self.registry.labs[lab_id], self.rows[lab_id], random.Random(lab_id)
        took = [luck.lognormvariate(4.7, 0.45) for _ in range(300)]
        return {
            **row, "timezone": lab.timezone,
            "targets": [{"name": t.name, "percentile": t.percentile, "days": t.days} for t in lab.targets],
            "steps": [self._step(lab, stop, luck) for stop in lab.route],
            "device_list": [self._device(device, luck) for device in lab.devices.values()],
            "tat_trend": [self._day(back, row, luck) for back in range(55, -1, -1)],
            "tat_distribution": {"days": 28, "bin_h": 12, "n": 300, "definition": "",
                                 "counts": [sum(12 * i <= hours < 12 * i + 12 for hours in took) for i in range(40)]},
            "at_risk": [self._risk(lab, i, luck) for i in range(8)],
            "events": [self._event(lab, i, luck) for i in range(14)],
            "rejected": [
                {"id": i, "reason": "unreadable_barcode", "text": raw, "channel": "mqtt", "times": i + 1,
                 "message": f"Read {raw!a}, which is no barcode of this laboratory. Scan it again.",
                 "origin": f"/{lab.network}/{lab.id}/reader-1", "last_at": moment(minutes=7 * i)}
                for i, raw in enumerate([HOSTILE, "S26-00012", "]d1QQ"])
            ],
        }  # fmt: skip

    @staticmethod
    def _step(lab: Lab, stop: Any, luck: random.Random) -> dict[str, Any]:
        return {
            "step": stop.step, "label": lab.step_label(stop.step), "per": stop.per.value,
            "allowance_h": stop.allowance_h, "waiting": luck.randrange(0, 60), "running": luck.randrange(0, 14),
            "oldest_waiting_h": luck.uniform(0.2, 26), "done_today": luck.randrange(0, 120),
            "dwell_median_h": luck.uniform(0.5, 20),
        }  # fmt: skip

    @staticmethod
    def _device(device: Any, luck: random.Random) -> dict[str, Any]:
        return {
            "source": device.source, "name": device.name, "kind": device.kind, "station": device.station,
            "step": device.step, "state": luck.choice(STATES), "detail": None,
            "state_at": moment(minutes=luck.uniform(1, 300)), "last_event_at": moment(minutes=luck.uniform(0, 60)),
        }  # fmt: skip

    @staticmethod
    def _day(back: int, row: dict[str, Any], luck: random.Random) -> dict[str, Any]:
        day, is_open = datetime.now(UTC) - timedelta(days=back), luck.random() < 0.8
        return {"day": day.date().isoformat(), "n": luck.randrange(15, 50) if is_open else 0,
                "p50_h": luck.gauss(row["tat_p50_h"], 12) if is_open else None,
                "p90_h": luck.gauss(row["tat_p90_h"], 20) if is_open else None, "within": [80.0, 90.0]}  # fmt: skip

    @staticmethod
    def _risk(lab: Lab, i: int, luck: random.Random) -> dict[str, Any]:
        return {"case": f"{lab.case_prefix}26-{i:06d}", "priority": luck.choice(["urgent", "cancer", "routine"]),
                "age_h": luck.uniform(90, 240), "stage": luck.choice(lab.route).step, "due": moment(hours=6 - 5 * i),
                "is_overdue": i > 1, "breach_probability": 1 - i / 9}  # fmt: skip

    @staticmethod
    def _event(lab: Lab, i: int, luck: random.Random) -> dict[str, Any]:
        return {"position": 1000 - i, "type": luck.choice(["histotwin.step.completed", "histotwin.step.started"]),
                "subject": f"{lab.case_prefix}26-000{i:03d}-A-1", "time": moment(seconds=20 * i), "step": "microtomy",
                "station": "microtomy", "operator": "bms-17", "source": f"/{lab.network}/{lab.id}/microtome-3",
                "received": moment(seconds=20 * i), "data": {}}  # fmt: skip

    def item(self, barcode: str) -> dict[str, Any]:
        """Return a block with a family and a history; hostile text included."""
        if "NOPE" in barcode:
            raise HTTPException(404, "There is no such item.")
        steps = [("microtomy", 1), ("embedding", 5), ("processing", 20), ("cut_up", 27), ("reception", 30)]
        return {
            **self._part(barcode, "block", "S26-000123-A", "microtomy"), "aliases": [], "open_work": [],
            "case": "S26-000123", "family": self._family(barcode),
            "events": [
                {"type": "histotwin.step.completed", "time": moment(hours=hours), "received": moment(hours=hours),
                 "step": step, "station": step, "operator": "bms-17", "source": "/bcps/rl4/microtome-3",
                 "subject": barcode, "position": 100 - hours, "data": {"raw": "]d1" + barcode, "symbology": "qr"}}
                for step, hours in reversed(steps)
            ],
        }  # fmt: skip

    def case(self, barcode: str) -> dict[str, Any]:
        """Return an open case."""
        block = self.item(f"{barcode}-A-1")
        return {
            "case": barcode, "lab": "rl4", "lab_name": "The Royal Wolverhampton Trust", "is_open": True,
            "stage": "staining", "priority": "urgent", "specialty": "breast", "specimen_type": "core",
            "clocks": {"received_at": moment(hours=99)}, "age_h": 99.0, "tat_h": None, "due": moment(hours=-60),
            "completeness": {"by_kind": {"block": {"finished": 1, "total": 2}}, "percent": 50.0}, "targets": [],
            "forecast": {"p50": moment(hours=-30), "p95": moment(hours=-70), "breach_probability": 0.31,
                         "made_at": moment(minutes=4)},
            "items": block["family"], "open_work": [], "events": block["events"],
        }  # fmt: skip

    @staticmethod
    def _part(barcode: str, kind: str, parent: str | None, step: str) -> dict[str, Any]:
        return {"barcode": barcode, "kind": kind, "lab": "rl4", "status": "active", "announced": True, "step": step,
                "step_label": step.replace("_", " ").capitalize(), "step_state": "done", "since": moment(hours=1),
                "station": step, "seen_at": moment(hours=1), "next_step": "staining", "parent": parent,
                "stain": "H&E" if kind == "slide" else None, "images": 0, "run": None}  # fmt: skip

    def _family(self, barcode: str) -> list[dict[str, Any]]:
        return [
            self._part("S26-000123", "case", None, "reception"),
            self._part("S26-000123-A", "specimen", "S26-000123", "cut_up"),
            self._part(barcode, "block", "S26-000123-A", "microtomy"),
            *(self._part(f"{barcode}-{i}", "slide", barcode, "staining") for i in (1, 2, 3)),
        ]

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
        return labs.case(barcode)

    @api.get("/api/v1/forecast")
    async def _forecast(lab: str) -> dict[str, Any]:
        cases = [{"case": f"{labs.registry.labs[lab].case_prefix}26-{i:06d}", "p50": moment(hours=-9 * i),
                  "p95": moment(hours=-20 * i)} for i in range(8)]  # fmt: skip
        busy = [{"resource": name, "utilisation": used, "low": used - 0.05, "high": used + 0.05}
                for name, used in [("pathologists", 0.93), ("stainer", 0.8), ("microtomy", 0.4)]]  # fmt: skip
        return {"lab": lab, "cases": cases, "bottlenecks": busy}

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
