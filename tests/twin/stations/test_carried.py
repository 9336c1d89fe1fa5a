"""Carried between rooms: what waits for whom, what overtakes, who is gone until when."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.twin.stations.micro import Diary, arrivals, classes, diary, lab, people, run, seconds, start, starts, visits
from twin.checks import check
from twin.lab import Lab
from twin.model import LabModel
from twin.snapshot import take_state

DESK = {
    "name": "desk",
    "per": "case",
    "when": {"stream": ["desk", "second"]},
    "staff": "porter",
    "duration": seconds(10),
}


def carry(**transport: Any) -> dict[str, Any]:
    return {"name": "carry", "per": "case", "transport": {"there": seconds(10), **transport}}


class TestADeliveryIsReady:
    def test_when_exactly_so_many_are_there_and_never_before(self) -> None:
        model = run(start(lab(carry(size=3), streams=[arrivals(1, 2, 3, 4, 5)])), 1000)
        assert visits(model, "carry") == [(1, 3, 13), (2, 3, 13), (3, 3, 13)]
        assert model.record.wip == 2

    def test_when_its_first_item_has_waited_long_enough(self) -> None:
        model = run(start(lab(carry(size=10, max_wait=seconds(5)), streams=[arrivals(1, 2, 20)])), 1000)
        assert starts(model, "carry") == [6, 6, 25]

    def test_when_the_timetable_says_so_with_everything_that_waits(self) -> None:
        site = lab(carry(at=["00:01", "00:02"]), streams=[arrivals(1, 2, 3, 100)])
        assert starts(run(start(site), 1000), "carry") == [60, 60, 60, 120]

    def test_by_the_timetable_in_loads_of_at_most_its_size_that_do_not_leave_before(self) -> None:
        site = lab(carry(at=["00:01"], size=2, back=seconds(5)), streams=[arrivals(1, 2, 3)])
        assert starts(run(start(site), 1000), "carry") == [60, 60, 75]

    def test_only_on_the_days_of_the_timetable(self) -> None:
        site = lab(carry(at=["00:01"], days=["tue"]), streams=[arrivals(1)])
        assert starts(run(start(site), 100_000), "carry") == [86_460]

    def test_by_the_number_of_slides_so_that_a_block_may_go_in_two_deliveries(self) -> None:
        site = lab(
            {"name": "cut_up", "per": "specimen", "duration": seconds(1), "makes": "block"},
            {"name": "microtomy", "per": "block", "duration": seconds(1), "makes": "slide"},
            {"name": "carry", "per": "slide", "transport": {"there": seconds(10), "size": 2}},
            {"name": "reporting", "per": "case", "duration": seconds(1)},
            streams=[arrivals(0, 5)],
            demand={"slides_per_block": 3},
        )
        model = run(start(site), 1000)
        station = model.stations[2]
        assert station.visits is not None
        assert list(station.visits.quantity) == [2, 1, 1, 2]
        assert starts(model, "carry") == [2, 12, 12, 22]


class TestTheUrgentGoAlone:
    def test_before_all_deliveries_that_wait_but_behind_who_went_alone_earlier(self) -> None:
        site = lab(
            carry(size=2, alone={"priority": "urgent"}, back=seconds(10)),
            streams=classes(routine=[0, 0, 1, 2], urgent=[5, 6]),
        )
        assert visits(run(start(site), 1000), "carry") == [
            (0, 0, 10), (0, 0, 10), (1, 60, 70), (2, 60, 70), (5, 20, 30), (6, 40, 50),
        ]  # fmt: skip

    @pytest.mark.parametrize(("lines_up", "goes"), [(False, [20, 40, 60, 60]), (True, [20, 40, 40, 60])])
    def test_with_batches_that_line_up_only_before_those_that_were_ready_after_them(
        self, lines_up: bool, goes: list[float]
    ) -> None:
        """At 6 a batch is ready and one urgent case waits; another urgent case comes at 7."""
        site = lab(
            carry(size=2, alone={"priority": "urgent"}, back=seconds(10), batches_line_up=lines_up),
            streams=classes(routine=[4, 6], urgent=[0, 5, 7]),
        )
        assert sorted(starts(run(start(site), 1000), "carry")) == [0, *goes]

    def test_but_not_before_what_a_carrier_has_taken_and_waits_to_set_out_with(self) -> None:
        staff = {"porter": {"shifts": [{"from": "00:01", "to": "24:00", "people": 1}]}}
        site = lab(
            carry(size=2, alone={"priority": "urgent"}, staff="porter"),
            streams=classes(routine=[0, 1], urgent=[2]),
            staff=staff,
        )
        assert starts(run(start(site), 1000), "carry") == [60, 60, 70]


class TestThePersonWhoCarries:
    @pytest.mark.parametrize(
        ("transport", "begins"),
        [
            ({"size": 2, "served_as": "routine"}, 20),
            ({"size": 2, "served_as": "own"}, 10),
            ({"size": 2, "alone": {"priority": "urgent"}, "served_as": "routine"}, 10),
            ({"max_wait": seconds(0), "served_as": "last"}, 10),
        ],
        ids=["a batch as it says", "a batch as its most urgent", "who goes alone as itself", "one by itself as itself"],
    )
    def test_is_asked_for_by_class(self, transport: dict[str, Any], begins: float) -> None:
        """The porter is at the desk until 10, where a cancer case waits too."""
        site = lab(
            DESK,
            {**carry(staff="porter", **transport), "when": {"stream": "tray"}},
            streams=[
                arrivals(0, name="desk"),
                arrivals(1, name="tray", priorities={"urgent": 1}, size=2 if "size" in transport else 1),
                arrivals(2, name="second", priorities={"cancer": 1}),
            ],
            staff=people(porter=1),
        )
        model = run(start(site), 1000)
        assert starts(model, "carry")[0] == begins

    def test_is_gone_until_back_while_the_items_are_there_already(self) -> None:
        site = lab(
            {**carry(staff="porter", size=1, load=seconds(2), unload=seconds(3), back=seconds(10)),
             "when": {"stream": "tray"}},
            {**DESK, "when": {}},
            streams=[arrivals(0, name="tray"), arrivals(1, name="straight")],
            staff=people(porter=1),
        )  # fmt: skip
        model = run(start(site), 1000)
        assert visits(model, "carry") == [(0, 0, 15)]
        assert visits(model, "desk") == [(1, 25, 35), (15, 35, 45)]

    def test_may_be_nobody(self) -> None:
        assert starts(run(start(lab(carry(size=1), streams=[arrivals(3)])), 100), "carry") == [3]


class TestCarriers:
    def test_handle_one_delivery_at_a_time_each(self) -> None:
        site = lab(carry(size=1, carriers=2, back=seconds(5)), streams=[arrivals(0, 1, 2)])
        assert starts(run(start(site), 100), "carry") == [0, 1, 15]

    def test_hand_over_first_what_came_first_and_then_by_priority(self) -> None:
        then = {"name": "sort", "per": "case", "staff": "porter", "duration": seconds(1), "served_as": "first"}
        site = lab(
            carry(size=5), then, streams=classes(routine=[1, 3], cancer=[2, 4], urgent=[5]), staff=people(porter=1)
        )
        heard = diary(site, 100).of("sort")
        assert [who for _, what, who in heard if what.endswith("starts")] == ["1", "5", "2", "4", "3"]

    def test_are_told_of_for_each_item_like_work_by_hand(self) -> None:
        heard = diary(lab(carry(size=2, carriers=2), streams=[arrivals(1, 2, 3, 4)]), 100)
        assert heard.of("carry") == [
            (2, "carry 0 starts", "1"), (2, "carry 0 starts", "2"),
            (4, "carry 1 starts", "3"), (4, "carry 1 starts", "4"),
            (12, "carry 0 ends", "1"), (12, "carry 0 ends", "2"),
            (14, "carry 1 ends", "3"), (14, "carry 1 ends", "4"),
        ]  # fmt: skip


COMING = {"routine": [0, 1, 2, 12, 20, 21], "urgent": [3, 30]}


class TestAStateFoundHalfWay:
    @staticmethod
    def site(**moments: Sequence[float]) -> Lab:
        step = carry(size=2, alone={"priority": "urgent"}, staff="porter", load=seconds(3), unload=seconds(1))
        return lab(step, streams=classes(**moments), staff=people(porter=2))

    @pytest.mark.parametrize("moment", [0.5, 1.5, 5, 14.5, 16, 20.5, 32])
    def test_goes_on_as_if_nothing_had_been_interrupted(self, moment: float) -> None:
        """Loading, on the way, waiting to fill, waiting for the carrier."""
        whole = run(start(self.site(**COMING)), 1000)
        first = run(start(self.site(**COMING)), moment)
        to_come = {name: [at - moment for at in times if at > moment] for name, times in COMING.items()}
        rest = run(start(self.site(**to_come), state=take_state(first)), 1000)
        assert sorted(_ends(first) + _ends(rest)) == sorted(_ends(whole))

    def test_keeps_together_what_set_out_together_and_their_carrier_away(self) -> None:
        """Two hours of a journey of three are left to both; what waited goes when the carrier is there."""
        step = carry(size=2, carriers=2, staff="porter", there={"kind": "constant", "value": 3, "unit": "h"})
        found = [{"step": "carry", "count": 2, "in_hand_h": 1}, {"step": "carry", "count": 2, "waited_h": 1}]
        model = start(lab(step, streams=[], initial=found, staff=people(porter=1)))
        assert (len(model.stations[0].under_way), model.pools["porter"].busy) == (1, 1)
        assert _ends(run(model, 100_000)) == [7200, 7200, 18000, 18000]
        assert model.pools["porter"].busy == 0

    def test_goes_at_once_where_the_timetable_called_it_before(self) -> None:
        step = carry(at=["00:10"], back=seconds(600))
        site = lab({**step, "transport": {**step["transport"], "size": 1}}, streams=[arrivals(590, 591)])
        one_waits_for_the_carrier = take_state(run(start(site), 900))
        found = start(lab(step, streams=[]), state=one_waits_for_the_carrier)
        assert starts(run(found, 2000), "carry") == [900]


def _ends(model: LabModel) -> list[float]:
    return [end for _, _, end in visits(model, "carry")]


@settings(max_examples=60, deadline=None)
@given(
    moments=st.lists(st.integers(0, 500), max_size=40),
    urgent=st.lists(st.integers(0, 500), max_size=10),
    size=st.integers(1, 5),
    carriers=st.integers(1, 3),
    max_wait=st.none() | st.integers(0, 60),
    seed=st.integers(0, 99),
)
def test_nothing_is_lost_no_load_is_too_large_and_no_carrier_is_in_two_places(
    moments: list[float], urgent: list[float], size: int, carriers: int, max_wait: int | None, seed: int
) -> None:
    way = {"kind": "exponential", "mean": 20, "unit": "s"}
    step = carry(
        size=size, carriers=carriers, alone={"priority": "urgent"}, staff="porter", there=way, back=way,
        **({} if max_wait is None else {"max_wait": seconds(max_wait)}),
    )  # fmt: skip
    site = lab(step, streams=classes(routine=moments, urgent=urgent), staff=people(porter=2))
    heard = Diary(site)
    model = run(start(site, heard, seed=seed), 100_000)
    check(model)
    loads = Counter((at, what) for at, what, _ in heard.of("starts"))
    stay = len(moments) % size if max_wait is None else 0
    assert (model.record.finished, model.record.wip) == (len(moments) + len(urgent) - stay, stay)
    assert all(load <= size for load in loads.values())
    assert max_wait is not None or Counter(loads.values())[size] >= len(moments) // size
    _no_two_places(heard, carriers)


def _no_two_places(heard: Diary, carriers: int) -> None:
    away: dict[str, float] = {}
    for at, what, _ in heard.of("carry"):
        _, unit, verb = what.split()
        if verb == "starts":
            assert away.setdefault(unit, at) == at
            assert len(away) <= carriers
        else:
            away.pop(unit, None)
