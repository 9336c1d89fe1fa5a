"""Events go out to a file and come back in through the one door, and every bad row is named."""

from __future__ import annotations

import base64
import csv
import json
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dashboard.operations.files import export_events, import_events
from dashboard.operations.settings import Settings, load_settings
from tracking.errors import InputMistakes
from tracking.store.database import open_database
from tracking.store.migrate import upgrade

GOOD: list[dict[str, Any]] = [
    {
        "specversion": "1.0", "id": "a-1", "source": "/bcps/rl4/lims-1", "type": "histotwin.case.received",
        "subject": "S26-000123", "time": "2026-11-20T09:00:00Z", "boot": "a", "sequence": 1,
        "data": {"case": "S26-000123", "received_at": "2026-11-20T09:00:00Z", "specimens": ["S26-000123-A"]},
    },
    {
        "specversion": "1.0", "id": "b-7", "source": "/bcps/rl4/cut-up-1", "type": "histotwin.step.completed",
        "subject": "S26-000123-A", "time": "2026-11-20T10:00:00Z",
        "data": {"step": "cut_up", "children": ["S26-000123-A-1"]},
    },
]  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = load_settings(data_dir=tmp_path / "data")
    settings.data_dir.mkdir()
    upgrade(settings.url)
    return settings


def lines(file: Path, rows: Sequence[object]) -> Path:
    file.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return file


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_what_goes_out_comes_back_as_the_same_events(settings: Settings, tmp_path: Path, ending: str) -> None:
    assert import_events(settings, lines(tmp_path / "in.jsonl", GOOD), dry_run=False).accepted == 2
    out = tmp_path / f"out.{ending}"
    assert export_events(settings, out, after=0) == 2
    again = import_events(settings, out, dry_run=False)
    assert (again.rows, again.duplicates, again.bad) == (2, 2, ())


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_an_event_without_data_and_one_with_more_in_its_envelope_come_back_the_same(
    settings: Settings, tmp_path: Path, ending: str
) -> None:
    bare = {name: value for name, value in GOOD[1].items() if name != "data"}
    stored = {**bare, "id": "c-1", "type": "histotwin.item.stored"}
    traced = {**GOOD[0], "traceparent": "00-4bf92f35-00f067aa-01", "samples": 3, "position": "top"}
    coded = {**bare, "id": "c-2", "data_base64": base64.b64encode(json.dumps(GOOD[1]["data"]).encode()).decode()}
    coded["datacontenttype"] = None
    events = [stored, traced, coded]
    taken = import_events(settings, lines(tmp_path / "in.jsonl", events), dry_run=False)
    assert (taken.accepted, taken.bad) == (3, ())
    out = tmp_path / f"out.{ending}"
    assert export_events(settings, out, after=0) == 3
    again = import_events(settings, out, dry_run=False)
    assert (again.rows, again.duplicates, again.bad) == (3, 3, ())


@pytest.mark.parametrize(("ending", "is_kept"), [("csv", True), ("parquet", True), ("jsonl", False)])
def test_a_time_that_was_set_aside_keeps_its_moment_in_another_store_where_the_file_says_the_receipt(
    settings: Settings, tmp_path: Path, ending: str, is_kept: bool
) -> None:
    ahead = GOOD[1] | {"time": "2031-01-01T00:00:00Z"}
    then = Settings(data_dir=settings.data_dir, start_at=datetime(2026, 11, 20, 10, tzinfo=UTC))
    import_events(then, lines(tmp_path / "in.jsonl", [GOOD[0], ahead]), dry_run=False)
    export_events(settings, tmp_path / f"out.{ending}", after=0)
    other = load_settings(data_dir=tmp_path / "other")
    other.data_dir.mkdir()
    upgrade(other.url)
    later = Settings(data_dir=other.data_dir, start_at=datetime(2032, 1, 1, tzinfo=UTC))
    assert import_events(later, tmp_path / f"out.{ending}", dry_run=False).accepted == 2
    assert (moments(other) == moments(settings)) is is_kept


