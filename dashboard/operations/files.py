"""Events from files and to files: JSON lines, CSV and Parquet, through the same door as live ones.

A CSV or Parquet file has one column for each CloudEvents attribute, ``data`` as JSON text (empty where an event has
none) and ``extensions``, a JSON object of whatever else stands in the envelope. ``received`` says when the event was
first received, and import believes it, because a time that was set aside is judged by the receipt: in another store the
event then keeps its moment. JSON lines are bare events, received when they are imported.

Files are read and written some rows at a time. A dry run alone holds a whole file, because rows depend on each other.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import orjson
import pyarrow as pa
from pyarrow import parquet
from sqlalchemy import select

from dashboard.operations.settings import Settings
from tracking.clock import Clock, to_rfc3339, to_us
from tracking.door import Door, Fate, Incoming, Receipt
from tracking.errors import InputMistakes, Mistake
from tracking.registry import load_registry
from tracking.store import tables
from tracking.store.archives.read import archive_rows
from tracking.store.database import Database, open_database
from tracking.store.event_store import EventStore
from tracking.store.migrate import require_current

BATCH = 1000
_ROWS_IN_GROUP = 20_000
ATTRIBUTES = ("specversion", "id", "source", "type", "subject", "time", "boot", "sequence", "datacontenttype")
COLUMNS = ("position", "received", *ATTRIBUTES, "data", "extensions")
_ENDINGS = (".jsonl", ".csv", ".parquet")
Logged = tuple[int, str, dict[str, Any]]  # position, when it was received, the event
Offered = tuple[int, Incoming]
"""A row's number in its file, and what is offered at the door."""
Row = tuple[bytes, int | None]
"""The bytes of one CloudEvent, and when it was first received, µs UTC, where the file says so."""
_SCHEMA = pa.schema([(name, pa.int64() if name == "position" else pa.large_string()) for name in COLUMNS])


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
        door = Door(EventStore(database, registry, settings.archive_folder), registry, clock)
        tally = _Tally()
        offers = _offers(_read(file), clock)
        if dry_run:
            told = list(offers)
            tally.add(told, door.rehearse([incoming for _row, incoming in told]))
        else:
            while batch := list(islice(offers, BATCH)):
                tally.add(batch, door.take([incoming for _row, incoming in batch]))
    return tally.report(file, is_dry_run=dry_run)


def export_events(settings: Settings, file: Path, *, after: int) -> int:
    """Write the log after a position to a file and return how many events; raises ``InputMistakes``."""
    _require_known_ending(file)
    unfinished = file.with_name(f"{file.name}.unfinished")
    try:
        with closing(open_database(settings.url)) as database:
            require_current(database)
            _require_at_hand(database, after)
            written = _write(file.suffix, unfinished, _log(database, after))
        unfinished.replace(file)
    except OSError as error:
        raise InputMistakes([Mistake(str(file), "file", file.name, f"a place to write to ({error})")]) from None
    finally:
        unfinished.unlink(missing_ok=True)
    return written


class _Tally:
    """What became of the rows so far; of those that are good, only how many there are."""

    def __init__(self) -> None:
        self._fates: Counter[Fate] = Counter()
        self._bad: list[BadRow] = []

    def add(self, offers: Sequence[Offered], receipts: Sequence[Receipt]) -> None:
        for (row, _incoming), receipt in zip(offers, receipts, strict=True):
            self._fates[receipt.fate] += 1
            if receipt.fate in {"rejected", "conflict"}:
                self._bad.append(BadRow(row, receipt.reason, receipt.message))

    def report(self, file: Path, *, is_dry_run: bool) -> ImportReport:
        fates = self._fates
        return ImportReport(
            str(file), fates.total(), fates["accepted"], fates["duplicate"], tuple(self._bad), is_dry_run
        )


def _offers(rows: Iterable[Row], clock: Clock) -> Iterator[Offered]:
    """Leave out blank rows, and number the others as the file does, from 1."""
    for number, (body, received_us) in enumerate(rows, start=1):
        if body.strip():
            now_us = clock.now_us()
            yield number, Incoming(body, "import", now_us if received_us is None else min(received_us, now_us))


def _require_known_ending(file: Path) -> None:
    if file.suffix not in _ENDINGS:
        raise InputMistakes([Mistake(str(file), "file", file.suffix, f"an ending of {', '.join(_ENDINGS)}")])


