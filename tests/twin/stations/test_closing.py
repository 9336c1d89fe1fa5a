"""What makes a batch ready: enough, time, the clock or a slot; and what it then takes with it."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.twin.stations.micro import arrivals, classes, lab, run, seconds, start, starts
from twin.checks import check
from twin.lab import Lab, LabFileError, parse_lab
from twin.snapshot import take_state


def machine(*, count: int = 1, streams: Any = None, **programme: Any) -> Lab:
    """A lab of nothing but a machine that runs 10 s."""
    step = {"name": "process", "per": "case",
            "batch": {"machine": "processor", "programmes": [{"run": seconds(10), **programme}]}}  # fmt: skip
    return lab(step, streams=streams or [], machines={"processor": {"count": count}})


def begun(site: Lab, until_s: float = 100_000) -> list[float]:
    return starts(run(start(site), until_s), "process")


class TestAtLeastSoMany:
    """General bulk service: a free machine takes all who wait, up to its size, once they are so many."""

    def test_starts_with_the_least_when_the_machine_is_free(self) -> None:
        site = machine(size=5, close={"least": 3}, streams=[arrivals(0, 1, 2, 3)])
        assert begun(site) == [2, 2, 2]

    def test_takes_more_when_more_wait_and_never_a_second_batch_of_too_few(self) -> None:
        """At 12 seven wait: five go; at 22 the two left wait for a third."""
        site = machine(size=5, close={"least": 3}, streams=[arrivals(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 30, 31)])
        assert begun(site) == [2, 2, 2, 12, 12, 12, 12, 12, 30, 30, 30]

    def test_takes_all_who_come_together(self) -> None:
        site = machine(size=3, close={"least": 1}, streams=[arrivals(0, size=4)])
        assert begun(site) == [0, 0, 0, 10]

    def test_takes_no_more_than_the_least_where_nothing_is_topped_up(self) -> None:
        site = machine(size=5, close={"least": 2}, top_up=False, streams=[arrivals(0, 1, 2, 3, 4)])
        assert begun(site) == [1, 1, 11, 11]

    @settings(max_examples=80, deadline=None)
    @given(
        moments=st.lists(st.integers(0, 150), max_size=60).map(sorted),
        limits=st.tuples(st.integers(1, 6), st.integers(0, 6)),
    )
    def test_is_what_the_textbook_says(self, moments: list[int], limits: tuple[int, int]) -> None:
        least, more = limits
        site = machine(size=least + more, close={"least": least}, streams=[arrivals(*moments)])
        assert begun(site) == bulk_service(moments, least, least + more)


def bulk_service(moments: Sequence[int], least: int, most: int) -> list[int]:
    """When each starts; who comes at the moment the machine comes free is there only just after."""
    begins: list[int] = []
    free = 0
    while len(moments) - len(begins) >= least:
        waiting = moments[len(begins) :]
        at_once = sum(moment < free for moment in waiting)
        at = free if at_once >= least else max(waiting[least - 1], free)
        there = at_once if at_once >= least else sum(moment <= at for moment in waiting)
        begins += [at] * min(there, most)
        free = at + 10
    return begins


class TestOtherRules:
    def test_full_only_never_starts_with_fewer(self) -> None:
        assert begun(machine(size=3, streams=[arrivals(1, 2, 3, 4)])) == [3, 3, 3]

    def test_who_has_waited_long_enough_starts_what_is_there(self) -> None:
        site = machine(size=3, close={"max_wait": seconds(5)}, streams=[arrivals(1, 2, 20, 21, 22)])
        assert begun(site) == [6, 6, 22, 22, 22]

    def test_a_clock_time_starts_what_is_there_and_full_need_not_be_a_rule(self) -> None:
        site = machine(count=2, size=2, close={"full": False, "at": ["00:01"]}, streams=[arrivals(1, 2, 3, 61)])
        assert begun(site, 86_000) == [60, 60, 60]

    def test_a_clock_time_that_passed_while_the_machine_was_busy_still_counts_where_a_run_starts(self) -> None:
        close = {"full": False, "at": ["00:01"]}
        busy = machine(size=1, close=close, streams=[arrivals(1, 2)])
        found = take_state(run(start(busy), 65))
        assert starts(run(start(machine(size=1, close=close), state=found), 100), "process") == [60, 70]

    def test_a_ready_batch_fills_until_it_is_loaded(self) -> None:
        site = machine(size=4, close={"max_wait": seconds(1)}, streams=[arrivals(0, 5, 6, 7)])
        assert begun(site) == [1, 11, 11, 11]


class TestSlots:
    @pytest.mark.parametrize("offset", [0, 0.05])
    def test_start_at_their_moments_with_at_most_so_many(self, offset: float) -> None:
        slots = [(1, 3), (2, 2), (3, 5), (4, 3)]
        moments = [0.3, 0.5, 0.7, 1.2, 1.3, 1.8, 2.6, 2.7, 3.1]
        site = self.slotted(slots, moments, offset=offset)
        assert self.hours(site) == pytest.approx([at + offset for at in (1, 1, 1, 2, 2, 3, 3, 3, 4)], abs=0)

    def test_come_again_with_each_cycle(self) -> None:
        moments = [0.7, 1.4, 2.6, 2.9, 4.3, 5.5, 6.1, 15.0]
        site = self.slotted([(1.5, 1), (4.4, 3)], moments, cycle=4.4)
        assert self.hours(site) == [1.5, 4.4, 4.4, 4.4, 5.9, 8.8, 8.8, 17.6]

    def test_lose_the_places_that_nobody_takes(self) -> None:
        assert self.hours(self.slotted([(1, 5), (2, 1)], [0.5, 1.5, 1.6])) == [1, 2]

    def test_start_before_what_comes_at_their_very_moment(self) -> None:
        assert self.hours(self.slotted([(1, 5), (2, 5)], [1.0])) == [2]

    def test_take_the_most_urgent_first_then_who_came_first(self) -> None:
        close = {"slots": {"starts": [{"at": 10, "size": 2}, {"at": 20, "size": 2}], "unit": "s"}}
        site = machine(count=9, size=9, close=close, streams=classes(routine=[1, 2], urgent=[3, 4]))
        assert begun(site) == [20, 20, 10, 10]

    def test_take_no_more_than_the_machine_holds_and_divide_what_can_be_divided(self) -> None:
        programme = {"run": seconds(1), "size": 2, "close": {"slots": {"starts": [{"at": 1, "size": 3}], "cycle": 1}}}
        site = lab(
            {"name": "cut_up", "per": "specimen", "duration": seconds(1), "makes": "block"},
            {"name": "microtomy", "per": "block", "duration": seconds(1), "makes": "slide"},
            {"name": "process", "per": "slide", "batch": {"machine": "processor", "programmes": [programme]}},
            {"name": "reporting", "per": "case", "duration": seconds(0)},
            streams=[arrivals(0)], demand={"slides_per_block": 5}, machines={"processor": {"count": 1}},
        )  # fmt: skip
        model = run(start(site), 4 * 3600)
        station = model.stations[2]
        assert station.visits is not None
        assert list(station.visits.quantity) == [2, 2, 1]
        assert starts(model, "process") == [3600, 7200, 10800]

    def test_stand_alone_among_the_rules_that_close_a_batch(self) -> None:
        slots = {"starts": [{"at": 1, "size": 3}]}
        text = machine(size=3).model_dump_json(exclude_defaults=True, exclude_none=True)
        wrong = text.replace(
            '"size":3', f'"size":3,"close":{{"least":2,"slots":{str(slots).replace(chr(39), chr(34))}}}'
        )
        with pytest.raises(LabFileError, match="expected slots alone"):
            parse_lab(wrong)

    @staticmethod
    def slotted(slots: list[tuple[float, int]], moments: list[float], **more: float) -> Lab:
        starts = [{"at": at, "size": size} for at, size in slots]
        close = {"slots": {"starts": starts, "unit": "h", **more}}
        return machine(count=9, size=5, close=close, streams=[arrivals(*moments, unit="h")])

    @staticmethod
    def hours(site: Lab) -> list[float]:
        return [at / 3600 for at in begun(site)]


@settings(max_examples=60, deadline=None)
@given(
    moments=st.lists(st.integers(0, 300), max_size=50),
    urgent=st.lists(st.integers(0, 300), max_size=10),
    size=st.integers(1, 6),
    count=st.integers(1, 3),
    close=st.fixed_dictionaries(
        {}, optional={"least": st.just(1), "max_wait": st.integers(0, 60).map(seconds), "at": st.just(["00:02"])}
    ),
    top_up=st.booleans(),
)
def test_nothing_is_lost_and_no_machine_holds_more_than_its_size(
    moments: list[int], urgent: list[int], size: int, count: int, close: dict[str, Any], top_up: bool
) -> None:
    site = machine(count=count, size=size, close=close, top_up=top_up, streams=classes(routine=moments, urgent=urgent))
    model = run(start(site), 80_000)
    check(model)
    whole = len(moments) + len(urgent)
    late = sum(moment >= 120 for moment in [*moments, *urgent])
    stay = 0 if {"least", "max_wait"} & set(close) else min(late, size - 1) if "at" in close else whole % size
    assert model.record.wip <= stay
    assert model.record.finished + model.record.wip == whole
    station = model.stations[0]
    assert station.visits is not None
    together = Counter(station.visits.started_us.tolist())
    assert all(number <= size * count for number in together.values())
