"""One ingest leads and another stands by: who may lead, who is put out, and who gives up."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from devices.ingest.leadership import LeaderWatch, lead, wait_to_lead
from devices.ingest.sole_ingest import SoleIngest
from tests.devices.stand_ins import HandClock
from tests.services import until
from tracking.clock import SystemClock
from tracking.errors import StoreUnavailable
from tracking.store.leader_lock import LeadershipLost


class LockInTurn:
    """A lock that is free at the tries for which it is said to be, and whose database may be away."""

    def __init__(self, *is_free: bool, clock: HandClock | None = None) -> None:
        self._answers = iter(is_free)
        self._clock = clock

    def try_to_lead(self) -> bool:
        return next(self._answers)

    def confirm(self) -> None:
        if self._clock is not None:
            self._clock.advance(25)
            if not next(self._answers):
                raise StoreUnavailable("the database is away")

    def evict(self) -> bool:
        return False

    def resign(self) -> None:
        pass


class Diary:
    """Notes the words in which a part says that it lives."""

    def __init__(self) -> None:
        self.states: list[str] = []

    def beat(self, state: str = "working", **_detail: object) -> None:
        self.states.append(state)


def judged(signs: Iterable[tuple[float, object]]) -> list[bool]:
    watch = LeaderWatch()
    return [watch.hangs(sign, at_s) for at_s, sign in signs]


def test_a_leader_whose_sign_stands_still_for_half_a_minute_hangs() -> None:
    assert judged((second, "same") for second in range(0, 40, 5)) == [False] * 6 + [True] * 2


def test_a_leader_that_gives_signs_never_hangs_whatever_its_clock_shows() -> None:
    assert not any(judged((second, -(second // 10)) for second in range(0, 600, 5)))


def test_a_leader_does_not_hang_when_the_database_took_no_signs_of_anybody() -> None:
    """Who could write but twice in a minute was kept from it as the leader was."""
    assert not any(judged([(0, "same"), (19, "same"), (38, "same"), (57, "same")]))


def test_a_machine_that_slept_gives_the_leader_time_to_speak() -> None:
    assert not any(judged([*((second, "same") for second in range(0, 30, 5)), (3_600, "same"), (3_605, "same")]))


def test_who_leads_at_the_second_try_was_no_standby_whom_anybody_would_miss() -> None:
    diary, ready = Diary(), []
    assert wait_to_lead(
        LockInTurn(False, True), threading.Event(), SystemClock(), diary, lambda: None, lambda: ready.append(1)
    )
    assert (diary.states, ready) == (["standby", "stopped"], [1])


def test_who_cannot_reach_the_database_for_a_minute_no_longer_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devices.ingest.leadership.TRY_EVERY_S", 0.001)
    clock = HandClock()
    with pytest.raises(LeadershipLost, match="away for a minute"):
        lead(LockInTurn(False, False, True, False, False, False, clock=clock), threading.Event(), clock)


@pytest.fixture
def hanging_leader(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    program = (
        "import pathlib, time; from devices.ingest.sole_ingest import SoleIngest\n"
        f"lock = SoleIngest(pathlib.Path({str(tmp_path)!r}))\n"
        "assert lock.try_to_lead(); time.sleep(60)"
    )
    leader = subprocess.Popen([sys.executable, "-c", program])
    until(lambda: (tmp_path / "ingest.lock").exists() and (tmp_path / "ingest.lock").read_text())
    leader.send_signal(signal.SIGSTOP)
    yield leader
    leader.kill()
    leader.wait(10)


def test_a_leader_that_hangs_on_this_machine_is_ended_and_the_next_leads(
    tmp_path: Path, hanging_leader: subprocess.Popen[bytes]
) -> None:
    standby = SoleIngest(tmp_path)
    assert not standby.try_to_lead()
    assert standby.evict()
    assert hanging_leader.wait(10) == -signal.SIGKILL
    assert standby.try_to_lead()
    standby.resign()


def test_a_process_that_the_file_names_but_that_has_not_the_lock_is_left_alone(
    tmp_path: Path, hanging_leader: subprocess.Popen[bytes]
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "ingest.lock").write_text(f"{hanging_leader.pid}\n")
    assert not SoleIngest(elsewhere).evict()
    assert hanging_leader.poll() is None
