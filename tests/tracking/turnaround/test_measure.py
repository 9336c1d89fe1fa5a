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


def test_a_case_authorised_before_it_came_is_in_no_figure_and_counted_apart() -> None:
    wrong = closed(DAY_US, authorised_us=NOW_US - 3 * DAY_US)
    measured = measure([closed(9 * DAY_US), wrong], [WEEK], ENGLAND, NOW_US)
    assert (measured.closed.count, measured.closed.mean_h, measured.contradicting) == (1, 216.0, 1)
    [target] = measured.targets
    assert (target.counted, target.within, target.percent, target.contradicting) == (1, 0, 0.0, 1)
    alone = within(WEEK.model_copy(update={"clock": "working"}), [wrong], ENGLAND, NOW_US)
    assert (alone.counted, alone.percent, alone.is_met, alone.contradicting) == (0, None, None, 1)


def test_a_target_that_starts_earlier_may_count_a_case_that_another_cannot() -> None:
    wrong = closed(DAY_US, received_us=NOW_US + DAY_US, collected_us=NOW_US - DAY_US)
    since_collected = WEEK.model_copy(update={"start": "collected"})
    assert within(since_collected, [wrong], ENGLAND, NOW_US).within == 1
    assert within(WEEK, [wrong], ENGLAND, NOW_US).counted == 0


def test_an_open_case_that_comes_only_after_now_is_no_hours_old() -> None:
    measured = measure([closed(0, received_us=NOW_US + HOUR_US, authorised_us=None)], [WEEK], ENGLAND, NOW_US)
    assert (measured.open.oldest_h, measured.targets[0].open_late) == (0.0, 0)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 80 * DAY_US), st.integers(0, 80 * DAY_US)), max_size=30),
       st.sampled_from(["calendar", "working"]))  # fmt: skip
def test_whatever_the_clocks_say_nothing_is_negative_and_no_case_is_lost(
    moments: list[tuple[int, int]], clock: str
) -> None:
    cases = [closed(0, received_us=NOW_US - a, authorised_us=NOW_US - b) for a, b in moments]
    measured = measure(cases, [WEEK.model_copy(update={"clock": clock})], ENGLAND, NOW_US)
    assert (measured.closed.p50_h or 0) >= 0
    assert measured.closed.count + measured.contradicting == len(cases)
    assert measured.targets[0].counted + measured.targets[0].contradicting == len(cases)
