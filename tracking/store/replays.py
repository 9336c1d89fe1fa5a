"""Refused messages offered again, set aside, or taken up once more; each row says who did it and what came of it.

A replay goes through the same door with the same bytes, channel and origin. What the door stores is settled afterwards;
a process that dies in between leaves an open row, and the next replay finds a duplicate and settles that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
from sqlalchemy import Connection

from tracking.clock import Clock
from tracking.errors import NotFound, StoreUnavailable
from tracking.kill_points import passing
from tracking.offering import Before, Incoming, Receipt
from tracking.store import tables
from tracking.store.database import Database
from tracking.store.progress import Progress
from tracking.store.refused import DISMISSED, OPEN, REPLAYED, Refused, read_refused, write_changes
from tracking.store.statements import Row, select_by_keys

BATCH = 500
_COLUMNS = (
    "id", "digest", "channel", "origin", "kind", "body", "attributes", "first_us", "last_us", "state", "position",
)  # fmt: skip


class Door(Protocol):
    """The one way in, as a replay needs it."""

    def take(self, batch: Sequence[Incoming]) -> list[Receipt]:
        """Store a batch; raises ``StoreUnavailable``."""

    def rehearse(self, batch: Sequence[Incoming]) -> list[Receipt]:
        """Say what ``take`` would do, and store nothing."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What became of one row of the list; ``receipt`` is ``None`` where it was not open and was left alone."""

    id: int
    state: str
    position: int | None
    receipt: Receipt | None


class Replays:
    """What people may do with refused messages. Every call may raise ``StoreUnavailable`` and ``NotFound``."""

    def __init__(self, database: Database, door: Door, clock: Clock) -> None:
        self._database, self._door, self._clock = database, door, clock

    def rehearse(self, ids: Sequence[int]) -> list[Replay]:
        """Say what a replay would bring, and change nothing; a batch does not see what the one before would bring."""
        batches = _batches(sorted(set(ids)))
        return [replay for some in batches for replay in self._through(some, self._door.rehearse)]

    def replay(self, ids: Sequence[int], person: str) -> list[Replay]:
        """Offer rows again in the order in which they first came; more than one batch of them tells its progress."""
        batches = list(_batches(sorted(set(ids))))
        if len(batches) < 2:
            return [replay for some in batches for replay in self._replay(some, person)]
        return self._replay_many(batches, person)

    def _replay_many(self, batches: Sequence[Sequence[int]], person: str) -> list[Replay]:
        total, told = sum(map(len, batches)), list[Replay]()
        progress = Progress(self._database, self._clock, "replay", total, f"0 of {total} refused events replayed")
        try:
            for some in batches:
                told += self._replay(some, person)
                progress.report(len(told), f"{len(told)} of {total} refused events replayed")
        finally:
            with suppress(StoreUnavailable):  # whatever stopped it is told by itself
                progress.finish(f"{len(told)} of {total} refused events replayed")
        return told

    def _replay(self, ids: Sequence[int], person: str) -> list[Replay]:
        told = self._through(ids, self._door.take)
        tried = {replay.id: replay.receipt for replay in told if replay.receipt is not None}
        passing("replayed")
        self._settle(tried, person)
        return told

    def _through(self, ids: Sequence[int], door: Callable[[Sequence[Incoming]], list[Receipt]]) -> list[Replay]:
        with self._database.reading() as connection:
            rows = _rows(connection, ids)
        waiting = [row for row in rows if row["state"] == OPEN]
        receipts = door([incoming_of(row, self._clock.now_us()) for row in waiting]) if waiting else []
        by_id = {row["id"]: receipt for row, receipt in zip(waiting, receipts, strict=True)}
        return [_told(row, by_id.get(row["id"])) for row in rows]

    def _settle(self, tried: dict[int, Receipt], person: str) -> None:
        with self._database.writing() as connection:
            rows = read_refused(connection, "id", tried)
            changed = [row for row in rows.values() if _is_to_be_settled(row, tried[row.id])]
            for row in changed:
                self._note(row, tried[row.id], person)
            write_changes(connection, changed)

    def _note(self, row: Refused, receipt: Receipt, person: str) -> None:
        row.person, row.settled_us = person, self._clock.now_us()
        if _is_in_log(receipt):
            row.state, row.position, row.note = REPLAYED, receipt.position, receipt.message
        else:
            row.note = f"{receipt.reason}: {receipt.message}"

    def dismiss(self, ids: Sequence[int], person: str, note: str) -> list[Replay]:
        """Set rows aside by a person's word: those that are open."""
        return self._change(ids, person, OPEN, DISMISSED, note)

    def reopen(self, ids: Sequence[int], person: str, note: str) -> list[Replay]:
        """Take up rows again that were set aside."""
        return self._change(ids, person, DISMISSED, OPEN, note)

    def _change(self, ids: Sequence[int], person: str, before: str, after: str, note: str) -> list[Replay]:
        wanted, now_us = sorted(set(ids)), self._clock.now_us()
        with self._database.writing() as connection:
            rows = read_refused(connection, "id", wanted)
            _require_all(wanted, rows)
            changed = [row for row in rows.values() if row.state == before]
            for row in changed:
                row.state, row.person, row.note, row.settled_us = after, person, note, now_us
            write_changes(connection, changed)
        return [Replay(number, rows[number].state, rows[number].position, None) for number in wanted]


def incoming_of(row: dict[str, Any], received_us: int) -> Incoming:
    """Return a row of the list as it is offered again."""
    attributes = None if row["attributes"] is None else orjson.loads(row["attributes"])
    return Incoming(
        bytes(row["body"]), row["channel"], received_us, row["origin"], row["kind"], attributes, before=_before(row)
    )


def _before(row: dict[str, Any]) -> Before:
    """Return what an event made of plain bytes is; one that came again after it was stored is another event."""
    name = f"refused-{bytes(row['digest']).hex()[:32]}"
    position = row["position"]
    return Before(row["first_us"], name) if position is None else Before(row["last_us"], f"{name}-{position}")


def _is_to_be_settled(row: Refused, receipt: Receipt) -> bool:
    """Tell whether what came of a replay is news; what somebody set aside while it was being stored is in the log."""
    return row.state == OPEN or (row.state == DISMISSED and _is_in_log(receipt))


def _is_in_log(receipt: Receipt) -> bool:
    return receipt.fate in ("accepted", "duplicate")


def _told(row: dict[str, Any], receipt: Receipt | None) -> Replay:
    if receipt is not None and _is_in_log(receipt):
        return Replay(row["id"], REPLAYED, receipt.position, receipt)
    return Replay(row["id"], row["state"], row["position"], receipt)


def _rows(connection: Connection, ids: Sequence[int]) -> list[dict[str, Any]]:
    keys: list[Row] = [(number,) for number in ids]
    found = {row[0]: row for row in select_by_keys(connection, tables.rejected, _COLUMNS, ("id",), keys)}
    _require_all(ids, found)
    return [dict(zip(_COLUMNS, found[number], strict=True)) for number in ids]


def _require_all(ids: Sequence[int], found: Any) -> None:
    for number in ids:
        if number not in found:
            raise NotFound(f"There is no refused event {number}.")


def _batches(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))
