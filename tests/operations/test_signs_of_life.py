"""A container is told from the database whether its part lives, in one sentence and an exit code."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dashboard.operations.settings import load_settings
from dashboard.operations.signs_of_life import part_health
from tests.devices.stand_ins import HandClock
from tracking.clock import SystemClock
from tracking.errors import InputMistakes
from tracking.store.database import open_database
from tracking.store.heartbeats import Heart
from tracking.store.migrate import WrongSchema, upgrade


@pytest.mark.parametrize(
    ("state", "silent_s", "is_well"),
    [("working", 0, True), ("standby", 5, True), ("working", 300, False), ("stopped", 0, False)],
)
def test_a_part_is_well_while_it_says_so(tmp_path: Path, state: str, silent_s: float, is_well: bool) -> None:
    settings = load_settings(data_dir=tmp_path)
    upgrade(settings.url)
    assert part_health(settings, "ingest") == ("ingest has never said that it lives.", False)
    database = open_database(settings.url)
    Heart(database, HandClock(SystemClock().now_us() - int(silent_s * 1e6)), "ingest").beat(state)
    database.close()
    said, found = part_health(settings, "ingest")
    assert (found, said.startswith(f"ingest is {state}; it said so {silent_s:.0f}")) == (is_well, True)


def test_a_database_of_another_version_is_named(tmp_path: Path) -> None:
    with pytest.raises(WrongSchema, match="histotwin db upgrade"):
        part_health(load_settings(data_dir=tmp_path), "ingest")


def test_a_database_that_is_away_is_no_crash(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path, database_url="postgresql://nobody@127.0.0.1:1/none")
    said, is_well = part_health(settings, "ingest")
    assert (is_well, "cannot work just now" in said) == (False, True)


def test_a_part_that_lives_in_a_demonstration_at_another_time_is_well_for_who_knows_nothing_of_it(
    tmp_path: Path,
) -> None:
    settings = load_settings(data_dir=tmp_path, speed=60, start_at=datetime(2026, 1, 5, tzinfo=UTC))
    upgrade(settings.url)
    database = open_database(settings.url)
    Heart(database, settings.clock(), "ingest").beat()
    database.close()
    assert part_health(load_settings(data_dir=tmp_path), "ingest")[1]


def test_what_is_no_part_is_a_wrong_input(tmp_path: Path) -> None:
    with pytest.raises(InputMistakes, match="'tea': expected one of ingest, "):
        part_health(load_settings(data_dir=tmp_path), "tea")
