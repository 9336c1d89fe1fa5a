"""Who may wait before a step, how long, and what happens to the others."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.twin.engine.hours import (
    begins,
    busy_h,
    classes,
    coming,
    ends,
    gate,
    h,
    in_turn,
    lab,
    run,
    serve,
    shift,
    start,
    visits,
)  # fmt: skip
from twin.distributions import HOUR
from twin.lab import Lab
from twin.simulate import run_and_measure

BENCH = {"bench": {"people": 1}}
TWO = {"first": {"people": 1}, "second": {"people": 1}}
CLOSE = {"name": "close", "duration": h(0)}


def one(*moments: float, **rules: Any) -> Lab:
    """One person who takes an hour, unless the rules say otherwise."""
    return lab(serve(**rules), streams=[coming(*moments)], staff=BENCH)


class TestRoom:
    def test_without_any_one_is_served_at_once_or_refused(self) -> None:
        model = run(one(*range(1, 101), duration=h(1.5), room=0))
        assert gate(model) == (100, 50, 0)
        assert ends(model)[-1] == 100.5
        assert busy_h(model, "bench") == 75

    def test_is_free_again_before_somebody_comes_at_the_same_moment(self) -> None:
        model = run(one(*range(10), room=0))
        assert begins(model) == list(range(10))

    def test_is_for_those_who_wait_and_not_for_those_in_hand(self) -> None:
        model = run(one(0, 1, 2, 3, duration=h(10), room=1))
        assert visits(model) == [(0, 0, 10), (1, 10, 20)]
        assert gate(model) == (4, 2, 0)

    def test_none_means_that_the_machine_must_be_free_too(self) -> None:
        two = {"bench": {"people": 2}}
        site = lab(
            serve(machine="hood", room=0), streams=[coming(0, 0.5, 1)], staff=two, machines={"hood": {"count": 1}}
        )
        assert begins(run(site)) == [0, 1]

    def test_full_may_send_elsewhere(self) -> None:
        site = lab(
            serve(duration=h(3), room=0, when_full="second_line"),
            {"name": "second_line", "duration": h(1), "staff": "others"},
            streams=[coming(0, 1)],
            staff={**BENCH, "others": {"people": 1}},
        )
        assert visits(run(site), "second_line") == [(1, 1, 2), (3, 3, 4)]


FIRST = {"name": "first", "staff": "first", "duration": h(1)}


SECOND = {"name": "second", "staff": "second", "duration": h(3), "room": 0, "when_full": "wait_before"}


def line(*moments: float, room: int = 0, **parts: Any) -> Lab:
    """A first step that keeps its work until there is room at the second."""
    return lab(FIRST, {**SECOND, "room": room}, streams=[coming(*moments)], **{"staff": TWO, **parts})


class TestBlocking:
    def test_keeps_the_person_before_until_work_can_begin(self) -> None:
        model = run(line(1, 2, 3))
        assert visits(model, "first") == [(1, 1, 2), (2, 2, 5), (3, 5, 8)]
        assert visits(model, "second") == [(2, 2, 5), (5, 5, 8), (8, 8, 11)]
        assert busy_h(model, "first") == 1 + 3 + 3

    def test_keeps_the_person_before_until_a_place_is_free(self) -> None:
        model = run(line(1, 2, 3, 4, room=1))
        assert ends(model, "first") == [2, 3, 5, 8]
        assert visits(model, "second") == [(2, 2, 5), (3, 5, 8), (5, 8, 11), (8, 11, 14)]

    def test_goes_back_along_a_line_of_full_steps(self) -> None:
        a, b, c = (
            {"name": name, "staff": name, "duration": h(hours)} for name, hours in zip("abc", (1, 1, 5), strict=True)
        )
        full = {"room": 0, "when_full": "wait_before"}
        staff = {name: {"people": 1} for name in "abc"}
        model = run(lab(a, {**b, **full}, {**c, **full}, streams=[coming(0, 0, 0)], staff=staff))
        assert visits(model, "a") == [(0, 0, 1), (0, 1, 2), (0, 2, 7)]
        assert visits(model, "b") == [(1, 1, 2), (2, 2, 7), (7, 7, 12)]
        assert visits(model, "c") == [(2, 2, 7), (7, 7, 12), (12, 12, 17)]

    def test_keeps_the_machine_before_too(self) -> None:
        other = {"name": "other", "when": {"stream": "other"}, "staff": "other", "machine": "hood", "duration": h(1)}
        site = lab(
            {**other, "next": [{"to": "out"}]},
            {**FIRST, "machine": "hood"},
            SECOND,
            streams=[coming(0, 1, name="main"), coming(1.5, name="other")],
            staff={**TWO, "other": {"people": 1}},
            machines={"hood": {"count": 1}},
        )
        model = run(site)
        assert visits(model, "first") == [(0, 0, 1), (1, 1, 4)]
        assert visits(model, "other") == [(1.5, 4, 5)]

    def test_ends_when_both_the_person_and_the_machine_behind_are_free(self) -> None:
        other = {"name": "other", "when": {"stream": "other"}, "staff": "other", "machine": "hood", "duration": h(5)}
        site = lab(
            {**other, "next": [{"to": "out"}]},
            FIRST,
            {**SECOND, "machine": "hood", "duration": h(1)},
            streams=[coming(0, name="other"), coming(0, 0, name="main")],
            staff={**TWO, "other": {"people": 1}},
            machines={"hood": {"count": 1}},
        )
        model = run(site)
        assert visits(model, "second") == [(5, 5, 6), (6, 6, 7)]

    def test_lets_in_who_was_kept_first_even_if_others_are_more_urgent(self) -> None:
        staff = {**TWO, "first": {"people": 2}}
        model = run(lab(FIRST, {**SECOND, "duration": h(5)}, streams=classes(routine=[0, 1], urgent=[2]), staff=staff))
        assert visits(model, "second") == [(1, 1, 6), (6, 6, 11), (11, 11, 16)]
        assert ends(model, "first") == [1, 6, 11]

    def test_lets_nobody_overtake_whose_work_ends_as_a_place_empties(self) -> None:
        """At 4 the second begins on who waited inside, and the last case's work is done at the first."""
        first, staff = {**FIRST, "duration": in_turn(1, 1, 1, 1.5)}, {**TWO, "first": {"people": 2}}
        model = run(lab(first, {**SECOND, "room": 1}, streams=[coming(0, 1, 2, 2.5)], staff=staff))
        assert visits(model, "first") == [(0, 0, 1), (1, 1, 2), (2, 2, 4), (2.5, 2.5, 7)]

    def test_lets_nobody_overtake_who_comes_from_elsewhere_as_a_place_empties(self) -> None:
        detour = {"name": "detour", "when": {"stream": "passing"}, "duration": h(2)}
        streams = [coming(0, 1, 2, name="main"), coming(2, name="passing")]
        only = {**FIRST, "when": {"stream": "main"}}
        model = run(lab(detour, only, {**SECOND, "room": 1}, streams=streams, staff=TWO))
        assert ends(model, "first") == [1, 2, 4]
        assert begins(model, "second") == [1, 4, 7, 10]

    def test_lets_those_from_elsewhere_wait_outside_in_turn_and_keeps_nobody_for_them(self) -> None:
        only = {**FIRST, "when": {"stream": "main"}}
        streams = [coming(0, 1.5, name="main"), coming(2, name="passing")]
        model = run(lab(only, SECOND, streams=streams, staff=TWO))
        assert visits(model, "second") == [(1, 1, 4), (2, 4, 7), (7, 7, 10)]

    def test_may_outlast_the_shift_of_who_is_kept(self) -> None:
        model = run(line(0, 0.5, staff={**TWO, "first": {"shifts": [shift("00:00", "03:00")]}}), 23)
        assert ends(model, "first") == [1, 4]
        model.marks()
        assert model.pools["first"].over_us == HOUR


