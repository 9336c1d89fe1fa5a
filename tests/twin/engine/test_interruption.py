"""Work that is put down before it is done: at the end of a shift, or for more urgent work."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.twin.engine.hours import (
    begins,
    busy_h,
    by_class,
    classes,
    coming,
    ends,
    h,
    in_turn,
    lab,
    run,
    serve,
    shift,
    visits,
)  # fmt: skip
from twin.lab import Lab
from twin.model import LabModel

PREEMPTING = {"bench": {"people": 1, "preempts": True}}
AWAY_FROM_5_TO_9 = [shift("00:00", "05:00"), shift("09:00", "23:00")]
AWAY_FROM_5_TO_11 = [shift("00:00", "05:00"), shift("11:00", "23:00")]
ONE_AWAY_FROM_5_TO_9 = [shift("00:00", "23:00"), *AWAY_FROM_5_TO_9]
CLOSE = {"name": "close", "duration": h(0)}


def group(*shifts: dict[str, Any], at_shift_end: str, **more: Any) -> dict[str, Any]:
    return {"bench": {"shifts": list(shifts), "at_shift_end": at_shift_end, **more}}


def over_h(model: LabModel, name: str = "bench") -> float:
    model.marks()
    return model.pools[name].over_us / 3_600_000_000


class TestInterruptedWork:
    @pytest.mark.parametrize(("how", "end"), [("restart", 19), ("resume", 17), ("resample", 16)])
    def test_goes_on_as_the_file_says_after_the_urgent(self, how: str, end: float) -> None:
        duration = [{"when": {"priority": "urgent"}, "give": h(10)}, {"give": in_turn(6, 3)}]
        staff = {"bench": {"people": 1, "preempts": True, "interrupted_work": how}}
        model = run(lab(serve(duration=duration), streams=classes(urgent=[3], routine=[1]), staff=staff))
        assert visits(model) == [(1, 1, end), (3, 3, 13)]

    @pytest.mark.parametrize(("how", "end"), [("restart", 19), ("resume", 15), ("resample", 29)])
    @pytest.mark.parametrize("at_shift_end", ["pause", "hand_over"])
    def test_goes_on_as_the_file_says_after_the_night(self, at_shift_end: str, how: str, end: float) -> None:
        shifts = [shift("00:00", "05:00"), {**shift("09:00", "08:00"), "days": ["mon"]}]
        staff = group(*shifts, at_shift_end=at_shift_end, interrupted_work=how)
        assert visits(run(lab(serve(duration=in_turn(10, 20)), streams=[coming(1)], staff=staff), 30)) == [(1, 1, end)]


class TestTheUrgent:
    def test_interrupt_and_leave_the_front_of_the_queue_to_whom_they_interrupted(self) -> None:
        staff = {"bench": {**PREEMPTING["bench"], "interrupted_work": "resample"}}
        streams = classes(routine=[1.5, 5, 6], urgent=[7.5])
        model = run(lab(serve(duration=by_class(urgent=4, routine=5)), streams=streams, staff=staff))
        assert visits(model) == [(1.5, 1.5, 6.5), (5, 6.5, 16.5), (6, 16.5, 21.5), (7.5, 7.5, 11.5)]

    def test_interrupt_the_least_urgent_and_of_these_the_last_begun(self) -> None:
        streams = classes(routine=[0, 1], cancer=[2], urgent=[3])
        staff = {"bench": {"people": 3, "preempts": True}}
        model = run(lab(serve(duration=h(10)), streams=streams, staff=staff))
        assert visits(model) == [(0, 0, 10), (1, 1, 18), (2, 2, 12), (3, 3, 13)]

    def test_interrupt_nobody_while_somebody_is_free(self) -> None:
        streams = classes(routine=[0], urgent=[1])
        model = run(lab(serve(duration=h(10)), streams=streams, staff={"bench": {"people": 2, "preempts": True}}))
        assert ends(model) == [10, 11]

    def test_interrupt_none_of_their_own_class(self) -> None:
        model = run(lab(serve(duration=h(10)), streams=classes(urgent=[0, 1]), staff=PREEMPTING))
        assert ends(model) == [10, 20]

    def test_take_the_machine_too_from_whom_they_interrupt(self) -> None:
        site = lab(
            serve(duration=h(4), machine="microtome"),
            streams=classes(routine=[0, 0.5], urgent=[1]),
            staff=PREEMPTING,
            machines={"microtome": {"count": 1}},
        )
        assert visits(run(site)) == [(0, 0, 8), (0.5, 8, 12), (1, 1, 5)]

    def test_interrupt_whoever_keeps_the_machine_they_need(self) -> None:
        desk = {"name": "desk", "staff": "bench", "duration": h(4), "when": {"stream": "desk"}}
        site = lab(
            desk,
            serve(duration=h(4), machine="microtome", when={"stream": ["routine", "urgent"]}),
            CLOSE,
            streams=[*classes(routine=[0], urgent=[1]), coming(0.5, name="desk")],
            staff={"bench": {"people": 2, "preempts": True}},
            machines={"microtome": {"count": 1}},
        )
        model = run(site)
        assert visits(model) == [(0, 0, 8), (1, 1, 5)]
        assert ends(model, "desk") == [4.5]

    def test_interrupt_nobody_for_a_machine_that_others_keep(self) -> None:
        """The person at the desk could be had, the microtome not: somebody else has it until 6."""
        steps = (
            {**serve("other", h(6), machine="microtome"), "name": "other", "when": {"stream": "other"}},
            {"name": "desk", "staff": "bench", "duration": h(4), "when": {"stream": "desk"}},
            serve(duration=h(1), machine="microtome", when={"priority": "urgent"}),
        )
        streams = [coming(0, name="other"), coming(0.5, name="desk"), *classes(urgent=[1])]
        staff = {**PREEMPTING, "other": {"people": 1}}
        model = run(lab(*steps, CLOSE, streams=streams, staff=staff, machines={"microtome": {"count": 1}}))
        assert ends(model, "desk") == [4.5]
        assert visits(model) == [(1, 6, 7)]

    def test_find_somebody_by_skill(self) -> None:
        staff = {
            "bms": {"people": 1, "preempts": True, "skills": ["reading"]},
            "mla": {"people": 1, "skills": ["reading"]},
        }
        streams = classes(routine=[0, 0.5, 0.6], urgent=[1])
        model = run(lab(serve("reading", h(4)), streams=streams, staff=staff))
        assert visits(model) == [(0, 0, 7.5), (0.5, 0.5, 4.5), (0.6, 5, 9), (1, 1, 5)]

    def test_never_interrupt_loading(self) -> None:
        load = {"staff": "bench", "duration": h(3), "served_as": "last"}
        step = {"name": "run", "when": {"priority": "routine"}, "batch": {"machine": "m", "load": load, "programmes": [
            {"size": 1, "run": h(1)}]}}  # fmt: skip
        site = lab(
            step,
            serve(),
            streams=classes(routine=[0], urgent=[1]),
            staff=PREEMPTING,
            machines={"m": {"count": 1}},
        )
        assert begins(run(site)) == [3, 4]


class TestAShiftThatEnds:
    @pytest.mark.parametrize("preempts", [False, True])
    def test_lets_all_finish_unless_the_file_says_otherwise(self, preempts: bool) -> None:
        staff = group(*AWAY_FROM_5_TO_9, at_shift_end="finish", preempts=preempts)
        model = run(lab(serve(duration=h(10)), streams=[coming(1)], staff=staff))
        assert (ends(model), busy_h(model, "bench"), over_h(model)) == ([11], 6, 4)

    def test_sets_work_aside_for_those_who_come_back_before_all_else(self) -> None:
        staff = group(*AWAY_FROM_5_TO_9, at_shift_end="pause")
        streams = classes(routine=[1], urgent=[6])
        model = run(lab(serve(duration=by_class(urgent=1, routine=10)), streams=streams, staff=staff), 23)
        assert visits(model) == [(1, 1, 15), (6, 15, 16)]
        assert (busy_h(model, "bench"), over_h(model)) == (11, 0)

    def test_sets_aside_what_is_least_urgent_and_was_begun_last_of_it(self) -> None:
        staff = group(shift("00:00", "23:00"), *AWAY_FROM_5_TO_9, *AWAY_FROM_5_TO_9, at_shift_end="pause")
        model = run(lab(serve(duration=h(8)), streams=classes(routine=[0, 1], urgent=[2]), staff=staff), 23)
        assert visits(model) == [(0, 0, 12), (1, 1, 13), (2, 2, 10)]

    def test_leaves_set_aside_what_somebody_still_there_could_do(self) -> None:
        staff = group(*ONE_AWAY_FROM_5_TO_9, at_shift_end="pause")
        model = run(lab(serve(duration=in_turn(6, 8, 1)), streams=[coming(0, 1, 2)], staff=staff), 23)
        assert visits(model) == [(0, 0, 6), (1, 1, 13), (2, 6, 7)]

    def test_goes_on_with_as_much_as_people_come_back(self) -> None:
        """Of two who went at 5 one is back at 9; that somebody else is free then is nothing to the other's work."""
        staff = group(shift("00:00", "23:00"), *AWAY_FROM_5_TO_9, *AWAY_FROM_5_TO_11, at_shift_end="pause")
        model = run(lab(serve(duration=in_turn(6, 8, 8)), streams=[coming(0, 1, 2)], staff=staff), 23)
        assert visits(model) == [(0, 0, 6), (1, 1, 13), (2, 2, 16)]

    def test_hands_work_over_to_the_next_who_is_free(self) -> None:
        staff = group(*ONE_AWAY_FROM_5_TO_9, at_shift_end="hand_over")
        model = run(lab(serve(duration=in_turn(6, 8, 1)), streams=[coming(0, 1, 2)], staff=staff), 23)
        assert visits(model) == [(0, 0, 6), (1, 1, 10), (2, 9, 10)]

    def test_hands_work_over_to_another_group_with_the_skill_at_once(self) -> None:
        staff = {
            "day": {"shifts": [shift("00:00", "05:00")], "at_shift_end": "hand_over", "skills": ["reading"]},
            "night": {"people": 1, "skills": ["reading"]},
        }
        model = run(lab(serve("reading", h(10)), streams=[coming(1)], staff=staff), 23)
        assert visits(model) == [(1, 1, 11)]
        assert (busy_h(model, "day"), busy_h(model, "night")) == (4, 6)

    @pytest.mark.parametrize(("at_shift_end", "other"), [("pause", 12), ("hand_over", 5)])
    def test_leaves_the_machine_only_to_who_takes_the_work_over(self, at_shift_end: str, other: float) -> None:
        """At 5 the day goes home with a block in the microtome; somebody else has wanted it since 4."""
        late = {"name": "late", "when": {"stream": "late"}, "staff": "late", "duration": h(1), "machine": "microtome"}
        site = lab(
            serve(duration=h(7), machine="microtome", when={"stream": "day"}),
            late,
            CLOSE,
            streams=[coming(1, name="day"), coming(4, name="late")],
            staff={**group(*AWAY_FROM_5_TO_9, at_shift_end=at_shift_end), "late": {"people": 1}},
            machines={"microtome": {"count": 1}},
        )
        model = run(site, 23)
        assert ends(model) == [12]
        assert begins(model, "late") == [other]

    def test_lets_whoever_loads_a_machine_finish(self) -> None:
        load = {"staff": "bench", "duration": h(3)}
        step = {"name": "run", "batch": {"machine": "m", "load": load, "programmes": [{"size": 1, "run": h(1)}]}}
        staff = group(*AWAY_FROM_5_TO_9, at_shift_end="pause")
        model = run(lab(step, streams=[coming(4)], staff=staff, machines={"m": {"count": 1}}), 23)
        assert model.record.finished_us[0] - model.started_us == 8 * 3_600_000_000
        assert (busy_h(model, "bench"), over_h(model)) == (1, 2)


