"""The item records in hand: read from the database, remembered between batches, written back by the projector.

Holds rows and look-ups only; what an event does to an item is decided in ``tracking.items``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection

from tracking.events import Kind
from tracking.items import CaseClocks, ItemState, Visit, work_text
from tracking.names import Names
from tracking.store import tables
from tracking.store.statements import Row, select_by_keys
from tracking.touches import ItemName

KEPT_RECORDS = 60_000
_ITEM_COLUMNS = tuple(column.name for column in tables.item.columns)
_VISIT_COLUMNS = (
    "item_id",
    "lab",
    "step",
    "station",
    "operator",
    "source_id",
    "run",
    "started_us",
    "ended_us",
    "outcome",
)
_FIRST_CHANGING = _ITEM_COLUMNS.index("announced")
CHANGING_COLUMNS = _ITEM_COLUMNS[_FIRST_CHANGING:]
CLOCK_COLUMNS = tuple(column.name for column in tables.case_clock.columns)[3:]


@dataclass(slots=True, eq=False)
class Record:
    """An item with its numbers in the database. ``steps`` and ``clocks`` are a case's."""

    id: int
    name: ItemName
    state: ItemState
    parent_id: int | None
    case_id: int | None
    clocks: CaseClocks | None
    steps: set[str]
    is_written: bool

    def row(self) -> Row:
        """Return the row of table ``item``."""
        s = self.state
        return (
            self.id, self.name.lab, self.name.barcode, str(self.name.kind), self.parent_id, self.case_id, s.announced,
            s.status, s.step, s.step_state, s.step_us, s.station, s.seen_us, s.run, s.stain, s.images,
            work_text(s.work), s.attributes, s.last_us,
        )  # fmt: skip

    def changed_row(self) -> Row:
        """Return what events change of an item, in the order of ``CHANGING_COLUMNS``, and its number."""
        return (*self.row()[_FIRST_CHANGING:], self.id)

    def clock_row(self) -> Row:
        """Return the row of table ``case_clock``."""
        c = self.clocks or CaseClocks()
        return (
            self.id, self.name.lab, self.name.barcode, c.priority, c.pathway, c.specialty, c.specimen_type,
            c.collected_us, c.received_us, c.booked_in_us, c.assigned_us, c.reported_us, c.authorised_us,
            c.pathologist, orjson.dumps(sorted(self.steps)).decode(),
        )  # fmt: skip

    def visit_row(self, place: int, source_id: int) -> Row:
        """Return the row of table ``visit`` of the visit at ``place``, counted from 0."""
        v = self.state.visits[place]
        return (
            self.id, place + 1, v.lab, v.step, v.station, v.operator, source_id, v.run, v.started_us, v.ended_us,
            v.outcome,
        )  # fmt: skip


class Shelf:
    """Records by name and by number; true only as long as nobody else writes, so ``clear`` it when the head moved."""

    def __init__(self, names: Names, path_of_source: Callable[[Connection, int], str]) -> None:
        self._names = names
        self._path_of_source = path_of_source
        self._by_name: dict[tuple[str, str], Record] = {}
        self._by_id: dict[int, Record] = {}

    def clear(self) -> None:
        """Forget everything."""
        self._by_name.clear()
        self._by_id.clear()

    def trim(self) -> None:
        """Forget the older half when there are too many; the next look-up reads them again."""
        if len(self._by_id) <= KEPT_RECORDS:
            return
        kept = list(self._by_id.values())[len(self._by_id) // 2 :]
        self.clear()
        for record in kept:
            self.put(record)

    def put(self, record: Record) -> None:
        """Keep a record."""
        self._by_name[record.name.lab, record.name.barcode] = record
        self._by_id[record.id] = record

    def get(self, name: ItemName) -> Record | None:
        """Return the record of an item that was fetched before, or ``None`` when there is no such item."""
        return self._by_name.get((name[0], name[1]))

    def by_id(self, connection: Connection, item_id: int) -> Record:
        """Return a record by number, reading it when it is not in hand."""
        record = self._by_id.get(item_id)
        if record is None:
            self._take(connection, select_by_keys(connection, tables.item, _ITEM_COLUMNS, ("id",), [(item_id,)]))
            record = self._by_id[item_id]
        return record

    def fetch(self, connection: Connection, names: Iterable[ItemName]) -> None:
        """Read those of the items, and of the forebears their labels name, that are not in hand."""
        wanted: dict[tuple[str, str], None] = {}
        by_name, family = self._by_name, self._names.family
        for name in names:
            if (name[0], name[1]) not in by_name:
                wanted[name[0], name[1]] = None
                for forebear in family(name):
                    if (forebear[0], forebear[1]) not in by_name:
                        wanted[forebear[0], forebear[1]] = None
        if wanted:
            self._take(connection, select_by_keys(connection, tables.item, _ITEM_COLUMNS, ("lab", "barcode"), wanted))

    def children_of(self, connection: Connection, item_id: int) -> list[Record]:
        """Return the items made from one, those not yet written included."""
        rows = select_by_keys(connection, tables.item, ("id",), ("parent_id",), [(item_id,)])
        found = {row[0] for row in rows} | {record.id for record in self._by_id.values() if record.parent_id == item_id}
        children = (self.by_id(connection, child) for child in sorted(found))
        return [child for child in children if child.parent_id == item_id]

    def _take(self, connection: Connection, rows: list[Row]) -> None:
        fresh = {row[0]: self._record(row) for row in rows if row[0] not in self._by_id}
        for record in fresh.values():
            self.put(record)
        self._take_visits(connection, fresh)
        self._take_clocks(connection, {i: record for i, record in fresh.items() if record.name.kind is Kind.CASE})

    def _record(self, row: Row) -> Record:
        (number, lab, barcode, kind, parent_id, case_id, announced, status, step, step_state, step_us, station, seen_us,
         run, stain, images, work, attributes, last_us) = row  # fmt: skip
        name = self._names.named(lab, barcode)
        if name is None or name.lab != lab:
            name = ItemName(lab, barcode, Kind(kind), None, None)
        state = ItemState(
            None, bool(announced), status, step, step_state, step_us, station, seen_us, run, stain, images,
            orjson.loads(work) if work else [], attributes, last_us,
        )  # fmt: skip
        return Record(number, name, state, parent_id, case_id, None, set(), is_written=True)

    def _take_visits(self, connection: Connection, fresh: dict[int, Record]) -> None:
        keys = [(number,) for number, record in fresh.items() if record.state.last_us is not None]
        for row in select_by_keys(connection, tables.visit, _VISIT_COLUMNS, ("item_id",), keys, "ORDER BY item_id, n"):
            number, lab, step, station, operator, source_id, run, started_us, ended_us, outcome = row
            path = self._path_of_source(connection, source_id)
            visit = Visit(lab, step, station, operator, path, run, started_us, ended_us, outcome)
            fresh[number].state.visits.append(visit)
        for record in fresh.values():
            record.state.visits_from = len(record.state.visits)

    def _take_clocks(self, connection: Connection, cases: dict[int, Record]) -> None:
        columns = ("case_id", *CLOCK_COLUMNS)
        for row in select_by_keys(connection, tables.case_clock, columns, ("case_id",), [(i,) for i in cases]):
            cases[row[0]].clocks = CaseClocks(*row[1:-1])
            cases[row[0]].steps = set(orjson.loads(row[-1]))