def moments(settings: Settings) -> list[int]:
    """Return when the events of a store happened, as it judges."""
    with closing(open_database(settings.url)) as database, database.reading() as connection:
        return list(connection.exec_driver_sql("SELECT at_us FROM event ORDER BY position").scalars())


def test_a_receipt_that_lies_in_the_future_or_is_none_is_not_believed(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    for number, said in enumerate(("2999-01-01T00:00:00Z", "yesterday", "2026-11-20T10:00:00", "")):
        cells = GOOD[1] | {"id": f"r-{number}", "received": said, "data": json.dumps(GOOD[1]["data"])}
        with file.open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, list(cells))
            writer.writeheader()
            writer.writerow(cells)
        before_us = settings.clock().now_us()
        assert import_events(settings, file, dry_run=False).accepted == 1
        with closing(open_database(settings.url)) as database, database.reading() as connection:
            received_us = connection.exec_driver_sql("SELECT max(received_us) FROM event").scalar_one()
        assert before_us <= received_us <= settings.clock().now_us()


def test_what_is_wrong_in_a_cell_is_a_bad_row_and_nothing_worse(settings: Settings, tmp_path: Path) -> None:
    import_events(settings, lines(tmp_path / "in.jsonl", [GOOD[1]]), dry_run=False)
    out = tmp_path / "out.csv"
    export_events(settings, out, after=0)
    with out.open(encoding="utf-8", newline="") as file:
        heading, good = csv.reader(file)
    wrong = [("data", "[" * 5000 + "]" * 5000), ("data", "{oops"), ("extensions", "[" * 5000), ("extensions", "7")]
    with out.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [heading, *([cell if name == at else old for name, old in zip(heading, good, strict=True)]
                        for at, cell in wrong)]
        )  # fmt: skip
    report = import_events(settings, out, dry_run=True)
    assert [(bad.row, bad.reason) for bad in report.bad] == [
        (1, "too_deep"), (2, "not_json"), (3, "too_deep"), (4, "identity_conflict"),
    ]  # fmt: skip


def test_blank_lines_count_in_the_numbers_of_rows_and_nowhere_else(settings: Settings, tmp_path: Path) -> None:
    report = import_events(settings, lines(tmp_path / "in.jsonl", ["", GOOD[0], " ", "", "rubbish"]), dry_run=True)
    assert [bad.row for bad in report.bad] == [5]
    assert report.rows == 2


def test_a_dry_run_names_every_bad_row_and_stores_nothing(settings: Settings, tmp_path: Path) -> None:
    wrong_time = GOOD[1] | {"id": "b-8", "time": "yesterday"}
    unknown_lab = GOOD[1] | {"id": "b-9", "source": "/bcps/atlantis/cut-up-1"}
    changed = GOOD[0] | {"time": "2026-11-20T09:00:01Z"}
    file = lines(tmp_path / "in.jsonl", [GOOD[0], "rubbish", GOOD[1], wrong_time, unknown_lab, changed])
    report = import_events(settings, file, dry_run=True)
    assert [(bad.row, bad.reason) for bad in report.bad] == [
        (2, "not_json"), (4, "invalid_event"), (5, "unknown_lab"), (6, "identity_conflict"),
    ]  # fmt: skip
    assert "Nothing was stored" in report.as_text()
    assert export_events(settings, tmp_path / "out.jsonl", after=0) == 0


def test_an_export_goes_on_from_a_position(settings: Settings, tmp_path: Path) -> None:
    import_events(settings, lines(tmp_path / "in.jsonl", GOOD), dry_run=False)
    assert export_events(settings, tmp_path / "out.csv", after=1) == 1
    assert "b-7" in (tmp_path / "out.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["events.xlsx", "missing.jsonl", "missing.csv", "missing.parquet", "broken.parquet"])
def test_a_file_that_cannot_be_read_is_said_to_be_so(settings: Settings, tmp_path: Path, name: str) -> None:
    if name.startswith("broken"):
        (tmp_path / name).write_bytes(b"PAR1 is not enough")
    with pytest.raises(InputMistakes, match=name.partition(".")[0]):
        import_events(settings, tmp_path / name, dry_run=False)
