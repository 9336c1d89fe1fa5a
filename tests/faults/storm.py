"""A storm passes over a world: each fault of the schedule strikes when it is due, lasts, and is undone. Judges nothing.

Faults overlap, unless they concern the same part. A part that is about to kill itself at a named place is given a
while to come to it; one that does not come by is killed from outside.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.faults.databases import PostgresServer, SqliteFile
from tests.faults.plan import Shock
from tests.faults.poison import Dose, doses
from tests.faults.world import Part, World, WorldFailed

SLOW_MS = 150.0
_REPEATS = 60
_POINT_PATIENCE_S = 20.0
_WORLD_PATIENCE_S = 120.0
_TRAFFIC, _TRAFFIC_EVERY_S = 24, 0.3  # events while a part is on its way to a kill point

Undo = Callable[[], None]


@dataclass(slots=True)
class Hold:
    """A fault in force, and how it ends."""

    until_s: float
    undo: Undo


@dataclass(slots=True)
class Storm:
    """A schedule under way. ``struck`` has, for each fault, the seconds (monotonic) from when to when it was felt."""

    world: World
    shocks: Sequence[Shock]
    tell: Callable[[str], None] = lambda _line: None
    struck: list[tuple[float, float]] = field(default_factory=list)
    never_passed: list[str] = field(default_factory=list)
    _began_s: float = field(default_factory=time.monotonic)
    _allowed: int = 0
    _traffic_at_s: float = 0.0
    _holds: dict[str, Hold] = field(default_factory=dict)
    _poison: list[Dose] = field(default_factory=lambda: list(doses()[1:]))

    def pass_over(self) -> None:
        """Let every fault strike, and undo the last."""
        run_ahead = self.world.events // (len(self.shocks) + 1)
        for shock in self.shocks:
            due = min(self.world.made + shock.gap, self.world.events)
            self._allow(due + run_ahead)
            self._wait_for(shock, due)
            self.tell(f"{time.monotonic() - self._began_s:6.1f} s, {shock}")
            self._strike(shock)
        while self._holds or self._is_anything_armed:
            self._turn()

    def settle(self, patience_s: float) -> bool:
        """Let everything run until all is stored and kept; return whether it was in time."""
        self.world.allow(self.world.events)
        self.world.stranger.owe(self._poison)
        self._poison = []
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            self._turn()
            if self.world.is_all_stored and self.world.stranger.owes_nothing:
                return True
        return False

    def _wait_for(self, shock: Shock, due: int) -> None:
        """Wait until enough is made, and until the part concerned is not on its way to a kill of its own.

        Raises ``WorldFailed`` when nothing is made any more: that is no storm but a world that does not work.
        """
        deadline = time.monotonic() + _WORLD_PATIENCE_S
        self._turn()
        while self.world.made < due or self._is_waiting(shock):
            self._turn()
            if time.monotonic() > deadline:
                raise WorldFailed(f"the instruments make no events: see {self.world.folder}/logs")

    def _is_waiting(self, shock: Shock) -> bool:
        if shock.kind.target == "ingest":
            return self._armed(self.world.ingest)
        return shock.kind.target == "gateway" and self._armed(self.world.gateways[self._gateway(shock)])

    @staticmethod
    def _armed(part: Part) -> bool:
        return part.armed is not None

    @property
    def _is_anything_armed(self) -> bool:
        return any(map(self._armed, (self.world.ingest, *self.world.gateways.values())))

    def _allow(self, events: int) -> None:
        if events > self._allowed:
            self._allowed = events
            self.world.allow(events)

    def _turn(self) -> None:
        self.world.tend()
        now = time.monotonic()
        if self._is_anything_armed and now >= self._traffic_at_s:
            self._allow(self.world.made + _TRAFFIC)  # nobody comes to a kill point without something to do
            self._traffic_at_s = now + _TRAFFIC_EVERY_S
        for target in [target for target, hold in self._holds.items() if now >= hold.until_s]:
            self._holds.pop(target).undo()
        self._kill_what_never_passed(now)

    def _kill_what_never_passed(self, now: float) -> None:
        ingest = self.world.ingest
        if ingest.armed is not None and now > ingest.armed.since_s + _POINT_PATIENCE_S:
            self.never_passed.append(ingest.armed.point)
            self.world.kill_ingest()
        for name, part in self.world.gateways.items():
            if part.armed is not None and now > part.armed.since_s + _POINT_PATIENCE_S:
                self.never_passed.append(part.armed.point)
                self.world.kill_gateway(name)

    def _strike(self, shock: Shock) -> None:
        target = shock.kind.target
        if target in self._holds:
            self._holds.pop(target).undo()
        began = time.monotonic()
        undo = self._break(shock)
        if undo is not None:
            self._holds[target] = Hold(began + shock.hold_s, undo)
        self.struck.append((began, began + shock.hold_s))

    def _break(self, shock: Shock) -> Undo | None:
        target = shock.kind.target
        if target in self.world.proxies:
            return self._break_line(shock)
        return {
            "ingest": self._break_ingest, "gateway": self._break_gateway, "broker": self._break_broker,
            "database": self._break_database, "events": self._repeat, "poison": self._poison_some,
            "event": self._forge,
        }[target](shock)  # fmt: skip

    def _break_line(self, shock: Shock) -> Undo | None:
        proxy = self.world.proxies[shock.kind.target]
        if shock.kind.verb == "reset":
            proxy.reset()
            return None
        acts: Mapping[str, Undo] = {
            "silence": proxy.blackhole, "refuse": proxy.refuse, "slow": lambda: proxy.delay(SLOW_MS),
        }  # fmt: skip
        acts[shock.kind.verb]()
        return proxy.heal

    def _break_ingest(self, shock: Shock) -> None:
        self.world.kill_ingest(_place(shock))

    def _break_gateway(self, shock: Shock) -> None:
        self.world.kill_gateway(self._gateway(shock), _place(shock))

    def _break_broker(self, shock: Shock) -> Undo:
        part = self.world.broker
        part.is_held_down = True
        if shock.kind.verb == "kill":
            part.program.kill()
            self.world.tally.kills["broker"] += 1
        else:
            part.program.ask_to_end()
        return self._broker_returns

    def _broker_returns(self) -> None:
        self.world.broker.program.stop()
        self.world.broker.program.start()
        self.world.broker.is_held_down = False

    def _break_database(self, shock: Shock) -> Undo:
        database = self.world.database
        if isinstance(database, SqliteFile):
            database.lock()
            return database.unlock
        assert isinstance(database, PostgresServer)
        if shock.kind.verb == "freeze":
            database.freeze()
            return database.thaw
        return self._end_server(database, is_kill=shock.kind.verb == "kill")

    def _end_server(self, database: PostgresServer, *, is_kill: bool) -> Undo:
        database.is_held_down = True
        if is_kill:
            database.kill()
            self.world.tally.kills["database"] += 1
        else:
            database.stop_at_once()

        def returns() -> None:
            database.start()
            database.is_held_down = False

        return returns

    def _repeat(self, shock: Shock) -> None:
        self.world.repeat(self._gateway(shock), _REPEATS)

    def _poison_some(self, shock: Shock) -> None:
        """Publish all kinds the first time, and at every further time one of them again."""
        if self._poison:
            self.world.stranger.owe(self._poison)
            self._poison = []
        else:
            self.world.stranger.say_again(doses()[1 + shock.choice % (len(doses()) - 1)])

    def _forge(self, _shock: Shock) -> None:
        self.world.stranger.forge()

    def _gateway(self, shock: Shock) -> str:
        names = list(self.world.gateways)
        return names[shock.choice % len(names)]


def _place(shock: Shock) -> str:
    return f"{shock.kind.point}:{shock.passages}" if shock.kind.point else ""
