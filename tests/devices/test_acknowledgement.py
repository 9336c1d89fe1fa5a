"""The rules of reading an acknowledgement, and of telling by it whether the store has gone back."""

from __future__ import annotations

import json

import pytest

from devices.outbox.acknowledgement import Acknowledgement, read_acknowledgement
from devices.outbox.store_sight import StoreSight, is_another
from devices.outbox.streams import StoreSeen

A = "/bcps/rl4/microtome-1"


def test_a_whole_acknowledgement_is_understood() -> None:
    said = {"boot": "9f", "sequence": 184, "store": "a1", "head": 12345, "at": "2026-11-21T09:30:00.250Z"}
    expected = Acknowledgement(A, "9f", 184, StoreSeen("a1", 12345), 1_795_253_400_250_000)
    assert read_acknowledgement(A, json.dumps(said).encode()) == expected


@pytest.mark.parametrize(
    "more", [{}, {"store": None, "at": None}, {"store": 7, "at": "yesterday"}, {"head": 5, "at": "2026-11-21T09:30:00"}]
)
def test_what_is_missing_or_unreadable_beside_the_sequence_is_left_out(more: dict[str, object]) -> None:
    payload = json.dumps({"boot": "9f", "sequence": "184", **more}).encode()
    assert read_acknowledgement(A, payload) == Acknowledgement(A, "9f", 184, None, None)


@pytest.mark.parametrize("payload", [b"", b"{}", b"[]", b'{"boot": "9f"}', b'{"boot": "9f", "sequence": "many"}'])
def test_what_is_no_acknowledgement_is_no_acknowledgement(payload: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        read_acknowledgement(A, payload)


def test_the_first_store_and_one_that_goes_on_have_not_gone_back() -> None:
    sight = StoreSight(None)
    assert [sight.has_gone_back(StoreSeen("a1", head)) for head in (0, 5, 5, 9)] == [False] * 4
    assert sight.seen == StoreSeen("a1", 9)


@pytest.mark.parametrize("back", [StoreSeen("b2", 50), StoreSeen("b2", 5), StoreSeen("a1", 9), StoreSeen("a1", 0)])
def test_another_store_or_a_lower_head_has_gone_back_once(back: StoreSeen) -> None:
    sight = StoreSight(StoreSeen("a1", 10))
    assert is_another(back, sight.seen)
    assert sight.has_gone_back(back)
    assert not sight.has_gone_back(back)


@pytest.mark.parametrize("said", [None, StoreSeen("a1", None)])
def test_an_acknowledgement_that_names_no_store_or_no_head_changes_nothing(said: StoreSeen | None) -> None:
    sight = StoreSight(StoreSeen("a1", 10))
    assert not sight.has_gone_back(said)
    assert sight.seen == StoreSeen("a1", 10)
