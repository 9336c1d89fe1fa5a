"""Faults in what goes together and apart: batches, slots, machines loaded and unloaded, transport, slides, rework."""

from tests.mutants.fault import CARRIED, CLOSING, IN_MACHINE, KERNEL, PATHWAY, Fault

BATCHES = "twin/engine/batches.py"
SLOTS = "twin/engine/slots.py"
MACHINE = "twin/stations/in_machine.py"
TRANSPORT = "twin/stations/carried.py"
LANE = "twin/stations/lane.py"
ITEMS = "twin/items.py"
WAYS = "twin/pathway.py"
MODEL = "twin/model.py"

CLOSED = (
    Fault(
        "a batch closes one short",
        BATCHES,
        "        self._size = size\n        self._programme",
        "        self._size = size - 1\n        self._programme",
        (f"{KERNEL}::TestBatches::test_a_full_batch_closes",),
    ),
    Fault(
        "a batch closes one over",
        BATCHES,
        "        self._size = size\n        self._programme",
        "        self._size = size + 1\n        self._programme",
        (f"{KERNEL}::TestBatches::test_a_full_batch_closes",),
    ),
    Fault(
        "a batch fills past its size by the quick way",
        LANE,
        "batch.count + places >= almost",
        "batch.count + places > almost",
        (f"{CLOSING}::TestOtherRules::test_full_only_never_starts_with_fewer",),
    ),
    Fault(
        "a batch needs one more than the least",
        BATCHES,
        "elif batch.count >= self._least and not batch.is_closed:",
        "elif batch.count > self._least and not batch.is_closed:",
        (f"{CLOSING}::TestAtLeastSoMany::test_starts_with_the_least_when_the_machine_is_free",),
    ),
    Fault(
        "of those who come together only the least go in",
        BATCHES,
        "self._agenda.at(self._agenda.now, LAST, self._settle, _Due(batch))",
        "self._hand_over(batch)",
        (f"{CLOSING}::TestAtLeastSoMany::test_takes_all_who_come_together",),
    ),
    Fault(
        "the longest wait is measured from the last item",
        BATCHES,
        "        batch = expired.batch\n        if not batch.is_closed:",
        "        batch = expired.batch\n"
        "        due = self._due(batch.parts[-1].arrived_us)\n"
        "        if due > self._agenda.now:\n"
        "            self._agenda.at(due, ARRIVAL, self._expire, expired)\n"
        "        elif not batch.is_closed:",
        (f"{KERNEL}::TestBatches::test_nobody_waits_longer_than_the_maximum",),
    ),
    Fault(
        "a batch fills on after it is loaded",
        BATCHES,
        'nothing joins it any more."""\n        if self.filling is batch:',
        'nothing joins it any more."""\n        if False:',
        (f"{CLOSING}::TestOtherRules::test_a_ready_batch_fills_until_it_is_loaded",),
    ),
    Fault(
        "a clock time leaves a batch that is not full",
        BATCHES,
        "        for batch in batches:\n            self._close(batch)",
        "        for batch in batches[:-1]:\n            self._close(batch)",
        (f"{KERNEL}::TestBatches::test_the_clock_starts_whatever_is_there",),
    ),
    Fault(
        "a batch is as urgent as its last item",
        BATCHES,
        "self.rank = min(self.rank, part.rank)",
        "self.rank = part.rank",
        (f"{IN_MACHINE}::TestARequestToLoad::test_may_be_as_urgent_as_the_most_urgent_item",),
    ),
    Fault(
        "a batch is as urgent as its last item by the quick way",
        LANE,
        "if item.rank < batch.rank:",
        "if item.rank != batch.rank:",
        (f"{IN_MACHINE}::TestARequestToLoad::test_may_be_as_urgent_as_the_most_urgent_item",),
    ),
    Fault(
        "a slot takes one more than its size",
        SLOTS,
        "places = min(self._places, self._size)",
        "places = min(self._places + 1, self._size)",
        (f"{CLOSING}::TestSlots::test_start_at_their_moments_with_at_most_so_many",),
    ),
    Fault(
        "a slot takes more than the machine holds",
        SLOTS,
        "places = min(self._places, self._size)",
        "places = self._places",
        (f"{CLOSING}::TestSlots::test_take_no_more_than_the_machine_holds_and_divide_what_can_be_divided",),
    ),
    Fault(
        "a slot takes in order of coming, whatever the class",
        SLOTS,
        "heappush(self._waiting, (part.rank,",
        "heappush(self._waiting, (0,",
        (f"{CLOSING}::TestSlots::test_take_the_most_urgent_first_then_who_came_first",),
    ),
)

LOADED = (
    Fault(
        "the loader goes though the run is attended",
        MACHINE,
        "if run.load is not None and not run.is_attended:",
        "if run.load is not None:",
        (f"{IN_MACHINE}::TestLoadingAndUnloading::test_hold_a_person_all_the_time_where_the_run_is_attended",),
    ),
    Fault(
        "a person is free before the pieces are finished by hand",
        MACHINE,
        "if run.by_hand_after is None and run.finisher is not None:",
        "if run.finisher is not None:",
        (f"{IN_MACHINE}::TestByHandAfter::test_the_machine_is_free_and_the_person_is_not",),
    ),
    Fault(
        "a person is never free after unloading",
        MACHINE,
        "if run.by_hand_after is None and run.finisher is not None:",
        "if run.by_hand_after is None and run.is_attended and run.finisher is not None:",
        (f"{IN_MACHINE}::TestLoadingAndUnloading::test_hold_a_person_and_the_run_does_not",),
    ),
    Fault(
        "a machine is free before it is unloaded",
        MACHINE,
        "        run.machine.turn(WORKING, WAITING)\n",
        "        run.machine.turn(WORKING, WAITING)\n"
        "        run.machine._free.append(batch.unit)\n        run.machine.offer()\n",
        (f"{IN_MACHINE}::TestByHandAfter::test_the_machine_is_free_and_the_person_is_not",),
    ),
)

