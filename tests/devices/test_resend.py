"""The rules of sending again: new events at once, only the oldest gap again, ever more patiently."""

from __future__ import annotations

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from devices.outbox.resend import Patience, Resending, Span, Standing
from devices.outbox.streams import Holding, Loss, Stream

A, B = Stream("/n/l/a", "b1"), Stream("/n/l/b", "b1")


def ledger(**more: float) -> Resending:
    return Resending(random.Random(1), Patience(**{"first_s": 4.0, "chunk": 3, **more}))  # type: ignore[arg-type]


def filled(count: int) -> Resending:
    sending = ledger()
    for sequence in range(1, count + 1):
        sending.appended(A, sequence)
    return sending


def sent_and_covered(count: int) -> Resending:
    sending = ledger()
    sending.found(A, count, count)
    return sending


def test_new_events_go_at_once_and_once() -> None:
    sending = filled(5)
    assert sending.to_send(0, 20, is_idle=True) == [Span(A, 0, 5, is_new=True)]
    assert sending.to_send(0, 20, is_idle=True) == []


def test_no_more_is_sent_than_there_is_room_for() -> None:
    sending = filled(50)
    assert [sending.to_send(0, 20, is_idle=False) for _ in range(2)] == [
        [Span(A, 0, 20, is_new=True)],
        [Span(A, 20, 20, is_new=True)],
    ]


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
        assert sending.acknowledged(A, through, 10.1) is Standing.FURTHER
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
    sending.found(A, 6, 9)
    assert sending.to_send(0, 20, is_idle=True) == [Span(A, 6, 3)]


def test_only_what_no_start_has_sent_before_is_new() -> None:
    sending = ledger()
    sending.found(A, 6, 9)
    sending.appended(A, 10)
    assert sending.to_send(0, 3, is_idle=True) == [Span(A, 6, 3)], "the start before may have sent that"
    assert sending.to_send(0, 20, is_idle=True) == [Span(A, 9, 1, is_new=True)]
    sending.acknowledged(A, 10, 1)
    assert sending.acknowledged(A, 2, 2) is Standing.BACK
    sending.fell_back(A, 2, 1, 2)
    sending.appended(A, 11)
    assert sending.to_send(4, 8, is_idle=True) == [Span(A, 2, 8)], "an old message may acknowledge that"
    assert sending.to_send(4, 8, is_idle=False) == [Span(A, 10, 1, is_new=True)]


def test_a_stuck_stream_does_not_hold_up_another() -> None:
    sending = filled(10)
    sending.to_send(0, 20, is_idle=True)
    sending.appended(B, 1)
    assert sending.to_send(1, 20, is_idle=True) == [Span(B, 0, 1, is_new=True)]


def test_a_lower_acknowledgement_sends_everything_again_in_order_and_only_once() -> None:
    sending = sent_and_covered(60)
    assert sending.acknowledged(A, 25, 10) is Standing.BACK
    sending.fell_back(A, 25, first=1, now_s=10)
    assert sending.to_send(10, 20, is_idle=True) == []
    assert sending.to_send(11.1, 20, is_idle=True) == [Span(A, 25, 20)]
    assert sending.to_send(11.1, 20, is_idle=False) == [Span(A, 45, 15)]
    sending.acknowledged(A, 60, 11.2)
    assert sending.due_in_s(11.2) is None


def test_an_old_acknowledgement_that_comes_twice_sends_nothing_again_and_is_no_loss() -> None:
    sending = sent_and_covered(60)
    assert sending.acknowledged(A, 25, 10) is Standing.BACK
    sending.fell_back(A, 25, first=40, now_s=10)
    assert sending.acknowledged(A, 60, 10.05) is Standing.FURTHER
    assert sending.to_send(20, 20, is_idle=True) == []
    assert sending.losses() == []
    assert not sending.is_waiting


def test_behind_a_gap_that_cannot_be_filled_everything_flows_and_the_loss_is_told_once() -> None:
    sending, store, told, now = ledger(ahead=10), set(range(1, 6)), list[Loss](), 0.0
    sending.found(A, 60, 60)
    assert sending.acknowledged(A, 5, now) is Standing.BACK
    sending.fell_back(A, 5, first=21, now_s=now)
    for _ in range(200):
        now += 5
        for span in sending.to_send(now, 20, is_idle=True):
            for sequence in range(span.after + 1, span.after + span.most + 1):
                is_duplicate = sequence in store
                store.add(sequence)
                if is_duplicate and sending.behind_gap("/n/l/a") == [(A, sequence - 1)]:
                    sending.confirmed(A, sequence, now)
            assert sending.acknowledged(A, 5, now) is Standing.AS_KNOWN
        told += sending.losses()
    assert store == {*range(1, 6), *range(21, 61)}
    assert sending.due_in_s(now) is None
    assert told == [Loss(A, 6, 20)]