class TestTheStart:
    def test_finds_set_aside_what_is_half_done_while_nobody_is_there(self) -> None:
        initial = [{"step": "serve", "in_hand_h": 2}]
        staff = group(shift("06:00", "23:00"), at_shift_end="pause")
        model = run(lab(serve(duration=h(5)), streams=[], staff=staff, initial=initial), 23)
        assert (visits(model), busy_h(model, "bench")) == ([(-2, -2, 9)], 3)

    def test_finds_interrupted_what_is_half_done_beside_the_urgent(self) -> None:
        initial = [{"step": "serve", "in_hand_h": 2}, {"step": "serve", "in_hand_h": 1, "priority": "urgent"}]
        model = run(lab(serve(duration=h(5)), streams=[], staff=PREEMPTING, initial=initial))
        assert visits(model) == [(-2, -2, 7), (-1, -1, 4)]
        assert (busy_h(model, "bench"), over_h(model)) == (7, 0)

    def test_knows_the_whole_of_what_starts_again(self) -> None:
        initial = [{"step": "serve", "in_hand_h": 2}]
        staff = {"bench": {**PREEMPTING["bench"], "interrupted_work": "restart"}}
        model = run(lab(serve(duration=h(5)), streams=classes(urgent=[1]), staff=staff, initial=initial))
        assert visits(model) == [(-2, -2, 11), (1, 1, 6)]


