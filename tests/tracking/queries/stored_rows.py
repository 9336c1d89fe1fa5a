"""Rows written straight into the tables, for tests of the read side: what projections would have made, by hand."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import event, insert, update

from tracking.clock import DAY_US, HOUR_US, to_rfc3339
from tracking.door import Incoming, Receipt
from tracking.registry import Registry, load_registry
from tracking.store import tables
from tracking.store.database import Database, open_database

NOW_US = 1_795_257_000_000_000  # Saturday 21 November 2026, 10:30 UTC
NETWORKS = Path(__file__).resolve().parents[3] / "data" / "networks"


def shipped_registry(*names: str) -> Registry:
    return load_registry([NETWORKS / f"{name}.yaml" for name in names or ("bcps", "smp")])


@dataclass
class TestClock:
    """Time that stands still until it is moved."""

    __test__ = False
    us: int = NOW_US
    s: float = 1000.0

    def now_us(self) -> int:
        return self.us

    def monotonic_s(self) -> float:
        return self.s

    def pass_s(self, seconds: float) -> None:
        self.us += round(seconds * 1_000_000)
        self.s += seconds


@dataclass
class RecordingDoor:
    """A door that stores nothing: it remembers what came and says that it was accepted."""

    taken: list[Incoming] = field(default_factory=list)
    fate: str = "accepted"
    failure: Exception | None = None

    def take(self, batch: list[Incoming]) -> list[Receipt]:
        if self.failure:
            raise self.failure
        self.taken.extend(batch)
        return [self._receipt(one) for one in batch]

    rehearse = take

    def _receipt(self, one: Incoming) -> Receipt:
        event = json.loads(one.body) if one.before is None else {}
        verdict = "rejected" if self.fate in ("rejected", "conflict") else "accepted"
        known = {"event_id": event.get("id"), "source": event.get("source")}
        return Receipt(self.fate, verdict, "ok", "Stored.", **known)  # type: ignore[arg-type]


class Rows:
    """Writes cases, items, events and forecasts as the projections would."""

    def __init__(self, database: Database, registry: Registry) -> None:
        self.database = database
        self.registry = registry
        self._ids = count(1)
        self._sources: dict[str, int] = {}
        self.position = 0
        self._write(insert(tables.head).values(id=1, position=0, link=bytes(32), rejected=0, sources=bytes(32)))

    def case(self, lab: str, barcode: str, **clocks: Any) -> int:
        case_id = self.item(lab, barcode, "case", step=clocks.pop("step", None), state=clocks.pop("state", None))
        row = {"priority": "routine", "received_us": NOW_US - DAY_US, "steps": "[]", **clocks}
        self._write(insert(tables.case_clock).values(case_id=case_id, lab=lab, barcode=barcode, **row))
        return case_id

    def closed(self, lab: str, barcode: str, hours: float, ended_us: int = NOW_US - HOUR_US, **more: Any) -> int:
        received_us = ended_us - round(hours * HOUR_US)
        return self.case(lab, barcode, received_us=received_us, authorised_us=ended_us, **more)

    def item(self, lab: str, barcode: str, kind: str, *, parent: int | None = None, case: int | None = None,
             step: str | None = None, state: str | None = None, us: int = NOW_US - HOUR_US,
             **more: Any) -> int:  # fmt: skip
        item_id = next(self._ids)
        row = {"announced": True, "status": "active", "images": 0, "last_us": us, "seen_us": us, **more}
        self._write(insert(tables.item).values(
            id=item_id, lab=lab, barcode=barcode, kind=kind, parent_id=parent, step=step,
            case_id=item_id if kind == "case" else case,
            step_state=state, step_us=us if step else None, **row,
        ))  # fmt: skip
        return item_id

    def move(self, item_id: int, step: str, state: str = "done", us: int = NOW_US) -> None:
        self._write(update(tables.item).where(tables.item.c.id == item_id)
                    .values(step=step, step_state=state, step_us=us, last_us=us))  # fmt: skip

    def event(self, lab: str, device: str, kind: str, subject: str, items: tuple[int, ...] = (),
              us: int = NOW_US, **data: Any) -> int:  # fmt: skip
        self.position += 1
        path = self.registry.labs[lab].devices[device].source
        source_id = self._source(path, lab, us)
        body = {"specversion": "1.0", "id": f"e{self.position}", "source": path, "type": f"histotwin.{kind}",
                "subject": subject, "time": to_rfc3339(us), "data": data}  # fmt: skip
        raw = json.dumps(body).encode()
        self._write(insert(tables.event).values(
            position=self.position, source_id=source_id, event_id=body["id"], type=body["type"], time_us=us,
            at_us=us, received_us=us, body=raw, link=hashlib.sha256(raw).digest(),
        ))  # fmt: skip
        for item_id in items:
            self._write(insert(tables.item_event).values(item_id=item_id, position=self.position))
        self._write(update(tables.head).values(position=self.position))
        return self.position

    def visit(self, item_id: int, n: int, lab: str, step: str, ended_us: int, started_us: int | None = None) -> None:
        self._write(insert(tables.visit).values(
            item_id=item_id, n=n, lab=lab, step=step, started_us=started_us, ended_us=ended_us, outcome="done",
        ))  # fmt: skip

    def rejected(self, lab: str | None, body: bytes = b"\xff\xfe", us: int = NOW_US) -> None:
        self._write(insert(tables.rejected).values(
            id=next(self._ids), state="open", link=bytes(32), seal=bytes(32), digest=hashlib.sha256(body).digest(),
            channel="mqtt", lab=lab, kind="event", body=body, reason="not_utf8", message="Not UTF-8.", first_us=us,
            last_us=us, times=1,
        ))  # fmt: skip

    def gap(self, lab: str, device: str) -> None:
        """Let sequences 3 and 4 of a device be missing."""
        source_id = self._source(self.registry.labs[lab].devices[device].source, lab, NOW_US)
        self._write(insert(tables.watermark).values(
            source_id=source_id, boot="b", contiguous=2, highest=5, beyond=f"[[5,5,{NOW_US}]]",
        ))  # fmt: skip

    def correction(self, lab: str, given: str, meant: str) -> None:
        self._write(insert(tables.correction).values(
            lab=lab, field="step", given=given, meant=meant, reason="typed", person="anna", made_us=NOW_US,
        ))  # fmt: skip

    def forecast(self, lab: str, breaches: dict[int, float], made_us: int = NOW_US - HOUR_US) -> None:
        with self.database.writing() as connection:
            made = connection.execute(insert(tables.forecast).values(
                lab=lab, made_us=made_us, state_us=made_us, state_position=self.position, replications=30, seed=1,
                cpu_s=0.5, busiest="cut_up", resources='[{"resource": "cut_up", "gain_h": 3.5}]', targets="[]",
            ))  # fmt: skip
            forecast_id = made.inserted_primary_key[0]
            for case_id, breach in breaches.items():
                connection.execute(insert(tables.forecast_case).values(
                    forecast_id=forecast_id, case_id=case_id, p50_us=NOW_US + DAY_US, p80_us=NOW_US + 2 * DAY_US,
                    p95_us=NOW_US + 3 * DAY_US, breach=json.dumps({"80 % in 7 days": breach}),
                ))  # fmt: skip

    def _source(self, path: str, lab: str, us: int) -> int:
        if path not in self._sources:
            self._sources[path] = len(self._sources) + 1
            self._write(insert(tables.source).values(id=self._sources[path], path=path, lab=lab))
            self._write(insert(tables.device).values(source_id=self._sources[path], lab=lab, events=0))
        self._write(update(tables.device).where(tables.device.c.source_id == self._sources[path])
                    .values(last_us=us, last_received_us=us, events=tables.device.c.events + 1))  # fmt: skip
        return self._sources[path]

    def _write(self, statement: Any) -> None:
        with self.database.writing() as connection:
            connection.execute(statement)


def fresh_database(folder: Path) -> Database:
    database = open_database(f"sqlite:///{folder / 'test.db'}")
    event.listen(database.engine, "connect", lambda plain, _: plain.execute("PRAGMA synchronous=OFF"))
    tables.metadata.create_all(database.engine)
    return database
