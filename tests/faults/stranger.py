"""Somebody without an outbox who publishes poison and forgeries, again and again until the rejected list has each.

That is what "at least once" asks of a sender who hears no acknowledgement. Runs on its own thread, because the
database it looks into may hang.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.faults.databases import Database, Reader, Unreadable
from tests.faults.instruments import MARK
from tests.faults.poison import Dose, forged

_LOOK_EVERY_S = 0.05
_PUBLISH_EVERY_S = 2.0
_PATIENCE_S = 3.0
_HEAD = "SELECT position FROM head"
_LATEST = (
    "SELECT s.path, e.event_id, e.body FROM event e JOIN source s ON s.id = e.source_id"
    " WHERE e.type = 'histotwin.step.completed' ORDER BY e.position DESC LIMIT 40"
)
_KEPT = "SELECT count(*) FROM rejected WHERE channel = ? AND body = ?"


def publish(port: int, doses: Sequence[Dose]) -> None:
    """Publish with QoS 1 and wait for the broker. Raises ``OSError`` when it does not take all of it in time."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        for told in [client.publish(dose.topic, dose.body, qos=1, retain=dose.is_retained) for dose in doses]:
            told.wait_for_publish(_PATIENCE_S)
            if not told.is_published():
                raise ConnectionError("the broker says nothing")
    except (RuntimeError, ValueError) as error:
        raise ConnectionError("the broker went away") from error
    finally:
        client.disconnect()
        client.loop_stop()


class Stranger:
    """Owes doses until they are kept. Notes besides when it saw that the log had grown, in monotonic seconds."""

    def __init__(self, port: int, database: Database) -> None:
        self.sent: list[Dose] = []
        self.forgeries = 0
        self.grown_s: list[float] = []
        self._position = 0
        self._port, self._reader = port, Reader(database)
        self._owed: list[Dose] = []
        self._once: list[Dose] = []
        self._wanted_forgeries = 0
        self._forged: set[tuple[str, str]] = set()
        self._again_at = 0.0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stranger", daemon=True)

    def start(self) -> None:
        """Begin to look and to publish."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join(10)
        self._reader.close()

    def owe(self, doses: Sequence[Dose]) -> None:
        """Have these published."""
        with self._lock:
            self._owed.extend(doses)
            self.sent.extend(doses)
            self._again_at = 0.0

    def say_again(self, dose: Dose) -> None:
        """Have one that is kept already published once more, if the broker can be reached."""
        with self._lock:
            self._once.append(dose)

    def forge(self) -> None:
        """Have an event that is already stored published with other content under its identity."""
        with self._lock:
            self._wanted_forgeries += 1

    @property
    def owes_nothing(self) -> bool:
        """Say whether all is in the rejected list."""
        with self._lock:
            return not self._owed and not self._wanted_forgeries

    def _run(self) -> None:
        while not self._stopping.wait(_LOOK_EVERY_S):
            try:
                self._turn()
            except (Unreadable, OSError):
                self._stopping.wait(_LOOK_EVERY_S)

    def _turn(self) -> None:
        self._note_growth()
        if self._wanted_forgeries:
            self._forge_one()
        if self._once:
            with self._lock:
                once, self._once = self._once, []
            publish(self._port, once)
        if self._owed and time.monotonic() >= self._again_at:
            self._pay()

    def _note_growth(self) -> None:
        rows = self._reader.rows(_HEAD)
        position = int(rows[0][0]) if rows else 0
        if position > self._position:
            self._position = position
            self.grown_s.append(time.monotonic())

    def _forge_one(self) -> None:
        for source, event_id, body in self._reader.rows(_LATEST):
            if (source, event_id) not in self._forged:
                self._forged.add((source, event_id))
                self.owe([Dose("forgery", f"histotwin{source}/event", forged(bytes(body), MARK, -1))])
                with self._lock:
                    self._wanted_forgeries -= 1
                self.forgeries += 1
                return

    def _pay(self) -> None:
        with self._lock:
            owed = list(self._owed)
        open_still = [dose for dose in owed if self._reader.rows(_KEPT, (dose.topic, dose.body)) == [(0,)]]
        with self._lock:
            self._owed = [dose for dose in self._owed if dose in open_still or dose not in owed]
        self._again_at = time.monotonic() + _PUBLISH_EVERY_S
        publish(self._port, open_still)
