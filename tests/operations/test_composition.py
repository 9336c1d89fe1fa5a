"""The whole composition in containers: up from nothing, devices by TLS and credential, every service lost once."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dashboard.operations.secret_files import PASSWORDS
from devices.connectors.gateway import Gateway, GatewaySettings
from devices.outbox import Outbox
from devices.session import BrokerAddress
from tests.devices.secured_broker import Caller
from tests.operations.composition import COMPOSE_CHECK, LASTING, Composition, composition
from tests.services import until
from tracking.clock import SystemClock

pytestmark = [
    pytest.mark.slow,
    pytest.mark.composition,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not COMPOSE_CHECK.exists(), reason=f"{COMPOSE_CHECK}, which runs compositions, is not here"),
]
OURS = ("broker", "ingest", "forecast", "serve")
NOBODY = "10001"
WHEN = "2026-11-20T09:00:00Z"


@pytest.fixture(scope="module")
def running() -> Iterator[Composition]:
    with composition() as made:
        yield made


@pytest.fixture(scope="module")
def authority(running: Composition, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The certificate that a connector is given to know the broker by."""
    file = tmp_path_factory.mktemp("ca") / "ca.crt"
    file.write_text(running.inside("ingest", "cat", "/histotwin/ca/ca.crt").stdout, encoding="utf-8")
    return str(file)


@pytest.fixture(scope="module")
def gateway_address(running: Composition, authority: str) -> BrokerAddress:
    return credential(running, authority, "bcps/rl4/gateway-1", "--gateway")


def credential(running: Composition, authority: str, device: str, *options: str) -> BrokerAddress:
    code, said = running.admin("device", "add", device, *options, "--json")
    assert code == 0, said
    made = json.loads(said)
    return BrokerAddress("localhost", running.mqtt_port, made["username"], made["password"], authority)


@contextlib.contextmanager
def connector(address: BrokerAddress, folder: Path, name: str = "gateway-1") -> Iterator[Gateway]:
    """A real connector with its outbox on disk, outside the containers."""
    outbox = Outbox(folder / "outbox.db", SystemClock())
    gateway = Gateway(GatewaySettings("bcps", "rl4", name, address), outbox, SystemClock())
    gateway.start()
    try:
        yield gateway
    finally:
        gateway.close(patience_s=2)
        outbox.close()


def receipts(case: str, many: int) -> list[tuple[str, dict[str, object]]]:
    """What a laboratory's information system says of new cases."""
    names = [f"S26-{case}{number:03}" for number in range(many)]
    return [
        ("lims-1", {
            "type": "histotwin.case.received", "subject": name, "time": WHEN,
            "data": {"case": name, "received_at": WHEN, "specimens": [f"{name}-A"]},
        })
        for name in names
    ]  # fmt: skip


def stored(running: Composition, device: str) -> list[str]:
    """Return the subjects of a device's stored events, as often as they are stored."""
    subjects, after = [], 0
    while page := running.get("/events", after=after, limit=5000)["events"]:
        events = [row["event"] for row in page]
        subjects += [event["subject"] for event in events if event["source"] == f"/bcps/rl4/{device}"]
        after = page[-1]["position"]
    return subjects


def test_every_service_is_well_after_one_command(running: Composition) -> None:
    assert running.get("/health")["status"] == "ok"
    assert {service: running.state(service)[0] for service in LASTING} == dict.fromkeys(LASTING, "running")


def test_an_event_of_a_device_with_a_credential_is_stored(
    running: Composition, gateway_address: BrokerAddress, tmp_path: Path
) -> None:
    sent = receipts("100", 5)
    with connector(gateway_address, tmp_path) as gateway:
        gateway.publish(sent)
        assert gateway.flush(60)
    assert {event["subject"] for _, event in sent} <= set(stored(running, "lims-1"))


def test_nobody_is_heard_without_a_credential(running: Composition, gateway_address: BrokerAddress) -> None:
    for stranger in (replace(gateway_address, username=None), replace(gateway_address, password="guess")):
        with Caller(stranger) as caller:
            assert caller.connections == ["Not authorized"]


def test_a_device_that_speaks_for_another_is_not_stored_and_a_revoked_one_is_put_out(
    running: Composition, authority: str
) -> None:
    address = credential(running, authority, "bcps/rl4/microtome-1")
    event = {"specversion": "1.0", "id": "spoof-1", "source": "/bcps/rl4/microtome-2", "subject": "S26-999999-A-1",
             "type": "histotwin.step.completed", "time": WHEN, "data": {"step": "microtomy"}}  # fmt: skip
    with Caller(address) as caller:
        assert caller.publish("histotwin/bcps/rl4/microtome-2/event", json.dumps(event)) == "Not authorized"
        assert caller.publish("histotwin/bcps/rl4/microtome-1/event", json.dumps(event)) == "Success"
        until(lambda: "spoof-1" in json.dumps(running.get("/rejected-events")), 30)
        assert running.admin("device", "revoke", "bcps/rl4/microtome-1")[0] == 0
        until(lambda: caller.connections[-1] == "Not authorized", 20)
    assert stored(running, "microtome-2") == []


