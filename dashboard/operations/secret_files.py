"""The secrets of a deployment as files: made where they are missing, renewed when asked, never shown.

Each folder below is for one reader (in the composition: one volume), so that a part sees its own secrets only.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from dashboard.operations.broker_control import BrokerControl, fingerprint
from dashboard.operations.broker_rights import (
    HEALTH,
    INGEST,
    VIRTUAL_LAB,
    first_document,
    new_password,
    service_roles,
    with_admin_password,
)
from dashboard.operations.certificates import (
    Certified,
    days_left,
    is_server_name,
    issue,
    new_authority,
    reason_to_renew,
)
from dashboard.operations.settings import Settings
from tracking.clock import Clock, SystemClock
from tracking.errors import HistotwinError, InputMistakes, Mistake

PASSWORDS = ("database-owner", "database-app", "mqtt-admin", "mqtt-ingest", "mqtt-virtual-lab", "mqtt-health")
_SERVICES = {INGEST: "mqtt-ingest", VIRTUAL_LAB: "mqtt-virtual-lab", HEALTH: "mqtt-health"}
WARN_DAYS_BEFORE = 30
_PUBLIC, _PRIVATE = 0o644, 0o600

Say = Callable[[str], None]


class BrokenSecrets(HistotwinError):
    """The secret files contradict each other or the broker."""


def make_secrets(folder: Path, broker_names: Sequence[str], clock: Clock, say: Say) -> None:
    """Make what is missing: passwords, authority, the broker's certificate and its first document of rights.

    What is there stays, but for a certificate that ends soon or lacks a name. A broker's name may be several, with
    commas between. Raises ``InputMistakes``, and ``BrokenSecrets`` for a broker's document that is damaged.
    """
    names = _names(broker_names)
    try:
        for name in PASSWORDS:
            if not _password_file(folder, name).exists():
                _write_password(folder, name)
                say(f"made {name}/password")
        _certify(folder, names, clock, say)
        _seat_admin(folder, say)
    except OSError as error:
        wanted = f"a folder that can be written to ({error.strerror})"
        raise InputMistakes([Mistake("command line", "FOLDER", str(folder), wanted)]) from None


def renew_password(folder: Path, name: str) -> None:
    """Replace one password, whose users then have to be started anew; raises ``InputMistakes`` for an unknown one."""
    if name not in PASSWORDS or not _password_file(folder, name).exists():
        raise InputMistakes([Mistake("command line", "NAME", name, f"one of {', '.join(PASSWORDS)}")])
    _write_password(folder, name)
    if name == "mqtt-admin":
        _seat_admin(folder, lambda _: None)


def introduce_services(settings: Settings, folder: Path) -> list[str]:
    """Tell the broker which of our own services may do what, and their passwords; returns whose changed.

    Rights are set anew each time, so that they are those of this version. Raises ``BrokerControlFailed``.
    """
    changed = []
    with BrokerControl(settings.broker_admin_address(), SystemClock()) as control:
        known = control.usernames()
        for username, role in service_roles().items():
            secret = password(folder, _SERVICES[username])
            control.set_role(role)
            if username not in known:
                control.add(username, secret, role)
            elif known[username] != fingerprint(secret):
                control.renew(username, secret)
            else:
                continue
            changed.append(username)
    return changed


def check_certificates(folder: Path, clock: Clock) -> tuple[str, bool]:
    """Say how long the certificates are good, and whether that is long enough."""
    left = {name: days_left(file.read_bytes(), clock.now_us()) for name, file in _certificates(folder)}
    said = "; ".join(f"{name}: {days:.0f} days left" for name, days in left.items())
    return said or "there are no certificates", bool(left) and min(left.values()) >= WARN_DAYS_BEFORE


def password(folder: Path, name: str) -> str:
    """Return one password; raises ``BrokenSecrets`` when its file is missing or empty."""
    try:
        found = _password_file(folder, name).read_text(encoding="utf-8").strip()
    except OSError:
        found = ""
    if not found:
        raise BrokenSecrets(f"{_password_file(folder, name)} is missing or empty: histotwin secrets make makes it.")
    return found


def _names(given: Sequence[str]) -> list[str]:
    names = [name.strip() for some in given for name in some.split(",") if name.strip()]
    wrong = [name for name in names if not is_server_name(name)] if names else [",".join(given)]
    if wrong:
        wanted = "the host name or address by which connectors call the broker"
        raise InputMistakes([Mistake("command line", "--broker-name", name, wanted) for name in wrong])
    return names


def _certify(folder: Path, names: Sequence[str], clock: Clock, say: Say) -> None:
    authority = _authority(folder, clock, say)
    certificate, key = folder / "broker-tls" / "server.crt", folder / "broker-tls" / "server.key"
    missing = not (certificate.exists() and key.exists())
    now_us = clock.now_us()
    why = "none was there" if missing else reason_to_renew(
        certificate.read_bytes(), authority.certificate, names, now_us
    )  # fmt: skip
    if why:
        issued = issue(authority, names, now_us)
        _write(key, issued.key, _PRIVATE)
        _write(certificate, issued.certificate, _PUBLIC)
        say(f"issued the broker's certificate for {', '.join(names)}: {why}")


def _seat_admin(folder: Path, say: Say) -> None:
    """See to it that the broker, when it starts, knows the admin by the password that stands in the file."""
    document, secret = folder / "broker" / "dynamic-security.json", password(folder, "mqtt-admin")
    if not document.exists():
        _write(document, first_document(secret).encode(), _PRIVATE)
        say("made broker/dynamic-security.json")
        return
    standing = document.read_text(encoding="utf-8")
    try:
        wanted = with_admin_password(standing, secret)
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenSecrets(f"{document} is not what the broker wrote: {error}.") from None
    if wanted != standing:
        _write(document, wanted.encode(), _PRIVATE)
        say("gave the broker's admin the password of mqtt-admin/password; it counts from the broker's next start")


def _authority(folder: Path, clock: Clock, say: Say) -> Certified:
    key, certificate = folder / "authority" / "ca.key", folder / "authority" / "ca.crt"
    if not (key.exists() and certificate.exists()):
        made = new_authority("histotwin", clock.now_us())
        _write(certificate, made.certificate, _PUBLIC)
        _write(key, made.key, _PRIVATE)
        say("made authority/ca.key: whoever has it can pass for the broker")
    public = folder / "ca" / "ca.crt"
    if not public.exists() or public.read_bytes() != certificate.read_bytes():
        _write(public, certificate.read_bytes(), _PUBLIC)
    return Certified(certificate.read_bytes(), key.read_bytes())


def _certificates(folder: Path) -> Iterator[tuple[str, Path]]:
    for name, file in (("authority", folder / "ca" / "ca.crt"), ("broker", folder / "broker-tls" / "server.crt")):
        if file.exists():
            yield name, file


def _write_password(folder: Path, name: str) -> None:
    secret = new_password()
    _write(_password_file(folder, name), f"{secret}\n".encode(), _PRIVATE)
    if name == "mqtt-health":
        _write(folder / name / "mosquitto_sub", f"-u {HEALTH}\n-P {secret}\n".encode(), _PRIVATE)


def _password_file(folder: Path, name: str) -> Path:
    return folder / name / "password"


def _write(file: Path, content: bytes, mode: int) -> None:
    """Write whole or not at all: a power cut must not leave half a key."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f".{file.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as written:
        written.write(content)
        written.flush()
        os.fsync(written.fileno())
    unfinished.replace(file)
