"""What an administrator sees of credentials: added, renewed, revoked, listed; each wrong wish is one clear line."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.devices.secured_broker import NETWORK, Caller, SecuredBroker, secured_broker
from tests.operations.conftest import Command
from tests.services import free_port


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    with secured_broker(tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture
def device(broker: SecuredBroker, command: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a ``device`` command against the secured broker."""
    for name, value in broker.settings.environment().items():
        monkeypatch.setenv(name, value)
    return lambda *arguments: command("device", *arguments)


def test_a_device_is_given_a_password_that_works_and_is_shown_once(broker: SecuredBroker, device: Command) -> None:
    code, out, _ = device("add", "bcps/rl4/scanner-1", "--json")
    made = json.loads(out)
    assert (code, made["username"], made["is_gateway"]) == (0, "bcps/rl4/scanner-1", False)
    with Caller(broker.device(made["username"], made["password"])) as caller:
        assert caller.is_in
    assert made["password"] not in device("list")[1]


def test_a_password_may_go_to_a_file_that_nobody_else_can_read(
    broker: SecuredBroker, device: Command, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    code, out, _ = device("add", "bcps/rl4/scanner-2", "--password-file", str(file))
    secret = file.read_text(encoding="utf-8").strip()
    assert (code, stat.S_IMODE(file.stat().st_mode), secret in out) == (0, 0o600, False)
    with Caller(broker.device("bcps/rl4/scanner-2", secret)) as caller:
        assert caller.is_in
    code, _, err = device("add", "bcps/rl4/scanner-3", "--password-file", str(file))
    assert (code, err.count("\n")) == (2, 1)
    assert "scanner-3" not in [row["name"] for row in json.loads(device("list", "--json")[1]) if row["has_credential"]]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("add", "bcps/rl4/nonsense-1"), "a device that a network file names"),
        (("add", "bcps/rl4/histotwin"), "a device that a network file names"),
        (("add", "nonsense"), "a device that a network file names"),
        (("add", "bcps/rl4/bench-77", "--renew"), "a device that a network file names"),
        (("add", "bcps/rl4/lims-1", "--renew"), "no --renew: it has no credential yet"),
        (("revoke", "bcps/rl4/lims-1"), "a device that has a credential"),
        (("revoke", "histotwin-admin"), "a device that has a credential"),
        (("revoke", "../.."), "a device that has a credential"),
    ],
)
def test_a_wrong_wish_is_one_line_and_exit_2(device: Command, arguments: tuple[str, ...], expected: str) -> None:
    code, out, err = device(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert expected in err
    assert arguments[1] in err


def test_adding_twice_is_refused_and_renewing_is_named(device: Command) -> None:
    first, again = device("add", "bcps/rl4/stainer-1"), device("add", "bcps/rl4/stainer-1")
    renewed = device("add", "bcps/rl4/stainer-1", "--renew")
    assert (first[0], again[0], renewed[0]) == (0, 2, 0)
    assert "--renew" in again[2]
    assert renewed[1] != first[1]


def test_the_list_says_who_has_a_credential_and_which_one_no_network_file_names(
    device: Command, tmp_path: Path
) -> None:
    device("add", "bcps/rl4/coverslipper-1")
    _, out, _ = device("list", "--lab", "rl4", "--json")
    has = {row["name"]: row["has_credential"] for row in json.loads(out)}
    assert (has["coverslipper-1"], has["gateway-1"]) == (True, False)
    other = tmp_path / "other.yaml"
    other.write_text(NETWORK.read_text(encoding="utf-8").replace("id: rl4", "id: rx1").replace("rl4,", "rx1,")
                     .replace("common/", f"{NETWORK.parent}/common/"), encoding="utf-8")  # fmt: skip
    _, out, _ = device("list", "--network", str(other))
    assert [line for line in out.splitlines() if "revoke it" in line and "bcps/rl4/coverslipper-1" in line]
    assert device("revoke", "bcps/rl4/coverslipper-1", "--network", str(other))[0] == 0


def test_the_embedded_broker_knows_no_credentials(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HISTOTWIN_NETWORK", str(NETWORK))
    code, out, _ = command("device", "list")
    assert (code, "No credentials are kept here" in out) == (0, True)
    code, _, err = command("device", "add", "bcps/rl4/lims-1")
    assert (code, err.count("\n"), "mqtt_admin_username" in err) == (2, 1, True)


def test_a_broker_that_is_away_or_refuses_us_is_named(device: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HISTOTWIN_MQTT_ADMIN_PASSWORD_FILE")
    monkeypatch.setenv("HISTOTWIN_MQTT_ADMIN_PASSWORD", "wrong")
    code, _, err = device("list")
    assert (code, "refuses histotwin-admin: Not authorized" in err, "wrong" in err) == (1, True, False)
    monkeypatch.setenv("HISTOTWIN_MQTT_PORT", str(free_port()))
    code, _, err = device("list")
    assert (code, "cannot be reached" in err) == (1, True)