class TestPatience:
    def test_ends_a_wait_and_counts_as_waited_so_long(self) -> None:
        model = run(one(7, 14, 21, 28, 35, duration=h(11), patience=h(3)))
        assert visits(model) == [(7, 7, 18), (14, 17, 17), (21, 21, 32), (28, 31, 31), (35, 35, 46)]
        assert gate(model) == (5, 0, 2)
        assert model.record.finished == 3

    def test_is_not_lost_at_the_very_moment_somebody_comes_free(self) -> None:
        assert begins(run(one(0, 0, duration=h(3), patience=h(3)))) == [0, 3]

    def test_at_an_end_may_lead_elsewhere(self) -> None:
        site = lab(
            serve(duration=h(9), patience=h(2), when_impatient="help"),
            {"name": "help", "duration": h(1), "staff": "others"},
            streams=[coming(0, 1)],
            staff={**BENCH, "others": {"people": 1}},
        )
        assert visits(run(site), "help") == [(3, 3, 4), (9, 9, 10)]

    def test_at_an_end_makes_room(self) -> None:
        model = run(one(0, 1, 3.5, duration=h(9), patience=in_turn(9, 2, 9), room=1))
        assert visits(model) == [(0, 0, 9), (1, 3, 3), (3.5, 9, 18)]

    @pytest.mark.parametrize("staff", ["bench", "reading"])
    def test_at_an_end_leaves_no_request_behind(self, staff: str) -> None:
        group = {"bench": {"people": 1, "skills": ["reading"]}}
        step = serve(staff, duration=in_turn(4, 1), patience=in_turn(9, 1, 9))
        assert visits(run(lab(step, streams=[coming(0, 1, 2)], staff=group))) == [(0, 0, 4), (1, 2, 2), (2, 4, 5)]

    @pytest.mark.parametrize("staff", ["bench", "reading"])
    def test_at_an_end_leaves_no_request_at_a_machine_behind(self, staff: str) -> None:
        group = {"bench": {"people": 2, "skills": ["reading"]}}
        step = serve(staff, machine="hood", duration=in_turn(4, 1), patience=in_turn(9, 1, 9))
        site = lab(step, streams=[coming(0, 1, 2)], staff=group, machines={"hood": {"count": 1}})
        assert visits(run(site)) == [(0, 0, 4), (1, 2, 2), (2, 4, 5)]


