"""What is wrong now, in a manager's words: a list of troubles from the facts of ``health``. Pure; asks nobody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from tracking.clock import HOUR_US, SECOND_US, Clock, ScaledClock, real_seconds_since
from tracking.names import lab_of
from tracking.queries.health import OpenRefusals, Vitals, WrongClock
from tracking.reasons import Reason
from tracking.store.disk import Room
from tracking.store.heartbeats import Heartbeat
from tracking.store.standing import Gap, StreamStanding

Severity = Literal["alarm", "warning"]

INGEST, STANDBY, FORECAST, VIRTUAL_LAB = "ingest", "ingest-standby", "forecast", "virtual-lab"
SILENT_AFTER_S = {INGEST: 20.0, STANDBY: 30.0}
USUALLY_SILENT_AFTER_S = 60.0
"""Ingest says every eight seconds that it lives, the standby every five, the others every ten."""
SLOW_ROUND_TRIP_MS = 2_000
GAP_AFTER_S = 300
SESSION_LOST_FOR_S = 3_600
MISSED_FOR_S = 7 * 86_400
"""What has not been there for a week is not expected back."""
CLOCK_ALARM_US = 60 * SECOND_US
LEAST_FREE_BYTES, LEAST_FREE_SHARE = 1_000_000_000, 0.05
MOST_UNMERGED_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something a person should see to. ``alarm``: events or pages stand still, or tissue may be unaccounted for.

    ``lab`` and ``source`` say whose it is, where it is somebody's; ``since_us`` is a moment, µs UTC.
    """

    word: str
    severity: Severity
    sentence: str
    lab: str | None = None
    source: str | None = None
    since_us: int | None = None


def troubles(seen: Vitals, clock: Clock, room: Room | None = None) -> list[Trouble]:
    """Return what is wrong, alarms first. ``room`` is that of the disk with the data directory."""
    found = [
        *_ingest(seen, clock),
        *_standby(seen, clock),
        *_other_parts(seen, clock),
        *_storage(seen, room),
        *_gaps(seen, clock),
        *_refusals(seen),
        *(_clock(wrong) for wrong in seen.clocks),
    ]
    return sorted(found, key=lambda trouble: trouble.severity)


def is_silent(part: str, silent_s: float) -> bool:
    """Tell whether a part's last sign of life is too long ago, or not of this time at all."""
    return abs(silent_s) > SILENT_AFTER_S.get(part, USUALLY_SILENT_AFTER_S)


def _ingest(seen: Vitals, clock: Clock) -> Iterator[Trouble]:
    beat = seen.beats.get(INGEST)
    if beat is None:
        return
    silent_s = seen.silent_s[INGEST]
    since_us = _moment_of(silent_s, clock)
    if beat.state == "stopped":
        yield Trouble("ingest_stopped", "alarm", "Ingest has been stopped: no event is taken. Connectors keep what "
                      "they have and send it when ingest is started again.", since_us=since_us)  # fmt: skip
    elif is_silent(INGEST, silent_s):
        yield Trouble("ingest_silent", "alarm", f"Ingest has given no sign of life for {_span(silent_s)}: no "
                      "event is taken. It is not running, or cannot reach the database. Connectors keep their events; "
                      "nothing is lost.", since_us=since_us)  # fmt: skip
    elif beat.state == "no_broker":
        yield Trouble("broker_unreachable", "alarm", "Ingest cannot reach the MQTT broker: no event comes. Connectors "
                      "keep their events until it can.", since_us=since_us)  # fmt: skip
    else:
        yield from _ingest_at_work(beat, clock)


def _ingest_at_work(beat: Heartbeat, clock: Clock) -> Iterator[Trouble]:
    said = beat.detail
    round_trip_ms, lost_us = said.get("round_trip_ms"), said.get("session_lost_us")
    if said.get("canary_is_refused"):
        yield Trouble("canary_refused", "warning", "The broker does not let ingest test the way from broker to "
                      "database: its rights are older than this version. Run histotwin secrets introduce.")  # fmt: skip
    elif round_trip_ms is not None and round_trip_ms > SLOW_ROUND_TRIP_MS:
        yield Trouble("ingest_slow", "warning", f"A message takes {round_trip_ms / 1000:.0f} s from the broker to the "
                      "database: events wait. The machine or the database is busy.")  # fmt: skip
    if lost_us is not None and real_seconds_since(clock, lost_us) < SESSION_LOST_FOR_S:
        yield Trouble("session_lost", "warning", "The broker has forgotten what it held for ingest, as after a crash. "
                      "Connectors send again what it lost; readers without one cannot: scan again what was scanned at "
                      "that moment.", since_us=lost_us)  # fmt: skip


def _standby(seen: Vitals, clock: Clock) -> Iterator[Trouble]:
    """Miss a standby only where there was one."""
    beat = seen.beats.get(STANDBY)
    if beat is None or beat.state == "stopped" or not is_silent(STANDBY, seen.silent_s[STANDBY]):
        return
    if seen.silent_s[STANDBY] < MISSED_FOR_S:
        yield Trouble("standby_missing", "warning", "No second ingest stands by any more: if the one at work dies, "
                      "events wait until it is started again.",
                      since_us=_moment_of(seen.silent_s[STANDBY], clock))  # fmt: skip


