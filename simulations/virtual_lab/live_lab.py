"""One virtual laboratory against the clock: its twin does what is due, its gateway publishes it over real MQTT."""

from __future__ import annotations

from typing import Any

from simpy import Environment

from devices.connectors.gateway import ONLINE, Gateway, GatewaySettings
from devices.outbox import Outbox
from devices.session import BrokerAddress
from simulations.virtual_lab.mischief import Mischief
from simulations.virtual_lab.narrator import NEVER_SCANNED, Narrator, machine_steps
from tracking.clock import Clock, to_rfc3339
from tracking.registry import Lab
from twin.engine.agenda import run_until
from twin.lab import Lab as LabModelFile
from twin.model import LabModel
from twin.snapshot import LabState, places_of
from twin.variates import Streams

GATEWAY = "gateway-1"
MOST_AT_ONCE = 500
"""Events in one append to the outbox."""
HEARTBEAT_EVERY_S = 60.0
"""A gateway says that it lives, so that a quiet night can be told from a broken wire."""


class LiveLab:
    """A laboratory that works on from a state, as fast as its clock says."""

    def __init__(
        self,
        lab: Lab,
        model: LabModelFile,
        state: LabState,
        first_case_number: int,
        seed: int,
        outbox: Outbox,
        broker: BrokerAddress,
        clock: Clock,
    ) -> None:
        self._lab = lab
        self._told: list[tuple[str, dict[str, Any]]] = []
        streams = Streams(seed, lab.id, replication=state.at_us // 1_000_000)
        self._mischief = Mischief(streams.generator("mischief", "scans"))
        self._env = Environment(state.at_us)
        narrator = Narrator(lab, machine_steps(model), streams.generator("narrator", "details"), self._tell)
        self._at_work = {
            narrator.source(place.step, place.unit or 0).rpartition("/")[2]
            for place in places_of(state)
            if place.started_us is not None and place.step not in NEVER_SCANNED
        }
        LabModel(
            model.model_copy(update={"accession_prefix": lab.case_prefix}), self._env, streams, narrator,
            initial=state, cases_per_week=lab.cases_per_week, first_case_number=first_case_number,
        )  # fmt: skip
        self._outbox = outbox
        self._clock = clock
        self._heartbeat_s = clock.monotonic_s()
        self._gateway = Gateway(GatewaySettings(lab.network, lab.id, GATEWAY, broker), self._outbox, clock)
        self._reader = next((device.name for device in lab.devices.values() if device.kind == "reader"), None)

    def start(self) -> None:
        """Connect, and say of every device that it is there, or that it is at work."""
        self._gateway.start()
        for name in self._lab.devices:
            if name not in {GATEWAY, *self._at_work}:
                self._gateway.set_state(name, ONLINE)
        for name in self._at_work:
            self._told.append((name, _device_state("running", int(self._env.now))))

    def work_until(self, now_us: int) -> None:
        """Do all that is due by a moment (µs UTC) and publish it; raises ``OutboxFull`` when the disk is."""
        if now_us <= self._env.now:
            return
        run_until(self._env, now_us)
        self._tell_heartbeat(now_us)
        told, self._told = self._told, []
        for start in range(0, len(told), MOST_AT_ONCE):
            self._publish(told[start : start + MOST_AT_ONCE])

    def stop(self) -> None:
        """Say goodbye; what the store has not acknowledged stays in the outbox."""
        self._gateway.close(patience_s=1.0)
        self._outbox.close()

    def _tell(self, source: str, _at_us: int, envelope: dict[str, Any]) -> None:
        self._told.append((source.rpartition("/")[2], envelope))

    def _tell_heartbeat(self, now_us: int) -> None:
        if self._clock.monotonic_s() < self._heartbeat_s:
            return
        self._heartbeat_s = self._clock.monotonic_s() + HEARTBEAT_EVERY_S
        self._told.append((GATEWAY, _device_state("idle", now_us, "heartbeat")))

    def _publish(self, events: list[tuple[str, dict[str, Any]]]) -> None:
        entries = self._gateway.publish(events)
        for entry in self._mischief.sent_twice(entries):
            self._gateway.repeat(entry)
        for _, envelope in events:
            self._scan(envelope)

    def _scan(self, envelope: dict[str, Any]) -> None:
        """Once booked in, every request is also read by a plain reader, which now and then misreads."""
        is_booking_in = envelope["type"] == "histotwin.step.completed" and envelope["data"]["step"] == "reception"
        if self._reader and is_booking_in:
            self._gateway.scan(self._reader, self._mischief.read(envelope["subject"]))


def _device_state(state: str, at_us: int, detail: str | None = None) -> dict[str, Any]:
    data = {"state": state} | ({"detail": detail} if detail else {})
    return {"specversion": "1.0", "type": "histotwin.device.state", "time": to_rfc3339(at_us), "data": data}
