"""One MQTT 5 session on one thread of ours: connects, reconnects with back-off, reads, writes, wakes up when asked.

paho's own threaded loop dies silently on an exception and lets acknowledgements race a reconnect; here every call to
paho happens on this thread. What the messages mean may not go in here.
"""

from __future__ import annotations

import logging
import os
import random
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from devices.patient_client import PatientClient

log = logging.getLogger(__name__)

WEEK_S = 7 * 24 * 3600
LARGEST_PACKET = 1024 * 1024
_MISC_EVERY_S = 2.0
_READ_AT_MOST = 256
_FULL_PAUSE_S = 0.02
_CONNECT_TIMEOUT_S = 3.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 4.0  # a part is back within five seconds of its broker
_EXIT_DEAD_THREAD = 70


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is, and how to sign in there. ``ca_file`` vouches for the broker; without it there is no TLS."""

    host: str = "127.0.0.1"
    port: int = 1883
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class Retained:
    """A retained message: what is true of its topic until somebody says otherwise."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """Who we are to the broker. ``client_id`` is fixed: the broker keeps our session under it for ``expiry_s``."""

    address: BrokerAddress
    client_id: str
    will: Retained | None = None
    manual_ack: bool = False
    receive_maximum: int = 500
    expiry_s: int = WEEK_S
    keepalive_s: int = 15


class SessionHandler(Protocol):
    """What a session tells its owner, always on the session's thread."""

    def connected(self, session_present: bool) -> None:
        """Hear that the broker has taken us, and whether it still knew us."""

    def disconnected(self) -> None:
        """Hear that the connection is gone."""

    def received(self, message: mqtt.MQTTMessage) -> None:
        """Take a message."""

    def delivered(self, mid: int, accepted: bool) -> None:
        """Hear that the broker has answered a publication."""

    def wants_more(self) -> bool:
        """Say whether more messages can be taken now."""

    def tick(self) -> float | None:
        """Do what is due; return the seconds until more is, ``None`` when nothing is."""


def end_process(error: BaseException) -> None:
    """End the whole process: a dead thread in a process that looks healthy loses data unseen."""
    log.critical("a wire's thread has died: %s", error, exc_info=error)
    logging.shutdown()
    os._exit(_EXIT_DEAD_THREAD)


