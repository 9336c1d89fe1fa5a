"""Telling a running Mosquitto who may do what: its dynamic-security plugin, over MQTT and at once.

Says nothing of which rights those are. A credential that is taken away or changed ends its sessions in that moment.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import orjson
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from dashboard.operations.broker_rights import Role
from devices.session import BrokerAddress
from tracking.clock import Clock
from tracking.errors import HistotwinError

ASKING = "$CONTROL/dynamic-security/v1"
ANSWERS = f"{ASKING}/response"
PATIENCE_S = 10.0
_TURN_S = 0.1
_ALL = {"count": -1, "offset": 0}


class BrokerControlFailed(HistotwinError):
    """The broker cannot be reached, does not let us in, or does not do what it was asked."""


class BrokerControl:
    """A short conversation with the broker's plugin; to be used in ``with``. Raises ``BrokerControlFailed``."""

    def __init__(self, address: BrokerAddress, clock: Clock) -> None:
        self._address, self._clock = address, clock
        self._refused = ""
        self._is_ready = False
        self._answers: list[dict[str, Any]] = []

    def __enter__(self) -> BrokerControl:
        """Connect, and listen for answers."""
        self._client = self._new_client()
        try:
            self._client.connect(self._address.host, self._address.port, keepalive=30)
        except (OSError, ValueError) as error:
            raise BrokerControlFailed(f"The broker at {self._place} cannot be reached: {error}.") from None
        try:
            self._wait(lambda: self._is_ready, "let us ask")
        except BrokerControlFailed:
            self._client.disconnect()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _t: TracebackType | None) -> None:
        self._client.disconnect()

    def usernames(self) -> dict[str, str]:
        """Return every name that can sign in, and the note kept with it."""
        told = self._ask({"command": "listClients", "verbose": True, **_ALL})
        return {client["username"]: client.get("textdescription", "") for client in told["data"]["clients"]}

    def roles_of(self, username: str) -> list[str]:
        """Return the names of a client's roles."""
        client = self._ask({"command": "getClient", "username": username})["data"]["client"]
        return [role["rolename"] for role in client.get("roles", [])]

    def set_role(self, role: Role) -> None:
        """Give a role exactly these rights; it is made if there is none."""
        known = self._ask({"command": "listRoles", "verbose": False, **_ALL})["data"]["roles"]
        command = "modifyRole" if role.name in known else "createRole"
        self._ask({"command": command, **role.as_document()})

    def add(self, username: str, password: str, role: Role) -> None:
        """Let somebody in who was not known."""
        self.set_role(role)
        self._ask({
            "command": "createClient", "username": username, "password": password,
            "textdescription": fingerprint(password), "roles": [{"rolename": role.name}],
        })  # fmt: skip

    def renew(self, username: str, password: str) -> None:
        """Give a known one another password; whoever is connected with the old one is put out."""
        self._ask({"command": "setClientPassword", "username": username, "password": password})
        self._ask({"command": "modifyClient", "username": username, "textdescription": fingerprint(password)})

    def remove(self, username: str) -> None:
        """Put somebody out and forget them, with the roles that were theirs alone."""
        roles = self.roles_of(username)
        self._ask({"command": "deleteClient", "username": username})
        for name in roles:
            self._ask({"command": "deleteRole", "rolename": name})

    def _ask(self, command: Mapping[str, Any]) -> dict[str, Any]:
        mark = secrets.token_hex(8)
        document = {"commands": [{**command, "correlationData": mark}]}
        self._client.publish(ASKING, orjson.dumps(document), qos=1)
        self._wait(lambda: any(told.get("correlationData") == mark for told in self._answers), "answer")
        answer = next(told for told in self._answers if told.get("correlationData") == mark)
        self._answers.clear()
        if "error" in answer:
            raise BrokerControlFailed(f"The broker refuses {command['command']}: {answer['error']}.")
        return answer

    def _wait(self, true: Callable[[], bool], what: str) -> None:
        deadline_s = self._clock.monotonic_s() + PATIENCE_S
        while not true():
            if self._refused:
                raise BrokerControlFailed(f"The broker at {self._place} refuses {self._who}: {self._refused}.")
            if self._clock.monotonic_s() > deadline_s:
                raise BrokerControlFailed(
                    f"The broker at {self._place} did not {what} within {PATIENCE_S:.0f} s:"
                    " does it have the dynamic-security plugin?"
                )
            self._client.loop(_TURN_S)

    @property
    def _place(self) -> str:
        return f"{self._address.host}:{self._address.port}"

    @property
    def _who(self) -> str:
        return self._address.username or "somebody without a name"

    def _new_client(self) -> mqtt.Client:
        name = f"histotwin-control-{secrets.token_hex(4)}"
        client = mqtt.Client(CallbackAPIVersion.VERSION2, name, protocol=mqtt.MQTTv5)
        client.connect_timeout = PATIENCE_S / 2
        if self._address.username is not None:
            client.username_pw_set(self._address.username, self._address.password)
        if self._address.ca_file is not None:
            client.tls_set(self._address.ca_file)
        client.on_connect, client.on_subscribe, client.on_message = self._connected, self._subscribed, self._heard
        return client

    def _connected(self, client: mqtt.Client, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        if reason.is_failure:
            self._refused = str(reason)
        else:
            client.subscribe(ANSWERS, qos=1)

    def _subscribed(self, _c: mqtt.Client, _u: Any, _m: int, reasons: Any, _p: Any) -> None:
        self._is_ready = not any(reason.is_failure for reason in reasons)
        self._refused = "" if self._is_ready else "it may not say who may speak"

    def _heard(self, _c: mqtt.Client, _u: Any, message: mqtt.MQTTMessage) -> None:
        self._answers.extend(orjson.loads(message.payload).get("responses", []))


def fingerprint(password: str) -> str:
    """Return what tells one random password from another and gives neither away."""
    return f"password {hashlib.sha256(password.encode()).hexdigest()[:16]}"
