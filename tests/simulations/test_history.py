"""Synthetic history goes through the one door whole, however it is cut, and says where it is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from sqlalchemy import func, select

from simulations.virtual_lab.history import Chapter, Period, read_in_order, write_chapter
from simulations.virtual_lab.seeding import HistoryPlan, HistoryRefused, fill_history, seed
from tests.simulations.conftest import DATA, Tracking
from tracking.clock import DAY_US, SystemClock, to_us
from tracking.registry import Registry
from tracking.store import tables
from tracking.store.progress import Progress

END = to_us(datetime(2026, 11, 20, 12, tzinfo=UTC))
PERIOD = Period(END - 28 * DAY_US, END - 7 * DAY_US, END)


@pytest.fixture
def chapter(registry: Registry, tmp_path: Path) -> Chapter:
    lab = registry.labs["rjc"]
    return write_chapter(lab, DATA / lab.model, PERIOD, 3, tmp_path)


def test_the_same_seed_writes_the_same_history(registry: Registry, chapter: Chapter, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    again = write_chapter(registry.labs["rjc"], DATA / "labs/small.yaml", PERIOD, 3, tmp_path / "again")
    assert again.recent.read_bytes() == chapter.recent.read_bytes()
    assert again.older.read_bytes() == chapter.older.read_bytes()


def test_every_device_counts_without_gaps_over_both_parts(chapter: Chapter) -> None:
    sequences: dict[str, list[int]] = {}
    for _, source, body in read_in_order([chapter.recent, chapter.older]):
        sequences.setdefault(source, []).append(orjson.loads(body)["sequence"])
    assert all(sorted(found) == list(range(1, len(found) + 1)) for found in sequences.values())


def test_with_the_recent_part_alone_every_case_is_whole(tracking: Tracking, chapter: Chapter) -> None:
    seed(tracking.door, [chapter.recent])
    clock = tables.case_clock.c
    with tracking.database.reading() as connection:
        ended = connection.execute(
            select(clock.received_us, clock.booked_in_us).where(clock.authorised_us.is_not(None))
        )
        assert all(received and booked_in for received, booked_in in ended)


def test_an_old_case_is_never_taken_for_an_open_one(tracking: Tracking, chapter: Chapter) -> None:
    seed(tracking.door, [chapter.recent])
    clock = tables.case_clock.c
    is_open = select(func.count()).where(clock.received_us.is_not(None), clock.authorised_us.is_(None))
    with tracking.database.reading() as connection:
        before = connection.scalar(is_open)
    open_meanwhile: list[int] = []

    def count(_done: int, _turn_us: int) -> None:
        with tracking.database.reading() as connection:
            open_meanwhile.append(connection.scalar(is_open) or 0)

    seed(tracking.door, [chapter.older], count)
    assert set(open_meanwhile) == {before}


def test_history_that_was_cut_off_goes_on_and_counts_nothing_twice(
    tracking: Tracking, registry: Registry, tmp_path: Path
) -> None:
    plan = HistoryPlan([registry.labs["rl1"], registry.labs["rrj"]], DATA, tmp_path / "history", 4, 1, 3)
    clock = SystemClock()

    def begin(total: int, detail: str) -> Progress:
        return Progress(tracking.database, clock, "history", total, detail)

    class CutOff(Exception):
        pass

    def cut() -> None:
        raise CutOff

    with pytest.raises(CutOff):
        fill_history(plan, tracking.door, begin, END, cut)
    fill_history(plan, tracking.door, begin, END + DAY_US, lambda: None)
    with tracking.database.reading() as connection:
        events = connection.scalar(select(func.count()).select_from(tables.event))
        highest = connection.scalar(select(func.sum(tables.watermark.c.contiguous)))
        finished = connection.scalar(select(tables.progress.c.finished_us))
    assert events == highest
    assert finished
    assert not plan.folder.exists()


def test_history_that_the_door_refuses_is_not_passed_over(tracking: Tracking, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.older"
    wrong.write_bytes(b'1 /bcps/rl4/microtome-3\t{"specversion": "1.0"}\n')
    with pytest.raises(HistoryRefused):
        seed(tracking.door, [wrong])
