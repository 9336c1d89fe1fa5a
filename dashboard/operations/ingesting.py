"""Ingest as one process: wired from the settings, leading or standing by, until SIGTERM."""

from __future__ import annotations

import threading
from functools import partial

from dashboard.operations.opening import door_to, open_parts, stop_event, wait_for_database
from dashboard.operations.settings import Settings
from dashboard.operations.supervisor import say_ready
from devices.ingest import Ingest, IngestSettings
from devices.ingest.leadership import Lock, lead, wait_to_lead
from devices.ingest.sole_ingest import SoleIngest
from devices.session import end_process
from tracking.clock import Clock
from tracking.queries.troubles import INGEST, STANDBY
from tracking.registry import OWN_KIND, Registry
from tracking.store.database import Database
from tracking.store.heartbeats import Heart, heartbeats
from tracking.store.leader_lock import LeaderLock, LeadershipLost
from tracking.store.standing import Standing


def run_ingest(settings: Settings) -> None:
    """Take events from the broker into the store, or stand by while another process does."""
    stop = stop_event()
    clock = settings.clock()
    registry, database = open_parts(settings, is_service=True)
    if not wait_for_database(database, stop):
        return
    lock: Lock = SoleIngest(settings.data_dir) if database.is_sqlite else LeaderLock(database)
    try:
        heart, leaders_sign = Heart(database, clock, STANDBY), partial(_last_sign, database)
        if wait_to_lead(lock, stop, clock, heart, leaders_sign, ready=say_ready):
            _ingest(settings, registry, database, clock, lock, stop)
    except LeadershipLost as error:
        end_process(error)
    finally:
        lock.resign()


def _ingest(
    settings: Settings, registry: Registry, database: Database, clock: Clock, lock: Lock, stop: threading.Event
) -> None:
    ingest = Ingest(
        IngestSettings(settings.broker_address()), door_to(database, registry, clock, settings), clock,
        standing=Standing(database), heart=Heart(database, clock, INGEST),
        devices=[device.source for device in registry.devices.values() if device.kind != OWN_KIND],
    )  # fmt: skip
    ingest.start()
    say_ready()
    lead(lock, stop, clock)
    ingest.stop()


def _last_sign(database: Database) -> tuple[int, int] | None:
    with database.reading() as connection:
        beat = heartbeats(connection).get(INGEST)
    return None if beat is None else (beat.started_us, beat.beat_us)
