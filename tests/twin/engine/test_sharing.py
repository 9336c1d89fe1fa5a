"""People who serve all at once: everybody has an equal share of them, and nobody more than one."""

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.twin.engine.hours import begins, by_class, classes, coming, ends, h, in_turn, lab, run, serve, shift, visits
from twin.distributions import HOUR
from twin.lab import Lab
from twin.model import LabModel
from twin.utilisation import read


def shared(*moments: float, hours: Sequence[float] = (1,), people: int = 1, **parts: object) -> Lab:
    group = {"people": people, "serves": "all_at_once"}
    return lab(serve(duration=in_turn(*hours)), streams=[coming(*moments)], **{"staff": {"bench": group}, **parts})


class TestTheShare:
    def test_is_equal_among_all_who_are_there(self) -> None:
        """1 h alone, 1 h by halves, 3 h by thirds; then the first two by halves for 1 h, and 1 h alone again."""
        assert ends(run(shared(0, 1, 2, hours=(4, 2, 1)))) == [7, 6, 5]

    def test_is_never_more_than_one_person(self) -> None:
        assert ends(run(shared(0, people=2, hours=(3,)))) == [3]
        assert ends(run(shared(0, 0, 0, people=2, hours=(3,)))) == [4.5, 4.5, 4.5]

    def test_begins_at_once_whoever_it_is(self) -> None:
        streams = classes(routine=[0, 1], urgent=[2])
        group = {"bench": {"people": 1, "serves": "all_at_once"}}
        model = run(lab(serve(duration=by_class(urgent=1, routine=4)), streams=streams, staff=group))
        assert begins(model) == [0, 1, 2]
        assert ends(model) == [8, 9, 5]

    def test_stands_still_while_nobody_is_there(self) -> None:
        group = {"shifts": [shift("00:00", "02:00"), shift("04:00", "23:00")], "serves": "all_at_once"}
        assert visits(run(shared(0, 3, hours=(3, 0.5), staff={"bench": group}))) == [(0, 0, 5.5), (3, 3, 5)]

    def test_grows_with_the_people(self) -> None:
        group = {"shifts": [shift("00:00", "23:00"), shift("02:00", "23:00")], "serves": "all_at_once"}
        assert ends(run(shared(0, 0, hours=(3,), staff={"bench": group}))) == [4, 4]

    def test_waits_for_a_machine_where_one_is_needed(self) -> None:
        site = lab(
            serve(machine="hood"),
            streams=[coming(0, 0, 0.5)],
            staff={"bench": {"people": 1, "serves": "all_at_once"}},
            machines={"hood": {"count": 2}},
        )
        assert visits(run(site)) == [(0, 0, 2), (0, 0, 2), (0.5, 2, 3)]

    def test_goes_on_with_what_is_left_of_what_the_start_finds(self) -> None:
        initial = [{"step": "serve", "in_hand_h": 1, "count": 2}]
        assert ends(run(shared(hours=(3, 3), initial=initial))) == [4, 4]


def test_people_are_busy_as_far_as_there_is_work_for_them() -> None:
    model: LabModel = run(shared(0, 0, 0, 5, people=2, hours=(2, 2, 2, 2)), 10)
    states = read(model).state_us["bench"]
    assert states == {"working": (6 + 2) * HOUR, "overtime": 0, "idle": 12 * HOUR}


def _ends_by_fractions(moments: list[int], works: list[int], people: int) -> list[Fraction]:
    """The same by looking at every change, in exact fractions of an hour."""
    left: dict[int, Fraction] = {}
    done: dict[int, Fraction] = {}
    now, coming_next = Fraction(0), 0
    while len(done) < len(moments):
        rate = min(Fraction(1), Fraction(people, max(len(left), 1)))
        arrival = Fraction(moments[coming_next]) if coming_next < len(moments) else None
        finish = now + min(left.values()) / rate if left else None
        at = min(moment for moment in (arrival, finish) if moment is not None)
        left = {number: work - (at - now) * rate for number, work in left.items()}
        now = at
        for number in [number for number, work in left.items() if work == 0]:
            done[number] = now
            del left[number]
        while coming_next < len(moments) and moments[coming_next] == now:
            left[coming_next] = Fraction(works[coming_next])
            coming_next += 1
    return [done[number] for number in range(len(moments))]


@settings(max_examples=60, deadline=None)
@given(
    cases=st.lists(st.tuples(st.integers(0, 25), st.integers(1, 7)), min_size=1, max_size=14),
    people=st.integers(1, 3),
)
def test_everybody_ends_to_the_microsecond_when_exact_fractions_say(cases: list[tuple[int, int]], people: int) -> None:
    moments, works = zip(*sorted(cases), strict=True)
    found = visits(run(shared(*moments, people=people, hours=works)))
    expected = sorted(zip(moments, moments, _ends_by_fractions(list(moments), list(works), people), strict=True))
    for (arrived, begun, ended), (came, _, end) in zip(found, expected, strict=True):
        assert (arrived, begun) == (came, came)
        assert -1 < end * HOUR - round(ended * HOUR) <= Fraction(1, 1000)


@pytest.mark.parametrize("key", ["preempts", "skills"])
def test_the_file_refuses_what_does_not_go_with_it(key: str) -> None:
    group = {"people": 1, "serves": "all_at_once", key: True if key == "preempts" else ["reading"]}
    with pytest.raises(ValueError, match="serves all_at_once"):
        shared(0, staff={"bench": group})


def test_waiting_rules_never_turn_anybody_away_who_begins_at_once() -> None:
    model = run(lab(
        serve(room=0, patience=h(1)), streams=[coming(0, 0, 0)], staff={"bench": {"people": 1, "serves": "all_at_once"}}
    ))  # fmt: skip
    assert ends(model) == [3, 3, 3]
