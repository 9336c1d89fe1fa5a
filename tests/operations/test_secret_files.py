"""A deployment's secrets: made once, kept, renewed when asked or before they end; certificates that TLS accepts."""

from __future__ import annotations

import json
import socket
import ssl
import stat
import threading
from pathlib import Path

import pytest

from dashboard.operations.certificates import RENEW_DAYS_BEFORE, days_left, issue, new_authority
from dashboard.operations.secret_files import (
    PASSWORDS,
    BrokenSecrets,
    check_certificates,
    make_secrets,
    password,
    renew_password,
)
from tests.devices.stand_ins import HandClock
from tracking.clock import DAY_US, SystemClock
from tracking.errors import InputMistakes

NAMES = ["broker", "127.0.0.1"]


def made(folder: Path, names: list[str] | None = None, clock: HandClock | None = None) -> list[str]:
    said: list[str] = []
    make_secrets(folder, names or NAMES, clock or HandClock(), said.append)
    return said


def contents(folder: Path) -> dict[Path, bytes]:
    return {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_what_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    assert len(made(tmp_path)) == len(PASSWORDS) + 3
    before = contents(tmp_path)
    assert made(tmp_path) == []
    assert contents(tmp_path) == before


def test_nobody_else_can_read_a_secret_and_none_is_told(tmp_path: Path) -> None:
    said = " ".join(made(tmp_path))
    readable = {
        file.name for file in tmp_path.rglob("*") if file.is_file() and stat.S_IMODE(file.stat().st_mode) & 0o77
    }
    assert readable == {"ca.crt", "server.crt"}
    secrets = [password(tmp_path, name) for name in PASSWORDS]
    assert len(set(secrets)) == len(PASSWORDS)
    assert not [secret for secret in secrets if secret in said]


def test_a_renewed_password_changes_alone_and_the_brokers_admin_with_it(tmp_path: Path) -> None:
    made(tmp_path)
    before = contents(tmp_path)
    renew_password(tmp_path, "database-app")
    renew_password(tmp_path, "mqtt-admin")
    changed = {str(file) for file, now in contents(tmp_path).items() if before[file] != now}
    assert changed == {"database-app/password", "mqtt-admin/password", "broker/dynamic-security.json"}
    assert made(tmp_path) == []


@pytest.mark.parametrize("name", ["nonsense", "../ca", "mqtt-health/.."])
def test_a_password_that_does_not_exist_cannot_be_renewed(tmp_path: Path, name: str) -> None:
    made(tmp_path)
    with pytest.raises(InputMistakes, match="database-owner"):
        renew_password(tmp_path, name)


def test_the_brokers_certificate_is_renewed_before_it_ends_and_when_a_name_is_added(tmp_path: Path) -> None:
    clock = HandClock()
    made(tmp_path, clock=clock)
    server = tmp_path / "broker-tls/server.crt"
    clock.advance((days_left(server.read_bytes(), clock.now_us()) - RENEW_DAYS_BEFORE - 1) * DAY_US / 1e6)
    assert made(tmp_path, clock=clock) == []
    clock.advance(2 * DAY_US / 1e6)
    assert "89 days were left" in made(tmp_path, clock=clock)[0]
    assert "names have changed" in made(tmp_path, [*NAMES, "mqtt.lab.example"], clock)[0]
    assert check_certificates(tmp_path, clock)[1]
    clock.advance(380 * DAY_US / 1e6)
    said, is_well = check_certificates(tmp_path, clock)
    assert (is_well, "broker: 17 days left" in said) == (False, True)


@pytest.mark.parametrize("name", ["", ",", "mqtt lab", "-x", "läb.example", "a..b", "*.example", "x" * 64])
def test_a_name_that_no_certificate_can_bear_is_named_and_nothing_is_made(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputMistakes, match="--broker-name"):
        made(tmp_path, ["broker", name] if name.strip(",") else [name])
    assert contents(tmp_path) == {}


def test_several_names_may_stand_in_one_word(tmp_path: Path) -> None:
    assert "issued the broker's certificate for broker, ::1, mqtt.lab.example: none" in " ".join(
        made(tmp_path, ["broker, ::1", "mqtt.lab.example,"])
    )


def test_a_damaged_broker_document_is_named_and_left_alone(tmp_path: Path) -> None:
    made(tmp_path)
    document = tmp_path / "broker/dynamic-security.json"
    for damaged in ("not json", "{}", json.dumps({"clients": []})):
        document.write_text(damaged, encoding="utf-8")
        with pytest.raises(BrokenSecrets, match=r"dynamic-security\.json"):
            made(tmp_path)
        assert document.read_text(encoding="utf-8") == damaged


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "database-owner").write_text("a file where a folder has to be", encoding="utf-8")
    with pytest.raises(InputMistakes, match="a folder that can be written to"):
        made(tmp_path)


def test_strict_tls_takes_the_certificate_by_every_name_and_by_no_other(tmp_path: Path) -> None:
    now_us = SystemClock().now_us()
    authority = new_authority("histotwin", now_us)
    server = issue(authority, ["localhost", "127.0.0.1"], now_us)
    (tmp_path / "server.pem").write_bytes(server.certificate + server.key)
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(tmp_path / "server.pem")
    ours = ssl.create_default_context(cadata=authority.certificate.decode())
    ours.verify_flags |= ssl.VERIFY_X509_STRICT
    for name in ("localhost", "127.0.0.1"):
        assert _greets(theirs, ours, name)
    for name in ("another", "127.0.0.2"):
        with pytest.raises(ssl.SSLCertVerificationError):
            _greets(theirs, ours, name)


def _greets(theirs: ssl.SSLContext, ours: ssl.SSLContext, name: str) -> bool:
    """Let two ends of one connection greet each other by TLS."""
    here, there = socket.socketpair()
    with here, there:
        server = threading.Thread(target=_serve, args=(theirs, there), daemon=True)
        server.start()
        try:
            with ours.wrap_socket(here, server_hostname=name) as greeted:
                return greeted.version() in {"TLSv1.2", "TLSv1.3"}
        finally:
            server.join(5)


def _serve(theirs: ssl.SSLContext, there: socket.socket) -> None:
    try:
        theirs.wrap_socket(there, server_side=True).close()
    except (OSError, ssl.SSLError):
        there.close()
