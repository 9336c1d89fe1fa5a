"""The kernel keeps the lab's rules of service, in cases small enough to work out by hand."""

import pytest
from simpy import Environment

from tests.twin.micro import Bench, Job
from twin.distributions import HOUR
from twin.engine.agenda import ARRIVAL, CAPACITY, RELEASE, Agenda, Signal, run_until
from twin.engine.batches import Batch, Collector
from twin.engine.machines import MachineGroup


class Rack:
    """Slides that go together into a batch."""

    def __init__(self, quantity: int, arrived_us: int = 0) -> None:
        self.rank = 0
        self.quantity = quantity
        self.arrived_us = arrived_us

    def split(self, places: int) -> "Rack":
        self.quantity -= places
        return Rack(places, self.arrived_us)


class TestOnePairOfHands:
    def test_serves_in_order_of_arrival(self) -> None:
        jobs = Bench(1).serve([Job(str(n), n, 1.5) for n in range(1, 6)])
        assert [job.ended for job in jobs] == [2.5, 4.0, 5.5, 7.0, 8.5]

    def test_batch_arrivals_wait_their_turn(self) -> None:
        times = [5, 5, 10, 10, 12, 12, 13, 13, 18, 18]
        jobs = Bench(1).serve([Job(str(n), at, 2 + n % 2) for n, at in enumerate(times)])
        assert [job.started for job in jobs] == [5, 7, 10, 12, 15, 17, 20, 22, 25, 27]

    def test_an_urgent_job_goes_first_but_interrupts_nobody(self) -> None:
        jobs = Bench(1).serve([Job("low", 1.5, 5, 2), Job("low", 5, 5, 2), Job("high", 7.5, 4, 0)])
        assert [job.started for job in jobs] == [1.5, 6.5, 11.5]
        assert [job.ended for job in jobs] == [6.5, 11.5, 15.5]

    def test_the_urgent_overtakes_who_waits(self) -> None:
        first, routine, urgent = Job("1", 0, 2), Job("2", 0.5, 1, rank=2), Job("3", 1, 1, rank=0)
        Bench(1).serve([first, routine, urgent])
        assert [job.started for job in (first, urgent, routine)] == [0, 2, 3]

    def test_a_release_comes_before_an_arrival_at_the_same_moment(self) -> None:
        jobs = Bench(1).serve([Job(str(n), n, 1.0) for n in range(10)])
        assert [job.started for job in jobs] == list(range(10))


class TestShifts:
    def test_what_was_started_is_finished(self) -> None:
        bench = Bench(1, [(2, 0), (9, 1)])
        first, second = bench.serve([Job("1", 1, 5), Job("2", 1.5, 1)])
        assert (first.ended, second.started) == (6, 9)

    def test_finishing_over_is_not_counted_as_presence(self) -> None:
        bench = Bench(1, [(2, 0), (9, 1)])
        bench.serve([Job("1", 1, 5)], until=10)
        bench.pool.mark()
        assert (bench.pool.busy_us, bench.pool.over_us, bench.pool.present_us) == (1 * HOUR, 4 * HOUR, 3 * HOUR)

    def test_nothing_starts_at_the_very_end_of_a_shift(self) -> None:
        bench = Bench(1, [(2, 0), (9, 1)])
        first, second = bench.serve([Job("1", 0, 2), Job("2", 1, 1)])
        assert (first.ended, second.started) == (2, 9)

    def test_a_second_person_serves_who_waits(self) -> None:
        bench = Bench(1, [(1, 2)])
        _, second = bench.serve([Job("1", 0, 5), Job("2", 0, 5)])
        assert second.started == 1


class TestPersonAndMachineTogether:
    def test_both_must_be_free_at_the_same_instant(self) -> None:
        jobs = Bench(3, machines=2).serve([Job(str(n), 0, 2) for n in range(3)])
        assert [job.started for job in jobs] == [0, 0, 2]

    def test_who_needs_no_machine_overtakes_who_waits_for_one(self) -> None:
        bench = Bench(2, machines=1)
        first, second = Job("1", 0, 5), Job("2", 1, 1)
        plain: list[float] = []
        bench.agenda.at(
            2 * HOUR,
            ARRIVAL,
            [lambda _: bench.pool.request(9, lambda _: plain.append(bench.agenda.now / HOUR), None)],
            Signal(),
        )
        bench.serve([first, second])
        assert plain == [2]
        assert second.started == 5

    def test_who_waited_for_a_machine_goes_before_who_came_later_for_the_person(self) -> None:
        """Two who need no machine come at 2 and 3 and stay; the second waits from 3 on."""
        bench = Bench(2, machines=1)
        plain: list[float] = []
        ask = [lambda _: bench.pool.request(0, lambda _: plain.append(bench.agenda.now / HOUR), None)]
        for at in (2, 3):
            bench.agenda.at(at * HOUR, ARRIVAL, ask, Signal())
        _, second = bench.serve([Job("1", 0, 5), Job("2", 1, 1)])
        assert second.started == 5
        assert plain == [2, 6]

    def test_a_machine_that_comes_free_goes_to_the_most_urgent(self) -> None:
        bench = Bench(9, machines=1)
        jobs = [Job("1", 0, 5), Job("2", 1, 1, rank=2), Job("3", 2, 1, rank=0)]
        bench.serve(jobs)
        assert [job.started for job in jobs] == [0, 6, 5]


