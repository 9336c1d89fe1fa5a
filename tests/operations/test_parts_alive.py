"""Parts say that they live, wait for a database that is away, and are started again without delay the first time."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from dashboard.operations.opening import wait_for_database
from dashboard.operations.pulse import beating
from dashboard.operations.supervisor import FIRST_WAIT_S, LONGEST_WAIT_S, STEADY_AFTER_S, Part, Supervisor
from tests.services import until
from tests.tracking.queries.stored_rows import TestClock
from tracking.clock import SystemClock
from tracking.store.database import Database, open_database
from tracking.store.heartbeats import Heart, heartbeats
from tracking.store.migrate import upgrade


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    upgrade(url)
    return url


def state(database: Database) -> str | None:
    with database.reading() as connection:
        beat = heartbeats(connection).get("forecast")
    return None if beat is None else beat.state


def test_a_part_says_that_it_lives_as_long_as_it_works_and_then_that_it_stopped(url: str) -> None:
    database, deaths = open_database(url), []
    with beating(Heart(database, SystemClock(), "forecast"), 0.05, deaths.append):
        until(lambda: state(database) == "working")
        with database.writing() as connection:
            connection.exec_driver_sql("DELETE FROM heartbeat")
        until(lambda: state(database) == "working")
    assert (state(database), deaths) == ("stopped", [])
    database.close()


def test_a_pulse_that_fails_is_not_suffered_in_silence(url: str) -> None:
    database, deaths = open_database(url), []
    with database.writing() as connection:
        connection.exec_driver_sql("DROP TABLE heartbeat")
    with beating(Heart(database, SystemClock(), "forecast"), 0.05, deaths.append):
        until(lambda: deaths)
    database.close()


def test_a_part_waits_for_a_database_that_is_away_instead_of_ending(url: str, tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    file.rename(tmp_path / "away.db")
    file.mkdir()  # nothing can be opened here
    answers: list[bool] = []
    database = open_database(url)
    waiting = threading.Thread(target=lambda: answers.append(wait_for_database(database, threading.Event())))
    waiting.start()
    waiting.join(0.3)
    assert waiting.is_alive()
    file.rmdir()
    (tmp_path / "away.db").rename(file)
    waiting.join(10)
    assert answers == [True]
    database.close()


def test_who_is_told_to_stop_waits_no_longer(tmp_path: Path) -> None:
    database, stop = open_database(f"sqlite:///{tmp_path / 'nowhere' / 'store.db'}"), threading.Event()
    stop.set()
    assert not wait_for_database(database, stop)


def test_the_first_restart_is_at_once_and_the_next_ever_later(tmp_path: Path) -> None:
    clock, said = TestClock(), []
    supervisor, part, waits = Supervisor({}, tmp_path, clock, said.append), Part("ingest"), []
    for _ in range(8):
        part.started_s = clock.monotonic_s()
        supervisor._plan_restart(part, clock.monotonic_s())
        waits.append(part.retry_at_s - clock.monotonic_s())
    assert waits[0] == pytest.approx(FIRST_WAIT_S)
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT_S
    clock.pass_s(STEADY_AFTER_S + 1)
    supervisor._plan_restart(part, clock.monotonic_s())
    assert part.retry_at_s - clock.monotonic_s() == pytest.approx(FIRST_WAIT_S)
