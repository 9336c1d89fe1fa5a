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
