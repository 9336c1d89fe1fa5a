"""The board in memory: every lab's open and recent cases, renewed case by case from what is new in the log.

``catch_up`` asks for the log's head; of each new event it reads which items are named and renews only their cases.
More than 5,000 new events at once, or a name it cannot place, renew the whole lab. Percentiles are worked out at most
every 15 seconds. Whoever catches up, the labs renewed are kept for ``take_changed``, which the live stream calls.
All calls block on the database, ``take_changed`` excepted, and may come from any thread.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select

from tracking.access.principals import Principal
from tracking.clock import DAY_US, Clock
from tracking.queries.board_row import LabPicture, board_row, percentiles_of
from tracking.queries.case_rows import cases_by_id, closed_cases, open_cases
from tracking.queries.device_rows import device_counts, last_received_us
from tracking.queries.events_log import head_position
from tracking.queries.forecasts import forecast_risk
from tracking.queries.named_items import cases_named, names_in
from tracking.queries.scope import visible_lab, visible_labs
from tracking.queries.stages import Route
from tracking.queries.words import Answer
from tracking.registry import Registry
from tracking.store.database import Database
from tracking.store.tables import event, forecast, rejected, source
from tracking.turnaround.calendar import lab_calendar
from tracking.turnaround.clocks import CaseTimes
from tracking.turnaround.targets import earliest_due_us

REMEMBERED_US = 28 * DAY_US
PERCENTILES_EVERY_S = 15.0
ALL_AGAIN_EVERY_S = 600.0
MOST_DUE_AT_ONCE = 2
MOST_EVENTS_AT_ONCE = 5_000


@dataclass(slots=True)
class _Kept:
    """One lab's picture with what is known of its age."""

    picture: LabPicture
    route: Route
    percentiles_s: float = float("-inf")
    loaded_s: float = float("-inf")
    row: Answer = field(default_factory=dict)


