"""One world: every part of the way of an event as a real process, with a proxy on each line between two of them.

Starts, watches and restarts parts, as a supervisor would but at once. What breaks, and when, is not decided here.
All of it belongs to one thread: a child that asks to die with its parent dies with the thread that started it.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL

from tests.faults.databases import Database, PostgresServer, SqliteFile, new_postgres, reading
from tests.faults.instruments import BENCHES
from tests.faults.ledger import Ledger
from tests.faults.plan import BROKER_INGEST, DEVICES_BROKER, INGEST_DATABASE, Setup
from tests.faults.poison import doses
from tests.faults.processes import PYTHON, ROOT, Program, steady_port
from tests.faults.proxy import FaultProxy
from tests.faults.stranger import Stranger, publish
from tests.services import wait_for_port

NETWORK_FILE = ROOT / "data/networks/bcps.yaml"
_MOSQUITTO = "/usr/sbin/mosquitto"
_MOSQUITTO_SETTINGS = """
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
max_queued_messages 0
max_inflight_messages 500
max_packet_size 1048576
set_tcp_nodelay true
log_dest none
"""
_START_PATIENCE_S = 60.0
_TURN_S = 0.02


class WorldFailed(Exception):
    """A world did not come up: nothing has been tested."""


@dataclass(slots=True)
class Armed:
    """A part that was started to kill itself at a place, written ``point:n``."""

    place: str
    since_s: float

    @property
    def point(self) -> str:
        """The place's name."""
        return self.place.partition(":")[0]


@dataclass(slots=True)
class Part:
    """A program, with how it is to be started next and what it is waited for."""

    program: Program
    next_kill_at: str = ""
    armed: Armed | None = None
    is_held_down: bool = False
    is_done: bool = False

    def arm(self, place: str) -> None:
        """Note where it kills itself; one that had to be started again for the same place is waited for no longer."""
        since_s = self.armed.since_s if self.armed is not None else time.monotonic()
        self.armed = Armed(place, since_s) if place else None

    def try_again(self) -> None:
        """Have the next start kill itself where this one, which ended before it came there, should have."""
        self.next_kill_at = self.armed.place if self.armed is not None else ""


@dataclass(slots=True)
class Tally:
    """What happened to the parts; ``own_ends`` are ends that nobody asked for, by part and exit code."""

    kills: Counter[str] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)
    own_ends: Counter[str] = field(default_factory=Counter)
    ingest_kills_s: list[float] = field(default_factory=list)


