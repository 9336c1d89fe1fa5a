"""Faults in clocks, calendars, luck, what is found half done, and in what a run remembers and counts."""

from tests.mutants.fault import (
    ARRIVALS,
    CALENDARS,
    EXACT,
    FAMILIES,
    KERNEL,
    LUCK,
    MEASURES,
    STATES,
    Fault,
)

CALENDAR = "twin/calendars.py"
ARRIVING = "twin/arrivals.py"
DURATIONS = "twin/distributions/base.py"
STREAMS = "twin/variates.py"
BUILDING = "twin/building.py"
PLACEMENT = "twin/placement.py"
RECORD = "twin/record.py"
SIMULATE = "twin/simulate.py"
MEASURING = "twin/measures.py"
STAFF = "twin/engine/staff.py"
UTILISATION = "twin/utilisation.py"

CLOCKS = (
    Fault(
        "a pause is counted twice",
        CALENDAR,
        "return max(here - gone, 0)",
        "return max(here - 2 * gone, 0)",
        (f"{CALENDARS}::test_a_pause_takes_people_away",),
    ),
    Fault(
        "people come on a public holiday",
        CALENDAR,
        "works = isinstance(part, Pause) or part.holidays or not self.is_holiday(day)",
        "works = True",
        (f"{CALENDARS}::test_nobody_comes_on_a_bank_holiday",),
    ),
    Fault(
        "a clock time strikes on a public holiday",
        CALENDAR,
        "if DAYS[day.weekday()] in days and not self.is_holiday(day):",
        "if DAYS[day.weekday()] in days:",
        (f"{CALENDARS}::test_clock_times_pass_over_weekends_and_holidays",),
    ),
    Fault(
        "cases come on a public holiday as on any day",
        CALENDAR,
        "weekday = 6 if self.is_holiday(local.date()) else local.weekday()",
        "weekday = local.weekday()",
        (f"{CALENDARS}::test_a_public_holiday_has_a_sunday_s_cases",),
    ),
    Fault(
        "summer time is ignored",
        CALENDAR,
        "return to_us(wall.astimezone(UTC))",
        "return to_us(wall.astimezone(UTC) + (wall.dst() or timedelta()))",
        (f"{CALENDARS}::test_a_shift_keeps_its_local_hours_over_the_end_of_summer_time",),
    ),
    Fault(
        "the profile is an hour late",
        CALENDAR,
        "local = from_us(start_us + hour * HOUR).astimezone(self._zone)",
        "local = from_us(start_us + (hour - 1) * HOUR).astimezone(self._zone)",
        (f"{ARRIVALS}::test_every_case_comes_in_an_hour_that_the_profile_names_summer_or_winter",),
    ),
    Fault(
        "cases come an hour after their profile",
        ARRIVING,
        "edges = start + HOUR * np.arange(WEEK_HOURS + 1, dtype=np.float64)",
        "edges = start + HOUR * np.arange(1, WEEK_HOURS + 2, dtype=np.float64)",
        (f"{ARRIVALS}::test_every_case_comes_in_an_hour_that_the_profile_names_summer_or_winter",),
    ),
)

HALF_DONE = (
    Fault(
        "what is left of work half done is drawn as if it were new",
        DURATIONS,
        "return max(round(self.beyond(rng, age) * MICROSECONDS[self.unit]) - elapsed_us, 0)",
        "return self.sample_us(rng, 1)[0]",
        (f"{FAMILIES}::test_the_residual_life_of_a_lognormal",),
    ),
    Fault(
        "what is left of work half done is as much as there was to do",
        DURATIONS,
        "return max(round(self.beyond(rng, age) * MICROSECONDS[self.unit]) - elapsed_us, 0)",
        "return max(round(self.beyond(rng, age) * MICROSECONDS[self.unit]), 0)",
        (f"{FAMILIES}::test_the_residual_life_of_a_lognormal",),
    ),
    Fault(
        "work found half done forgets when it began",
        PLACEMENT,
        "elapsed = self._model.agenda.now - started_us",
        "elapsed = 0",
        (f"{STATES}::TestWhatIsUnderWay::test_work_half_done_takes_what_remains",),
    ),
    Fault(
        "a run found under way begins anew",
        PLACEMENT,
        "return run.remaining_us(self._rng(step.name), self._model.agenda.now - started_us)",
        "return run.remaining_us(self._rng(step.name), 0)",
        (f"{STATES}::TestWhatIsUnderWay::test_a_machine_in_mid_run_keeps_its_load_and_its_end",),
    ),
    Fault(
        "those found waiting lose their order",
        PLACEMENT,
        "in sorted(waiting, key=lambda found: found[2].since_us):",
        "in waiting:",
        (f"{STATES}::TestWhatIsUnderWay::test_those_who_wait_keep_their_order",),
    ),
)

