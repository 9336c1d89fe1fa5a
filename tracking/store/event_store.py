"""Append: a batch of judged offers becomes log, rejected list, projections and watermarks in one transaction.

Positions are gap-free: the next is head + 1, taken under the writer's lock. What was seen before is found by the log's
own unique key: a batch is first written in the hope that nothing is, and again with care when the key objects.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import RLock

import orjson
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, NotSupportedError

from tracking.decoding import Decoded, identity_of
from tracking.errors import Refusal
from tracking.kill_points import passing
from tracking.names import Interpreter
from tracking.offering import Fate
from tracking.reasons import Reason, refusal
from tracking.registry import Registry
from tracking.store import tables
from tracking.store.archives.read import ArchiveMissing, Archives
from tracking.store.chain import FIRST_LINK
from tracking.store.database import Database, means_not_now, reason_of, sqlstate_of
from tracking.store.log import Mark, Offer, Outcome, Sources, event_row, link_of, mark_of_refused, stored_before
from tracking.store.marks import Watermark
from tracking.store.migrate import require_current
from tracking.store.partitions import Room
from tracking.store.projector import Accepted, AliasFinder, Projector
from tracking.store.refused import write_rejected
from tracking.store.statements import insert, select_by_keys, upsert
from tracking.touches import Act, ItemName, Touch

GAP_CLOSED = "histotwin.gap.closed"
_CAREFUL_AFTER_DUPLICATE = 16
_POISON_STATES = ("22", "23", "54")


@dataclass(frozen=True, slots=True)
class Head:
    """Where the log ends: the last position, its link, how many rows the rejected list has, the link over sources."""

    position: int = 0
    link: bytes = FIRST_LINK
    rejected: int = 0
    sources: bytes = FIRST_LINK


class _Rehearsed(Exception):
    """Undoes the transaction of a rehearsal."""


class EventStore:
    """The log and its projections in one database. Several threads and processes may append; each waits its turn.

    ``archives`` is the folder with the months that are in the database no more: what comes late about their items needs
    them. Raises ``WrongSchema`` when the database's schema is not this version's.
    """

    def __init__(self, database: Database, registry: Registry, archives: Path | None = None) -> None:
        require_current(database)
        self.database = database
        self.interpreter = Interpreter(registry)
        self._sources = Sources()
        self._projector = Projector(self.interpreter, self._sources, Archives(archives))
        self._head: Head | None = None
        self._room = Room(database.is_sqlite)
        self._careful_batches = 0
        self._one_at_a_time = RLock()

    def append(self, offers: Sequence[Offer]) -> list[Outcome]:
        """Store a batch and say what became of each offer.

        Raises ``StoreUnavailable`` with nothing written when the database cannot work now. An event that the database
        itself refuses, or that needs an archive nobody can read, goes to the rejected list; its neighbours are stored.
        """
        if not offers:
            return []
        with self._one_at_a_time:
            try:
                return self._append_hopefully(offers)
            except (DBAPIError, OverflowError, UnicodeError, ArchiveMissing) as error:
                if not is_poison(error):
                    raise
                return self._append_apart(offers, error)

    def rehearse(self, offers: Sequence[Offer]) -> list[Outcome]:
        """Say what would become of a batch, and store nothing. Raises ``StoreUnavailable``."""
        with self._one_at_a_time:  # nobody may append while what never was is still remembered
            outcomes: list[Outcome] = []
            try:
                with self.database.writing() as connection:
                    self._catch_up(connection)
                    outcomes, _ = _Append(connection, self, offers, with_care=True).run()
                    raise _Rehearsed  # noqa: TRY301  # the transaction must not commit
            except _Rehearsed:
                return outcomes
            finally:
                self._forget()

    def _append_hopefully(self, offers: Sequence[Offer]) -> list[Outcome]:
        if self._careful_batches > 0 or not self.database.is_sqlite:  # PostgreSQL logs every clash as an error
            self._careful_batches = max(0, self._careful_batches - 1)
            return self._commit(offers, with_care=True)
        try:
            return self._commit(offers, with_care=False)
        except IntegrityError:
            self._careful_batches = _CAREFUL_AFTER_DUPLICATE
            return self._commit(offers, with_care=True)

    def _append_apart(self, offers: Sequence[Offer], error: Exception) -> list[Outcome]:
        """Store halves on their own until the poison stands alone, then reject it."""
        if len(offers) > 1:
            middle = len(offers) // 2
            return [*self.append(offers[:middle]), *self.append(offers[middle:])]
        detail = reason_of(error) if isinstance(error, DBAPIError) else str(error)
        why = Reason.ARCHIVE_MISSING if isinstance(error, ArchiveMissing) else Reason.DATABASE_REFUSED
        offers[0].refused = refusal(why, detail=detail)
        return self._commit(offers, with_care=True)

    def _commit(self, offers: Sequence[Offer], *, with_care: bool) -> list[Outcome]:
        try:
            with self.database.writing() as connection:
                self._catch_up(connection)
                outcomes, head = _Append(connection, self, offers, with_care=with_care).run()
            self._head = head
        except BaseException:
            self._forget()
            raise
        return outcomes

    def _forget(self) -> None:
        """Drop what was remembered of a transaction that did not commit."""
        self._head = None
        self._sources.forget()
        self._room.forget()

    def _catch_up(self, connection: Connection) -> None:
        row = connection.exec_driver_sql("SELECT position, link, rejected, sources FROM head WHERE id = 1").first()
        head = Head(row[0], bytes(row[1]), row[2], bytes(row[3])) if row else Head()
        self._sources.link = head.sources
        if head != self._head:
            self._projector.forget()
            self._head = head

    @property
    def head(self) -> Head:
        """Where the log ends; valid inside an append, and for whoever has just appended."""
        return self._head or Head()

    @property
    def room(self) -> Room:
        """What sees to it that the log's table has a partition for what comes."""
        return self._room

    @property
    def projector(self) -> Projector:
        """What keeps the projections; for rebuild."""
        return self._projector

    @property
    def sources(self) -> Sources:
        """The numbers of source paths."""
        return self._sources


