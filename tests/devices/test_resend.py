"""The rules of sending again: new events at once, only the oldest gap again, ever more patiently."""

from __future__ import annotations

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from devices.outbox import Stream
from devices.resend import Loss, Patience, Resending, Span

A, B = Stream("/n/l/a", "b1"), Stream("/n/l/b", "b1")


def ledger(**more: float) -> Resending:
    return Resending(random.Random(1), Patience(**{"first_s": 4.0, "chunk": 3, **more}))  # type: ignore[arg-type]


def filled(count: int) -> Resending:
    sending = ledger()
    for sequence in range(1, count + 1):
        sending.appended(A, sequence)
    return sending


def test_new_events_go_at_once_and_once() -> None:
    sending = filled(5)
    assert sending.to_send(0, 20, is_idle=True) == [Span(A, 0, 5)]
    assert sending.to_send(0, 20, is_idle=True) == []


def test_no_more_is_sent_than_there_is_room_for() -> None:
    sending = filled(50)
    assert [sending.to_send(0, 20, is_idle=False) for _ in range(2)] == [[Span(A, 0, 20)], [Span(A, 20, 20)]]


def test_only_the_oldest_gap_is_sent_again_and_ever_later() -> None:
    sending = filled(10)
    sending.to_send(0, 20, is_idle=True)
    now, waits = 0.0, []
    for _ in range(7):
        wait = sending.due_in_s(now)
        assert wait is not None
        waits.append(wait)
        now += wait
        assert sending.to_send(now, 20, is_idle=True) == [Span(A, 0, 3)]
    assert waits[0] < 5.1
    assert all(later > earlier for earlier, later in itertools.pairwise(waits[:4]))
    assert waits[-1] <= 75


def test_nothing_is_sent_again_while_something_is_under_way() -> None:
    sending = filled(10)
    sending.to_send(0, 20, is_idle=True)
    assert sending.to_send(100, 20, is_idle=False) == []


def test_what_a_dead_broker_lost_is_mended_chunk_by_chunk_without_waiting() -> None:
    sending = filled(10)
    sending.to_send(0, 20, is_idle=True)
    assert sending.to_send(10, 20, is_idle=True) == [Span(A, 0, 3)]
    for through, then in ((3, [Span(A, 3, 3)]), (6, [Span(A, 6, 3)]), (9, [Span(A, 9, 1)]), (10, [])):
        assert sending.acknowledged(A, through, 10.1)
        assert sending.to_send(10.1, 20, is_idle=True) == then
    assert sending.due_in_s(10.1) is None


def test_a_slow_store_that_had_everything_starts_no_storm() -> None:
    sending = filled(10)
    sending.to_send(0, 20, is_idle=True)
    sending.to_send(10, 20, is_idle=True)
    sending.acknowledged(A, 8, 10.1)
    assert sending.to_send(10.2, 20, is_idle=True) == []


def test_what_an_earlier_start_left_is_sent_from_its_first() -> None:
    sending = ledger()
    sending.found(A, 7, 9)
    assert sending.to_send(0, 20, is_idle=True) == [Span(A, 6, 3)]


def test_a_stuck_stream_does_not_hold_up_another() -> None:
    sending = filled(10)
    sending.to_send(0, 20, is_idle=True)
    sending.appended(B, 1)
    assert sending.to_send(1, 20, is_idle=True) == [Span(B, 0, 1)]


def test_behind_the_gap_of_a_restored_store_everything_flows_and_the_loss_is_told_once() -> None:
    sending, store, told, now = ledger(ahead=10), set(range(1, 6)), list[Loss](), 0.0
    sending.found(A, 21, 60)  # deleted here to 20, stored only to 5
    for _ in range(200):
        now += 5
        for span in sending.to_send(now, 20, is_idle=True):
            for sequence in range(span.after + 1, span.after + span.most + 1):
                is_duplicate = sequence in store
                store.add(sequence)
                if is_duplicate and sending.fallen("/n/l/a") == [(A, sequence - 1)]:
                    sending.confirmed(A, sequence, now)
            sending.acknowledged(A, 5, now)
        told += sending.losses()
    assert store == {*range(1, 6), *range(21, 61)}
    assert sending.due_in_s(now) is None
    assert told == [Loss(A, 6, 20)]


def test_an_old_acknowledgement_that_comes_twice_is_no_loss() -> None:
    sending = filled(12)
    sending.to_send(0, 20, is_idle=True)
    for through in (10, 5, 10):
        sending.acknowledged(A, through, 1)
    assert sending.to_send(20, 20, is_idle=True) == [Span(A, 10, 2)]
    assert sending.losses() == []
    assert sending.fallen("/n/l/a") == []


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3), st.booleans()), max_size=60), st.randoms())
def test_whatever_is_lost_everything_arrives_in_the_end(
    steps: list[tuple[int, int, bool]], luck: random.Random
) -> None:
    sending, stored, last, now = ledger(), set[int](), 0, 0.0
    for appended, passed, is_lost in [*steps, *[(0, 90, False)] * 60]:
        for _ in range(appended):
            last += 1
            sending.appended(A, last)
        now += passed
        for span in sending.to_send(now, 20, is_idle=True):
            stored |= set() if is_lost else set(range(span.after + 1, span.after + span.most + 1))
        through = next(n for n in range(last + 1) if n + 1 not in stored)
        if luck.random() < 0.7:
            sending.acknowledged(A, through, now)
    assert stored >= set(range(1, last + 1))