CHANCE = (
    Fault(
        "two steps have the same luck",
        STREAMS,
        "entropy = [self.seed, stable_hash(self.lab), stable_hash(step), stable_hash(purpose), self.replication]",
        "entropy = [self.seed, stable_hash(self.lab), stable_hash(purpose), self.replication]",
        (f"{LUCK}::test_streams_differ_by_seed_lab_replication_step_and_purpose",),
    ),
    Fault(
        "two steps draw from one stream",
        BUILDING,
        "return draws(self._model.streams.generator(step, purpose), duration.filler())",
        "lab = self._lab.__dict__\n"
        '        rng = lab.setdefault("luck", self._model.streams.generator("all", "durations"))\n'
        "        return lambda: duration.sample_us(rng, 1)[0]",
        (f"{LUCK}::test_what_one_step_draws_changes_nothing_for_another",),
    ),
)

COUNTED = (
    Fault(
        "a visit is recorded with its end for its start",
        "twin/stations/by_hand.py",
        "self.visits.notes.extend((item.arrived_us, item.started_us, now, item.kind))",
        "self.visits.notes.extend((item.arrived_us, now, now, item.kind))",
        (f"{EXACT}::test_every_moment_is_as_worked_out",),
    ),
    Fault(
        "a visit is recorded with its end for its start by the quick way",
        "twin/stations/lane.py",
        "notes.extend((item.arrived_us, item.started_us, env._now, item.kind))",
        "notes.extend((item.arrived_us, env._now, env._now, item.kind))",
        (f"{EXACT}::test_every_moment_is_as_worked_out",),
    ),
    Fault(
        "overtime counts as presence",
        UTILISATION,
        "present[name] = pool.present_us",
        "present[name] = pool.present_us + pool.over_us",
        (f"{MEASURES}::test_overtime_is_neither_presence_nor_work_within_it",),
    ),
    Fault(
        "overtime counts as work within the shift",
        STAFF,
        "self.busy_us = self.moments + self.busy * now - self.over_us",
        "self.busy_us = self.moments + self.busy * now",
        (f"{KERNEL}::TestShifts::test_finishing_over_is_not_counted_as_presence",),
    ),
    Fault(
        "a machine under repair counts as busy",
        UTILISATION,
        "if state not in {IDLE, OVERTIME, DOWN})",
        "if state not in {IDLE, OVERTIME})",
        (f"{MEASURES}::test_a_machine_under_repair_is_not_at_work",),
    ),
    Fault(
        "turnaround remembers the warm-up",
        RECORD,
        '        self.number = array("q")\n',
        '        if hasattr(self, "number"):\n            return\n        self.number = array("q")\n',
        (f"{MEASURES}::test_a_case_counts_if_it_ends_after_the_warm_up_and_a_wait_if_it_does",),
    ),
    Fault(
        "waits remember the warm-up",
        MEASURING,
        "known = started >= since\n",
        "known = started >= 0\n",
        (f"{MEASURES}::test_a_case_counts_if_it_ends_after_the_warm_up_and_a_wait_if_it_does",),
    ),
    Fault(
        "slides that go together count as one wait",
        MEASURING,
        '"wait_mean_h": float(np.average(hours, weights=weights))',
        '"wait_mean_h": float(np.average(hours))',
        (f"{MEASURES}::test_a_wait_weighs_as_many_slides_as_wait_together",),
    ),
    Fault(
        "the number of cases in the lab remembers the warm-up",
        RECORD,
        "        self._wip_us = 0\n",
        '        self._wip_us = getattr(self, "_wip_us", 0)\n',
        (f"{MEASURES}::test_a_case_counts_if_it_ends_after_the_warm_up_and_a_wait_if_it_does",),
    ),
    Fault(
        "a case that gave up counts as reported",
        "twin/model.py",
        "self.record.gave_up(case, self.agenda.now)",
        "self.record.left(case, self.agenda.now)",
        (f"{EXACT}::test_every_moment_is_as_worked_out",),
    ),
)

OF_TIME_AND_COUNTING = CLOCKS + HALF_DONE + CHANCE + COUNTED