class Session:
    """A persistent MQTT 5 session. Any thread may call ``call_soon`` and ``stop``, only its own the rest."""

    def __init__(
        self,
        settings: SessionSettings,
        handler: SessionHandler,
        *,
        luck: random.Random | None = None,
        on_fatal: Callable[[BaseException], None] = end_process,
    ) -> None:
        self._settings = settings
        self._handler = handler
        self._luck = luck or random.Random()  # noqa: S311  # jitter, no secret
        self._on_fatal = on_fatal
        self._jobs: deque[Callable[[], None]] = deque()
        self._is_stopping = False
        self._is_connected = False
        self._pause_s = 0.0
        self._misc_at = 0.0
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake_out = socket.socketpair()
        self._is_awake = False
        self._watches_writes = False
        self._client = self._new_client()
        self._thread = threading.Thread(target=self._run, name=f"mqtt-{settings.client_id}", daemon=True)

    @property
    def is_connected(self) -> bool:
        """Say whether the broker has taken us."""
        return self._is_connected

    @property
    def is_alive(self) -> bool:
        """Say whether the session's thread lives."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start connecting; returns at once."""
        self._thread.start()

    def stop(self, patience_s: float = 5.0) -> None:
        """Disconnect in order (no last will is spoken) and end the thread."""
        self._is_stopping = True
        self._wake()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(patience_s)

    def call_soon(self, job: Callable[[], None]) -> None:
        """Have ``job`` run on the session's thread."""
        self._jobs.append(job)
        self._wake()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        """Publish with QoS 1 and return the message's number, which ``delivered`` will name."""
        return self._client.publish(topic, payload, qos=1, retain=retain).mid

    def subscribe(self, filters: Sequence[str], *, also_own: bool = False) -> None:
        """Subscribe with QoS 1; retained messages only where the subscription is new; to our own words if asked."""
        options = SubscribeOptions(qos=1, noLocal=not also_own, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
        self._client.subscribe([(name, options) for name in filters])

    def flush(self) -> None:
        """Write what is queued as far as the connection takes it now."""
        self._flush()

    def acknowledge(self, mids: Sequence[int]) -> None:
        """Send the PUBACKs of messages received on the present connection, in the order of their arrival."""
        for mid in mids:
            self._client.ack(mid, 1)

    def _new_client(self) -> mqtt.Client:
        settings, address = self._settings, self._settings.address
        client = PatientClient(
            CallbackAPIVersion.VERSION2, settings.client_id, protocol=mqtt.MQTTv5, manual_ack=settings.manual_ack
        )
        client.connect_timeout = _CONNECT_TIMEOUT_S
        if address.username is not None:
            client.username_pw_set(address.username, address.password)
        if address.ca_file is not None:
            client.tls_set(address.ca_file)
        if settings.will is not None:
            client.will_set(settings.will.topic, settings.will.payload, qos=1, retain=True)
        client.connect_async(
            address.host, address.port, settings.keepalive_s, clean_start=False, properties=self._connect_properties()
        )
        self._hang_callbacks(client)
        return client

    def _connect_properties(self) -> Properties:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = self._settings.expiry_s
        properties.ReceiveMaximum = self._settings.receive_maximum
        properties.MaximumPacketSize = LARGEST_PACKET
        return properties

    def _hang_callbacks(self, client: mqtt.Client) -> None:
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = lambda *_: None  # having one keeps paho from writing before our turn's end

    def _run(self) -> None:
        self._selector.register(self._wake_in, selectors.EVENT_READ)
        try:
            while not self._is_stopping:
                self._turn()
            self._leave()
        except BaseException as error:  # whatever it is, it may not pass unseen
            self._on_fatal(error)
        finally:
            self._selector.close()
            self._wake_in.close()
            self._wake_out.close()

    def _turn(self) -> None:
        if self._client.socket() is None:
            self._connect()
        wait_s = self._handler.tick()
        self._flush()
        self._wait_and_read(_MISC_EVERY_S if wait_s is None else max(0.0, min(wait_s, _MISC_EVERY_S)))
        self._run_jobs()
        self._keep_alive()

    def _connect(self) -> None:
        if self._pause_s:
            self._wait_on_wake(self._pause_s * self._luck.uniform(0.5, 1.0))
        self._pause_s = min(_LONGEST_PAUSE_S, max(_FIRST_PAUSE_S, self._pause_s * 2))
        if self._is_stopping:
            return
        try:
            self._client.reconnect()
        except OSError as error:
            log.warning("%s cannot reach the broker: %s", self._settings.client_id, error)

    def _wait_on_wake(self, pause_s: float) -> None:
        until = time.monotonic() + pause_s
        while not self._is_stopping and (left := until - time.monotonic()) > 0:
            self._wait_and_read(left)
            self._run_jobs()

    def _wait_and_read(self, timeout_s: float) -> None:
        if not self._handler.wants_more():
            time.sleep(min(timeout_s, _FULL_PAUSE_S))
            return
        if self._pending():
            self._read()
            timeout_s = 0.0
        for key, events in self._selector.select(timeout_s):
            if key.fileobj is self._wake_in:
                self._wake_in.recv(4096)
                self._is_awake = False  # only now: a byte sent before would be swallowed, and no other follow it
            elif events & selectors.EVENT_READ:
                self._read()

    def _read(self) -> None:
        for _ in range(_READ_AT_MOST):
            self._client.loop_read()
            if not self._pending():
                return

    def _pending(self) -> int:
        sock: Any = self._client.socket()
        return 0 if sock is None else int(sock.pending())

    def _flush(self) -> None:
        if self._client.want_write():
            self._client.loop_write()
        sock: Any = self._client.socket()
        if sock is None:
            return
        try:
            sock.flush()
        except OSError:
            self._client.loop_read()  # finds the connection gone, and says so
        else:
            self._watch_writes(sock, sock.has_unsent or self._client.want_write())

    def _run_jobs(self) -> None:
        for _ in range(len(self._jobs)):
            self._jobs.popleft()()

    def _keep_alive(self) -> None:
        now = time.monotonic()
        if now >= self._misc_at:
            self._misc_at = now + _MISC_EVERY_S
            self._client.loop_misc()

    def _leave(self) -> None:
        self._run_jobs()
        if self._is_connected:
            self._client.disconnect()
        until = time.monotonic() + 1.0
        while self._client.socket() is not None and self._client.want_write() and time.monotonic() < until:
            self._flush()

    def _wake(self) -> None:
        if self._is_awake:
            return
        self._is_awake = True
        try:
            self._wake_out.send(b"!")
        except OSError:
            log.debug("%s has already ended", self._settings.client_id)

    def _on_connect(
        self, _c: mqtt.Client, _u: Any, flags: mqtt.ConnectFlags, reason: ReasonCode, _p: Properties | None
    ) -> None:
        if reason.is_failure:
            log.error("the broker refuses %s: %s", self._settings.client_id, reason)
            return
        self._is_connected, self._pause_s = True, 0.0
        self._handler.connected(flags.session_present)

    def _on_disconnect(
        self, _c: mqtt.Client, _u: Any, _f: mqtt.DisconnectFlags, reason: ReasonCode, _p: Properties | None
    ) -> None:
        if self._is_connected:
            self._is_connected = False
            log.info("%s is disconnected: %s", self._settings.client_id, reason)
            self._handler.disconnected()

    def _on_message(self, _c: mqtt.Client, _u: Any, message: mqtt.MQTTMessage) -> None:
        self._handler.received(message)

    def _on_publish(self, _c: mqtt.Client, _u: Any, mid: int, reason: ReasonCode, _p: Properties | None) -> None:
        self._handler.delivered(mid, not reason.is_failure)

    def _on_socket_open(self, _c: mqtt.Client, _u: Any, sock: Any) -> None:
        self._watches_writes = False
        self._selector.register(sock, selectors.EVENT_READ)

    def _on_socket_close(self, _c: mqtt.Client, _u: Any, sock: Any) -> None:
        try:
            self._selector.unregister(sock)
        except (KeyError, ValueError):
            log.debug("the socket was not watched")

    def _watch_writes(self, sock: Any, wanted: bool) -> None:
        if wanted != self._watches_writes:
            self._watches_writes = wanted
            self._selector.modify(sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if wanted else 0))