class LiveBoard:
    """Rows of all labs, as of the last ``catch_up``."""

    def __init__(self, database: Database, registry: Registry, clock: Clock) -> None:
        self._database = database
        self._registry = registry
        self._clock = clock
        self._lock = threading.Lock()
        self._changes = threading.Lock()
        self._labs = {
            lab.id: _Kept(LabPicture(lab, lab_calendar(lab)), Route(lab.route)) for lab in registry.labs.values()
        }
        self._position = 0
        self._forecast_id = 0
        self._rejected_id = 0
        self._undrawn: dict[str, None] = {}
        self._changed: set[str] = set()

    @property
    def position(self) -> int:
        """The log position up to which the rows are right."""
        return self._position

    def catch_up(self) -> frozenset[str]:
        """Bring every row up to the log's head; return the labs whose row this call renewed.

        A lab whose row could not be renewed is tried again by the next call.
        """
        with self._lock, self._database.reading() as connection:
            now_s = self._clock.monotonic_s()
            self._undrawn |= dict.fromkeys(self._follow_log(connection, now_s))
            self._undrawn |= dict.fromkeys(self._follow_rest(connection))
            self._undrawn |= dict.fromkeys(self._due(now_s))
            return self._redraw_all(connection, now_s)

    def take_changed(self) -> frozenset[str]:
        """Return the labs whose row was renewed since the last taking, by whosever call; for the live stream alone."""
        with self._changes:
            taken = frozenset(self._changed)
            self._changed.clear()
        return taken

    def rows(self, principal: Principal) -> list[Answer]:
        """Return the rows this principal may see, in the registry's order."""
        return [self._labs[lab.id].row for lab in visible_labs(self._registry, principal) if self._labs[lab.id].row]

    def row(self, principal: Principal, lab_id: str) -> Answer:
        """Return one lab's row; raises ``NotFound``."""
        return self._labs[visible_lab(self._registry, principal, lab_id).id].row

    def picture(self, lab_id: str) -> LabPicture:
        """Return what is in memory of one lab, for the lab page. The caller has checked the scope."""
        return self._labs[lab_id].picture

    def _due(self, now_s: float) -> set[str]:
        """Return the labs whose percentiles are oldest and due, a few at a time: nobody should wait for all."""
        due = [lab for lab, kept in self._labs.items() if now_s - kept.percentiles_s >= PERCENTILES_EVERY_S]
        return set(sorted(due, key=lambda lab: self._labs[lab].percentiles_s)[:MOST_DUE_AT_ONCE])

    def _follow_log(self, connection: Connection, now_s: float) -> set[str]:
        head = head_position(connection)
        stale = self._stale(now_s)
        if head < self._position or head - self._position > MOST_EVENTS_AT_ONCE:
            stale = set(self._labs)
        touched = self._follow_events(connection, head, stale) if head > self._position else set()
        for lab in stale:
            self._load(connection, self._labs[lab], now_s)
        self._position = head
        return touched | stale

    def _stale(self, now_s: float) -> set[str]:
        """Return the labs never read, or else one that was read whole longest ago: a mistake would not last."""
        unread = {lab for lab, kept in self._labs.items() if kept.loaded_s == float("-inf")}
        old = {lab for lab, kept in self._labs.items() if now_s - kept.loaded_s > ALL_AGAIN_EVERY_S}
        return unread or {min(old, key=lambda lab: self._labs[lab].loaded_s)} if old else set()

    def _follow_events(self, connection: Connection, head: int, stale: set[str]) -> set[str]:
        """Renew the cases that new events name; labs of which that cannot be told are added to ``stale``."""
        if len(stale) == len(self._labs):
            return set()
        touched: set[str] = set()
        named: defaultdict[str, set[str]] = defaultdict(set)
        query = select(source.c.lab, event.c.body).join(source, source.c.id == event.c.source_id)
        for lab, body in connection.execute(query.where(event.c.position > self._position, event.c.position <= head)):
            if lab in self._labs:
                touched.add(lab)
                named[lab].update(names_in(body))
        by_lab, unknown = cases_named(connection, self._registry, named)
        stale |= unknown & set(self._labs)
        for lab, case_ids in by_lab.items():
            if lab not in stale:
                self._renew(connection, self._labs[lab], case_ids)
        return touched | set(by_lab)

    def _renew(self, connection: Connection, kept: _Kept, case_ids: Iterable[int]) -> None:
        picture = kept.picture
        ids = list(case_ids)
        still_open, closed = cases_by_id(connection, ids, kept.route)
        for case_id in ids:
            picture.open.pop(case_id, None)
            picture.due.pop(case_id, None)
        picture.open.update(still_open)
        picture.closed.update(closed)
        picture.due.update(_dues(picture, {case_id: case.times for case_id, case in still_open.items()}))

    def _load(self, connection: Connection, kept: _Kept, now_s: float) -> None:
        now_us = self._clock.now_us()
        picture, lab = kept.picture, kept.picture.lab.id
        picture.open = open_cases(connection, lab, kept.route)
        closed = closed_cases(connection, lab, now_us - REMEMBERED_US, now_us + DAY_US)
        picture.closed = {case.case_id: case for case in closed}
        picture.due = _dues(picture, {case_id: case.times for case_id, case in picture.open.items()})
        kept.loaded_s, kept.percentiles_s = now_s, float("-inf")

    def _follow_rest(self, connection: Connection) -> set[str]:
        """Notice new forecasts and newly refused messages."""
        newest = connection.execute(
            select(select(func.max(forecast.c.id)).scalar_subquery(), select(func.max(rejected.c.id)).scalar_subquery())
        ).one()
        touched = self._newer(connection, forecast.c.lab, forecast.c.id, self._forecast_id, newest[0])
        for lab in touched:
            self._labs[lab].picture.risk = forecast_risk(connection, lab)
        touched |= self._newer(connection, rejected.c.lab, rejected.c.id, self._rejected_id, newest[1])
        self._forecast_id, self._rejected_id = newest[0] or 0, newest[1] or 0
        return touched

    def _newer(self, connection: Connection, lab: object, key: object, known: int, newest: int | None) -> set[str]:
        if not newest or newest == known:
            return set()
        found = connection.execute(select(lab).where(key > known).distinct()).scalars()  # type: ignore[call-overload, operator]
        return {lab_id for lab_id in found if lab_id in self._labs}

    def _redraw_all(self, connection: Connection, now_s: float) -> frozenset[str]:
        """Renew the rows that are due; one that fails goes to the end of the queue and holds up no other for long."""
        drawn = tuple(self._undrawn)
        for lab in drawn:
            self._undrawn[lab] = self._undrawn.pop(lab)
            self._redraw(connection, self._labs[lab], now_s)
            del self._undrawn[lab]
            with self._changes:
                self._changed.add(lab)
        return frozenset(drawn)

    def _redraw(self, connection: Connection, kept: _Kept, now_s: float) -> None:
        picture, now_us = kept.picture, self._clock.now_us()
        picture.devices = device_counts(connection, picture.lab)
        picture.last_event_us = last_received_us(connection, picture.lab.id)
        if now_s - kept.percentiles_s >= PERCENTILES_EVERY_S:
            _forget_old(picture.closed, now_us - REMEMBERED_US)
            picture.percentiles, kept.percentiles_s = percentiles_of(picture, now_us), now_s
        kept.row = board_row(picture, now_us, self._position)


def _dues(picture: LabPicture, cases: Mapping[int, CaseTimes]) -> dict[int, int | None]:
    targets = picture.lab.targets
    return {case_id: earliest_due_us(targets, case, picture.calendar) for case_id, case in cases.items()}


def _forget_old(closed: dict[int, CaseTimes], since_us: int) -> None:
    for case_id in [case_id for case_id, case in closed.items() if (case.authorised_us or 0) < since_us]:
        del closed[case_id]
