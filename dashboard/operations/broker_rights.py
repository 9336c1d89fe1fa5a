"""Who may say and hear what at the broker, as data: the roles of devices, gateways and histotwin's own services.

In the words of Mosquitto's dynamic-security plugin. Everything that no role names is refused. No connection in here.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from devices.topics import EVERYTHING, ROOT, Channel, build_topic, lab_filter
from tracking.registry import OWN_DEVICE, Device

ADMIN = "histotwin-admin"
INGEST = "histotwin-ingest"
VIRTUAL_LAB = "histotwin-virtual-lab"
HEALTH = "histotwin-health"
CANARY = f"{ROOT}-canary/#"
CONTROL = "$CONTROL/dynamic-security/#"
FROM_DEVICES = tuple(channel for channel in Channel if channel.is_from_device)
TO_DEVICES = tuple(channel for channel in Channel if not channel.is_from_device)
_SALT_BYTES = 12
_ROUNDS = 101
"""What the plugin itself uses; our passwords are 192 random bits, which no stretching makes harder to guess."""

Deed = Literal["publishClientSend", "publishClientReceive", "subscribeLiteral", "subscribePattern"]


@dataclass(frozen=True, slots=True)
class Right:
    """One deed that is allowed or forbidden on the topics that a filter names; the highest priority decides."""

    acltype: Deed
    topic: str
    allow: bool = True
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Role:
    """What somebody may do."""

    name: str
    rights: tuple[Right, ...]

    def as_document(self) -> dict[str, Any]:
        """Return it as the plugin reads it."""
        return {"rolename": self.name, "acls": [asdict(right) for right in self.rights]}


def username_of(device: Device) -> str:
    """Return the name by which a device signs in: its source without the leading slash."""
    return device.source.removeprefix("/")


def device_role(device: Device) -> Role:
    """Return what a device may do: speak for itself, and hear what is said to it.

    It may subscribe to the answers of its laboratory, because connectors ask for them in one filter; what is not for
    it is held back on delivery.
    """
    own = (device.network, device.lab, device.name)
    return Role(
        f"device {username_of(device)}",
        (
            *(Right("publishClientSend", str(build_topic(*own, channel))) for channel in FROM_DEVICES),
            *(Right("publishClientReceive", str(build_topic(*own, channel))) for channel in TO_DEVICES),
            *(Right("subscribeLiteral", str(build_topic(*own, channel))) for channel in TO_DEVICES),
            *(Right("subscribeLiteral", lab_filter(*own[:2], channel)) for channel in TO_DEVICES),
        ),
    )


def gateway_role(device: Device) -> Role:
    """Return what a gateway may do: speak and hear for every device of its laboratory, but not as histotwin itself."""
    lab = (device.network, device.lab)
    own_voice = f"{ROOT}/{device.network}/{device.lab}/{OWN_DEVICE}/#"
    return Role(
        f"device {username_of(device)}",
        (
            Right("publishClientSend", own_voice, allow=False, priority=1),
            *(Right("publishClientSend", lab_filter(*lab, channel)) for channel in FROM_DEVICES),
            *(Right("publishClientReceive", lab_filter(*lab, channel)) for channel in TO_DEVICES),
            *(Right("subscribePattern", lab_filter(*lab, channel)) for channel in TO_DEVICES),
        ),
    )


def service_roles() -> dict[str, Role]:
    """Return what histotwin's own services may do, by the name under which they sign in."""
    said, answered = _anybodys(FROM_DEVICES), _anybodys(TO_DEVICES)
    ingest = (
        *_may("publishClientReceive", (*said, CANARY)),
        *_may("publishClientSend", (*answered, CANARY)),
        *_may("subscribePattern", (EVERYTHING, CANARY)),
    )
    own_voices = f"{ROOT}/+/+/{OWN_DEVICE}/#"
    virtual_lab = (
        Right("publishClientSend", own_voices, allow=False, priority=1),
        *_may("publishClientSend", said),
        *_may("publishClientReceive", answered),
        *_may("subscribePattern", answered),
    )
    health = (Right("subscribeLiteral", HEALTH),)
    rights: dict[str, tuple[Right, ...]] = {INGEST: ingest, VIRTUAL_LAB: virtual_lab, HEALTH: health}
    return {name: Role(f"service {name}", what) for name, what in rights.items()}


def first_document(admin_password: str) -> str:
    """Return what a new broker starts with: nobody may do anything, but the admin may say who may."""
    admin = Role(ADMIN, tuple(_may_control()))
    nobody = dict.fromkeys(("publishClientSend", "publishClientReceive", "subscribe"), False)
    document = {
        "defaultACLAccess": {**nobody, "unsubscribe": True},
        "clients": [{"username": ADMIN, **hashed(admin_password), "roles": [{"rolename": admin.name}]}],
        "roles": [admin.as_document()],
    }
    return json.dumps(document, indent=1)


def with_admin_password(document: str, password: str) -> str:
    """Return a stopped broker's document, in which the admin has this password; the same when it already does.

    Raises ``ValueError`` for something else than a broker's document, or one without the admin.
    """
    standing = json.loads(document)
    admin = next((client for client in standing["clients"] if client["username"] == ADMIN), None)
    if admin is None:
        raise ValueError(f"there is no client {ADMIN}")
    if _hash(password, base64.b64decode(admin["salt"]), admin["iterations"]) == admin["password"]:
        return document
    admin.update(hashed(password))
    return json.dumps(standing, indent=1)


def hashed(password: str) -> dict[str, str | int]:
    """Return a password as the plugin keeps it: PBKDF2 with HMAC-SHA-512."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return {
        "password": _hash(password, salt, _ROUNDS), "salt": base64.b64encode(salt).decode(), "iterations": _ROUNDS,
    }  # fmt: skip


def _hash(password: str, salt: bytes, rounds: int) -> str:
    return base64.b64encode(hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds)).decode()


def new_password() -> str:
    """Return 192 random bits as text that needs no quoting anywhere."""
    return secrets.token_hex(24)


def _may_control() -> Iterable[Right]:
    yield Right("publishClientSend", CONTROL)
    yield Right("publishClientReceive", CONTROL)
    yield Right("subscribePattern", CONTROL)


def _may(deed: Deed, topics: Iterable[str]) -> tuple[Right, ...]:
    return tuple(Right(deed, topic) for topic in topics)


def _anybodys(channels: Iterable[Channel]) -> tuple[str, ...]:
    return tuple(f"{ROOT}/+/+/+/{channel.value}" for channel in channels)