class _Append:
    """One batch under the writer's lock."""

    def __init__(self, connection: Connection, store: EventStore, offers: Sequence[Offer], *, with_care: bool) -> None:
        self._connection = connection
        self._store = store
        self._offers = offers
        self._with_care = with_care
        self._aliases = AliasFinder(connection, store.interpreter)
        self._announced: set[tuple[str, str]] = set()
        self._accepted: list[Accepted] = []
        self._rows: list[tuple[object, ...]] = []
        self._keys: list[tuple[object, ...]] = []
        self._refused: list[tuple[Offer, Refusal]] = []

    def run(self) -> tuple[list[Outcome], Head]:
        """Return the outcomes and the new head."""
        store, connection = self._store, self._connection
        store.projector.shelf.fetch(connection, _names(self._offers))
        self._ids = store.sources.known(connection, self._paths())
        self._seen = self._stored_before()
        self._link, before = store.head.link, store.head
        outcomes = [self._judge(offer, before.position) for offer in self._offers]
        if self._accepted:
            store.room.make(connection, before.position + len(self._accepted))
            insert(connection, tables.event_key, self._keys)
            insert(connection, tables.event, self._rows)
            store.projector.project(connection, self._accepted)
        rejected = write_rejected(connection, self._refused, before.rejected)
        self._mark(outcomes)
        head = Head(before.position + len(self._accepted), self._link, rejected, store.sources.link)
        if head != before:
            upsert(connection, tables.head, [(1, head.position, head.link, head.rejected, head.sources)])
        passing("in_transaction")
        return outcomes, head

    def _paths(self) -> list[str]:
        return [o.act.source for o in self._offers if o.act is not None] + [
            offer.marks[0] for offer in self._offers if offer.marks is not None
        ]

    def _touches_by_alias(self, act: Act, decoded: Decoded) -> tuple[Touch, ...]:
        """Read what no grammar could, now that the aliases can be asked; raises ``Refusal``."""
        touches = self._store.interpreter.touches(decoded.event, act.lab, self._aliases)
        shelf = self._store.projector.shelf
        shelf.fetch(self._connection, [touch.name for touch in touches])
        shelf.fetch(self._connection, [touch.parent for touch in touches if touch.parent is not None])
        return touches

    def _stored_before(self) -> dict[tuple[int, str], tuple[bytes, int]]:
        if not self._with_care:
            return {}
        events = ((self._ids[o.act.source], o.decoded.event.id) for o in self._offers if o.act and o.decoded)
        return stored_before(self._connection, events)

    def _judge(self, offer: Offer, head: int) -> Outcome:
        decoded, act = offer.decoded, offer.act
        if offer.refused is not None or decoded is None or act is None:
            return self._refuse(offer, offer.refused or refusal(Reason.NOT_JSON, detail="nothing was read"))
        key = (self._ids[act.source], decoded.event.id)
        before = self._seen.get(key)
        if before is not None:
            return self._seen_before(offer, decoded, before)
        try:
            touches = offer.touches if offer.touches is not None else self._touches_by_alias(act, decoded)
            unknown = self._unknown(touches, act.type)
            if unknown and offer.must_be_known:
                raise refusal(Reason.UNKNOWN_BARCODE, item=unknown)
            if act.type == "histotwin.item.created" and act.data.aliases:
                self._claim_aliases(act, touches[0].name)
        except Refusal as reason:
            return self._refuse(offer, reason)
        position = head + len(self._accepted) + 1
        self._seen[key] = (decoded.digest, position)
        self._accepted.append(Accepted(position, key[0], act.received_us, decoded.offset_us, act, touches))
        self._link = link_of(self._link, position, act, decoded)
        self._rows.append(event_row(position, key[0], act, decoded, self._link))
        self._keys.append((key[0], decoded.event.id, position, decoded.digest))
        return Outcome("accepted", position, None, unknown)

    def _seen_before(self, offer: Offer, decoded: Decoded, before: tuple[bytes, int]) -> Outcome:
        digest, position = before
        if digest == decoded.digest:
            return Outcome("duplicate", position)
        clash = refusal(Reason.IDENTITY_CONFLICT, event_id=decoded.event.id, source=decoded.event.source)
        return self._refuse(offer, clash, "conflict")

    def _refuse(self, offer: Offer, reason: Refusal, fate: Fate = "rejected") -> Outcome:
        if offer.act is not None and offer.incoming.kind != "raw":
            offer.identity = identity_of(offer.incoming.body, offer.incoming.attributes)
            offer.marks = mark_of_refused(offer.identity, offer.incoming.origin, offer.incoming.channel)
        if offer.incoming.before is None:  # what is offered again stands in the list already
            self._refused.append((offer, reason))
        return Outcome(fate, None, reason)

    def _unknown(self, touches: tuple[Touch, ...], kind: str) -> str | None:
        """Return the first item that nobody has booked in, taking note of those this event books in."""
        unknown: str | None = None
        get, announced = self._store.projector.shelf.get, self._announced
        for name, _role, parent in touches:
            if parent is not None or kind == "histotwin.case.received":
                announced.add((name[0], name[1]))
            elif unknown is None:
                record = get(name)
                if (record is None or not record.state.announced) and (name[0], name[1]) not in announced:
                    unknown = name.barcode
        return unknown

    def _claim_aliases(self, act: Act, name: ItemName) -> None:
        """Give a new item its second barcodes; raises ``Refusal`` if one already names another."""
        for alias in act.data.aliases:
            owner = self._aliases(act.lab, alias)
            if owner is not None and owner[:2] != name[:2]:
                raise refusal(Reason.ALIAS_TAKEN, alias=ascii(alias), owner=owner.barcode, item=name.barcode)
        self._aliases.claimed.update({(act.lab, alias): name for alias in act.data.aliases})

    def _mark(self, outcomes: list[Outcome]) -> None:
        """Move the watermarks on, and tell each outcome how far its device's boot is stored."""
        told = [
            (outcome, (self._ids[path], boot), sequence, offer.incoming.received_us)
            for offer, outcome in zip(self._offers, outcomes, strict=True)
            if (mark := _mark_of(offer, outcome)) is not None
            for path, boot, sequence in (mark,)
        ]
        closed = [event for event in self._accepted if event.act.type == GAP_CLOSED]
        if not told and not closed:
            return
        sources = self._store.sources.known(self._connection, (event.act.data.device for event in closed))
        gaps = [((sources[event.act.data.device], event.act.data.boot), event) for event in closed]
        marks = self._marks({key for _outcome, key, *_ in told} | {key for key, _event in gaps})
        for outcome, key, sequence, received_us in told:
            if outcome.fate != "duplicate":
                marks[key].add(sequence, received_us)
        for key, event in gaps:
            marks[key].add_range(event.act.data.first, event.act.data.last, event.received_us)
        rows = [(*key, mark.contiguous, mark.highest, mark.beyond_text()) for key, mark in marks.items()]
        upsert(self._connection, tables.watermark, rows)
        for outcome, key, *_ in told:
            outcome.stored_through = marks[key].contiguous

    def _marks(self, keys: set[tuple[int, str]]) -> dict[tuple[int, str], Watermark]:
        columns = ("source_id", "boot", "contiguous", "highest", "beyond")
        marks = {key: Watermark() for key in sorted(keys)}
        for row in select_by_keys(self._connection, tables.watermark, columns, ("source_id", "boot"), marks):
            marks[row[0], row[1]] = Watermark(row[2], row[3], orjson.loads(row[4]))
        return marks


def _names(offers: Sequence[Offer]) -> Iterator[ItemName]:
    for offer in offers:
        for name, _role, parent in offer.touches or ():
            yield name
            if parent is not None:
                yield parent


def _mark_of(offer: Offer, outcome: Outcome) -> Mark | None:
    """Return source, boot and sequence of an offer that counts as stored: the sender's, where that was corrected."""
    if outcome.refused is not None or offer.decoded is None:
        return offer.marks
    event = offer.decoded.event
    if event.boot is None or event.sequence is None:
        return offer.marks
    return event.source, event.boot, event.sequence


def is_poison(error: Exception) -> bool:
    """Tell whether one row, not the moment, is what the database objects to."""
    if not isinstance(error, DBAPIError):
        return True
    if means_not_now(error):
        return False
    if state := sqlstate_of(error):
        return state.startswith(_POISON_STATES)
    return isinstance(error, IntegrityError | DataError | InterfaceError | NotSupportedError)