def _other_parts(seen: Vitals, clock: Clock) -> Iterator[Trouble]:
    """Name those that are missed; virtual laboratories that somebody has stopped are not."""
    for part, what in ((FORECAST, "Forecasts grow old"), (VIRTUAL_LAB, "The virtual laboratories stand still")):
        beat = seen.beats.get(part)
        if beat is None or (silent_s := seen.silent_s[part]) > MISSED_FOR_S:
            continue
        if is_silent(part, silent_s) if beat.state != "stopped" else part == FORECAST:
            yield Trouble(f"{part.replace('-', '_')}_silent", "warning", f"{what}: {part} has not been running for "
                          f"{_span(silent_s)}.", since_us=_moment_of(silent_s, clock))  # fmt: skip


def _storage(seen: Vitals, room: Room | None) -> Iterator[Trouble]:
    if room is not None and (room.free < LEAST_FREE_BYTES or room.free < LEAST_FREE_SHARE * room.total):
        yield Trouble("storage_low", "warning", f"The disk with the data has {room.free / 1e9:.1f} GB left of "
                      f"{room.total / 1e9:.0f}: when it is full no event can be stored.")  # fmt: skip
    if seen.unmerged_bytes > MOST_UNMERGED_BYTES:
        yield Trouble("wal_large", "warning", f"{seen.unmerged_bytes / 1e6:.0f} MB of changes wait to be merged into "
                      "the database file: something has been reading from it for very long.")  # fmt: skip


def _gaps(seen: Vitals, clock: Clock) -> Iterator[Trouble]:
    for stream in seen.gaps:
        old = [gap for gap in stream.gaps if real_seconds_since(clock, gap.since_us) >= GAP_AFTER_S]
        if old:
            yield _gap(stream, old, clock)


def _gap(stream: StreamStanding, gaps: list[Gap], clock: Clock) -> Trouble:
    missing = sum(gap.last - gap.first + 1 for gap in gaps)
    since_us = min(gap.since_us for gap in gaps)
    sentence = (
        f"{_count(missing, 'event')} of {_name(stream.source)} ({_ranges(gaps)}, boot {stream.boot})"
        f" did not come; known for {ago(since_us, clock)}. Its connector is asked again and again. If the machine is "
        "lost, a named person can close the gap."
    )
    return Trouble("gap_open", "alarm", sentence, lab_of(stream.source), stream.source, since_us)


def _ranges(gaps: list[Gap], shown: int = 3) -> str:
    some = [str(gap.first) if gap.first == gap.last else f"{gap.first} to {gap.last}" for gap in gaps[:shown]]
    return ", ".join(some) + (" and more" if len(gaps) > shown else "")


def _refusals(seen: Vitals) -> Iterator[Trouble]:
    conflict = Reason.IDENTITY_CONFLICT.value
    for lab, group in groupby(seen.refusals, key=lambda refused: refused.lab):
        several = list(group)
        conflicts = [refused for refused in several if refused.reason == conflict]
        others = [refused for refused in several if refused.reason != conflict]
        if conflicts:
            yield _conflicts(lab, conflicts)
        if others:
            yield _refused(lab, others)


def _conflicts(lab: str | None, several: list[OpenRefusals]) -> Trouble:
    count = sum(refused.count for refused in several)
    sentence = (
        f"{_count(count, 'event')} came under the name of another with other content. Both are kept; somebody has to "
        "say which is right."
    )
    return Trouble("conflicts_open", "alarm", sentence, lab, since_us=min(refused.since_us for refused in several))


def _refused(lab: str | None, several: list[OpenRefusals]) -> Trouble:
    count = sum(refused.count for refused in several)
    chief = max(several, key=lambda refused: refused.count)
    most = "" if len(several) == 1 else "most "
    waits = "waits" if count == 1 else "wait"
    sentence = f"{_count(count, 'refused message')} {waits} for somebody to look, {most}for {_words(chief.reason)}."
    return Trouble("refused_open", "warning", sentence, lab, since_us=min(refused.since_us for refused in several))


def _clock(wrong: WrongClock) -> Trouble:
    is_alarming = abs(wrong.off_us) > CLOCK_ALARM_US
    side = "behind" if wrong.off_us > 0 else "ahead"
    then = " Its events are kept under the store's time." if is_alarming else ""
    sentence = f"The clock of {_name(wrong.source)} is {_span(abs(wrong.off_us) / SECOND_US)} {side}.{then}"
    return Trouble("clock_wrong", "alarm" if is_alarming else "warning", sentence, wrong.lab, wrong.source)


def ago(moment_us: int, clock: Clock) -> str:
    """Return in words for how long something has been so."""
    return _span(real_seconds_since(clock, moment_us))


def _moment_of(seconds_ago: float, clock: Clock) -> int:
    """Return what the clock showed so many real seconds ago."""
    speed = clock.speed if isinstance(clock, ScaledClock) else 1.0
    return clock.now_us() - round(max(0.0, seconds_ago) * speed * SECOND_US)


def _span(seconds: float) -> str:
    seconds = max(0.0, seconds)
    for length, unit in ((86_400, "days"), (HOUR_US / SECOND_US, "hours"), (60, "minutes")):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return _count(round(seconds), "second")


def _name(source: str) -> str:
    return source.rpartition("/")[2]


def _words(reason: str) -> str:
    return f"“{reason.replace('_', ' ')}”"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
