"""Who may say and hear what at the real broker, with the configuration that ships: TLS, credentials, rights."""

from __future__ import annotations

import signal
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from dashboard.operations.broker_control import BrokerControl
from dashboard.operations.broker_rights import INGEST, VIRTUAL_LAB
from dashboard.operations.certificates import new_authority
from dashboard.operations.device_access import add_device, revoke_device
from dashboard.operations.secret_files import introduce_services, make_secrets, renew_password
from devices.connectors.gateway import Gateway, GatewaySettings
from devices.ingest import Ingest, IngestSettings
from devices.outbox import Outbox
from devices.session import BrokerAddress
from tests.devices.secured_broker import Caller, SecuredBroker, secured_broker, with_password
from tests.devices.stand_ins import StoreInMemory
from tests.services import until
from tracking.clock import SystemClock

STEP = {"type": "histotwin.step.completed", "subject": "S26-1-A-1", "data": {"step": "microtomy"}}
OURS, ANOTHERS = "histotwin/bcps/rl4/{}/event", "histotwin/bcps/rna/microtome-1/event"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    with secured_broker(tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture
def device(broker: SecuredBroker) -> Iterator[BrokerAddress]:
    """A device of the Royal Wolverhampton Trust that has a credential."""
    address = broker.add("bcps/rl4/microtome-1")
    yield address
    if address.username in _known(broker):
        revoke_device(broker.settings, "bcps/rl4/microtome-1")


@pytest.fixture
def ear(broker: SecuredBroker) -> Iterator[Caller]:
    """Whoever hears what the broker lets through: ingest's own credential."""
    with Caller(broker.service(INGEST), "ear") as caller:
        assert caller.subscribe("histotwin/+/+/+/event")
        yield caller


def test_a_connector_delivers_over_tls_what_it_has_and_hears_that_it_is_stored(
    broker: SecuredBroker, device: BrokerAddress, tmp_path: Path
) -> None:
    store = StoreInMemory()
    ingest = Ingest(IngestSettings(broker.service(INGEST)), store, SystemClock())
    outbox = Outbox(tmp_path / "outbox.db", SystemClock())
    gateway = Gateway(GatewaySettings("bcps", "rl4", "microtome-1", device), outbox, SystemClock())
    ingest.start()
    gateway.start()
    gateway.publish([("microtome-1", STEP)] * 50)
    assert gateway.flush(20)
    gateway.close()
    ingest.stop()
    outbox.close()
    assert len(store.events) == 50


def test_nobody_speaks_without_a_credential(broker: SecuredBroker, device: BrokerAddress) -> None:
    strangers = [broker.device(None, None), with_password(device, "guess"), broker.device("bcps/rl4/bench-9", "guess")]
    for stranger in strangers:
        with Caller(stranger) as caller:
            assert caller.connections == ["Not authorized"]


def test_a_device_speaks_for_itself_only(broker: SecuredBroker, device: BrokerAddress, ear: Caller) -> None:
    with Caller(device) as caller:
        for topic in (OURS.format("microtome-2"), ANOTHERS, "histotwin-canary/x", "histotwin/bcps/rl4/microtome-1/ack",
                      "$CONTROL/dynamic-security/v1", OURS.format("histotwin")):  # fmt: skip
            assert caller.publish(topic) == "Not authorized"
        assert caller.publish(OURS.format("microtome-1")) == "Success"
    until(lambda: ear.heard)
    assert [topic for topic, _ in ear.heard] == [OURS.format("microtome-1")]


def test_what_an_older_device_says_for_another_is_dropped_although_the_broker_says_yes(
    device: BrokerAddress, ear: Caller
) -> None:
    with Caller(device, protocol=mqtt.MQTTv311) as caller:
        assert caller.publish(OURS.format("microtome-2"), "spoofed") == "Success"
        caller.publish(OURS.format("microtome-1"), "own")
    until(lambda: ear.heard)
    assert ear.heard == [(OURS.format("microtome-1"), b"own")]


def test_a_device_hears_only_what_is_said_to_it(device: BrokerAddress, ear: Caller) -> None:
    with Caller(device) as caller:
        assert caller.subscribe("histotwin/bcps/rl4/+/ack")
        for forbidden in (
            "#",
            "histotwin/#",
            OURS.format("+"),
            "histotwin/+/+/+/ack",
            "$SYS/#",
            "$share/x/histotwin/#",
        ):
            assert not caller.subscribe(forbidden)
        ear.publish("histotwin/bcps/rl4/microtome-2/ack", "another's")
        ear.publish("histotwin/bcps/rl4/microtome-1/ack", "its own")
        until(lambda: caller.heard)
        assert caller.heard == [("histotwin/bcps/rl4/microtome-1/ack", b"its own")]


def test_a_gateway_speaks_for_its_laboratory_but_not_for_another_nor_as_the_people_at_screens(
    broker: SecuredBroker, ear: Caller
) -> None:
    address = broker.add("bcps/rl4/gateway-1", is_gateway=True)
    with Caller(address) as caller:
        assert caller.subscribe("histotwin/bcps/rl4/+/reply")
        assert not caller.subscribe("histotwin/bcps/rna/+/reply")
        assert caller.publish(ANOTHERS) == "Not authorized"
        assert caller.publish(OURS.format("histotwin")) == "Not authorized"
        assert caller.publish(OURS.format("microtome-7")) == "Success"
    until(lambda: ear.heard)
    assert [topic for topic, _ in ear.heard] == [OURS.format("microtome-7")]


def test_a_device_that_calls_itself_ingest_does_not_displace_ingest(device: BrokerAddress, ear: Caller) -> None:
    with Caller(device, client_id="ear") as impostor:
        impostor.publish(OURS.format("microtome-1"))
        until(lambda: ear.heard)
        assert ear.is_in


def test_the_virtual_laboratories_do_not_speak_as_the_people_at_screens(broker: SecuredBroker, ear: Caller) -> None:
    with Caller(broker.service(VIRTUAL_LAB), "fleet") as fleet:
        assert fleet.publish(OURS.format("microtome-7")) == "Success"
        assert fleet.publish(OURS.format("histotwin")) == "Not authorized"
    until(lambda: ear.heard)
    assert [topic for topic, _ in ear.heard] == [OURS.format("microtome-7")]


def test_a_devices_last_will_is_spoken_in_its_own_name_only(device: BrokerAddress, ear: Caller) -> None:
    for topic in (OURS.format("microtome-2"), OURS.format("microtome-1")):
        with Caller(device, will=topic) as caller:
            caller.break_off()
    until(lambda: ear.heard)
    assert [heard for heard, _ in ear.heard] == [OURS.format("microtome-1")]


def test_ingest_answers_and_listens_but_speaks_for_no_device(ear: Caller) -> None:
    assert ear.subscribe("histotwin-canary/x")
    assert ear.publish("histotwin-canary/x", "sings") == "Success"
    until(lambda: ear.heard)
    assert ear.publish(OURS.format("microtome-1")) == "Not authorized"
    assert ear.heard == [("histotwin-canary/x", b"sings")]


def test_a_revoked_device_is_put_out_at_once_and_stays_out(broker: SecuredBroker, device: BrokerAddress) -> None:
    with Caller(device) as caller:
        assert caller.is_in
        revoke_device(broker.settings, "bcps/rl4/microtome-1")
        until(lambda: not caller.is_in)
    with Caller(device) as again:
        assert again.connections == ["Not authorized"]


def test_a_renewed_password_ends_the_old_one(broker: SecuredBroker, device: BrokerAddress) -> None:
    with Caller(device) as caller:
        made = add_device(broker.settings, "bcps/rl4/microtome-1", renew=True)
        until(lambda: not caller.is_in)
    with Caller(device) as old, Caller(with_password(device, made.password or "")) as new:
        assert (old.is_in, new.is_in) == (False, True)


def test_a_connector_trusts_no_broker_that_another_authority_vouches_for(device: BrokerAddress, tmp_path: Path) -> None:
    other = tmp_path / "other.crt"
    other.write_bytes(new_authority("another", SystemClock().now_us()).certificate)
    with pytest.raises(ssl.SSLCertVerificationError), Caller(replace(device, ca_file=str(other))):
        pass


def test_nothing_is_said_without_tls(device: BrokerAddress) -> None:
    caller = Caller(replace(device, ca_file=None))
    with pytest.raises(AssertionError, match="did not happen"):
        _enter_within(caller, 1.0)


def test_who_may_speak_outlives_the_broker_and_a_service_comes_back_by_itself(
    broker: SecuredBroker, device: BrokerAddress, tmp_path: Path
) -> None:
    store, outbox = StoreInMemory(), Outbox(tmp_path / "outbox.db", SystemClock())
    ingest = Ingest(IngestSettings(broker.service(INGEST)), store, SystemClock())
    gateway = Gateway(GatewaySettings("bcps", "rl4", "microtome-1", device), outbox, SystemClock())
    ingest.start()
    gateway.start()
    until(lambda: gateway.is_connected and ingest.health().is_connected)
    broker.server.kill()
    gateway.publish([("microtome-1", STEP)] * 5)
    broker.server.start()
    assert gateway.flush(30)
    gateway.close()
    ingest.stop()
    outbox.close()
    assert len(store.events) == 5


def test_a_new_certificate_is_taken_up_without_a_restart_and_changes_no_right(
    broker: SecuredBroker, device: BrokerAddress, ear: Caller
) -> None:
    before = _certificate(broker)
    make_secrets(broker.folder, ["localhost", "127.0.0.1", "mqtt.lab.example"], SystemClock(), lambda _: None)
    assert broker.server.process is not None
    broker.server.process.send_signal(signal.SIGHUP)
    until(lambda: _certificate(broker) != before)
    with Caller(device) as caller:
        assert caller.publish(OURS.format("microtome-2")) == "Not authorized"
        assert caller.publish(OURS.format("microtome-1")) == "Success"
    until(lambda: ear.heard)
    assert ear.connections == ["Success"]
    assert revoke_device(broker.settings, "bcps/rl4/microtome-1") == device.username


def test_a_service_with_a_new_password_is_let_in_once_it_is_introduced(broker: SecuredBroker) -> None:
    before = broker.service(INGEST)
    renew_password(broker.folder, "mqtt-ingest")
    with Caller(broker.service(INGEST)) as early:
        assert early.connections == ["Not authorized"]
    assert introduce_services(broker.settings, broker.folder) == [INGEST]
    assert introduce_services(broker.settings, broker.folder) == []
    with Caller(broker.service(INGEST)) as now, Caller(before, "before") as old:
        assert (now.is_in, old.is_in) == (True, False)


def _known(broker: SecuredBroker) -> set[str]:
    with BrokerControl(broker.settings.broker_admin_address(), SystemClock()) as control:
        return set(control.usernames())


def _certificate(broker: SecuredBroker) -> bytes:
    """Return the certificate that the broker shows now."""
    trusting = ssl.create_default_context(cafile=str(broker.folder / "ca/ca.crt"))
    plain = socket.create_connection(("127.0.0.1", broker.device_port), 5)
    with trusting.wrap_socket(plain, server_hostname="localhost") as secured:
        return secured.getpeercert(binary_form=True) or b""


def _enter_within(caller: Caller, patience_s: float) -> None:
    caller._client.connect_timeout = patience_s
    caller._client.connect(caller.address.host, caller.address.port)
    caller._client.loop_start()
    try:
        until(lambda: "Success" in caller.connections, patience_s)
    finally:
        caller._client.loop_stop()
