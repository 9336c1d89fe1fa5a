"""What every part without a screen begins with: registry, database, door, and the word that it should end.

Imports nothing that only one part needs: a part that died must be at work again soon.
"""

from __future__ import annotations

import logging
import signal
import threading

from dashboard.operations.settings import Settings
from tracking.clock import Clock
from tracking.door import Door
from tracking.errors import StoreUnavailable
from tracking.kill_points import arm
from tracking.registry import Registry, load_registry
from tracking.store.database import Database, open_database
from tracking.store.event_store import EventStore
from tracking.store.migrate import require_current

log = logging.getLogger(__name__)

_TRY_EVERY_S = 1.0
_SAY_EVERY = 30


def open_parts(settings: Settings, *, is_service: bool = False) -> tuple[Registry, Database]:
    """Return the registry and the database that the settings name, the latter not yet asked anything."""
    point, _, passages = settings.kill_at.partition(":")
    arm(point, int(passages or 1))
    return load_registry(settings.network_files), open_database(settings.url, is_service=is_service)


def wait_for_database(database: Database, stop: threading.Event) -> bool:
    """Return once the database answers, ``False`` when told to stop before; raises ``WrongSchema``.

    A part that ended whenever its database is away would only be started again and again.
    """
    tries = 0
    while not stop.is_set():
        try:
            require_current(database)
        except StoreUnavailable as error:
            if tries % _SAY_EVERY == 0:
                log.warning("%s Waiting for it.", error)
            tries += 1
            stop.wait(_TRY_EVERY_S)
        else:
            return True
    return False


def door_to(database: Database, registry: Registry, clock: Clock, settings: Settings) -> Door:
    """Return the door into a database; raises ``WrongSchema`` and ``StoreUnavailable``."""
    return Door(EventStore(database, registry, settings.archive_folder), registry, clock)


def stop_event() -> threading.Event:
    """Return what is set when the process is asked to end."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop
