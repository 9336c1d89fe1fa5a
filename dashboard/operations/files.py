"""Events from files and to files: JSON lines, CSV and Parquet, through the same door as live ones.

A CSV or Parquet file has one column for each CloudEvents attribute and ``data`` as JSON text.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import orjson
import polars as pl
from sqlalchemy import select

from dashboard.operations.settings import Settings
from tracking.clock import to_rfc3339
from tracking.door import Door, Incoming, Receipt
from tracking.errors import InputMistakes, Mistake
from tracking.registry import load_registry
from tracking.store import tables
from tracking.store.database import Database, open_database
from tracking.store.event_store import EventStore
from tracking.store.migrate import require_current

BATCH = 1000
ATTRIBUTES = ("specversion", "id", "source", "type", "subject", "time", "boot", "sequence", "datacontenttype")
COLUMNS = ("position", "received", *ATTRIBUTES, "data")
_ENDINGS = (".jsonl", ".csv", ".parquet")


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that the door refuses: its number in the file, counted from 1 without the heading."""

    row: int
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of a file's rows."""

    file: str
    rows: int
    accepted: int
    duplicates: int
    bad: tuple[BadRow, ...]
    is_dry_run: bool

    @property
    def all_good(self) -> bool:
        """Tell whether no row was refused."""
        return not self.bad

    def as_text(self) -> str:
        """Return the report for people: a line for each bad row, then the sum."""
        lines = [f"{self.file}: row {bad.row}: {bad.reason}: {bad.message}" for bad in self.bad]
        if self.is_dry_run:
            return "\n".join([*lines, f"{self.rows} rows read, {len(self.bad)} bad. Nothing was stored."])
        sums = f"{self.rows} rows: {self.accepted} stored, {self.duplicates} stored before, {len(self.bad)} refused."
        return "\n".join([*lines, sums])

    def as_json(self) -> str:
        """Return the report for programs."""
        bad = [{"row": row.row, "reason": row.reason, "message": row.message} for row in self.bad]
        return json.dumps(
            {
                "file": self.file, "dry_run": self.is_dry_run, "rows": self.rows, "accepted": self.accepted,
                "duplicates": self.duplicates, "bad": bad,
            },
            indent=1,
        )  # fmt: skip


def import_events(settings: Settings, file: Path, *, dry_run: bool) -> ImportReport:
    """Store a file's events, or with ``dry_run`` only say what is wrong; raises ``InputMistakes`` for a wrong file."""
    _require_known_ending(file)
    clock = settings.clock()
    with closing(open_database(settings.url)) as database:
        require_current(database)
        registry = load_registry(settings.network_files)
        door = Door(EventStore(database, registry), registry, clock)
        rows = (Incoming(body, "import", clock.now_us()) for body in _read(file))
        receipts = door.rehearse(list(rows)) if dry_run else _take_all(door, rows)
    return _report(file, receipts, dry_run=dry_run)


def export_events(settings: Settings, file: Path, *, after: int) -> int:
    """Write the log after a position to a file and return how many events; raises ``InputMistakes``."""
    _require_known_ending(file)
    unfinished = file.with_name(f"{file.name}.unfinished")
    try:
        with closing(open_database(settings.url)) as database:
            require_current(database)
            written = _write(file.suffix, unfinished, _log(database, after))
        unfinished.replace(file)
    except OSError as error:
        raise InputMistakes([Mistake(str(file), "file", file.name, f"a place to write to ({error})")]) from None
    finally:
        unfinished.unlink(missing_ok=True)
    return written


def _take_all(door: Door, rows: Iterator[Incoming]) -> list[Receipt]:
    receipts: list[Receipt] = []
    while batch := list(islice(rows, BATCH)):
        receipts += door.take(batch)
    return receipts


def _report(file: Path, receipts: list[Receipt], *, dry_run: bool) -> ImportReport:
    bad = tuple(
        BadRow(row, receipt.reason, receipt.message)
        for row, receipt in enumerate(receipts, start=1)
        if receipt.fate in {"rejected", "conflict"}
    )
    fates = [receipt.fate for receipt in receipts]
    return ImportReport(str(file), len(fates), fates.count("accepted"), fates.count("duplicate"), bad, dry_run)


def _require_known_ending(file: Path) -> None:
    if file.suffix not in _ENDINGS:
        raise InputMistakes([Mistake(str(file), "file", file.suffix, f"an ending of {', '.join(_ENDINGS)}")])


def _read(file: Path) -> Iterator[bytes]:
    """Yield each row as the bytes of one CloudEvent."""
    try:
        if file.suffix == ".jsonl":
            yield from (line for line in file.read_bytes().splitlines() if line.strip())
        elif file.suffix == ".csv":
            with file.open(encoding="utf-8-sig", newline="") as lines:
                yield from map(_event_of, csv.DictReader(lines))
        else:
            yield from map(_event_of, pl.read_parquet(file).iter_rows(named=True))
    except (OSError, UnicodeDecodeError, csv.Error, pl.exceptions.PolarsError) as error:
        wanted = f"a readable {file.suffix} file ({' '.join(str(error).split())})"
        raise InputMistakes([Mistake(str(file), "file", file.name, wanted)]) from None


def _event_of(row: Mapping[str, Any]) -> bytes:
    """Return a row as a CloudEvent; what is no JSON in ``data`` is passed on as it is, for the door to refuse."""
    event = {name: row[name] for name in ATTRIBUTES if row.get(name) not in (None, "")}
    try:
        event["data"] = orjson.loads(row.get("data") or "{}")
    except orjson.JSONDecodeError:
        event["data"] = row.get("data")
    return orjson.dumps(event)


def _log(database: Database, after: int) -> Iterator[dict[str, Any]]:
    event, source = tables.event.c, tables.source.c
    query = (
        select(event.position, event.received_us, event.body, event.event_id, source.path)
        .join(tables.source, source.id == event.source_id)
        .order_by(event.position)
        .limit(BATCH)
    )
    while True:
        with database.reading() as connection:
            rows = connection.execute(query.where(event.position > after)).all()
        if not rows:
            return
        for row in rows:
            yield {"position": row.position, "received": to_rfc3339(row.received_us), **orjson.loads(row.body)}
        after = rows[-1].position


def _write(ending: str, file: Path, events: Iterable[dict[str, Any]]) -> int:
    if ending == ".parquet":
        rows = [_row_of(event) for event in events]
        schema = {name: pl.Int64 if name == "position" else pl.String for name in COLUMNS}
        pl.DataFrame(rows, schema=schema, orient="row").write_parquet(file)
        return len(rows)
    with file.open("w", encoding="utf-8", newline="") as out:
        return _write_csv(out, events) if ending == ".csv" else _write_lines(out, events)


def _write_lines(out: TextIO, events: Iterable[dict[str, Any]]) -> int:
    written = 0
    for event in events:
        bare = {name: value for name, value in event.items() if name not in {"position", "received"}}
        out.write(orjson.dumps(bare).decode() + "\n")
        written += 1
    return written


def _write_csv(out: TextIO, events: Iterable[dict[str, Any]]) -> int:
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    written = 0
    for event in events:
        writer.writerow(_row_of(event))
        written += 1
    return written


def _row_of(event: Mapping[str, Any]) -> tuple[Any, ...]:
    cells = [event.get(name) for name in COLUMNS[:-1]]
    texts = [
        cell if cell is None or name == "position" else str(cell) for name, cell in zip(COLUMNS, cells, strict=False)
    ]
    return (*texts, orjson.dumps(event.get("data")).decode())
