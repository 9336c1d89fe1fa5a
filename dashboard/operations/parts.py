"""The parts that have no screen, each as one process: wired from the settings, run until SIGTERM."""

from __future__ import annotations

import gc
import logging
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from dashboard.operations.settings import SHIPPED_DATA, Settings
from dashboard.operations.supervisor import say_ready
from devices.broker import run_broker
from devices.ingest import Ingest, IngestSettings
from devices.session import BrokerAddress
from devices.sole_ingest import SoleIngest
from simulations.forecasting import ForecastService, ForecastSettings
from simulations.virtual_lab.fleet import FleetSettings, keep_working, open_fleet
from simulations.virtual_lab.history import Chapter, Period, write_history
from simulations.virtual_lab.seeding import seed
from tracking.clock import DAY_US, Clock, from_us
from tracking.door import Door
from tracking.registry import Registry, load_registry
from tracking.store.database import Database, open_database
from tracking.store.event_store import EventStore
from tracking.store.progress import Progress

WEEK_US = 7 * DAY_US


def run_embedded_broker(settings: Settings) -> None:
    """Run the embedded MQTT broker."""
    run_broker(settings.mqtt_host, settings.mqtt_port, ready=say_ready, stop=_stop_event())


def run_ingest(settings: Settings) -> None:
    """Take events from the broker into the store."""
    stop = _stop_event()
    clock = settings.clock()
    registry, database = _open(settings)
    with SoleIngest(settings.data_dir):
        ingest = Ingest(IngestSettings(_broker(settings)), _door(database, registry, clock), clock)
        ingest.start()
        say_ready()
        stop.wait()
        ingest.stop()


def run_forecasts(settings: Settings) -> None:
    """Keep every lab's forecast fresh."""
    stop = _stop_event()
    registry, database = _open(settings)
    how = ForecastSettings(SHIPPED_DATA, settings.forecast_every_min, settings.forecast_replications, settings.seed)
    service = ForecastService(list(registry.labs.values()), database, how, settings.clock())
    say_ready()
    service.keep_fresh(stop)


def run_virtual_lab(settings: Settings) -> None:
    """Let every laboratory of the network files work."""
    stop = _stop_event()
    clock = settings.clock()
    registry, database = _open(settings)
    how = FleetSettings(SHIPPED_DATA, settings.data_dir / "outboxes", _broker(settings), settings.seed)
    fleet = open_fleet(list(registry.labs.values()), database, how, clock)
    database.close()
    say_ready()
    keep_working(fleet, clock, stop)


def run_history(settings: Settings) -> None:
    """Write synthetic history and store it: recent weeks first, then it says that it is ready, then the older ones."""
    gc.disable()  # what is kept here has no cycles, and looking for them costs a tenth of the time
    clock = settings.clock()
    registry, database = _open(settings)
    folder = Path(tempfile.mkdtemp(prefix="history-", dir=settings.data_dir))
    try:
        _store_history(settings, clock, registry, database, folder)
    finally:
        shutil.rmtree(folder)


def _store_history(settings: Settings, clock: Clock, registry: Registry, database: Database, folder: Path) -> None:
    now_us = clock.now_us()
    period = Period(
        now_us - round(settings.history_weeks * WEEK_US), now_us - round(settings.recent_weeks * WEEK_US), now_us
    )
    labs = list(registry.labs.values())
    progress = Progress(database, clock, "history", len(labs), f"Simulating {len(labs)} laboratories")
    chapters: list[Chapter] = []
    for chapter in write_history(labs, SHIPPED_DATA, period, seed=settings.seed, folder=folder):
        chapters.append(chapter)
        progress.report(len(chapters), f"Simulated {len(chapters)} of {len(labs)} laboratories")
    recent = sum(chapter.recent_events for chapter in chapters)
    total = recent + sum(chapter.older_events for chapter in chapters)
    progress = Progress(database, clock, "history", total, f"Storing {total:,} events")
    door = _door(database, registry, clock)

    def tell(stored_before: int) -> Callable[[int, int], None]:
        def tell_batch(done: int, time_us: int) -> None:
            done += stored_before
            progress.report(done, f"Stored {done:,} of {total:,} events, up to {from_us(time_us):%d %b %Y}")

        return tell_batch

    seed(door, [chapter.recent for chapter in chapters], tell(0))
    say_ready()
    seed(door, [chapter.older for chapter in chapters], tell(recent))
    progress.finish(f"All {total:,} events of {settings.history_weeks:g} weeks are stored")


def _open(settings: Settings) -> tuple[Registry, Database]:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    return load_registry(settings.network_files), open_database(settings.url)


def _door(database: Database, registry: Registry, clock: Clock) -> Door:
    return Door(EventStore(database, registry), registry, clock)


def _broker(settings: Settings) -> BrokerAddress:
    return BrokerAddress(settings.mqtt_host, settings.mqtt_port)


def _stop_event() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop
