"""Months of the log as files: written whole, proved before they count, dropped without anything being forgotten."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import polars
import pytest

from dashboard.operations.archiving import archive_log, put_month_back
from dashboard.operations.files import export_events
from dashboard.operations.reports import verify_report
from dashboard.operations.settings import Settings
from tests.tracking.store.archives import (
    MONTHS,
    ArchivingBench,
    YearsLater,
    held_back,
    take_all,
    three_months,
)
from tests.tracking.store.histories import incoming, lab_life
from tests.tracking.store.pictures import Bench
from tracking.clock import DAY_US, HOUR_US, to_rfc3339
from tracking.errors import InputMistakes
from tracking.registry import Registry
from tracking.store import tables
from tracking.store.archives import drop as archive_drop
from tracking.store.archives.drop import drop_months, unarchive
from tracking.store.archives.file import ArchiveFailed, read_rows
from tracking.store.archives.months import end_us, month_of, months_later
from tracking.store.archives.read import ArchiveMissing, Archives
from tracking.store.archives.write import archive_months
from tracking.store.rebuild import rebuild
from tracking.store.verify import inspect, verify


@pytest.fixture
def kept(new_url: Callable[[], str], registry: Registry, tmp_path: Path) -> Iterator[ArchivingBench]:
    """Give a store with a folder for archives, once on each database."""
    with ArchivingBench(new_url(), registry, tmp_path / "archive") as opened:
        yield opened


@pytest.fixture
def sqlite_kept(sqlite_url: Callable[[], str], registry: Registry, tmp_path: Path) -> Iterator[ArchivingBench]:
    with ArchivingBench(sqlite_url(), registry, tmp_path / "archive") as opened:
        yield opened


def faults(bench: ArchivingBench) -> tuple[str, ...]:
    return verify(bench.url, bench.registry, archives=bench.folder).faults


def test_every_month_is_a_file_of_the_rows_that_anybody_can_read(kept: ArchivingBench) -> None:
    take_all(kept, three_months())
    made = kept.archive()
    assert [row.month for row in made] == list(MONTHS)
    stored = sorted(kept.named(tables.event), key=lambda row: row["position"])
    keys = {row["position"]: row["digest"] for row in kept.named(tables.event_key)}
    paths = {row["id"]: row["path"] for row in kept.named(tables.source)}
    told = [row for month in made for row in polars.read_parquet(kept.folder / month.file).to_dicts()]
    assert told == [
        {**row, "digest": keys[row["position"]], "path": paths[row["source_id"]]} for row in stored
    ]  # the keys of a dictionary have no order
    assert all(month_of(row["received_us"]) == MONTHS[0] for row in told[: made[0].last])
    assert kept.archive() == []
    assert faults(kept) == ()


def test_a_manifest_says_what_its_file_holds_and_how_it_is_tied_to_the_log(sqlite_kept: ArchivingBench) -> None:
    take_all(sqlite_kept, three_months())
    october, november, _december = sqlite_kept.archive()
    files = [(sqlite_kept.folder / one.file).with_suffix(".json") for one in (october, november)]
    said = [orjson.loads(file.read_bytes()) for file in files]
    assert [manifest["month"] for manifest in said] == ["2026-10", "2026-11"]
    assert said[0]["rows"] == said[0]["last"] == said[1]["first"] - 1
    assert said[0]["link_before"] == "00" * 32
    assert said[0]["link_last"] == said[1]["link_before"]
    assert said[0]["sha256"] == october.sha256.hex()


def test_a_month_ends_before_the_first_event_received_in_a_later_one(sqlite_kept: ArchivingBench) -> None:
    events = three_months()
    first_later = next(place for place, event in enumerate(events, 1) if month_of(event.received_us) == "2026-11")
    set_back = first_later + 2  # the store's clock, for a moment
    events[set_back] = replace(events[set_back], received_us=events[0].received_us)
    take_all(sqlite_kept, events)
    made = sqlite_kept.archive()
    assert [(row.month, row.first) for row in made[:2]] == [("2026-10", 1), ("2026-11", first_later)]
    assert [row.first for row in made[1:]] == [row.last + 1 for row in made[:-1]]


def test_a_receipt_in_the_future_ends_no_month_and_stops_no_archiving(sqlite_kept: ArchivingBench) -> None:
    events = three_months()
    events[5] = replace(events[5], received_us=end_us("2031-01"))  # later than the archive is written
    take_all(sqlite_kept, events)
    made = sqlite_kept.archive()
    assert [row.month for row in made] == list(MONTHS)
    assert made[-1].last == len(events)


def test_a_month_that_begins_with_a_clock_set_back_is_no_older_than_the_one_before(
    sqlite_kept: ArchivingBench,
) -> None:
    events = three_months()
    first_later = next(place for place, event in enumerate(events, 1) if month_of(event.received_us) == "2026-11")
    events[first_later - 1] = replace(events[first_later - 1], received_us=end_us("1999-12"))
    take_all(sqlite_kept, events)
    months = [row.month for row in sqlite_kept.archive()]
    assert months == list(MONTHS)


def test_months_are_dropped_in_the_order_of_the_log(sqlite_kept: ArchivingBench) -> None:
    take_all(sqlite_kept, three_months())
    sqlite_kept.archive()
    with sqlite_kept.database.writing() as connection:  # as an archive of a clock that was ahead
        connection.exec_driver_sql("UPDATE archive SET month = '2027-01' WHERE month = '2026-10'")
    assert sqlite_kept.drop(before="2026-12") == []
    assert len(sqlite_kept.rows(tables.event)) == len(three_months())


def test_a_month_that_the_log_ends_otherwise_than_its_file_stays(sqlite_kept: ArchivingBench) -> None:
    take_all(sqlite_kept, three_months())
    [october, *_] = sqlite_kept.archive()
    with sqlite_kept.database.writing() as connection:
        connection.exec_driver_sql("UPDATE event SET link = zeroblob(32) WHERE position = ?", (october.last,))
    with pytest.raises(ArchiveFailed, match="The log is not what"):
        sqlite_kept.drop()
    assert len(sqlite_kept.rows(tables.event)) == len(three_months())


def test_the_month_that_is_not_over_stays(sqlite_kept: ArchivingBench) -> None:
    class InDecember(YearsLater):
        def now_us(self) -> int:
            return end_us("2026-12") - HOUR_US

    take_all(sqlite_kept, three_months())
    made = archive_months(sqlite_kept.url, sqlite_kept.folder, InDecember(), before="2026-11")
    assert [row.month for row in made] == ["2026-10"]
    assert [row.month for row in archive_months(sqlite_kept.url, sqlite_kept.folder, InDecember())] == ["2026-11"]
    for wrong in ("2027-01", "2026-13", "october"):
        with pytest.raises(InputMistakes, match="a month such as 2026-09, at most 2026-12"):
            archive_months(sqlite_kept.url, sqlite_kept.folder, InDecember(), before=wrong)


def test_a_dropped_month_is_forgotten_by_nobody(
    kept: ArchivingBench, sqlite_url: Callable[[], str], registry: Registry
) -> None:
    in_time, late = held_back(three_months())
    with Bench(sqlite_url(), registry) as whole:
        take_all(kept, in_time)
        take_all(whole, in_time)
        kept.archive()
        assert [row.month for row in kept.drop()] == list(MONTHS)
        assert kept.rows(tables.event) == []
        assert {receipt.fate for receipt in kept.take(*in_time)} == {"duplicate"}
        assert faults(kept) == ()
        assert verify(kept.url).is_sound, "the rest of the log is checked without the archives"
        [fault] = verify(kept.url, kept.registry).faults
        assert fault.startswith("The projections were not compared")
        take_all(kept, late)
        take_all(whole, late)
        assert kept.projections() == whole.projections()
        assert faults(kept) == ()
        with kept.database.writing() as connection:
            connection.exec_driver_sql("UPDATE item SET station = 'nowhere'")
        rebuild(kept.url, registry, archives=kept.folder)
        assert kept.projections() == whole.projections()
        assert len(kept.rows(tables.event)) == len(late)


def test_a_state_said_at_the_same_moment_as_an_archived_one_takes_its_place_by_what_it_says(
    sqlite_url: Callable[[], str], registry: Registry, tmp_path: Path
) -> None:
    moment = incoming(lab_life("rl4", "S", 1))[0].received_us

    def state(number: int, word: str) -> dict[str, object]:
        return {"specversion": "1.0", "id": f"s-{number}", "source": "/bcps/rl4/stainer-1", "boot": "b1",
                "type": "histotwin.device.state", "subject": "stainer-1", "time": to_rfc3339(moment - HOUR_US),
                "sequence": str(number), "data": {"state": word}}  # fmt: skip

    in_time = incoming([state(3, "running")], received_us=moment)
    late = incoming([state(2, "idle"), state(4, "fault")], received_us=moment + 100 * DAY_US)
    for number, later in enumerate(late):
        with Bench(sqlite_url(), registry) as whole:
            whole.take(*in_time, later)
            wanted = whole.named(tables.device)[0]["state"]
        with ArchivingBench(sqlite_url(), registry, tmp_path / f"archive-{number}") as kept:
            kept.take(*in_time)
            kept.archive()
            kept.drop()
            kept.restart()
            kept.take(later)
            assert kept.named(tables.device)[0]["state"] == wanted
            assert faults(kept) == ()


def test_what_needs_an_archive_that_is_away_waits_among_the_refused_and_its_neighbours_are_stored(
    kept: ArchivingBench,
) -> None:
    in_time, late = held_back(three_months())
    take_all(kept, in_time)
    [october, *_] = kept.archive()
    kept.drop()
    away = kept.folder.rename(kept.folder.with_name("lent"))
    new = [replace(e, body=e.body.replace(b"S26-00000", b"S26-90000").replace(b'"id":"b', b'"id":"n'))
           for e in incoming(lab_life("rl4", "S", 1), received_us=late[0].received_us)]  # fmt: skip
    receipts = kept.take(*new[:3], late[0], *new[3:6])
    assert [receipt.fate for receipt in receipts] == ["accepted"] * 3 + ["rejected"] + ["accepted"] * 3
    assert receipts[3].reason == "archive_missing"
    assert october.file in receipts[3].message
    [refused] = kept.named(tables.rejected)
    assert refused["body"] == late[0].body
    away.rename(kept.folder)
    assert kept.take(late[0])[0].fate == "accepted"
    assert faults(kept) == ()


def test_in_postgresql_events_are_stored_while_a_month_is_dropped(
    postgres_url: Callable[[], str], registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_time, late = held_back(three_months())
    with ArchivingBench(postgres_url(), registry, tmp_path / "archive") as kept:
        take_all(kept, in_time)
        kept.archive()
        drop_one, fates = archive_drop._note, []

        def store_meanwhile(*of_drop: Any) -> None:
            fates.extend(receipt.fate for receipt in kept.take(late.pop()))
            drop_one(*of_drop)

        monkeypatch.setattr(archive_drop, "_note", store_meanwhile)
        assert len(kept.drop()) == 3
        assert fates == ["accepted"] * 3
        assert faults(kept) == ()


def test_a_month_with_an_open_case_stays_in_the_database(sqlite_kept: ArchivingBench) -> None:
    take_all(sqlite_kept, [event for event in three_months() if b"S26-000001" not in event.body or
                           b"case.authorised" not in event.body])  # fmt: skip
    sqlite_kept.archive()
    before = sqlite_kept.rows(tables.event)
    with pytest.raises(ArchiveFailed, match="2026-10 touches cases that are open: S26-000001"):
        sqlite_kept.drop()
    assert sqlite_kept.rows(tables.event) == before


def test_a_month_is_kept_for_two_years_unless_said_otherwise(sqlite_kept: ArchivingBench) -> None:
    class NextSummer(YearsLater):
        def now_us(self) -> int:
            return end_us("2027-05")

    take_all(sqlite_kept, three_months())
    archive_months(sqlite_kept.url, sqlite_kept.folder, NextSummer())
    assert drop_months(sqlite_kept.url, sqlite_kept.folder, NextSummer()) == []
    with pytest.raises(ArchiveFailed, match="2026-10 is kept in the database until 2028-11"):
        drop_months(sqlite_kept.url, sqlite_kept.folder, NextSummer(), before="2026-11")
    gone = drop_months(sqlite_kept.url, sqlite_kept.folder, NextSummer(), before="2026-12", keep_months=6)
    assert [row.month for row in gone] == ["2026-10", "2026-11"]


def test_nothing_is_dropped_whose_file_is_not_what_was_written(sqlite_kept: ArchivingBench) -> None:
    take_all(sqlite_kept, three_months())
    [october, *_] = sqlite_kept.archive()
    before = sqlite_kept.rows(tables.event)
    spoil(sqlite_kept.folder / october.file)
    with pytest.raises(ArchiveFailed, match="SHA-256 differs; nothing was taken out"):
        sqlite_kept.drop()
    assert sqlite_kept.rows(tables.event) == before
    assert any("SHA-256 differs" in fault for fault in faults(sqlite_kept))


def spoil(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def test_a_log_that_was_tampered_with_is_not_archived(sqlite_kept: ArchivingBench) -> None:
    take_all(sqlite_kept, three_months())
    with sqlite_kept.database.writing() as connection:
        connection.exec_driver_sql("UPDATE event SET time_us = time_us + 1 WHERE position = 7")
    with pytest.raises(ArchiveFailed, match="event 7 is not what was stored"):
        sqlite_kept.archive()
    assert list(sqlite_kept.folder.iterdir()) == []


def test_a_dropped_month_comes_back_as_it_was(kept: ArchivingBench) -> None:
    take_all(kept, three_months())
    archives = kept.archive()
    before = kept.rows(tables.event)
    kept.drop()
    with pytest.raises(ArchiveFailed, match=r"Put events-2026-12-.* back first"):
        unarchive(kept.url, kept.folder / archives[0].file)
    for row in reversed(archives):
        assert unarchive(kept.url, kept.folder / row.file).month == row.month
        assert faults(kept) == ()
    assert kept.rows(tables.event) == before
    with pytest.raises(ArchiveFailed, match="never taken out of this database"):
        unarchive(kept.url, kept.folder / archives[0].file)


def test_a_file_that_was_changed_is_not_put_back(sqlite_kept: ArchivingBench) -> None:
    take_all(sqlite_kept, three_months())
    archives = sqlite_kept.archive()
    sqlite_kept.drop()
    spoil(sqlite_kept.folder / archives[-1].file)
    with pytest.raises(ArchiveFailed, match="is another file than"):
        unarchive(sqlite_kept.url, sqlite_kept.folder / archives[-1].file)
    assert sqlite_kept.rows(tables.event) == []


def test_verify_and_rebuild_say_which_archive_they_miss(sqlite_kept: ArchivingBench) -> None:
    take_all(sqlite_kept, three_months())
    archives = sqlite_kept.archive()
    sqlite_kept.drop(before="2026-12")
    before = sqlite_kept.projections()
    (sqlite_kept.folder / archives[1].file).unlink()
    assert any(archives[1].file in fault for fault in faults(sqlite_kept))
    with pytest.raises(ArchiveMissing, match=f"Put the archive {archives[1].file}"):
        rebuild(sqlite_kept.url, sqlite_kept.registry, archives=sqlite_kept.folder)
    assert sqlite_kept.projections() == before


def test_verify_finds_whatever_is_changed_in_the_list_of_archives(sqlite_kept: ArchivingBench) -> None:
    take_all(sqlite_kept, three_months())
    october = sqlite_kept.archive()[0]
    sqlite_kept.drop(before="2026-11")
    changes = {
        "month": "month || '0'", "file": "'x' || file", "sha256": "zeroblob(32)", "link_before": "zeroblob(31)",
        "link_last": "zeroblob(32)", "dropped_us": "CASE WHEN dropped_us IS NULL THEN 1 END",
    }  # fmt: skip
    for column in [column.name for column in tables.archive.columns]:
        for first in (october.first, october.last + 1):
            with sqlite_kept.database.engine.connect() as connection:  # rolls back when it is given back
                change = changes.get(column, f"{column} + 1")
                connection.exec_driver_sql(f"UPDATE archive SET {column} = {change} WHERE first = {first}")  # noqa: S608
                found = inspect(connection, archives=Archives(sqlite_kept.folder)).faults
            assert found, f"{column} of the archive from {first}"
    assert faults(sqlite_kept) == ()


def test_a_file_that_was_written_and_not_noted_is_taken_over_and_a_strange_one_is_never_overwritten(
    sqlite_kept: ArchivingBench,
) -> None:
    take_all(sqlite_kept, three_months())
    [october, *_] = sqlite_kept.archive()
    with sqlite_kept.database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM archive WHERE month > '2026-10'")  # as if it had been killed there
    assert [row.month for row in sqlite_kept.archive()] == list(MONTHS[1:])
    assert faults(sqlite_kept) == ()
    with sqlite_kept.database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM archive")
    other = sqlite_kept.folder / october.file
    rows = [row for some in read_rows(other) for row in some]
    shutil.copy(sqlite_kept.folder / sqlite_file(sqlite_kept.folder, "2026-11"), other)
    content = other.read_bytes()
    with pytest.raises(ArchiveFailed):
        sqlite_kept.archive()
    assert other.read_bytes() == content
    assert len(rows) == october.last


def sqlite_file(folder: Path, month: str) -> str:
    [file] = folder.glob(f"events-{month}-*.parquet")
    return file.name


def test_months_follow_each_other_across_years() -> None:
    assert months_later("2026-11", 1) == "2026-12"
    assert months_later("2026-12", 1) == "2027-01"
    assert months_later("2027-01", -25) == "2024-12"
    assert month_of(end_us("2026-12")) == "2027-01"
    assert month_of(end_us("2026-12") - 1) == "2026-12"


def test_the_commands_archive_drop_and_put_back_and_an_export_does_not_begin_in_the_middle(
    sqlite_kept: ArchivingBench, tmp_path: Path
) -> None:
    events = three_months()
    october = sum(month_of(event.received_us) == "2026-10" for event in events)
    take_all(sqlite_kept, events)
    settings = Settings(
        database_url=sqlite_kept.url, archive_dir=sqlite_kept.folder, start_at=datetime(2029, 6, 1, tzinfo=UTC)
    )
    whole = export_events(settings, tmp_path / "whole.jsonl", after=0)
    told = archive_log(settings, None, before="2026-11", drop=True, keep_months=24).splitlines()
    assert [line.split(",")[0].split(" events")[0] for line in told] == [f"2026-10: {october}"] * 2
    with pytest.raises(InputMistakes, match=f"{october} or more: what came before is in archives only"):
        export_events(settings, tmp_path / "rest.jsonl", after=october - 1)
    assert export_events(settings, tmp_path / "rest.jsonl", after=october) == whole - october
    text, is_sound = verify_report(settings, anchor=None, as_json=True)
    assert is_sound, text
    assert orjson.loads(text)["events"] == whole
    [file] = sqlite_kept.folder.glob("*.parquet")
    assert put_month_back(settings, file) == f"2026-10: {october} events put back."
    assert export_events(settings, tmp_path / "again.jsonl", after=0) == whole
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