class World:
    """Laboratory rl4 with two gateways, a broker, an ingest and a database. ``with`` starts and ends it."""

    def __init__(self, setup: Setup, folder: Path, events: int, per_second: float) -> None:
        self.setup, self.folder, self.events = setup, folder, events
        self.tally = Tally()
        self._parts_folder("data", "logs", "broker", *BENCHES)
        self.database: Database = _database(setup, folder)
        self.broker_port = steady_port()
        self.proxies = self._proxies()
        self.broker = Part(self._broker_program())
        self.ingest = Part(self._program("ingest", self.environment(self._proxied_url())))
        self.gateways = {name: Part(self._gateway_program(name, per_second)) for name in BENCHES}
        self.ledgers = {name: Ledger(folder / name / "ledger.txt") for name in BENCHES}
        self.stranger = Stranger(self.broker_port, self.database)
        self._allowed = 0
        self._repeats: dict[str, tuple[int, int]] = {}

    def __enter__(self) -> World:
        """Start everything. Raises ``WorldFailed``."""
        try:
            self._begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for part in (*self.gateways.values(), self.ingest, self.broker):
            if part.program.is_running:
                part.program.kill()
        self.stranger.stop()
        for proxy in self.proxies.values():
            proxy.stop()
        self.database.close()

    @property
    def made(self) -> int:
        """How many events the instruments have tried to publish so far."""
        return sum(ledger.tried for ledger in self.ledgers.values())

    @property
    def is_all_stored(self) -> bool:
        """Say whether every gateway has ended because all of its events are made and covered."""
        return all(part.is_done for part in self.gateways.values())

    def allow(self, events: int) -> None:
        """Let the instruments make events up to so many in all."""
        self._allowed = min(events, self.events)
        for name, part in self.gateways.items():
            part.program.order(f"until {self._share(name)}")

    def repeat(self, name: str, count: int) -> None:
        """Have a gateway publish old events once more; one that dies before it does is asked again."""
        self._repeats[name] = (count, self.ledgers[name].repeated)
        self.gateways[name].program.order(f"repeat {count}")

    def tend(self) -> None:
        """Take one short turn: read the ledgers, start again what has died."""
        time.sleep(_TURN_S)
        for ledger in self.ledgers.values():
            ledger.refresh()
        self._tend_service("broker", self.broker)
        if isinstance(self.database, PostgresServer):
            self._tend_database(self.database)
        self._tend_ingest()
        for name, part in self.gateways.items():
            self._tend_gateway(name, part)

    def kill_ingest(self, kill_at: str = "") -> None:
        """End ingest as a power cut would; its next start may have a place to kill itself at."""
        self.ingest.next_kill_at = kill_at
        if self.ingest.program.is_running:
            self.ingest.program.kill()
            self._note_ingest_kill()
        self.ingest.armed = None
        self._start_ingest()

    def kill_gateway(self, name: str, kill_at: str = "") -> None:
        """End a gateway as a power cut would, and start it again."""
        part = self.gateways[name]
        part.next_kill_at = kill_at
        if part.program.is_running:
            part.program.kill()
            self.tally.kills["gateway"] += 1
        part.armed = None
        self._start_gateway(name)

    def environment(self, url: str) -> Mapping[str, str]:
        """Return the settings of histotwin's parts here, with this address of the database."""
        return {
            "HISTOTWIN_DATA_DIR": str(self.folder / "data"),
            "HISTOTWIN_DATABASE_URL": url,
            "HISTOTWIN_NETWORK": str(NETWORK_FILE),
            "HISTOTWIN_MQTT_PORT": str(self.proxies[BROKER_INGEST].port),
        }

    def stop_ingest(self) -> None:
        """Ask ingest to end in order and leave it so."""
        self.ingest.is_held_down = True
        self.ingest.program.stop(20)

    def _begin(self) -> None:
        for proxy in self.proxies.values():
            proxy.start()
        self.broker.program.start()
        self.database.start()
        if isinstance(self.database, PostgresServer):
            self.database.wait_until_ready()
        self._make_schema()
        wait_for_port(self.broker_port, _START_PATIENCE_S)
        self._publish_retained()
        self._start_ingest()
        for name in self.gateways:
            self._start_gateway(name)
        self._wait_for_retained()
        self.stranger.start()

    def _make_schema(self) -> None:
        program = self._program("db", self.environment(self.database.url(None)), "upgrade")
        program.start()
        if program.process is None or program.process.wait(_START_PATIENCE_S) != 0:
            raise WorldFailed(f"histotwin db upgrade failed: see {program.log}")

    def _publish_retained(self) -> None:
        """Leave a retained event at the broker before anybody subscribes. Raises ``WorldFailed``."""
        deadline = time.monotonic() + _START_PATIENCE_S
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                publish(self.broker_port, doses()[:1])
                return
        raise WorldFailed(f"the broker does not take a retained message: see {self.broker.program.log}")

    def _wait_for_retained(self) -> None:
        """Wait until ingest has met the retained event, as it can only when it is new to the broker."""
        deadline = time.monotonic() + _START_PATIENCE_S
        with reading(self.database) as reader:
            while reader.rows("SELECT count(*) FROM rejected WHERE reason = 'retained_event'") == [(0,)]:
                if time.monotonic() > deadline:
                    raise WorldFailed(f"ingest did not begin its work: see {self.ingest.program.log}")
                self._tend_ingest()
                time.sleep(_TURN_S)
        self.stranger.sent.extend(doses()[:1])

    def _tend_service(self, name: str, part: Part) -> None:
        if part.program.is_running or part.is_held_down:
            return
        self.tally.own_ends[f"{name} ({part.program.code})"] += 1
        part.program.start()

    def _tend_database(self, database: PostgresServer) -> None:
        if not database.program.is_running and not database.is_held_down:
            self.tally.own_ends[f"database ({database.program.code})"] += 1
            database.start()

    def _tend_ingest(self) -> None:
        part = self.ingest
        if part.program.is_running or part.is_held_down:
            return
        if part.armed is not None and part.program.code == -SIGKILL:
            self.tally.reached[part.armed.point] += 1
            self._note_ingest_kill()
            part.armed = None
        else:
            self.tally.own_ends[f"ingest ({part.program.code})"] += 1
            part.try_again()
        self._start_ingest()

    def _tend_gateway(self, name: str, part: Part) -> None:
        if part.program.is_running or part.is_done:
            return
        part.is_done = part.program.code == 0
        if part.is_done:
            return
        if part.armed is not None and part.program.code == -SIGKILL:
            self.tally.reached[part.armed.point] += 1
            self.tally.kills["gateway"] += 1
            part.armed = None
        else:
            self.tally.own_ends[f"gateway ({part.program.code})"] += 1
            part.try_again()
        self._start_gateway(name)

    def _note_ingest_kill(self) -> None:
        self.tally.kills["ingest"] += 1
        self.tally.ingest_kills_s.append(time.monotonic())

    def _start_ingest(self) -> None:
        part, kill_at = self.ingest, self.ingest.next_kill_at
        part.next_kill_at = ""
        part.program.start(HISTOTWIN_KILL_AT=kill_at)
        part.arm(kill_at)

    def _start_gateway(self, name: str) -> None:
        part, kill_at = self.gateways[name], self.gateways[name].next_kill_at
        part.next_kill_at = ""
        part.program.start("--kill-at", kill_at)
        part.program.order(f"until {self._share(name)}")
        count, repeated = self._repeats.get(name, (0, 0))
        if count and self.ledgers[name].repeated == repeated:
            part.program.order(f"repeat {count}")
        part.arm(kill_at)

    def _share(self, name: str) -> int:
        """Return how many of the allowed events are this gateway's."""
        count, place = len(self.gateways), list(self.gateways).index(name)
        return (self._allowed + place) // count

    def _total(self, name: str) -> int:
        count, place = len(BENCHES), list(BENCHES).index(name)
        return (self.events + place) // count

    def _parts_folder(self, *names: str) -> None:
        for name in names:
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    def _proxies(self) -> dict[str, FaultProxy]:
        lines = {DEVICES_BROKER: self.broker_port, BROKER_INGEST: self.broker_port}
        if self.database.port is not None:
            lines[INGEST_DATABASE] = self.database.port
        return {name: FaultProxy(steady_port(), port) for name, port in lines.items()}

    def _proxied_url(self) -> str:
        proxy = self.proxies.get(INGEST_DATABASE)
        return self.database.url(proxy.port if proxy else None)

    def _program(self, name: str, environment: Mapping[str, str], *words: str) -> Program:
        command = [PYTHON, "-m", "histotwin", name, *words]
        return Program(name, command, self.folder / f"logs/{name}.log", environment)

    def _broker_program(self) -> Program:
        folder = self.folder / "broker"
        if self.setup == "sqlite":
            where = {"HISTOTWIN_MQTT_PORT": str(self.broker_port), "TMPDIR": str(folder)}  # a kill leaves files there
            return self._program("broker", where)
        settings = folder / "mosquitto.conf"
        settings.write_text(_MOSQUITTO_SETTINGS.format(port=self.broker_port, folder=folder), encoding="utf-8")
        return Program("broker", [_MOSQUITTO, "-c", str(settings)], self.folder / "logs/broker.log")

    def _gateway_program(self, name: str, per_second: float) -> Program:
        command = [
            PYTHON, "-m", "tests.faults.instruments", "--gateway", name, "--folder", str(self.folder / name),
            "--port", str(self.proxies[DEVICES_BROKER].port), "--total", str(self._total(name)),
            "--rate", str(per_second / len(BENCHES)),
        ]  # fmt: skip
        return Program(name, command, self.folder / f"logs/{name}.log", takes_orders=True)


def _database(setup: Setup, folder: Path) -> Database:
    return SqliteFile(folder / "data/histotwin.db") if setup == "sqlite" else new_postgres(folder / "logs")
