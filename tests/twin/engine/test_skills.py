"""People asked for by skill: who serves whom when several can do several things."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simpy import Environment

from tests.twin.engine.hours import begins, busy_h, coming, h, lab, run, serve, shift, visits
from twin.distributions import HOUR
from twin.engine.agenda import ARRIVAL, Agenda, Signal
from twin.engine.machines import MachineGroup
from twin.engine.staff import StaffPool

BOTH = {"bms": {"people": 1, "skills": ["embedding"]}, "mla": {"people": 1, "skills": ["embedding"]}}


def only(stream: str, name: str, staff: str, hours: float, **more: Any) -> dict[str, Any]:
    """A step for the cases of one stream."""
    return {"name": name, "when": {"stream": stream}, "staff": staff, "duration": h(hours), **more}


CUT_UP = only("cut", "cut_up", "bms", 4)
EMBEDDING = only("embed", "embedding", "embedding", 2)
CLOSE = {"name": "close", "duration": h(0)}


def two(cut: list[float], embed: list[float], **parts: Any) -> Any:
    streams = [coming(*cut, name="cut"), coming(*embed, name="embed")]
    return run(lab(CUT_UP, EMBEDDING, CLOSE, streams=streams, **{"staff": BOTH, **parts}))


class TestWhoServes:
    def test_the_first_group_of_the_file_that_has_somebody_free(self) -> None:
        model = two(cut=[], embed=[0, 0.5, 5])
        assert begins(model, "embedding") == [0, 0.5, 5]
        assert (busy_h(model, "bms"), busy_h(model, "mla")) == (4, 2)

    def test_a_group_without_the_skill_never_does(self) -> None:
        model = two(cut=[], embed=[0, 0], staff={**BOTH, "mla": {"people": 1}})
        assert begins(model, "embedding") == [0, 2]
        assert busy_h(model, "mla") == 0

    def test_only_who_is_on_shift(self) -> None:
        people = {"bms": {"shifts": [shift("06:00", "12:00")], "skills": ["embedding"]},
                  "mla": {"shifts": [shift("09:00", "17:00")], "skills": ["embedding"]}}  # fmt: skip
        model = two(cut=[5], embed=[1, 13], staff=people)
        assert visits(model, "cut_up") == [(5, 8, 12)]
        assert begins(model, "embedding") == [6, 13]


class TestWhoIsServed:
    def test_the_first_to_come_over_all_lines_of_whoever_comes_free(self) -> None:
        model = two(cut=[0, 2], embed=[1, 3], staff={"bms": {"people": 1, "skills": ["embedding"]}})
        assert begins(model, "cut_up") == [0, 6]
        assert begins(model, "embedding") == [4, 10]

    def test_the_most_urgent_over_all_lines(self) -> None:
        streams = [coming(0, 1, name="cut"), coming(2, name="embed", priorities={"urgent": 1})]
        model = run(lab(CUT_UP, EMBEDDING, CLOSE, streams=streams, staff={"bms": BOTH["bms"]}))
        assert begins(model, "embedding") == [4]
        assert begins(model, "cut_up") == [0, 6]

    def test_a_machine_is_loaded_by_whoever_has_the_skill(self) -> None:
        embed = {"staff": "embedding", "duration": h(0.5)}
        step = {"name": "processing", "batch": {"machine": "processor", "load": embed, "unload": embed,
                                                "programmes": [{"size": 1, "run": h(3)}]}}  # fmt: skip
        model = run(lab(step, streams=[coming(0, 0)], staff=BOTH, machines={"processor": {"count": 2}}))
        assert (busy_h(model, "bms"), busy_h(model, "mla")) == (1, 1)
        assert model.record.finished == 2


class TestPersonAndMachine:
    def test_are_taken_at_the_same_instant_and_the_person_serves_others_meanwhile(self) -> None:
        step = only("embed", "embedding", "embedding", 2, machine="centre")
        streams = [coming(1, name="cut"), coming(0, 0.5, name="embed")]
        model = run(lab(CUT_UP, step, CLOSE, streams=streams, staff=BOTH, machines={"centre": {"count": 1}}))
        assert begins(model, "embedding") == [0, 2]
        assert begins(model, "cut_up") == [2]

    def test_a_free_machine_goes_to_a_group_that_has_somebody_for_it(self) -> None:
        """Both groups waited for the machine; when it comes free, the first group has gone home."""
        people = {"day": {"shifts": [shift("00:00", "02:00")]}, "night": {"people": 1}, "other": {"people": 1}}
        steps = [only(name, f"at_{name}", name, 3, machine="microscope") for name in ("other", "day", "night")]
        streams = [coming(at, name=name) for at, name in ((0, "other"), (1, "day"), (1.5, "night"))]
        model = run(lab(*steps, CLOSE, streams=streams, staff=people, machines={"microscope": {"count": 1}}), 20)
        assert begins(model, "at_night") == [3]
        assert begins(model, "at_day") == []


class TestTheOffer:
    def test_asks_the_most_urgent_of_each_who_waits_until_the_machine_is_taken(self) -> None:
        agenda = Agenda(Environment(0))
        group = MachineGroup(agenda, "microscope", 1)
        away, here = StaffPool(agenda, "away", 1, iter([(2 * HOUR, 0)])), StaffPool(agenda, "here", 1)
        served: list[str] = []

        def begin(task: str) -> None:
            served.append(task)
            group.take(task)

        def come(_: Any) -> None:
            away.request(0, begin, "urgent", group)
            here.request(1, begin, "routine", group)

        unit = group.take("before")
        agenda.at(1 * HOUR, ARRIVAL, [come], Signal())
        agenda.at(3 * HOUR, ARRIVAL, [lambda _: group.release(unit)], Signal())
        agenda.env.run(until=4 * HOUR)
        assert served == ["routine"]


class TestTheFile:
    def test_refuses_skills_of_those_who_do_not_serve_in_order_of_coming(self) -> None:
        with pytest.raises(ValueError, match="last_come has no skills"):
            lab(serve(), streams=[], staff={"bench": {"people": 1, "serves": "last_come", "skills": ["embedding"]}})


@settings(max_examples=40, deadline=None)
@given(
    cut=st.lists(st.integers(0, 40), max_size=12),
    embed=st.lists(st.integers(0, 40), max_size=12),
    people=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    machines=st.integers(1, 3),
)
def test_nobody_works_twice_at_once_and_all_work_is_done(
    cut: list[int], embed: list[int], people: tuple[int, int], machines: int
) -> None:
    staff = {name: {**BOTH[name], "people": number} for name, number in zip(BOTH, people, strict=True)}
    step = {**EMBEDDING, "machine": "centre"}
    streams = [coming(*cut, name="cut"), coming(*embed, name="embed")]
    model = run(lab(CUT_UP, step, CLOSE, streams=streams, staff=staff, machines={"centre": {"count": machines}}))
    assert model.record.finished == len(cut) + len(embed)
    assert busy_h(model, "bms") + busy_h(model, "mla") == 4 * len(cut) + 2 * len(embed)
    at_once = [sum(begun <= at < ended for _, begun, ended in visits(model, "embedding")) for at in range(200)]
    assert max(at_once) <= min(machines, sum(people))