class TestMinimumWait:
    def test_puts_the_earliest_start_so_long_after_coming(self) -> None:
        """What Ciw's `linger` example would give if it looked again when the time is up, not at the next event."""
        moments = (1.31, 2.62, 3.93, 5.24, 6.55, 7.86, 9.17, 10.48)
        model = run(one(*moments, duration=in_turn(1.9, 0.72), minimum_wait=h(3)))
        assert begins(model) == [4.31, 6.21, 6.93, 8.83, 9.55, 11.45, 12.17, 14.07]

    def test_takes_room(self) -> None:
        model = run(one(0, 1, minimum_wait=h(6), room=1))
        assert gate(model) == (2, 1, 0)

    def test_may_outlast_patience(self) -> None:
        model = run(one(0, minimum_wait=h(6), patience=h(4)))
        assert (visits(model), gate(model)) == ([(0, 4, 4)], (1, 0, 1))

    def test_holds_where_nobody_is_needed(self) -> None:
        assert begins(run(lab(serve(None, minimum_wait=h(6)), streams=[coming(0)]))) == [6]


def embedding(people: int = 1, **rules: Any) -> Lab:
    """Two specimens of three blocks each, that come from cut-up at 1 and 2."""
    return lab(
        {"name": "cut_up", "per": "specimen", "staff": "cut", "duration": h(1), "makes": "block"},
        {"name": "embed", "per": "block", "staff": "bench", "duration": h(2), "one_at_a_time": True, **rules},
        {"name": "aside", "per": "block", "duration": h(0)},
        CLOSE,
        streams=[coming(0, 0)],
        staff={"cut": {"people": 1}, "bench": {"people": people}},
        demand={"blocks_per_specimen": 3},
    )


class TestOneAtATime:
    def test_lets_the_others_of_the_queue_come_before_the_next_of_the_kin(self) -> None:
        assert visits(run(embedding()), "embed") == [
            (1, 1, 3), (1, 5, 7), (1, 9, 11), (2, 3, 5), (2, 7, 9), (2, 11, 13),
        ]  # fmt: skip

    def test_never_has_two_of_one_specimen_in_hand_however_many_people_are_free(self) -> None:
        model = run(embedding(people=6))
        assert visits(model, "embed") == [(1, 1, 3), (1, 3, 5), (1, 5, 7), (2, 2, 4), (2, 4, 6), (2, 6, 8)]

    def test_holds_where_nobody_is_needed(self) -> None:
        assert visits(run(embedding(staff=None)), "embed") == [
            (1, 1, 3), (1, 3, 5), (1, 5, 7), (2, 2, 4), (2, 4, 6), (2, 6, 8),
        ]  # fmt: skip

    def test_passes_the_turn_of_one_who_gives_up(self) -> None:
        """One of the second specimen gives up at 2.5; the next of its kin asks then, before the first's next."""
        assert visits(run(embedding(patience=in_turn(99, 99, 99, 0.5, 99, 99), when_impatient="aside")), "embed") == [
            (1, 1, 3), (1, 5, 7), (1, 9, 11), (2, 2.5, 2.5), (2, 3, 5), (2, 7, 9),
        ]  # fmt: skip

    def test_passes_over_who_gave_up_behind_its_kin(self) -> None:
        assert visits(run(embedding(patience=in_turn(99, 0.5, 99, 99, 99, 99), when_impatient="aside")), "embed") == [
            (1, 1, 3), (1, 1.5, 1.5), (1, 5, 7), (2, 3, 5), (2, 7, 9), (2, 9, 11),
        ]  # fmt: skip


