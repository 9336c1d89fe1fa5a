"""A demonstration lets everybody on this machine in, so it never comes back by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.operations.everything import decide_demo
from dashboard.operations.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path)


def test_a_new_data_directory_is_a_demonstration_and_stays_one(settings: Settings) -> None:
    assert decide_demo(settings, True, None)
    assert decide_demo(settings, False, None)


def test_a_directory_with_people_or_events_in_it_is_none(settings: Settings) -> None:
    assert not decide_demo(settings, False, None)


def test_a_no_holds_even_while_nothing_has_come_in_yet(settings: Settings) -> None:
    assert not decide_demo(settings, True, False)
    assert not decide_demo(settings, True, None)


@pytest.mark.parametrize("said", ["true", "false"])
def test_the_environment_decides_where_the_command_line_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setenv("HISTOTWIN_DEMO", said)
    assert decide_demo(load_settings(data_dir=tmp_path), True, None) is (said == "true")
    assert decide_demo(load_settings(data_dir=tmp_path), True, said != "true") is (said != "true")
