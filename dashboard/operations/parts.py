"""The parts that have no screen, each as one process: wired from the settings, run until SIGTERM."""

from __future__ import annotations

import gc
import logging
import signal
import threading
from functools import partial

from dashboard.operations.pulse import beating
from dashboard.operations.settings import SHIPPED_DATA, Settings
from dashboard.operations.supervisor import say_ready
from devices.broker import run_broker
from devices.ingest import Ingest, IngestSettings
from devices.leadership import Lock, lead, wait_to_lead
from devices.session import end_process
from devices.sole_ingest import SoleIngest
from simulations.forecasting import ForecastService, ForecastSettings
from simulations.virtual_lab.fleet import FleetSettings, keep_working, open_fleet
from simulations.virtual_lab.seeding import HistoryPlan, fill_history
from tracking.clock import Clock
from tracking.door import Door
from tracking.errors import StoreUnavailable
from tracking.kill_points import arm
from tracking.registry import OWN_KIND, Registry, load_registry
from tracking.store.database import Database, open_database
from tracking.store.event_store import EventStore
from tracking.store.heartbeats import Heart
from tracking.store.leader_lock import LeaderLock, LeadershipLost
from tracking.store.migrate import require_current
from tracking.store.progress import Progress
from tracking.store.standing import Standing

log = logging.getLogger(__name__)

_TRY_EVERY_S = 1.0
_SAY_EVERY = 30


def run_embedded_broker(settings: Settings) -> None:
    """Run the embedded MQTT broker."""
    run_broker(settings.mqtt_host, settings.mqtt_port, ready=say_ready, stop=_stop_event())


def run_ingest(settings: Settings) -> None:
    """Take events from the broker into the store, or stand by while another process does."""
    stop = _stop_event()
    clock = settings.clock()
    registry, database = _open(settings, is_service=True)
    if not _wait_for_database(database, stop):
        return
    lock: Lock = SoleIngest(settings.data_dir) if database.is_sqlite else LeaderLock(database)
    try:
        if wait_to_lead(lock, stop, Heart(database, clock, "ingest-standby"), ready=say_ready):
            _ingest(settings, registry, database, clock, lock, stop)
    except LeadershipLost as error:
        end_process(error)
    finally:
        lock.resign()


def _ingest(
    settings: Settings, registry: Registry, database: Database, clock: Clock, lock: Lock, stop: threading.Event
) -> None:
    ingest = Ingest(
        IngestSettings(settings.broker_address()), _door(database, registry, clock), clock,
        standing=Standing(database), heart=Heart(database, clock, "ingest"),
        devices=[device.source for device in registry.devices.values() if device.kind != OWN_KIND],
    )  # fmt: skip
    ingest.start()
    say_ready()
    lead(lock, stop)
    ingest.stop()


def run_forecasts(settings: Settings) -> None:
    """Keep every lab's forecast fresh."""
    stop = _stop_event()
    clock = settings.clock()
    registry, database = _open(settings, is_service=True)
    how = ForecastSettings(SHIPPED_DATA, settings.forecast_every_min, settings.forecast_replications, settings.seed)
    service = ForecastService(list(registry.labs.values()), database, how, clock)
    say_ready()
    with beating(Heart(database, clock, "forecast")):
        service.keep_fresh(stop)


def run_virtual_lab(settings: Settings) -> None:
    """Let every laboratory of the network files work."""
    stop = _stop_event()
    clock = settings.clock()
    registry, database = _open(settings)
    how = FleetSettings(SHIPPED_DATA, settings.data_dir / "outboxes", settings.broker_address(), settings.seed)
    fleet = open_fleet(list(registry.labs.values()), database, how, clock)
    database.close()
    say_ready()
    with beating(Heart(open_database(settings.url, is_service=True), clock, "virtual-lab")):
        keep_working(fleet, clock, stop)


def run_history(settings: Settings) -> None:
    """Store synthetic history; says that it is ready when the recent weeks are in, and ends when all are."""
    gc.disable()  # what is kept here has no cycles, and looking for them costs a tenth of the time
    clock = settings.clock()
    registry, database = _open(settings)
    plan = HistoryPlan(
        list(registry.labs.values()), SHIPPED_DATA, settings.history_folder, settings.history_weeks,
        settings.recent_weeks, settings.seed,
    )  # fmt: skip
    door = _door(database, registry, clock)
    fill_history(plan, door, partial(Progress, database, clock, "history"), clock.now_us(), say_ready)


def _open(settings: Settings, *, is_service: bool = False) -> tuple[Registry, Database]:
    point, _, passages = settings.kill_at.partition(":")
    arm(point, int(passages or 1))
    return load_registry(settings.network_files), open_database(settings.url, is_service=is_service)


def _wait_for_database(database: Database, stop: threading.Event) -> bool:
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


def _door(database: Database, registry: Registry, clock: Clock) -> Door:
    return Door(EventStore(database, registry), registry, clock)


def _stop_event() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop
