"""Before a step by hand: how many may wait there, how long at least and at most, and what happens to the others.

Who works on whom is the engine's business; where the refused and the impatient go is handed in.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from twin.engine.agenda import ARRIVAL, RELEASE, Agenda, Signal
from twin.items import Item
from twin.stations.by_hand import HandStation
from twin.stations.kin import Kin, Stay, Timer
from twin.stations.terms import Draw, Onward

_AFTER_ALL = 1 << 20
"""A rank behind every class: served only when nobody who waits inside, at any step, wants the person."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one gate; what is None does not hold.

    `room` is for how many that wait, not for those in hand. `refuse` takes on who finds it full; without it they wait
    outside, those from the step before with their person and machine. `patience_left` takes the time waited so far.
    """

    room: int | None = None
    refuse: Onward | None = None
    minimum_wait: Draw | None = None
    patience: Draw | None = None
    patience_left: Callable[[int], int] | None = None
    give_up: Onward | None = None
    one_at_a_time: bool = False


class WaitingRoom:
    """Where items wait before a step. Who is being worked on, or was interrupted, waits no more and never leaves.

    The first outside comes in when a place is free, or at once into the hands of somebody who would else be idle.
    """

    __slots__ = (
        "_agenda", "_answered", "_expected", "_is_looking", "_kin", "_knocking", "_look_now", "_outside", "_places",
        "_reserved", "_ripen", "_rules", "_station", "_stays", "_tire", "came", "gave_up", "refused",
    )  # fmt: skip

    def __init__(self, agenda: Agenda, station: HandStation, rules: Rules) -> None:
        self._agenda = agenda
        self._station = station
        self._rules = rules
        self._kin = Kin() if rules.one_at_a_time else None
        self._stays: dict[Item, Stay] = {}
        self._places = 0
        self._outside: deque[tuple[Item, Onward]] = deque()
        self._expected: Item | None = None
        self._knocking: Item | None = None
        self._answered: Item | None = None
        self._reserved: int | None = None
        self._is_looking = False
        self._look_now = [self._look]
        self._ripen = [self._ripe]
        self._tire = [self._tired]
        self.came = self.refused = self.gave_up = 0

    def restart(self) -> None:
        """Count anew: the warm-up is over."""
        self.came = self.refused = self.gave_up = 0

    # coming

    def arrive(self, item: Item) -> None:
        """Take an item that comes to the step."""
        item.arrived_us = self._agenda.now
        item.step = self._station.index
        self.came += item.quantity
        self._come(item)

    def queue(self, item: Item) -> None:
        """Take an item that waits here already when the run starts, whatever room there is."""
        self.came += item.quantity
        waited_us = self._agenda.now - item.arrived_us
        minimum_us = self._rules.minimum_wait() if self._rules.minimum_wait else 0
        patience_us = self._rules.patience_left(waited_us) if self._rules.patience_left else None
        self._wait(item, max(minimum_us - waited_us, 0), patience_us)

    def resumed(self, item: Item) -> None:
        """Hear that an item was being worked on when the run started."""
        if self._kin is not None:
            self._kin.take_turn(item)

    def when_room(self, item: Item, go: Onward) -> None:
        """Let an item go on to this step from the one before as soon as there is room for it."""
        if not self._outside and self._has_room_for(item):
            self._call_in(item, go)
        else:
            self._outside.append((item, go))
            self._look_soon()

    def _come(self, item: Item) -> None:
        if item is self._answered:
            self._begin(item)
        elif item is self._expected or (not self._outside and self._has_room_for(item)):
            self._expected = None
            self._come_in(item)
        elif self._rules.refuse is None:
            self._outside.append((item, self._come))
            self._look_soon()
        else:
            self.refused += item.quantity
            self._rules.refuse(item)

    def _has_room_for(self, item: Item) -> bool:
        room = self._rules.room
        return room is None or self._places + item.quantity <= room or self._would_begin(item)

    def _would_begin(self, item: Item) -> bool:
        """Tell whether work on an item that came in now would begin at once."""
        if self._rules.minimum_wait is not None or not (self._kin is None or self._kin.has_turn_for(item)):
            return False
        terms = self._station.terms[item.kind]
        return terms.staff is None or terms.staff.is_free(terms.rank, self._station.machine)

    # waiting

    def _come_in(self, item: Item) -> None:
        minimum_us = self._rules.minimum_wait() if self._rules.minimum_wait else 0
        patience_us = self._rules.patience() if self._rules.patience else None
        self._wait(item, minimum_us, patience_us)

    def _wait(self, item: Item, minimum_us: int, patience_us: int | None) -> None:
        stay = self._stays[item] = Stay(item)
        self._places += item.quantity
        now = self._agenda.now
        if minimum_us:
            self._agenda.at(now + minimum_us, ARRIVAL, self._ripen, Timer(stay))
        else:
            self._ask(stay)
        if patience_us is not None and not stay.is_over:
            self._agenda.at(now + patience_us, ARRIVAL, self._tire, Timer(stay))

    def _ripe(self, timer: Timer) -> None:
        if not timer.stay.is_over:
            self._ask(timer.stay)

    def _ask(self, stay: Stay) -> None:
        if self._kin is not None:
            if not self._kin.has_turn_for(stay.item):
                self._kin.wait(stay)
                return
            self._kin.take_turn(stay.item)
        stay.has_asked = True
        self._station.ask(stay.item)

    def _tired(self, timer: Timer) -> None:
        stay, rules = timer.stay, self._rules
        if stay.is_over or rules.give_up is None:
            return
        item = stay.item
        if stay.has_asked:
            self._withdraw(item)
        self._leave(stay)
        if stay.has_asked:
            self._pass_turn(item)
        self.gave_up += item.quantity
        item.started_us = self._agenda.now
        self._station.note(item, self._agenda.now)
        item.started_us = None
        rules.give_up(item)

    def _leave(self, stay: Stay) -> None:
        stay.is_over = True
        del self._stays[stay.item]
        self._places -= stay.item.quantity
        self._look_soon()

    # being worked on

    def began(self, item: Item) -> None:
        """Hear that work on an item began."""
        stay = self._stays.get(item)
        if stay is not None:
            self._leave(stay)

    def ended(self, item: Item) -> None:
        """Hear that work on an item ended, its person and machine given back."""
        self._pass_turn(item)
        self._look_soon()

    def _pass_turn(self, item: Item) -> None:
        following = self._kin.pass_turn(item) if self._kin is not None else None
        if following is not None:
            self._ask(following)

    # outside

    def _look_soon(self) -> None:
        """Look who can come in, at this moment still, but after whoever is being served just now."""
        if self._outside and not self._is_looking:
            self._is_looking = True
            self._agenda.at(self._agenda.now, RELEASE, self._look_now, Signal())

    def _look(self, _: Signal) -> None:
        self._is_looking = False
        while self._outside and self._has_room_for(self._outside[0][0]):
            item, go = self._outside.popleft()
            if self._knocking is not None:
                self._withdraw(self._knocking)
                self._knocking = None
            self._call_in(item, go)
        if self._outside and self._knocking is None:
            self._knock(self._outside[0][0])

    def _call_in(self, item: Item, go: Onward) -> None:
        self._expected = item
        go(item)

    def _knock(self, item: Item) -> None:
        """Ask for somebody who would else be idle; a place among those who wait may come free before."""
        staff = self._station.terms[item.kind].staff
        can_begin = self._rules.minimum_wait is None and (self._kin is None or self._kin.has_turn_for(item))
        if staff is not None and can_begin:
            self._knocking = item
            staff.request(_AFTER_ALL, self._answer, item, self._station.machine)

    def _answer(self, item: Item) -> None:
        """Let the first outside come straight into the hands of whoever is free, and to the machine."""
        _, go = self._outside.popleft()
        self._knocking = None
        self._answered = item
        machine = self._station.machine
        self._reserved = None if machine is None else machine.take(item)
        self._look_soon()
        go(item)

    def _begin(self, item: Item) -> None:
        self._answered = None
        if self._kin is not None:
            self._kin.take_turn(item)
        if self._reserved is not None and self._station.machine is not None:
            self._station.machine.vacate(self._reserved)
        self._station.begin(item)

    def _withdraw(self, item: Item) -> None:
        staff = self._station.terms[item.kind].staff
        if staff is not None:
            staff.withdraw(item, self._station.machine)
