"""Faults in who is served when and by whom: classes, order, shifts, interruption, sharing."""

from tests.mutants.fault import (
    INTERRUPTION,
    KERNEL,
    LANES,
    SHARING,
    SKILLS,
    WAITING,
    Fault,
)

AGENDA = "twin/engine/agenda.py"
REQUESTS = "twin/engine/requests.py"
STAFF = "twin/engine/staff.py"
SKILLED = "twin/engine/skills.py"
INTERRUPTIBLE = "twin/engine/interruptible.py"
SHARED = "twin/engine/sharing.py"
WORK = "twin/engine/work.py"
BY_HAND = "twin/stations/by_hand.py"
LANE = "twin/stations/lane.py"

IN_ORDER = (
    Fault(
        "who comes at a release's very moment comes before it",
        AGENDA,
        "END, CAPACITY, RELEASE, START, ARRIVAL, LAST = 0, 1, 2, 3, 4, 5",
        "END, CAPACITY, RELEASE, START, ARRIVAL, LAST = 0, 1, 4, 3, 2, 5",
        (f"{WAITING}::TestRoom::test_is_free_again_before_somebody_comes_at_the_same_moment",),
    ),
    Fault(
        "work begins at the very end of a shift",
        AGENDA,
        "END, CAPACITY, RELEASE, START, ARRIVAL, LAST = 0, 1, 2, 3, 4, 5",
        "END, CAPACITY, RELEASE, START, ARRIVAL, LAST = 0, 2, 1, 3, 4, 5",
        (f"{KERNEL}::TestShifts::test_nothing_starts_at_the_very_end_of_a_shift",),
    ),
    Fault(
        "a request forgets its class",
        STAFF,
        "entry = (rank * RANK + self.sequence,",
        "entry = (0 * RANK + self.sequence,",
        (f"{KERNEL}::TestOnePairOfHands::test_the_urgent_overtakes_who_waits",),
    ),
    Fault(
        "a request by the quick way forgets its class",
        LANE,
        "line = pool.waiting.line(rank)",
        "line = pool.waiting.line(0 * rank)",
        (LANES,),
    ),
    Fault(
        "the least urgent class is served first",
        REQUESTS,
        "for known in sorted(self._by_rank)]",
        "for known in sorted(self._by_rank, reverse=True)]",
        (f"{KERNEL}::TestOnePairOfHands::test_the_urgent_overtakes_who_waits",),
    ),
    Fault(
        "within a class the last to come is served first",
        STAFF,
        "self.step = -1 if last_come else 1",
        "self.step = 1 if last_come else -1",
        (f"{KERNEL}::TestOnePairOfHands::test_serves_in_order_of_arrival",),
    ),
    Fault(
        "within a class the last to come by the quick way is served first",
        LANE,
        "return line.append if pool.step > 0 else line.appendleft",
        "return line.appendleft if pool.step > 0 else line.append",
        (LANES,),
    ),
    Fault(
        "of several lines the first in the file is served, not the most urgent",
        SKILLED,
        "if first is None or waiting[0][0] < lowest:",
        "if first is None:",
        (f"{SKILLS}::TestWhoIsServed::test_the_most_urgent_over_all_lines",),
    ),
    Fault(
        "of several groups with the skill the last in the file serves",
        SKILLED,
        "        for group in self.groups:\n            if group.busy < group.capacity:",
        "        for group in reversed(self.groups):\n            if group.busy < group.capacity:",
        (f"{SKILLS}::TestWhoServes::test_the_first_group_of_the_file_that_has_somebody_free",),
    ),
    Fault(
        "a second draw is made at each visit",
        BY_HAND,
        "work = terms.draw() if self.pieces is None",
        "work = (terms.draw(), terms.draw())[1] if self.pieces is None",
        (f"{WAITING}::TestMinimumWait::test_puts_the_earliest_start_so_long_after_coming",),
    ),
    Fault(
        "a second draw is made at each visit by the quick way",
        LANE,
        "heappush(queue, (now + draw(), RELEASE",
        "heappush(queue, (now + (draw(), draw())[1], RELEASE",
        (LANES,),
    ),
)

