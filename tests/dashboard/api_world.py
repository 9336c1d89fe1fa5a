"""An API over a small stored world, asked without a network: who asks is chosen by a token."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from fastapi.testclient import TestClient

from dashboard.server import GuardedApi, build_api, wire
from tests.tracking.queries.stored_rows import RecordingDoor, Rows, TestClock, fresh_database, shipped_registry
from tracking.access import Access, Role
from tracking.access.passwords import Passwords
from tracking.clock import Clock

LOOPBACK = ("127.0.0.1", 50_000)
FAR = ("10.9.8.7", 50_000)


@dataclass
class ApiWorld:
    api: GuardedApi
    door: RecordingDoor
    rows: Rows
    clock: Clock
    access: Access

    def token(self, role: Role, labs: list[str] | None = None) -> str:
        label = f"{role}-{'-'.join(labs or ['all'])}"
        return self.access.add_token(label, [role], labs).secret

    def client(
        self, token: str | None = None, *, client: tuple[str, int] = FAR, host: str = "lab.example"
    ) -> TestClient:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return TestClient(self.api, f"http://{host}", client=client, headers=headers, follow_redirects=False,
                          raise_server_exceptions=False)  # fmt: skip

    def get(self, path: str, token: str | None = None) -> httpx.Response:
        return self.client(token).get(path)


@contextmanager
def api_world(folder: Path, *, is_demo: bool = False, clock: Clock | None = None) -> Iterator[ApiWorld]:
    database, registry, door = fresh_database(folder), shipped_registry(), RecordingDoor()
    clock = clock or TestClock()
    access = Access(database, clock, Passwords(memory_kib=64, rounds=1))
    api = build_api(wire(database, registry, clock, door, is_demo=is_demo, access=access))
    rows = Rows(database, registry)
    _two_labs(rows)
    yield ApiWorld(api, door, rows, clock, access)
    database.close()


def _two_labs(rows: Rows) -> None:
    for lab, prefix in (("rl4", "S26"), ("rna", "DG26")):
        case = rows.case(lab, f"{prefix}-000001", step="reception", state="done")
        specimen = rows.item(lab, f"{prefix}-000001-A", "specimen", parent=case, case=case)
        rows.event(lab, "reception-1", "step.completed", f"{prefix}-000001", (case, specimen), step="reception")
        rows.rejected(lab, f"bad {lab}".encode())
        rows.gap(lab, "reader-1")
        rows.correction(lab, "sectioning", "microtomy")
        rows.forecast(lab, {case: 0.5})
