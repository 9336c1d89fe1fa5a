"""Up to where a device's events are stored: the mark against a plain set of numbers."""

from __future__ import annotations

import random

import orjson
from hypothesis import given
from hypothesis import strategies as st

from tracking.store.marks import Watermark

Stored = tuple[int, int, int]
"""First and last sequence, and when they were received."""
ONE = st.tuples(st.integers(0, 25), st.integers(0, 99)).map(lambda pair: (pair[0], pair[0], pair[1]))
RANGE = st.tuples(st.integers(0, 25), st.integers(-1, 6), st.integers(0, 99)).map(
    lambda three: (three[0], three[0] + three[1], three[2])
)
STORED = st.lists(st.one_of(ONE, RANGE), max_size=25)


def mark_of(stored: list[Stored]) -> Watermark:
    mark = Watermark()
    for first, last, received_us in stored:
        if first == last:
            mark.add(first, received_us)
        else:
            mark.add_range(first, last, received_us)
    return mark


def told_plainly(stored: list[Stored]) -> tuple[int, int, list[list[int]]]:
    """Return contiguous, highest and the ranges beyond, from the numbers one by one."""
    came: dict[int, int] = {}
    for first, last, received_us in stored:
        for number in range(first, last + 1):
            came[number] = min(came.get(number, received_us), received_us)
    contiguous = 0
    while contiguous + 1 in came:
        contiguous += 1
    beyond: list[list[int]] = []
    for number in sorted(number for number in came if number > contiguous):
        if beyond and beyond[-1][1] == number - 1:
            beyond[-1][1:] = [number, min(beyond[-1][2], came[number])]
        else:
            beyond.append([number, number, came[number]])
    return contiguous, max(came, default=0), beyond


@given(STORED)
def test_a_mark_tells_what_the_numbers_one_by_one_tell(stored: list[Stored]) -> None:
    mark = mark_of(stored)
    assert (mark.contiguous, mark.highest, mark.beyond) == told_plainly(stored)


@given(STORED, st.randoms(use_true_random=False), st.integers(0, 10))
def test_a_mark_is_the_same_in_any_order_and_for_anything_twice(
    stored: list[Stored], luck: random.Random, again: int
) -> None:
    shuffled = [*stored, *(luck.choices(stored, k=again) if stored else ())]
    luck.shuffle(shuffled)
    assert mark_of(shuffled) == mark_of(stored)


@given(STORED, STORED)
def test_a_mark_that_was_put_away_goes_on_as_if_it_had_not_been(before: list[Stored], after: list[Stored]) -> None:
    kept = mark_of(before)
    again = Watermark(kept.contiguous, kept.highest, orjson.loads(kept.beyond_text()))
    for first, last, received_us in after:
        again.add_range(first, last, received_us)
    assert again == mark_of([*before, *after])


def test_a_gap_is_known_since_the_first_event_after_it_came_even_if_a_later_one_came_earlier() -> None:
    mark = mark_of([(1, 1, 10), (5, 5, 40), (4, 4, 30), (9, 9, 20)])
    assert (mark.contiguous, mark.beyond) == (1, [[4, 5, 30], [9, 9, 20]])


def test_a_statement_about_the_largest_gap_there_can_be_costs_no_more_than_a_small_one() -> None:
    mark = mark_of([(1, 1, 10), (2, 2**63 - 1, 20)])
    assert (mark.contiguous, mark.highest, mark.beyond) == (2**63 - 1, 2**63 - 1, [])