class TestMachines:
    def test_a_broken_machine_is_not_given_out(self) -> None:
        bench = Bench(2, machines=1)
        assert bench.group is not None
        bench.group.fails(0, iter([(1 * HOUR, 3 * HOUR), (10**15, 1)]))
        (job,) = bench.serve([Job("1", 2, 1)])
        assert job.started == 4

    def test_a_machine_that_breaks_in_use_is_away_after_use(self) -> None:
        bench = Bench(2, machines=1)
        assert bench.group is not None
        bench.group.fails(0, iter([(1 * HOUR, 3 * HOUR), (10**15, 1)]))
        first, second = bench.serve([Job("1", 0, 2), Job("2", 0, 1)])
        assert (first.ended, second.started) == (2, 4)

    def test_the_lowest_free_unit_is_given_out(self) -> None:
        group = MachineGroup(Agenda(Environment(0)), "scanner", 3)
        assert [group.take("a"), group.take("b")] == [0, 1]
        group.release(0)
        assert [group.take("c"), group.take("d")] == [0, 2]


class Bin:
    """Notes the batches that close, and when."""

    def __init__(self, size: int, **rules: object) -> None:
        self.env = Environment(0)
        self.agenda = Agenda(self.env)
        self.closed: list[tuple[float, int]] = []
        self.batches: list[Batch] = []
        self.collector = Collector(self.agenda, self._note, size, **rules)  # type: ignore[arg-type]

    def _note(self, batch: Batch) -> None:
        self.closed.append((self.agenda.now / HOUR, batch.count))
        self.batches.append(batch)

    def fill(self, *loads: tuple[float, int], until: float = 100) -> list[tuple[float, int]]:
        for at, quantity in loads:
            rack = Rack(quantity, round(at * HOUR))
            self.agenda.at(round(at * HOUR), ARRIVAL, [lambda _, rack=rack: self.collector.add(rack)], Signal())
        self.env.run(until=round(until * HOUR))
        return self.closed


class TestBatches:
    def test_a_full_batch_closes(self) -> None:
        assert Bin(3).fill((1, 1), (2, 1), (3, 1), (4, 1)) == [(3, 3)]

    def test_a_rack_is_spread_over_batches(self) -> None:
        box = Bin(4, closes_full=True)
        assert box.fill((1, 3), (2, 6)) == [(2, 4), (2, 4)]
        assert [batch.count for batch in box.collector.waiting()] == [1]

    def test_nobody_waits_longer_than_the_maximum(self) -> None:
        box = Bin(10, max_wait=lambda: 2 * HOUR, top_up=False)
        assert box.fill((1, 1), (2.5, 1), (4, 1)) == [(3, 2), (6, 1)]

    def test_a_time_out_does_not_touch_the_next_batch(self) -> None:
        assert Bin(2, max_wait=lambda: 2 * HOUR).fill((1, 2), (2, 1)) == [(1, 2), (4, 1)]

    def test_the_clock_starts_whatever_is_there(self) -> None:
        clock = iter([2 * HOUR, 4 * HOUR, 6 * HOUR])
        assert Bin(2, closes_full=False, clock=clock, top_up=False).fill((1, 3), (5, 1)) == [(2, 2), (2, 1), (6, 1)]

    def test_a_batch_that_holds_the_least_is_ready_and_keeps_filling_until_loaded(self) -> None:
        box = Bin(10, least=1)
        assert box.fill((1, 1), (2, 1)) == [(1, 1)]
        assert box.batches[0].count == 2
        box.collector.loading(box.batches[0])
        assert box.collector.waiting() == []

    @pytest.mark.parametrize("quantity", [1, 4, 5, 11])
    def test_nothing_is_lost_whatever_the_size(self, quantity: int) -> None:
        box = Bin(5)
        box.fill((1, quantity), (2, quantity))
        assert sum(batch.count for batch in [*box.batches, *box.collector.waiting()]) == 2 * quantity


class TestAgenda:
    def test_orders_equal_times_by_kind_then_by_entry(self) -> None:
        env = Environment(0)
        agenda = Agenda(env)
        heard: list[str] = []
        for order, name in ((ARRIVAL, "c"), (RELEASE, "b"), (CAPACITY, "a"), (ARRIVAL, "d")):
            agenda.at(5, order, [lambda _, name=name: heard.append(name)], Signal())
        run_until(env, 6)
        assert heard == ["a", "b", "c", "d"]
        assert env.now == 6

    def test_runs_beside_ordinary_simpy_processes(self) -> None:
        env = Environment(0)
        heard: list[float] = []

        def story():  # type: ignore[no-untyped-def]
            yield env.timeout(3)
            heard.append(env.now)

        env.process(story())
        Agenda(env).at(2, ARRIVAL, [lambda _: heard.append(env.now)], Signal())
        env.run(until=5)
        assert heard == [2, 3]
