"""Targets and figures: who is counted, who is late, and that the figures say so."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.clock import DAY_US, HOUR_US
from tracking.events import Priority
from tracking.registry import Target
from tracking.turnaround.calendar import LabCalendar
from tracking.turnaround.clocks import CaseTimes
from tracking.turnaround.measure import measure, within
from tracking.turnaround.targets import define, due_us, earliest_due_us, is_late

ENGLAND = LabCalendar()
NOW_US = 1_795_257_000_000_000
WEEK = Target(name="80 % in 7 days", percentile=80, days=7)
lengths = st.lists(st.integers(0, 40 * DAY_US), min_size=1, max_size=60)


def closed(length_us: int, **more: object) -> CaseTimes:
    case = CaseTimes(1, "S26-000001", "rl4", "routine", received_us=NOW_US - length_us, authorised_us=NOW_US)
    return replace(case, **more)  # type: ignore[arg-type]


@settings(deadline=None)
@given(lengths, st.floats(0.1, 40), st.floats(0, 10), st.sampled_from(["calendar", "working"]))
def test_percent_within_never_falls_when_more_days_are_given(
    some: list[int], days: float, more: float, clock: str
) -> None:
    cases = [closed(length) for length in some]
    short = Target(name="a", percentile=80, days=days, clock=clock)  # type: ignore[arg-type]
    longer = short.model_copy(update={"days": days + more})
    less = within(short, cases, ENGLAND, NOW_US).percent
    assert less is not None
    assert less <= (within(longer, cases, ENGLAND, NOW_US).percent or 0)


@settings(deadline=None)
@given(lengths, st.floats(0.1, 30))
def test_working_days_never_call_more_cases_late_than_calendar_days(some: list[int], days: float) -> None:
    cases = [closed(length) for length in some]
    calendar = Target(name="a", percentile=80, days=days)
    working = calendar.model_copy(update={"clock": "working"})
    assert within(working, cases, ENGLAND, NOW_US).within >= within(calendar, cases, ENGLAND, NOW_US).within


@settings(deadline=None)
@given(st.integers(0, 40 * DAY_US), st.integers(1, 20), st.sampled_from(["calendar", "working"]))
def test_a_case_is_late_exactly_when_it_is_not_within(length_us: int, days: int, clock: str) -> None:
    target = Target(name="a", percentile=80, days=days, clock=clock)  # type: ignore[arg-type]
    case = closed(length_us)
    assert is_late(target, case, ENGLAND, NOW_US) == (within(target, [case], ENGLAND, NOW_US).within == 0)


@settings(deadline=None)
@given(lengths)
def test_percentiles_are_in_order_and_between_the_shortest_and_the_longest(some: list[int]) -> None:
    figures = measure([closed(length) for length in some], (), ENGLAND, NOW_US).closed
    assert figures.p50_h is not None
    assert figures.p90_h is not None
    assert figures.p95_h is not None
    assert min(some) / HOUR_US - 1e-9 <= figures.p50_h <= figures.p90_h <= figures.p95_h <= max(some) / HOUR_US + 1e-9


def test_a_case_that_no_target_counts_is_never_late() -> None:
    ancient = closed(400 * DAY_US, steps=frozenset({"decalcification"}))
    target = WEEK.model_copy(update={"without_steps": ("decalcification",)})
    assert earliest_due_us([target], ancient, ENGLAND) is None
    assert not is_late(target, ancient, ENGLAND, NOW_US)
    assert within(target, [ancient], ENGLAND, NOW_US).percent is None


def test_no_targets_means_nothing_is_late() -> None:
    measured = measure([closed(400 * DAY_US)], (), ENGLAND, NOW_US)
    assert measured.targets == ()
    assert measured.closed.count == 1


def test_a_target_counts_only_its_priorities_pathways_and_specialties() -> None:
    target = WEEK.model_copy(update={"priorities": (Priority.URGENT,), "pathways": ("breast",)})
    urgent = closed(DAY_US, priority="urgent", pathway="breast")
    assert due_us(target, urgent, ENGLAND) == NOW_US + 6 * DAY_US
    assert due_us(target, closed(DAY_US, pathway="breast"), ENGLAND) is None
    assert due_us(target, closed(DAY_US, priority="urgent"), ENGLAND) is None


def test_a_case_without_the_moment_its_clock_starts_from_is_not_counted() -> None:
    assert due_us(WEEK.model_copy(update={"start": "collected"}), closed(DAY_US), ENGLAND) is None


def test_open_cases_count_as_breach_so_far_and_not_in_the_percentage() -> None:
    cases = [closed(DAY_US), closed(9 * DAY_US, authorised_us=None), closed(DAY_US, authorised_us=None)]
    figures = within(WEEK, cases, ENGLAND, NOW_US)
    assert (figures.counted, figures.percent, figures.open_counted, figures.open_late) == (1, 100.0, 2, 1)
    assert measure(cases, [WEEK], ENGLAND, NOW_US).open.oldest_h == 216.0


def test_exactly_on_the_day_is_in_time() -> None:
    assert within(WEEK, [closed(7 * DAY_US), closed(7 * DAY_US + 1)], ENGLAND, NOW_US).within == 1


def test_a_definition_says_everything_that_was_counted() -> None:
    target = WEEK.model_copy(update={"priorities": (Priority.URGENT,), "without_steps": ("decalcification",)})
    assert define(target) == (
        "80 % of cases within 7 calendar days from received to authorised; only priority urgent; "
        "without cases that had decalcification"
    )
