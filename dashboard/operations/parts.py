"""The parts that have no screen, ingest apart, each as one process: wired from the settings, run until SIGTERM."""

from __future__ import annotations

import gc
from functools import partial

from dashboard.operations.opening import door_to, open_parts, stop_event
from dashboard.operations.pulse import beating
from dashboard.operations.settings import SHIPPED_DATA, Settings
from dashboard.operations.supervisor import say_ready
from devices.broker import run_broker
from simulations.forecasting import ForecastService, ForecastSettings
from simulations.virtual_lab.fleet import FleetSettings, keep_working, open_fleet
from simulations.virtual_lab.seeding import HistoryPlan, fill_history
from tracking.store.database import open_database
from tracking.store.heartbeats import Heart
from tracking.store.progress import Progress


def run_embedded_broker(settings: Settings) -> None:
    """Run the embedded MQTT broker."""
    run_broker(settings.mqtt_host, settings.mqtt_port, ready=say_ready, stop=stop_event())


def run_forecasts(settings: Settings) -> None:
    """Keep every lab's forecast fresh."""
    stop = stop_event()
    clock = settings.clock()
    registry, database = open_parts(settings, is_service=True)
    how = ForecastSettings(SHIPPED_DATA, settings.forecast_every_min, settings.forecast_replications, settings.seed)
    service = ForecastService(list(registry.labs.values()), database, how, clock)
    say_ready()
    with beating(Heart(database, clock, "forecast")):
        service.keep_fresh(stop)


def run_virtual_lab(settings: Settings) -> None:
    """Let every laboratory of the network files work."""
    stop = stop_event()
    clock = settings.clock()
    registry, database = open_parts(settings)
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
    registry, database = open_parts(settings)
    plan = HistoryPlan(
        list(registry.labs.values()), SHIPPED_DATA, settings.history_folder, settings.history_weeks,
        settings.recent_weeks, settings.seed,
    )  # fmt: skip
    door = door_to(database, registry, clock, settings)
    fill_history(plan, door, partial(Progress, database, clock, "history"), clock.now_us(), say_ready)
