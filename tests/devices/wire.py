"""A device on the wire, and what it says: a plain client for tests of the other end."""

from __future__ import annotations

import json
import threading

import paho.mqtt.client as mqtt

EVENT = "histotwin/bcps/rl4/microtome-3/event"


class Device:
    """A device on the wire: speaks, and remembers what it was told."""

    def __init__(self, port: int, network: str = "bcps") -> None:
        self.told: list[tuple[str, dict[str, object]]] = []
        self.paho = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self.paho.max_queued_messages_set(0)
        self.paho.on_message = lambda _c, _u, m: self.told.append((m.topic.split("/")[-1], json.loads(m.payload)))
        ready = threading.Event()
        self.paho.on_subscribe = lambda *_: ready.set()
        self.paho.connect("127.0.0.1", port)
        self.paho.loop_start()
        self.paho.subscribe([(f"histotwin/{network}/+/+/ack", 1), (f"histotwin/{network}/+/+/reply", 1)])
        assert ready.wait(5)

    def say(self, topic: str, body: bytes | str, **more: object) -> None:
        self.paho.publish(topic, body, qos=1, **more).wait_for_publish(10)  # type: ignore[arg-type]

    def of(self, kind: str) -> list[dict[str, object]]:
        return [said for told, said in self.told if told == kind]

    def leave(self) -> None:
        self.paho.disconnect()
        self.paho.loop_stop()


def event(number: int, boot: str | None = None, **more: object) -> str:
    document = {
        "specversion": "1.0",
        "id": f"e-{number}",
        "source": "/bcps/rl4/microtome-3",
        "type": "histotwin.step.completed",
        **more,
    }
    return json.dumps({**document, "boot": boot, "sequence": str(number)} if boot else document)
