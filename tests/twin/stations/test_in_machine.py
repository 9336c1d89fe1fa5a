"""In a machine: who loads, what runs, who is held, what each programme takes."""

from typing import Any

from tests.twin.stations.micro import arrivals, classes, diary, lab, people, run, seconds, start, starts, visits
from twin.snapshot import take_state

HAND = {"staff": "hands", "duration": seconds(2)}


def batch(*programmes: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """A step of one machine group; a programme runs 10 s unless it says otherwise."""
    full = [{"size": 1, "run": seconds(10), **programme} for programme in programmes]
    return {"name": "process", "per": "case", "batch": {"machine": "processor", "programmes": full, **parts}}


def machines(**groups: int) -> dict[str, Any]:
    return {name: {"count": number} for name, number in groups.items()}


DESK = {"name": "desk", "per": "case", "when": {"stream": ["held", "desk"]}, "staff": "hands", "duration": seconds(10)}


class TestLoadingAndUnloading:
    def test_hold_a_person_and_the_run_does_not(self) -> None:
        site = lab(
            batch({"size": 2}, load=HAND, unload=HAND),
            streams=[arrivals(0, 1)], staff=people(hands=1), machines=machines(processor=1),
        )  # fmt: skip
        model = run(start(site), 100)
        model.marks()
        assert visits(model, "process") == [(0, 3, 15), (1, 3, 15)]
        assert model.pools["hands"].busy_us == 4_000_000
        assert model.machines["processor"].busy_us == 14_000_000

    def test_hold_a_person_all_the_time_where_the_run_is_attended(self) -> None:
        site = lab(
            batch({}, load=HAND, unload=HAND, attended=True),
            streams=[arrivals(0, 1)], staff=people(hands=1), machines=machines(processor=2),
        )  # fmt: skip
        model = run(start(site), 100)
        model.marks()
        assert visits(model, "process") == [(0, 2, 14), (1, 16, 28)]
        assert model.pools["hands"].busy_us == 28_000_000

    def test_may_be_another_for_one_programme_which_may_have_a_machine_of_its_own(self) -> None:
        """The urgent go into the rapid processor, which another group loads slowly and which unloads itself."""
        urgent = {
            "name": "rapid", "when": {"priority": "urgent"}, "machine": "rapid", "run": seconds(1),
            "load": {"staff": "seniors", "duration": seconds(5)}, "attended": True,
        }  # fmt: skip
        site = lab(
            batch(urgent, {}, load=HAND),
            streams=classes(routine=[0], urgent=[0]),
            staff=people(hands=1, seniors=1), machines=machines(processor=1, rapid=1),
        )  # fmt: skip
        model = run(start(site), 100)
        model.marks()
        assert visits(model, "process") == [(0, 2, 12), (0, 5, 6)]
        assert (model.pools["hands"].busy_us, model.pools["seniors"].busy_us) == (2_000_000, 6_000_000)


class TestARequestToLoad:
    """The hands are busy until 10; a cancer case waits for them, and a batch of an urgent and two routine cases."""

    def begins(self, served_as: dict[str, str], of_load: dict[str, str]) -> float:
        site = lab(
            DESK,
            {**batch({"size": 3, **served_as}, load={**HAND, **of_load}), "when": {"stream": ["rack", "more"]}},
            streams=[
                arrivals(0, name="held"),
                arrivals(1, name="desk", priorities={"cancer": 1}),
                arrivals(2, name="rack", priorities={"urgent": 1}),
                arrivals(3, 4, name="more"),
            ],
            staff=people(hands=1), machines=machines(processor=1),
        )  # fmt: skip
        return starts(run(start(site), 100), "process")[0] - 2

    def test_goes_before_all_work_by_hand(self) -> None:
        assert self.begins({}, {}) == 10

    def test_is_as_urgent_as_the_load_says(self) -> None:
        assert self.begins({}, {"served_as": "routine"}) == 20

    def test_is_as_urgent_as_the_programme_says_over_the_load(self) -> None:
        assert self.begins({"served_as": "last"}, {"served_as": "first"}) == 20

    def test_may_be_as_urgent_as_the_most_urgent_item(self) -> None:
        assert self.begins({"served_as": "own"}, {}) == 10


class TestByHandAfter:
    """Mega slides: whoever takes them out of the stainer covers them one by one, and the stainer is free meanwhile."""

    @staticmethod
    def site(*moments: float, hands: int = 1, size: int = 3) -> Any:
        return lab(
            {"name": "cut_up", "per": "specimen", "duration": seconds(0), "makes": "block"},
            {"name": "microtomy", "per": "block", "duration": seconds(0), "makes": "slide"},
            {**batch({"size": size, "by_hand_after": seconds(5)}, unload=HAND), "per": "slide"},
            {"name": "reporting", "per": "case", "duration": seconds(0)},
            streams=[arrivals(*moments)], staff=people(hands=hands), machines=machines(processor=1),
            demand={"slides_per_block": 2},
        )  # fmt: skip

    def test_each_part_goes_on_when_its_own_pieces_are_done(self) -> None:
        """Two slides of the first case, and one of the second; the other of the second waits for a batch."""
        model = run(start(self.site(0, 1)), 100)
        station = model.stations[2]
        assert station.visits is not None
        assert visits(model, "process") == [(0, 1, 23), (1, 1, 28)]
        assert list(station.visits.quantity) == [2, 1]
        assert [ended - model.started_us for ended in model.record.finished_us] == [23_000_000]

    def test_the_machine_is_free_and_the_person_is_not(self) -> None:
        """The next batch runs while the first is finished by hand, and waits for the same hands."""
        model = run(start(self.site(0, 1, 2)), 100)
        model.marks()
        assert sorted(visits(model, "process")) == [(0, 1, 23), (1, 1, 28), (1, 13, 35), (2, 13, 45)]
        assert model.pools["hands"].busy_us == 2 * 17_000_000

    def test_is_told_of_as_work_by_hand_after_the_unloading(self) -> None:
        assert diary(self.site(0, size=2), 100).of("process", "processor") == [
            (0, "processor 0 starts", "1"), (10, "processor 0 ends", "1"), (12, "processor 0 unloaded", "1"),
            (12, "process 0 starts", "1"), (22, "process 0 ends", "1"),
        ]  # fmt: skip

    def test_is_done_again_from_the_unloading_where_a_run_starts_in_its_middle(self) -> None:
        first = run(start(self.site(0, size=2)), 15)
        rest = run(start(self.site(size=2), state=take_state(first)), 100)
        assert visits(rest, "process") == [(0, 0, 27)]
