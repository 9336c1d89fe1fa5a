"""The whole product on one machine: which parts, in which order, and what the user is told meanwhile."""

from __future__ import annotations

import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import closing
from types import FrameType

from sqlalchemy import select

from dashboard.operations.schema import UP_TO_DATE, upgrade_schema
from dashboard.operations.settings import Settings
from dashboard.operations.supervisor import Part, Supervisor
from tracking.clock import SystemClock
from tracking.errors import InputMistakes, Mistake
from tracking.registry import load_registry
from tracking.store import tables
from tracking.store.database import Database, open_database

READY_WITHIN_S = 60.0
HISTORY_WITHIN_S = 900.0
TEND_EVERY_S = 0.2
_DEMO_MARK = "demo"

Say = Callable[[str], None]


class _Stopped(Exception):
    """Somebody asked histotwin to stop."""


def run_everything(settings: Settings, *, virtual_lab: bool, demo: bool | None, say: Say) -> None:
    """Start every part, print the address, and keep them until Ctrl-C or SIGTERM; then stop every one.

    Raises ``InputMistakes`` for a taken port or a wrong network file, ``PartFailed`` when a part does not start.
    """
    clock = SystemClock()
    began_s = clock.monotonic_s()
    labs = len(load_registry(settings.network_files).labs)
    _require_free("port", settings.host, settings.port)
    _require_free("mqtt_port", settings.mqtt_host, settings.mqtt_port)
    database = _prepare(settings, say)
    is_empty = _is_empty(database)
    told = {"demo": decide_demo(settings, is_empty, demo), "started_us": clock.now_us()}
    settings = settings.model_copy(update=told)
    supervisor = Supervisor(settings.environment(), settings.data_dir / "logs", clock, say)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _ask_to_stop)
    try:
        broker = supervisor.start("broker", outlasts=True)
        if settings.demo and _lacks_history(settings, is_empty):
            _write_history(supervisor, settings, labs, database, say)
        database.close()
        _start_others(supervisor, broker, virtual_lab=virtual_lab)
        _greet(settings, labs, clock.monotonic_s() - began_s, say)
        supervisor.start("ingest", outlasts=True)  # stands by: it takes over sooner than a new one could start
        while True:
            time.sleep(TEND_EVERY_S)
            supervisor.tend()
    except _Stopped:
        say("Stopping …")
    finally:
        _ignore_signals()
        supervisor.stop()
    say("Stopped; nothing is left running.")


def _prepare(settings: Settings, say: Say) -> Database:
    try:
        (settings.data_dir / "logs").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        wanted = f"a directory that can be written to ({error.strerror})"
        raise InputMistakes([Mistake("settings", "data_dir", str(settings.data_dir), wanted)]) from None
    if (said := upgrade_schema(settings)) != UP_TO_DATE:
        say(said)
    return open_database(settings.url)


def _is_empty(database: Database) -> bool:
    """A database is new while it holds neither an event nor a person."""
    with database.reading() as connection:
        position = connection.scalar(select(tables.head.c.position))
        return not position and connection.scalar(select(tables.person.c.name).limit(1)) is None


def _lacks_history(settings: Settings, is_empty: bool) -> bool:
    return settings.history_weeks > 0 and (is_empty or settings.history_folder.exists())


def decide_demo(settings: Settings, is_new: bool, demo: bool | None) -> bool:
    """What was decided for a data directory holds until somebody decides otherwise; a new one is a demonstration."""
    mark = settings.data_dir / _DEMO_MARK
    if demo is None and "demo" in settings.model_fields_set:
        demo = settings.demo
    if demo is None:
        demo = is_new if not mark.exists() else mark.read_text(encoding="utf-8").strip() == "yes"
    mark.write_text("yes\n" if demo else "no\n", encoding="utf-8")
    return demo


def _write_history(supervisor: Supervisor, settings: Settings, labs: int, database: Database, say: Say) -> None:
    say(
        f"Writing {settings.history_weeks:g} weeks of synthetic history for {labs} laboratories; the last "
        f"{settings.recent_weeks:g} are in before the page opens …"
    )
    part = supervisor.start("history", is_passing=True)
    supervisor.wait_ready(part, HISTORY_WITHIN_S, _teller(database))


def _teller(database: Database) -> Callable[[], None]:
    """Return what shows the progress on a terminal, in one line that changes; in a pipe it says nothing."""
    detail_of_history = select(tables.progress.c.detail).where(tables.progress.c.name == "history")

    def tell() -> None:
        with database.reading() as connection:
            detail = connection.scalar(detail_of_history)
        if detail:
            sys.stdout.write(f"\r\033[K  {detail}")
            sys.stdout.flush()

    return tell if sys.stdout.isatty() else lambda: None


def _start_others(supervisor: Supervisor, broker: Part, *, virtual_lab: bool) -> None:
    ingest = supervisor.start("ingest", outlasts=True)
    names = ["serve", "forecast", *(["virtual-lab"] if virtual_lab else [])]
    for part in [broker, ingest, *(supervisor.start(name) for name in names)]:
        supervisor.wait_ready(part, READY_WITHIN_S)


def _greet(settings: Settings, labs: int, seconds: float, say: Say) -> None:
    say(f"\nhistotwin is live after {seconds:.0f} s: {labs} laboratories")
    say(f"  pages and API   http://{settings.host}:{settings.port}")
    say(f"  MQTT broker     {settings.mqtt_host}:{settings.mqtt_port}")
    say(f"  data, logs      {settings.data_dir.resolve()}")
    if settings.demo:
        say("  You are signed in from this machine as the demo user. What you see is synthetic.")
    else:
        say("  Everybody signs in; `histotwin user add NAME --role admin` adds the first person.")
    say("Ctrl-C stops everything.\n")


def _require_free(setting: str, host: str, port: int) -> None:
    with closing(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)) as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((host, port))
        except OSError as error:
            wanted = f"a free port ({error.strerror}); give another with --{setting.replace('_', '-')}"
            raise InputMistakes([Mistake("settings", setting, f"{host}:{port}", wanted)]) from None


def _ask_to_stop(_number: int, _frame: FrameType | None) -> None:
    raise _Stopped


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
