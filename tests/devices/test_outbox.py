"""The rules of the disk outbox: kept before it is sent, kept until it is covered, never overwritten."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.outbox import EventTooLarge, Leftover, Outbox, OutboxFull, OutboxUnavailable, Stream
from devices.topics import WrongTopic
from tests.devices.stand_ins import HandClock

A, B = "/bcps/rl4/microtome-1", "/bcps/rl4/stainer-1"
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


def test_an_acknowledgement_deletes_what_it_covers_and_nothing_else(tmp_path: Path) -> None:
    box = outbox(tmp_path)
    box.append([(A, SCAN)] * 5 + [(B, SCAN)] * 2)
    box.cover({Stream(A, box.boot): 3, Stream(B, "another boot"): 9})
    assert box.leftovers() == [Leftover(Stream(A, box.boot), 4, 5), Leftover(Stream(B, box.boot), 1, 2)]


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
    subprocess.run(["umount", str(disk)], check=True)


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
