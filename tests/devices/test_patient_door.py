"""One message that the door trips over is singled out; a door that trips over everything keeps nobody's messages."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence

from devices.ingest.patient_door import PatientDoor
from tests.services import until
from tracking.errors import StoreUnavailable
from tracking.offering import Incoming, Receipt


class Clumsy:
    """A door that trips over what it is told to, until it is mended."""

    def __init__(self, *trips_over: bytes) -> None:
        self.trips_over = set(trips_over)
        self.stored: list[bytes] = []
        self.refused: list[bytes] = []

    def take(self, batch: Sequence[Incoming]) -> list[Receipt]:
        if any(one.body in self.trips_over and one.refusal is None for one in batch):
            raise TypeError("a fault of ours")
        for one in batch:
            (self.stored if one.refusal is None else self.refused).append(one.body)
        return [Receipt("accepted", "accepted", "ok", "Stored.") for _ in batch]


def batch(*bodies: bytes) -> list[Incoming]:
    return [Incoming(body, "test", 0) for body in bodies]


def test_single_messages_are_singled_out_however_many_there_are() -> None:
    bad = [b"bad-%d" % number for number in range(8)]
    clumsy = Clumsy(*bad)
    door = PatientDoor(clumsy, threading.Event(), random.Random(1))
    for body in bad:
        door.take(batch(body, b"good after " + body))
    assert clumsy.refused == bad
    assert clumsy.stored == [b"good after " + body for body in bad]


def test_a_door_that_trips_over_everything_takes_and_refuses_no_more() -> None:
    everything = [b"e-%d" % number for number in range(20)]
    clumsy, stopping = Clumsy(*everything), threading.Event()
    door = PatientDoor(clumsy, stopping, random.Random(1))
    taker = threading.Thread(target=door.take, args=(batch(*everything),), daemon=True)
    taker.start()
    until(lambda: len(clumsy.refused) == 3)
    assert not threading.Event().wait(0.5)
    assert (len(clumsy.refused), clumsy.stored, door.trouble) == (3, [], "a fault of ours")
    clumsy.trips_over.clear()  # the fault is mended
    taker.join(10)
    assert clumsy.stored == everything[3:]


class Slow:
    """A store that cannot take more than so many in the time it has."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.stored: list[bytes] = []

    def take(self, batch: Sequence[Incoming]) -> list[Receipt]:
        if len(batch) > self.most:
            raise StoreUnavailable("no answer in time")
        self.stored += [one.body for one in batch]
        return [Receipt("accepted", "accepted", "ok", one.body.decode()) for one in batch]


def test_what_is_too_much_for_a_slow_store_is_taken_in_parts_and_in_order() -> None:
    slow, bodies = Slow(12), [b"%d" % number for number in range(40)]
    door = PatientDoor(slow, threading.Event(), random.Random(1))
    receipts = door.take(batch(*bodies))
    assert slow.stored == bodies
    assert [receipt.message for receipt in receipts or []] == [body.decode() for body in bodies]
    assert (door.is_shut, door.trouble) == (False, None)


def test_every_single_message_taken_is_a_sign_of_life() -> None:
    """On a slow disk a batch that is stored one by one takes longer than anybody waits for a batch."""
    door = PatientDoor(Clumsy(b"bad"), threading.Event(), random.Random(1))
    door.take(batch(b"a", b"bad", b"c"))
    assert door.taken == 3