class TestTheStart:
    def test_finds_more_waiting_than_there_is_room_for_and_sends_nobody_away(self) -> None:
        site = lab(serve(room=1), streams=[coming(0.5)], staff=BENCH, initial=[{"step": "serve", "count": 4}])
        model = run(site)
        assert begins(model) == [0, 1, 2, 3]
        assert gate(model) == (5, 1, 0)

    def test_counts_the_time_waited_towards_patience(self) -> None:
        initial = [
            {"step": "serve", "in_hand_h": 0},
            {"step": "serve", "waited_h": 1},
            {"step": "serve", "waited_h": 7},
        ]
        site = lab(serve(duration=h(9), patience=h(3)), streams=[], staff=BENCH, initial=initial)
        assert visits(run(site)) == [(-7, 0, 0), (-1, 2, 2), (0, 0, 9)]

    def test_counts_the_time_waited_towards_the_minimum(self) -> None:
        initial = [{"step": "serve", "waited_h": 4}, {"step": "serve", "waited_h": 8}]
        site = lab(serve(minimum_wait=h(6)), streams=[], staff=BENCH, initial=initial)
        assert visits(run(site)) == [(-8, 0, 1), (-4, 2, 3)]

    def test_keeps_what_is_found_done_until_there_is_room(self) -> None:
        initial = [{"step": "first", "in_hand_h": 2}, {"step": "second", "in_hand_h": 1}]
        model = run(line(initial=initial))
        assert visits(model, "first") == [(-2, -2, 2)]
        assert visits(model, "second") == [(-1, -1, 2), (2, 2, 5)]


def test_counts_begin_anew_after_the_warm_up() -> None:
    site = one(0, 1, 2, 170, 171, duration=h(10), room=0)
    found = run_and_measure(start(site), weeks=1, warm_up_weeks=1)
    assert found["refused_pct.serve"] == 50
    assert found["gave_up_pct.serve"] == 0


@settings(max_examples=60, deadline=None)
@given(
    moments=st.lists(st.integers(0, 60), max_size=25),
    room=st.integers(0, 3),
    patience=st.integers(1, 9),
    minimum=st.sampled_from([None, 2]),
    people=st.integers(1, 2),
)
def test_whoever_comes_is_served_refused_or_gives_up_and_never_more_wait_than_may(
    moments: list[int], room: int, patience: int, minimum: int | None, people: int
) -> None:
    places = max(room, 1 if minimum else 0)
    rules: dict[str, Any] = {"room": places, "patience": h(patience)}
    rules |= {"minimum_wait": h(minimum)} if minimum else {}
    site = lab(
        serve(duration=in_turn(5, 1, 8), **rules), streams=[coming(*moments)], staff={"bench": {"people": people}}
    )
    model = run(site)
    came, refused, gave_up = gate(model)
    seen = visits(model)
    assert came == len(moments) == refused + len(seen)
    assert model.record.finished == came - refused - gave_up
    assert all(begun - arrived <= patience for arrived, begun, _ in seen)
    assert all(begun - arrived >= (minimum or 0) for arrived, begun, left in seen if left > begun)
    waiting = [sum(arrived <= at < begun for arrived, begun, _ in seen) for at in range(100)]
    assert max(waiting) <= places


@settings(max_examples=40, deadline=None)
@given(
    moments=st.lists(st.integers(0, 30), max_size=15),
    rooms=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    hours=st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)),
    people=st.integers(1, 2),
)
def test_a_blocked_line_loses_nobody_and_keeps_within_its_rooms(
    moments: list[int], rooms: tuple[int, int], hours: tuple[int, int, int], people: int
) -> None:
    first, *others = (
        {"name": name, "staff": name, "duration": h(each)} for name, each in zip("abc", hours, strict=True)
    )
    kept = [{**step, "room": room, "when_full": "wait_before"} for step, room in zip(others, rooms, strict=True)]
    model = run(lab(first, *kept, streams=[coming(*moments)], staff={name: {"people": people} for name in "abc"}))
    assert model.record.finished == len(moments)
    for name, room in zip("bc", rooms, strict=True):
        waiting = [sum(arrived <= at < begun for arrived, begun, _ in visits(model, name)) for at in range(250)]
        assert max(waiting) <= room
        assert begins(model, name) == sorted(begins(model, name))
    assert visits(model, "a") == sorted(visits(model, "a"), key=lambda visit: visit[2])