SHIFTS = (
    Fault(
        "nobody goes home",
        STAFF,
        "self.capacity = self._next",
        "self.capacity = max(self.capacity, self._next)",
        (f"{KERNEL}::TestShifts::test_what_was_started_is_finished",),
    ),
    Fault(
        "who comes on shift leaves those who wait waiting",
        STAFF,
        "        self._await_change()\n        self._dispatch()",
        "        self._await_change()",
        (f"{KERNEL}::TestShifts::test_a_second_person_serves_who_waits",),
    ),
    Fault(
        "work in hand is dropped when the shift ends",
        STAFF,
        "self.capacity = self._next",
        "self.capacity = self._next\n        self.busy = min(self.busy, self.capacity)",
        (f"{KERNEL}::TestShifts::test_finishing_over_is_not_counted_as_presence",),
    ),
    Fault(
        "who finishes over takes the next one too",
        STAFF,
        "        elif first is not None and first[3] is None:",
        "        if first is not None and first[3] is None:",
        (f"{KERNEL}::TestShifts::test_what_was_started_is_finished",),
    ),
    Fault(
        "who finishes over by the quick way takes the next one too",
        LANE,
        "        if pool.busy > pool.capacity:\n            pool.release()",
        "        if False:\n            pool.release()",
        (LANES,),
    ),
    Fault(
        "work that may be finished over is handed on when the shift ends",
        INTERRUPTIBLE,
        'while self.busy > self.capacity and self._shift_end != "finish":',
        "while self.busy > self.capacity:",
        (f"{INTERRUPTION}::TestAShiftThatEnds::test_lets_all_finish_unless_the_file_says_otherwise",),
    ),
    Fault(
        "what is set aside was begun first, not last",
        INTERRUPTIBLE,
        "return max((work for work in works if work.spell is not None), key=_order, default=None)",
        "return min((work for work in works if work.spell is not None), key=_order, default=None)",
        (f"{INTERRUPTION}::TestAShiftThatEnds::test_sets_aside_what_is_least_urgent_and_was_begun_last_of_it",),
    ),
)

INTERRUPTED = (
    Fault(
        "interrupted work starts again where it should go on",
        INTERRUPTIBLE,
        'if self._afterwards == "restart":',
        'if self._afterwards != "resample":',
        (f"{INTERRUPTION}::TestInterruptedWork::test_goes_on_as_the_file_says_after_the_urgent",),
    ),
    Fault(
        "interrupted work forgets what was done of it",
        WORK,
        "        self.left_us -= now_us - self.since_us",
        "        self.left_us -= 0 * (now_us - self.since_us)",
        (f"{INTERRUPTION}::TestInterruptedWork::test_goes_on_as_the_file_says_after_the_urgent",),
    ),
    Fault(
        "work is interrupted for its own class",
        INTERRUPTIBLE,
        "work.spell is not None and work.rank > rank]",
        "work.spell is not None and work.rank >= rank]",
        (f"{INTERRUPTION}::TestTheUrgent::test_interrupt_none_of_their_own_class",),
    ),
    Fault(
        "interrupted work goes to the back of its class",
        INTERRUPTIBLE,
        "key = work.rank * RANK + line.turns.front()",
        "key = work.rank * RANK + line.turns.back()",
        (f"{INTERRUPTION}::TestTheUrgent::test_interrupt_and_leave_the_front_of_the_queue_to_whom_they_interrupted",),
    ),
    Fault(
        "people are shared among one more than there are",
        SHARED,
        "(self._shares[0][0] - self._served) * len(self._shares) // people",
        "(self._shares[0][0] - self._served) * (len(self._shares) + 1) // people",
        (f"{SHARING}::TestTheShare::test_is_equal_among_all_who_are_there",),
    ),
    Fault(
        "one item has more than one person",
        SHARED,
        "return min(self.capacity, len(self._shares))",
        "return self.capacity if self._shares else 0",
        (f"{SHARING}::TestTheShare::test_is_never_more_than_one_person",),
    ),
)

OF_PEOPLE = IN_ORDER + SHIFTS + INTERRUPTED