@pytest.mark.parametrize("service", LASTING)
def test_what_a_connector_says_while_a_service_is_lost_is_stored_once_when_it_is_back(
    running: Composition, gateway_address: BrokerAddress, tmp_path: Path, service: str
) -> None:
    sent = receipts(f"2{LASTING.index(service)}0", 40)
    with connector(gateway_address, tmp_path) as gateway:
        gateway.publish(sent[:20])
        running.podman("kill", running.container(service))
        gateway.publish(sent[20:])
        until(lambda: running.state(service)[0] != "running", 30)
        running.podman("start", running.container(service))
        assert gateway.flush(120)
    until(lambda: running.is_healthy(service), 120)
    wanted = {str(event["subject"]) for _, event in sent}
    until(lambda: wanted <= set(stored(running, "lims-1")), 30)
    assert sorted(subject for subject in stored(running, "lims-1") if subject in wanted) == sorted(wanted)


def test_our_services_stop_in_order_and_are_the_same_afterwards(running: Composition) -> None:
    before = stored(running, "lims-1")
    for service in reversed(LASTING):
        running.podman("stop", "-t", "30", running.container(service))
    assert {service: running.state(service)[1] for service in OURS} == dict.fromkeys(OURS, 0)
    for service in LASTING:
        running.podman("start", running.container(service))
    running.wait_until_well()
    assert stored(running, "lims-1") == before


def test_every_secret_can_be_renewed(running: Composition, gateway_address: BrokerAddress, tmp_path: Path) -> None:
    """As docs/operations.md says it is done."""
    running.podman("stop", running.container("broker"))
    for name in PASSWORDS:
        assert running.run("prepare", "secrets", "renew", "/histotwin", name)[0] == 0
    running.podman("start", running.container("broker"))
    owner = "\\set new `cat /histotwin/database-owner/password`\nALTER ROLE histotwin PASSWORD :'new';\n"
    asked = running.inside("database", "sh", "-c", 'printf %s "$1" | psql -U histotwin', "sh", owner)
    assert asked.stdout.strip() == "ALTER ROLE", asked.stderr
    assert running.run("schema", "db", "upgrade")[0] == 0
    until(lambda: running.run("introduce", "secrets", "introduce", "/histotwin")[0] == 0, 60)
    for service in ("ingest", "forecast", "serve"):
        running.podman("restart", running.container(service))
    running.wait_until_well()
    sent = receipts("300", 5)
    with connector(gateway_address, tmp_path) as gateway:
        gateway.publish(sent)
        assert gateway.flush(60)
    assert {event["subject"] for _, event in sent} <= set(stored(running, "lims-1"))


def test_the_log_is_verified_and_copied_while_everything_runs(running: Composition) -> None:
    code, said = running.run("schema", "db", "verify")
    assert (code, "Sound" in said) == (0, True), said
    code, said = running.run("schema", "db", "backup", "/data/proof.dump")
    assert code == 0, said


@pytest.mark.parametrize("service", OURS)
def test_no_service_of_ours_is_root_or_can_write_to_its_image(running: Composition, service: str) -> None:
    assert running.inside(service, "id", "-u").stdout.strip() == NOBODY
    assert "Read-only" in running.inside(service, "touch", "/usr/here").stderr
    assert "CapBnd:\t0000000000000000" in running.inside(service, "cat", "/proc/self/status").stdout


def test_each_service_sees_its_own_secrets_only_and_writes_none_to_its_log(running: Composition) -> None:
    seen = {
        service: running.inside(service, "sh", "-c", "cat /histotwin/*/password").stdout.split() for service in OURS
    }
    assert {service: len(secrets) for service, secrets in seen.items()} == {
        "broker": 1, "ingest": 2, "forecast": 1, "serve": 1,
    }  # fmt: skip
    for service in (*LASTING, "prepare", "schema", "introduce"):
        said = running.log(service)
        assert not [secret for secrets in seen.values() for secret in secrets if secret in said]


def test_the_parts_can_add_to_the_log_but_not_change_it(running: Composition) -> None:
    attempt = (
        "from dashboard.operations.settings import load_settings as s\n"
        "from tracking.store.database import open_database as o\n"
        "with o(s().url).writing() as c: c.exec_driver_sql('DELETE FROM event')"
    )
    assert "permission denied" in running.inside("ingest", "python", "-c", attempt).stderr


def test_what_the_parts_log_is_one_json_object_a_line(running: Composition) -> None:
    lines = [json.loads(line) for line in running.log("ingest").splitlines()]
    assert {line["part"] for line in lines} <= {"ingest"}
