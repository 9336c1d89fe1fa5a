"""The rules of the disk outbox: kept before it is sent, kept until it is covered, never overwritten."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pysqlite3.dbapi2 as sqlite3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.outbox import EventTooLarge, Leftover, Outbox, OutboxFull, OutboxUnavailable, Stream
from devices.outbox.reserve import Reserve
from devices.outbox.streams import Holding, StoreSeen
from devices.topics import WrongTopic
from tests.devices.stand_ins import HandClock

A, B = "/bcps/rl4/microtome-1", "/bcps/rl4/stainer-1"
DAY_S = 86_400
SCAN = {"type": "histotwin.item.scanned", "subject": "S26-1-A-1", "data": {"station": "m"}}


def outbox(tmp_path: Path, **more: int) -> Outbox:
    return Outbox(tmp_path / "outbox.db", HandClock(), **more)  # type: ignore[arg-type]


def test_each_device_counts_from_one_without_gaps(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    entries = box.append([(A, SCAN), (B, SCAN), (A, SCAN)]) + box.append([(A, SCAN)])
    assert [(e.stream.source, e.sequence) for e in entries] == [(A, 1), (B, 1), (A, 2), (A, 3)]
    assert {e.stream.boot for e in entries} == {box.boot}


def test_an_event_that_the_store_would_refuse_for_its_size_is_refused_before_it_gets_a_number(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    large = {**SCAN, "data": {"note": "x" * 65_536}}
    with pytest.raises(EventTooLarge, match=f"{A} has 65[0-9]{{3}} bytes, more than the 65536"):
        box.append([(B, SCAN), (A, SCAN), (A, large)])
    assert box.is_empty
    assert [entry.sequence for entry in box.append([(A, SCAN), (B, SCAN)])] == [1, 1]


def test_an_event_of_just_the_largest_size_is_kept(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    (small,) = box.append([(A, {**SCAN, "data": {"note": ""}})])
    (entry,) = box.append([(A, {**SCAN, "data": {"note": "x" * (65_536 - len(small.body))}})])
    assert len(entry.body) == 65_536


def test_the_envelope_is_complete(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    (entry,) = box.append([(A, SCAN)])
    assert json.loads(entry.body) == {
        "specversion": "1.0",
        "id": f"{box.boot}-microtome-1-1",
        "source": A,
        "type": "histotwin.item.scanned",
        "subject": "S26-1-A-1",
        "time": "2026-11-18T11:06:40.000Z",
        "boot": box.boot,
        "sequence": "1",
        "datacontenttype": "application/json",
        "data": {"station": "m"},
    }


def test_an_acknowledgement_covers_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    box.append([(A, SCAN)] * 5 + [(B, SCAN)] * 2)
    box.cover({Stream(A, box.boot): 3, Stream(B, "another boot"): 9})
    assert box.leftovers() == [Leftover(Stream(A, box.boot), 4, 5), Leftover(Stream(B, box.boot), 1, 2)]


def test_what_is_acknowledged_waits_no_longer_and_is_still_held(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    kept = box.append([(A, SCAN)] * 5)
    box.cover({Stream(A, box.boot): 5})
    assert box.is_empty
    assert len(box) == 0
    assert box.leftovers() == []
    assert box.after(Stream(A, box.boot), 0, 9) == kept
    assert box.holdings() == {Stream(A, box.boot): Holding(1, 5, 5)}


def test_how_far_the_store_is_and_which_it_is_survive_a_restart(tmp_path: Path) -> None:
    first = outbox(tmp_path)
    first.append([(A, SCAN)] * 5)
    first.cover({Stream(A, first.boot): 3}, StoreSeen("a1", 17))
    first.close()
    second = outbox(tmp_path)
    assert second.holdings() == {Stream(A, first.boot): Holding(1, 3, 5)}
    assert second.leftovers() == [Leftover(Stream(A, first.boot), 4, 5)]
    assert second.store_seen == StoreSeen("a1", 17)


def test_what_a_store_that_went_back_lacks_waits_again_even_after_a_restart(tmp_path: Path) -> None:
    first = outbox(tmp_path)
    first.append([(A, SCAN)] * 9)
    for last in (2, 5, 9):
        first.cover({Stream(A, first.boot): last})
    assert first.fall_back(Stream(A, first.boot), 4) == 1
    assert first.leftovers() == [Leftover(Stream(A, first.boot), 5, 9)]
    first.close()
    (left,) = outbox(tmp_path).leftovers()
    assert left.first <= 5
    assert left.last == 9


def test_acknowledged_events_are_held_a_week_of_running_and_no_longer(tmp_path: Path) -> None:
    clock = HandClock()
    box = Outbox(tmp_path / "outbox.db", clock)
    for _ in range(10):
        box.append([(A, SCAN)])
        clock.advance(DAY_S)
        box.cover({Stream(A, box.boot): box.holdings()[Stream(A, box.boot)].last})
    assert box.holdings() == {Stream(A, box.boot): Holding(3, 10, 10)}
    assert [entry.sequence for entry in box.after(Stream(A, box.boot), 0, 99)] == list(range(3, 11))


def test_days_count_over_restarts_and_only_from_the_acknowledgement(tmp_path: Path) -> None:
    clock = HandClock()
    first = Outbox(tmp_path / "outbox.db", clock)
    first.append([(A, SCAN)] * 2)
    clock.advance(20 * DAY_S)
    first.cover({Stream(A, first.boot): 1})
    first.close()
    clock.advance(300 * DAY_S)
    second = Outbox(tmp_path / "outbox.db", clock)
    clock.advance(6 * DAY_S)
    second.cover({Stream(A, first.boot): 2})
    assert second.holdings() == {Stream(A, first.boot): Holding(1, 2, 2)}
    clock.advance(2 * DAY_S)
    second.cover({})
    assert second.holdings() == {Stream(A, first.boot): Holding(2, 2, 2)}


def test_a_time_of_day_that_jumps_forgets_nothing(tmp_path: Path) -> None:
    class Jumping(HandClock):
        def monotonic_s(self) -> float:
            return 5.0

    clock = Jumping()
    box = Outbox(tmp_path / "outbox.db", clock)
    box.append([(A, SCAN)] * 3)
    box.cover({Stream(A, box.boot): 3})
    clock.us = 4_102_444_800_000_000  # the year 2100
    box.append([(A, SCAN)])
    box.cover({Stream(A, box.boot): 4})
    assert box.holdings() == {Stream(A, box.boot): Holding(1, 4, 4)}


def test_no_more_is_held_than_may_be_the_oldest_acknowledged_go_first(tmp_path: Path) -> None:
    clock = HandClock()
    box = Outbox(tmp_path / "outbox.db", clock, keep_bytes=200_000)
    for source in (B, A):
        for _ in range(3):
            box.append([(source, {**SCAN, "data": {"note": "x" * 900}})] * 40)
            clock.advance(4000)
            box.cover({Stream(source, box.boot): 10_000})
    waiting = box.append([(A, {**SCAN, "data": {"note": "x" * 900}})] * 400)
    box.cover({})
    held = box.holdings()
    assert Stream(B, box.boot) not in held
    assert box.after(Stream(A, box.boot), 120, 1000) == waiting
    assert len(box) == 400


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.tuples(st.sampled_from(["append", "cover", "back", "wait", "restart"]), st.integers(0, 60))))
def test_whatever_happens_nothing_that_waits_is_ever_forgotten(steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        clock, said = HandClock(), dict[Stream, int]()
        stored = dict[Stream, int]()

        def opened() -> Outbox:
            return Outbox(Path(folder) / "o.db", clock, keep_days=0.01, keep_bytes=60_000, max_bytes=400_000)

        box = opened()
        for what, amount in steps:
            source = A if amount % 2 else B
            stream = Stream(source, box.boot)
            if what == "append":
                said[stream] = box.append([(source, SCAN)] * (amount + 1))[-1].sequence
            elif what == "cover":
                stored.update({stream: min(last, stored.get(stream, 0) + amount) for stream, last in said.items()})
                box.cover(stored)
            elif what == "back" and stream in said:
                first = box.fall_back(stream, amount)
                stored[stream] = min(stored.get(stream, 0), max(amount, first - 1))
            elif what == "wait":
                clock.advance(amount * 20)
            elif what == "restart":
                box.close()
                box = opened()
            for stream, last in said.items():
                expected = list(range(stored.get(stream, 0) + 1, last + 1))
                assert [e.sequence for e in box.after(stream, stored.get(stream, 0), 10_000)] == expected
        box.close()


def test_an_outbox_from_before_events_were_held_on_is_taken_over(tmp_path: Path) -> None:
    old = sqlite3.connect(tmp_path / "outbox.db", isolation_level=None)
    old.execute("PRAGMA journal_mode=WAL")
    old.execute(
        "CREATE TABLE pending (source TEXT NOT NULL, boot TEXT NOT NULL, sequence INTEGER NOT NULL, body BLOB NOT NULL,"
        " PRIMARY KEY (source, boot, sequence)) WITHOUT ROWID"
    )
    old.executemany("INSERT INTO pending VALUES (?, 'old', ?, ?)", [(A, number, b"{}") for number in range(4, 9)])
    old.close()
    box = outbox(tmp_path)
    assert box.leftovers() == [Leftover(Stream(A, "old"), 4, 8)]
    box.cover({Stream(A, "old"): 6})
    assert box.leftovers() == [Leftover(Stream(A, "old"), 7, 8)]


def test_what_an_earlier_start_left_keeps_its_boot_and_numbers(tmp_path: Path) -> None:
    first = outbox(tmp_path)
    kept = first.append([(A, SCAN)] * 3)
    first.close()
    second = outbox(tmp_path)
    assert second.boot != first.boot
    assert second.after(Stream(A, first.boot), 1, 9) == kept[1:]
    assert [entry.sequence for entry in second.append([(A, SCAN)])] == [1]


def test_everything_returned_survives_a_kill(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib, devices.outbox as o, tracking.clock as c\n"
        "box = o.Outbox(pathlib.Path(sys.argv[1]), c.SystemClock())\n"
        "while True:\n"
        "    print(box.boot, box.append([('/n/l/d', {'type': 't'})] * 7)[-1].sequence, flush=True)\n"
    )
    path = tmp_path / "outbox.db"
    for round_number in range(1, 4):
        process = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(20):
            boot, promised = process.stdout.readline().split()
        process.kill()
        process.wait()
        box = Outbox(path, HandClock())
        left = {stream.stream.boot: stream for stream in box.leftovers()}
        assert left[boot].first == 1
        assert left[boot].last >= int(promised)
        assert len(left) == round_number
        assert sum(stream.last for stream in left.values()) == len(box)
        box.close()


def test_a_full_outbox_says_so_and_keeps_what_it_has(tmp_path: Path) -> None:
    box = outbox(tmp_path, max_bytes=65536)
    kept: list[int] = []

    def fill() -> None:
        while True:
            kept.extend(entry.sequence for entry in box.append([(A, {**SCAN, "data": {"note": "x" * 900}})] * 5))

    with pytest.raises(OutboxFull, match="nothing was overwritten"):
        fill()
    assert box.leftovers() == [Leftover(Stream(A, box.boot), 1, kept[-1])]
    box.cover({Stream(A, box.boot): kept[-1] - 5})
    assert [entry.sequence for entry in box.append([(A, SCAN)])] == [kept[-1] + 1]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "small"
    disk.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)], check=False)
    if made.returncode:
        pytest.skip("a disk of its own takes root")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_loses_nothing_and_empties_again(small_disk: Path) -> None:
    box = outbox(small_disk)
    kept: list[int] = []

    def fill() -> None:
        while True:
            kept.extend(entry.sequence for entry in box.append([(A, {**SCAN, "data": {"note": "x" * 900}})] * 20))

    with pytest.raises(OutboxFull):
        fill()
    assert box.leftovers() == [Leftover(Stream(A, box.boot), 1, kept[-1])]
    box.cover({Stream(A, box.boot): kept[-1] - 1})
    assert box.leftovers() == [Leftover(Stream(A, box.boot), kept[-1], kept[-1])]
    assert [entry.sequence for entry in box.append([(A, SCAN)])] == [kept[-1] + 1]
    box.close()


def test_a_full_disk_gives_up_what_the_store_has_before_it_refuses_a_scan(small_disk: Path) -> None:
    box = outbox(small_disk)
    large = {**SCAN, "data": {"note": "x" * 900}}
    stored = waiting = 0
    for _ in range(400):  # some eight megabytes through a disk of four
        stored = box.append([(A, large)] * 20)[-1].sequence
        box.cover({Stream(A, box.boot): stored})
    held = box.holdings()[Stream(A, box.boot)]
    assert held.first > 2000
    with contextlib.suppress(OutboxFull):
        while True:
            waiting = box.append([(B, large)] * 20)[-1].sequence
    with pytest.raises(OutboxFull, match="nothing was overwritten"):
        box.append([(B, large)] * 20)
    assert waiting >= 400
    assert Stream(A, box.boot) not in box.holdings()
    assert box.leftovers() == [Leftover(Stream(B, box.boot), 1, waiting)]
    box.close()
    again = outbox(small_disk)
    assert again.leftovers() == [Leftover(Stream(B, box.boot), 1, waiting)]
    again.cover({Stream(B, box.boot): waiting})
    assert again.append([(A, large)] * 20)[-1].sequence == 20
    again.close()


def test_a_start_that_was_killed_while_it_kept_room_back_leaves_the_next_one_its_room(tmp_path: Path) -> None:
    left = tmp_path / "o.db.reserve"
    left.touch()
    reserve = Reserve(tmp_path / "o.db", size=8192)
    assert (reserve.is_kept, left.stat().st_size) == (True, 8192)
    assert Reserve(tmp_path / "o.db", size=8192).release()
    assert not left.exists()


def test_a_second_process_cannot_count_in_the_same_outbox(tmp_path: Path) -> None:
    first = outbox(tmp_path)
    first.append([(A, SCAN)])
    with pytest.raises(OutboxUnavailable):
        outbox(tmp_path)


def test_one_wrong_source_keeps_none_of_the_batch(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    with pytest.raises(WrongTopic):
        box.append([(A, SCAN), ("/bcps/rl4/a+b", SCAN)])
    assert box.is_empty
