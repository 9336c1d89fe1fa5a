"""The instruments of a lab as they last spoke: the registry's devices joined with the rows of ``device``.

``online``: heard from and neither in error nor offline (maintenance counts as online); ``error``: says so itself;
``offline``: says so itself, by its last will, or was never heard of. How long a device has been silent is told by when
its events were received, because its own clock may be wrong.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from tracking.queries.words import Answer, moment, seconds_since
from tracking.registry import Device, Lab
from tracking.store.tables import device, source


def device_counts(connection: Connection, lab: Lab) -> dict[str, int]:
    """Return how many of a lab's devices are online, in error and offline."""
    said = _states(connection, lab.id)
    count = {"online": 0, "error": 0, "offline": 0}
    for one in lab.devices.values():
        count[_standing(said.get(one.source))] += 1
    return count


def device_list(connection: Connection, lab: Lab, now_us: int) -> list[Answer]:
    """Return a lab's devices with their state and when they last spoke."""
    said = _states(connection, lab.id)
    return [_entry(one, said.get(one.source), now_us) for one in lab.devices.values()]


def last_received_us(connection: Connection, lab: str) -> int | None:
    """Return when the lab's last event arrived."""
    return connection.execute(select(func.max(device.c.last_received_us)).where(device.c.lab == lab)).scalar()


def _states(connection: Connection, lab: str) -> dict[str, Answer]:
    query = select(source.c.path, device).join(source, source.c.id == device.c.source_id).where(device.c.lab == lab)
    return {row["path"]: dict(row) for row in connection.execute(query).mappings()}


def _standing(row: Answer | None) -> str:
    if row is None or row["state"] == "offline":
        return "offline"
    return "error" if row["state"] == "error" else "online"


def _entry(one: Device, row: Answer | None, now_us: int) -> Answer:
    said = row or {}
    return {
        "source": one.source, "name": one.name, "kind": one.kind, "station": one.station, "step": one.step,
        "standing": _standing(row), "state": said.get("state"), "detail": said.get("detail"),
        "state_at": moment(said.get("state_us")), "last_event_at": moment(said.get("last_us")),
        "last_event_age_s": seconds_since(said.get("last_received_us"), now_us), "events": said.get("events", 0),
    }  # fmt: skip
