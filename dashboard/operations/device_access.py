"""What the ``device`` commands do: give a device its credential at the broker, take it away, and say who has one."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dashboard.operations.broker_control import BrokerControl
from dashboard.operations.broker_rights import device_role, gateway_role, new_password, username_of
from dashboard.operations.settings import Settings
from tracking.clock import SystemClock
from tracking.errors import InputMistakes, Mistake
from tracking.registry import OWN_KIND, Device, load_registry

NO_ADMIN = "No credentials are kept here: the embedded broker lets every program on this machine speak."


@dataclass(frozen=True, slots=True)
class Credential:
    """What a connector signs in with: the password itself, or the file it was written to. The broker keeps a hash."""

    device: str
    username: str
    is_gateway: bool
    password: str | None = field(default=None, repr=False)
    password_file: str | None = None

    def told(self, *, as_json: bool) -> str:
        """Return it as one JSON document or for a person."""
        if as_json:
            return json.dumps({name: value for name, value in asdict(self).items() if value is not None}, indent=1)
        password = f"in {self.password_file}" if self.password is None else self.password
        return f"user name  {self.username}\npassword   {password}\nIt is kept nowhere else and not shown again."


def add_device(
    settings: Settings, name: str, *, is_gateway: bool = False, renew: bool = False, into: Path | None = None
) -> Credential:
    """Give a device a credential, or with ``renew`` a new password and its rights anew; ``into`` names a new file.

    Raises ``InputMistakes`` for a device that no network file names, one that has a credential already or, with
    ``renew``, one that has none, and a file that cannot be made; ``BrokerControlFailed``.
    """
    device = _device(settings, name)
    username, password = username_of(device), new_password()
    role = gateway_role(device) if is_gateway else device_role(device)
    with _written_first(into, password), _control(settings) as control:
        has_one = username in control.usernames()
        if has_one != renew:
            raise InputMistakes([_mistake(name, "--renew for a new password: it has a credential" if has_one else
                                          "no --renew: it has no credential yet")])  # fmt: skip
        if renew:
            control.set_role(role)
            control.renew(username, password)
        else:
            control.add(username, password, role)
    if into is not None:
        return Credential(device.source, username, is_gateway, password_file=str(into))
    return Credential(device.source, username, is_gateway, password)


def revoke_device(settings: Settings, name: str) -> str:
    """Take a device's credential away and put it out; returns its user name.

    The device may have left the network file. Raises ``InputMistakes`` when it has no credential,
    ``BrokerControlFailed``.
    """
    username = name.strip("/")
    with _control(settings) as control:
        if username.count("/") != 2 or username not in control.usernames():
            raise InputMistakes([_mistake(name, "a device that has a credential, as `histotwin device list` shows")])
        control.remove(username)
    return username


def list_devices(settings: Settings, lab: str | None, *, as_json: bool) -> str:
    """Return every device that the network files name and whether it has a credential at the broker.

    Raises ``NotFound`` for an unknown laboratory, ``BrokerControlFailed``.
    """
    registry = load_registry(settings.network_files)
    if lab is not None:
        registry.lab(lab)
    known = _usernames(settings)
    rows = [
        {**asdict(device), "has_credential": None if known is None else username_of(device) in known}
        for device in registry.devices.values()
        if lab in (None, device.lab) and device.kind != OWN_KIND
    ]
    if as_json:
        return json.dumps(rows, indent=1)
    strangers = [_stranger(name) for name in known or () if "/" in name and f"/{name}" not in registry.devices]
    return "\n".join([*map(_line, rows), *strangers, *([NO_ADMIN] if known is None else [])])


def _usernames(settings: Settings) -> Mapping[str, str] | None:
    if not settings.mqtt_admin_username:
        return None
    with _control(settings) as control:
        return control.usernames()


def _stranger(username: str) -> str:
    """A device that has left the network files but can still sign in is one to revoke."""
    return f"/{username:35} has a credential, and no network file names it: revoke it"


def _line(row: Mapping[str, Any]) -> str:
    can = {True: "credential", False: "no credential", None: ""}[row["has_credential"]]
    return f"{row['source']:36} {row['kind']:14} {row['station']:14} {can}".rstrip()


def _device(settings: Settings, name: str) -> Device:
    device = load_registry(settings.network_files).devices.get("/" + name.strip("/"))
    if device is None or device.kind == OWN_KIND:
        raise InputMistakes([_mistake(name, "NETWORK/LAB/NAME of a device that a network file names")])
    return device


@contextmanager
def _control(settings: Settings) -> Iterator[BrokerControl]:
    if not settings.mqtt_admin_username:
        wanted = "the name of who may tell the broker which devices may speak; the embedded broker has nobody such"
        raise InputMistakes([Mistake("settings", "mqtt_admin_username", "", wanted)])
    with BrokerControl(settings.broker_admin_address(), SystemClock()) as control:
        yield control


@contextmanager
def _written_first(into: Path | None, password: str) -> Iterator[None]:
    """Write the password before the broker learns it, and take it back when the broker does not."""
    if into is None:
        yield
        return
    try:
        with os.fdopen(os.open(into, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{password}\n")
    except OSError as error:
        wanted = f"a new file in a folder that can be written to ({error.strerror})"
        raise InputMistakes([Mistake("command line", "--password-file", str(into), wanted)]) from None
    try:
        yield
    except BaseException:
        into.unlink(missing_ok=True)
        raise


def _mistake(name: str, expected: str) -> Mistake:
    return Mistake("command line", "DEVICE", name, expected)