CARRIED_AWAY = (
    Fault(
        "items are there before they are unloaded",
        TRANSPORT,
        "length = sum([draw() for draw in self._carrying.outward])",
        "length = sum([draw() for draw in self._carrying.outward[:2]])",
        (f"{CARRIED}::TestThePersonWhoCarries::test_is_gone_until_back_while_the_items_are_there_already",),
    ),
    Fault(
        "items are at the next step before they are carried there",
        TRANSPORT,
        "self.agenda.at(now + length, RELEASE, self._arrived, delivery)",
        "self.agenda.at(now + 0 * length, RELEASE, self._arrived, delivery)",
        (f"{CARRIED}::TestADeliveryIsReady::test_when_exactly_so_many_are_there_and_never_before",),
    ),
    Fault(
        "the urgent do not go alone",
        TRANSPORT,
        "if not self.goes_alone[item.kind]:",
        "if self.collector is not None:",
        (f"{CARRIED}::TestTheUrgentGoAlone",),
    ),
    Fault(
        "the urgent go alone but behind all others",
        TRANSPORT,
        "delivery = (self._alone or self._filled).popleft()",
        "delivery = (self._filled or self._alone).popleft()",
        (f"{CARRIED}::TestTheUrgentGoAlone",),
    ),
    Fault(
        "a carrier is free before it is back",
        TRANSPORT,
        "self.agenda.at(now + self._carrying.back(), RELEASE, self._back, delivery)",
        "self.agenda.at(now, RELEASE, self._back, delivery)",
        (f"{CARRIED}::TestCarriers::test_handle_one_delivery_at_a_time_each",),
    ),
    Fault(
        "a delivery is handed over in order of coming, whatever the class",
        TRANSPORT,
        '        others.sort(key=attrgetter("rank"))\n',
        "",
        (f"{CARRIED}::TestCarriers::test_hand_over_first_what_came_first_and_then_by_priority",),
    ),
)

APART_AND_ON = (
    Fault(
        "a slide is lost where a batch divides them",
        ITEMS,
        "self.indices = self.indices[places:]",
        "self.indices = self.indices[places + 1 :]",
        (f"{PATHWAY}::TestOneCase::test_slides_over_the_size_of_a_rack_go_in_two_runs_and_meet_again",),
    ),
    Fault(
        "a slide is doubled where a batch divides them",
        ITEMS,
        "self.indices = self.indices[places:]",
        "self.indices = self.indices[places - 1 :]",
        (f"{PATHWAY}::TestOneCase::test_slides_over_the_size_of_a_rack_go_in_two_runs_and_meet_again",),
    ),
    Fault(
        "a case goes on one part early",
        WAYS,
        "item.pending = len(parts)",
        "item.pending = max(len(parts) - 1, 1)",
        (f"{PATHWAY}::TestOneCase::test_a_report_waits_for_all_parts_of_the_case",),
    ),
    Fault(
        "a block goes on one slide early",
        WAYS,
        "block.pending = sum([len(part.indices) for part in parts])",
        "block.pending = max(sum([len(part.indices) for part in parts]) - 1, 1)",
        (f"{PATHWAY}::TestOneCase",),
    ),
    Fault(
        "all items go through a step that some do not need",
        WAYS,
        'return fits(step.when, attributes) and attributes.get(NEEDED + step.name) != "no"',
        "return fits(step.when, attributes)",
        (f"{PATHWAY}::TestOneCase::test_a_step_it_does_not_need_is_passed_by",),
    ),
    Fault(
        "rework does not tell the block what it is for",
        MODEL,
        'block.kind = self.kinds.plus(block.kind, "work", rule.kind)',
        "pass",
        (f"{PATHWAY}::TestWaysThroughTheLab::test_what_was_asked_for_later_may_go_a_way_of_its_own",),
    ),
    Fault(
        "rework brings one slide however many were asked for",
        MODEL,
        "block.due = self._rework.slides(rule)",
        "block.due = 1",
        (f"{PATHWAY}::TestOneCase::test_a_second_look_makes_new_slides_only",),
    ),
    Fault(
        "rework cuts the first slides anew",
        ITEMS,
        "        first = self.slides\n",
        "        first = 0\n",
        (f"{PATHWAY}::TestOneCase::test_a_second_look_makes_new_slides_only",),
    ),
    Fault(
        "a second look takes as long as the first",
        "twin/stations/by_hand.py",
        "if terms.repeat is not None and item.case.looks:",
        "if terms.repeat is not None and not item.case.looks:",
        (f"{PATHWAY}::TestWaysThroughTheLab::test_a_second_look_may_be_shorter",),
    ),
)

OF_GATHERING = CLOSED + LOADED + CARRIED_AWAY + APART_AND_ON
