"""Accepted events become rows of the projections, in the transaction that stores them. The rules are in pure modules.

An item whose new acts all come later than what it has is folded on; any other is folded anew from its events in the
log. Numbers of items are given in the order the log first mentions them, so a rebuild gives the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from tracking.decoding import decode
from tracking.events import Kind
from tracking.items import DEVICE_SAYINGS, CaseClocks, ItemState, apply, apply_to_clocks, device_saying
from tracking.names import Interpreter
from tracking.store import tables
from tracking.store.archives.read import Archives
from tracking.store.log import Sources
from tracking.store.marks import DeviceRow
from tracking.store.shelf import CHANGING_COLUMNS, CLOCK_COLUMNS, Record, Shelf
from tracking.store.statements import insert, mark_of, select_by_keys, update, upsert
from tracking.touches import Act, ItemName, OrderKey, Touch

Told = list[tuple[Act, Touch]]
_DEVICE_COLUMNS = (
    "source_id", "lab", "state", "detail", "state_us", "last_us", "last_received_us", "events", "clock_off_us",
)  # fmt: skip


@dataclass(slots=True)
class Accepted:
    """One event of the log on its way into the projections."""

    position: int
    source_id: int
    received_us: int
    offset_us: int | None
    act: Act
    touches: tuple[Touch, ...]


class Batch:
    """What one batch has changed so far."""

    def __init__(self) -> None:
        self.told: dict[Record, Told] = {}
        self.new: dict[Record, None] = {}
        self.clocks: dict[Record, None] = {}
        self.relinked: dict[Record, None] = {}
        self.refolded: dict[Record, None] = {}
        self.recount: dict[int, None] = {}
        self.item_events: list[tuple[int, int]] = []
        self.aliases: list[tuple[str, str, int]] = []


class Projector:
    """Keeps items, visits, case clocks and devices true to the log. Use under the writer's lock only.

    Where an item's earlier events are in an archive only, they are read from there; every method raises
    ``ArchiveMissing`` when that cannot be.
    """

    def __init__(self, interpreter: Interpreter, sources: Sources, archives: Archives | None = None) -> None:
        self._interpreter = interpreter
        self._sources = sources
        self._archives = archives or Archives()
        self.shelf = Shelf(interpreter.names, sources.path)
        self._devices: dict[int, DeviceRow] = {}
        self._next_id: int | None = None

    def forget(self) -> None:
        """Drop everything remembered, because another process wrote or a transaction failed."""
        self.shelf.clear()
        self._devices.clear()
        self._next_id = None

    def project(self, connection: Connection, accepted: Sequence[Accepted]) -> None:
        """Write what the events change. The shelf must have fetched the names they touch."""
        batch = Batch()
        for event in accepted:
            self._tell(connection, event, batch)
        for record, told in batch.told.items():
            self._fold(connection, record, told, batch)
        for record in batch.told:
            self._link(connection, record, batch)
        self._write(connection, batch)
        self._note_devices(connection, accepted)
        self.shelf.trim()

    def _tell(self, connection: Connection, event: Accepted, batch: Batch) -> None:
        act, position = event.act, event.position
        for touch in event.touches:
            record = self.shelf.get(touch.name) or self._create(connection, touch.name, batch)
            if touch.parent is not None and self.shelf.get(touch.parent) is None:
                self._create(connection, touch.parent, batch)
            told = batch.told.get(record)
            if told is None:
                batch.told[record] = [(act, touch)]
            else:
                told.append((act, touch))
            batch.item_events.append((record.id, position))
        if act.type == "histotwin.item.created":
            owner = self.shelf.get(event.touches[0].name)
            batch.aliases.extend((act.lab, text, owner.id) for text in act.data.aliases if owner is not None)

    def _create(self, connection: Connection, name: ItemName, batch: Batch) -> Record:
        """Give an item and the forebears its label names their numbers, outermost first."""
        parent: Record | None = None
        for forebear in self._interpreter.names.family(name):
            parent = self.shelf.get(forebear) or self._create_one(connection, forebear, parent, batch)
        return self._create_one(connection, name, parent, batch)

    def _create_one(self, connection: Connection, name: ItemName, parent: Record | None, batch: Batch) -> Record:
        if self._next_id is None:
            self._next_id = connection.exec_driver_sql("SELECT coalesce(max(id), 0) + 1 FROM item").scalar_one()
        is_case = name.kind is Kind.CASE
        names_parent = parent is not None and name.parent is not None
        record = Record(
            self._next_id, name, ItemState(), parent.id if parent and names_parent else None,
            self._next_id if is_case else self._case_of(parent), CaseClocks() if is_case else None, set(), False,
        )  # fmt: skip
        self._next_id += 1
        self.shelf.put(record)
        batch.new[record] = None
        if is_case:
            batch.clocks[record] = None
        return record

    def _case_of(self, parent: Record | None) -> int | None:
        return None if parent is None else parent.case_id

    def _fold(self, connection: Connection, record: Record, told: Told, batch: Batch) -> None:
        if len(told) > 1:
            told.sort(key=_key)
        state = record.state
        if not state.is_before(told[0][0].key):
            told = sorted([*self._history(connection, record), *told], key=_key)
            state = record.state = ItemState()
            batch.refolded[record] = None
            if record.clocks is not None:
                record.clocks = CaseClocks()
                batch.clocks[record] = None
        for act, touch in told:
            apply(state, act, touch)
        if record.clocks is not None:
            for act, _touch in told:
                if apply_to_clocks(record.clocks, act):
                    batch.clocks[record] = None
        if state.visits_from < len(state.visits) and record.case_id is not None:
            self._add_steps(connection, record, record.case_id, batch)

    def _add_steps(self, connection: Connection, record: Record, case_id: int, batch: Batch) -> None:
        case = record if record.id == case_id else self.shelf.by_id(connection, case_id)
        steps = {visit.step for visit in record.state.visits[record.state.visits_from :]}
        if not steps <= case.steps:
            case.steps |= steps
            batch.clocks[case] = None

    def _history(self, connection: Connection, record: Record) -> Told:
        """Return what the log already tells of an item."""
        mark = mark_of(connection)
        sql = (
            "SELECT item_event.position, event.body, event.received_us FROM item_event "  # noqa: S608
            f"LEFT JOIN event ON event.position = item_event.position WHERE item_event.item_id = {mark}"
        )
        rows = connection.exec_driver_sql(sql, (record.id,)).all()
        told: Told = []
        for body, received_us in [row[1:] for row in rows if row[1] is not None] + self._archived(connection, rows):
            decoded = decode(bytes(body))
            act = self._interpreter.act(decoded, received_us)
            touches = self._interpreter.touches(decoded.event, act.lab, AliasFinder(connection, self._interpreter))
            told.extend((act, touch) for touch in touches if touch.name[:2] == record.name[:2])
        return told

    def _archived(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> list[tuple[bytes, int]]:
        """Return body and receipt of those events that the table has no more."""
        positions = [position for position, body, _received_us in rows if body is None]
        events = self._archives.events(connection, positions) if positions else []
        return [(event.body, event.received_us) for event in events]

    def _link(self, connection: Connection, record: Record, batch: Batch) -> None:
        """Follow the parent that events state, where the label itself names none."""
        stated = record.state.parent
        if stated is None or record.name.parent is not None:
            return
        parent = self.shelf.get(stated)
        if parent is None:
            self.shelf.fetch(connection, [stated])
            parent = self.shelf.get(stated)
        if parent is not None and parent.id != record.parent_id:
            record.parent_id = parent.id
            batch.relinked[record] = None
        if parent is not None and record.name.case is None:
            self._move_to_case(connection, record, parent.case_id, batch)

    def _move_to_case(self, connection: Connection, record: Record, case_id: int | None, batch: Batch) -> None:
        """Take an item and all that was made from it to another case."""
        if record.case_id == case_id:
            return
        batch.recount.update(dict.fromkeys(number for number in (record.case_id, case_id) if number is not None))
        record.case_id = case_id
        batch.relinked[record] = None
        for child in self.shelf.children_of(connection, record.id):
            if child.name.case is None:
                self._move_to_case(connection, child, case_id, batch)

    def _write(self, connection: Connection, batch: Batch) -> None:
        relinked = batch.relinked
        insert(connection, tables.item, [record.row() for record in batch.new])
        changed = [record.changed_row() for record in batch.told if record.is_written and record not in relinked]
        update(connection, tables.item, CHANGING_COLUMNS, changed)
        upsert(connection, tables.item, [record.row() for record in relinked if record.is_written])
        upsert(connection, tables.alias, batch.aliases)
        insert(connection, tables.item_event, batch.item_events)
        self._write_visits(connection, batch)
        for case_id in batch.recount:
            self._recount_steps(connection, case_id, batch)
        fresh = [record.clock_row() for record in batch.clocks if not record.is_written]
        insert(connection, tables.case_clock, fresh)
        changed = [(*record.clock_row()[3:], record.id) for record in batch.clocks if record.is_written]
        update(connection, tables.case_clock, CLOCK_COLUMNS, changed)
        for record in batch.new:
            record.is_written = True

    def _write_visits(self, connection: Connection, batch: Batch) -> None:
        written = [(record.id,) for record in batch.refolded]
        if written:
            sql = f"DELETE FROM visit WHERE item_id = {mark_of(connection)}"  # noqa: S608
            connection.exec_driver_sql(sql, written)
        changed = [
            (record, place)
            for record in batch.told
            for place in range(record.state.visits_from, len(record.state.visits))
        ]
        ids = self._sources.known(connection, (record.state.visits[place].source for record, place in changed))
        rows = [record.visit_row(place, ids[record.state.visits[place].source]) for record, place in changed]
        upsert(connection, tables.visit, rows)
        for record in batch.told:
            record.state.visits_from = len(record.state.visits)

    def _recount_steps(self, connection: Connection, case_id: int, batch: Batch) -> None:
        mark = mark_of(connection)
        sql = (
            "SELECT DISTINCT visit.step FROM visit JOIN item ON item.id = visit.item_id "  # noqa: S608
            f"WHERE item.case_id = {mark}"
        )
        case = self.shelf.by_id(connection, case_id)
        case.steps = {row[0] for row in connection.exec_driver_sql(sql, (case_id,))}
        batch.clocks[case] = None

    def _note_devices(self, connection: Connection, accepted: Iterable[Accepted]) -> None:
        changed: dict[int, DeviceRow] = {}
        for event in accepted:
            device = changed.get(event.source_id)
            if device is None:
                device = changed[event.source_id] = self._device(connection, event)
            device.note(event.act.time_us, event.received_us)
            device.note_clock(event.act.key[1], event.offset_us, event.received_us)
            if said := device_saying(event.act):
                self._say_state(connection, device, event, *said)
        upsert(connection, tables.device, [
            (number, d.lab, d.state, d.detail, d.state_us, d.last_us, d.last_received_us, d.events, d.clock_off_us)
            for number, d in changed.items()
        ])  # fmt: skip

    def _device(self, connection: Connection, event: Accepted) -> DeviceRow:
        device = self._devices.get(event.source_id)
        if device is None:
            rows = select_by_keys(connection, tables.device, _DEVICE_COLUMNS, ("source_id",), [(event.source_id,)])
            device = DeviceRow(*rows[0][1:]) if rows else DeviceRow(event.act.lab)
            self._devices[event.source_id] = device
        return device

    def _say_state(
        self, connection: Connection, device: DeviceRow, event: Accepted, state: str, detail: str | None
    ) -> None:
        if device.is_tie(event.act.key):
            device.key = self._key_of_state(connection, event)
        device.say(event.act.key, state, detail)

    def _key_of_state(self, connection: Connection, event: Accepted) -> OrderKey:
        mark = mark_of(connection)
        kinds = ", ".join(f"'{kind}'" for kind in DEVICE_SAYINGS)
        sql = (
            "SELECT time_us, boot, sequence, event_id FROM event "  # noqa: S608
            f"WHERE source_id = {mark} AND at_us = {mark} AND position < {mark} AND type IN ({kinds})"
        )
        act = event.act
        rows = [tuple(row) for row in connection.exec_driver_sql(sql, (event.source_id, act.time_us, event.position))]
        old = self._archives.said_at(connection, event.source_id, act.time_us, DEVICE_SAYINGS)
        rows += [(said.time_us, said.boot, said.sequence, said.event_id) for said in old]
        own = [
            (act.time_us, said, act.source, boot or "", -1 if seq is None else seq, i) for said, boot, seq, i in rows
        ]
        return max(key for key in own if key != act.key) if own else act.key


class AliasFinder:
    """Asks the database whose second barcode a text is."""

    def __init__(self, connection: Connection, interpreter: Interpreter) -> None:
        self._connection = connection
        self._interpreter = interpreter
        self.claimed: dict[tuple[str, str], ItemName] = {}

    def __call__(self, lab: str, text: str) -> ItemName | None:
        """Return the item, or ``None``."""
        if found := self.claimed.get((lab, text)):
            return found
        mark = mark_of(self._connection)
        sql = (
            "SELECT item.lab, item.barcode, item.kind FROM alias JOIN item ON item.id = alias.item_id "  # noqa: S608
            f"WHERE alias.lab = {mark} AND alias.value = {mark}"
        )
        row = self._connection.exec_driver_sql(sql, (lab, text)).first()
        if row is None:
            return None
        name = self._interpreter.names.named(row[0], row[1])
        return name if name and name.lab == row[0] else ItemName(row[0], row[1], Kind(row[2]), None, None)


def _key(pair: tuple[Act, Touch]) -> OrderKey:
    return pair[0].key
