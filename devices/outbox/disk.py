"""The disk outbox of a connector: keeps every event until the store has it, and then for a while. Knows no MQTT.

Each start makes a new ``boot``; within it every device counts its events from 1. What an earlier start left behind is
kept under its old boot and numbers. Acknowledged events stay for ``keep_days``, so that a store which was put back to
an older copy can be given what it lacks.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from devices.outbox.file import Forgetting, OutboxFile, OutboxFull, OutboxUnavailable
from devices.outbox.reserve import Reserve
from devices.outbox.streams import Entry, Holding, Leftover, StoreSeen, Stream
from devices.topics import Channel, topic_of_source
from tracking.clock import SECOND_US, Clock, to_rfc3339
from tracking.decoding import LARGEST_BODY
from tracking.errors import HistotwinError
from tracking.kill_points import passing

KEEP_DAYS = 7.0
KEEP_BYTES = 512 * 1024 * 1024
_DAY_S = 86_400
_SLOTS = 168
"""Into how many parts the time of keeping is cut: a week by the hour. Each stream has at most one note a part."""
_FEW = 30
"""Events that are forgotten in one step where there is no room: forgetting takes room too."""
_MANY = 1000
"""Events that are forgotten in one step where there is room."""
_NOTES = 50


class EventTooLarge(HistotwinError):
    """The store would refuse an event of this size; nothing of the call was kept, and no number was given."""


class Outbox:
    """Events on disk, in order, until ``cover`` says that the store has them, and then while there is room and time.

    ``max_bytes`` bounds the file. Acknowledged events are kept ``keep_days`` of running time (the time of day may
    jump), and given up earlier, the oldest first, while more than ``keep_bytes`` are used or where the disk is full;
    what is not acknowledged is never given up. May be used from any thread. Raises ``OutboxUnavailable`` when the file
    cannot be opened, or is another process's.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        new_boot: Callable[[], str] = lambda: secrets.token_hex(8),
        max_bytes: int | None = None,
        keep_days: float = KEEP_DAYS,
        keep_bytes: int = KEEP_BYTES,
    ) -> None:
        self.boot = new_boot()
        self._clock = clock
        self._keep_s, self._keep_bytes = max(_SLOTS, int(keep_days * _DAY_S)), keep_bytes
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._reserve = Reserve(path)
            self._file = self._open(path, max_bytes)
            with self._file.transaction():
                self._held = self._file.holdings()
                lived_s, self._seen = self._file.remembered()
        except (HistotwinError, OSError) as error:
            raise OutboxUnavailable(f"outbox {path} cannot be opened: {error}") from error
        self._born_s = clock.monotonic_s() - lived_s

    def append(self, events: Sequence[tuple[str, Mapping[str, Any]]], *, clock_offset_us: int = 0) -> list[Entry]:
        """Keep events of the form (source, CloudEvent fields) in one commit and return them as they will be sent.

        ``type`` and ``data`` are the caller's; ``id``, ``time``, ``source``, ``boot`` and ``sequence`` are filled in,
        and ``clockoffset`` where our clock is a second or more (``clock_offset_us``) beside the store's.
        Raises ``OutboxFull`` or ``OutboxUnavailable``, ``EventTooLarge`` for what the store would refuse for its size,
        ``WrongTopic`` for a source that is none. Then none is kept and no number is used.
        """
        with self._lock:
            entries = self._number(events, clock_offset_us)
            self._making_room(lambda: self._insert(entries))
            self._note_appended(entries)
        passing("outbox_appended")
        return entries

    def leftovers(self) -> list[Leftover]:
        """Return every stream of which something waits for its acknowledgement."""
        with self._lock:
            return [
                Leftover(stream, held.covered + 1, held.last) for stream, held in self._held.items() if held.waiting
            ]

    def holdings(self) -> dict[Stream, Holding]:
        """Return what is held of each stream, acknowledged or not."""
        with self._lock:
            held = self._held.items()
            return {stream: Holding(it.first, it.covered, it.last) for stream, it in held if it.first <= it.last}

    def after(self, stream: Stream, sequence: int, most: int) -> list[Entry]:
        """Return up to ``most`` entries of a stream that come after ``sequence``, in order, acknowledged or not."""
        with self._lock:
            return self._file.after(stream, sequence, most)

    def cover(self, through: Mapping[Stream, int], seen: StoreSeen | None = None) -> None:
        """Note what the store has: of each stream everything up to and including its sequence.

        ``seen`` is the store that says so. Raises ``OutboxFull`` or ``OutboxUnavailable`` where that cannot be written;
        then it is known until the process ends.
        """
        with self._lock:
            known = {stream: min(last, self._held[stream].last) for stream, last in through.items()
                     if stream in self._held}  # fmt: skip
            for stream, last in known.items():
                self._held[stream].covered = max(self._held[stream].covered, last)
            self._making_room(lambda: self._note_stored(known, seen))
            self._seen = seen or self._seen
            if self._reserve.is_kept or self._reserve.restore():
                self._file.grow_again()

    def fall_back(self, stream: Stream, through: int) -> int:
        """Note that the store has a stream no further than ``through``; return the first sequence that is still held.

        What is held beyond waits again. Raises as ``cover`` does.
        """
        with self._lock:
            held = self._held[stream]
            held.covered = min(held.covered, max(through, held.first - 1))
            self._making_room(lambda: self._take_back(stream, through))
            return held.first

    @property
    def store_seen(self) -> StoreSeen | None:
        """The store that was last noted, ``None`` where none was."""
        return self._seen

    def __len__(self) -> int:
        """Return how many events wait for their acknowledgement."""
        with self._lock:
            return sum(held.waiting for held in self._held.values())

    @property
    def is_empty(self) -> bool:
        """Say whether the store has everything."""
        with self._lock:
            return not any(held.waiting for held in self._held.values())

    def close(self) -> None:
        """Close the file; what waits, waits on disk."""
        with self._lock:
            self._file.close()

    def _open(self, path: Path, max_bytes: int | None) -> OutboxFile:
        """Open the file; taking over an older one needs a little room, which a full disk may owe us."""
        try:
            return OutboxFile(path, max_bytes)
        except OutboxFull:
            self._reserve.release()
            return OutboxFile(path, max_bytes)

    def _number(self, events: Sequence[tuple[str, Mapping[str, Any]]], clock_offset_us: int) -> list[Entry]:
        entries: list[Entry] = []
        last: dict[Stream, int] = {}
        common = self._common_fields(clock_offset_us)
        for source, event in events:
            topic_of_source(source, Channel.EVENT)
            stream = Stream(source, self.boot)
            last[stream] = sequence = (last.get(stream) or self._last(stream)) + 1
            body = _body(stream, sequence, common, event)
            _require_storable_size(source, body)
            entries.append(Entry(stream, sequence, body))
        return entries

    def _last(self, stream: Stream) -> int:
        held = self._held.get(stream)
        return 0 if held is None else held.last

    def _common_fields(self, clock_offset_us: int) -> dict[str, str]:
        fields = {"time": to_rfc3339(self._clock.now_us() // 1000 * 1000), "datacontenttype": "application/json"}
        if abs(clock_offset_us) >= SECOND_US:
            fields["clockoffset"] = f"{clock_offset_us / SECOND_US:.3f}"
        return fields

    def _insert(self, entries: Sequence[Entry]) -> None:
        with self._file.transaction():
            self._file.insert(entries)

    def _note_appended(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            held = self._held.setdefault(entry.stream, Holding(entry.sequence, entry.sequence - 1, 0))
            held.last = entry.sequence

    def _note_stored(self, through: Mapping[Stream, int], seen: StoreSeen | None) -> None:
        lived_s = self._lived_s()
        gone = self._outlived(lived_s)
        with self._file.transaction():
            self._file.note_stored(lived_s - lived_s % self._slot_s, through)
            self._file.remember(lived_s, seen)
            self._file.forget(gone)
        self._let_go(gone)

    def _take_back(self, stream: Stream, through: int) -> None:
        with self._file.transaction():
            self._file.take_back(stream, through)

    @property
    def _slot_s(self) -> int:
        return self._keep_s // _SLOTS

    def _lived_s(self) -> int:
        """Return for how many seconds this outbox has been running, over all its starts."""
        return int(self._clock.monotonic_s() - self._born_s)

    def _outlived(self, lived_s: int) -> list[Forgetting]:
        """Return what may be forgotten now: what was kept long enough, or is more than may be used."""
        is_too_much = self._file.used_bytes > self._keep_bytes
        gone: list[Forgetting] = []
        left = _MANY
        for at_s, stream, through in self._file.stored_first(_NOTES):
            if left <= 0 or not (is_too_much or at_s + self._slot_s + self._keep_s <= lived_s):
                break
            gone.append(self._forgetting(stream, through, left))
            left -= gone[-1].events
        return gone

    def _forgetting(self, stream: Stream, through: int, most: int) -> Forgetting:
        """Return what may go of a stream under a note; one of more than is acknowledged (any longer) says nothing."""
        held = self._held.get(stream)
        if held is None:
            return Forgetting(stream, 0, through, 0)
        may_go = min(through, held.covered)
        last = min(may_go, held.first + most - 1)
        return Forgetting(stream, last, through if last == may_go else last, max(0, last - held.first + 1))

    def _making_room(self, write: Callable[[], None]) -> None:
        """Write; where there is no room for it, give up acknowledged events, the oldest first and few at a time.

        From then on the file does not grow: else its log would fill up with pages for which the disk has no place, and
        not even forgetting could be written any more.
        """
        with contextlib.suppress(OutboxFull):
            return write()
        self._file.stop_growing()
        while True:
            if not self._file.empty_log():
                self._gives_up_the_reserve()
            try:
                return write()
            except OutboxFull:
                if not self._gives_up_a_few():
                    raise

    def _gives_up_a_few(self) -> bool:
        """Forget some acknowledged events, out of the reserve if need be; return whether that was possible."""
        oldest = self._oldest_covered()
        if oldest is None:
            return False
        try:
            with self._file.transaction():
                self._file.forget([oldest])
        except OutboxFull:
            return self._gives_up_the_reserve()
        self._let_go([oldest])
        return True

    def _gives_up_the_reserve(self) -> bool:
        was_kept = self._reserve.release()
        self._file.empty_log()
        return was_kept

    def _oldest_covered(self) -> Forgetting | None:
        """Return what to forget next; what was covered only now is not yet noted in the file."""
        for _, stream, through in self._file.stored_first(1):
            return self._forgetting(stream, through, _FEW)
        for stream, held in self._held.items():
            if held.first <= held.covered:
                return self._forgetting(stream, held.covered, _FEW)
        return None

    def _let_go(self, gone: Iterable[Forgetting]) -> None:
        for forgetting in gone:
            held = self._held.get(forgetting.stream)
            if held is not None:
                held.first = max(held.first, forgetting.last + 1)


def _body(stream: Stream, sequence: int, common: Mapping[str, str], event: Mapping[str, Any]) -> bytes:
    identity = f"{stream.boot}-{stream.source.rsplit('/', 1)[1]}-{sequence}"
    document = {"specversion": "1.0", "id": identity, **common, **event}
    return orjson.dumps({**document, "source": stream.source, "boot": stream.boot, "sequence": str(sequence)})


def _require_storable_size(source: str, body: bytes) -> None:
    if len(body) > LARGEST_BODY:
        raise EventTooLarge(
            f"an event of {source} has {len(body)} bytes, more than the {LARGEST_BODY} that can be stored:"
            " say it with less data; nothing was kept"
        )
