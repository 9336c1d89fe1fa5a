"""Faults in what must be waited for: a machine and its repair, room, the earliest start, the kin; and in patience."""

from tests.mutants.fault import (
    BREAKDOWNS,
    KERNEL,
    LANES,
    WAITING,
    Fault,
)

STAFF = "twin/engine/staff.py"
MACHINES = "twin/engine/machines.py"
BY_HAND = "twin/stations/by_hand.py"
LANE = "twin/stations/lane.py"
GATES = "twin/stations/gates.py"
TURNSTILE = "twin/stations/turnstile.py"
KIN = "twin/stations/kin.py"
_TOGETHER = f"{KERNEL}::TestPersonAndMachineTogether"

WITH_A_MACHINE = (
    Fault(
        "the person is taken before the machine is free",
        STAFF,
        "            machine.park(key, lambda: self._return(entry), self, task)\n",
        "            self.busy += 1\n"
        "            machine.park(key, lambda: (self.release(), self._return(entry)), self, task)\n",
        (f"{_TOGETHER}::test_who_needs_no_machine_overtakes_who_waits_for_one",),
    ),
    Fault(
        "who waits for a machine waits in order of coming, not by class",
        STAFF,
        "            machine.park(key, lambda: self._return(entry), self, task)\n",
        "            machine.park(0, lambda: self._return(entry), self, task)\n",
        (f"{_TOGETHER}::test_a_machine_that_comes_free_goes_to_the_most_urgent",),
    ),
    Fault(
        "who has waited for a machine asks for the person as a newcomer",
        STAFF,
        "        self.waiting.push(entry)\n        self._dispatch()",
        "        self.request(entry[0] // RANK, *entry[1:])",
        (f"{_TOGETHER}::test_who_waited_for_a_machine_goes_before_who_came_later_for_the_person",),
    ),
    Fault(
        "a failure does not hold the run up",
        MACHINES,
        "user.delay_us += away",
        "user.delay_us += 0 * away",
        (f"{BREAKDOWNS}::test_a_machine_that_breaks",),
    ),
    Fault(
        "a repair never ends",
        MACHINES,
        "self._agenda.at(self._agenda.now + away, ARRIVAL, [lambda _: self._repair(unit, lives)], Signal())",
        "pass",
        (f"{KERNEL}::TestMachines::test_a_broken_machine_is_not_given_out",),
    ),
    Fault(
        "a machine breaks down only once",
        MACHINES,
        "        self._plan_failure(unit, lives)\n        if unit not in self.users:",
        "        if unit not in self.users:",
        (f"{BREAKDOWNS}::test_a_machine_breaks_again_after_each_repair",),
    ),
    Fault(
        "a broken machine is given out after its use",
        MACHINES,
        "        if unit in self._down:\n            self._enter(DOWN)",
        "        if False:\n            self._enter(DOWN)",
        (f"{KERNEL}::TestMachines::test_a_machine_that_breaks_in_use_is_away_after_use",),
    ),
)

BEFORE_A_STEP = (
    Fault(
        "a person is free as soon as work begins",
        BY_HAND,
        "        heappush(self._queue, (now + work, RELEASE, next(self._ids), item))\n",
        "        heappush(self._queue, (now + work, RELEASE, next(self._ids), item))\n"
        "        if terms.staff is not None:\n            terms.staff.release(item)\n",
        (f"{WAITING}::TestRoom::test_without_any_one_is_served_at_once_or_refused",),
    ),
    Fault(
        "room counts those in hand",
        GATES,
        "return room is None or self._places + item.quantity <= room or",
        "inside = self._places + self._station.terms[item.kind].staff.busy\n"
        "        return room is None or inside + item.quantity <= room or",
        (f"{WAITING}::TestRoom::test_is_for_those_who_wait_and_not_for_those_in_hand",),
    ),
    Fault(
        "patience runs only from the start of work",
        GATES,
        "if patience_us is not None and not stay.is_over:",
        "if patience_us is not None and stay.is_over:",
        (f"{WAITING}::TestPatience::test_ends_a_wait_and_counts_as_waited_so_long",),
    ),
    Fault(
        "patience runs only from the earliest start",
        GATES,
        "self._agenda.at(now + patience_us, ARRIVAL, self._tire, Timer(stay))",
        "self._agenda.at(now + minimum_us + patience_us, ARRIVAL, self._tire, Timer(stay))",
        (f"{WAITING}::TestMinimumWait::test_may_outlast_patience",),
    ),
    Fault(
        "who was found waiting is as patient as a newcomer",
        GATES,
        "self._rules.patience_left(waited_us)",
        "self._rules.patience_left(0 * waited_us)",
        (f"{WAITING}::TestTheStart::test_counts_the_time_waited_towards_patience",),
    ),
    Fault(
        "who gives up leaves a request behind",
        GATES,
        "        if stay.has_asked:\n            self._withdraw(item)",
        "        if False:\n            self._withdraw(item)",
        (f"{WAITING}::TestPatience::test_at_an_end_leaves_no_request_behind",),
    ),
    Fault(
        "work begins before the minimum wait is over",
        GATES,
        "self._agenda.at(now + minimum_us, ARRIVAL, self._ripen, Timer(stay))",
        "self._agenda.at(now + minimum_us // 2, ARRIVAL, self._ripen, Timer(stay))",
        (f"{WAITING}::TestMinimumWait::test_puts_the_earliest_start_so_long_after_coming",),
    ),
    Fault(
        "a person is let go before there is room for the work",
        BY_HAND,
        "self._done = [lambda item: gate.when_room(item, self.end)]",
        "self._done = [self.end]",
        (f"{WAITING}::TestBlocking::test_keeps_the_person_before_until_work_can_begin",),
    ),
    Fault(
        "two blocks of one specimen are in hand at once",
        TURNSTILE,
        "behind = self.behind.get(item.parent)\n",
        "behind = None\n",
        (LANES,),
    ),
    Fault(
        "two blocks of one specimen are in hand at once by the quick way",
        LANE,
        "kin = behind.get(item.parent)",
        "kin = None",
        (f"{WAITING}::TestOneAtATime::test_never_has_two_of_one_specimen_in_hand_however_many_people_are_free",),
    ),
    Fault(
        "two blocks of one specimen are in hand at once where patience ends",
        KIN,
        "return item.parent not in self._turns",
        "return True",
        (f"{WAITING}::TestOneAtATime::test_passes_the_turn_of_one_who_gives_up",),
    ),
)

OF_WAITING = WITH_A_MACHINE + BEFORE_A_STEP