def _read(file: Path) -> Iterator[Row]:
    """Yield each row as the bytes of one CloudEvent, with its receipt."""
    try:
        if file.suffix == ".jsonl":
            with file.open("rb") as lines:
                yield from ((line, None) for line in lines)
        elif file.suffix == ".csv":
            with file.open(encoding="utf-8-sig", newline="") as lines:
                yield from map(_row_from, csv.DictReader(lines))
        else:
            with parquet.ParquetFile(file) as opened:
                for batch in opened.iter_batches(BATCH):
                    yield from map(_row_from, batch.to_pylist())
    except (OSError, UnicodeDecodeError, csv.Error, pa.ArrowException) as error:
        wanted = f"a readable {file.suffix} file ({' '.join(str(error).split())})"
        raise InputMistakes([Mistake(str(file), "file", file.name, wanted)]) from None


def _row_from(cells: Mapping[str, Any]) -> Row:
    received_us = None
    with suppress(ValueError, OverflowError):  # a column of somebody else's making says nothing about a receipt
        said = datetime.fromisoformat(str(cells.get("received")))
        received_us = None if said.tzinfo is None else to_us(said)
    return _event_of(cells), received_us


def _event_of(row: Mapping[str, Any]) -> bytes:
    """Return a row as a CloudEvent, its JSON cells as they are: what is wrong in them is for the door to refuse."""
    event = {name: row[name] for name in ATTRIBUTES if row.get(name) not in (None, "")}
    cells = [orjson.dumps(event)[1:-1]]
    if data := row.get("data"):
        cells.append(b'"data":' + _bytes_of(data))
    if extensions := row.get("extensions"):
        cells.append(_members_of(_bytes_of(extensions)))
    return b"{" + b",".join(filter(None, cells)) + b"}"


def _members_of(extensions: bytes) -> bytes:
    """Return the inside of a JSON object; what is none is passed on under the column's name."""
    bare = extensions.strip()
    is_object = bare.startswith(b"{") and bare.endswith(b"}")
    return bare[1:-1].strip() if is_object else b'"extensions":' + bare


def _bytes_of(cell: object) -> bytes:
    return str(cell).encode("utf-8", "surrogatepass")


def _require_at_hand(database: Database, after: int) -> None:
    """Refuse to write a log that silently begins in its middle; raises ``InputMistakes``."""
    with database.reading() as connection:
        gone = [row for row in archive_rows(connection) if row.dropped_us is not None and row.last > after]
    if gone:
        wanted = f"{gone[-1].last} or more: what came before is in archives only (db unarchive puts it back)"
        raise InputMistakes([Mistake("command line", "after", str(after), wanted)])


def _log(database: Database, after: int) -> Iterator[Logged]:
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
            yield row.position, to_rfc3339(row.received_us), orjson.loads(row.body)
        after = rows[-1].position


def _write(ending: str, file: Path, events: Iterable[Logged]) -> int:
    if ending == ".parquet":
        return _write_parquet(file, events)
    with file.open("w", encoding="utf-8", newline="") as out:
        return _write_csv(out, events) if ending == ".csv" else _write_lines(out, events)


def _write_parquet(file: Path, events: Iterable[Logged]) -> int:
    written, rows = 0, map(_row_of, events)
    with parquet.ParquetWriter(file, _SCHEMA, compression="zstd") as writer:
        while some := list(islice(rows, _ROWS_IN_GROUP)):
            columns = zip(zip(*some, strict=True), _SCHEMA, strict=True)
            writer.write_batch(pa.record_batch([pa.array(v, f.type) for v, f in columns], schema=_SCHEMA))
            written += len(some)
    return written


def _write_lines(out: TextIO, events: Iterable[Logged]) -> int:
    written = 0
    for _position, _received, event in events:
        out.write(orjson.dumps(event).decode() + "\n")
        written += 1
    return written


def _write_csv(out: TextIO, events: Iterable[Logged]) -> int:
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    written = 0
    for event in events:
        writer.writerow(_row_of(event))
        written += 1
    return written


def _row_of(logged: Logged) -> tuple[Any, ...]:
    """Return the cells; what a cell cannot tell from nothing (null, an empty text) is written out in ``extensions``."""
    position, received, event = logged
    told = {name: str(event[name]) for name in ATTRIBUTES if event.get(name) not in (None, "")}
    others = {name: value for name, value in event.items() if name not in told and name != "data"}
    cells = [told.get(name) for name in ATTRIBUTES]
    data = _json(event["data"]) if "data" in event else None
    return (position, received, *cells, data, _json(others) if others else None)


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
