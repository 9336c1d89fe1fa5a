"""What is offered at the door and what is handed back. Declarations only, so that door and store may share them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Fate = Literal["accepted", "duplicate", "conflict", "rejected"]
Verdict = Literal["accepted", "warning", "rejected"]


@dataclass(frozen=True, slots=True)
class Before:
    """That something was refused before: when it came, µs UTC, and the id for an event made of plain bytes, so that
    offering it once more is the same event.
    """

    came_us: int
    event_id: str


@dataclass(slots=True)  # not frozen: one of each for every event, and freezing trebles the cost of making it
class Incoming:
    """Something offered, before anybody trusts it.

    ``origin`` is the source path that the channel proves (the topic's network, lab and device; ``None`` where the
    channel proves nothing). ``attributes`` are the CloudEvents attributes of binary mode. ``refusal`` is the machine
    word with which the wire already refuses it: it then only goes to the rejected list. ``before`` is set where that
    list offers it again: refused once more, it is not listed twice.
    """

    body: bytes
    channel: str
    received_us: int
    origin: str | None = None
    kind: Literal["event", "raw", "state"] = "event"
    attributes: Mapping[str, str] | None = None
    refusal: str | None = None
    before: Before | None = None


@dataclass(slots=True)
class Receipt:
    """What became of one offered thing.

    ``stored_through`` is the highest sequence of (source, boot) up to which everything is stored; ``None`` where the
    event carried no boot and sequence.
    """

    fate: Fate
    verdict: Verdict
    reason: str
    message: str
    event_id: str | None = None
    event_type: str | None = None
    source: str | None = None
    subject: str | None = None
    boot: str | None = None
    sequence: int | None = None
    position: int | None = None
    stored_through: int | None = None