def _site(cases: list[tuple[int, str]], **rules: Any) -> Lab:
    shifts = [shift("06:00", "12:00"), shift("10:00", "18:00", 2), shift("20:00", "02:00")]
    streams = classes(**{name: [at for at, own in cases if own == name] for name in ("urgent", "cancer", "routine")})
    bench = {"shifts": shifts, "skills": ["reading"], **rules}
    staff = {"bench": bench, "other": {"people": 1, "skills": ["reading"], **rules}}
    kept = {"name": "kept", "staff": "bench", "duration": h(2), "machine": "hood"}
    return lab(serve("reading", in_turn(5, 3, 7), machine="hood"), kept, streams=streams, staff=staff,
               machines={"hood": {"count": 2}})  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    cases=st.lists(
        st.tuples(st.integers(0, 60), st.sampled_from(["urgent", "cancer", "routine"])), min_size=1, max_size=14
    ),
    at_shift_end=st.sampled_from(["finish", "pause", "hand_over"]),
    preempts=st.booleans(),
)
def test_however_often_it_is_interrupted_all_work_is_done_once_and_by_those_present(
    cases: list[tuple[int, str]], at_shift_end: str, preempts: bool
) -> None:
    model = run(_site(cases, at_shift_end=at_shift_end, preempts=preempts), 24 * 60)
    assert model.record.finished == len(cases)
    drawn = sum([5, 3, 7][number % 3] for number in range(len(cases))) + 2 * len(cases)
    worked = busy_h(model, "bench") + busy_h(model, "other")
    assert worked + over_h(model) == pytest.approx(drawn, abs=1e-9)
    assert at_shift_end == "finish" or over_h(model) == 0
    assert all(ended >= begun >= arrived for arrived, begun, ended in visits(model) + visits(model, "kept"))