def test_a_gap_that_somebody_closes_lets_acknowledgements_through_again() -> None:
    sending = ledger()
    sending.found(A, 60, 60)
    sending.acknowledged(A, 5, 0)
    sending.fell_back(A, 5, first=21, now_s=0)
    sending.to_send(5, 20, is_idle=True)
    assert sending.acknowledged(A, 60, 6) is Standing.FURTHER
    assert sending.acknowledged(A, 60, 7) is Standing.AS_KNOWN
    assert sending.acknowledged(A, 5, 8) is Standing.BACK


def test_a_repeated_acknowledgement_asks_for_the_oldest_gap_and_gets_one_chunk_soon() -> None:
    sending = filled(50)
    sending.to_send(0, 20, is_idle=True)
    sending.to_send(0, 20, is_idle=True)
    sending.acknowledged(A, 10, 0.5)
    sent, now = [], 0.5
    for _ in range(100):
        now += 0.02
        sending.acknowledged(A, 10, now)
        sent += sending.to_send(now, 20, is_idle=True)
    assert [span for span in sent if not span.is_new] == [Span(A, 10, 3)]


def test_an_acknowledgement_of_all_that_was_sent_asks_for_nothing() -> None:
    sending = sent_and_covered(10)
    for now in range(1, 100):
        sending.acknowledged(A, 10, now)
        assert sending.to_send(now, 20, is_idle=True) == []


def test_a_store_that_went_back_is_asked_about_every_stream_by_its_last_event_and_not_all_at_once() -> None:
    sending, held = ledger(soon_s=0.0, spread_s=1.0), {}
    for number in range(50):
        stream = Stream(f"/n/l/d-{number}", "b1")
        sending.found(stream, 7, 7)
        held[stream] = Holding(1, 7, 7)
    sending.ask_all(held, 0)
    spans = []
    for second in range(50):
        now = sending.to_send(second, 20, is_idle=True)
        assert len(now) == 1
        spans += now
        sending.acknowledged(now[0].stream, 7, second)
    assert spans == [Span(stream, 6, 1) for stream in held]
    assert not sending.is_asking


def test_a_question_without_an_answer_is_put_again_ever_later() -> None:
    sending = sent_and_covered(7)
    sending.ask_all({A: Holding(1, 7, 7)}, 0)
    now, waits = 0.0, []
    for _ in range(8):
        waits.append(sending.due_in_s(now) or 0)
        now += waits[-1]
        assert sending.to_send(now, 20, is_idle=True) == [Span(A, 6, 1)]
    assert waits[1] > 4
    assert 40 < waits[-1] <= 75
    assert sending.is_asking


def test_questions_about_everything_are_a_minute_apart_however_often_a_store_seems_to_go_back() -> None:
    sending, asked = sent_and_covered(7), 0
    for tenth in range(3000):
        now = tenth / 10
        sending.ask_all({A: Holding(1, 7, 7)}, now) if not sending.is_asking else None
        for span in sending.to_send(now, 20, is_idle=True):
            asked += span.most
            sending.acknowledged(A, 7, now)
    assert asked <= 6


@given(
    st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3), st.booleans(), st.booleans()), max_size=60), st.randoms()
)
def test_whatever_is_lost_or_goes_back_everything_arrives_in_the_end(
    steps: list[tuple[int, int, bool, bool]], luck: random.Random
) -> None:
    sending, stored, last, now = ledger(), set[int](), 0, 0.0
    for appended, passed, is_lost, goes_back in [*steps, *[(0, 90, False, False)] * 60]:
        for _ in range(appended):
            last += 1
            sending.appended(A, last)
        now += passed
        for span in sending.to_send(now, 20, is_idle=True):
            stored |= set() if is_lost else set(range(span.after + 1, span.after + span.most + 1))
        if goes_back:
            stored = set(range(1, luck.randint(0, last) + 1)) & stored
        through = next(n for n in range(last + 1) if n + 1 not in stored)
        is_heard = luck.random() < 0.7 or goes_back
        if is_heard and sending.acknowledged(A, through, now) is Standing.BACK:
            sending.fell_back(A, through, first=1, now_s=now)
    assert stored >= set(range(1, last + 1))
