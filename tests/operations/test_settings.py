"""One setting counts from the command line, then the environment, then the file; a wrong one is named."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dashboard.operations.settings import load_settings
from tracking.clock import ScaledClock, to_us
from tracking.errors import InputMistakes

TUESDAY = datetime(2026, 11, 24, 10, tzinfo=UTC)


def test_the_command_line_counts_before_the_environment_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("port: 1001\nmqtt_port: 1002\nhost: 127.0.0.9\n", encoding="utf-8")
    monkeypatch.setenv("HISTOTWIN_MQTT_PORT", "2002")
    monkeypatch.setenv("HISTOTWIN_HOST", "127.0.0.2")
    settings = load_settings(file, host="127.0.0.3", port=None)
    assert (settings.port, settings.mqtt_port, settings.host) == (1001, 2002, "127.0.0.3")


def test_what_a_part_is_told_is_what_the_settings_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = tmp_path / "one.yaml"
    settings = load_settings(data_dir=tmp_path, network=[network], speed=60, started_us=5, demo=True, start_at=TUESDAY)
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert load_settings() == settings
    assert isinstance(settings.clock(), ScaledClock)


def test_network_files_stand_in_the_environment_with_commas_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HISTOTWIN_NETWORK", "data/one.yaml, data/two.yaml")
    assert load_settings().network_files == [Path("data/one.yaml"), Path("data/two.yaml")]


def test_a_demonstration_may_begin_at_another_moment() -> None:
    clock = load_settings(start_at=TUESDAY).clock()
    assert 0 <= clock.now_us() - to_us(TUESDAY) < 60_000_000


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("port: high", "port"),
        ("colour: red", "colour"),
        ("speed: 0", "speed"),
        ("kill_at: tea", "kill_at"),
        ("- 1", "file"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, field: str) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputMistakes) as error:
        load_settings(file)
    assert [mistake.field for mistake in error.value.mistakes] == [field]


def test_a_secret_comes_from_a_file_and_is_nowhere_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mqtt").write_text("a secret\n", encoding="utf-8")
    (tmp_path / "ca.crt").touch()
    monkeypatch.setenv("HISTOTWIN_MQTT_USERNAME", "histotwin-ingest")
    monkeypatch.setenv("HISTOTWIN_MQTT_PASSWORD_FILE", str(tmp_path / "mqtt"))
    monkeypatch.setenv("HISTOTWIN_MQTT_CA_FILE", str(tmp_path / "ca.crt"))
    monkeypatch.setenv("HISTOTWIN_DATABASE_PASSWORD", "pa/ss@word")
    settings = load_settings(database_url="postgresql://app@db/histotwin")
    assert settings.broker_address().password == "a secret"
    assert settings.url == settings.owner_url == "postgresql://app:pa%2Fss%40word@db/histotwin"
    shown = f"{settings!r} {settings} {settings.broker_address()!r}"
    assert not [secret for secret in ("a secret", "pa/ss") if secret in shown]


def test_the_schemas_owner_is_somebody_else_than_the_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HISTOTWIN_DATABASE_OWNER_PASSWORD", "owners")
    settings = load_settings(
        database_url="postgresql://app@db/histotwin", database_owner_url="postgresql://owner@db/histotwin"
    )
    assert (settings.url, settings.owner_url) == (
        "postgresql://app@db/histotwin", "postgresql://owner:owners@db/histotwin",
    )  # fmt: skip


def test_a_child_process_is_told_every_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "admin").write_text("admins", encoding="utf-8")
    settings = load_settings(
        mqtt_username="ingest", mqtt_password="plain", mqtt_admin_username="admin",
        mqtt_admin_password_file=tmp_path / "admin",
    )  # fmt: skip
    variables = settings.environment()
    assert "admins" not in variables.values()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert load_settings() == settings
    assert load_settings().broker_admin_address().password == "admins"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"mqtt_password": "x", "mqtt_password_file": Path(__file__)}, "mqtt_password"),
        ({"mqtt_password_file": Path("/nowhere/at/all")}, "mqtt_password_file"),
        ({"mqtt_username": "ingest"}, "mqtt_username"),
        ({"mqtt_username": "ingest", "mqtt_password": "x", "mqtt_host": "broker.example"}, "mqtt_username"),
        ({"mqtt_ca_file": Path("/nowhere/at/all")}, "mqtt_ca_file"),
        ({"network": [Path(__file__).parent]}, "network"),
    ],
)
def test_half_a_credential_and_a_password_without_tls_are_refused(given: dict[str, object], field: str) -> None:
    with pytest.raises(InputMistakes) as error:
        load_settings(**given)
    assert [mistake.field for mistake in error.value.mistakes] == [field]


def test_a_wrong_secret_is_not_repeated(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("mqtt_password: [one, two]\n", encoding="utf-8")
    with pytest.raises(InputMistakes) as error:
        load_settings(file)
    assert "one" not in str(error.value)


def test_a_folder_stands_for_the_network_files_in_it(tmp_path: Path) -> None:
    for name in ("two.yaml", "one.yaml", "notes.txt"):
        (tmp_path / name).touch()
    assert load_settings(network=[tmp_path]).network_files == [tmp_path / "one.yaml", tmp_path / "two.yaml"]


@pytest.mark.parametrize(
    "text", ["mqtt_pasword: hunter2", "database_url: hunter2@database", "mqtt_port: 1\nsecret: hunter2"]
)
def test_a_misspelt_secret_is_not_repeated(tmp_path: Path, text: str) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputMistakes) as error:
        load_settings(file)
    assert "hunter2" not in str(error.value)
    assert len(error.value.mistakes) == 1


@pytest.mark.parametrize("url", ["sqlite:///var/x.db", "postgresql://me@here/it", "postgresql+psycopg://me:p@here/it"])
def test_a_database_may_be_named_in_either_way(url: str) -> None:
    assert load_settings(database_url=url).url == url
